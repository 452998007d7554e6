"""Whether a plan survives what is uncertain: other possible districts, speeds, growth, closures and too few staff."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from allocate import surveying
from allocate.answer import Answer
from allocate.candidates import make_case
from allocate.case import Case
from allocate.costs import whole_cost
from allocate.crews import Crew, Failure, Processes
from allocate.district import District, Place, PlaceYear
from allocate.errors import Problem, UsageError
from allocate.estimate import redraw
from allocate.gaps import DIGITS, shown_number
from allocate.layout import Layout
from allocate.looking import SECONDS, figures, look, standing
from allocate.model import Model, model_of
from allocate.plans import district_of, inputs_of, layout_of, library_versions
from allocate.population import Projection, project
from allocate.program import Options
from allocate.read import find_district, read_district
from allocate.rows import Number
from allocate.rules import FunctionReach, PeoplePerStaff, Reach, Rule
from allocate.rules.scopes import parts
from allocate.search import Layouts
from allocate.serving import serve_most
from allocate.shares import spread
from allocate.travel.circles import Doubt
from allocate.units import Basis, exact
from allocate.words import LANGUAGES, Language, say_in

# The seeds of draws that a plan was made with come first: these are others.
DRAWS, AGAIN, SEED, GROWTH = 100, 8, 1001, 0.005
MOST_DRAWS, MOST_AGAIN, MOST_GROWTH = 10_000, 1_000, 0.1
# Of each resource so much is missing in turn.
SHORT = (0.05, 0.10, 0.20)
# A site is idle in a draw in which it serves less than this part of its planned people.
IDLE = 0.10
# A site is firm where it stands in at least so many of the layouts found anew and is idle in at most so many draws, and
# doubtful where it stands in fewer or is idle in more than so many.
FIRM_STANDS, FIRM_IDLE, DOUBTFUL_STANDS, DOUBTFUL_IDLE = 0.80, 0.05, 0.50, 0.20
# Draws in which every village is also drawn by itself, and how many villages are named.
SURVEYED, NAMED = 20, 20
# Draws that show what surveying these helps.
CHECKED = 20
LOW, QUARTER, MIDDLE, THREE_QUARTERS, HIGH = 0.05, 0.25, 0.50, 0.75, 0.95
_PARTS = {"low": LOW, "quarter": QUARTER, "median": MIDDLE, "three_quarters": THREE_QUARTERS, "high": HIGH}
# A look ends by count: on a busy machine the clock must not end it first.
_PATIENCE = 10
# Sites whose closing is worked out in one go.
_BATCH = 25
# What of a district its maps draw, beside its places.
_GROUND = ("name", "datum", "epsg", "boundary", "towns")
# One stream of random numbers for each purpose, beside those of the estimate itself.
_SPEED, _GROWTH = 1, 2

Stability = Literal["firm", "depends", "doubtful"]
Row = dict[str, Any]
ByYear = dict[str, int]


@dataclass(frozen=True)
class Asked:
    """What a planner asks for.

    Attributes
    ----------
    draws, again
        Possible districts in which the plan is looked at, and those of them that are planned anew.
    seed
        That of the first draw; each has the next.
    speeds
        Speeds are drawn between this share below and above the model's, all alike.
    growth
        People grow or shrink by up to this share a year more, or less, than the model says, all alike.
    """

    draws: int = DRAWS
    again: int = AGAIN
    seed: int = SEED
    speeds: float = 0.2
    growth: float = GROWTH

    def of(self, content: Mapping[str, Any]) -> "Asked":
        """Return the same with the doubt about speeds that the model of a plan has."""
        return replace(self, speeds=Doubt.model_validate(content["settings"].get("travel", {})).doubt)

    def check(self) -> None:
        """Refuse numbers that mean nothing.

        Raises
        ------
        UsageError
            With all of them.
        """
        ranges = {
            "draws": (1, MOST_DRAWS),
            # (Of draws that cannot be, none is solved again.)
            "again": (0, min(MOST_AGAIN, self.draws) if 1 <= self.draws <= MOST_DRAWS else MOST_AGAIN),
            "seed": (0, 2**31),
            "speeds": (0, 0.9),
            "growth": (0, MOST_GROWTH),
        }
        problems = [
            Problem("robust.option", column=f"--{name}", value=value, details={"least": least, "most": most})
            for name, (least, most) in ranges.items()
            if not least <= (value := getattr(self, name)) <= most
        ]
        if problems:
            raise UsageError(problems)


@dataclass(frozen=True)
class Kept:
    """A plan as it stands, with all that every job needs of it.

    Attributes
    ----------
    base
        The layout in which its sites and staff serve as many as they can of the plan's own people.
    """

    district: District
    model: Model
    case: Case
    layout: Layout
    base: Layout
    asked: Asked


@dataclass(frozen=True)
class Draw:
    """Look at the plan in a possible district; and, where it is to be surveyed, at each village drawn by itself."""

    seed: int
    survey: bool = False


@dataclass(frozen=True)
class Anew:
    """Plan a possible district anew, quickly."""

    seed: int


@dataclass(frozen=True)
class Change:
    """Look at the plan at other speeds or with other growth alone."""

    speed: float = 1.0
    growth: float = 0.0


@dataclass(frozen=True)
class Closed:
    """Look at the plan without a site, for some sites in turn."""

    sites: tuple[int, ...]


@dataclass(frozen=True)
class Shortage:
    """Look at the plan with less of a resource."""

    resource: str
    cut: float


@dataclass(frozen=True)
class Known:
    """Look at the plan in a possible district in which some places lie, and are peopled, as the plan has them."""

    places: frozenset[str]
    seed: int


Job = Draw | Anew | Change | Closed | Shortage | Known


# What is drawn -------------------------------------------------------------------------------------------------------


def luck(asked: Asked, seed: int) -> tuple[float, float]:
    """Return the factor of speeds and the change of growth of a draw, each evenly within its range and seeded."""

    def between(purpose: int) -> float:
        stream = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, purpose])))
        return 2 * float(stream.random()) - 1

    return round(1 + asked.speeds * between(_SPEED), 3), round(asked.growth * between(_GROWTH), 5)


def possible(district: District, model: Model, seed: int, asked: Asked) -> tuple[District, Model, float, float]:
    """Return a possible district and the model that goes with it: positions and people, speeds, growth."""
    speed, growth = luck(asked, seed)
    drawn = redraw(district, seed) if district.has_estimates else district
    return *grown(drawn, faster(model, speed), growth), speed, growth


def faster(model: Model, factor: float) -> Model:
    """Return a model whose speeds are all taken times a factor."""
    if factor == 1:
        return model
    travel = model.travel.model_copy(update={"speed_factor": round(model.travel.speed_factor * factor, 6)})
    return replace(model, travel=travel)


def grown(district: District, model: Model, growth: float) -> tuple[District, Model]:
    """Return district and model with people who grow by a share a year more than the model says, since its day.

    The total of every year changes by (1 + growth) to the power of the years since; places keep their parts of it.
    """
    if not growth:
        return district, model
    people = project(district, model.population, model.years).people
    rows = []
    for t, year in enumerate(model.years):
        factor = (1 + exact(growth)) ** (year - model.as_of.year)
        column = people[:, t].tolist()
        shares = spread(int(sum(column) * factor + Fraction(1, 2)), column) if any(column) else column
        rows += [
            PlaceYear(place.id, year, number, Basis.ASSUMED, "growth")
            for place, number in zip(district.places, shares, strict=True)
        ]
    table = Projection(method="table", basis=Basis.ASSUMED, source="growth")
    return replace(district, people_by_year=tuple(rows)), replace(model, population=table)


# The plan as it stands, in another district --------------------------------------------------------------------------


def carried_over(old: Case, layout: Layout, new: Case) -> Layout:
    """Return the decisions of a plan in another case of the same district; visits only where they can still be made.

    What the other case does not have, such as a generated candidate, is left out.
    """
    at = {j: k for j, site in enumerate(old.sites) if (k := new.site_index.get(site.id)) is not None}
    visits = frozenset(
        (way, stop, at[j], t) for way, stop, j, t in layout.visits if j in at and (stop, at[j]) in new.ways[way].pairs
    )
    return Layout(
        open=frozenset((at[j], t) for j, t in layout.open if j in at),
        amounts={(what, at[j], t): number for (what, j, t), number in layout.amounts.items() if j in at},
        tours={(p, months, at[j], t): number for (p, months, j, t), number in layout.tours.items() if j in at},
        visits=visits,
        members=frozenset((at[j], at[k], t) for j, k, t in layout.members if j in at and k in at),
        links=frozenset((name, at[j], at[k], t) for name, j, k, t in layout.links if j in at and k in at),
        contracts=frozenset((h, at[j], t) for h, j, t in layout.contracts if j in at),
    )


def on_reach(model: Model) -> dict[str, Rule]:
    """Return the planned rules on how many people are reached."""
    return {name: rule for name, rule in model.planned().items() if isinstance(rule, Reach | FunctionReach)}


def missed_years(case: Case, rules: Mapping[str, Rule], layout: Layout) -> dict[str, list[int]]:
    """Return the years in which each rule is missed, by its name."""
    found: dict[str, list[int]] = {}
    for name, rule in rules.items():
        about = {part for breach in rule.breaches(case, layout) for part in breach.about if part in case.years}
        found[name] = sorted(int(part) for part in about)
    return found


def seen(case: Case, layout: Layout, rules: Mapping[str, Rule]) -> Row:
    """Return the people served by year and town, and the years in which each rule on reach is missed."""
    by_place = np.zeros((len(case.places), len(case.years)), dtype=np.int64)
    for (i, t), people in layout.served.items():
        by_place[i, t] = people

    def years(members: Sequence[int]) -> Row:
        return {
            str(year): [int(by_place[list(members), t].sum()), int(case.people[list(members), t].sum())]
            for t, year in enumerate(case.years)
        }

    return {
        "served": {str(year): int(by_place[:, t].sum()) for t, year in enumerate(case.years)},
        "people": {str(year): case.total(t) for t, year in enumerate(case.years)},
        "towns": {town: years(members) for town, members in parts(case, "town")},
        "missed": missed_years(case, rules, layout),
    }


def decided_sites(model: Model, case: Case, layout: Layout, t: int) -> list[int]:
    """Return the sites of the kinds that are planned, open in a year, that somebody could leave out."""
    return [case.site_index[code] for code in standing(model, case, layout, t) if not _fixed(case, code)]


def _fixed(case: Case, code: str) -> bool:
    return case.sites[case.site_index[code]].is_fixed


# The jobs ------------------------------------------------------------------------------------------------------------


def work_out(kept: Kept, job: Job) -> Any:
    """Do a job; a function of the module, so that processes can be told to."""
    match job:
        case Draw():
            return _draw(kept, job)
        case Anew():
            return _anew(kept, job)
        case Change():
            return _change(kept, job)
        case Closed():
            return [_closed(kept, j) for j in job.sites]
        case Shortage():
            return _shortage(kept, job)
        case Known():
            return _known(kept, job)


def _draw(kept: Kept, job: Draw) -> Row:
    district, model, speed, growth = possible(kept.district, kept.model, job.seed, kept.asked)
    case = make_case(district, model)
    layout = serve_most(case, carried_over(kept.case, kept.layout, case))
    last = len(case.years) - 1
    idle = [
        kept.case.sites[j].id
        for j in decided_sites(kept.model, kept.case, kept.layout, last)
        if _is_idle(kept, j, layout.load.get((case.site_index.get(kept.case.sites[j].id, -1), last), 0))
    ]
    row = {"seed": job.seed, "speed": speed, "growth": growth, **seen(case, layout, on_reach(kept.model))}
    row |= {"visits_lost": len(kept.layout.visits) - len(layout.visits), "idle": idle}
    if job.survey:
        row["survey"] = surveying.each_alone(kept.district, kept.model, kept.case, kept.base, district)
    return row


def _is_idle(kept: Kept, j: int, load: int) -> bool:
    planned = kept.base.load.get((j, len(kept.case.years) - 1), 0)
    return load < exact(IDLE) * planned


def _anew(kept: Kept, job: Anew) -> Row:
    district, model, speed, growth = possible(kept.district, kept.model, job.seed, kept.asked)
    found = look(district, model, Options(seconds=_PATIENCE * SECONDS))
    layout = serve_most(found.case, carried_over(kept.case, kept.layout, found.case))
    as_it_stands = figures(model, found.case, Layouts(layout, {}, {}, ""))
    wanted = ("value", "served", "people", "short", "missed")
    row = {"seed": job.seed, "speed": speed, "growth": growth, "goal": found.figures["goal"]}
    row["kept"] = {name: as_it_stands[name] for name in wanted} | {"cost": whole_cost(found.case, layout)}
    row["found"] = {name: found.figures[name] for name in (*wanted, "bound", "gap", "standing")}
    row["found"]["cost"] = whole_cost(found.case, found.layout)
    return row


def _change(kept: Kept, job: Change) -> Row:
    district, model = grown(kept.district, faster(kept.model, job.speed), job.growth)
    case = make_case(district, model)
    layout = serve_most(case, carried_over(kept.case, kept.layout, case))
    return {"speed": job.speed, "growth": job.growth, **seen(case, layout, on_reach(kept.model))}


def _known(kept: Kept, job: Known) -> int:
    """Return the people served in the last year of a draw of what is not known [persons], at the plan's speeds."""
    district = redraw(with_known(kept.district, job.places), job.seed)
    case = make_case(district, kept.model)
    last = len(case.years) - 1
    return serve_most(case, carried_over(kept.case, kept.layout, case), [last]).served_in(last)


