"""Minutes between places and sites: straight lines with a detour, or the planner's own table."""

from allocate.travel.circles import Circle, Mode
from allocate.travel.links import Links, Spots, links, within
from allocate.travel.points import metres, metric

__all__ = ["Circle", "Links", "Mode", "Spots", "links", "metres", "metric", "within"]
