"""The registry of rules: one file each, by the name that model files use."""

from allocate.rules.base import Rule
from allocate.rules.capacity import Capacity
from allocate.rules.count import Count
from allocate.rules.forbid import Forbid
from allocate.rules.keep import Keep
from allocate.rules.reach import Reach
from allocate.rules.spacing import Spacing
from allocate.rules.spending import Spending

RULES: dict[str, type[Rule]] = {
    "reach": Reach,
    "capacity": Capacity,
    "count": Count,
    "spending": Spending,
    "keep": Keep,
    "forbid": Forbid,
    "spacing": Spacing,
}

__all__ = ["RULES", "Capacity", "Count", "Forbid", "Keep", "Reach", "Rule", "Spacing", "Spending"]
