"""Whether physics says the same twice: as ranges and rows for the solver, and as a check of a plan."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from scipy.optimize import linprog
from tiny import layout_at, value_in, violation

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Column, Key, Number, Row

Ranges = Mapping[Key, Sequence[int]]


def holds(columns: Iterable[Column], layout: Layout, rows: Iterable[Row], concerns: Callable[[Key], bool]) -> bool:
    """Tell whether a layout has what there are variables for, each within its range, and meets every row.

    Helper variables, of which a layout says nothing, may be whatever lets the rows hold.
    """
    ranges, value = {column.key: column for column in columns}, value_in(layout)
    told: set[Key] = {("tours", *about) for about, number in layout.tours.items() if number}
    told |= {("amount", *about) for about, number in layout.amounts.items() if number}
    told |= {("visit", *about) for about in layout.visits}
    told |= {("joins", *about) for about in layout.members} | {("linked", *about) for about in layout.links}
    helpers = {key for key in ranges if key[0] in ("begins", "passes")}
    tied, plain = [], []
    for row in rows:
        (plain if row.terms.keys().isdisjoint(helpers) else tied).append(row)
    return (
        {key for key in told if concerns(key)} <= set(ranges)
        and all(column.low <= value(key) <= column.high for key, column in ranges.items() if key not in helpers)
        and not any(violation(row, value) for row in plain)
        and (not tied or _some([ranges[key] for key in sorted(helpers, key=str)], tied, value))
    )


def _some(helpers: Sequence[Column], rows: Sequence[Row], value: Callable[[Key], Number]) -> bool:
    """Tell whether some values of helper variables let rows hold."""
    if all(column.key[0] == "begins" for column in helpers):
        # (Nothing keeps it low but its cost.)
        high = {column.key: column.high for column in helpers}
        return not any(violation(row, lambda key: high[key] if key in high else value(key)) for row in rows)
    index = {column.key: n for n, column in enumerate(helpers)}
    most: tuple[list[list[float]], list[float]] = [], []
    just: tuple[list[list[float]], list[float]] = [], []
    for row in rows:
        times = [0.0] * len(helpers)
        bound = float(row.bound)
        for key, number in row.terms.items():
            if key in index:
                times[index[key]] = float(number)
            else:
                bound -= float(number * value(key))
        sign = -1 if row.sense == ">=" else 1
        left, right = just if row.sense == "==" else most
        left.append([sign * number for number in times])
        right.append(sign * bound)
    found = linprog(
        [0.0] * len(helpers),
        A_ub=most[0] or None,
        b_ub=most[1] or None,
        A_eq=just[0] or None,
        b_eq=just[1] or None,
        bounds=[(float(column.low), float(column.high)) for column in helpers],
    )
    assert found.status in (0, 2), found.message
    return bool(found.status == 0)


def agrees(
    decision: Any,
    case: Case,
    ranges: Ranges,
    concerns: Callable[[Key], bool],
    looked_at: Callable[[Layout], bool] = lambda _: True,
) -> set[str]:
    """Check that rows and breaches agree at every point of a box, and return what is wrong in it somewhere.

    Points that are not looked at are left out.
    """
    rows, columns = list(decision.rows(case)), list(decision.columns(case))
    seen = Counter[str]()
    for point in product(*ranges.values()):
        layout = layout_at(dict(zip(ranges, point, strict=True)))
        if looked_at(layout):
            seen.update(agreed(decision, case, layout, rows, columns, concerns) or {"lawful"})
    return set(seen)


def agreed(
    decision: Any,
    case: Case,
    layout: Layout,
    rows: Sequence[Row],
    columns: Sequence[Column],
    concerns: Callable[[Key], bool],
) -> set[str]:
    """Check that rows and breaches agree on a layout, and return what is wrong with it."""
    abouts = [breach.about for breach in decision.breaches(case, layout)]
    assert len(set(abouts)) == len(abouts), "two breaches are about one thing"
    wrong = {str(about[0]) for about in abouts}
    assert holds(columns, layout, rows, concerns) == (not wrong), (layout, wrong)
    return wrong


def of(*families: str) -> Callable[[Key], bool]:
    """Return what tells whether a variable is of one of some families."""
    return lambda key: key[0] in families
