"""A Plan as pictures: a map that opens with no network, maps for documents, its front, pages to print."""

from allocate.draw.cards import card_pages, is_card
from allocate.draw.comparison import comparison_page
from allocate.draw.front import front_figure
from allocate.draw.page import map_page
from allocate.draw.picture import is_picture, map_picture, picture_words, pictures
from allocate.draw.timetable import timetable_page

__all__ = [
    "card_pages",
    "comparison_page",
    "front_figure",
    "is_card",
    "is_picture",
    "map_page",
    "map_picture",
    "picture_words",
    "pictures",
    "timetable_page",
]
