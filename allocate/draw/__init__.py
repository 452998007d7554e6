"""A Plan as a map: one page that opens with no network."""

from allocate.draw.page import map_page

__all__ = ["map_page"]
