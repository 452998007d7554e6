"""Which sites every near-best plan has, which none has, which can be swapped, and some plans that differ most."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import permutations
from math import gcd
from typing import Any, Literal

from allocate import __version__
from allocate.answer import Answer
from allocate.candidates import make_case
from allocate.card import sentence
from allocate.changes import Change
from allocate.conflicts import Clock
from allocate.errors import NoPlanError, Problem, UsageError
from allocate.explain import model_in
from allocate.gaps import DIGITS, shown_number
from allocate.layout import Layout
from allocate.near_best import WORSE, NearBest, Relaxed, is_small
from allocate.plans import STOPPED, assemble, district_of, layout_of, library_versions
from allocate.program import Objective, Options
from allocate.rows import Key, Number, Row, opened
from allocate.stages import stage_values
from allocate.units import exact
from allocate.verification import insist
from allocate.words import LANGUAGES, say_in

Status = Literal["must", "never", "swappable", "undecided"]
How = Literal["plan", "drop", "swap", "split", "add", "search", "diverse"]
Hear = Callable[[str, int, int], None]
WITHIN = (0.01, 0.02, 0.05)
PLANS, MOST_PLANS = 5, 50
_LOW, _HIGH = 0.0, 1.0
# What of the time proofs by the relaxation may take, and the search for plans that differ, of what is left then.
_PROBING, _DIFFERING = 0.4, 0.7
# Nodes of branch and bound: of a search over the whole, and round one site.
_NODES, _NODES_NEAR = 2_000, 20
# Sites that are free in a search round one of them, and open spots that a new site may take the place of.
_FREE, _TRIED = 32, 3
# Of the spots that could stand for a site, so many are tried two by two.
_PAIRED = 6
# How often a plan that came out farther than asked is sought nearer by.
_TRIES = 3
# What a bound must lie above a share to prove that nothing lies within it.
_NOISE = 1e-7
_NAMED = 3
# Steps of this part of a number leave no two of the first few beside each other.
_GOLDEN = 0.618


@dataclass(frozen=True)
class Exhibit:
    """A complete plan that was found, by what sets it apart from the plan.

    Attributes
    ----------
    distance
        By what share of its value in the plan the worst of the goals is worse.
    opened, closed
        Sites that are open in its last year and not in the plan's, and the other way round.
    takes
        Sites that serve more people than in the plan, in the last year, and how many more [persons].
    """

    how: How
    distance: Fraction
    opened: tuple[int, ...]
    closed: tuple[int, ...]
    takes: Mapping[int, int]

    @property
    def moved(self) -> int:
        """Return the people who go to a site that served fewer before [persons]."""
        return sum(self.takes.values())


@dataclass
class Known:
    """What is known of a site's other state: closed where the plan has it, open where it has not.

    Attributes
    ----------
    exhibit
        The nearest plan that was found.
    bound
        What no plan falls below; infinity where there is none.
    proof
        How that is proven: by weighted rows, which anybody can check, or by a search, which is the solver's word.
    rules
        Clauses and goals that weigh most in it.
    """

    exhibit: Exhibit | None = None
    bound: float = float("-inf")
    proof: Literal["rows", "search"] | None = None
    rules: tuple[str, ...] = ()

    def show(self, exhibit: Exhibit | None) -> None:
        """Keep a plan that is nearer than those before."""
        if exhibit is not None and (self.exhibit is None or exhibit.distance < self.exhibit.distance):
            self.exhibit = exhibit

    def how_within(self, share: float) -> How | None:
        """Return how the nearest plan was found, where it is within a share."""
        return self.exhibit.how if self.exhibit is not None and self.is_within(share) else None

    def is_within(self, share: float) -> bool:
        """Tell whether a plan within a share was found."""
        return self.exhibit is not None and self.exhibit.distance <= Fraction(str(share))

    def is_beyond(self, share: float) -> bool:
        """Tell whether it is proven that there is none within a share."""
        return self.bound > share + _NOISE


@dataclass(frozen=True)
class Alternatives:
    """The answer, and the plans that differ, each as plan.json says it."""

    answer: Answer
    plans: tuple[Mapping[str, Any], ...]


@dataclass
class _Search:
    """What is asked, what is known so far, and the time that is left."""

    near: NearBest
    within: tuple[float, ...]
    options: Options
    clock: Clock
    hear: Hear
    known: dict[int, Known] = field(default_factory=dict)

    @property
    def open_questions(self) -> list[int]:
        """Return the sites of which some share is undecided."""
        return [
            j
            for j, one in self.known.items()
            if not all(one.is_within(share) or one.is_beyond(share) for share in self.within)
        ]

    def question(self, j: int) -> dict[Key, Number]:
        """Return the other state of a site in the last year."""
        return {opened(j, self.near.last): int(j not in self.near.standing)}


def check_asked(within: Sequence[float], plans: int) -> None:
    """Refuse shares and numbers of plans that make no sense.

    Raises
    ------
    UsageError
        When a share is not above 0 and at most 1, or more plans are asked for than a page holds.
    """
    problems = [
        Problem(
            "problem.range",
            column="--within",
            value=f"{100 * share:g}%",
            details={"low": "0%", "high": "100%", "unit": ""},
        )
        for share in within
        if not _LOW < share <= _HIGH
    ]
    if not 0 <= plans <= MOST_PLANS:
        problems.append(
            Problem("problem.range", column="--plans", value=plans, details={"low": 0, "high": MOST_PLANS, "unit": ""})
        )
    if problems:
        raise UsageError(problems)


def share_of_text(text: str) -> float:
    """Return a share that was typed: 1% or 0.01.

    Raises
    ------
    UsageError
        When it is neither.

    >>> share_of_text("1%"), share_of_text("0.05"), share_of_text("２％")
    (0.01, 0.05, 0.02)
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    said = plain.removesuffix("%").strip()
    try:
        # (As a fraction 1e999999999 would fill the memory; as a float it is infinite.)
        number = Fraction(said) if "/" in said else exact(float(said))
        return float(number / 100 if plain.endswith("%") else number)
    except (ValueError, ArithmeticError):
        raise UsageError([Problem("near.not_share", column="--within", value=text)]) from None


