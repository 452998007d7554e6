"""The registry of goals: one file each, by the name that model files use."""

from allocate.goals.base import Goal
from allocate.goals.cost import Cost
from allocate.goals.deviation import Deviation
from allocate.goals.districting import Districting
from allocate.goals.match import Match
from allocate.goals.people_reached import PeopleReached
from allocate.goals.tail_coverage import TailCoverage
from allocate.goals.travel import Travel
from allocate.goals.worst_tenth import WorstTenth
from allocate.goals.worst_town import WorstTown

GOALS: dict[str, type[Goal]] = {
    "people_reached": PeopleReached,
    "cost": Cost,
    "travel": Travel,
    "worst_town": WorstTown,
    "worst_tenth": WorstTenth,
    "deviation": Deviation,
    "match": Match,
    "districting": Districting,
    "tail_coverage": TailCoverage,
}

__all__ = [
    "GOALS",
    "Cost",
    "Deviation",
    "Districting",
    "Goal",
    "Match",
    "PeopleReached",
    "TailCoverage",
    "Travel",
    "WorstTenth",
    "WorstTown",
]
