"""Sites first, then staff: two searches far smaller than the whole, the first of which proves what both find.

The sites are laid out in a program in which the staff is summed up by employer (`coarse.Coarse`), and in which
only the years that stand for later ones (`merging.stand_for_later`) say who goes where. Then the staff is chosen, and
who goes where, for what is open. Where the plan that comes out is within the gap of what the first program proves,
nothing else need be searched.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from types import MappingProxyType

from allocate import decisions, stopping
from allocate.beside import bounds_beside
from allocate.case import Case
from allocate.coarse import Coarse
from allocate.decisions import outreach, siting
from allocate.decisions.functions import follow_postings
from allocate.errors import NoPlanError
from allocate.goals import Goal
from allocate.greedy import greedy
from allocate.layout import Layout, send_nearest
from allocate.life import moved
from allocate.merging import merge_places, stand_for_later
from allocate.posts import employ_spare, staff
from allocate.program import Options, Program, Progress
from allocate.resources import SPARE, flow
from allocate.rows import (
    LEADS,
    UPGRADED,
    Key,
    Number,
    Row,
    Strength,
    amount,
    begins,
    contract,
    joins,
    linked,
    moves,
    opened,
    opens,
    served,
    serves,
    tours,
    visits,
    without,
)
from allocate.rules import Reach, Rule, to_go, to_stand
from allocate.settle import beside_sites, settle
from allocate.staged import (
    Listener,
    Stage,
    Staged,
    as_numbers,
    as_plans,
    no_helpers,
    proven,
    search_stages,
    stages,
    tell_plan,
)
from allocate.stages import clause_values, goal_values, stage_values

Rules = Mapping[str, Rule]
Goals = Mapping[str, Goal]
Asked = Mapping[str, Sequence[Row]]
_SETTLE_SECONDS = 30.0
# The second step is a matter of seconds; what it may take of the time, should it not be.
_STAFF_SHARE = 0.25
_QUICK_STAFF_GAP = 0.01
# What of a gap the first step may use up; the rest is for whole numbers of staff.
PART_OF_GAP = 0.5
# A proof of the goals that look at people takes half a minute; it is looked for in any case, for so long at most [s],
# and for such a share of the time that there was.
_PROOF_SECONDS, _PROOF_SHARE = 60.0, 0.3
# Such a proof is far from what any plan can be: its own relaxation need not be solved closely.
_PROOF_GAP = 0.05


@dataclass(frozen=True)
class Steps:
    """What the two searches found together.

    Attributes
    ----------
    layout
        The plan, in whole people.
    values
        What every stage is worth in it.
    bounds
        What is proven of the whole, by stage; a stage that is not in it is not proven.
    """

    layout: Layout
    values: Mapping[str, Number]
    bounds: Mapping[str, float]
    seconds: Mapping[str, float]
    logs: tuple[str, ...]
    left: float


@dataclass(frozen=True)
class Begun:
    """A plan that misses no clause, from which the first step goes on as it stands.

    Attributes
    ----------
    bounds
        What no plan that misses no clause falls below, by goal.
    """

    layout: Layout
    bounds: Mapping[str, float]


def in_two_steps(
    case: Case,
    rules: Rules,
    goals: Goals,
    gap: float | None,
    options: Options,
    listen: Listener | None = None,
    start: Layout | None = None,
    begun: Begun | None = None,
) -> Steps:
    """Lay out the sites, then their staff; `start` is an earlier plan, to begin with where it is the better one.

    `begun` is a plan to go on from in any case, of which something is proven already.

    Raises
    ------
    NoPlanError
        When nothing was found in the time given.
    """
    asked = replace(options, seconds=options.seconds * (1 - _STAFF_SHARE))
    first, is_open, sites = _sites_first(case, rules, goals, gap, asked, listen, start, begun)
    left = replace(options, seconds=sites.left + options.seconds * _STAFF_SHARE)
    beside = {} if stopping.is_asked() else bounds_beside(case, rules, goals, left)
    # (Where its sites are still the best that are known, so may be its staff.)
    staffed_so = begun.layout if begun is not None and case.resources and begun.layout.open == is_open.open else None
    # (A quick look may leave sites as they began. Staff costs more, and is chosen in seconds.)
    staff_gap = min(gap, _QUICK_STAFF_GAP) if gap is not None and options.quick else gap
    # (What the first step used up of a gap is gone: together, the two are to be within it.)
    part = 1.0 if options.quick else 1 - PART_OF_GAP
    layout, people = staff_for(case, is_open, rules, goals, staff_gap, left, beside, staffed_so, listen, part=part)
    # (A clock may end a search where it is worse than what needs none: never less than that is given.)
    layout, values = min(
        ((one, stage_values(case, rules, goals, one)) for one in (layout, employ_spare(case, rules.values(), first))),
        key=lambda found: tuple(found[1].values()),
    )
    clauses = {name: value for name, value in values.items() if name not in goals}
    bounds = proven(sites, values)
    if not any(clauses.values()):
        bounds |= {name: min(bound, float(values[name])) for name, bound in beside.items()}
    tell_plan(listen, next(iter(goals), ""), layout)
    if not options.quick and not stopping.is_asked() and not any(clauses.values()):
        least = min(_PROOF_SECONDS, _PROOF_SHARE * options.seconds)
        in_time = replace(options, seconds=max(people.left, least))
        bounds |= _of_all_years(case, rules, goals, layout, bounds, in_time, listen)
    seconds = {
        name: sites.seconds.get(name, 0.0) + people.seconds.get(name, 0.0)
        for name in {**sites.seconds, **people.seconds}
    }
    return Steps(layout, values, bounds, seconds, (*sites.logs, *people.logs), people.left)


def coarse_program(name: str, coarse: Coarse, rules: Rules, goals: Goals) -> tuple[Program, Asked]:
    """Return the program of the sums, and the rows of its rules."""
    case, program = coarse.case, Program(name)
    program.add_columns(coarse.columns())
    sees_links = any(goal.sees_links for goal in goals.values())
    program.add_rows("siting", coarse.rows(siting.rows(case, implied=sees_links)))
    program.add_rows("staff", coarse.rows(decisions.rows_beside_sites(case)))
    program.add_rows("posts", coarse.rows(_rooms(case)))
    asked = {name: tuple(coarse.rows(rule.rows(case))) for name, rule in rules.items()}
    add_rules(program, case, rules, asked, coarse.rows)
    for name, goal in goals.items():
        program.add_columns(goal.columns(case))
        program.add_rows(name, coarse.rows(goal.rows(case)))
    return program, asked


def _rooms(case: Case) -> Iterator[Row]:
    """Yield: no site serves more people than it could with all its posts filled, and nobody while it is closed.

    The staff of single sites implies it; its sum by employer does not.
    """
    for t in case.periods:
        for j, site in enumerate(case.sites):
            room = min((people * case.posts(name, j) for name, people in site.per_staff), default=None)
            # (Where a rule on the site's own room allows no more, that rule says it.)
            if room is not None and room == site.capacity and case.places_of[j]:
                load: dict[Key, Number] = {serves(i, j, t): 1 for i in case.places_of[j]}
                load[opened(j, t)] = -room
                if site.most is not None and site.most > room:
                    load[amount(UPGRADED, j, t)] = room - site.most
                yield Row((site.id, case.years[t]), load, "<=", 0)


def _wanted(
    coarse: Coarse,
    program: Program,
    goals: Goals,
    gap: float | None,
    proved: Mapping[str, float] = MappingProxyType({}),
) -> list[Stage]:
    """Return the stages of a program of sums."""
    found = stages(program, goals, coarse.case, gap, coarse.terms, proved)
    # (What a goal's own whole variables are best, those who go somewhere say, whom a sum does not tell apart.)
    return [replace(stage, helpers=no_helpers) for stage in found]


def first_plan(case: Case, rules: Rules, goals: Goals, start: Layout | None) -> Layout:
    """Return a plan to begin with: the greedy one, or one with the sites of an earlier plan where that does better."""
    plans = [staff(case, rules.values(), greedy(case, rules.values()))]
    if start is not None:
        plans.append(staffed(case, rules, Layout(start.open)))
    if len(plans) == 1:
        return plans[0]
    return min(plans, key=lambda one: tuple(stage_values(case, rules, goals, one).values()))


def _sites_first(
    full: Case,
    rules: Rules,
    every: Goals,
    gap: float | None,
    options: Options,
    listen: Listener | None,
    earlier: Layout | None = None,
    sited: Begun | None = None,
) -> tuple[Layout, Layout, Staged]:
    """Return a first plan; then what is open, and what was proven, where staff and later years are summed up."""
    # (Who is posted where, and who joins whom, is chosen with the staff.)
    goals = goals_of_sites(every)
    reduced = stand_for_later(full, of_sites(full, rules).values())
    fine = frozenset({reduced.year_of.index(n) for n in range(len(reduced.case.years))})
    gathered = merge_places(full, rules.values(), goals.values())
    case = gathered.case
    coarse = Coarse(case, fine)
    program, asked = coarse_program("sites", coarse, rules, goals)
    begun = first_plan(case, rules, goals, earlier) if sited is None else gathered.gather(sited.layout)
    tell_plan(listen, next(iter(goals), ""), gathered.expand(begun))
    start, known = start_of(case, asked, rules, begun, coarse)
    proved = {} if sited is None else sited.bounds
    worth = goal_values(case, {name: goals[name] for name in proved}, begun)
    known |= {name: (worth[name], bound) for name, bound in proved.items()}
    is_all_fine = len(fine) == len(full.years)
    # (A quick look is content with a gap that the second step may widen.)
    part = 1.0 if options.quick else PART_OF_GAP
    wanted = [
        replace(
            stage,
            gap=stage.gap * part if stage.name in goals else stage.gap,
            # What some years prove of a goal that looks at the people of all is worth little: see `_of_all_years`.
            # Where links matter, a neighbourhood takes seconds: half of them go once over the district.
            every=2 if stage.objective.sees_links else 1,
            prove=is_all_fine or stage.name not in goals or not goals[stage.name].sees_people,
        )
        for stage in _wanted(coarse, program, goals, gap, proved)
    ]
    near = [[key for key in keys if key in program.keys] for keys in siting.neighbourhoods(case)]

    def planned(value: Callable[[Key], float]) -> Layout:
        return staffed(full, rules, Layout(open_sites(case, value)))

    found = search_stages(program, wanted, start, known, options, near, as_plans(listen, planned))
    if not is_all_fine:
        found.bounds = {
            name: bound for name, bound in found.bounds.items() if name not in goals or not goals[name].sees_people
        }
    first = gathered.expand(begun)
    if found.values is None:
        return first, first, found
    known_values = found.values

    def value(key: Key) -> float:
        return known_values(key) if key in program.keys else 0.0

    sites = Layout(open_sites(case, value))
    if not stopping.is_asked():
        in_time = replace(options, seconds=max(found.left, _SETTLE_SECONDS))
        # (Sums of staff may let a site serve more than its own could: the nearest ones have to do then.)
        with suppress(NoPlanError):
            sites = _sent(full, gathered.spread(value), in_time)
    return first, sites, found


def _sent(case: Case, value: Callable[[Key], float], options: Options) -> Layout:
    """Return the sites that a program of sums opens, with who goes where in whole people, as if all posts were filled.

    In years in which the program only sums people up, as many are served as there is room for, each as near as can be.
    """
    upgrades = ((j, t) for j in range(len(case.sites)) for t in case.periods if value(amount(UPGRADED, j, t)) > 0.5)
    larger = Layout(frozenset(), amounts={(UPGRADED, j, t): 1 for j, t in upgrades})
    is_open = open_sites(case, value)
    posts = {
        amount(name, j, t): larger.is_upgraded(j, t) * case.more_posts(name, j) + case.posts(name, j)
        for j, t in sorted(is_open)
        for name, _ in case.sites[j].per_staff
    }
    filled = {**posts, **{amount(*about): 1 for about in larger.amounts}}

    def taken(key: Key) -> float:
        match key:
            case ("open", int(j), int(t)):
                return float((j, t) in is_open)
        return float(filled[key]) if key in filled else value(key)

    found = settle(case, taken, options, filled)
    return Layout(found.open, found.serve, larger.amounts)


def open_sites(case: Case, value: Callable[[Key], float]) -> frozenset[tuple[int, int]]:
    """Return the sites that are open in every year where a program's variables can be looked up."""
    return frozenset((j, t) for t in case.periods for j in range(len(case.sites)) if value(opened(j, t)) > 0.5)