def alternatives(
    content: Mapping[str, Any],
    options: Options,
    *,
    within: Sequence[float] = WITHIN,
    plans: int = PLANS,
    hear: Hear | None = None,
) -> Alternatives:
    """Say which sites all plans have that are nearly as good as one, and find some that differ from it most.

    `options.seconds` ends it; what is not settled by then is undecided.

    Raises
    ------
    UsageError
        When the plan is of another version, or what is asked makes no sense.
    """
    check_asked(within, plans)
    made_by = content["versions"]["allocate"]
    if made_by != __version__:
        details = {"made": str(made_by), "now": __version__}
        raise UsageError([Problem("near.version", column="PLAN", value=content["model"], details=details)])
    district, model = district_of(content), model_in(content)
    case = make_case(district, model)
    near = NearBest(case, model, layout_of(content, case))
    shares = tuple(sorted(set(within)))
    search = _Search(near, shares, options, Clock.of(options.seconds), hear or (lambda *_: None))
    search.known = {j: Known() for j in near.decided}
    _look_at_changes(search)
    relaxed = near.relaxed() if near.decided else None
    if relaxed is not None:
        _prove(search, relaxed)
    found, is_all = _differ(search, plans) if near.decided and plans else ([], plans == 0)
    made = []
    for layout, share in found:
        exhibit = _exhibit(near, "diverse", layout, Fraction(share))
        for j in {*exhibit.opened, *exhibit.closed}:
            search.known[j].show(exhibit)
        made.append(_plan(content, near, layout))
    if relaxed is not None:
        _search_the_rest(search, relaxed)
    answer = _answer(content, search, plans, list(zip(found, made, strict=True)), is_all=is_all)
    return Alternatives(answer, tuple(made))


