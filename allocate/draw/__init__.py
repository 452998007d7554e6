"""A Plan as pictures: a map that opens with no network, and a figure of its front."""

from allocate.draw.front import front_figure
from allocate.draw.page import map_page

__all__ = ["front_figure", "map_page"]
