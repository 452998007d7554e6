"""A plan for the worst of many possible districts, at the price of the plan at hand or a little more."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from allocate.candidates import make_case, possible_districts
from allocate.case import Case
from allocate.details import carry_out
from allocate.district import District
from allocate.errors import NoPlanError, Problem, UsageError
from allocate.gaps import DIGITS, HOLD_RELATIVE, shown_gap, shown_number
from allocate.goals import Cost, TailCoverage
from allocate.goals.tail_coverage import mean_of_worst, rooms_of
from allocate.isochrones import isochrones
from allocate.layout import Layout, send_nearest
from allocate.model import Model, model_of
from allocate.plans import STOPPED, assemble, district_of, inputs_of, layout_of
from allocate.possible import Integers, Possible
from allocate.program import Options
from allocate.rows import UPGRADED, Number, opened
from allocate.rules import Reach, Rule
from allocate.search import Layouts, lay_out
from allocate.settle import settle
from allocate.stages import clause_values, stage_values
from allocate.two_steps import of_sites, staff_for
from allocate.units import exact
from allocate.verification import insist

How = Literal["tail", "worst"]
Row = dict[str, Any]
Floats = NDArray[np.float64]
TAIL, COST = "tail_coverage", "cost"
# Of the possible districts, this share counts as the worst of them wherever a mean of the worst is told.
WORST_SHARE = 0.25
# How much more than the plan at hand the others may cost.
PRICES = (0.0, 0.01, 0.02, 0.05)
# Rounds of looking at all sites, and exchanges tried in each: a search that ends by count.
_ROUNDS, _TRIED = 12, 60
# What an exchange must gain at least, as a share of people.
_WORTH = 1e-6
# Up to so many flows in the possible districts, a solver looks for the best plan of all; beyond, it takes hours.
MOST_FLOWS = 20_000
_SETTLE_SECONDS = 600.0


@dataclass(frozen=True)
class Asked:
    """What is asked of a hedge.

    Attributes
    ----------
    how
        "tail": the mean of the worst quarter; "worst": the worst one.
    draws, fresh
        Possible districts that the plans are made for, and others that they never saw.
    prices
        How much more than the plan at hand each may cost, as shares of its cost, the least first.
    year
        The plan year that counts; None: all of them.
    chosen
        The price of the plan that is written.
    """

    how: How = "tail"
    draws: int = 12
    fresh: int = 50
    prices: tuple[float, ...] = PRICES
    year: int | None = None
    chosen: float = 0.01

    @property
    def goal(self) -> TailCoverage:
        """Return the goal of the plans."""
        tail = 0.0 if self.how == "worst" else WORST_SHARE
        return TailCoverage(draws=self.draws, tail=tail, year=self.year, nodes=0)


def at_prices(how: str, price: str) -> Asked:
    """Return what is asked for by words: how, and what the plan that is written may cost more, such as 1%.

    Raises
    ------
    UsageError
        When either is none that there is; it tells of both.
    """
    problems = []
    if how not in ("tail", "worst"):
        problems.append(Problem("hedged.how_choice", column="--hedge", value=how))
    number = price.strip().removesuffix("%").removesuffix("％").strip()
    share = -1.0
    with suppress(ValueError):
        share = float(exact(float(number)) / 100)
    if not 0 <= share <= 1:
        problems.append(Problem("hedged.price_form", column="--price", value=price))
    if problems:
        raise UsageError(problems)
    return Asked("worst" if how == "worst" else "tail", prices=tuple(sorted({*PRICES, share})), chosen=share)


@dataclass(frozen=True)
class Hedged:
    """What came of it: all that is told of it as plain JSON, and the whole plan of every price."""

    content: Row
    plans: Mapping[float, Row] = field(default_factory=dict)


def hedge(
    content: Mapping[str, Any],
    asked: Asked | None = None,
    options: Options | None = None,
    hear: Callable[[int, int], None] | None = None,
) -> Hedged:
    """Return a plan's counterparts for the worst possible districts: what each costs more, and what it is worth.

    From the plan at hand, sites are exchanged and added as long as the goal gains, no clause is kept worse than
    before and the money allows. Every new plan is made whole (staff, who goes where, months and weekdays) and
    rechecked. In a small district a solver then looks for something better, and says what it proved.

    Raises
    ------
    UsageError
        When nothing in the district is an estimate, or the year is none of the plan's.
    """
    asked = asked or Asked()
    search = _Hedge(content, asked, options or Options(seconds=600.0, threads=1))
    rows, plans = [], {}
    begun = search.layout
    for n, price in enumerate(asked.prices):
        found = search.at_price(price, begun)
        begun = found.layout
        plan = search.plan(price, found)
        plans[price] = plan
        rows.append(search.told(price, found.layout, plan))
        if hear is not None:
            hear(n + 1, len(asked.prices))
    goal = asked.goal
    told = {
        "how": asked.how,
        "tail": goal.tail,
        "worst_share": WORST_SHARE,
        "year": asked.year,
        "years": [search.case.years[t] for t in goal.years(search.case)],
        "draws": [one.seed for one in search.case.possible],
        "fresh": [one.seed for one in search.fresh],
        "nominal": search.told(None, search.layout, content),
        "plans": rows,
    }
    sites = search.case.site_index
    named = sorted({code for row in rows for code in (*row["opened"], *row["dropped"])})
    return Hedged(told | {"names": {code: search.case.sites[sites[code]].name for code in named}}, plans)


class _Hedge:
    """A plan at hand, the possible districts, and the search for its counterparts."""

    def __init__(self, content: Mapping[str, Any], asked: Asked, options: Options) -> None:
        self.content, self.asked, self.options, self.goal = content, asked, options, asked.goal
        self.district: District = district_of(content)
        if not self.district.has_estimates:
            raise UsageError([Problem("problem.hedge_surveyed", column="--hedge", value=asked.how)])
        if asked.year is not None and asked.year not in content["years"]:
            details = {"years": ", ".join(map(str, content["years"]))}
            raise UsageError([Problem("problem.year_outside", column="year", value=asked.year, details=details)])
        self.nominal: Model = model_of(content["settings"], content["model"], "settings", inputs_of(content, "model"))
        seen = replace(self.nominal, goals={TAIL: self.goal})
        self.case: Case = make_case(self.district, seen)
        last = self.case.possible[-1].seed
        self.fresh: tuple[Possible, ...] = possible_districts(
            self.district, seen, self.case, range(last + 1, last + 1 + asked.fresh)
        )
        self.layout: Layout = layout_of(content, self.case)
        self.cost: int = Cost().value(self.case, self.layout)
        self.rules = self.nominal.planned()
        self._in_time = replace(options, seconds=_SETTLE_SECONDS, quick=True)

    def at_price(self, price: float, begun: Layout) -> Layouts:
        """Return the best plan found that costs no more than so much more, from one to begin with."""
        limit = self.limit(price)
        allowed, best = limit, begun
        # (Exchanges count what sites cost; what staff costs besides is known when the plan is whole.)
        for _ in range(3):
            sites = _Exchange(self, begun, allowed).run()
            if sites == begun.open:
                break
            whole = self._whole(Layout(sites, amounts=_upgrades(begun)))
            over = Cost().value(self.case, whole) - limit
            if over <= 0:
                if self._keeps(whole) and self._value(whole) < self._value(best):
                    best = whole
                break
            allowed -= over
        found = Layouts(best, self._bounds(best, {}), {}, "")
        if sum(len(one.groups) for one in self.case.possible) * len(self.goal.years(self.case)) <= MOST_FLOWS:
            found = self._proven(price, found)
        return found

    def _proven(self, price: float, found: Layouts) -> Layouts:
        """Return what a solver makes of a plan, and what it proved of it: the better of the two."""
        model = replace(self.model(price))
        model = replace(model, goals=dict(list(model.goals.items())[: list(model.goals).index(TAIL) + 1]))
        try:
            again = lay_out(self.case, model, self.options, start=found.layout, gap=0.001)
            again = carry_out(self.case, self.nominal, again, self.options)
        except NoPlanError:
            return found
        kept = Cost().value(self.case, again.layout) <= self.limit(price) and self._keeps(again.layout)
        if kept and self._value(again.layout) <= self._value(found.layout):
            return replace(again, bounds=self._bounds(again.layout, again.bounds))
        # (What was proven is true of every plan that keeps the stages before as well, and of no other.)
        pairs = zip(self._before(found.layout), self._before(again.layout), strict=True)
        as_well = kept and all(mine <= other for mine, other in pairs)
        return replace(found, bounds=self._bounds(found.layout, again.bounds if as_well else {}))

    def _bounds(self, layout: Layout, more: Mapping[str, float]) -> dict[str, float]:
        """Return what is proven of a plan: of the stages before the goal what the plan at hand says, then its own."""
        values = stage_values(self.case, self.rules, self.model(0.0).goals, layout)
        before = list(values)[: list(values).index(TAIL)]
        known = {row["name"]: row["bound"] for row in self.content["stages"] if row["name"] in before}
        known |= {TAIL: more[TAIL]} if TAIL in more else {}
        return {name: min(bound, float(values[name])) for name, bound in known.items()}

    def limit(self, price: float) -> int:
        """Return the most that a plan may cost [yuan]."""
        return int(self.cost * (1 + exact(price)))

    def model(self, price: float) -> Model:
        """Return the model of a plan for the worst districts: the goal comes after the cost, which has its limit."""
        settings = deepcopy(dict(self.content["settings"]))
        goals = [dict(one) for one in settings["goals"] if one["goal"] != TAIL]
        if all(one["goal"] != COST for one in goals):
            goals.append({"goal": COST})
        at = next(n for n, one in enumerate(goals) if one["goal"] == COST)
        goals[at]["enough"] = self.limit(price)
        told: Row = {"goal": TAIL, "draws": self.goal.draws, "tail": self.goal.tail, "nodes": 0}
        told |= {} if self.goal.year is None else {"year": self.goal.year}
        settings["goals"] = [*goals[: at + 1], told, *goals[at + 1 :]]
        name = str(self.content["model"])
        return model_of(settings, name, "settings", inputs_of(self.content, "model"))

    def plan(self, price: float, found: Layouts) -> Row:
        """Return the content of a whole plan, rechecked.

        What the draws and single years come to by themselves is looked at by the clauses and the first goal alone: of
        the plan at hand it is known already.
        """
        model = self.model(price)
        looked = self.content.get("nesting", ())
        reached = isochrones(self.district, model, self.case, found.layout)
        plan = assemble(
            self.district,
            model,
            self.case,
            found.layout,
            found.bounds,
            self.content["draws"],
            looked,
            self.content["versions"],
            reached=reached,
            stopped=bool(self.content.get(STOPPED)),
        )
        insist(plan)
        return plan

    def told(self, price: float | None, layout: Layout, plan: Mapping[str, Any]) -> Row:
        """Return what is told of a plan beside the others."""
        cost, value = Cost().value(self.case, layout), self._value(layout)
        bound = next((row["bound"] for row in plan["stages"] if row["name"] == TAIL and price is not None), None)
        last = self.case.periods[-1]
        mine, before = self._sited(layout), self._sited(self.layout)
        return {
            "price": price,
            "limit": None if price is None else self.limit(price),
            "cost": cost,
            "more": cost - self.cost,
            "share_more": round((cost - self.cost) / self.cost, DIGITS) if self.cost else None,
            "value": shown_number(value),
            "bound": bound,
            "gap": None if bound is None else shown_gap(float(value), bound),
            "fitted": self._coverage(layout, self.case.possible),
            "fresh": self._coverage(layout, self.fresh),
            "served": {str(self.case.years[t]): layout.served_in(t) for t in self.case.periods},
            "sites": sum(t == last and not self.case.sites[j].is_fixed for j, t in layout.open),
            "opened": sorted(mine - before),
            "dropped": sorted(before - mine),
        }

    def _sited(self, layout: Layout) -> set[str]:
        return {self.case.sites[j].id for j, _ in layout.open if not self.case.sites[j].is_fixed}

    def _coverage(self, layout: Layout, districts: Collection[Possible]) -> Row:
        """Return the share of people served: in the worst district, on the mean of the worst, and of all."""
        shares = self.goal.shares(self.case, layout, districts)
        count = max(Fraction(1), exact(WORST_SHARE) * len(shares))
        return {
            "worst": shown_number(1 - max(shares)),
            "tail": shown_number(1 - mean_of_worst(shares, count)),
            "mean": shown_number(1 - Fraction(sum(shares)) / len(shares)),
        }

    def _value(self, layout: Layout) -> Fraction:
        return self.goal.value(self.case, layout)

    def _whole(self, sites: Layout) -> Layout:
        """Return a plan for what is open: its staff, who goes where, and what hangs on both."""
        case = self.case
        if not case.resources:
            return self._sent(case, sites, self.rules)
        first = send_nearest(case, sites, lambda j, _: case.sites[j].capacity)
        layout, _ = staff_for(case, first, self.rules, self.nominal.goals, None, self.options, {})
        return carry_out(case, self.nominal, Layouts(layout, {}, {}, ""), self.options).layout

    def _keeps(self, layout: Layout) -> bool:
        """Tell whether a plan keeps clauses, and the goals before the cost, as well as the plan at hand."""
        before = self._before(layout)
        return all(value <= limit * (1 + HOLD_RELATIVE) for value, limit in zip(before, self._kept, strict=True))

    @cached_property
    def _kept(self) -> list[Number]:
        return self._before(self.layout)

    def _before(self, layout: Layout) -> list[Number]:
        """Return what the stages before the cost come to."""
        values: list[Number] = list(clause_values(self.case, self.rules, layout).values())
        for name, goal in self.nominal.goals.items():
            if name == COST:
                break
            values.append(goal.value(self.case, layout))
        return values

    @cached_property
    def least_served(self) -> list[int]:
        """Return how many people must be served in every year: as clauses ask, or as many as are at hand [persons]."""
        case = self.case
        asked = [rule for rule in self.rules.values() if isinstance(rule, Reach) and rule.scope == "district"]
        everybody = tuple(range(len(case.places)))
        return [
            min(
                self.layout.served_in(t),
                max((rule.target(case, everybody, t) for rule in asked if t in rule.when(case)), default=0),
            )
            for t in case.periods
        ]

    def keeps_sites(self, is_open: frozenset[tuple[int, int]]) -> bool:
        """Tell whether open sites can keep the clauses on sites, and on whom they serve, as well as those at hand."""
        return self._site_values(is_open) <= self._kept_by_sites

    @cached_property
    def _kept_by_sites(self) -> tuple[Number, ...]:
        return tuple(clause_values(self.case, of_sites(self.case, self.rules), self.layout).values())

    def _site_values(self, is_open: frozenset[tuple[int, int]]) -> tuple[Number, ...]:
        bare = replace(self.case, resources={}, sites=tuple(replace(one, per_staff=()) for one in self.case.sites))
        rules = of_sites(self.case, self.rules)
        layout = self._sent(bare, Layout(is_open), rules)
        return tuple(clause_values(self.case, rules, layout).values())

    def _sent(self, case: Case, sites: Layout, rules: Mapping[str, Rule]) -> Layout:
        """Return who goes where, given what is open: most are served, unless clauses ask for others."""
        is_open = {opened(j, t): 1 for j, t in sites.open}
        settled = replace(settle(case, lambda key: is_open.get(key, 0), self._in_time), amounts={**sites.amounts})
        pairs = zip(self._values_of(rules, settled), self._values_of(rules, self.layout), strict=True)
        if all(value <= limit for value, limit in pairs):
            return settled
        return staff_for(case, sites, rules, {}, None, self._in_time, {})[0]

    def _values_of(self, rules: Mapping[str, Rule], layout: Layout) -> list[Number]:
        return list(clause_values(self.case, rules, layout).values())


class _Exchange:
    """Exchanges and adds candidates while the goal gains and the money allows.

    People served, the greatest flow, are submodular in what is open: what a site adds is no less where another one is
    closed (Nemhauser, Wolsey & Fisher 1978, Mathematical Programming 14). So what a site adds to all, less what another
    one is missed for, is a floor under what their exchange gains, and few exchanges need be worked out.
    """

    def __init__(self, hedge: _Hedge, begun: Layout, allowed: int) -> None:
        self.hedge, self.case, self.begun, self.allowed = hedge, hedge.case, begun, allowed
        self.spent = Cost().value(hedge.case, begun)
        self.years = hedge.goal.years(hedge.case)
        self.is_open, self.is_careful, self.given = begun.open, False, self.case.as_given
        self.rooms = {t: rooms_of(self.case, begun, t) for t in self.case.periods}
        self.limits = rooms_of(self.case, Layout(frozenset((j, 0) for j in range(len(self.case.sites)))), 0)
        # (What was enlarged stays where it is.)
        enlarged = {j for _, j, _ in _upgrades(begun)}
        self.movable = [j for j, site in enumerate(self.case.sites) if not site.exists and j not in enlarged]

    def run(self) -> frozenset[tuple[int, int]]:
        """Return what is open in the end."""
        for _ in range(_ROUNDS):
            before = self.is_open, self.rooms, self.spent
            if not self._round():
                break
            # (Whether all clauses are kept takes seconds to find out: once a round, unless that was too seldom.)
            if not self.is_careful and not self.hedge.keeps_sites(self.is_open):
                self.is_open, self.rooms, self.spent = before
                self.is_careful = True
        return self.is_open

    def _served(self, rooms: Mapping[int, Integers]) -> Floats:
        """Return the people served in every possible district, by year [persons]."""
        possible = self.case.possible
        return np.array([[one.served(rooms[t], t) for t in self.years] for one in possible], dtype=float)

    def _value(self, served: Floats) -> float:
        """Return the goal for people served; the last axes are districts and years."""
        weights = np.array([self.case.repeats[t] for t in self.years], dtype=float)
        everybody = np.array(
            [sum(one.totals[t] * self.case.repeats[t] for t in self.years) for one in self.case.possible]
        )
        shares = np.sort(1 - (served @ weights) / everybody, axis=-1)[..., ::-1]
        count = max(1.0, self.hedge.goal.tail * shares.shape[-1])
        parts = np.clip(count - np.arange(shares.shape[-1]), 0.0, 1.0)
        found: float = (shares @ parts) / count
        return found

    def _with(self, j: int, years: Collection[int], room: int) -> dict[int, Integers]:
        rooms = dict(self.rooms)
        for t in years:
            rooms[t] = rooms[t].copy()
            rooms[t][j] = room
        return rooms

    def _lives(self) -> dict[int, tuple[int, ...]]:
        """Return the years in which each candidate is open."""
        found: dict[int, list[int]] = {j: [] for j in self.movable}
        for j, t in sorted(self.is_open):
            if j in found:
                found[j].append(t)
        return {j: tuple(years) for j, years in found.items()}

    def _round(self) -> bool:
        """Look at every site, try the most promising exchanges, and tell whether any gained."""
        now = self._served(self.rooms)
        value, lives = self._value(now), self._lives()
        losses = {j: now - self._served(self._with(j, years, 0)) for j, years in lives.items() if years}
        gains = self._gains(now, [j for j, years in lives.items() if not years])
        promising: list[tuple[float, int, int, tuple[int, ...]]] = []
        for k, more in gains.items():
            for first in self.case.periods:
                life = tuple(self.case.periods[first:])
                cost = self._price(k, life)
                mask = np.array([t in life for t in self.years])
                if mask.any() and self.spent + cost <= self.allowed:
                    promising.append((self._value(now + more * mask), -1, k, life))
        out = list(losses)
        if out and gains:
            for k, more in gains.items():
                masks = np.array([[t in lives[j] for t in self.years] for j in out])
                trial = now + more * masks[:, None, :] - np.array([losses[j] for j in out])
                for j, found in zip(out, np.atleast_1d(self._value(trial)).tolist(), strict=True):
                    cost = self._price(k, lives[j]) - self._price(j, lives[j])
                    if found < value - _WORTH and self.spent + cost <= self.allowed:
                        promising.append((found, j, k, lives[j]))
        promising.sort()
        gained, gone = False, set[int]()
        tried = 0
        for _, j, k, life in promising:
            if j in gone or k in gone:
                continue
            tried += 1
            if tried > _TRIED:
                break
            if self._try(j, k, life):
                gained = True
                gone |= {j, k} - {-1}
        return gained

    def _gains(self, now: Floats, shut: Sequence[int]) -> dict[int, Floats]:
        """Return whom each site would add that does add somebody, in every possible district, by year [persons].

        What a site adds in one year has nothing to do with another.
        """
        found: dict[int, Floats] = {}
        able = set(shut)
        for d, district in enumerate(self.case.possible):
            for n, t in enumerate(self.years):
                wait = district.waiting(self.rooms[t], t)
                for k in sorted(able.intersection(district.sites[wait[district.groups]].tolist())):
                    rooms = self.rooms[t].copy()
                    rooms[k] = self.limits[k]
                    found.setdefault(k, np.zeros_like(now))[d, n] = district.served(rooms, t) - now[d, n]
        return dict(sorted(found.items()))

    def _try(self, j: int, k: int, life: tuple[int, ...]) -> bool:
        """Open a site for some years, and close another one that was open in these: keep it where it gains."""
        cost = self._price(k, life) - (0 if j < 0 else self._price(j, life))
        if self.spent + cost > self.allowed:
            return False
        before = self._value(self._served(self.rooms))
        rooms = {t: room.copy() for t, room in self.rooms.items()}
        for t in life:
            rooms[t][k] = self.limits[k]
            if j >= 0:
                rooms[t][j] = 0
        if self._value(self._served(rooms)) >= before - _WORTH or not self._may_keep(rooms, life):
            return False
        is_open = self.is_open - {(j, t) for t in life} | {(k, t) for t in life}
        if self.is_careful and not self.hedge.keeps_sites(is_open):
            return False
        self.is_open, self.rooms, self.spent = is_open, rooms, self.spent + cost
        return True

    def _may_keep(self, rooms: Mapping[int, Integers], life: Sequence[int]) -> bool:
        """Tell whether the district as it is can still have as many people served as some clause asks for."""
        return all(self.given.served(rooms[t], t) >= self.hedge.least_served[t] for t in life)

    def _price(self, j: int, life: Sequence[int]) -> int:
        """Return what a candidate costs in some years, its opening included [yuan]."""
        site = self.case.sites[j]
        return (site.opening if life else 0) + site.yearly * sum(self.case.spans[t] for t in life)


def _upgrades(layout: Layout) -> dict[tuple[str, int, int], Number]:
    return {about: number for about, number in layout.amounts.items() if about[0] == UPGRADED}