def repaired(case: Case, rules: Rules, start: Layout) -> Layout:
    """Return an earlier plan, changed where a rule that names sites has it otherwise: see `named_sites`.

    Sites are opened and closed as the rules say; where clauses miss what was closed, others are opened for it. Whoever
    still can, goes where he went, and the others to the nearest site that has room. Who worked at a site that closes
    works at others of the same employer, where posts are free; or else all staff is chosen anew.
    """
    named = [rule for rule in rules.values() if to_stand(rule) or to_go(rule)]
    if not any(True for rule in named for _ in rule.breaches(case, start)):
        return start
    plans: list[Layout] = []
    for made in _ways(case, rules, named, start):
        plans.append(made)
        if is_sound(case, rules, made) and not _misses(case, rules, made):
            return made
    return min(plans, key=lambda one: (not is_sound(case, rules, one), *clause_values(case, rules, one).values()))


def _ways(case: Case, rules: Rules, named: Sequence[Rule], start: Layout) -> Iterator[Layout]:
    """Yield an earlier plan with named sites as they should be, the way that changes least of it first."""
    every = list(rules.values())
    # (Where teams go round, or others are posted, a place may do without a site.)
    sited = [rule for rule in every if not (isinstance(rule, Reach) and rule.or_by)]
    for asked in (named, sited) if case.resources else ():
        moved_on = employ_spare(case, every, _without_closed(case, start, greedy(case, asked, start)))
        yield send_nearest(case, moved_on, partial(moved_on.room, case), start.serve)
    for asked in (sited, every) if len(sited) < len(every) else (every,):
        sites = Layout(greedy(case, asked, start).open)
        yield staff(case, every, send_nearest(case, sites, lambda j, _: case.sites[j].capacity, start.serve))


