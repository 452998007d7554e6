"""Pools and posts that are too small whatever the plan are found before any solving, with what would do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from conftest import DATA
from tiny import make, pool, resource, rule, site, way

from allocate.case import Case
from allocate.district import Department, District
from allocate.findings import Book, Finding
from allocate.model import Model, read_model
from allocate.postings import Release, Supporter
from allocate.read import read_district
from allocate.rules import Rule
from allocate.shortages import shortages
from allocate.units import Basis
from allocate.words import LANGUAGES, speaking

MODEL = read_model(DATA / "tiny.toml")
DISTRICT = read_district(MODEL.district_folder())
WEEK = frozenset((day, half) for day in range(1, 6) for half in (0, 1))
EXPERT = rule("posting", to=("township_hospital",), sent_by="lead_hospital")


def found(
    case: Case,
    this: Rule,
    pools: Mapping[str, Release] | None = None,
    district: District = DISTRICT,
    supporters: Mapping[str, Supporter] | None = None,
) -> list[Finding]:
    """Return what is too small for one clause."""
    model: Model = replace(
        MODEL,
        years=case.years,
        rules={"it": this},
        resources=case.resources,
        postings=case.postings,
        pools=pools or {},
        supporters=supporters or {},
        outreach={name: each.plan for name, each in case.ways.items()},
    )
    return list(shortages(Book(model, district, case)))


def release(away: int, **numbers: Any) -> Release:
    usual = {"hospitals": ["H"], "specialty": "surgery", "source": "a toy", "basis": "assumed"}
    return Release.model_validate(usual | {"away": away} | numbers)


def hubs(count: int, *releases: Release, **changes: Any) -> Case:
    """Return hubs below a hospital, and its pools."""
    sites = [site(f"hub {n}", "township_hospital", exists=True) for n in range(count)]
    sites.append(site("H", "hospital", exists=True))
    pools = [
        pool(
            "H",
            count,
            away=one.away,
            months=frozenset(one.months),
            tours=min(one.tours if one.tours is not None else 10**6, one.away * len(one.months) // 6),
        )
        for one in releases
    ]
    return make([[1]], sites, {}, parents=(*[count] * count, -1), pools=pools, **changes)


def test_five_hubs_want_five_experts_at_all_times_and_three_can_be_away() -> None:
    # Surgery can let three go, the internists one for half the year: 3.5 persons, 1.5 too few. Two surgeons more do;
    # of the internists, each brings half a person: three more.
    both = {"surgery": release(3), "internal": release(1, months=[1, 2, 3, 4, 5, 6])}
    (one,) = found(hubs(5, *both.values()), EXPERT, both)
    assert (one.kind, one.words) == ("unmeetable", "finding.pools_short")
    assert [one.details[key] for key in ("wanted", "able", "short")] == [5, "3.5", "1.5"]
    assert one.details["cure"] == dict.fromkeys(LANGUAGES, "--set pools.surgery.away=5")
    with speaking("en"):
        assert "5 persons are wanted at all times, all who count can send 3.5 at most" in one.sentence()
    # With what it says, nothing is missing any more; with one fewer, something is.
    for away, missing in ((5, False), (4, True)):
        pools = {**both, "surgery": release(away)}
        assert bool(found(hubs(5, *pools.values()), EXPERT, pools)) == missing


def test_where_pools_csv_counts_its_row_is_named_and_the_supporter_by_name() -> None:
    # Two hubs and one surgeon: row 3 of the table needs two. Of the tertiary hospital three are asked, one can go.
    rows = [
        Department(sender, "surgery", "attending", 1, Basis.OFFICIAL, "made up", row=2 + n)
        for n, sender in enumerate(("city", "H"))
    ]
    case = hubs(2, release(1))
    case = replace(case, pools=(replace(case.pools[0], hospital=-1, sender="city", sends_as="tertiary_hospital"),
                                case.pools[0]))  # fmt: skip
    city = {"city": Supporter(name={"zh": "市三院", "en": "City"}, sends_as="tertiary_hospital",
                              basis="assumed", source="made up")}  # fmt: skip
    listed = replace(DISTRICT, pools=tuple(rows))
    (one,) = found(case, EXPERT, {"other": release(9)}, district=listed, supporters=city)
    assert one.details["cure"] == {"zh": "把 pools.csv 第 3 行改为 away = 2", "en": "in row 3 of pools.csv, away = 2"}
    tertiary = rule("posting", to=("township_hospital",), sent_by="tertiary_hospital", at_least=3, scope="supporter")
    (one,) = found(case, tertiary, {"other": release(9)}, district=listed, supporters=city)
    with speaking("zh"):
        assert "达不到（市三院）：" in one.sentence()
    with speaking("en"):
        assert "(City)" in one.sentence()
        assert "in row 2 of pools.csv, away = 3" in one.sentence()


def test_where_tours_are_few_more_of_them_are_named_too() -> None:
    # Three could be away, but only two tours begin in a year, of twelve months at most: two persons for three hubs.
    pools = {"surgery": release(3, tours=2)}
    (one,) = found(hubs(3, *pools.values()), EXPERT, pools)
    assert (one.details["short"], one.details["cure"]) == (
        "1",
        dict.fromkeys(LANGUAGES, "--set pools.surgery.away=3 --set pools.surgery.tours=3"),
    )
    enough = {"surgery": release(3, tours=3)}
    assert found(hubs(3, *enough.values()), EXPERT, enough) == []


def test_a_clause_whose_senders_have_no_pool_says_so() -> None:
    pools = {"surgery": release(3)}
    tertiary = rule("posting", to=("township_hospital",), sent_by="tertiary_hospital", at_least=3, scope="supporter")
    (one,) = found(hubs(1, *pools.values()), tertiary, pools)
    assert (one.words, one.details["wanted"], one.details["short"]) == ("finding.pools_none", 3, "3")
    # Nobody is a senior; and tours of a year are none where they last six months at most.
    for this, months in ((replace(EXPERT, rank="senior"), (6, 12)), (replace(EXPERT, months=12), (6,))):
        (one,) = found(hubs(1, *pools.values(), months=months), this, pools)
        assert one.words == "finding.pools_none"


def test_a_hub_that_may_close_and_one_that_may_be_consulted_from_afar_are_not_counted() -> None:
    pools = {"surgery": release(1)}
    case = hubs(2, *pools.values())
    assert len(found(case, EXPERT, pools)) == 1
    closing = replace(case, sites=(replace(case.sites[0], closable=True), *case.sites[1:]))
    assert found(closing, EXPERT, pools) == []
    assert found(case, replace(EXPERT, or_remote="screens"), pools) == []


def villages(count: int, posts: int = 1, **numbers: Any) -> Case:
    """Return a hub with so many posts for round teams, ten minutes from all villages but the last, and a candidate."""
    sites = [site("HUB", "township_hospital", place=-1, exists=True), site("K", place=0)]
    rounds = way({(i, 0): 600 for i in range(count - 1)}, times=2, **numbers)
    resources = {name: resource(at={"township_hospital": posts}) for name in ("teams", "cars")}
    return make([[1]] * count, sites, {(0, 1): 60}, resources=resources, ways={"rounds": rounds})


def test_a_hub_has_more_villages_than_its_teams_can_visit() -> None:
    # One team with ten half-days visits five villages twice a week. Of the eight, the last is too far for anybody.
    nowhere, crowded = found(villages(8), rule("rounds", times=2, where="every"))
    assert (nowhere.words, nowhere.details["count"]) == ("finding.rounds_nowhere", 1)
    assert crowded.words == "finding.teams_short"
    # Seven villages are 14 half-days: two teams.
    assert crowded.details["where"] == {"zh": "HUB 7 > 5", "en": "HUB 7 > 5"}
    assert crowded.details["cure"] == "--set resources.teams.at.township_hospital=2"
    assert [one.words for one in found(villages(8, posts=2), rule("rounds", times=2, where="every"))] == [
        "finding.rounds_nowhere"
    ]


def test_cars_are_counted_as_teams_are() -> None:
    # Teams that go out on four half-days visit two villages each; a car, five. Eight villages in reach: four teams and
    # two cars.
    listed = tuple(f"P{n + 1}" for n in range(8))
    case = villages(9, posts=1, half_days_each=4, vehicles="cars")
    (one,) = found(case, rule("rounds", times=2, where="listed", listed=listed))
    cure = "--set resources.teams.at.township_hospital=4 --set resources.cars.at.township_hospital=2"
    assert one.details["cure"] == cure


def test_a_village_that_may_get_a_clinic_need_not_be_visited() -> None:
    # Six villages in reach of one team, of which the first may get a clinic: five are left.
    assert [one.words for one in found(villages(7), rule("rounds", times=2))] == ["finding.rounds_nowhere"]
    assert [one.words for one in found(villages(8), rule("rounds", times=2))] == [
        "finding.rounds_nowhere",
        "finding.teams_short",
    ]


def test_a_village_with_fewer_open_half_days_than_visits_is_named() -> None:
    # The first village is open on Wednesday morning and afternoon: two visits are not on one day.
    case = villages(3, posts=2)
    only = replace(case.ways["rounds"], closed={("stop", 0): WEEK - {(3, 0), (3, 1)}})
    listed = rule("rounds", times=2, where="listed", listed=("P1", "P2"))
    (one,) = found(replace(case, ways={"rounds": only}), listed)
    assert (one.kind, one.words, one.details["count"]) == ("unmeetable", "finding.rounds_never", 1)
    assert "P1" in str(one.details["places"])
    # Thursday morning as well, and it can be done; three days apart, it cannot.
    more = replace(only, closed={("stop", 0): WEEK - {(3, 0), (4, 0)}})
    assert found(replace(case, ways={"rounds": more}), listed) == []
    apart = replace(more, plan=more.plan.model_copy(update={"apart": 3}))
    assert [one.words for one in found(replace(case, ways={"rounds": apart}), listed)] == ["finding.rounds_never"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_finding_is_said_in_both_languages(language: Any) -> None:
    pools = {"surgery": release(1)}
    some = [
        *found(hubs(2, *pools.values()), EXPERT, pools),
        *found(hubs(2, *pools.values()), replace(EXPERT, rank="senior"), pools),
        *found(villages(8), rule("rounds", times=2, where="every")),
    ]
    never = replace(case := villages(2), ways={"rounds": replace(case.ways["rounds"], closed={("base", 0): WEEK})})
    some += found(never, rule("rounds", times=2, where="listed", listed=("P1",)))
    with speaking(language):
        assert all("{" not in one.sentence() and one.sentence() for one in some)
    assert len({one.words for one in some}) == 5
