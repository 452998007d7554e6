"""A Plan as pictures: maps that open with no network, a figure of its front, and timetables to print."""

from allocate.draw.comparison import comparison_page
from allocate.draw.front import front_figure
from allocate.draw.page import map_page
from allocate.draw.timetable import timetable_page

__all__ = ["comparison_page", "front_figure", "map_page", "timetable_page"]