def _without_closed(case: Case, start: Layout, sites: Layout) -> Layout:
    """Return what an earlier plan decides for the sites that stay open, and for those that open; nobody is served yet.

    Whoever is employed and worked elsewhere has no post yet.
    """
    amounts: dict[tuple[str, int, int], Number] = {}
    for (what, j, t), number in start.amounts.items():
        is_post = what in case.resources or what in case.abilities or what in (UPGRADED, LEADS)
        if not is_post or (j, t) in sites.open:
            amounts[what, j, t] = amounts.get((what, j, t), 0) + number
        elif what in case.employed:
            spare = (flow(what, SPARE), case.employer_of[j], t)
            amounts[spare] = amounts.get(spare, 0) + number
    return Layout(
        sites.open,
        amounts=amounts,
        tours={about: n for about, n in start.tours.items() if about[-2:] in sites.open},
        visits=frozenset(about for about in start.visits if about[-2:] in sites.open),
        members=frozenset((j, k, t) for j, k, t in start.members if {(j, t), (k, t)} <= sites.open),
        links=frozenset((name, j, k, t) for name, j, k, t in start.links if {(j, t), (k, t)} <= sites.open),
        contracts=frozenset((h, j, t) for h, j, t in start.contracts if (j, t) in sites.open),
    )


