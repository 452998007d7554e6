"""Turns a solver's numbers into a layout of whole people: who goes where, given what is open."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from allocate.case import Case
from allocate.errors import AllocateError, NoPlanError
from allocate.layout import Layout
from allocate.program import WHOLE_TOLERANCE, Found, Objective, Options, Program
from allocate.rows import Column, Key, Number, Row, opened, serves
from allocate.rules.scopes import Scope, parts

Value = Callable[[Key], Number | float]
_SCOPES: tuple[Scope, ...] = ("place", "town", "district")
# What a solver's numbers may lack altogether to be whole people all the same [persons]. Floors and rooms are whole, and
# no two parts of a cut of the network share a place: whoever is less than one person short of all floors can keep them.
# The other half is for what its numbers may exceed rooms by. No one place may lack more than the second number.
_NOISE, _NEARLY = 0.5, 1e-3


def settle(case: Case, value: Value, options: Options, columns: Iterable[Key] = ()) -> Layout:
    """Return the layout in whole people for what the solver opened.

    Nobody whom the solver serves is dropped: every place, every town and the district keep at least as many people
    served (rounded down to whole people). Within that, as many people as there is room for are served, and they
    travel as little as they can. Places, towns and the district are nested, and every person goes to one site, so
    this is a flow in a network, whose best vertex is in whole numbers (Dantzig and Fulkerson's integrality theorem).
    So are the ways to travel that only some of a place have: those who go where only the rarest brings them are among
    those who go where it or the next one does, and so on up to all of the place. Sites part the same flows into sets
    that do not meet; two such families of nested sets make a network (Edmonds 1970).

    `columns` are the solver's variables: what it put at sites is taken as it is, and limits whom they serve.

    Raises
    ------
    AllocateError
        When the solver's numbers are not whole to within its tolerance.
    """
    beside = beside_sites(columns, value)
    is_open = set()
    for t in case.periods:
        for j in range(len(case.sites)):
            number = float(value(opened(j, t)))
            if abs(number - round(number)) > WHOLE_TOLERANCE:
                msg = f"the solver opens {number} of {case.sites[j].id}: not a whole number"
                raise AllocateError(msg)
            if round(number):
                is_open.add((j, t))
    bare = replace(beside, open=frozenset(is_open))
    try:
        return _settled(case, bare, value, options, _NOISE)
    except NoPlanError:
        # (Where the noise is worse than that, nobody is owed what the solver's numbers only come near to.)
        return _settled(case, bare, value, options, 0.0)


def _settled(case: Case, bare: Layout, value: Value, options: Options, noise: float) -> Layout:
    program = Program("settle")
    program.add_columns(_columns(case, bare.open))
    program.add_rows("flow", _flows(case, bare))
    program.add_rows("kept", _kept(case, bare.open, value, noise))
    found = program.solve(_serve_most_then_nearest(case, bare.open), options)
    return replace(bare, serve=_whole(program, found))


def beside_sites(columns: Iterable[Key], value: Value) -> Layout:
    """Return what the solver decided beside sites and whom they serve: staff, tours, visits, members, links, contracts.

    Raises
    ------
    AllocateError
        When a number is not whole to within the solver's tolerance.
    """
    amounts: dict[tuple[str, int, int], Number] = {}
    tours: dict[tuple[int, int, int, int], int] = {}
    visits: set[tuple[str, int, int, int]] = set()
    members: set[tuple[int, int, int]] = set()
    links: set[tuple[str, int, int, int]] = set()
    contracts: set[tuple[int, int, int]] = set()
    for key in columns:
        if key[0] not in ("amount", "tours", "visit", "joins", "linked", "contract"):
            continue
        number = float(value(key))
        if abs(number - round(number)) > WHOLE_TOLERANCE:
            msg = f"the solver puts {number} at {key}: not a whole number"
            raise AllocateError(msg)
        if not round(number):
            continue
        match key:
            case ("amount", str(what), int(index), int(t)):
                amounts[what, index, t] = round(number)
            case ("tours", int(p), int(months), int(j), int(t)):
                tours[p, months, j, t] = round(number)
            case ("visit", str(way), int(stop), int(j), int(t)):
                visits.add((way, stop, j, t))
            case ("joins", int(j), int(k), int(t)):
                members.add((j, k, t))
            case ("linked", str(name), int(j), int(k), int(t)):
                links.add((name, j, k, t))
            case ("contract", int(h), int(j), int(t)):
                contracts.add((h, j, t))
    return Layout(
        frozenset(),
        amounts=amounts,
        tours=tours,
        visits=frozenset(visits),
        members=frozenset(members),
        links=frozenset(links),
        contracts=frozenset(contracts),
    )


def _pairs(case: Case, is_open: Collection[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    for t in case.periods:
        for i, sites in enumerate(case.sites_of):
            for j in sites:
                if (j, t) in is_open and case.people[i, t]:
                    yield i, j, t


def _columns(case: Case, is_open: Collection[tuple[int, int]]) -> Iterator[Column]:
    for i, j, t in _pairs(case, is_open):
        yield Column(serves(i, j, t), high=case.most(i, j, t))


def _flows(case: Case, bare: Layout) -> Iterator[Row]:
    """Yield: nobody is counted twice, and no site serves more than it has room for."""
    homes: dict[tuple[int, int], dict[Key, Number]] = {}
    loads: dict[tuple[int, int], dict[Key, Number]] = {}
    for i, j, t in _pairs(case, bare.open):
        homes.setdefault((i, t), {})[serves(i, j, t)] = 1
        loads.setdefault((j, t), {})[serves(i, j, t)] = 1
    for i, groups in case.rare_sites_of.items():
        for n, sites in groups.items():
            for t in case.periods:
                able = {serves(i, j, t): 1 for j in sites if serves(i, j, t) in homes.get((i, t), {})}
                if able:
                    yield Row(("able", i, n, t), able, "<=", int(case.able[n, i, t]))
    for (i, t), terms in homes.items():
        yield Row(("place", i, t), terms, "<=", int(case.people[i, t]))
    for (j, t), terms in loads.items():
        room = bare.room(case, j, t)
        if room is not None:
            yield Row(("site", j, t), terms, "<=", room)


def _kept(case: Case, is_open: Collection[tuple[int, int]], value: Value, noise: float) -> Iterator[Row]:
    """Yield: whoever the solver serves stays served, in every place, every town and the district."""
    # Only what goes to open sites counts: those flows are a solution, so the floors can be kept.
    terms: dict[tuple[int, int], dict[Key, Number]] = {}
    for i, j, t in _pairs(case, is_open):
        terms.setdefault((i, t), {})[serves(i, j, t)] = 1
    reached = {home: sum(value(key) for key in inside) for home, inside in terms.items()}
    for t in case.periods:
        for scope in _SCOPES:
            for part, members in parts(case, scope):
                lacking = max(WHOLE_TOLERANCE, len(members) * min(_NEARLY, noise / len(case.places)))
                kept = math.floor(sum(reached.get((i, t), 0.0) for i in members) + lacking)
                if kept > 0:
                    inside = {key: one for i in members for key, one in terms.get((i, t), {}).items()}
                    yield Row((scope, part, t), inside, ">=", kept)


def _serve_most_then_nearest(case: Case, is_open: Collection[tuple[int, int]]) -> Objective:
    # One more person may push another to a farther site, and that one yet another, but no site twice: so serving one
    # outweighs the longest journey once for every open site, and nobody is left out to save time.
    longest = max(case.seconds.values(), default=1)
    reward = (len(is_open) + 1) * max(1, longest)
    return Objective("settle", {serves(i, j, t): case.seconds[i, j] - reward for i, j, t in _pairs(case, is_open)})


def _whole(program: Program, found: Found) -> Mapping[tuple[int, int, int], int]:
    flows: dict[tuple[int, int, int], int] = {}
    for key, position in program.keys.items():
        number = float(found.values[position])
        if abs(number - round(number)) > WHOLE_TOLERANCE * max(1.0, abs(number)):
            msg = f"the solver sends {Fraction(number)} people along {key}: not a whole number"
            raise AllocateError(msg)
        if round(number):
            _, i, j, t = key
            flows[int(i), int(j), int(t)] = round(number)
    return flows
