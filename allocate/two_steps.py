"""Sites first, then staff: two searches far smaller than the whole, and what they prove together.

The sites are laid out as if each could have all its posts filled, one year standing for later ones that need no more
(`merging.stand_for_later`); then the staff is chosen for what is open and for whom it serves. Both leave rows out, or
put the most helpful value in the place of the other's variables, so both are relaxations, and each proves a bound on
its part of an objective: the whole cannot fall below the sum of the two (for a worst breach, below the larger one).
Where the plan that comes out is within the gap of that bound, nothing else need be searched.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain

from allocate.case import Case
from allocate.decisions import siting, staffing
from allocate.goals import Goal
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.merging import merge_places, stand_for_later
from allocate.posts import employ_spare, staff
from allocate.program import Options, Program
from allocate.rows import Column, Key, Number, Row, Strength, amount, opened, served, serves, without
from allocate.rules import Rule
from allocate.settle import settle
from allocate.staged import Listener, Stage, Staged, search_stages, stages
from allocate.stages import clause_values, goal_values

Rules = Mapping[str, Rule]
Goals = Mapping[str, Goal]
_SETTLE_SECONDS = 30.0
# The staff is a matter of seconds; what it may take of the time, should it not be.
_STAFF_SHARE = 0.25
# What of a gap the sites may use up; the rest is for whole numbers of staff.
_PART_OF_GAP = 0.6
# A proof of the goals that look at people takes half a minute; it is looked for in any case.
_PROOF_SECONDS = 60.0


@dataclass(frozen=True)
class Steps:
    """What the two searches found together.

    Attributes
    ----------
    layout
        The plan, in whole people.
    bounds
        What is proven of the whole, by stage; a stage that is not in it is not proven.
    """

    layout: Layout
    bounds: Mapping[str, float]
    seconds: Mapping[str, float]
    logs: tuple[str, ...]
    left: float


def in_two_steps(
    case: Case, rules: Rules, goals: Goals, gap: float | None, options: Options, listen: Listener | None = None
) -> Steps:
    """Lay out the sites, then their staff.

    Raises
    ------
    NoPlanError
        When nothing was found in the time given.
    """
    least = _staff_alone(case, rules, goals, gap, options)
    for_staff = options.seconds * _STAFF_SHARE if case.resources else 0.0
    asked = replace(options, seconds=max(1.0, least.left - for_staff))
    layout, sites = _sites_alone(case, rules, goals, gap, asked, least.bounds, listen)
    staffed, people = layout, Staged(left=sites.left)
    if case.resources:
        left = replace(options, seconds=sites.left + for_staff)
        staffed, people = _staff_for(case, layout, rules, goals, gap, left)
    bounds = _together(case, rules, staffed, least, sites)
    if not any(clause_values(case, rules, staffed).values()):
        in_time = replace(options, seconds=max(people.left, _PROOF_SECONDS))
        bounds |= _of_all_years(case, rules, goals, staffed, bounds, least.bounds, in_time)
    seconds = {
        name: sum(part.seconds.get(name, 0.0) for part in (least, sites, people))
        for name in {**least.seconds, **sites.seconds, **people.seconds}
    }
    return Steps(staffed, bounds, seconds, tuple(least.logs + sites.logs + people.logs), people.left)


def _together(case: Case, rules: Rules, layout: Layout, least: Staged, sites: Staged) -> dict[str, float]:
    """Return what both searches prove of the whole plan."""
    values = clause_values(case, rules, layout)
    # Each part was searched with its own breaches at their least. Where the whole has none, neither have the parts.
    are_met = not any(values.values())
    bounds = dict.fromkeys(values, 0.0)
    for name, value in values.items():
        if value:
            # (What comes after a clause that is missed is proven only by a search of the whole.)
            bounds[name] = max(least.bounds.get(name, 0.0), 0.0) if name.endswith(".worst") else 0.0
            break
    if are_met:
        for name in sites.bounds:
            if name not in values:
                bounds[name] = least.bounds.get(name, 0.0) + sites.bounds.get(name, 0.0)
    return bounds


def _of_all_years(
    full: Case,
    rules: Rules,
    goals: Goals,
    layout: Layout,
    bounds: Mapping[str, float],
    elsewhere: Mapping[str, float],
    options: Options,
) -> dict[str, float]:
    """Return what the linear relaxation of the sites of all years proves of the goals that look at people.

    Clauses are kept, and of each goal before, the sites have no more than the plan has of the whole, less what the
    staff takes of it at least.
    """
    found: dict[str, float] = {}
    if all(name in bounds for name in goals):
        return found
    gathered = merge_places(
        replace(full, sites=tuple(replace(site, per_staff=()) for site in full.sites)), rules.values(), goals.values()
    )
    case = gathered.case
    program = Program("proof")
    program.add_columns(siting.columns(case))
    sees_links = any(goal.sees_links for goal in goals.values())
    program.add_rows("siting", (row for row in siting.rows(case) if sees_links or not row.implied))
    add_rules(program, case, rules, rows_of(case, rules, lambda row: _with_posts_filled(case, row)))
    for name, goal in goals.items():
        program.add_columns(goal.columns(case))
        program.add_rows(name, goal.rows(case))
    for stage in stages(program, goals, case, None):
        if stage.name not in goals:
            program.hold(stage.objective, 0)
            continue
        value = goals[stage.name].value(full, layout)
        if stage.name not in bounds:
            bound = program.prove(stage.objective, options)
            if bound is not None:
                found[stage.name] = min(bound + elsewhere.get(stage.name, 0.0), float(value))
        program.hold(stage.objective, value - Fraction(elsewhere.get(stage.name, 0.0)))
    return found


def _sites_alone(
    staffed: Case,
    rules: Rules,
    goals: Goals,
    gap: float | None,
    options: Options,
    elsewhere: Mapping[str, float],
    listen: Listener | None,
) -> tuple[Layout, Staged]:
    """Lay out sites as if every post could be filled, for the years that stand for all.

    What the staff adds to an objective at least, `elsewhere`, is part of the whole that the gap is measured against.
    """
    full = replace(staffed, sites=tuple(replace(site, per_staff=()) for site in staffed.sites))
    # (What every open site can do with its posts filled asks nothing of the sites.)
    asks_sites = rows_of(full, rules, lambda row: _with_posts_filled(full, row))
    rules = {name: rule for name, rule in rules.items() if asks_sites[name]}
    reduced = stand_for_later(full, rules.values())
    gathered = merge_places(reduced.case, rules.values(), goals.values())
    case = gathered.case
    program = Program("sites")
    program.add_columns(siting.columns(case))
    sees_links = any(goal.sees_links for goal in goals.values())
    program.add_rows("siting", (row for row in siting.rows(case) if sees_links or not row.implied))
    asked = rows_of(case, rules, lambda row: _with_posts_filled(case, row))
    add_rules(program, case, rules, asked)
    for name, goal in goals.items():
        program.add_columns(goal.columns(case))
        program.add_rows(name, goal.rows(case))
    begun = greedy(case, rules.values())
    start, known = start_of(case, asked, rules, begun)
    begun_values = goal_values(case, goals, begun)
    wanted = [
        replace(
            stage,
            gap=_gap_of_part(stage, begun_values.get(stage.name), elsewhere.get(stage.name, 0.0)),
            # What one year proves for those that it stands for is worth nothing: the bound comes from all years.
            prove=stage.nodes > 0 or reduced.case.years == staffed.years,
        )
        for stage in stages(program, goals, case, gap)
    ]
    near = siting.neighbourhoods(case)
    found = search_stages(program, wanted, start, known, options, near, listen)
    if found.values is None:
        smaller = gathered.expand(begun)
    else:
        in_time = replace(options, seconds=max(found.left, _SETTLE_SECONDS))
        smaller = settle(gathered.full, gathered.spread(found.values), in_time)
    layout = reduced.expand(smaller)
    if reduced.case.years != full.years:
        layout = settle(full, _reader(_fitting(full, layout)), replace(options, seconds=_SETTLE_SECONDS))
        # The bounds of travel and of clauses hold for the years that stand for others, not for those.
        found.bounds = {name: bound for name, bound in found.bounds.items() if _holds_later(name, goals)}
    return layout, found


def _gap_of_part(stage: Stage, value: Number | None, elsewhere: float) -> float:
    """Return the gap of a part that leaves the whole within its gap, whatever the part comes to, from a first value."""
    if not value or elsewhere <= 0:
        return stage.gap
    return min(1.0, _PART_OF_GAP * stage.gap * (1 + elsewhere / float(value)))


def _holds_later(name: str, goals: Goals) -> bool:
    """Tell whether what the years that stand for others prove of a stage holds for all: of what sites cost, it does."""
    return name in goals and not goals[name].sees_people


def _with_posts_filled(case: Case, row: Row) -> Row | None:
    """Return a row as it is where every open site has the number of each resource that helps the row most.

    Of a resource, a site has none, or all its posts if it is open.
    """
    if not any(key[0] == "amount" for key in row.terms):
        return row
    terms: dict[Key, Number] = {}
    bound = row.bound
    for key, times in row.terms.items():
        if key[0] != "amount":
            terms[key] = terms.get(key, 0) + times
            continue
        _, what, j, t = key
        if (times > 0) != (row.sense == ">="):
            continue
        if str(what) not in case.resources:
            # Whoever joins an employer, or is lent or spare.
            bound -= times * staffing.most_of(case, str(what), int(j), int(t))
        elif case.sites[int(j)].exists and not case.sites[int(j)].closable:
            bound -= times * case.posts(str(what), int(j))
        else:
            here = opened(int(j), int(t))
            terms[here] = terms.get(here, 0) + times * case.posts(str(what), int(j))
    terms = {key: times for key, times in terms.items() if times}
    if row.sense == "<=" and not bound and len(terms) > 1:
        # Where a site has room for fewer than its posts could serve, that is said already.
        posts = [(key, -times) for key, times in terms.items() if key[0] == "open" and times < 0]
        capacity = case.sites[int(posts[0][0][1])].capacity if len(posts) == 1 else None
        if capacity is not None and posts[0][1] > capacity and all(k[0] in ("open", "serve") for k in terms):
            return None
    # (Sites are open or not, so a row that asks for less than nothing of them always holds.)
    never_less = all(times > 0 for times in terms.values())
    always = never_less and bound <= 0 if row.sense == ">=" else not terms and bound >= 0
    return None if always else replace(row, terms=terms, bound=bound)


def _fitting(case: Case, layout: Layout) -> Layout:
    """Return the layout without the people whom a year no longer has; those who go farthest are left out first."""
    serve = dict(layout.serve)
    for (i, t), people in layout.served.items():
        excess = people - int(case.people[i, t])
        for j in sorted(case.sites_of[i], key=lambda j: (-case.seconds[i, j], j)) if excess > 0 else ():
            gone = min(excess, serve.get((i, j, t), 0))
            if gone:
                serve[i, j, t] -= gone
                excess -= gone
    return replace(layout, serve={about: people for about, people in serve.items() if people})


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
        return 0

    return value


def _staff_alone(case: Case, rules: Rules, goals: Goals, gap: float | None, options: Options) -> Staged:
    """Return what staff costs at least, and which clauses on it must be missed, whatever is open."""
    if not case.resources:
        return Staged(left=options.seconds)

    def at_best(row: Row) -> Row | None:
        """Put in the place of every variable that is no staff the value that helps the row most."""

        def best(key: Key) -> Number | None:
            if key[0] == "amount":
                return None
            low, high = _range(case, key)
            helps = (row.terms[key] > 0) == (row.sense == ">=")
            return high if helps else low

        return without(row, best)

    program, _ = _staff_program(case, rules, at_best)
    wanted = list(stages(program, goals, case, gap))
    return search_stages(program, [stage for stage in wanted if stage.objective.terms], {}, {}, options)


def _range(case: Case, key: Key) -> tuple[int, int]:
    match key:
        case ("open", int(j), int()):
            site = case.sites[j]
            return int(site.exists and not site.closable), 1
        case ("serve", int(i), int(j), int(t)):
            return 0, case.most(i, j, t)
        case ("served", int(i), int(t)):
            return 0, int(case.people[i, t])
    return 0, 1


def _staff_for(
    case: Case, layout: Layout, rules: Rules, goals: Goals, gap: float | None, options: Options
) -> tuple[Layout, Staged]:
    """Choose the staff for what is open, and who goes where so that less of it is needed."""
    begun = staff(case, rules.values(), layout)

    def decided(key: Key) -> Number | None:
        match key:
            case ("open", int(j), int(t)):
                return int((j, t) in begun.open)
            # Nobody works or is served where nothing is open; employers are always open.
            case ("serve", _, int(j), int(t)) | ("amount", _, int(j), int(t)):
                return None if (j, t) in begun.open else 0
        return None

    program, asked = _staff_program(case, rules, lambda row: without(row, decided), begun)
    start, known = start_of(case, asked, rules, begun)
    wanted = [stage for stage in stages(program, goals, case, gap) if stage.objective.terms]
    found = search_stages(program, wanted, start, known, options)
    if found.values is None:
        return employ_spare(case, rules.values(), begun), found
    amounts: dict[tuple[str, int, int], Number] = {}
    for key in program.keys:
        if key[0] == "amount" and (number := round(found.values(key))):
            _, what, index, t = key
            amounts[str(what), int(index), int(t)] = number
    staffed = employ_spare(case, rules.values(), replace(begun, amounts=amounts))
    decisions, ways = _reader(staffed), found.values

    def value(key: Key) -> float:
        if key[0] == "serve":
            return ways(key) if key in program.keys else 0.0
        return float(decisions(key))

    in_time = replace(options, seconds=_SETTLE_SECONDS)
    return settle(case, value, in_time, (amount(*about) for about in staffed.amounts)), found


Asked = Mapping[str, Sequence[Row]]


def _staff_program(
    case: Case, rules: Rules, see: Callable[[Row], Row | None], layout: Layout | None = None
) -> tuple[Program, Asked]:
    """Return the program of the staff, and the rows of its rules, as `see` shows them.

    With a layout, it is that of what is open there, and of the people whom it may serve.
    """
    program = Program("staff")
    columns: Iterator[Column] = staffing.columns(case)
    if layout is not None:
        people = (column for column in siting.columns(case) if column.key[0] != "open")
        columns = (c for c in chain(columns, people) if c.key[0] == "served" or c.key[-2:] in layout.open)
    program.add_columns(columns)
    program.add_rows("staff", filter(None, map(see, staffing.rows(case))))
    if layout is not None:
        program.add_rows("siting", filter(None, map(see, (row for row in siting.rows(case) if not row.implied))))
    asked = rows_of(case, rules, see)
    add_rules(program, case, rules, asked, see)
    return program, asked


def _as_it_is(row: Row) -> Row:
    return row


def rows_of(case: Case, rules: Rules, see: Callable[[Row], Row | None] = _as_it_is) -> dict[str, tuple[Row, ...]]:
    """Return the rows of every rule, as far as something is seen of them."""
    return {name: tuple(filter(None, map(see, rule.rows(case)))) for name, rule in rules.items()}


def add_rules(
    program: Program, case: Case, rules: Rules, asked: Asked, see: Callable[[Row], Row | None] = _as_it_is
) -> None:
    """Add the rows of rules to a program, with the helper variables that they need."""
    helpers = {column.key: column for name, rule in rules.items() if asked[name] for column in rule.columns(case)}
    program.add_columns(helpers.values())
    for name, rule in rules.items():
        if asked[name]:
            program.add_rows(f"{name} tie", filter(None, map(see, rule.ties(case))))
            program.add_rule(name, asked[name], rule.strength, rule.weight)


def start_of(
    case: Case, asked: Asked, rules: Rules, layout: Layout
) -> tuple[dict[Key, float], dict[str, tuple[Number, float]]]:
    """Return what a layout makes of the variables and of the clause stages, for which nothing is proven yet.

    Of flows and shortfalls, those that are not zero are named. A row that was changed is measured as it is now.
    """
    start: dict[Key, float] = {
        opened(j, t): int((j, t) in layout.open) for j in range(len(case.sites)) for t in case.periods
    }
    start |= {serves(i, j, t): people for (i, j, t), people in layout.serve.items()}
    start |= {served(i, t): people for (i, t), people in layout.served.items()}
    start |= {amount(*about): float(number) for about, number in layout.amounts.items()}
    known: dict[str, tuple[Number, float]] = {}
    value = _reader(layout)
    for name, rule in rules.items():
        if rule.strength is Strength.PHYSICS or not asked[name]:
            continue
        if rule.resources or rule.spends:
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


def _short(row: Row, value: Callable[[Key], Number]) -> Number:
    """Return by how much a row is missed."""
    left = sum((times * value(key) for key, times in row.terms.items()), Fraction(0))
    return max(Fraction(0), row.bound - left if row.sense == ">=" else left - row.bound)