def is_sound(case: Case, rules: Rules, layout: Layout) -> bool:
    """Tell whether a plan can be: from plain data, whatever a solver says."""
    physics = (rule for rule in rules.values() if rule.is_physics)
    return not any(True for _ in decisions.breaches(case, layout)) and not any(
        True for rule in physics for _ in rule.breaches(case, layout)
    )


def _misses(case: Case, rules: Rules, layout: Layout) -> bool:
    """Tell whether a plan misses any clause."""
    return any(clause_values(case, rules, layout).values())


def whole_start(case: Case, rules: Rules, start: Layout | None) -> Begun | None:
    """Return an earlier plan to go on from as it stands, where it can be and misses no clause; nothing is proven of it.

    None where it is none: then its sites are what helps.
    """
    if start is None or case.cuts or _misses(case, rules, start) or not is_sound(case, rules, start):
        return None
    return Begun(start, {})


def _first_staffed(case: Case, rules: Rules, goals: Goals, layout: Layout) -> Layout:
    """Return first staff for sites and those who go there; where that misses a clause, the nearest may do better."""
    if not layout.serve:
        return staffed(case, rules, layout)
    found = staff(case, rules.values(), layout)
    if not _misses(case, rules, found):
        return found
    plans = (found, staffed(case, rules, Layout(layout.open)))
    return min(plans, key=lambda one: tuple(stage_values(case, rules, goals, one).values()))


