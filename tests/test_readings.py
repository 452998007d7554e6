"""What every reading of a clause on rounds takes and gets, counted by hand."""

from dataclasses import replace
from typing import Any

from tiny import make, rule, site, way

from allocate.case import Case
from allocate.layout import Layout
from allocate.readings import base_of, readings, usual_way

A, B, CLINIC, STATION = range(4)
TWICE = rule("rounds", times=2, half_days=1)


def district(**numbers: Any) -> Case:
    """Return seven villages, two hubs that make rounds in some of them, a clinic and a station.

    Hub A is ten minutes from villages 1 to 4, hub B from village 4 to 6, and twenty from village 3; nobody can visit
    village 7. The clinic stands in village 1 and reaches village 2 too; the station stands in village 3. From hub A
    somebody may sit in village 4. A team has four half-days: two villages.
    """
    sites = [
        site("A", "township_hospital", place=-1, exists=True),
        site("B", "township_hospital", place=-1, exists=True),
        site("clinic", place=0, exists=True),
        site("station", "station", place=2, exists=True),
    ]
    pairs = {(i, A): 600 for i in range(4)} | {(3, B): 900, (4, B): 600, (5, B): 600, (2, B): 1200}
    ways = {
        "rounds": way(pairs, times=2, half_days_each=4),
        "posts": way({(3, A): 600}, times=5, half_days=2, is_post=True, resource="sitters"),
    }
    return make([[1]] * 7, sites, {(0, CLINIC): 60, (1, CLINIC): 300, (2, STATION): 60}, ways=ways, **numbers)


# Village 2 is visited by A, 3 by B, 5 and 6 by B; somebody sits in village 4.
PLAN = Layout(
    frozenset((j, 0) for j in range(4)),
    amounts={("teams", A, 0): 1, ("teams", B, 0): 2, ("sitters", A, 0): 1},
    visits=frozenset({("rounds", 1, A, 0), ("rounds", 2, B, 0), ("rounds", 4, B, 0), ("rounds", 5, B, 0)})
    | {("posts", 3, A, 0)},
)


def test_every_reading_says_which_villages_it_means_and_what_they_take() -> None:
    rows = {row["reading"]: row for row in readings(district(), PLAN, TWICE)}
    assert list(rows) == ["out_of_reach", "without_own", "every"]
    # Villages 4 to 7 have nothing in reach; 2 and 3 have no clinic of their own either; 1 has one.
    assert [row["villages"] for row in rows.values()] == [4, 6, 7]
    assert [row["is_rule"] for row in rows.values()] == [True, False, False]
    # All but 1 and 7 are visited or have somebody there. Twice a week, half a day each: two half-days a village.
    assert [(row["visited"], row["posted"], row["unserved"]) for row in rows.values()] == [
        (3, 1, ["P7"]),
        (5, 1, ["P7"]),
        (5, 1, ["P1", "P7"]),
    ]
    assert [row["half_days"] for row in rows.values()] == [8, 12, 14]
    assert [row["out_of_range"] for row in rows.values()] == [1, 1, 1]


def test_teams_are_counted_hub_by_hub_each_rounded_up() -> None:
    rows = {row["reading"]: row for row in readings(district(), PLAN, TWICE)}
    # Two villages to a team. Out of reach: 4 is nearest to A, 5 and 6 are B's: one team each. Without their own: A has
    # 2 and 4, B has 3 (which it visits, though A is nearer), 5 and 6: one and two teams. Every village: A has 1 too,
    # three villages, two teams.
    assert [row["teams_needed"] for row in rows.values()] == [2, 3, 4]
    assert [row["teams"] for row in rows.values()] == [3, 3, 3]
    assert rows["every"]["hubs"] == [
        {"site": "A", "villages": 3, "teams_needed": 2, "teams": 1},
        {"site": "B", "villages": 3, "teams_needed": 2, "teams": 2},
    ]


def test_a_list_is_a_reading_where_it_is_given_whichever_holds() -> None:
    this = rule("rounds", times=2, listed=("P1", "P5"))
    rows = {row["reading"]: row for row in readings(district(), PLAN, this)}
    assert (rows["listed"]["villages"], rows["listed"]["visited"], rows["listed"]["is_rule"]) == (2, 1, False)
    assert rows["listed"]["unserved"] == ["P1"]
    assert [row["reading"] for row in readings(district(), PLAN, replace(this, where="listed")) if row["is_rule"]] == [
        "listed"
    ]


def test_each_year_of_the_clause_has_its_readings_and_a_clause_on_towns_has_none() -> None:
    case = replace(district(), years=(2025, 2027), people=district().people.repeat(2, axis=1))
    rows = readings(case, PLAN, TWICE)
    assert [(row["year"], row["reading"]) for row in rows] == [
        (year, reading) for year in (2025, 2027) for reading in ("out_of_reach", "without_own", "every")
    ]
    # Nothing is open in 2027: every village is out of reach, and no hub is there to visit it.
    assert (rows[3]["villages"], rows[3]["visited"], rows[3]["out_of_range"], rows[3]["hubs"]) == (7, 0, 7, [])
    assert [row["year"] for row in readings(case, PLAN, replace(TWICE, years=(2027,)))] == [2027] * 3
    assert readings(case, PLAN, rule("rounds", to="town", times=1, per="month")) == []


def test_monthly_rounds_take_a_quarter_of_a_half_day_a_week_rounded_up() -> None:
    # Seven villages once a month are seven half-days in four weeks: 1.75 a week, two.
    rows = readings(district(), PLAN, rule("rounds", times=1, per="month", where="every"))
    assert rows[2]["half_days"] == 2


def test_where_no_way_counts_no_team_is_counted_either() -> None:
    # Rounds of half a day are none where a whole day is asked for, and posts are: they are the only way there is.
    case = district()
    assert usual_way(case, TWICE) == "rounds"
    assert usual_way(case, replace(TWICE, half_days=2)) == "posts"
    none = replace(case, ways={"rounds": case.ways["rounds"]})
    (row, *_) = readings(none, PLAN, replace(TWICE, half_days=2))
    assert (row["way"], row["teams_needed"], row["teams"], row["hubs"], row["out_of_range"]) == ("", 0, 0, [], 4)


def test_the_villages_of_a_hub_are_those_that_it_visits_then_those_nearest_to_it() -> None:
    case = district()
    assert base_of(case, PLAN, "rounds", 2, 0) == B
    assert base_of(case, PLAN, "rounds", 3, 0) == A
    assert base_of(case, None, "rounds", 2, 0) == A
    assert base_of(case, PLAN, "rounds", 6, 0) is None
