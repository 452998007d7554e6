"""The registry of goals: one file each, by the name that model files use."""

from allocate.goals.base import Goal
from allocate.goals.cost import Cost
from allocate.goals.people_reached import PeopleReached
from allocate.goals.travel import Travel
from allocate.goals.worst_town import WorstTown

GOALS: dict[str, type[Goal]] = {
    "people_reached": PeopleReached,
    "cost": Cost,
    "travel": Travel,
    "worst_town": WorstTown,
}

__all__ = ["GOALS", "Cost", "Goal", "PeopleReached", "Travel", "WorstTown"]