def with_known(district: District, places: Collection[str]) -> District:
    """Return a district in which some places have been surveyed, and are as they were thought to be."""
    people = dict.fromkeys(("people_basis", "people_65_basis", "people_0_14_basis"), Basis.SURVEYED)

    def surveyed(place: Place) -> Place:
        known: dict[str, Any] = {name: basis for name, basis in people.items() if getattr(place, name) is not None}
        return replace(place, position_basis=Basis.SURVEYED, **known)

    return replace(
        district, places=tuple(surveyed(place) if place.id in places else place for place in district.places)
    )


def _closed(kept: Kept, j: int) -> Row:
    """Return what follows when a site closes for good: its people go elsewhere, and it visits nobody."""
    case, rules = kept.case, on_reach(kept.model)
    years = [t for t in case.periods if (j, t) in kept.base.open]
    visits = {visit for visit in kept.base.visits if visit[2] == j}
    shut = replace(
        kept.base,
        open=frozenset(pair for pair in kept.base.open if pair[0] != j),
        visits=kept.base.visits - visits,
    )
    layout = serve_most(case, shut, years)
    before, after = missed_years(case, rules, kept.base), missed_years(case, rules, layout)
    fewer = {str(case.years[t]): kept.base.served_in(t) - layout.served_in(t) for t in case.periods}
    site = case.sites[j]
    return {
        "id": site.id,
        "load": {str(case.years[t]): kept.base.load.get((j, t), 0) for t in case.periods},
        "fewer": fewer,
        "visits_lost": len(visits),
        "missed": _newly(before, after),
    }