# ---- plans by changing this one


def _look_at_changes(search: _Search) -> None:
    """Find plans by single changes of this one: each site dropped, swapped for another spot, or added."""
    near = search.near
    for n, j in enumerate(sorted(near.standing)):
        search.hear("changes", n, len(near.decided))
        if not search.clock.left():
            return
        search.known[j].show(_changed(near, "drop", near.dropped(j)))
        # (Where visits, postings or a consortium hang on a site, no single change takes it away. One spot that does as
        # well is enough, and those of which nothing is known yet come first: each may be shown by the same plan.)
        spots = [] if near.worth.hindrance(j) else near.worth.spots(j)
        for k in sorted(spots, key=lambda k: search.known[k].exhibit is not None if k in search.known else True):
            if search.known[j].how_within(search.within[0]) == "swap":
                break
            exhibit = _changed(near, "swap", near.swapped(j, k))
            search.known[j].show(exhibit)
            if k in search.known:
                search.known[k].show(exhibit)
        for k, also in permutations(spots[:_PAIRED], 2):
            if search.known[j].is_within(search.within[0]):
                break
            search.known[j].show(_changed(near, "split", near.split(j, k, also)))
    absent = [k for k in near.decided if k not in near.standing]
    for n, k in enumerate(absent):
        search.hear("changes", len(near.standing) + n, len(near.decided))
        if not search.clock.left():
            return
        for years in ([near.last], list(near.case.periods)):
            if not search.known[k].is_within(search.within[0]):
                search.known[k].show(_changed(near, "add", near.added(k, years)))
        for j in [] if search.known[k].is_within(search.within[0]) else _same_kind(near, k):
            exhibit = _changed(near, "swap", near.swapped(j, k))
            search.known[k].show(exhibit)
            search.known[j].show(exhibit)


def _same_kind(near: NearBest, k: int) -> list[int]:
    """Return the open sites of the same kind nearest to a spot."""
    sites = near.case.sites
    return [j for j in near.by_distance(k) if j in near.standing and sites[j].kind == sites[k].kind][:_TRIED]


def _changed(near: NearBest, how: How, change: Change | None) -> Exhibit | None:
    """Return the plan that a change makes, where it keeps all that a near-best plan keeps."""
    distance = near.changed(change)
    if change is None or distance is None:
        return None
    then, more = set(near.standing), Counter[int]()
    for key, by in change.by.items():
        match key:
            case ("open", int(j), int(t)) if t == near.last:
                then = then | {j} if change.of(key) else then - {j}
            case ("serve", _, int(j), int(t)) if t == near.last and by > 0:
                more[j] += by
    return _set_apart(near, how, distance, then & set(near.decided), more)


def _exhibit(near: NearBest, how: How, layout: Layout, distance: Fraction) -> Exhibit:
    """Return what sets a plan apart from the plan."""
    more = Counter[int]()
    for (i, j, t), people in layout.serve.items():
        if t == near.last:
            more[j] += max(0, people - near.layout.serve.get((i, j, t), 0))
    return _set_apart(near, how, distance, near.stand_in(layout), more)


def _set_apart(near: NearBest, how: How, distance: Fraction, then: Collection[int], more: Mapping[int, int]) -> Exhibit:
    now, after = near.standing, frozenset(then)
    takes = {j: people for j, people in sorted(more.items(), key=lambda one: (-one[1], one[0])) if people}
    return Exhibit(how, distance, tuple(sorted(after - now)), tuple(sorted(now - after)), takes)


# ---- proofs


