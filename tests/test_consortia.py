"""Consortia: who is in which, said twice, and what dividing the hubs means for other clauses."""

from collections.abc import Sequence
from dataclasses import replace

from agreement import agreed, agrees
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import leading, lives, make, site

from allocate.case import Case
from allocate.decisions import consortia
from allocate.layout import Layout
from allocate.rows import LEADS, Key, amount, joins, opened


def concerns(key: Key) -> bool:
    """Tell whether a variable is one of consortia."""
    return key[0] == "joins" or key[:2] == ("amount", LEADS)


def two_leads() -> Case:
    """Return hospitals G, which leads in any case, and H, which may; hub U that either may lead, and V that may close.

    U can join G only, and V both.
    """
    sites = [
        *(site(name, kind="hospital", exists=True) for name in "GH"),
        site("U", kind="township_hospital", exists=True),
        site("V", kind="township_hospital", exists=True, closable=True),
    ]
    case = make([[1, 1]], sites, {}, years=(2025, 2027))
    return replace(case, leading=leading({(2, 0): 60, (3, 0): 60, (3, 1): 90}, given=[0]))


def test_over_two_years_a_hub_is_in_one_consortium_that_is_led_and_stays_there() -> None:
    ranges: dict[Key, Sequence[int]] = {}
    for t in (0, 1):
        ranges |= {opened(j, t): (1,) for j in range(3)} | {opened(3, t): range(2)}
        ranges |= {amount(LEADS, k, t): range(2) for k in (0, 1)}
        ranges |= {joins(2, 0, t): range(2), joins(3, 0, t): range(2), joins(3, 1, t): range(2)}
    wrong = agrees(consortia, two_leads(), ranges, concerns)
    assert wrong == {"lawful", "member", "led", "one", "stays", "empty", "given"}


def test_nobody_joins_beyond_the_way_nor_is_led_by_a_hub() -> None:
    # (H is too far for U.)
    ranges: dict[Key, Sequence[int]] = {opened(j, t): (1,) for j in range(4) for t in (0, 1)}
    ranges |= {amount(LEADS, 0, t): (0, 1, 2) if t else (1,) for t in (0, 1)}
    ranges |= {amount(LEADS, 2, 0): range(2), amount(LEADS, 1, 1): range(2)}
    ranges |= {joins(2, 1, 1): range(2), joins(3, 1, 1): range(2), joins(3, 2, 0): range(2)}
    wrong = agrees(consortia, two_leads(), ranges, concerns)
    assert wrong == {"lawful", "leads", "joins", "led", "empty", "given"}


def in_a_row(**numbers: bool) -> Case:
    """Return four hubs in a row of towns, the first hospital in the town of the first one, the second beside the last.

    Either may lead all of them.
    """
    sites = [site(name, kind="hospital", exists=True) for name in "GH"]
    sites += [site(name, kind="township_hospital", exists=True) for name in "UVWX"]
    borders = [(0, 2), (2, 3), (3, 4), (4, 5), (5, 1)]
    ways = {(j, k): 60 for j in range(2, 6) for k in (0, 1)}
    return replace(make([[1]], sites, {}), leading=leading(ways, borders=borders, **{"contiguous": True} | numbers))


def test_whoever_passes_it_on_is_a_member_so_that_the_towns_of_a_consortium_adjoin() -> None:
    ranges: dict[Key, Sequence[int]] = {opened(j, 0): (1,) for j in range(6)}
    ranges |= {amount(LEADS, k, 0): range(2) for k in (0, 1)}
    ranges |= {joins(j, k, 0): range(2) for j in range(2, 6) for k in (0, 1)}
    assert agrees(consortia, in_a_row(), ranges, concerns) == {"lawful", "led", "one", "empty", "passes"}
    assert agrees(consortia, in_a_row(contiguous=False), ranges, concerns) == {"lawful", "led", "one", "empty"}


def test_a_gap_in_the_row_sets_all_behind_it_apart() -> None:
    # G leads U, W and X: V lies between, so that W and X are apart from U; X is reached over W alone, in vain.
    members = frozenset((j, 0, 0) for j in (2, 4, 5))
    layout = Layout(frozenset((j, 0) for j in range(6)), members=members, amounts={(LEADS, 0, 0): 1})
    assert consortia.apart(in_a_row(), layout, 0, 0) == [4, 5]
    whole = replace(layout, members=members | {(3, 0, 0)})
    assert consortia.apart(in_a_row(), whole, 0, 0) == []
    # H is no neighbour of W, and leads W and X over X.
    other = frozenset({(4, 1, 0), (5, 1, 0)})
    assert consortia.apart(in_a_row(), replace(layout, members=other), 1, 0) == []


@st.composite
def formed(draw: st.DrawFn) -> tuple[Case, Layout]:
    """Draw a case with up to three hospitals that may lead and up to four hubs, and consortia, right or wrong.

    Hospitals may join each other, as in the groups of a city; hubs may close, or open later.
    """
    leads = draw(st.integers(1, 3))
    kinds = ["hospital"] * leads + ["township_hospital"] * draw(st.integers(1, 4))
    sites = [
        site(f"S{j}", kind=kind, exists=draw(st.integers(0, 3)) > 0 or kind == "hospital")
        for j, kind in enumerate(kinds)
    ]
    sites = [replace(at, closable=at.kind != "hospital" and draw(st.booleans())) for at in sites]
    everybody = range(0 if draw(st.booleans()) else leads, len(sites))
    possible = [(j, k) for j in everybody for k in range(leads) if j != k]
    pairs = {pair: 60 for pair in possible if draw(st.integers(0, 3))}
    borders = [(a, b) for a in range(len(sites)) for b in range(a) if draw(st.booleans())]
    plan = leading(
        pairs,
        given=draw(st.sets(st.sampled_from(range(leads)), max_size=1)),
        borders=borders,
        contiguous=draw(st.booleans()),
    )
    case = replace(make([[1, 1]], sites, {}, years=(2025, 2027)), leading=plan)
    is_open = draw(st.sampled_from(list(lives(case))))
    members: set[tuple[int, int, int]] = set()
    choices = [None, *range(leads)]
    for j in range(len(sites)):
        first, later = (draw(st.sampled_from(choices)) for _ in range(2))
        # (Most stay where they are, and most join when they are open.)
        chosen = (first, first if draw(st.integers(0, 3)) else later)
        members |= {
            (j, k, t)
            for t, k in enumerate(chosen)
            if k is not None and ((j, k) in pairs or not draw(st.integers(0, 9)))
            if (j, t) in is_open or not draw(st.integers(0, 9))
        }
    led = {(k, t) for _, k, t in members} | {(k, t) for k in plan.given for t in case.periods}
    if not draw(st.integers(0, 4)):
        led ^= {(draw(st.sampled_from(range(leads))), draw(st.sampled_from(case.periods)))}
    return case, Layout(is_open, members=frozenset(members), amounts={(LEADS, k, t): 1 for k, t in led})


@given(drawn=formed())
@settings(max_examples=150, deadline=None)
def test_rows_and_check_of_consortia_agree_whoever_may_lead_whom(drawn: tuple[Case, Layout]) -> None:
    case, layout = drawn
    agreed(consortia, case, layout, list(consortia.rows(case)), list(consortia.columns(case)), concerns)
