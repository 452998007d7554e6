"""A Plan as pictures: a map that opens with no network, a figure of its front, and timetables to print."""

from allocate.draw.front import front_figure
from allocate.draw.page import map_page
from allocate.draw.timetable import timetable_page

__all__ = ["front_figure", "map_page", "timetable_page"]
