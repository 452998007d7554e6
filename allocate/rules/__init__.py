"""The registry of rules: one file each, by the name that model files use."""

from allocate.rules.base import Rule
from allocate.rules.capacity import Capacity
from allocate.rules.change_limit import ChangeLimit
from allocate.rules.consortium_size import ConsortiumSize
from allocate.rules.contracts import Contracts
from allocate.rules.count import Count
from allocate.rules.forbid import Forbid
from allocate.rules.function import Function
from allocate.rules.function_reach import FunctionReach
from allocate.rules.keep import Keep
from allocate.rules.membership import Membership
from allocate.rules.named_sites import Named, NamedSites, to_go, to_stand
from allocate.rules.people_per_site import PeoplePerSite
from allocate.rules.people_per_staff import PeoplePerStaff
from allocate.rules.posting import Posting
from allocate.rules.presence import Presence
from allocate.rules.rate import Rate
from allocate.rules.ratio import Ratio
from allocate.rules.reach import Reach
from allocate.rules.reserve import Reserve
from allocate.rules.rounds import Rounds
from allocate.rules.site_minimum import SiteMinimum
from allocate.rules.spacing import Spacing
from allocate.rules.spending import Spending
from allocate.rules.spending_share import SpendingShare
from allocate.rules.total import Total

RULES: dict[str, type[Rule]] = {
    "reach": Reach,
    "capacity": Capacity,
    "count": Count,
    "spending": Spending,
    "spending_share": SpendingShare,
    "keep": Keep,
    "forbid": Forbid,
    "named_sites": NamedSites,
    "spacing": Spacing,
    "change_limit": ChangeLimit,
    "membership": Membership,
    "people_per_site": PeoplePerSite,
    "people_per_staff": PeoplePerStaff,
    "posting": Posting,
    "presence": Presence,
    "rounds": Rounds,
    "rate": Rate,
    "total": Total,
    "ratio": Ratio,
    "site_minimum": SiteMinimum,
    "function": Function,
    "function_reach": FunctionReach,
    "reserve": Reserve,
    "consortium_size": ConsortiumSize,
    "contracts": Contracts,
}

__all__ = [
    "RULES",
    "Capacity",
    "ChangeLimit",
    "ConsortiumSize",
    "Contracts",
    "Count",
    "Forbid",
    "Function",
    "FunctionReach",
    "Keep",
    "Membership",
    "Named",
    "NamedSites",
    "PeoplePerSite",
    "PeoplePerStaff",
    "Posting",
    "Presence",
    "Rate",
    "Ratio",
    "Reach",
    "Reserve",
    "Rounds",
    "Rule",
    "SiteMinimum",
    "Spacing",
    "Spending",
    "SpendingShare",
    "Total",
    "to_go",
    "to_stand",
]