def _prove(search: _Search, relaxed: Relaxed) -> None:
    """Prove of the sites without a near plan that there is none, by the linear relaxation."""
    asked = search.open_questions
    options = replace(search.options, seconds=search.clock.left() * _PROBING)
    questions = [search.question(j) for j in asked]
    answers = relaxed.program.probe(relaxed.objective, questions, search.within[-1], options) if asked else iter(())
    for n, (j, answer) in enumerate(zip(asked, answers, strict=False)):
        search.hear("proofs", n, len(asked))
        one = search.known[j]
        if answer.bound > one.bound:
            one.bound, one.proof = float(answer.bound), "rows"
            one.rules = _told_rules(search.near, answer.rows)


def _told_rules(near: NearBest, rows: Iterable[str]) -> tuple[str, ...]:
    """Return the clauses that rows belong to, and the goals, the heaviest first."""
    found = dict.fromkeys(row.partition("[")[0].removesuffix(" tie").replace(" ", "_") for row in rows)
    names = {name.replace(" ", "_"): name for name in near.rules}
    return tuple(names[name] for name in found if name in names)


def _search_the_rest(search: _Search, relaxed: Relaxed) -> None:
    """Search for a near-best plan with each site that is still open to question as the plan has it not."""
    asked = search.open_questions
    for n, j in enumerate(asked):
        search.hear("searches", n, len(asked))
        if not search.clock.left():
            return
        if j not in search.open_questions:
            # (A plan found for another one settled it.)
            continue
        near, question = search.near, search.question(j)
        options = replace(search.options, gap=0.0, search_nodes=_NODES if relaxed.is_whole else _NODES_NEAR)
        held = {} if relaxed.is_whole else near.held(near.by_distance(j)[:_FREE])
        options = replace(options, seconds=search.clock.left())
        found = relaxed.program.least(relaxed.objective, question, options, held)
        one = search.known[j]
        if found.bound > one.bound:
            one.bound, one.proof = found.bound, "search"
        if found.values is None or found.values[WORSE] > search.within[-1] + _NOISE:
            continue
        layout = _completed(search, near.open_in(found.values))
        distance = None if layout is None else near.distance(layout)
        if layout is not None and distance is not None:
            exhibit = _exhibit(near, "search", layout, distance)
            for k in (*exhibit.opened, *exhibit.closed):
                search.known[k].show(exhibit)


def _completed(search: _Search, is_open: Collection[tuple[int, int]]) -> Layout | None:
    options = replace(search.options, seconds=max(1.0, search.clock.left()))
    try:
        return search.near.completed(is_open, options)
    except NoPlanError:
        return None


# ---- plans that differ


def _differ(search: _Search, number: int) -> tuple[list[tuple[Layout, Fraction]], bool]:
    """Return plans that differ from this one and from each other as much as was found; and whether there are no more.

    One after the other is sought, with no more sites than the plan has, so that they differ by where sites stand and
    not by how many there are: within the least share first, and within the next where nothing is found.
    """
    near = search.near
    ends = Clock.of(search.clock.left() * _DIFFERING)
    if not is_small(near.case):
        return list(_by_swaps(search, number, ends)), False
    relaxed = near.relaxed()
    program = relaxed.program
    sets: list[frozenset[int]] = [near.standing]
    found: list[tuple[Layout, Fraction]] = []
    is_all = False
    count: dict[Key, Number] = {opened(j, near.last): 1 for j in near.decided}
    program.add_rows("no_more_sites", [Row(("plan",), count, "<=", len(near.standing))])
    program.add_rows("differs", [_differs(near, 0, near.standing)])
    for share in search.within:
        # (What is proven within a smaller share says nothing of a larger one that time does not allow to look at.)
        is_all = False
        while len(found) < number and ends.left():
            search.hear("plans", len(found), number)
            one, is_all = _next(search, relaxed, sets, share, ends)
            if one is None:
                break
            sets.append(near.stand_in(one[0]))
            found.append(one)
            program.add_rows("differs", [_differs(near, len(sets), sets[-1])])
    return found, is_all and len(found) < number


