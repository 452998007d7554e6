"""What each further share of the people costs: plans from the cheapest to the one that serves most."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from allocate import stopping
from allocate.alone import first_goal, sited
from allocate.case import Case
from allocate.errors import NoPlanError, Problem, UsageError
from allocate.gaps import DIGITS, OPTIMAL_GAP, shown_bound, shown_gap
from allocate.goals import Cost
from allocate.model import Model
from allocate.program import Options, as_they_end, workers
from allocate.rows import Strength
from allocate.rules import Reach
from allocate.search import lay_out
from allocate.serving import crowd_of, send
from allocate.units import Basis
from allocate.words import say

FEWEST, MOST = 2, 50
# A point is a look, as a draw is, but one that may take longer. The gap that remains is reported.
_GAP, _NODES, _SEARCH_NODES, _SECONDS = 0.01, 500, 1000, 60.0
# (No name that a model file gives a rule by itself holds a blank.)
_TARGET = "front target"

Point = dict[str, Any]
# Share of the people to be served, by plan year.
Target = Mapping[int, Fraction]
Hear = Callable[[int, int], None]


def check_count(points: int) -> None:
    """Refuse a number of points that is no front.

    Raises
    ------
    UsageError
        When there are fewer than two, or more than fifty.
    """
    if not FEWEST <= points <= MOST:
        details: dict[str, str | int] = {"low": FEWEST, "high": MOST, "unit": f" {say('front.points')}"}
        raise UsageError([Problem("problem.range", column="--front", value=points, details={**details})])


def look_at_front(
    case: Case,
    model: Model,
    options: Options,
    points: int,
    processes: int = 2,
    *,
    gap: float | None = None,
    hear: Hear | None = None,
    with_layouts: bool = False,
    asked: Options | None = None,
) -> list[Point]:
    """Return plans of which none is both cheaper and serves as many people as another one, cheapest first.

    The method is that of the epsilon constraint (Haimes, Lasdon & Wismer 1971, IEEE Transactions on Systems, Man and
    Cybernetics 1(3)): the cheapest plan, the one that serves most, and between them, for targets at equal distances,
    the cheapest plan that serves so many. A target asks for a share of the people of *every* plan year, each the same
    part of the way between the two ends (see `_ends`). (If the last year alone counted, the cheapest plan would wait
    for it: a site that opens late runs for few years.) Plans are compared by people served, each plan year counted as
    often as the calendar years that it stands for, as its costs are.

    Clauses on the share of people served (`switched_off`) are left out, since that share is what varies. All others
    come first, as well met as they can be; the target comes after them, as the weakest clause, and the cost last.
    Points that cost more and serve no more than another one, or that were not found in time, are left out.

    With `with_layouts` each point carries its `layout`, which no file can hold. Points are looked for as `asked`, if it
    is given, and not as long as a point of a plan's own front may take.

    Raises
    ------
    UsageError
        When `points` is no number of points for a front.
    """
    check_count(points)
    asked = asked or replace(options, quick=True, nodes=_NODES, search_nodes=_SEARCH_NODES, threads=1, seconds=_SECONDS)
    wanted = _GAP if gap is None else gap
    heard = 0

    def tell(done: int) -> None:
        nonlocal heard
        heard += done
        if hear is not None:
            hear(heard, points + 1)

    everybody = _most_shares(case)
    with _looking(case, model, asked, wanted, min(processes, points), with_layouts=with_layouts) as look:
        first, last = look([{}, everybody], tell)
        if first is None or last is None:
            return []
        low, high = _ends(first, last)
        targets = {k: _between(low, high, Fraction(k - 1, points - 1)) for k in range(1, points + 1)}
        found = {1: first, points: last}
        # Where the cheapest plan serves as many as any, nothing lies beyond it. (The last one is looked for again: it
        # came of serving as many as can be, within a tolerance, and now its number is known.)
        beyond = {k: targets[k] for k in range(2, points + 1) if targets[1] != targets[points]}
        looks = zip(beyond, look(list(beyond.values()), tell), strict=True)
        found |= {k: point for k, point in looks if point is not None}
    numbered = (
        {"point": k, "points": points, "target": {str(year): float(share) for year, share in targets[k].items()}}
        | found[k]
        for k in sorted(found)
    )
    return _not_dominated(numbered)


def switched_off(model: Model) -> tuple[str, ...]:
    """Return the names of the rules that a front leaves out: those on the share of people served, of any year."""
    return tuple(name for name, rule in model.planned().items() if isinstance(rule, Reach))


def look_for_cheapest(
    case: Case, model: Model, options: Options, target: Target, gap: float, *, with_layout: bool = False
) -> Point | None:
    """Return the cheapest plan that serves a share of the people of every year, or as many of them as it can.

    None where nothing was found in the time given.
    """
    varied = _varied(model, target)
    try:
        found = lay_out(case, varied, options, gap=gap)
    except NoPlanError:
        return None
    name, goal = first_goal(varied)
    cost = int(goal.value(case, found.layout))
    bound = shown_bound(found.bounds.get(name, 0.0), float(cost))
    distance = shown_gap(float(cost), bound)
    people = {t: case.total(t) for t in case.periods}
    served = {t: found.layout.served_in(t) for t in case.periods}
    years, last = {t: str(case.years[t]) for t in case.periods}, case.periods[-1]
    kept = {name: rule for name, rule in varied.planned().items() if not name.startswith(_TARGET)}
    return {
        "cost": cost,
        "bound": bound,
        "gap": distance,
        "proven": distance <= OPTIMAL_GAP,
        "people": {years[t]: number for t, number in people.items()},
        "served": {years[t]: number for t, number in served.items()},
        "share": average_share(list(people.values()), list(served.values()), case.spans),
        "sites": sited(model, case, found.layout, last),
        "missed": [name for name, rule in kept.items() if any(True for _ in rule.breaches(case, found.layout))],
        "without": list(switched_off(model)),
        **({"layout": found.layout} if with_layout else {}),
    }


def average_share(people: Sequence[int], served: Sequence[int], spans: Sequence[int]) -> float:
    """Return the share of people served, averaged over the calendar years that the plan years stand for."""
    everybody = sum(number * span for number, span in zip(people, spans, strict=True))
    reached = sum(number * span for number, span in zip(served, spans, strict=True))
    return round(reached / everybody, DIGITS) if everybody else 0.0


def _varied(model: Model, target: Target) -> Model:
    """Return the model that makes the cost small, with shares of people served as its weakest clauses."""
    rules = {name: rule for name, rule in model.rules.items() if not isinstance(rule, Reach)}
    # (Years that are asked for the same share are one rule: only then may they be planned as one.)
    for share in sorted(set(target.values()) - {0}):
        years = tuple(year for year, wanted in target.items() if wanted == share)
        rules[f"{_TARGET} {years[0]}"] = Reach(
            share=float(share), years=years, strength=Strength.ENCOURAGE, source="--front", basis=Basis.ASSUMED
        )
    goal = next((goal for goal in model.goals.values() if isinstance(goal, Cost)), Cost())
    return replace(model, rules=rules, goals={"cost": goal})


Look = Callable[[Sequence[Target], Callable[[int], None]], list[Point | None]]


@contextmanager
def _looking(
    case: Case, model: Model, options: Options, gap: float, processes: int, *, with_layouts: bool
) -> Iterator[Look]:
    """Give a way to look for several points, in this process or in several."""
    look_for = partial(look_for_cheapest, with_layout=with_layouts)

    def here(targets: Sequence[Target], tell: Callable[[int], None]) -> list[Point | None]:
        points = []
        for target in targets:
            stopping.heed()
            points.append(look_for(case, model, options, target, gap))
            tell(1)
        return points

    if processes == 1:
        yield here
        return
    with workers(processes, processes) as pool:

        def there(targets: Sequence[Target], tell: Callable[[int], None]) -> list[Point | None]:
            jobs = [pool.submit(look_for, case, model, options, target, gap) for target in targets]
            for _ in as_they_end(jobs):
                tell(1)
            return [job.result() for job in jobs]

        yield there


def _shares(point: Point) -> Target:
    """Return the share that a point serves in every year."""
    return {
        int(year): _cut(Fraction(point["served"][year], people)) if people else Fraction(0)
        for year, people in point["people"].items()
    }


def _ends(first: Point, last: Point) -> tuple[Target, Target]:
    """Return the shares between which the targets lie: those of the two ends, year by year.

    Where the last one serves the same share in every year, so does every target: years that are asked for the same may
    be planned as one, which takes seconds in place of minutes.
    """
    low, high = (_shares(point) for point in (first, last))
    if len(set(high.values())) == 1 and low:
        low = dict.fromkeys(low, max(low.values()))
    return low, high


def _most_shares(case: Case) -> Target:
    """Return the share of the people of every year that could be served if every site stood, as large as it may be.

    No plan serves more; and a plan that is asked for no more than can be is found sooner.
    """
    shares = {}
    for t, year in enumerate(case.years):
        people = case.total(t)
        rooms = [site.most for site in case.sites]
        room = np.array([people if one is None else min(one, people) for one in rooms], dtype=np.int64)
        served = int(send(crowd_of(case, t), room).sum())
        shares[year] = _cut(Fraction(served, people)) if people else Fraction(0)
    return shares


def _between(low: Target, high: Target, part: Fraction) -> Target:
    """Return shares so far between two ends."""
    return {year: _cut(low[year] + part * max(Fraction(0), high[year] - low[year])) for year in low}


def _cut(share: Fraction) -> Fraction:
    """Return a share to nine digits, rounded down: so many people can be served."""
    scale = 10**DIGITS
    return Fraction(share * scale // 1, scale)


def _not_dominated(points: Iterable[Point]) -> list[Point]:
    """Return the points that serve a greater share than every cheaper one, cheapest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda one: (one["cost"], -one["share"], one["point"])):
        if not kept or point["share"] > kept[-1]["share"]:
            kept.append(point)
    return kept
