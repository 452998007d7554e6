"""A Plan as pictures: a map that opens with no network, a figure of its front, timetables and site cards to print."""

from allocate.draw.cards import card_pages, is_card
from allocate.draw.front import front_figure
from allocate.draw.page import map_page
from allocate.draw.timetable import timetable_page

__all__ = ["card_pages", "front_figure", "is_card", "map_page", "timetable_page"]