def _differs(near: NearBest, n: int, standing: Collection[int]) -> Row:
    """Return: at least one site is open that is not in a set, or closed that is."""
    terms: dict[Key, Number] = {opened(j, near.last): -1 if j in standing else 1 for j in near.decided}
    return Row((n,), terms, ">=", 1 - len(standing))


def _next(
    search: _Search, relaxed: Relaxed, sets: Sequence[frozenset[int]], share: float, ends: Clock
) -> tuple[tuple[Layout, Fraction] | None, bool]:
    """Return a plan within a share that differs most from some sets of sites, its distance, and if there is none."""
    near, program = search.near, relaxed.program
    alike: dict[Key, Number] = {
        opened(j, near.last): sum(1 if j in standing else -1 for standing in sets) for j in near.decided
    }
    objective = Objective("alike", {key: times for key, times in alike.items() if times})
    limit = share
    for _ in range(_TRIES):
        if not ends.left():
            break
        program.narrow({WORSE: Fraction(str(limit))})
        options = replace(search.options, seconds=ends.left(), gap=0.0, search_nodes=_NODES)
        got = program.least(objective, {}, options)
        if got.values is None:
            return None, got.finished and limit == share
        layout = _completed(search, near.open_in(got.values))
        distance = None if layout is None else near.distance(layout)
        if layout is not None and distance is not None and near.stand_in(layout) not in sets:
            if distance <= Fraction(str(share)):
                return (layout, distance), False
            limit = max(0.0, limit - 2 * float(distance - Fraction(str(share))))
        else:
            limit /= 2
    return None, False


def _by_swaps(search: _Search, number: int, ends: Clock) -> Iterator[tuple[Layout, Fraction]]:
    """Yield plans that come of swapping one site after the other for spots that no plan before has."""
    near = search.near
    used = Counter[int](near.standing)
    sets: list[frozenset[int]] = [near.standing]
    for n in range(number):
        search.hear("plans", n, number)
        for share in search.within:
            one = _swapped_on(search, share, used, n, ends)
            if one is not None and near.stand_in(one[0]) not in sets:
                sets.append(near.stand_in(one[0]))
                used.update(sets[-1])
                yield one
                break
        if not ends.left():
            return


