"""Places tours of posted experts in the months of a year, and gives each a numbered post of its pool, exactly."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import count, product
from math import lcm

from allocate.postings import MONTHS
from allocate.program import WHOLE_TOLERANCE, Found, Objective, Options, Program, branch
from allocate.rows import Column, Key, Number, Row
from allocate.tours import (
    YEAR,
    Cut,
    Release,
    Roster,
    Sending,
    Sent,
    Staff,
    Tour,
    Wanted,
    at_once,
    firsts_of,
    gaps_of,
    months_of,
    needs,
    placed,
    post_cuts,
    rooms,
    totals,
    weighed_cut,
)

# First month and months of a tour.
Arc = tuple[int, int]
# Whole weights by (index, month).
Weights = dict[tuple[int, int], int]
# The search ends by count: nodes for what is missing and left over, and for what is merely tidy.
_NODES, _TIDY_NODES = 2_000, 50
_TIDY_GAP = 0.01
# What is tidy: tours that begin when others end (0 to 2), few at one hub at once, a pool that follows itself.
_ODD, _CROWDED, _COME_AND_GO = 2, 3, 1
# Longest search, in case that a solver never counts [s].
_SECONDS = 600.0
# Weights of a relaxation are fractions of small numbers; what is left out of them only weakens a cut.
_DENOMINATOR = 60


def make_roster(
    releases: Sequence[Release],
    sent: Sequence[Sent],
    wanted: Sequence[Wanted],
    carried: Sequence[Tour] = (),
    *,
    cyclic: bool = True,
    staff: Sequence[Staff] = (),
    options: Options | None = None,
) -> Roster:
    """Return who is where in which months: as few post-months missing as can be, then as few tours left over.

    Then tours follow each other from January, few stand at one hub at once, and a pool follows itself at a hub.

    In a cyclic year every year is the same: a tour of November to April stands in January to April as well, and keeps
    its post there. A year that takes tours over from the one before (`carried`) is not cyclic: those keep their posts
    and months, whatever the pool may do now, and count for what is wanted. In a year that is not cyclic tours may run
    over its end, for the hubs need their experts in January too. A pool's
    months are those of every year, so that such a tour may not meet a closed month then either. `staff` says which
    pools send of the same staff, and how many of it can be away together.
    """
    year = _Year(tuple(releases), totals(sent), tuple(wanted), tuple(carried), cyclic and not carried, tuple(staff))
    options = options or Options(seconds=_SECONDS)
    # (So small a problem is slower with two threads than with one.)
    exactly = replace(options, quick=True, threads=1, gap=0.0, search_nodes=min(_NODES, options.search_nodes))
    program = Program("roster")
    program.add_columns(year.columns())
    for family, rows in year.rows():
        program.add_rows(family, rows)
    values: dict[Key, float] = dict(year.nobody())
    bound = 0.0
    for name, keys in (("missing", year.gap_keys), ("left", year.left_keys)):
        objective = Objective(f"roster {name}", dict.fromkeys(keys, 1))
        if any(values[key] for key in keys):
            found = program.solve(objective, exactly, values)
            values = _values(program, found)
            bound = found.bound if name == "missing" else bound
        total = sum(round(values[key]) for key in keys)
        program.hold(objective, total, total)
    tidy = replace(exactly, gap=max(_TIDY_GAP, options.gap), search_nodes=_TIDY_NODES, nodes=_TIDY_NODES)
    program.add_columns(year.tidy_columns())
    program.add_rows("tidy", year.tidy_rows())
    objective = Objective("roster tidy", year.tidy_prices())
    if objective.terms:
        values = _values(program, program.solve(objective, tidy, values))
    tours = (*year.carried, *year.tours(values))
    gaps = gaps_of(year.wanted, tours, cyclic=year.cyclic)
    there = placed(tours)
    left = tuple(
        Sent(*key, number - there.get(key, 0)) for key, number in year.sent.items() if number > there.get(key, 0)
    )
    is_proven = sum(gaps.values()) < bound + 1 - WHOLE_TOLERANCE or not gaps
    return Roster(tuple(sorted(tours, key=lambda tour: (tour.pool, tour.post, tour.first))), gaps, left, is_proven)


def _values(program: Program, found: Found) -> dict[Key, float]:
    return {key: float(found.values[n]) for key, n in program.keys.items()}


@dataclass(frozen=True)
class _Year:
    """A year to be filled.

    Which post a tour has is not decided in the program, but that posts can be found is, exactly. The year is cut open
    after December. A post whose tour runs over the cut is free between the end of that tour and its beginning; posts
    whose tours begin and end alike are one kind, and all other posts, free from January to December, another. Tours
    that do not run over the cut are shared out over the kinds. Those of one kind need no more posts than stand at once,
    for intervals can be coloured with as many colours as overlap somewhere (Gilmore & Hoffman 1964, Canadian Journal of
    Mathematics 16). Arcs of a circle cannot: three half years that overlap two by two need three posts.
    """

    releases: tuple[Release, ...]
    sent: Mapping[Sending, int]
    wanted: tuple[Wanted, ...]
    carried: tuple[Tour, ...]
    cyclic: bool
    staff: tuple[Staff, ...] = ()

    @cached_property
    def need(self) -> Mapping[tuple[int, int], int]:
        """Return how many each want needs in each month."""
        return needs(self.wanted, self.carried, cyclic=self.cyclic)

    @cached_property
    def room(self) -> Mapping[tuple[int, int], int]:
        """Return how many of each pool can be away in each month."""
        return rooms(self.releases, self.carried)

    @cached_property
    def firsts(self) -> Mapping[Sending, tuple[int, ...]]:
        """Return the months in which each tour may begin."""
        return {key: firsts_of(self.releases[key[0]], key[2], cyclic=self.cyclic) for key in self.sent}

    @cached_property
    def wants(self) -> list[tuple[int, int]]:
        """Return the (index of the want, month) in which tours are needed."""
        return [about for about, need in self.need.items() if need > 0]

    @property
    def gap_keys(self) -> list[Key]:
        """Return the variables: how many are missing for a want in a month."""
        return [("gap", i, m) for i, m in self.wants]

    @cached_property
    def left_keys(self) -> list[Key]:
        """Return the variables: how many tours of a pool, hub and length are left over."""
        return [("left", *key) for key in self.sent]

    @cached_property
    def arcs(self) -> Mapping[int, tuple[Arc, ...]]:
        """Return what the tours of each pool may be, earliest first."""
        found: defaultdict[int, set[Arc]] = defaultdict(set)
        for (pool, _, months), firsts in self.firsts.items():
            found[pool] |= {(first, months) for first in firsts}
        return {pool: tuple(sorted(arcs)) for pool, arcs in found.items()}

    @cached_property
    def scarce(self) -> frozenset[int]:
        """Return the pools whose posts limit them: each tour of another has a post of its own."""
        tours: Counter[int] = Counter(tour.pool for tour in self.carried)
        for (pool, _, _), number in self.sent.items():
            tours[pool] += number
        return frozenset(pool for pool in self.arcs if tours[pool] > self.releases[pool].away)

    def months(self, arc: Arc) -> tuple[int, ...]:
        """Return the months of this year in which a tour stands."""
        return months_of(*arc, cyclic=self.cyclic)

    def over_the_end(self, pool: int) -> Iterator[Arc]:
        """Yield what runs over December into the January of a cyclic year."""
        return (arc for arc in self.arcs[pool] if self.cyclic and sum(arc) - 1 > MONTHS)

    def between(self, pool: int, kind: Arc) -> Iterator[Arc]:
        """Yield what a post can do between the end of a tour that runs over December and its beginning."""
        end = sum(kind) - 1 - MONTHS
        return (arc for arc in self.arcs[pool] if arc[0] > end and sum(arc) <= kind[0])

    def begins(self, pool: int, arc: Arc) -> dict[Key, Number]:
        """Return the tours of a pool that are of one kind, to whatever hub."""
        return {("begin", *key, arc[0]): 1 for key in self.sent if key[0] == pool and key[2] == arc[1]}

    def columns(self) -> Iterator[Column]:
        """Yield how many begin in each month, are left over, are missing, and go to posts that are taken in winter."""
        for key, number in self.sent.items():
            for first in self.firsts[key]:
                yield Column(("begin", *key, first), high=number, whole=True)
            yield Column(("left", *key), high=number, whole=True)
        for i, m in self.wants:
            yield Column(("gap", i, m), high=self.need[i, m], whole=True)
        for pool in sorted(self.scarce):
            for kind in self.over_the_end(pool):
                for arc in self.between(pool, kind):
                    yield Column(("within", pool, *kind, *arc), high=self.releases[pool].away, whole=True)

    def nobody(self) -> dict[Key, int]:
        """Return the roster in which nobody goes anywhere: it can always be had."""
        nobody: dict[Key, int] = {("left", *key): number for key, number in self.sent.items()}
        return nobody | {("gap", i, m): self.need[i, m] for i, m in self.wants}

    def rows(self) -> Iterator[tuple[str, Iterator[Row]]]:
        """Yield what must hold."""
        yield "sent", self._sent_rows()
        yield "cover", self._cover_rows()
        yield "tours", self._tours_rows()
        yield "posts", self._post_rows()
        yield "staff", self._staff_rows()

    def _sent_rows(self) -> Iterator[Row]:
        """Yield: every tour begins in some month, or is left over."""
        for key, number in self.sent.items():
            begins: dict[Key, Number] = {("begin", *key, first): 1 for first in self.firsts[key]}
            yield Row(key, {**begins, ("left", *key): 1}, "==", number)

    def _cover_rows(self) -> Iterator[Row]:
        """Yield: in every month as many stand at a hub as are wanted, or are missing."""
        for i, m in self.wants:
            want = self.wanted[i]
            terms: dict[Key, Number] = {
                ("begin", *sending, first): 1
                for sending in self.sent
                if sending[1] == want.to and (sending[0], sending[2]) in want.counts
                for first in self.firsts[sending]
                if m in self.months((first, sending[2]))
            }
            yield Row((i, m), {**terms, ("gap", i, m): 1}, ">=", self.need[i, m])

    def _tours_rows(self) -> Iterator[Row]:
        """Yield: no pool begins more tours than it may."""
        for pool, release in enumerate(self.releases):
            keys = [key for key in self.sent if key[0] == pool]
            if sum(self.sent[key] for key in keys) > release.tours:
                terms: dict[Key, Number] = {("begin", *key, first): 1 for key in keys for first in self.firsts[key]}
                yield Row((pool,), terms, "<=", release.tours)

    def _staff_rows(self) -> Iterator[Row]:
        """Yield: in no month more of a staff are away than there are, whatever pools they belong to."""
        for n, one in enumerate(self.staff):
            if sum(self.releases[pool].away for pool in one.pools) <= one.number:
                continue
            before = at_once(one.pools, self.carried, cyclic=False)
            for m in YEAR:
                terms: dict[Key, Number] = {}
                for pool in sorted(one.pools & self.arcs.keys()):
                    for arc in self.arcs[pool]:
                        if m in self.months(arc):
                            terms |= self.begins(pool, arc)
                if terms:
                    yield Row((n, m), terms, "<=", max(0, one.number - before[m]))

    def _post_rows(self) -> Iterator[Row]:
        """Yield: posts can be found for all tours of a pool; the class says why."""
        for pool in sorted(self.scarce):
            kinds = list(self.over_the_end(pool))
            inner = [arc for arc in self.arcs[pool] if arc not in kinds]
            within = {arc: [kind for kind in kinds if arc in set(self.between(pool, kind))] for arc in inner}
            for kind in kinds:
                # Posts of one kind do no more at once than there are of them.
                for m in sorted({m for arc in self.between(pool, kind) for m in self.months(arc)}):
                    done: dict[Key, Number] = {
                        ("within", pool, *kind, *arc): 1 for arc in self.between(pool, kind) if m in self.months(arc)
                    }
                    minus = {key: -one for key, one in self.begins(pool, kind).items()}
                    yield Row((pool, "kind", *kind, m), {**done, **minus}, "<=", 0)
            for arc, some in within.items():
                if some:
                    shared: dict[Key, Number] = {("within", pool, *kind, *arc): 1 for kind in some}
                    minus = {key: -one for key, one in self.begins(pool, arc).items()}
                    yield Row((pool, "arc", *arc), {**shared, **minus}, "<=", 0)
            for m in YEAR:
                # What runs over December keeps its post all year; what is done within does not count again.
                terms: dict[Key, Number] = {key: 1 for kind in kinds for key in self.begins(pool, kind)}
                for arc in inner:
                    if m in self.months(arc):
                        terms |= self.begins(pool, arc)
                        terms |= {("within", pool, *kind, *arc): -1 for kind in within[arc]}
                if terms:
                    # (In a cyclic year nothing was carried over, and nobody is away in a closed month anyway.)
                    room = self.releases[pool].away if self.cyclic else self.room[pool, m]
                    yield Row((pool, "month", m), terms, "<=", room)

    @cached_property
    def hubs(self) -> list[int]:
        """Return the hubs to which more than one tour is sent."""
        tours: Counter[int] = Counter()
        for (_, to, _), number in self.sent.items():
            tours[to] += number
        return sorted(to for to, number in tours.items() if number > 1)

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Return the pools and hubs between which there is more than one tour."""
        tours: Counter[tuple[int, int]] = Counter()
        for (pool, to, _), number in self.sent.items():
            tours[pool, to] += number
        return sorted(pair for pair, number in tours.items() if number > 1)

    def tidy_columns(self) -> Iterator[Column]:
        """Yield the most at a hub at once, and how many of a pool come to a hub anew in a month."""
        for to in self.hubs:
            high = sum(number for key, number in self.sent.items() if key[1] == to)
            yield Column(("most", to), high=high + len(self.carried))
        for (pool, to), m in product(self.pairs, YEAR):
            high = sum(number for key, number in self.sent.items() if key[:2] == (pool, to))
            yield Column(("come", pool, to, m), high=high + len(self.carried))

    def tidy_rows(self) -> Iterator[Row]:
        """Yield what ties those to the tours."""
        before = Counter(
            (tour.pool, tour.to, m) for tour in self.carried for m in months_of(1, tour.months, cyclic=False)
        )
        # What was there in January was there in December.
        before.update((pool, to, 0) for pool, to, m in list(before.elements()) if m == 1)

        def there(pool: int | None, to: int, m: int) -> dict[Key, Number]:
            return {
                ("begin", *key, first): 1
                for key in self.sent
                if key[1] == to and pool in (None, key[0])
                for first in self.firsts[key]
                if m in self.months((first, key[2]))
            }

        for to, m in product(self.hubs, YEAR):
            at_once = sum(number for (_, hub, month), number in before.items() if (hub, month) == (to, m))
            minus = {key: -one for key, one in there(None, to, m).items()}
            yield Row(("most", to, m), {("most", to): 1, **minus}, ">=", at_once)
        for (pool, to), m in product(self.pairs, YEAR):
            last = MONTHS if self.cyclic and m == 1 else m - 1
            now, then = there(pool, to, m), there(pool, to, last)
            apart: dict[Key, Number] = {key: 1 for key in then if key not in now}
            apart |= {key: -1 for key in now if key not in then}
            rise = before[pool, to, m] - before[pool, to, last]
            yield Row(("come", pool, to, m), {("come", pool, to, m): 1, **apart}, ">=", rise)

    def tidy_prices(self) -> dict[Key, Number]:
        """Return the price of each tour by its first month, of many at once, and of coming anew."""
        prices: dict[Key, Number] = {}
        for key, firsts in self.firsts.items():
            for first in firsts:
                # Tours that follow each other from January on are regular: of six months, those of January and July.
                odd = 0 if (first - 1) % key[2] == 0 else 1 if first in (1, 1 + MONTHS // 2) else 2
                if odd:
                    prices["begin", *key, first] = _ODD * odd
        prices |= {("most", to): _CROWDED for to in self.hubs}
        return prices | {("come", pool, to, m): _COME_AND_GO for (pool, to), m in product(self.pairs, YEAR)}

    def _stand_rows(self) -> Iterator[Row]:
        """Yield: in every month no more of a pool are away than may be, whatever posts they have."""
        for (pool, m), room in self.room.items():
            terms: dict[Key, Number] = {}
            for arc in self.arcs.get(pool, ()):
                if m in self.months(arc):
                    terms |= self.begins(pool, arc)
            if terms:
                yield Row((pool, m), terms, "<=", room)

    def weights(self, known: Mapping[int, int]) -> Iterator[tuple[Weights, Weights]]:
        """Yield whole weights of (want, month) and of (pool, month) that tell why more is missing than is known.

        Pools and hubs between which tours go are weighed together, all others apart.
        """
        program = Program("cuts")
        for column in self.columns():
            if column.key[0] in {"begin", "left"}:
                program.add_columns([replace(column, whole=False)])
        # (No range may bind: what it would weigh is no part of a cut.)
        wide: dict[Key, int] = {("unknown", i): 2 * MONTHS * max(0, w.number) for i, w in enumerate(self.wanted)}
        wide |= {("gap", i, m): 2 * self.wanted[i].number for i, m in self.wants}
        program.add_columns(Column(key, high=high) for key, high in wide.items())
        program.add_rows("sent", self._sent_rows())
        cover, stand = list(self._cover_rows()), list(self._stand_rows())
        program.add_rows("cover", cover)
        program.add_rows("stand", stand)
        for i, _ in enumerate(self.wanted):
            terms: dict[Key, Number] = {key: 1 for key in self.gap_keys if key[1] == i}
            program.add_rows("known", [Row((i,), {**terms, ("unknown", i): -1}, "<=", known.get(i, 0))])
        # A tour that is not placed is as bad as its months.
        prices: dict[Key, Number] = {("left", *key): key[2] for key in self.sent}
        prices |= {key: 1 for key in wide if key[0] == "unknown"}
        instance, _ = program.instance(Objective("cuts", prices))
        found = branch(instance, seconds=_SECONDS, relax=True, apart=False)
        if found.row_weights is None or found.bound <= WHOLE_TOLERANCE:
            return
        scale = max(prices.values())
        rows = [*(("cover", row.about) for row in cover), *(("stand", row.about) for row in stand)]
        weights = {
            row: Fraction(abs(weight) * scale).limit_denominator(_DENOMINATOR)
            for row, weight in zip(rows, found.row_weights[len(self.sent) :].tolist(), strict=False)
        }
        for pools, hubs in self._parts():
            inside = {
                (family, (int(about[0]), int(about[1]))): weight
                for (family, about), weight in weights.items()
                if weight and (about[0] in pools if family == "stand" else self.wanted[int(about[0])].to in hubs)
            }
            times = lcm(*(weight.denominator for weight in inside.values()))
            whole = {row: int(weight * times) for row, weight in inside.items()}
            if whole:
                yield (
                    {about: weight for (family, about), weight in whole.items() if family == "cover"},
                    {about: weight for (family, about), weight in whole.items() if family == "stand"},
                )

    def _parts(self) -> list[tuple[set[int], set[int]]]:
        """Return pools and hubs that tours tie together, directly or through others."""
        parts: list[tuple[set[int], set[int]]] = [(set(), {want.to}) for want in self.wanted]
        for pool, to, _ in self.sent:
            tied = [part for part in parts if pool in part[0] or to in part[1]]
            pools, hubs = ({pool}.union(*(p for p, _ in tied)), {to}.union(*(h for _, h in tied)))
            parts = [part for part in parts if part not in tied] + [(pools, hubs)]
        return parts

    def tours(self, values: Mapping[Key, float]) -> Iterator[Tour]:
        """Yield every tour with its post."""
        for pool in sorted(self.arcs):
            hubs: defaultdict[Arc, list[int]] = defaultdict(list)
            for key in self.sent:
                if key[0] == pool:
                    for first in self.firsts[key]:
                        hubs[first, key[2]] += [key[1]] * round(values["begin", *key, first])
            for post, arcs in self._posts(pool, {arc: len(to) for arc, to in hubs.items()}, values):
                for arc in arcs:
                    yield Tour(pool, post, hubs[arc].pop(0), *arc)

    def _posts(
        self, pool: int, numbers: dict[Arc, int], values: Mapping[Key, float]
    ) -> Iterator[tuple[int, list[Arc]]]:
        """Yield the posts of a pool and what each does; earliest first, always the first post that is free."""
        done: list[list[Arc]] = []
        for kind in self.over_the_end(pool):
            posts: list[list[Arc]] = [[kind] for _ in range(numbers.pop(kind, 0))]
            for arc in self.between(pool, kind) if pool in self.scarce else ():
                number = round(values["within", pool, *kind, *arc]) if posts else 0
                numbers[arc] = numbers.get(arc, 0) - number
                for _ in range(number):
                    next(post for post in posts if len(post) == 1 or sum(post[-1]) <= arc[0]).append(arc)
            done += posts
        taken = {tour.post: tour.months + 1 for tour in self.carried if tour.pool == pool}
        others = _fill(sorted(numbers.items()), taken)
        if done:
            # (Nothing was carried over: posts can be numbered as they come.)
            others = dict(enumerate(sorted([*done, *others.values()], key=sorted), 1))
        yield from sorted(others.items())


def _fill(numbers: Iterable[tuple[Arc, int]], taken: Mapping[int, int]) -> dict[int, list[Arc]]:
    """Return what each post does: tours in the order in which they begin, each on the first post that is free.

    `taken` says from which month on a post is free.
    """
    free = dict(taken)
    posts: defaultdict[int, list[Arc]] = defaultdict(list)
    for arc, number in numbers:
        for _ in range(number):
            post = next(post for post in count(1) if free.get(post, 1) <= arc[0])
            posts[post].append(arc)
            free[post] = sum(arc)
    return posts


def cuts(
    releases: Sequence[Release],
    sent: Sequence[Sent],
    wanted: Sequence[Wanted],
    possible: Iterable[Sending],
    carried: Sequence[Tour] = (),
    *,
    cyclic: bool = True,
    missing: Mapping[int, int] | None = None,
) -> tuple[Cut, ...]:
    """Return what the numbers sent break, so that no roster can place them all with no more missing than was known.

    `possible` are all tours (pool, hub, months) that the next plan may send, `missing` the post-months that the plan
    knows to be missing, by index of the want. Every cut is broken by the numbers sent, and kept by the tours placed in
    every right roster: see `weighed_cut` and `post_cuts` for the proofs. What weights to give is asked of the linear
    relaxation: where even that misses more than was known, its row weights are a cut (Benders 1962, Numerische
    Mathematik 4). Where none is returned although a roster falls short, whole tours are the reason, not months or
    posts, and no such cut was found.
    """
    cyclic = cyclic and not carried
    known = dict(missing or {})
    numbers = totals(sent)
    possible = sorted({*possible, *numbers})
    broken = [*post_cuts(releases, possible, carried, cyclic=cyclic)]
    year = _Year(tuple(releases), numbers, tuple(wanted), tuple(carried), cyclic)
    for want_weights, post_weights in year.weights(known):
        broken.append(weighed_cut(releases, wanted, possible, want_weights, post_weights, carried, cyclic=cyclic))
    return tuple(cut for cut in broken if cut.excess(numbers, known))
