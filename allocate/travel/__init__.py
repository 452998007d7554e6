"""Minutes between places and sites: by road, by straight lines with a detour, or by the planner's own table."""

from allocate.travel.circles import Circle, Mode
from allocate.travel.links import Links, Spots, links, within
from allocate.travel.points import metres, metric
from allocate.travel.times import Journeys, Times

__all__ = ["Circle", "Journeys", "Links", "Mode", "Spots", "Times", "links", "metres", "metric", "within"]
