"""Named months and weekdays: rosters and timetables of a plan, and what they teach the plan when they do not work out.

The plan says how many tours and visits there are. Here every year's tours get their months (`roster`) and every
base's visits their half-days (`timetable`), each exactly. What cannot be done comes back as rows that the next plan
must keep (`Case.cuts`); what still cannot be done after some rounds is left out of the plan, and missed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from allocate.beside import bounds_beside
from allocate.case import Case
from allocate.decisions.functions import follow_postings
from allocate.decisions.outreach import ENOUGH
from allocate.decisions.posting import FEWER, pairs
from allocate.errors import NoPlanError
from allocate.layout import Layout
from allocate.model import Model
from allocate.outgoing import asked_of, bases, carried, is_cyclic, releases, sent, staff, wanted
from allocate.postings import MONTHS
from allocate.posts import employ_spare
from allocate.program import Options
from allocate.roster import cuts as roster_cuts
from allocate.roster import make_roster
from allocate.rows import Key, Number, Row, amount, tours, visits
from allocate.rules import Rule
from allocate.search import Layouts
from allocate.sessions import Visit
from allocate.stages import stage_values
from allocate.timetable import cuts as timetable_cuts
from allocate.timetable import make_timetable
from allocate.tours import Cut, Roster, Sent, Tour, Wanted
from allocate.two_steps import PART_OF_GAP, staff_for

# A pool, the months of a tour, a site and a year.
AboutTour = tuple[int, int, int, int]
# How often what was learnt goes back into the plan.
_ROUNDS = 3


@dataclass(frozen=True)
class Detailed:
    """A layout with its rosters and timetables.

    Attributes
    ----------
    layout
        What can be carried out: tours and visits that found no place are left out.
    left
        How many tours and visits were left out.
    cuts
        What a plan must keep so that they need not be.
    """

    layout: Layout
    left: int
    cuts: tuple[Row, ...]


def in_detail(case: Case, rules: Mapping[str, Rule], layout: Layout) -> Detailed:
    """Return a layout with named months and weekdays."""
    told = list(rules.values())
    layout = _no_idle_teams(case, told, layout)
    rosters, tour_cuts, tours_left = _rosters(case, told, layout)
    timetables, visit_cuts, visits_left = _timetables(case, layout)
    numbers = {about: n - tours_left[about] for about, n in layout.tours.items()}
    can_do = replace(
        layout,
        tours={about: n for about, n in numbers.items() if n > 0},
        visits=layout.visits - visits_left,
        roster=rosters,
        timetable=timetables,
    )
    # (Where no expert comes, there is nothing of what comes with one.)
    can_do = follow_postings(case, can_do)
    return Detailed(can_do, sum(tours_left.values()) + len(visits_left), (*tour_cuts, *visit_cuts))


def carry_out(case: Case, model: Model, found: Layouts, options: Options, gap: float | None = None) -> Layouts:
    """Return a plan whose tours and visits have their months and weekdays.

    What cannot be done comes back as rows that the staff, tours and visits are chosen by once more, for the sites that
    are open; what was proven before of all plans is true of these too.
    """
    if not found.layout.tours and not found.layout.visits and not case.carried:
        return found
    rules, goals = model.planned(), model.goals
    best = in_detail(case, rules, found.layout)

    def value(one: Detailed) -> tuple[Number, ...]:
        return tuple(stage_values(case, rules, goals, one.layout).values())

    # (Nothing is searched again where nothing was left out.)
    told, proved = case, bounds_beside(case, rules, goals, options) if best.left else {}
    for n in range(_ROUNDS):
        if not best.left or not best.cuts:
            break
        fresh = [replace(row, about=(*row.about, n)) for row in best.cuts]
        told = replace(told, cuts=(*told.cuts, *fresh))
        try:
            layout, _ = staff_for(
                told, best.layout, rules, goals, gap, options, proved, start=best.layout, part=1 - PART_OF_GAP
            )
        except NoPlanError:
            # (What can be carried out is known, and is worth more than no plan.)
            break
        again = in_detail(case, rules, layout)
        best = replace(min(best, again, key=value), left=again.left, cuts=again.cuts)
    layout = employ_spare(case, rules.values(), best.layout)
    values = stage_values(case, rules, goals, layout)
    bounds = {name: min(bound, float(values[name])) for name, bound in found.bounds.items() if name in values}
    return replace(found, layout=layout, bounds=bounds)


def _rosters(
    case: Case, rules: Sequence[Rule], layout: Layout
) -> tuple[dict[int, tuple[Tour, ...]], list[Row], Counter[AboutTour]]:
    """Return the roster of every year, what it teaches, and the tours that are left out.

    Where a site has nobody in some month, the tours that should have been there are left out until the plan claims no
    more than the roster holds.
    """
    found: dict[int, tuple[Tour, ...]] = {}
    learnt: list[Row] = []
    left: Counter[AboutTour] = Counter()
    for t in case.periods:
        now = layout
        made, wants = _roster(case, rules, now, t)
        if made.gaps or made.left:
            learnt += _learnt(case, sent(now, t), wants, t)
        while out := _left_out(made, wants, now, t):
            left.update(out)
            now = replace(now, tours={about: number - out[about] for about, number in now.tours.items()})
            made, wants = _roster(case, rules, now, t)
        if made.tours:
            found[t] = made.tours
    return found, learnt, left


def _roster(case: Case, rules: Sequence[Rule], layout: Layout, t: int) -> tuple[Roster, tuple[Wanted, ...]]:
    """Return the roster of a year, and what it is to give every site."""
    wants = wanted(case, rules, layout, t)
    asked, before, there = sent(layout, t), carried(case, t), staff(case, layout, t)
    return make_roster(releases(case), asked, wants, before, cyclic=is_cyclic(case, t), staff=there), wants


def _left_out(made: Roster, wants: Sequence[Wanted], layout: Layout, t: int) -> Counter[AboutTour]:
    """Return the tours to leave out of a plan: those without a place, else one where a site has nobody; none if right.

    Without that one the plan claims one person less at the site.
    """
    if made.left:
        return Counter({(one.pool, one.months, one.to, t): one.number for one in made.left})
    if not made.gaps:
        return Counter()
    want = wants[min(made.gaps)[0]]
    there = (
        (p, months, j, u)
        for (p, months, j, u), number in layout.tours.items()
        if (j, u) == (want.to, t) and number and (p, months) in want.counts
    )
    return Counter([min(there)])


def _learnt(case: Case, asked: Sequence[Sent], wants: Sequence[Wanted], t: int) -> Iterator[Row]:
    """Yield what a year of tours for which there is no roster teaches every plan."""
    possible = [(p, j, months) for p, months, j in pairs(case)]
    told = roster_cuts(releases(case), asked, wants, possible, carried(case, t), cyclic=is_cyclic(case, t))
    for k, cut in enumerate(told):
        yield from _roster_cut(case, k, cut, wants, t)


def _roster_cut(case: Case, k: int, cut: Cut, wants: Sequence[Wanted], t: int) -> Iterator[Row]:
    """Yield what a cut of a year's roster says of every plan.

    It was found for so many experts wanted at each site in every month. A plan that sends a site fewer post-months than
    these take does not claim them: then all of them may be missing there, and the cut gives way by as much.
    """
    terms: dict[Key, Number] = {tours(p, months, j, t): times for (p, j, months), times in cut.terms.items()}
    for i, times in cut.eased.items():
        want = wants[i]
        full = MONTHS * want.number
        sent: dict[Key, Number] = {tours(p, months, want.to, t): months for p, months in want.counts}
        more = sum(case.pools[p].post_months for p in {p for p, _ in want.counts}) - (full - 1)
        fewer: Key = (FEWER, want.number, *(n for one in sorted(want.counts) for n in one), want.to, t)
        terms[fewer] = -times * full
        yield Row(("roster claims", k, i, case.years[t]), sent | {fewer: more}, "<=", full - 1 + more)
    yield Row(("roster", k, case.years[t]), terms, "<=", cut.most)


def _no_idle_teams(case: Case, rules: Sequence[Rule], layout: Layout) -> Layout:
    """Return the layout with no more teams going out than their timetable takes.

    A team of people who are employed anyway costs nothing, so a plan may have any number of them. Where a clause counts
    teams, or they cost something, they stay.
    """
    counted = {name for rule in rules for name in rule.resources}
    amounts = dict(layout.amounts)
    for name, way in case.ways.items():
        what = way.plan.resource
        if what in case.employed or what in counted or case.resources[what].yearly:
            continue
        out = {(j, t) for way_name, j, t in bases(layout) if way_name == name}
        for j in case.holders(what)[1]:
            for t in case.periods:
                if (j, t) not in out:
                    amounts.pop((what, j, t), None)
        for j, t in sorted(out):
            there, mine, home = asked_of(case, layout, name, j, t)
            least = -(-len(mine) * way.plan.load // max(1, way.plan.room))
            for teams in range(least, there.teams):
                if not make_timetable(replace(there, teams=teams), mine, home, way.between).left:
                    amounts[what, j, t] = teams
                    break
    return replace(layout, amounts=amounts)


def _timetables(
    case: Case, layout: Layout
) -> tuple[dict[tuple[str, int, int], tuple[Visit, ...]], list[Row], frozenset[tuple[str, int, int, int]]]:
    """Return the timetable of every base, what it teaches, and the visits that are left out."""
    found: dict[tuple[str, int, int], tuple[Visit, ...]] = {}
    learnt: list[Row] = []
    left: set[tuple[str, int, int, int]] = set()
    for name, j, t in bases(layout):
        way = case.ways[name]
        there, mine, home = asked_of(case, layout, name, j, t)
        made = make_timetable(there, mine, home, way.between)
        if made.visits:
            found[name, j, t] = made.visits
        left |= {(name, stop, j, t) for stop in made.left}
        for k, cut in enumerate(timetable_cuts(there, mine, home, way.between) if made.left else ()):
            about = (name, case.sites[j].id, case.years[t], k)
            enough: Key = (ENOUGH, name, *sorted(cut.stops), cut.teams, j, t)
            terms: dict[Key, Number] = {visits(name, stop, j, t): 1 for stop in cut.stops}
            learnt.append(Row(("timetable", *about), terms | {enough: cut.most - len(cut.stops)}, "<=", cut.most))
            teams: dict[Key, Number] = {enough: cut.teams + 1, amount(way.plan.resource, j, t): -1}
            learnt.append(Row(("timetable teams", *about), teams, "<=", 0))
    return found, learnt, frozenset(left)
