"""Cases so small that every plan can be looked at, random ones, and rows as text that a person can read."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from allocate.abilities import Ability
from allocate.case import Case, Site
from allocate.consortia import Consortia, Leading
from allocate.contracts import Contracting, Contracts
from allocate.decisions import consortia, functions, posting
from allocate.district import CareHome
from allocate.layout import Layout
from allocate.outreach import Outreach, Way
from allocate.postings import MONTHS, Pool, Postings
from allocate.resources import Resource
from allocate.rows import LEADS, Breach, Column, Key, Number, Row, amount, joins, opened, serves
from allocate.rules import RULES, Rule
from allocate.travel import Links, Mode
from allocate.units import Basis

GOLDEN = Path(__file__).parent / "golden"
AGAIN = "UPDATE_GOLDEN=1 python -m pytest " + " ".join(
    f"tests/test_{of}.py" for of in ("rules", "goals", "match", "districting", "siting", "staffing", "life")
)
KINDS = ("clinic", "station")


def site(name: str, kind: str = "clinic", town: str = "T1", place: int = 0, **numbers: Any) -> Site:
    """Return a site; what is not given is a candidate that costs nothing and has no limit."""
    return Site(name, name, kind, town, place, lon=117.3, lat=39.7, basis=Basis.ASSUMED, **numbers)


def make(
    people: Sequence[Sequence[int]],
    sites: Sequence[Site],
    seconds: Mapping[tuple[int, int], int],
    *,
    years: Sequence[int] = (2025,),
    town_of: Sequence[int] | None = None,
    repeats: Sequence[int] | None = None,
    spans: Sequence[int] | None = None,
    spots: Sequence[tuple[float, float]] | None = None,
    place_kinds: Sequence[str] | None = None,
    place_settings: Sequence[str] | None = None,
    neighbours: Sequence[Sequence[int]] | None = None,
    parents: Sequence[int] = (),
    resources: Mapping[str, Resource] | None = None,
    stock: Mapping[tuple[str, int], int] | None = None,
    intervals: Sequence[int] | None = None,
    pools: Sequence[Pool] = (),
    months: Sequence[int] = (6, 12),
    monthly: int = 0,
    handover: int = 0,
    ways: Mapping[str, Way] | None = None,
    contracting: Contracting | None = None,
) -> Case:
    """Return a case: places P1, P2, … in towns T1, T2, …, and the `seconds` of every pair in reach.

    Unless told otherwise, the places are rural villages in a row, each beside the next, and the plan's day lies in the
    year before the first one. Nobody is posted unless there are `pools`.
    """
    posted = Postings(months=tuple(months), monthly=monthly, handover=handover, basis=Basis.ASSUMED, source="a toy")
    town_of = tuple(town_of or [0] * len(people))
    pairs = sorted((i, s, j) for (i, j), s in seconds.items())
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    return Case(
        years=tuple(years),
        spans=tuple(spans or [*(after - year for year, after in pairwise(years)), 1]),
        repeats=tuple(repeats or [1] * len(years)),
        places=tuple(f"P{i + 1}" for i in range(len(people))),
        towns=tuple(f"T{k + 1}" for k in range(max(town_of) + 1)),
        town_of=town_of,
        people=np.array(people, dtype=np.int64).reshape(len(people), len(years)),
        sites=tuple(sites),
        links=Links(columns[:, 0], columns[:, 2], columns[:, 1]),
        spots=np.array(spots or [(10_000.0 * j, 0.0) for j in range(len(sites))]).reshape(-1, 2),
        place_kinds=tuple(place_kinds or ["village"] * len(people)),
        place_settings=tuple(place_settings or ["rural"] * len(people)),
        neighbours=tuple(map(tuple, neighbours or _in_a_row(len(people)))),
        parents=tuple(parents),
        resources=resources or {},
        stock=stock or {},
        intervals=tuple(intervals or [1, *(after - year for year, after in pairwise(years))]),
        postings=posted if pools else None,
        pools=tuple(pools),
        ways=ways or {},
        contracting=contracting,
    )


def pool(sender: str, hospital: int = -1, **numbers: Any) -> Pool:
    """Return a pool of attending physicians at a hospital, or at a tertiary one outside; as many tours as fit."""
    away = numbers.get("away", 1)
    usual: dict[str, Any] = {
        "sends_as": "" if hospital >= 0 else "tertiary_hospital",
        "specialty": "surgery",
        "rank": "attending",
        "away": away,
        "tours": 2 * away,
        "months": frozenset(range(1, 13)),
        "days_per_week": Fraction(5),
        "resource": "",
        "basis": Basis.ASSUMED,
    }
    return Pool(sender=sender, hospital=hospital, **(usual | numbers))


def way(pairs: Mapping[tuple[int, int], int], **numbers: Any) -> Way:
    """Return a way of outreach with the time of every pair [s]: rounds of teams from hubs unless said otherwise."""
    usual = {
        "name": {"zh": "巡诊", "en": "rounds"},
        "by": ["township_hospital"],
        "times": 2,
        "resource": "teams",
        "mode": "car",
        "minutes": 60,
        "source": "a toy",
        "basis": "assumed",
    }
    return Way(Outreach.model_validate(usual | numbers), pairs)


def contracts(
    beds: Sequence[int],
    pairs: Mapping[tuple[int, int], int],
    existing: Mapping[int, int] | None = None,
    **numbers: Any,
) -> Contracting:
    """Return how care homes H1, H2, … with so many beds may have contracts, with the time of every pair [s]."""
    usual = {"by": ["township_hospital"], "mode": "car", "minutes": 30, "source": "a toy", "basis": "assumed"}
    homes = tuple(
        CareHome(f"H{h + 1}", f"H{h + 1}", "T1", number, 117.3, 39.7, Basis.ASSUMED, Basis.ASSUMED, "a toy")
        for h, number in enumerate(beds)
    )
    return Contracting(Contracts.model_validate(usual | numbers), homes, pairs, existing or {})


def resource(**numbers: Any) -> Resource:
    """Return a resource with its numbers, and a source for them."""
    return Resource.model_validate({"source": "a toy", "basis": "assumed", **numbers})


def ability(name: str = "f", **numbers: Any) -> Ability:
    """Return a function with its numbers: hubs may set it up, for nothing, unless told otherwise."""
    usual = {"name": {"zh": name, "en": name}, "at": ["township_hospital"], "source": "a toy", "basis": "assumed"}
    return Ability.model_validate(usual | numbers)


def leading(
    pairs: Mapping[tuple[int, int], int],
    *,
    given: Iterable[int] = (),
    existing: Mapping[int, int] | None = None,
    borders: Iterable[tuple[int, int]] = (),
    **numbers: Any,
) -> Leading:
    """Return consortia with the time of every way from a site to one that may lead it [s]; borders count both ways."""
    plan = Consortia.model_validate({"mode": "car", "source": "a toy", "basis": "assumed"} | numbers)
    both = frozenset(pair for a, b in borders for pair in ((a, b), (b, a)))
    return Leading(plan, pairs, frozenset(given), existing or {}, both)


def able(
    case: Case,
    abilities: Mapping[str, Ability],
    *,
    had: Mapping[tuple[str, int], int] | None = None,
    seconds: Mapping[tuple[int, int], int] | None = None,
    **changes: Any,
) -> Case:
    """Return a case whose sites may have functions, each at all sites of its kinds, and each centre for all it serves.

    `seconds` are those of the way from a site to a centre; where none are given, every way takes a minute.
    """
    today = had or {}
    makers, centres = {}, {}
    for name, each in abilities.items():
        own = {j for (what, j), centre in today.items() if what == name and centre < 0}
        makers[name] = tuple(j for j, at in enumerate(case.sites) if at.kind in each.at or j in own)
        takers = [j for j, at in enumerate(case.sites) if at.kind in each.serves and j not in makers[name]]
        if each.serves:
            ways = {(j, k): 60 if seconds is None else seconds.get((j, k)) for j in takers for k in makers[name]}
            centres[name] = {pair: way for pair, way in ways.items() if way is not None}
    return replace(case, abilities=abilities, makers=makers, centres=centres, had=today, **changes)


def _in_a_row(count: int) -> list[list[int]]:
    return [[k for k in (i - 1, i + 1) if 0 <= k < count] for i in range(count)]


def valley(**changes: Any) -> Case:
    """Return three places in two towns, one clinic that exists, one hub that stays, and two candidates.

    P1 (2 people) reaches clinic A; P2 (1 person) reaches clinics A and B; P3 (2, later 1) reaches station C.
    The hub D lies beyond everybody's circle. A and B are 400 m apart, B and C 500 m, A and C 900 m; C and D
    stand on one spot.
    """
    sites = [
        site("A", exists=True, closable=True, yearly=60),
        site("B", place=1, opening=150, yearly=60),
        site("C", kind="station", town="T2", place=2, opening=600, yearly=400),
        site("D", kind="township_hospital", town="T2", place=2, exists=True),
    ]
    numbers: dict[str, Any] = {
        "years": (2025, 2027),
        "town_of": (0, 0, 1),
        "spots": [(0, 0), (400, 0), (900, 0), (900, 0)],
    }
    seconds = {(0, 0): 60, (1, 0): 600, (1, 1): 120, (2, 2): 300}
    return make([[2, 2], [1, 1], [2, 1]], sites, seconds, **(numbers | changes))


GROUPED = ("clinic_standard", "tcm_corner", "ecg", "imaging")


def grouped(**changes: Any) -> Case:
    """Return two hospitals that may lead three hubs, two clinics of which one exists, and four functions for all.

    The general hospital G (0) may lead all hubs U, V and W (2 to 4), the TCM hospital H (1) all but U. The hubs have
    30, 20 and 10 people, later 40, 20 and 10. Either hospital may send a surgeon, for six months or for twelve.
    """
    sites = [
        site("G", kind="hospital", exists=True, type="general"),
        site("H", kind="hospital", exists=True, type="tcm"),
        *(site(name, kind="township_hospital", exists=True) for name in "UV"),
        site("W", kind="community_centre", exists=True),
        site("A", exists=True, closable=True),
        site("B"),
    ]
    numbers: dict[str, Any] = {"years": (2025, 2027), "pools": [pool("G", 0, tours=2), pool("H", 1, tours=2)]}
    case = make([[1, 1]], sites, {}, **(numbers | changes))
    kinds = sorted({at.kind for at in sites})
    ways = {(2, 0): 600, (3, 0): 900, (4, 0): 1200, (3, 1): 900, (4, 1): 600}
    return able(
        case,
        {name: ability(name, at=kinds) for name in GROUPED},
        leading=leading(ways),
        hub_people={2: (30, 40), 3: (20, 20), 4: (10, 10)},
    )


def called(**changes: Any) -> Case:
    """Return the valley with ambulances, which hospitals, hubs and stations of their own may have.

    An ambulance station E may open beside clinic B, and costs 700. P1 lies on the spot of clinic A, P2 on that of B,
    P3 on that of the hub D: 400 m and 500 m apart. P1 is urban, P2 is rural, and of P3 nobody knows. A car takes a
    minute for 500 m; the table of another way to travel says ten minutes from P1 to D, five to E, and nothing else.
    """
    base = valley()
    stations = [*base.sites, site("E", kind="ems_station", place=1, opening=500, yearly=100)]
    numbers: dict[str, Any] = {
        "years": base.years,
        "town_of": base.town_of,
        "spots": [*map(tuple, base.spots.tolist()), (400, 0)],
        "place_settings": ("urban", "rural", ""),
    }
    case = make(base.people.tolist(), stations, base.seconds, **(numbers | changes))
    car = {"name": {"zh": "汽车", "en": "car"}, "speed_kmh": 30, "detour": 1, "source": "a toy", "basis": "assumed"}
    modes = {"car": Mode.model_validate(car), "listed": Mode.model_validate(car)}
    ambulances = ability("ems", at=["hospital", "township_hospital", "ems_station"], always_at=["ems_station"])
    return able(
        case,
        {"ems": ambulances},
        place_spots=np.array([(0.0, 0.0), (400.0, 0.0), (900.0, 0.0)]),
        modes=modes,
        own_seconds={"listed": {(0, 3): 600, (0, 4): 300}},
    )


def sending(**changes: Any) -> Case:
    """Return the valley with a hospital above its hub, pools in it and outside, and rounds and posts from the hub.

    The hospital E may send a surgeon; from outside, the north sends a nurse on three days a week, and the south a
    physician of a higher rank. The hub D can make rounds everywhere and keep somebody in P1 and P3; E visits the towns.
    """
    hospital = site("E", kind="hospital", exists=True)
    numbers: dict[str, Any] = {
        "parents": (-1, -1, 3, 4, -1),
        "pools": [
            pool("E", 4),
            pool("north", rank="resident", specialty="nursing", days_per_week=Fraction(3)),
            pool("south", rank="associate_senior"),
        ],
        "ways": {
            "rounds": way({(0, 3): 600, (1, 3): 600, (2, 3): 300}),
            "posts": way({(0, 3): 600, (2, 3): 300}, times=5, half_days=2, is_post=True, resource="sitters"),
            "town_rounds": way({(0, 4): 900, (1, 4): 600}, by=["hospital"], to="town", times=1, per="month"),
        },
    }
    base = valley()
    numbers |= {"years": base.years, "town_of": base.town_of, "spots": [*map(tuple, base.spots.tolist()), (900, 0)]}
    return make(base.people.tolist(), [*base.sites, hospital], base.seconds, **(numbers | changes))


# Variables that decide nothing: what is decided says what they can be.
HELPERS = ("present", "remote", "reached", "within", "led")
# What cannot be of functions and consortia in a single year, whatever is decided for the others.
_AT_ONCE = frozenset({"at", "has", "leads", "joins", "member", "led", "one", "empty", "away"})


def every_point(
    case: Case, rows: Iterable[Row], beyond: int = 1, amounts: int = 2, ties: Iterable[Row] = ()
) -> Iterator[dict[Key, int]]:
    """Yield every point of the box of the decisions that the rows speak of, wrong ones included.

    People served, a mere sum, give way to the people of each pair, up to `beyond` more than live there. Of a resource,
    a site has up to `amounts`, and a pool sends it as many tours of a length. Helper variables give way to what their
    `ties` speak of. Rules on functions and consortia leave it to physics that only what is open has a function, and
    that nobody is in two consortia or away twice: points at which that is wrong are left out, and fixed sites are open.
    """
    spoken = {key for row in (*rows, *ties) for key in _decisions(case, row.terms)}
    is_grouped = bool(case.abilities) or case.leading is not None
    if is_grouped:
        spoken |= {
            opened(int(key[2]), int(key[3])) for key in spoken if key[0] == "amount" and key[1] in case.abilities
        }
        if case.leading is not None:
            years = {int(key[-1]) for key in spoken if key[0] == "joins" or key[:2] == ("amount", LEADS)}
            spoken |= {joins(*pair, t) for pair in case.leading.pairs for t in years}
            spoken |= {amount(LEADS, k, t) for k in case.leading.leads for t in years}
            spoken |= {opened(j, t) for j in case.leading.joiners for t in years}
    keys = sorted(key for key in spoken if key[0] not in HELPERS)

    def most(key: Key) -> int:
        match key:
            case ("open", _, _) | ("visit", _, _, _, _) | ("joins", _, _, _) | ("contract", _, _, _):
                return 1
            case ("amount", str(what), _, _) if what in case.abilities or what == LEADS:
                return 1
            case ("tours", _, int(months), _, _) if is_grouped:
                return MONTHS // months
            case ("amount", _, _, _) | ("tours", _, _, _, _):
                return amounts
            case (_, int(i), _, int(t)):
                return int(case.people[i, t]) + beyond
        msg = f"{key} is no decision"
        raise KeyError(msg)

    def least(key: Key) -> int:
        return int(is_grouped and key[0] == "open" and case.sites[int(key[1])].is_fixed)

    for numbers in product(*(range(least(key), most(key) + 1) for key in keys)):
        point = dict(zip(keys, numbers, strict=True))
        if not is_grouped or _is_possible(case, layout_at(point)):
            yield point


def _is_possible(case: Case, layout: Layout) -> bool:
    found = chain.from_iterable(one.breaches(case, layout) for one in (consortia, functions, posting))
    return _AT_ONCE.isdisjoint(str(breach.about[0]) for breach in found)


def _decisions(case: Case, keys: Iterable[Key]) -> Iterator[Key]:
    for key in keys:
        match key:
            case ("served", int(i), int(t)):
                yield from (serves(i, j, t) for j in case.sites_of[i])
            case _:
                yield key


def layout_at(point: Mapping[Key, int]) -> Layout:
    """Return the layout of a point; variables that it does not name are 0."""
    return Layout(
        frozenset((int(key[1]), int(key[2])) for key, on in point.items() if key[0] == "open" and on),
        {key[1:]: people for key, people in point.items() if key[0] == "serve" and people},
        {key[1:]: number for key, number in point.items() if key[0] == "amount" and number},
        {key[1:]: number for key, number in point.items() if key[0] == "tours" and number},
        frozenset(key[1:] for key, on in point.items() if key[0] == "visit" and on),
        members=frozenset(key[1:] for key, on in point.items() if key[0] == "joins" and on),
        links=frozenset(key[1:] for key, on in point.items() if key[0] == "linked" and on),
        contracts=frozenset(key[1:] for key, on in point.items() if key[0] == "contract" and on),
    )


def value_in(layout: Layout, ties: Iterable[Row] = ()) -> Callable[[Key], Number]:
    """Return what every variable is in a layout; a helper is the most that its `ties` allow, 0 or 1 of most."""
    tied: dict[Key, list[Row]] = {}
    for row in ties:
        for helper in row.terms:
            if helper[0] in HELPERS:
                tied.setdefault(helper, []).append(row)

    def allows(helper: Key, number: int) -> bool:
        trial = {helper: number}
        return not any(violation(row, lambda key: trial[key] if key in trial else value(key)) for row in tied[helper])

    def value(key: Key) -> Number:
        match key:
            case ("open", j, t):
                return int((j, t) in layout.open)
            case ("serve", i, j, t):
                return layout.serve.get((i, j, t), 0)
            case ("served", i, t):
                return layout.served.get((i, t), 0)
            case ("amount", what, index, t):
                return layout.amounts.get((what, index, t), 0)
            case ("tours", p, months, j, t):
                return layout.tours.get((p, months, j, t), 0)
            case ("visit", name, stop, j, t):
                return int((name, stop, j, t) in layout.visits)
            case ("contract", h, j, t):
                return int((h, j, t) in layout.contracts)
            case ("joins", j, k, t):
                return int((j, k, t) in layout.members)
            case ("linked", name, j, k, t):
                return int((name, j, k, t) in layout.links)
            case ("led", *_) if key in tied:
                # (Persons, of whom there are parts.)
                rest = (sum(n * value(other) for other, n in row.terms.items() if other != key) for row in tied[key])
                return min(row.bound - there for row, there in zip(tied[key], rest, strict=True))
            case _ if key in tied:
                return max(number for number in (0, 1) if allows(key, number))
        msg = f"{key} is no decision"
        raise KeyError(msg)

    return value


def lives(case: Case) -> Iterator[frozenset[tuple[int, int]]]:
    """Yield every way to open and close sites that physics allows."""
    years = len(case.years)
    choices = []
    for j, at in enumerate(case.sites):
        if at.exists:
            ends = range(years + 1) if at.closable else (years,)
            choices.append([{(j, t) for t in range(end)} for end in ends])
        else:
            choices.append([{(j, t) for t in range(start, years)} for start in range(years + 1)])
    for chosen in product(*choices):
        yield frozenset(pair for pairs in chosen for pair in pairs)


def nearest(case: Case, is_open: frozenset[tuple[int, int]]) -> Layout:
    """Return the layout in which everybody goes to the nearest open site: the best without capacities."""
    flows = {}
    for t in case.periods:
        for i, reach in enumerate(case.sites_of):
            site_ = next((j for j in reach if (j, t) in is_open), None)
            if site_ is not None and case.people[i, t]:
                flows[i, site_, t] = int(case.people[i, t])
    return Layout(is_open, flows)


def violation(row: Row, value: Callable[[Key], Number]) -> Number:
    """Return how far a row is missed."""
    left = sum(coefficient * value(key) for key, coefficient in row.terms.items())
    match row.sense:
        case ">=":
            return max(0, row.bound - left)
        case "<=":
            return max(0, left - row.bound)
        case "==":
            return abs(left - row.bound)


def missed(rows: Iterable[Row], layout: Layout, ties: Iterable[Row] = ()) -> dict[Key, tuple[Number, Number]]:
    """Return by how much rows are missed, and their targets, by what they are about."""
    value = value_in(layout, ties)
    found: dict[Key, tuple[Number, Number]] = {}
    for row in rows:
        assert row.about not in found, f"two rows are about {row.about}"
        found[row.about] = violation(row, value), row.target
    return {about: numbers for about, numbers in found.items() if numbers[0]}


def breached(breaches: Iterable[Breach]) -> dict[Key, tuple[Number, Number]]:
    """Return the same of breaches; two about one thing are an error."""
    found: dict[Key, tuple[Number, Number]] = {}
    for breach in breaches:
        assert breach.about not in found, f"two breaches are about {breach.about}"
        found[breach.about] = breach.shortfall, breach.target
    return found


def render(name: str, rows: Iterable[Row], *, slack: bool = False) -> str:
    """Return rows as a person writes them; `slack` adds what a shortfall is divided by, behind a backslash."""
    return "\n".join(_line(name, row, slack=slack) for row in rows)


def render_columns(columns: Iterable[Column]) -> str:
    """Return the ranges of variables."""
    return "\n".join(
        f"{column.low} <= {_variable(column.key)} <= {column.high}{', whole' if column.whole else ''}"
        for column in columns
    )


def render_sum(terms: Mapping[Key, Number]) -> str:
    """Return a sum of variables."""
    parts = []
    for key, coefficient in terms.items():
        size = "" if abs(coefficient) == 1 else f"{abs(coefficient)} "
        parts.append(f" {'-' if coefficient < 0 else '+'} {size}{_variable(key)}")
    return "".join(parts).removeprefix(" + ").strip() or "0"


def _line(name: str, row: Row, *, slack: bool) -> str:
    about = ",".join(str(part) for part in row.about)
    sense = {">=": ">=", "<=": "<=", "==": "="}[row.sense]
    notes = [f"target {row.target}"] if slack else []
    if row.times != 1:
        notes.append(f"{row.times} years")
    if row.implied:
        notes.append("implied")
    line = f"{name}[{about}]: {render_sum(row.terms)} {sense} {row.bound}"
    return f"{line}  \\ {', '.join(notes)}" if notes else line


def _variable(key: Key) -> str:
    name, *indices = key
    return f"{name}[{','.join(str(index) for index in indices)}]" if indices else str(name)


def matches_golden(name: str, text: str) -> None:
    """Compare a text with the committed one, or write it when the environment says UPDATE_GOLDEN=1."""
    path, text = GOLDEN / f"{name}.txt", f"{text}\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.is_file(), f"tests/golden/{path.name} is missing; make it with: {AGAIN}"
    wanted = path.read_text(encoding="utf-8")
    assert text == wanted, f"tests/golden/{path.name} is stale; if the change is meant, run {AGAIN}"


def rule(name: str, **numbers: Any) -> Rule:
    """Return a rule with its numbers, and a source for them."""
    strength = {} if RULES[name].is_physics else {"strength": "must"}
    return RULES[name](**(strength | {"source": "a toy", "basis": "assumed"} | numbers))


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    years: Sequence[int] = (2025, 2027),
    capacities: bool = True,
    most_places: int = 4,
    least_sites: int = 1,
    most_sites: int = 4,
) -> Case:
    """Draw a case of a few places and sites; two years may have the same people."""
    count = draw(st.integers(1, most_places))
    vector = st.lists(st.integers(0, 3), min_size=count, max_size=count)
    columns = draw(st.lists(vector, min_size=1, max_size=2))
    people = [columns[draw(st.integers(0, len(columns) - 1))] for _ in years]
    town_of = [0, *draw(st.lists(st.integers(0, 1), min_size=count - 1, max_size=count - 1))]
    spots = st.tuples(st.integers(0, 1000), st.integers(0, 1000))
    rooms = st.none() | st.integers(1, 5) if capacities else st.none()
    sites, seconds, positions = [], {}, []
    for j in range(draw(st.integers(least_sites, most_sites))):
        place = draw(st.integers(0, count - 1))
        exists = draw(st.booleans())
        sites.append(
            site(
                f"S{j + 1}",
                kind=draw(st.sampled_from(KINDS)),
                town=f"T{town_of[place] + 1}",
                place=place,
                exists=exists,
                closable=exists and draw(st.booleans()),
                opening=draw(st.integers(0, 4)),
                yearly=draw(st.integers(0, 2)),
                capacity=draw(rooms),
            )
        )
        positions.append(draw(spots))
        for i in draw(st.sets(st.integers(0, count - 1))):
            seconds[i, j] = draw(st.integers(0, 900))
    return make(list(zip(*people, strict=True)), sites, seconds, years=years, town_of=town_of, spots=positions)


@st.composite
def lawful_layouts(draw: st.DrawFn, case: Case) -> Layout:
    """Draw a layout that obeys physics and has room for everybody whom it serves."""
    is_open = draw(st.sampled_from(list(lives(case))))
    flows: dict[tuple[int, int, int], int] = {}
    for t in case.periods:
        left = [int(people) for people in case.people[:, t]]
        for j, at in enumerate(case.sites):
            room = sum(left) if at.capacity is None else at.capacity
            for i in case.places_of[j] if (j, t) in is_open else ():
                people = draw(st.integers(0, min(left[i], room)))
                if people:
                    flows[i, j, t] = people
                    left[i], room = left[i] - people, room - people
    return Layout(is_open, flows)


@st.composite
def staffed(draw: st.DrawFn, *, years: Sequence[int] = (2025, 2027), most_places: int = 3) -> tuple[Case, list[Rule]]:
    """Draw a case with a hub, a hospital and all kinds of resources, and the rules that say whom its staff can serve.

    The hub employs the staff of the stations and clinics; hospitals may lend doctors; teams take a doctor and nurses.
    """
    bare = draw(cases(years=years, capacities=False, most_places=most_places, most_sites=2))
    sites = [
        *bare.sites,
        site("HUB", kind="township_hospital", exists=True),
        site("HOSPITAL", kind="hospital", exists=True),
    ]
    hub, hospital = len(sites) - 2, len(sites) - 1
    kinds = ("hospital", "township_hospital", *KINDS)
    few = st.integers(0, 2)

    def posts(inside: Sequence[str] = kinds) -> dict[str, int]:
        return {kind: number for kind in inside if (number := draw(st.integers(0, 3)))} or {inside[0]: 1}

    def money() -> dict[str, Any]:
        return {"yearly": draw(few), "adding": draw(few), "leaves": draw(st.sampled_from((0, 0.1, 0.5)))}

    doctors_at = posts()
    resources = {
        "doctors": resource(at=doctors_at, per_year=draw(st.none() | few), lent=draw(st.booleans()), **money()),
        "gps": resource(at=posts(sorted(doctors_at)), part_of="doctors", per_year=draw(st.none() | few), **money()),
        "nurses": resource(at=doctors_at, **money()),
        "teams": resource(at=posts(sorted(doctors_at)), needs={"doctors": 1, "nurses": 2}, yearly=draw(few)),
        "doctors_here": resource(sum_of="doctors", kinds=sorted(doctors_at)[:1]),
    }
    stock = {
        ("doctors", hub): draw(few),
        ("doctors", hospital): draw(few),
        ("nurses", hub): draw(few),
    } | {(draw(st.sampled_from(("doctors", "nurses"))), j): 1 for j in range(hub) if sites[j].exists}
    rules, people = [], draw(st.integers(1, 3))
    served = sorted(set(doctors_at) - {"hospital"})
    if served:
        rules.append(rule("people_per_staff", kinds=served, resource="doctors", people=people))
        limits = dict.fromkeys(served, (("doctors", people),))
        sites = [
            replace(at, per_staff=limits[at.kind], capacity=people * doctors_at[at.kind]) if at.kind in limits else at
            for at in sites
        ]
    seconds = bare.seconds | {
        (i, hub): draw(st.integers(0, 900)) for i in draw(st.sets(st.sampled_from(range(len(bare.places)))))
    }
    case = make(
        bare.people.tolist(),
        sites,
        seconds,
        years=years,
        town_of=bare.town_of,
        parents=[hub] * hub + [hospital, -1],
        resources=resources,
        stock=stock,
    )
    return case, rules


def optional_years(case: Case) -> st.SearchStrategy[tuple[int, ...]]:
    """Return a strategy for the years in which a rule holds; none means all of them."""
    return st.sets(st.sampled_from(case.years)).map(lambda years: tuple(sorted(years)))


def weigh(case: Case, rules: Sequence[Rule], layout: Layout) -> tuple[Number, Number]:
    """Return the worst breach and the weighted sum of breaches, from the rows, as the solver sees them."""
    shares = [
        (Fraction(violation(row, value)) / Fraction(row.target), Fraction(str(each.weight)) * row.times)
        for each in rules
        for value in [value_in(layout, list(each.ties(case)))]
        for row in each.rows(case)
    ]
    worst = max((share for share, _ in shares), default=Fraction(0))
    return worst, sum((share * weight for share, weight in shares), Fraction(0))