def staffed(case: Case, rules: Rules, layout: Layout) -> Layout:
    """Return the open sites of a layout with everybody sent to the nearest one, and with first staff everywhere."""
    return staff(case, rules.values(), send_nearest(case, layout, lambda j, _: case.sites[j].capacity))


def goals_of_sites(goals: Goals) -> Goals:
    """Return the goals that look at sites or whom they serve."""
    return {name: goal for name, goal in goals.items() if not goal.beside}


def of_sites(case: Case, rules: Rules) -> dict[str, Rule]:
    """Return the rules that ask something of sites and of whom they serve, and nothing of staff or of its pay."""
    return {
        name: rule
        for name, rule in rules.items()
        if rule.needs.isdisjoint({"staff", "functions", "consortia", "contracts"})
        and not (rule.spends and case.resources)
    }


def _of_all_years(
    full: Case,
    rules: Rules,
    every: Goals,
    layout: Layout,
    bounds: Mapping[str, float],
    options: Options,
    listen: Listener | None = None,
) -> dict[str, float]:
    """Return what the linear relaxation of all years proves of the goals that nothing is proven of yet.

    Clauses are kept, and each goal before is no worse than in the plan.
    """
    found: dict[str, float] = {}
    # (Those on what is decided beside the sites are proven by themselves; that they are kept as well is left out.)
    goals = goals_of_sites(every)
    if all(name in bounds for name in goals):
        return found
    coarse = Coarse(merge_places(full, rules.values(), goals.values()).case, frozenset(full.periods))
    program, _ = coarse_program("proof", coarse, rules, goals)
    values = goal_values(full, goals, layout)
    for stage in _wanted(coarse, program, goals, None):
        if stage.name not in goals:
            program.hold(stage.objective, 0)
            continue
        if stage.name not in bounds:
            if listen is not None:
                listen(Progress(stage.name, float(values[stage.name]), None, None, 0.0))
            bound = program.prove(stage.objective, options, gap=_PROOF_GAP)
            if bound is not None:
                found[stage.name] = min(bound, float(values[stage.name]))
        program.hold(stage.objective, values[stage.name])
    return found


def _beside(layout: Layout) -> Iterator[Key]:
    """Yield the variables, beside sites and whom they serve, that are not zero in a layout."""
    yield from (amount(*about) for about in layout.amounts)
    yield from (tours(*about) for about in layout.tours)
    yield from (visits(*about) for about in layout.visits)
    yield from (joins(*about) for about in layout.members)
    yield from (linked(*about) for about in layout.links)
    yield from (contract(*about) for about in layout.contracts)


def _reader(layout: Layout) -> Callable[[Key], Number]:
    """Return a way to look up what a layout makes of a variable."""

    def value(key: Key) -> Number:
        match key:
            case ("open", int(j), int(t)):
                return int((j, t) in layout.open)
            case ("serve", int(i), int(j), int(t)):
                return layout.serve.get((i, j, t), 0)
            case ("served", int(i), int(t)):
                return layout.served.get((i, t), 0)
            case ("amount", str(what), int(index), int(t)):
                return layout.amounts.get((what, index, t), 0)
            case ("tours", int(p), int(months), int(j), int(t)):
                return layout.tours.get((p, months, j, t), 0)
            case ("visit", str(way), int(stop), int(j), int(t)):
                return int((way, stop, j, t) in layout.visits)
            case ("joins", int(j), int(k), int(t)):
                return int((j, k, t) in layout.members)
            case ("linked", str(name), int(j), int(k), int(t)):
                return int((name, j, k, t) in layout.links)
            case ("contract", int(h), int(j), int(t)):
                return int((h, j, t) in layout.contracts)
        return 0

    return value


