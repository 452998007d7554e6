"""A model that posts experts and visits villages, and the tables that say who can go and when: for tests to change."""

from conftest import Tiny

SENT = """
[resources.doctors]
at = { hospital = 20, township_hospital = 5 }
basis = "assumed"
source = "made up"

[resources.gps]
at = { township_hospital = 3 }
part_of = "doctors"
basis = "assumed"
source = "made up"

[resources.round_teams]
at = { township_hospital = 2, hospital = 2 }
basis = "assumed"
source = "made up"

[resources.cars]
at = { township_hospital = 2, community_centre = 2 }
basis = "assumed"
source = "made up"

[resources.sitters]
at = { township_hospital = 9 }
basis = "assumed"
source = "made up"

[resources.all_doctors]
sum_of = "doctors"
kinds = ["township_hospital"]
basis = "assumed"
source = "made up"

[postings]
months = [6, 12]
cyclic = false
monthly = 2_000
basis = "assumed"
source = "made up"

[supporters.city]
name = { zh = "市里的医院", en = "a hospital of the city" }
sends_as = "tertiary_hospital"
basis = "assumed"
source = "made up"

[pools.medicine]
hospitals = ["hospital-1"]
specialty = "internal_medicine"
away = 3
resource = "doctors"
basis = "assumed"
source = "made up"

[pools.city_nursing]
hospitals = ["city"]
specialty = "nursing"
rank = "senior"
away = 1
basis = "assumed"
source = "made up"

[outreach.village_rounds]
name = { zh = "村级巡诊", en = "village rounds" }
by = ["township_hospital"]
times = 2
half_days_each = 8
resource = "round_teams"
vehicles = "cars"
mode = "car"
minutes = 40
closed = ["fri pm"]
basis = "assumed"
source = "made up"

[outreach.village_posts]
name = { zh = "派人驻村", en = "staff posted in the village" }
by = ["township_hospital"]
is_post = true
times = 5
half_days = 2
resource = "sitters"
mode = "car"
minutes = 40
basis = "assumed"
source = "made up"

[rules.every_village]
rule = "reach"
share = 1.0
scope = "place"
or_by = ["village_rounds", "village_posts"]
strength = "strive"
basis = "assumed"
source = "made up"

[rules.listed_rounds]
rule = "rounds"
times = 2
where = "listed"
listed = ["T2014"]
strength = "strive"
basis = "assumed"
source = "made up"
"""
POOLS = """hospital,specialty,rank,away,tours,months,days_per_week,resource,basis,source
hospital-1,internal_medicine,attending,3,,,,doctors,assumed,a list
hospital-1,surgery,senior,2,1,"1-6,9-12",3.5,,assumed,a list
city,nursing,senior,1,,,,,official,a letter
"""
TOURS = """hospital,specialty,rank,hub,until,basis,source
hospital-1,internal_medicine,attending,hub-2,5,surveyed,a roster
hospital-1,internal_medicine,attending,hub-2,5,surveyed,a roster
city,nursing,senior,hospital-1,2,surveyed,a roster
"""
SESSIONS = """where,day,half,reason,basis,source
T2014,wed,am,market day,surveyed,a visit
T3,,pm,farming,estimated,a visit
hub-2,mon,,meeting,assumed,nobody asked
"""
FILES = {"pools.csv": POOLS, "tours.csv": TOURS, "sessions.csv": SESSIONS}


def with_postings(tiny: Tiny, *tables: str) -> Tiny:
    """Let the small district's model post and visit, and list some of the tables."""
    text = tiny.model.read_text(encoding="utf-8")
    goals = text.index("[[goals]]")
    tiny.model.write_text(text[:goals] + '[[goals]]\ngoal = "cost"\n' + SENT, encoding="utf-8")
    for name in tables:
        (tiny.folder / name).write_text(FILES[name], encoding="utf-8")
    return tiny