def _swapped_on(
    search: _Search, share: float, used: Mapping[int, int], turn: int, ends: Clock
) -> tuple[Layout, Fraction] | None:
    """Return a plan within a share in which as many sites are swapped as one try after the other allows.

    Those that most plans before have come first, and for each the spots that fewest have. They are
    gone through in another order in each turn, with long steps, so that no end of the district has all the swaps.
    """
    near = search.near
    order = sorted(near.standing)
    # (A step that shares no factor with their number goes once through all.)
    step = next(
        step
        for step in range(round(len(order) * 0.618) + turn, 2 * len(order) + turn + 2)
        if gcd(step, len(order)) == 1
    )
    order = sorted((order[n * step % len(order)] for n in range(len(order))), key=lambda j: -used.get(j, 0))
    best: Change | None = None
    limit = Fraction(str(share))
    gone = 0
    for j in order:
        if not ends.left():
            return None
        if near.worth.hindrance(j):
            continue
        for k in sorted(near.worth.spots(j), key=lambda k: (used.get(k, 0), k)):
            if best is not None and best.of(opened(k, near.last)):
                continue
            change = near.swapped(j, k, best)
            distance = near.changed(change)
            # (Each may take a part of what there is to give, so that many can.)
            allowed = limit * Fraction(gone + 2, gone + 2 + max(1, len(order) // 8))
            if change is not None and distance is not None and distance <= min(limit, allowed):
                best, gone = change, gone + 1
                break
    if best is None:
        return None
    try:
        layout = near.carried_out(best, replace(search.options, seconds=max(1.0, search.clock.left())))
    except NoPlanError:
        return None
    found = near.distance(layout)
    return None if found is None or found > limit else (layout, found)


def _plan(content: Mapping[str, Any], near: NearBest, layout: Layout) -> dict[str, Any]:
    """Return a plan's whole content, rechecked, with the bounds that hold for it as well."""
    district = district_of(content)
    values = stage_values(near.case, near.rules, near.model.goals, layout)
    proven = {row["name"]: row["bound"] for row in content["stages"]}
    bounds: dict[str, float] = {}
    keeps = True
    for name, value in values.items():
        if name in near.beside:
            if not any(values[one] for one in values if one not in near.model.goals):
                bounds[name] = min(near.bounds_beside.get(name, 0.0), float(value))
        elif keeps:
            # (What was proven of a goal was proven of plans whose earlier goals are as good.)
            bounds[name] = min(proven[name], float(value))
            keeps = name not in near.goals or value <= near.values[name]
    made = assemble(
        district,
        near.model,
        near.case,
        layout,
        bounds,
        content["draws"],
        content.get("nesting", ()),
        library_versions(),
        content.get("front", ()),
        content.get("isochrones", ()),
        stopped=bool(content.get(STOPPED)),
    )
    insist(made)
    return made


# ---- what is said


def _answer(
    content: Mapping[str, Any],
    search: _Search,
    wanted: int,
    plans: Sequence[tuple[tuple[Layout, Fraction], Mapping[str, Any]]],
    *,
    is_all: bool,
) -> Answer:
    near = search.near
    sets = [near.standing, *(near.stand_in(layout) for (layout, _), _ in plans)]
    sites = [_site(content, search, j, sets) for j in near.decided]
    counts = [
        {"within": share}
        | {
            status: sum(site["status"][_text(share)] == status for site in sites)
            for status in ("must", "never", "swappable", "undecided")
        }
        for share in search.within
    ]
    stages = {row["name"]: row for row in content["stages"]}
    goals = [
        {
            "name": name,
            "unit": stages[name]["unit"],
            "value": stages[name]["value"],
            "bound": stages[name]["bound"],
            "gap": stages[name]["gap"],
            "held": name in near.goals,
        }
        for name in near.model.goals
    ]
    told = [_told_plan(near, n, one, plan, sets) for n, (one, plan) in enumerate(plans, 1)]
    return Answer(
        "alternatives",
        {
            "model": content["model"],
            "title": content["title"],
            "district": content["district"],
            "as_of": content["as_of"],
            "years": list(near.case.years),
            "year": near.case.years[near.last],
            "settings": {
                "within": list(search.within),
                "plans": wanted,
                "seconds": search.options.seconds,
                "solver": search.options.solver,
            },
            "seeds": [search.options.seed],
            "method": {language: say_in(language, "near.method_short") for language in LANGUAGES},
            "searched": {
                "measured_from": "plan",
                "every_row": is_small(near.case),
                "nodes": _NODES,
                "nodes_near": _NODES_NEAR,
                "most_sites": len(near.standing),
            },
            "rules": {
                name: {language: sentence(near.rules[name], language) for language in LANGUAGES}
                for name in sorted({name for site in sites for name in (*site["proven_by"], *site["clauses"])})
            },
            "district_data": _ground(content),
            "goals": goals,
            "missed": sorted(name for name, rows in near.missed.items() if rows),
            "counts": counts,
            "sites": sites,
            "plan": _told_plan(near, 0, (near.layout, Fraction(0)), content, sets),
            "plans": told,
            "no_more_plans": is_all,
            "assumptions": content["assumptions"],
            "inputs": content["inputs"],
            "versions": library_versions(),
        },
    )


def _ground(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return of the district what a map of its sites draws."""
    district = content["district_data"]
    places = [{key: place.get(key) for key in ("id", "name", "town", "lon", "lat")} for place in district["places"]]
    return {key: district.get(key) for key in ("name", "datum", "epsg", "boundary", "towns")} | {"places": places}


def _text(share: float) -> str:
    """Return a share as a key of plain data."""
    return f"{share:g}"


def _status(search: _Search, j: int, share: float) -> Status:
    one = search.known[j]
    if one.is_within(share):
        return "swappable"
    if one.is_beyond(share):
        return "must" if j in search.near.standing else "never"
    return "undecided"


def _site(content: Mapping[str, Any], search: _Search, j: int, sets: Sequence[frozenset[int]]) -> dict[str, Any]:
    near, one = search.near, search.known[j]
    site = near.case.sites[j]
    exhibit = one.exhibit
    worth = next((row for row in content.get("worth", ()) if row["id"] == site.id), None)
    dropped = (worth or {}).get("dropped") or {}
    last = str(near.case.years[near.last])
    partners = () if exhibit is None else _partners(j, exhibit)
    return {
        "id": site.id,
        "name": site.name,
        "kind": site.kind,
        "town": site.town,
        "lon": site.lon,
        "lat": site.lat,
        "basis": str(site.basis),
        "open": j in near.standing,
        "people": near.layout.load.get((j, near.last), 0) if j in near.standing else None,
        "status": {_text(share): _status(search, j, share) for share in search.within},
        "distance": None if exhibit is None else shown_number(Fraction(exhibit.distance)),
        "how": None if exhibit is None else exhibit.how,
        "partners": [near.case.sites[k].id for k in partners],
        "partner_names": [near.case.sites[k].name for k in partners],
        "moved": None if exhibit is None else exhibit.moved,
        "impossible": one.bound == float("inf"),
        "bound": None if abs(one.bound) == float("inf") else round(one.bound - 0.5 * 10**-DIGITS, DIGITS),
        "proof": one.proof,
        "proven_by": list(one.rules),
        "unserved": dropped.get("unserved", {}).get(last),
        "clauses": [name for name in dropped.get("clauses", ()) if name in near.rules],
        "hindrance": dropped.get("hindrance"),
        "plans": sum(j in standing for standing in sets),
        "of_plans": len(sets),
    }


def _partners(j: int, exhibit: Exhibit) -> tuple[int, ...]:
    """Return the sites that stand in the place of a site, or in whose place it stands: those that swap, or serve."""
    swapped = exhibit.opened if j in exhibit.closed else exhibit.closed
    others = swapped or tuple(k for k in exhibit.takes if k != j)
    return others[:_NAMED]


def _told_plan(
    near: NearBest, n: int, one: tuple[Layout, Fraction], plan: Mapping[str, Any], sets: Sequence[frozenset[int]]
) -> dict[str, Any]:
    layout, distance = one
    mine, last = sets[n], str(near.case.years[near.last])
    ledger = next(row for row in plan["ledger"] if row["scope"] == "district" and row["year"] == int(last))
    new, gone = mine - near.standing, near.standing - mine
    towns = Counter(near.case.sites[j].town for j in (*new, *gone))
    return {
        "plan": n,
        "folder": f"plan-{n}" if n else None,
        "distance": shown_number(distance),
        "goals": {row["name"]: row["value"] for row in plan["stages"] if row["name"] in near.model.goals},
        "worse": {
            name: None if (share := near.share_worse(name, Fraction(goal.value(near.case, layout)))) is None
            else shown_number(share)
            for name, goal in near.goals.items()
        },
        "people": ledger["people"],
        "served": ledger["served"],
        "sites": len(mine),
        "kept": len(mine & near.standing),
        "opened": [near.case.sites[j].id for j in sorted(new)],
        "closed": [near.case.sites[j].id for j in sorted(gone)],
        "standing": [near.case.sites[j].id for j in sorted(mine)],
        "apart": [len(mine ^ other) for other in sets],
        "towns": dict(sorted(towns.items())),
    }  # fmt: skip


def every_status(content: Mapping[str, Any], share: float) -> Iterator[tuple[Mapping[str, Any], Status]]:
    """Yield every site of an answer with what it is within a share."""
    for site in content["sites"]:
        yield site, site["status"][_text(share)]
