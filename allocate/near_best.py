"""All plans that are nearly as good as one: what they must keep, as exact arithmetic and as a program of rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from allocate import decisions
from allocate.beside import bounds_beside
from allocate.case import Case
from allocate.changes import AsPlanned, Change
from allocate.coarse import Coarse
from allocate.details import carry_out
from allocate.goals import Goal
from allocate.layout import Layout
from allocate.merging import Gathered, merge_places, stand_for_later
from allocate.model import Model
from allocate.program import Objective, Options, Program
from allocate.rows import Column, Key, Number, Row, amount, opened, serves
from allocate.rules import Rule
from allocate.search import Layouts
from allocate.two_steps import (
    coarse_program,
    goals_of_sites,
    of_sites,
    staff_for,
    start_of,
    whole_program,
)
from allocate.worth import Worth

# The variable: by what share of its value in the plan a goal is worse, at most, over all goals that look at sites.
WORSE: Key = ("worse",)
# No goal may be worse than this share; whatever is asked lies far below it.
_MOST_WORSE = 100
_BETTER = -1
# Where links and years are no more than this, every row of the whole is written down, staff site by site.
_SMALL = 4_000
# Of a larger one, where nothing but sites is decided: links and years up to which every year says who goes where.
_FINE = 100_000
# Senses that stand at the end of a row's name where rows were added up.
_ADDED = frozenset({"<=", ">=", "=="})


@dataclass(frozen=True)
class Relaxed:
    """The rows that every near-best plan keeps.

    Attributes
    ----------
    is_whole
        Whether they are all rows, so that what keeps them in whole numbers is a near-best plan, months apart.
    start
        What the plan makes of the variables.
    """

    program: Program
    objective: Objective
    gathered: Gathered
    is_whole: bool
    start: Mapping[Key, float]


@dataclass(frozen=True)
class NearBest:
    """A plan, and what sets a plan apart that is nearly as good.

    Near-best is a plan of the same case that misses no row of a clause by more than this one, and of whose goals on
    sites none is worse by more than a share. Goals on postings and on consortia alone are left to be planned anew.
    """

    case: Case
    model: Model
    layout: Layout

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """Return the planned clauses and physics, by name."""
        return self.model.planned()

    @cached_property
    def goals(self) -> dict[str, Goal]:
        """Return the goals that look at sites, or at whom they serve."""
        return dict(goals_of_sites(self.model.goals))

    @cached_property
    def beside(self) -> tuple[str, ...]:
        """Return the goals that are left to be planned anew."""
        return tuple(name for name in self.model.goals if name not in self.goals)

    @cached_property
    def values(self) -> dict[str, Fraction]:
        """Return what the goals are in the plan."""
        return {name: Fraction(goal.value(self.case, self.layout)) for name, goal in self.goals.items()}

    @cached_property
    def missed(self) -> dict[str, dict[Key, Number]]:
        """Return by how much the plan misses each clause, by what is missed."""
        return {
            name: {breach.about: breach.shortfall for breach in rule.breaches(self.case, self.layout)}
            for name, rule in self.rules.items()
        }

    @cached_property
    def last(self) -> int:
        """Return the index of the last plan year, in which a site is open or not."""
        return self.case.periods[-1]

    @cached_property
    def decided(self) -> tuple[int, ...]:
        """Return the sites that the model decides."""
        return tuple(
            j for j, site in enumerate(self.case.sites) if site.kind in self.model.siting and not site.is_fixed
        )

    @cached_property
    def standing(self) -> frozenset[int]:
        """Return the decided sites that are open in the plan's last year."""
        return self.stand_in(self.layout)

    def stand_in(self, layout: Layout) -> frozenset[int]:
        """Return the decided sites that are open in the last year of a layout."""
        return frozenset(j for j in self.decided if (j, self.last) in layout.open)

    def share_worse(self, name: str, value: Fraction) -> Fraction | None:
        """Return by what share of the plan's value a goal is worse; None where that is nothing, and this is more."""
        now = self.values[name]
        if not now:
            return None if value > 0 else Fraction(0)
        return (value - now) / abs(now)

    def distance(self, layout: Layout) -> Fraction | None:
        """Return by what share the worst of the goals is worse; None where a clause is missed more, or it cannot be."""
        case = self.case
        if next(decisions.breaches(case, layout), None) is not None:
            return None
        for name, rule in self.rules.items():
            before = self.missed[name]
            if any(one.shortfall > before.get(one.about, 0) for one in rule.breaches(case, layout)):
                return None
        return self._farthest({name: Fraction(goal.value(case, layout)) for name, goal in self.goals.items()})

    # ---- complete changes of the plan

    @cached_property
    def planned(self) -> AsPlanned:
        """Return the plan as changes are measured against it."""
        return AsPlanned(self.case, self.layout, self.rules)

    @cached_property
    def worth(self) -> Worth:
        """Return what makes changes of single sites."""
        return Worth(self.planned, self.model.siting, self.model.goals)

    def changed(self, change: Change | None) -> Fraction | None:
        """Return the distance of a changed plan; None where it is no plan, or misses a clause by more.

        What a change does was worked out row by row; of a small case everything is gone over once more.
        """
        if change is None or not change.can_be or change.misses():
            return None
        if is_small(self.case):
            return self.distance(change.layout())
        worse = {name: Fraction(self.worth.difference(name, change)) for name in self.goals}
        return self._farthest({name: self.values[name] + more for name, more in worse.items()})

    def _farthest(self, values: Mapping[str, Fraction]) -> Fraction | None:
        shares = [self.share_worse(name, value) for name, value in values.items()]
        if any(share is None for share in shares):
            return None
        return max((share for share in shares if share is not None), default=Fraction(0))

    def dropped(self, j: int) -> Change | None:
        """Return the change in which a site is gone."""
        return None if self.worth.hindrance(j) else self.worth.drop(j)

    def swapped(self, j: int, k: int, on: Change | None = None) -> Change | None:
        """Return the change in which a spot takes the place of a site, on top of another where one is given."""
        return None if self.worth.hindrance(j) else self.worth.swap(j, k, on)

    def carried_out(self, change: Change, options: Options) -> Layout:
        """Return the plan of a change, with its months and weekdays."""
        return carry_out(self.case, self.model, Layouts(change.layout(), {}, {}, ""), options).layout

    def split(self, j: int, k: int, also: int) -> Change | None:
        """Return the change in which two spots take the place of a site together."""
        if self.worth.hindrance(j):
            return None
        one = self.added(also, [t for t in self.case.periods if (j, t) in self.layout.open])
        return None if one is None else self.worth.swap(j, k, one)

    def added(self, k: int, years: Sequence[int]) -> Change | None:
        """Return the change in which one more site opens, and serves those to whom it is nearest.

        It has the functions of the nearest open site of its kind, and the least staff of any such site.
        """
        case, layout = self.case, self.layout
        change, has = Change(self.planned), set[str]()
        change.open(k, years)
        for t in years:
            alike = [
                j for j in self.by_distance(k) if (j, t) in layout.open and case.sites[j].kind == case.sites[k].kind
            ]
            for name in case.resources:
                least = min((int(layout.amounts.get((name, j, t), 0)) for j in alike), default=0)
                change.put(amount(name, k, t), min(least, case.posts(name, k)))
            for name in self.planned.functions_of.get(alike[0], ()) if alike else ():
                if layout.has(name, alike[0], t) and k in case.havers.get(name, ()):
                    self.worth.take_over(change, name, alike[0], k, t)
                    has.add(name)
            for i in sorted(case.places_of[k], key=lambda i: (case.seconds[i, k], i)):
                if case.level:
                    break
                for j in sorted(case.sites_of[i], key=lambda j: (-case.seconds[i, j], j)):
                    people = change.of(serves(i, j, t))
                    if j == k or not people or case.seconds[i, j] <= case.seconds[i, k]:
                        continue
                    room = change.room(k, t)
                    going = min(people, case.most(i, k, t)) if room is None else min(people, room, case.most(i, k, t))
                    if going > 0:
                        change.send(i, j, t, -going)
                        change.send(i, k, t, going)
            for name, _ in case.sites[k].per_staff:
                change.staff(name, k, t)
        change.begin(k, sorted(has))
        change.settle()
        return change if change.can_be and change.follows(k, sorted(has)) else None

    # ---- complete plans of chosen sites

    def completed(self, is_open: Collection[tuple[int, int]], options: Options) -> Layout:
        """Return a plan of the sites that are open, with all else planned anew: who goes where, staff, months."""
        case, goals = self.case, self.model.goals
        layout, _ = staff_for(case, Layout(frozenset(is_open)), self.rules, goals, None, options, self.bounds_beside)
        return carry_out(case, self.model, Layouts(layout, {}, {}, ""), options).layout

    @cached_property
    def bounds_beside(self) -> dict[str, float]:
        """Return what no plan that misses no clause falls below, of goals on postings or consortia alone."""
        return bounds_beside(self.case, self.rules, self.model.goals, Options(seconds=60.0, threads=1))

    # ---- what every near-best plan keeps

    def relaxed(self) -> Relaxed:
        """Return the rows that every near-best plan keeps; what is made small is by what share the worst goal is worse.

        Of a large case with staff, staff is summed up by employer and so are later years (see `coarse`), which makes
        it a relaxation.
        """
        gathered = merge_places(self.case, self.rules.values(), self.goals.values())
        case = gathered.case
        coarse: Coarse | None = None
        if is_small(self.case):
            program, asked = whole_program("near_best", case, self.rules, self.goals, implied=True)
        else:
            coarse = Coarse(case, self._fine_years())
            program, asked = coarse_program("near_best", coarse, self.rules, self.goals)
        program.narrow(self._most_missed(program))
        program.add_columns([Column(WORSE, low=_BETTER, high=_MOST_WORSE)])
        for name, goal in self.goals.items():
            terms = goal.terms(case)
            seen = coarse.terms(terms) if coarse else terms
            told = {key: Fraction(times) for key, times in seen.items() if key in program.keys}
            program.add_rows("near", [self._no_worse(name, told, Fraction(goal.constant(case)))])
        start, _ = start_of(case, asked, self.rules, gathered.gather(self.layout), coarse)
        return Relaxed(program, Objective("worse", {WORSE: 1}), gathered, coarse is None, start | {WORSE: 0.0})

    def _fine_years(self) -> frozenset[int]:
        if not self.case.resources and _size(self.case) <= _FINE:
            return frozenset(self.case.periods)
        reduced = stand_for_later(self.case, of_sites(self.case, self.rules).values())
        return frozenset(reduced.year_of.index(n) for n in range(len(reduced.case.years)))

    def _no_worse(self, name: str, terms: Mapping[Key, Fraction], constant: Fraction) -> Row:
        now = self.values[name]
        scale = max((abs(times) for times in terms.values()), default=Fraction(1)) or Fraction(1)
        row = {key: times / scale for key, times in terms.items()}
        if now:
            row[WORSE] = -abs(now) / scale
        return Row((name,), row, "<=", (now - constant) / scale)

    def _most_missed(self, program: Program) -> dict[Key, Number]:
        """Return the most that every row of a clause may be missed by."""
        most: dict[Key, Number] = {}
        for key in program.keys:
            if key[0] != "short":
                continue
            missed, about = self.missed[str(key[1])], key[2:]
            # (The sum of rows is missed by no more than all of them together.)
            is_added = bool(about) and about[-1] in _ADDED
            most[key] = sum(missed.values(), Fraction(0)) if is_added else missed.get(about, 0)
        return most

    def by_distance(self, j: int) -> list[int]:
        """Return the decided sites, itself among them, the nearest first."""
        x, y = self.case.spots[j].tolist()

        def apart(k: int) -> tuple[float, int]:
            return float((self.case.spots[k][0] - x) ** 2 + (self.case.spots[k][1] - y) ** 2), k

        return sorted(self.decided, key=apart)

    def held(self, free: Collection[int]) -> dict[Key, Number]:
        """Return all decided sites but some as they are in the plan, in every year."""
        return {
            opened(j, t): int((j, t) in self.layout.open)
            for j in self.decided
            if j not in free
            for t in self.case.periods
        }

    def open_in(self, values: Mapping[Key, float]) -> frozenset[tuple[int, int]]:
        """Return what is open where variables have these values."""
        return frozenset(
            (j, t) for t in self.case.periods for j in range(len(self.case.sites)) if values[opened(j, t)] > 0.5
        )


def is_small(case: Case) -> bool:
    """Tell whether every row of a case is written down."""
    return _size(case) <= _SMALL


def _size(case: Case) -> int:
    return len(case.links.places) * len(case.periods)