def staff_for(
    case: Case,
    layout: Layout,
    rules: Rules,
    goals: Goals,
    gap: float | None,
    options: Options,
    proved: Mapping[str, float],
    start: Layout | None = None,
    listen: Listener | None = None,
    *,
    part: float = 1.0,
) -> tuple[Layout, Staged]:
    """Choose the staff for what is open, and who goes where so that less of it is needed.

    `proved` are the bounds of the goals that are chosen here: see `beside`. `start` is a plan that keeps the cuts of
    the case: where there are any, no first staffing need do. `part` is what of the goals' gaps is left for it.
    """
    begun = start or _first_staffed(case, rules, goals, layout)
    tell_plan(listen, next(iter(goals), ""), begun)
    if stopping.is_asked():
        return employ_spare(case, rules.values(), begun), Staged()
    into = [moved(case, begun, t) for t in case.periods]

    # (Each variable stands in many rows.)
    @cache
    def decided(key: Key) -> Number | None:
        match key:
            case ("open", int(j), int(t)):
                return int((j, t) in begun.open)
            case ("opens", int(j), int(t)):
                return begun.opens(case, j, t)
            case ("moves", int(old), int(new), int(t)):
                return int(into[t].get(old) == new)
            # Nobody works or is served where nothing is open; employers are always open.
            case (
                ("serve", _, int(j), int(t))
                | ("amount", _, int(j), int(t))
                | ("tours", _, _, int(j), int(t))
                | ("visit", _, _, int(j), int(t))
                | ("begins", _, int(j), int(t))
                | ("joins", int(j), _, int(t))
                | ("linked", _, int(j), _, int(t))
                | ("contract", _, int(j), int(t))
            ):
                return None if (j, t) in begun.open else 0
        return None

    def seen(rows: Iterable[Row]) -> Iterable[Row]:
        return filter(None, (without(row, decided) for row in rows))

    program = Program("staff")
    program.add_columns(
        one
        for one in decisions.columns(case)
        if one.key[0] == "served" or (one.key[0] not in ("open", "opens", "moves") and one.key[-2:] in begun.open)
    )
    program.add_rows("siting", seen(siting.rows(case, implied=False)))
    program.add_rows("staff", seen(decisions.rows_beside_sites(case)))
    asked = {name: tuple(seen(rule.rows(case))) for name, rule in rules.items()}
    add_rules(program, case, rules, asked, seen)
    for name, goal in goals.items():
        if not goal.beside:
            continue
        program.add_columns(goal.columns(case))
        program.add_rows(name, seen(goal.rows(case)))
    values, known = start_of(case, asked, rules, begun)
    if any(_short(row, partial(_looked_up, values)) for row in case.cuts):
        # (What cannot be carried out is no plan, and what it misses or keeps says nothing.)
        known = {}
    wanted = [
        replace(stage, gap=stage.gap * part if stage.name in goals else stage.gap)
        for stage in stages(program, goals, case, gap, bounds=proved)
        if stage.objective.terms
    ]
    found = search_stages(program, wanted, values, known, options, listen=as_numbers(listen))
    if found.values is None:
        return employ_spare(case, rules.values(), begun), found
    beside = follow_postings(case, beside_sites(program.keys, found.values))
    decided_so = replace(beside, open=begun.open, serve=begun.serve)
    kept = employ_spare(case, rules.values(), decided_so)
    chosen, ways = _reader(kept), found.values

    def value(key: Key) -> float:
        if key[0] == "serve":
            return ways(key) if key in program.keys else 0.0
        return float(chosen(key))

    in_time = replace(options, seconds=_SETTLE_SECONDS)
    return settle(case, value, in_time, _beside(kept)), found


def _as_they_are(rows: Iterable[Row]) -> Iterable[Row]:
    return rows


def rows_of(case: Case, rules: Rules) -> dict[str, tuple[Row, ...]]:
    """Return the rows of every rule."""
    return {name: tuple(rule.rows(case)) for name, rule in rules.items()}


