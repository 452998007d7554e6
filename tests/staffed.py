"""A plan that decides staff, written by hand: what every figure of its outputs should be can be counted."""

from typing import Any

from conftest import Tiny

from allocate.candidates import make_case
from allocate.layout import Layout
from allocate.model import read_model
from allocate.plans import assemble
from allocate.read import read_district
from allocate.resources import BORROWED, JOINED, LENT, SPARE, flow

RESOURCES = """
[resources.physicians]
at = { hospital = 40, township_hospital = 20, community_centre = 20, station = 4 }
yearly = 150_000
today = 1.0
today_at = { hospital = 0.6, township_hospital = 0.2, community_centre = 0.2 }
basis = "assumed"
source = "made up"

[resources.gps]
part_of = "physicians"
at = { township_hospital = 6, community_centre = 6, station = 2 }
adding = 30_000
basis = "assumed"
source = "made up"

[resources.nurses]
at = { hospital = 150, township_hospital = 30, community_centre = 40, station = 6 }
yearly = 100_000
adding = 10_000
leaves = 0.1
lent = true
basis = "assumed"
source = "made up"

[resources.beds]
at = { hospital = 300, township_hospital = 60 }
basis = "official"
source = "made up"

[resources.township_beds]
sum_of = "beds"
kinds = ["township_hospital"]
basis = "official"
source = "made up"

[resources.teams]
at = { township_hospital = 6, community_centre = 6 }
needs = { gps = 1, nurses = 1 }
basis = "assumed"
source = "made up"

[resources.night_porters]
at = { hospital = 5 }
basis = "assumed"
source = "made up"

[rules.centre_staff]
rule = "people_per_staff"
kinds = ["community_centre"]
resource = "gps"
people = 1000
basis = "assumed"
source = "made up"

[rules.enough_nurses]
rule = "rate"
resource = "nurses"
per = 1000
at_least = 4.2
strength = "strive"
basis = "assumed"
source = "made up"

[rules.eighty_teams]
rule = "total"
resource = "teams"
at_least = 80
strength = "encourage"
basis = "assumed"
source = "made up"
"""
STAFF = """institution,resource,number,basis,source
hospital-1,nurses,90,official,a roster
hub-1,nurses,20,official,a roster
hub-2,nurses,8,surveyed,a visit
hub-2,beds,10,official,a roster
"""

# Who works where in 2025 and in 2027. The centre hub-1 employs the staff of the old station.
#
# Today's physicians are assumed, 1.0 for each of 34.781 thousand people: 35, of them 21 at the hospital, 7 at the
# centre, 7 at the two township hospitals, 4 and 3 by the people of their towns. None of them leaves. Nobody lists
# general practitioners, and the model assumes none today.
# Of the 118 nurses, a tenth leaves each year, rounded once for the district. In 2025, a year on, 106 (106.2) are left:
# 81 of the hospital's 90, 18 of the centre's 20, and 7 (7.2) of hub-2's 8. In 2027, after three years (0.729), it is 86
# (86.022): 66 (65.61), 14 (14.58) and 6 (5.832), since who goes last is from where most are above their own part.
WORKS = {
    ("physicians", "hospital-1"): (21, 21),
    ("physicians", "hub-1"): (5, 5),
    ("physicians", "old-station"): (2, 2),
    ("physicians", "hub-2"): (4, 4),
    ("physicians", "hub-3"): (3, 3),
    ("gps", "hub-1"): (2, 2),
    ("gps", "old-station"): (1, 1),
    ("nurses", "hospital-1"): (78, 65),
    ("nurses", "hub-1"): (16, 17),
    ("nurses", "old-station"): (1, 1),
    ("nurses", "hub-2"): (12, 14),
    ("nurses", "hub-3"): (3, 6),
    ("beds", "hub-2"): (10, 12),
    ("teams", "hub-1"): (1, 2),
    (flow("gps", JOINED), "hub-1"): (3, 3),
    (flow("nurses", LENT), "hospital-1"): (3, 0),
    (flow("nurses", BORROWED), "hub-3"): (3, 0),
    (flow("nurses", SPARE), "hub-1"): (1, 0),
    (flow("nurses", SPARE), "hospital-1"): (0, 1),
    (flow("nurses", JOINED), "hub-1"): (0, 4),
    (flow("nurses", JOINED), "hub-2"): (5, 8),
    (flow("nurses", JOINED), "hub-3"): (0, 6),
    (flow("beds", JOINED), "hub-2"): (0, 2),
}
# Whom the centre serves, in both years: no more than 1,000 for each of its two general practitioners.
SERVED, SERVED_PEOPLE = "T1001", 1563
# What was found for each year by itself, as if somebody had looked.
ALONE = [
    {"year": year, "sites_alone": 2, "yearly_cost_alone": 460_000, "value_alone": 0, "bound_alone": 0.0}
    for year in (2025, 2027)
]


def with_staff(tiny: Tiny) -> None:
    """Let the small district's model decide staff, and list some of today's."""
    with tiny.model.open("a", encoding="utf-8") as file:
        file.write(RESOURCES)
    (tiny.folder / "staff.csv").write_text(STAFF, encoding="utf-8")


def staffed_content(tiny: Tiny) -> dict[str, Any]:
    """Return the content of the plan in which everybody works as `WORKS` says, and nothing opens or closes."""
    with_staff(tiny)
    district, model = read_district(tiny.folder), read_model(tiny.model)
    case = make_case(district, model)
    is_open = frozenset((j, t) for j, site in enumerate(case.sites) if site.exists for t in case.periods)
    amounts = {
        (what, case.site_index[site], t): number
        for (what, site), numbers in WORKS.items()
        for t, number in enumerate(numbers)
        if number
    }
    serve = {(case.places.index(SERVED), case.site_index["hub-1"], t): SERVED_PEOPLE for t in case.periods}
    return assemble(district, model, case, Layout(is_open, serve, amounts), {}, [], ALONE)
