"""Summing up is a relaxation: what keeps all rows keeps the sums, at no more cost."""

from collections.abc import Mapping
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import make, rule, site, staffed, violation

from allocate.case import Case
from allocate.coarse import Coarse
from allocate.decisions import siting, staffing
from allocate.goals import Cost, Travel
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.posts import staff
from allocate.rows import Key, Number, Row, Strength, amount, opened, served, serves
from allocate.rules import Rule

SLOWLY = settings(max_examples=30, deadline=None)
YEARS = (2025, 2027, 2030)


def point(case: Case, layout: Layout) -> dict[Key, Number]:
    """Return every decision of a layout."""
    found: dict[Key, Number] = {
        opened(j, t): int((j, t) in layout.open) for j in range(len(case.sites)) for t in case.periods
    }
    found |= {serves(*flow): people for flow, people in layout.serve.items()}
    found |= {served(*home): people for home, people in layout.served.items()}
    return found | {amount(*about): number for about, number in layout.amounts.items()}


def summed(coarse: Coarse, values: Mapping[Key, Number]) -> dict[Key, Number]:
    found: dict[Key, Number] = {}
    for key, number in values.items():
        found[coarse.key(key)] = found.get(coarse.key(key), 0) + number
    return found


def missed(rows: list[Row], values: Mapping[Key, Number]) -> list[Key]:
    return [row.about for row in rows if violation(row, lambda key: values.get(key, 0))]


@SLOWLY
@given(st.data())
def test_a_plan_that_physics_allows_keeps_every_sum_at_no_more_cost(data: st.DataObject) -> None:
    case, rules = data.draw(staffed(years=YEARS))
    fine = data.draw(st.frozensets(st.sampled_from(list(case.periods))))
    layout = staff(case, rules, greedy(case, rules))
    values = point(case, layout)
    coarse = Coarse(case, fine)
    ranges = {column.key: column for column in coarse.columns()}
    sums = summed(coarse, values)
    assert all(ranges[key].low <= number <= ranges[key].high for key, number in sums.items())
    physics = [row for one in rules if one.strength is Strength.PHYSICS for row in one.rows(case)]
    whole = [*siting.rows(case), *staffing.rows(case), *physics]
    assert missed(whole, values) == []
    assert missed(list(coarse.rows(whole)), sums) == []
    for goal in (Cost(), Travel(unserved_minutes=60, source="a toy")):
        terms = goal.terms(case)
        right = sum((times * values.get(key, 0) for key, times in terms.items()), Fraction(0))
        told = sum((times * sums.get(key, 0) for key, times in coarse.terms(terms).items()), Fraction(0))
        assert told <= right


@SLOWLY
@given(st.data())
def test_a_clause_summed_up_is_missed_by_no_greater_share_than_its_rows(data: st.DataObject) -> None:
    case, rules = data.draw(staffed(years=YEARS))
    layout = staff(case, rules, greedy(case, rules))
    values = point(case, layout)
    coarse = Coarse(case, frozenset())
    list(coarse.columns())
    sums = summed(coarse, values)
    for one in rules:
        if one.strength is Strength.PHYSICS or list(one.columns(case)):
            continue
        worst = worst_share(list(one.rows(case)), values)
        assert worst_share(list(coarse.rows(one.rows(case))), sums) <= worst


def worst_share(rows: list[Row], values: Mapping[Key, Number]) -> Fraction:
    shares = (Fraction(violation(row, lambda key: values.get(key, 0))) / Fraction(row.target) for row in rows)
    return max(shares, default=Fraction(0))


def test_two_clinics_of_one_hub_share_a_sum_and_two_hubs_do_not() -> None:
    sites = [
        site("H1", kind="township_hospital", exists=True),
        site("H2", kind="township_hospital", town="T2", exists=True),
        site("A"),
        site("B"),
        site("C", town="T2"),
    ]
    case = make([[5]], sites, {(0, 2): 60}, parents=(-1, -1, 0, 0, 1))
    coarse = Coarse(case, frozenset({0}))
    assert coarse.key(amount("nurses", 2, 0)) == coarse.key(amount("nurses", 3, 0))
    assert coarse.key(amount("nurses", 2, 0)) != coarse.key(amount("nurses", 4, 0))
    assert coarse.key(amount("nurses", 0, 0)) != coarse.key(amount("nurses", 2, 0))
    # In a fine year, it is said who goes where; in another, only to whose sites.
    assert coarse.key(serves(0, 2, 0)) == serves(0, 2, 0)
    later = Coarse(case, frozenset())
    assert later.key(serves(0, 2, 0)) == later.key(serves(0, 3, 0)) != later.key(serves(0, 4, 0))


def test_rows_of_sites_are_added_up_by_employer() -> None:
    sites = [site("H", kind="township_hospital", exists=True), site("A"), site("B")]
    case = make([[5]], sites, {(0, 1): 60}, parents=(-1, 0, 0))
    coarse = Coarse(case, frozenset({0}))
    (found,) = coarse.rows(
        Row((name, 2025), {amount("doctors", j, 0): 1, opened(j, 0): -2}, "<=", 0, 3)
        for j, name in ((1, "A"), (2, "B"))
    )
    doctors = coarse.key(amount("doctors", 1, 0))
    assert found.terms == {opened(1, 0): -2, opened(2, 0): -2, doctors: 1}
    assert (found.sense, found.bound, found.target) == ("<=", 0, 6)


def test_where_parts_weigh_differently_the_most_helpful_weight_stands_for_all() -> None:
    sites = [site("H", kind="township_hospital", exists=True), site("A"), site("B")]
    case = make([[5]], sites, {(0, 1): 60}, parents=(-1, 0, 0))
    coarse = Coarse(case, frozenset({0}))
    coarse.members[coarse.key(amount("doctors", 1, 0))] = (2, 9)
    asked = Row((2025,), {amount("doctors", 1, 0): 3, amount("doctors", 2, 0): 5}, ">=", 8)
    (found,) = coarse.rows([asked])
    assert set(found.terms.values()) == {5}
    # A limit is kept by as little as the lightest part; of a part that it does not name, by nothing.
    (found,) = coarse.rows([Row((2025,), {amount("doctors", 1, 0): 3, amount("doctors", 2, 0): 5}, "<=", 8)])
    assert set(found.terms.values()) == {3}
    assert list(coarse.rows([Row((2025,), {amount("doctors", 1, 0): 3}, "<=", 8)])) == []
    assert set(coarse.terms({amount("doctors", 1, 0): 7, amount("doctors", 2, 0): 4}).values()) == {4}


def test_a_rule_on_places_stays_as_it_is_in_every_year() -> None:
    case = make([[5, 4]], [site("A")], {(0, 0): 60}, years=(2025, 2027))
    this: Rule = rule("reach", share=1.0, scope="place")
    coarse = Coarse(case, frozenset({0}))
    assert list(coarse.rows(this.rows(case))) == list(this.rows(case))