def whole_program(name: str, case: Case, rules: Rules, goals: Goals, *, implied: bool) -> tuple[Program, Asked]:
    """Return the program of all that is decided, with the rows that others imply or without, and the rules' rows."""
    program = Program(name)
    program.add_columns(decisions.columns(case))
    program.add_rows("siting", siting.rows(case, implied=implied))
    program.add_rows("staff", decisions.rows_beside_sites(case))
    asked = rows_of(case, rules)
    add_rules(program, case, rules, asked)
    for goal_name, goal in goals.items():
        program.add_columns(goal.columns(case))
        program.add_rows(goal_name, goal.rows(case))
    return program, asked


def add_rules(
    program: Program,
    case: Case,
    rules: Rules,
    asked: Asked,
    see: Callable[[Iterable[Row]], Iterable[Row]] = _as_they_are,
) -> None:
    """Add the rows of rules to a program, with the helper variables that they need."""
    helpers = {column.key: column for name, rule in rules.items() if asked[name] for column in rule.columns(case)}
    program.add_columns(helpers.values())
    for name, rule in rules.items():
        if asked[name]:
            program.add_rows(f"{name} tie", see(rule.ties(case)))
            program.add_rule(name, asked[name], rule.strength, rule.weight)


def start_of(
    case: Case, asked: Asked, rules: Rules, layout: Layout, coarse: Coarse | None = None
) -> tuple[dict[Key, float], dict[str, tuple[Number, float]]]:
    """Return what a layout makes of the variables and of the clause stages, for which nothing is proven yet.

    Of flows and shortfalls, those that are not zero are named. A row that was changed is measured as it is now.
    """
    start: dict[Key, float] = {
        opened(j, t): int((j, t) in layout.open) for j in range(len(case.sites)) for t in case.periods
    }
    start |= {serves(i, j, t): people for (i, j, t), people in layout.serve.items()}
    start |= {served(i, t): people for (i, t), people in layout.served.items()}
    reader = _reader(layout)
    start |= {key: float(reader(key)) for key in _beside(layout)}
    # (What opens, and what moves, follows from what is open; rows that count changes speak of it.)
    start |= {
        opens(j, t): layout.opens(case, j, t)
        for j, site in enumerate(case.sites)
        if site.closable and not site.exists
        for t in case.periods
    }
    start |= {
        begins(name, j, t): 1
        for (name, j, t) in layout.amounts
        if name in case.abilities and case.abilities[name].costs_once and case.sites[j].closable
        if not (layout.has(name, j, t - 1) if t else (name, j) in case.had)
    }
    start |= {moves(*pair, t): 1 for t in case.periods for pair in moved(case, layout, t).items()}
    start |= outreach.helpers(case, reader)
    if coarse is not None:
        start = coarse.values(start)
    value = partial(_looked_up, start)
    known: dict[str, tuple[Number, float]] = {}
    for name, rule in rules.items():
        if rule.strength is Strength.PHYSICS or not asked[name]:
            continue
        # (What a helper variable is, only the check knows.)
        is_seen = coarse is not None and not any(True for _ in rule.columns(case))
        if is_seen or rule.resources or rule.spends:
            short = {row.about: (_short(row, value), Fraction(row.target)) for row in asked[name]}
        else:
            short = {one.about: (one.shortfall, Fraction(one.target)) for one in rule.breaches(case, layout)}
        worst, total = (known.setdefault(f"{rule.strength}.{kind}", (0, 0.0))[0] for kind in ("worst", "sum"))
        for about, (missing, target) in short.items():
            if missing:
                start["short", name, *about] = float(missing)
                worst = max(worst, missing / target)
                total += missing / target * Fraction(str(rule.weight))
        start["worst", str(rule.strength)] = float(worst)
        known |= {f"{rule.strength}.worst": (worst, 0.0), f"{rule.strength}.sum": (total, 0.0)}
    return start, known


def _looked_up(values: Mapping[Key, float], key: Key) -> float:
    return values.get(key, 0.0)


def _short(row: Row, value: Callable[[Key], Number | float]) -> Number:
    """Return by how much a row is missed."""
    # (Most are zero, and exact numbers take their time.)
    left = sum((times * Fraction(now) for key, times in row.terms.items() if (now := value(key))), Fraction(0))
    return max(Fraction(0), row.bound - left if row.sense == ">=" else left - row.bound)