def _newly(before: Mapping[str, Sequence[int]], after: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Return the years in which rules are missed that were kept before."""
    found = {name: [year for year in years if year not in before[name]] for name, years in after.items()}
    return {name: years for name, years in found.items() if years}


def _shortage(kept: Kept, job: Shortage) -> Row:
    """Return what follows when some of a resource is missing everywhere."""
    case, last = kept.case, len(kept.case.years) - 1
    less = with_less(case, kept.base, job.resource, job.cut)
    layout = serve_most(case, less)
    rules = {
        name: rule for name, rule in kept.model.planned().items() if isinstance(rule, Reach) or _counts(rule, case)
    }
    before, after = missed_years(case, rules, kept.base), missed_years(case, rules, layout)
    fewer = {str(case.years[t]): kept.base.served_in(t) - layout.served_in(t) for t in case.periods}
    return {
        "resource": job.resource,
        "cut": job.cut,
        "planned": _number(kept.base, job.resource, last),
        "left": _number(layout, job.resource, last),
        "fewer": fewer,
        "visits_lost": len(kept.base.visits) - len(layout.visits),
        "missed": _newly(before, after),
    }


def _counts(rule: Rule, case: Case) -> bool:
    return bool(rule.resources) and not isinstance(rule, PeoplePerStaff) and set(rule.resources) <= set(case.resources)


def _number(layout: Layout, name: str, t: int) -> int:
    return int(layout.totals.get((name, t), 0))


def with_less(case: Case, layout: Layout, name: str, cut: float) -> Layout:
    """Return the layout in which a share of a resource is missing, at every employer alike, and what hangs on it.

    Of what all sites have in a year, in the order of towns and sites, the first n keep n times what is left, in whole
    numbers: so what is missing lies evenly over the district. Teams and parts made of those who are missing are missing
    too, and a site makes as many of its visits as it has of its teams and vehicles left, the first by way and village.
    """
    amounts: dict[tuple[str, int, int], Number] = dict(layout.amounts)
    keeps = 1 - exact(cut)
    for t in case.periods:
        there = [j for j in _in_order(case) if amounts.get((name, j, t))]
        before = after = 0
        for j in there:
            before += int(amounts[name, j, t])
            stays = int(before * keeps) - after
            after += stays
            amounts[name, j, t] = stays
        _without_parts(case, amounts, t)
    visits = frozenset(_still_visited(case, layout, amounts))
    return replace(layout, amounts={key: number for key, number in amounts.items() if number}, visits=visits)


def _in_order(case: Case) -> list[int]:
    return sorted(range(len(case.sites)), key=lambda j: (case.sites[j].town, case.sites[j].id))


def _without_parts(case: Case, amounts: dict[tuple[str, int, int], Number], t: int) -> None:
    """Take away the parts and teams for which there are too few people left."""
    for _ in case.resources:
        is_changed = False
        for name, resource in case.resources.items():
            needs = dict(resource.needs) | ({resource.part_of: 1} if resource.part_of else {})
            for j in case.holders(name)[1] if needs and not resource.sum_of else ():
                here = int(amounts.get((name, j, t), 0))
                most = min((int(amounts.get((other, j, t), 0)) // times for other, times in needs.items()), default=0)
                if here > most:
                    amounts[name, j, t] = most
                    is_changed = True
        if not is_changed:
            return


def _still_visited(
    case: Case, layout: Layout, amounts: Mapping[tuple[str, int, int], Number]
) -> Iterator[tuple[str, int, int, int]]:
    """Yield the visits for which teams and vehicles are left."""
    by_base: dict[tuple[str, int, int], list[tuple[str, int, int, int]]] = {}
    for visit in sorted(layout.visits):
        by_base.setdefault((visit[0], visit[2], visit[3]), []).append(visit)
    for (way, j, t), visits in by_base.items():
        plan = case.ways[way].plan
        stays = Fraction(1)
        for what in filter(None, (plan.resource, plan.vehicles)):
            before = layout.amounts.get((what, j, t), 0)
            if before:
                stays = min(stays, Fraction(amounts.get((what, j, t), 0)) / before)
        yield from visits[: int(len(visits) * stays)]


# All of it -----------------------------------------------------------------------------------------------------------


def jobs_of(kept: Kept) -> dict[str, Job]:
    """Return all jobs by name, those that take longest first."""
    asked, case, seeds = kept.asked, kept.case, seeds_of(kept.asked)
    jobs: dict[str, Job] = {f"anew {seed}": Anew(seed) for seed in seeds[: asked.again]}
    survey = kept.district.has_estimates and can_survey(kept.district, case)
    jobs |= {f"draw {seed}": Draw(seed, survey=survey and n < SURVEYED) for n, seed in enumerate(seeds)}
    jobs |= {f"change {n}": change for n, change in enumerate(_changes(asked))}
    serving = [j for j in range(len(case.sites)) if _matters(kept.base, j)]
    for n in range(0, len(serving), _BATCH):
        jobs[f"closed {n}"] = Closed(tuple(serving[n : n + _BATCH]))
    for name, resource in case.resources.items():
        if not resource.sum_of and not resource.held_back and any(_number(kept.base, name, t) for t in case.periods):
            jobs |= {f"short {name} {cut:g}": Shortage(name, cut) for cut in SHORT}
    return jobs


def seeds_of(asked: Asked) -> list[int]:
    """Return the seeds of the draws."""
    return [asked.seed + n for n in range(asked.draws)]


def can_survey(district: District, case: Case) -> bool:
    """Tell whether villages can be drawn by themselves: by roads nobody knows the times from where they would lie."""
    return case.roads is None and any(place.is_drawn for place in district.places)


def _changes(asked: Asked) -> Iterator[Change]:
    """Yield the speeds and the growths that are looked at by themselves."""
    yield from (Change(speed=round(1 + share * asked.speeds, 3)) for share in (-1, -0.5, 0.5, 1) if asked.speeds)
    yield from (Change(growth=round(share * asked.growth, 5)) for share in (-1, 1) if asked.growth)


def _matters(layout: Layout, j: int) -> bool:
    return any(site == j for site, _ in layout.load) or any(visit[2] == j for visit in layout.visits)


def kept_plan(content: Mapping[str, Any], asked: Asked, data: str | Path | None = None) -> Kept:
    """Return a plan as it stands, of its own content, with what is asked of it.

    Where it counts times by road and positions are drawn, the roads are needed: they are read from the district's
    folder, `data` or the one of its name.

    Raises
    ------
    UsageError
        When a number asked for means nothing, or roads are needed and the folder is not what the plan was made from.
    """
    asked.check()
    district = district_of(content)
    model = model_of(content["settings"], str(content["model"]), "settings", inputs_of(content, "model"))
    if district.times is not None and district.has_estimates:
        district = _with_roads(district, data)
    case = make_case(district, model)
    layout = layout_of(content, case)
    return Kept(district, model, case, layout, serve_most(case, layout), asked)


def _with_roads(district: District, data: str | Path | None) -> District:
    """Return the district read anew from its files, which hold the roads that a plan does not."""
    now = read_district(data or find_district(str(district.id)))
    if dict(now.inputs) != dict(district.inputs):
        raise UsageError([Problem("robust.no_roads", value=str(data or district.id))])
    return replace(now, made=district.made)


def robust(
    content: Mapping[str, Any],
    kept: Kept,
    crew: Crew | None = None,
    *,
    hear: Callable[[int, int], None] | None = None,
) -> Answer:
    """Say how well a plan survives what is uncertain, and on what that rests; `kept` is the plan of the content."""
    jobs = jobs_of(kept)
    results: dict[str, Any] = {}
    crew = crew or Processes()
    for name, result in crew.work(work_out, kept, jobs):
        results[name] = result
        if hear is not None:
            hear(len(results), len(jobs))
    made = _content(content, kept, jobs, results)
    checks = _checks(kept, made["surveying"])
    if checks:
        done = dict(crew.work(work_out, kept, checks))
        made["surveying"]["check"] = _checked(kept, checks, done)
        made["failed"] += _failures(checks, done)
    return Answer("robust", made)


def _checks(kept: Kept, surveying: Row) -> dict[str, Job]:
    """Return the draws that show what surveying helps: with nothing known, the first places, or as many of the last."""
    places = [row["id"] for row in surveying["places"]]
    count = min(NAMED, len(places) // 2)
    if not surveying["whole"] or not count:
        return {}
    sets = {"none": frozenset[str](), "first": frozenset(places[:count]), "last": frozenset(places[-count:])}
    seeds = [kept.asked.seed + kept.asked.draws + n for n in range(CHECKED)]
    return {f"known {name} {seed}": Known(known, seed) for name, known in sets.items() for seed in seeds}


def _checked(kept: Kept, jobs: Mapping[str, Job], results: Mapping[str, Any]) -> list[Row]:
    """Return how far the people served lie from those planned, by what is known: mean, and root mean square."""
    planned = kept.base.served_in(len(kept.case.years) - 1)
    rows = []
    for name in ("none", "first", "last"):
        mine = [job for job in jobs if job.split(" ")[1] == name]
        off = [results[job] - planned for job in mine if not isinstance(results[job], Failure)]
        if off:
            known = jobs[mine[0]]
            rows.append(
                {
                    "known": name,
                    "places": len(known.places) if isinstance(known, Known) else 0,
                    "draws": len(off),
                    "off": round(math.sqrt(sum(number**2 for number in off) / len(off))),
                    "mean": round(sum(off) / len(off)),
                    "least": planned + min(off),
                    "most": planned + max(off),
                }
            )
    return rows


def _failures(jobs: Iterable[str], results: Mapping[str, Any]) -> list[Row]:
    failed = ((name, results[name]) for name in jobs)
    return [{"job": name, "reason": result.reason} for name, result in failed if isinstance(result, Failure)]


def _content(content: Mapping[str, Any], kept: Kept, jobs: Mapping[str, Job], results: Mapping[str, Any]) -> Row:
    """Return all that was found, in the order in which it was asked."""
    good = {name: results[name] for name in jobs if not isinstance(results[name], Failure)}
    failed = _failures(jobs, results)

    def of(kind: str) -> list[Any]:
        return [good[name] for name in good if name.split(" ", 1)[0] == kind]

    draws, anew = of("draw"), of("anew")
    surveys = [row.pop("survey") for row in draws if "survey" in row]
    case, model, district = kept.case, kept.model, kept.district
    nominal = seen(case, kept.base, on_reach(model))
    closures = [row for batch in of("closed") for row in batch]
    return {
        "model": content["model"],
        "title": dict(model.title),
        "district": content["district"],
        "as_of": content["as_of"],
        "years": list(case.years),
        "asked": asdict(kept.asked),
        "settings": content["settings"],
        "inputs": content["inputs"],
        "versions": library_versions(),
        "seeds": seeds_of(kept.asked),
        "method": {spoken: " ".join(_method(kept.asked, district, spoken)) for spoken in LANGUAGES},
        "terms": {
            "idle": IDLE, "firm_stands": FIRM_STANDS, "firm_idle": FIRM_IDLE, "doubtful_stands": DOUBTFUL_STANDS,
            "doubtful_idle": DOUBTFUL_IDLE, "low": LOW, "high": HIGH, "surveyed": len(surveys), "short": list(SHORT),
            "year": case.years[-1], "estimates": district.has_estimates,
            "can_survey": can_survey(district, case),
        },
        "district_data": {
            **{name: content["district_data"].get(name) for name in _GROUND},
            "places": [
                {name: place.get(name) for name in ("id", "name", "town", "lon", "lat")}
                for place in content["district_data"]["places"]
            ],
        },
        "failed": failed,
        "nominal": nominal,
        "planned": {str(year): kept.layout.served_in(t) for t, year in enumerate(case.years)},
        "draws": draws,
        "coverage": _coverage(nominal, draws, case),
        "clauses": _clauses(model, case, nominal, draws),
        "changes": of("change"),
        "closures": _named(case, closures),
        "shortages": of("short"),
        "anew": anew,
        "regret": _regret(anew, case),
        "sites": _sites(kept, draws, anew),
        "rests_on": rests_on(kept),
        "surveying": surveying.ranked(district, case, kept.base, surveys),
        "hedged": None,
    }  # fmt: skip


def nearest_rank[T: (int, float)](numbers: Iterable[T], share: float) -> T | None:
    """Return the least number that at least a share of all do not exceed; None of none.

    >>> nearest_rank([4, 1, 3, 2], 0.5), nearest_rank([4, 1, 3, 2], 0.05), nearest_rank([4, 1, 3, 2], 0.95)
    (2, 1, 4)
    """
    found = sorted(numbers)
    return found[max(0, -int(-exact(share) * len(found) // 1) - 1)] if found else None


def _share(pair: Sequence[int]) -> float | None:
    return round(pair[0] / pair[1], DIGITS) if pair[1] else None


def _coverage(nominal: Row, draws: Sequence[Row], case: Case) -> list[Row]:
    """Return how the share of people served is spread over the draws, of the district and of every town."""
    rows = []
    for scope in ("district", *case.towns):
        for year in map(str, case.years):

            def share(row: Row, scope: str = scope, year: str = year) -> float | None:
                whole = [row["served"][year], row["people"][year]]
                return _share(whole if scope == "district" else row["towns"][scope][year])

            drawn = [(found, row["seed"]) for row in draws if (found := share(row)) is not None]
            worst = min(drawn, default=(None, None))
            numbers = [number for number, _ in drawn]
            rows.append(
                {
                    "scope": scope,
                    "year": int(year),
                    "planned": share(nominal),
                    **{name: nearest_rank(numbers, part) for name, part in _PARTS.items()},
                    "worst": worst[0],
                    "worst_seed": worst[1],
                    "draws": len(numbers),
                }
            )
    return rows


def _clauses(model: Model, case: Case, nominal: Row, draws: Sequence[Row]) -> list[Row]:
    """Return in how many draws each clause on reach is kept in each of its years."""
    return [
        {
            "rule": name,
            "clause": rule.clause,
            "strength": str(rule.strength),
            "scope": getattr(rule, "scope", "district"),
            "year": case.years[t],
            "target": shown_number(exact(rule.share)) if isinstance(rule, Reach | FunctionReach) else None,
            "kept_as_planned": case.years[t] not in nominal["missed"][name],
            "kept": sum(case.years[t] not in row["missed"][name] for row in draws),
            "draws": len(draws),
        }
        for name, rule in on_reach(model).items()
        for t in rule.when(case)
    ]


def _named(case: Case, rows: Iterable[Row]) -> list[Row]:
    """Return closures with names, those that hurt most first: people not served any more over all years, visits."""
    named = []
    for row in rows:
        site = case.sites[case.site_index[row["id"]]]
        named.append(
            {"id": row["id"], "name": site.name, "kind": site.kind, "town": site.town, "basis": str(site.basis)} | row
        )
    return sorted(named, key=lambda row: (-sum(row["fewer"].values()), -row["visits_lost"], row["id"]))


def _regret(anew: Sequence[Row], case: Case) -> Row | None:
    """Return what keeping the plan costs against what was found for each draw: people of the last year, and yuan.

    Yuan compare only where the plan kept misses no stage by more than what was found, and serves as many.
    """
    if not anew:
        return None
    last = str(case.years[-1])
    rows = []
    for row in anew:
        kept, found = row["kept"], row["found"]
        alike = all(kept["short"].get(name, 0) <= short + 1e-9 for name, short in found["short"].items())
        rows.append(
            {
                "seed": row["seed"],
                "people": found["served"][last] - kept["served"][last],
                "yuan": kept["cost"] - found["cost"],
                "comparable": alike,
                "goal": row["goal"],
                "more": round(kept["value"] - found["value"], DIGITS),
                "more_at_most": round(kept["value"] - found["bound"], DIGITS),
                "gap": found["gap"],
            }
        )
    people = [row["people"] for row in rows]
    yuan = [row["yuan"] for row in rows]
    return {
        "rows": rows,
        "people": {"median": nearest_rank(people, MIDDLE), "worst": max(people)},
        "yuan": {"median": nearest_rank(yuan, MIDDLE), "worst": max(yuan)},
        "gap": max(row["gap"] for row in rows),
        "comparable": sum(row["comparable"] for row in rows),
    }


def stability(stands: int, of: int, idle: int, draws: int) -> Stability:
    """Return how far a site can be relied on; none is firm where nothing was planned anew, or drawn.

    >>> stability(8, 8, 2, 100), stability(5, 8, 2, 100), stability(3, 8, 2, 100), stability(0, 0, 25, 100)
    ('firm', 'depends', 'doubtful', 'doubtful')
    >>> stability(0, 0, 0, 100), stability(8, 8, 0, 0)
    ('depends', 'depends')
    """
    standing = Fraction(stands, of) if of else Fraction(1)
    idling = Fraction(idle, draws) if draws else Fraction(0)
    if standing < exact(DOUBTFUL_STANDS) or idling > exact(DOUBTFUL_IDLE):
        return "doubtful"
    if not of or not draws:
        return "depends"
    return "firm" if standing >= exact(FIRM_STANDS) and idling <= exact(FIRM_IDLE) else "depends"


def _sites(kept: Kept, draws: Sequence[Row], anew: Sequence[Row]) -> list[Row]:
    """Return how far each planned site can be relied on, in the order of towns and sites."""
    case, last = kept.case, len(kept.case.years) - 1
    rows = []
    for j in decided_sites(kept.model, case, kept.layout, last):
        site = case.sites[j]
        stands = sum(site.id in row["found"]["standing"] for row in anew)
        idle = sum(site.id in row["idle"] for row in draws)
        rows.append(
            {
                "id": site.id, "name": site.name, "kind": site.kind, "town": site.town, "lon": site.lon,
                "lat": site.lat, "basis": str(site.basis), "people": kept.base.load.get((j, last), 0),
                "stands": stands, "anew": len(anew), "idle": idle, "draws": len(draws),
                "class": stability(stands, len(anew), idle, len(draws)),
            }
        )  # fmt: skip
    return sorted(rows, key=lambda row: (case.towns.index(row["town"]), row["id"]))


def rests_on(kept: Kept) -> Row:
    """Return how much of what is recommended rests on estimated or assumed data: sites, people and yuan.

    Of the sites decided that stand in the last year: those at a position that nobody has surveyed or published; of
    the people whom they serve, those whose number or village's position is such, or whose site is; of what they cost
    over the plan years (opening, and each calendar year), the part of these sites.
    """
    case, district, last = kept.case, kept.district, len(kept.case.years) - 1
    guessed = {Basis.ESTIMATED, Basis.ASSUMED}
    decided = decided_sites(kept.model, case, kept.layout, last)
    weak = {j for j in decided if case.sites[j].basis in guessed}
    soft = {i for i, p in enumerate(district.places) if p.position_basis in guessed or p.people_basis in guessed}
    people = weakly = 0
    for (i, j, t), number in kept.base.serve.items():
        if t == last and j in decided:
            people += number
            weakly += number if i in soft or j in weak else 0
    money = {j: _cost(case, kept.layout, j) for j in decided}
    return {
        "sites": [len(weak), len(decided)],
        "people": [weakly, people],
        "yuan": [sum(money[j] for j in weak), sum(money.values())],
    }


def _cost(case: Case, layout: Layout, j: int) -> int:
    """Return what a site itself costs over the plan years: opening it, and each calendar year that it is open."""
    site = case.sites[j]
    opened = 0 if site.exists else sum(site.opening * layout.opens(case, j, t) for t in case.periods)
    return opened + sum(site.yearly * case.spans[t] for t in case.periods if (j, t) in layout.open)


def _method(asked: Asked, district: District, spoken: Language) -> Iterator[str]:
    """Yield, in a language, how it was worked out and where its limits are."""
    points = ["draws" if district.has_estimates else "no_draws", "serve", "visits", "anew", "closed", "short", "limits"]
    seeds = seeds_of(asked)
    values = {
        "draws": asked.draws, "first": seeds[0], "last": seeds[-1], "speeds": f"{100 * asked.speeds:g}",
        "growth": f"{100 * asked.growth:g}", "again": asked.again,
        "shares": say_in(spoken, "summary.comma").join(f"{100 * cut:g}%" for cut in SHORT),
    }  # fmt: skip
    yield from (say_in(spoken, f"robust.method_{point}", **values) for point in points)
