"""Tours of posted experts in the months of a year: plain data, their recheck, and what no roster can exceed."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd

from allocate.postings import MONTHS
from allocate.rows import Breach

YEAR = range(1, MONTHS + 1)
# The pool, the hub and the months of a tour: what a plan counts tours by.
Sending = tuple[int, int, int]


@dataclass(frozen=True)
class Release:
    """What one pool can let go.

    Attributes
    ----------
    away
        Most away at once [persons]; its posts are numbered from 1 to this.
    tours
        Most tours that begin in the year.
    months
        Months of every year (1 to 12) in which they may be away.
    """

    away: int
    tours: int
    months: frozenset[int] = frozenset(YEAR)


@dataclass(frozen=True)
class Staff:
    """Pools whose experts are of the same staff: no more of them are away at once than there are.

    Attributes
    ----------
    pools
        Indices of the pools.
    number
        Those who can be away [persons].
    """

    pools: frozenset[int]
    number: int


@dataclass(frozen=True)
class Sent:
    """Tours to place in the year: `number` tours of `months` months from a pool to a hub."""

    pool: int
    to: int
    months: int
    number: int


@dataclass(frozen=True)
class Wanted:
    """In every month at least `number` tours stand at a hub, among those that count.

    Attributes
    ----------
    counts
        Pool and whole months of the tours that count.
    """

    to: int
    number: int
    counts: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Tour:
    """One post at one hub.

    Attributes
    ----------
    first, months
        First month (1 to 12), and how many months in a row; it may run over the end of the year.
    carried
        Whether it began in the year before: `first` is 1 and `months` what is left of it.
    of
        Of a tour that was carried over, its months in all. Where they are not known, it counts wherever its pool does.
    """

    pool: int
    post: int
    to: int
    first: int
    months: int
    carried: bool = False
    of: int | None = None


@dataclass(frozen=True)
class Roster:
    """Who is where in which months.

    Attributes
    ----------
    gaps
        How many are missing, by (index of the want, month); only where any are.
    left
        Tours that found no place.
    is_proven
        Whether no roster has fewer missing post-months.
    """

    tours: tuple[Tour, ...]
    gaps: Mapping[tuple[int, int], int]
    left: tuple[Sent, ...]
    is_proven: bool


def months_of(first: int, months: int, *, cyclic: bool) -> tuple[int, ...]:
    """Return the months of this year in which a tour stands: one after December is next January where years repeat.

    >>> months_of(11, 4, cyclic=True), months_of(11, 4, cyclic=False)
    ((11, 12, 1, 2), (11, 12))
    """
    return tuple((m - 1) % MONTHS + 1 for m in range(first, first + months) if cyclic or m <= MONTHS)


def firsts_of(release: Release, months: int, *, cyclic: bool) -> tuple[int, ...]:
    """Return the months in which a tour may begin, so that it never stands where the pool may not be away.

    What runs over the end of the year meets the same months again. In a cyclic year no tour is longer than the year,
    and one of a whole year begins in January: it stands in every month whenever it begins.

    >>> firsts_of(Release(1, 2, frozenset({1, 2, 3, 12})), 3, cyclic=True)
    (1, 12)
    """
    if months < 1 or (cyclic and months > MONTHS):
        return ()
    firsts = YEAR[:1] if cyclic and months == MONTHS else YEAR
    return tuple(s for s in firsts if _allows(release, s, months))


def _allows(release: Release, first: int, months: int) -> bool:
    return release.months.issuperset(months_of(first, months, cyclic=True))


def counts_for(want: Wanted, tour: Tour) -> bool:
    """Tell whether a tour is one of those that a want counts."""
    if tour.to != want.to:
        return False
    if tour.carried and tour.of is None:
        return any(pool == tour.pool for pool, _ in want.counts)
    return (tour.pool, tour.of if tour.carried else tour.months) in want.counts


def totals(sent: Iterable[Sent]) -> dict[Sending, int]:
    """Return how many tours are sent, by pool, hub and months, in order; those of which there are none left out."""
    numbers: Counter[Sending] = Counter()
    for one in sent:
        numbers[one.pool, one.to, one.months] += one.number
    return {key: number for key, number in sorted(numbers.items()) if number}


def placed(tours: Iterable[Tour]) -> dict[Sending, int]:
    """Return how many tours begin in the year, by pool, hub and months."""
    return dict(Counter((tour.pool, tour.to, tour.months) for tour in tours if not tour.carried))


def standing(tours: Iterable[Tour], *, cyclic: bool) -> Counter[tuple[int, int]]:
    """Return how many tours of each pool stand in each month, by (pool, month)."""
    return Counter((tour.pool, m) for tour in tours for m in months_of(tour.first, tour.months, cyclic=cyclic))


def covered(wanted: Sequence[Wanted], tours: Iterable[Tour], *, cyclic: bool) -> Counter[tuple[int, int]]:
    """Return how many tours count for each want in each month, by (index of the want, month)."""
    tours = list(tours)
    return Counter(
        (i, m)
        for i, want in enumerate(wanted)
        for tour in tours
        if counts_for(want, tour)
        for m in months_of(tour.first, tour.months, cyclic=cyclic)
    )


def gaps_of(wanted: Sequence[Wanted], tours: Iterable[Tour], *, cyclic: bool) -> dict[tuple[int, int], int]:
    """Return how many are missing, by (index of the want, month); only where any are."""
    there = covered(wanted, tours, cyclic=cyclic)
    missing = {(i, m): want.number - there[i, m] for i, want in enumerate(wanted) for m in YEAR}
    return {where: number for where, number in missing.items() if number > 0}


def faults(
    releases: Sequence[Release],
    sent: Iterable[Sent],
    wanted: Sequence[Wanted],
    roster: Roster,
    carried: Sequence[Tour] = (),
    *,
    cyclic: bool = True,
    staff: Sequence[Staff] = (),
) -> list[Breach]:
    """Return what is wrong in a roster, worked out anew without a solver; nothing in a right one.

    A year that takes tours over from the one before is not cyclic. Whether a roster is proven cannot be rechecked.
    In the details, `pool` and `site` are numbers: whoever shows a sentence puts names in their place.
    """
    cyclic = cyclic and not carried
    return [
        *_not_carried(roster, carried),
        *_impossible(releases, roster, cyclic),
        *_in_two_places(roster, cyclic),
        *_beyond_release(releases, roster, cyclic),
        *_beyond_staff(staff, roster, cyclic),
        *_not_as_sent(sent, roster),
        *_not_as_told(wanted, roster, cyclic),
    ]


def _not_carried(roster: Roster, carried: Iterable[Tour]) -> Iterator[Breach]:
    """Yield each tour of the year before that is not there as it was handed over, or that nobody handed over."""
    found, right = Counter(tour for tour in roster.tours if tour.carried), Counter(carried)
    for tour in sorted({*(found - right), *(right - found)}, key=_order):
        details = {"pool": tour.pool, "post": tour.post, "site": tour.to, "months": tour.months}
        yield Breach(("carried", *_about(tour)), 1, 1, "breach.roster_carried", details)


def _impossible(releases: Sequence[Release], roster: Roster, cyclic: bool) -> Iterator[Breach]:
    """Yield each tour that no post can have, and each that stands where its pool may not be away."""
    for tour in roster.tours:
        if tour.carried:
            continue
        details = {"pool": tour.pool, "post": tour.post, "site": tour.to, "first": tour.first, "months": tour.months}
        is_post = 0 <= tour.pool < len(releases) and 1 <= tour.post <= releases[tour.pool].away
        is_stay = tour.first in YEAR and 1 <= tour.months <= (MONTHS if cyclic else tour.months) and tour.of is None
        if not (is_post and is_stay):
            yield Breach(("tour", *_about(tour)), 1, 1, "breach.roster_tour", details)
        elif not _allows(releases[tour.pool], tour.first, tour.months):
            yield Breach(("closed", *_about(tour)), 1, 1, "breach.roster_closed", details)


def _in_two_places(roster: Roster, cyclic: bool) -> Iterator[Breach]:
    """Yield each post that has several tours in a month."""
    at = Counter(
        (tour.pool, tour.post, m) for tour in roster.tours for m in months_of(tour.first, tour.months, cyclic=cyclic)
    )
    for (pool, post, m), number in sorted(at.items()):
        if number > 1:
            details = {"pool": pool, "post": post, "month": m, "number": number}
            yield Breach(("twice", pool, post, m), number - 1, 1, "breach.roster_twice", details)


def _beyond_release(releases: Sequence[Release], roster: Roster, cyclic: bool) -> Iterator[Breach]:
    """Yield each month with more away than may be, and each pool with more tours than may begin."""
    # (What the year before left behind is a fact: it may be too much, but nothing may come on top of it.)
    before = standing((tour for tour in roster.tours if tour.carried), cyclic=cyclic)
    begun = Counter(tour.pool for tour in roster.tours if not tour.carried)
    for (pool, m), number in sorted(standing(roster.tours, cyclic=cyclic).items()):
        limit = max(releases[pool].away, before[pool, m]) if 0 <= pool < len(releases) else 0
        if number > limit:
            details = {"pool": pool, "month": m, "number": number, "limit": limit}
            yield Breach(("away", pool, m), number - limit, max(1, limit), "breach.roster_away", details)
    for pool, number in sorted(begun.items()):
        limit = releases[pool].tours if 0 <= pool < len(releases) else 0
        if number > limit:
            details = {"pool": pool, "number": number, "limit": limit}
            yield Breach(("begun", pool), number - limit, max(1, limit), "breach.roster_begun", details)


def at_once(pools: Collection[int], tours: Iterable[Tour], *, cyclic: bool) -> Counter[int]:
    """Return how many of some pools are away together in each month."""
    return Counter(m for tour in tours if tour.pool in pools for m in months_of(tour.first, tour.months, cyclic=cyclic))


def _beyond_staff(staff: Iterable[Staff], roster: Roster, cyclic: bool) -> Iterator[Breach]:
    """Yield each month in which more are away than there are."""
    for one in staff:
        before = at_once(one.pools, (tour for tour in roster.tours if tour.carried), cyclic=cyclic)
        for m, number in sorted(at_once(one.pools, roster.tours, cyclic=cyclic).items()):
            limit = max(one.number, before[m])
            if number > limit:
                details = {"pool": min(one.pools), "month": m, "number": number, "limit": limit}
                yield Breach(
                    ("staff", min(one.pools), m), number - limit, max(1, limit), "breach.roster_staff", details
                )


def _not_as_sent(sent: Iterable[Sent], roster: Roster) -> Iterator[Breach]:
    """Yield where the tours placed and those left over are not those sent."""
    asked, there, left = totals(sent), placed(roster.tours), totals(roster.left)
    for key in sorted({*asked, *there, *left}):
        numbers = {"sent": asked.get(key, 0), "placed": there.get(key, 0), "left": left.get(key, 0)}
        apart = abs(numbers["placed"] + numbers["left"] - numbers["sent"]) or max(0, -numbers["left"])
        if apart:
            details = {"pool": key[0], "site": key[1], "months": key[2], **numbers}
            yield Breach(("sent", *key), apart, max(1, numbers["sent"]), "breach.roster_sent", details)


def _not_as_told(wanted: Sequence[Wanted], roster: Roster, cyclic: bool) -> Iterator[Breach]:
    """Yield where more or fewer are missing than the roster says."""
    found = gaps_of(wanted, roster.tours, cyclic=cyclic)
    for i, m in sorted({*found, *roster.gaps}):
        told, right = roster.gaps.get((i, m), 0), found.get((i, m), 0)
        if told != right or not right:
            site = wanted[i].to if 0 <= i < len(wanted) else i
            details = {"site": site, "month": m, "told": told, "found": right}
            yield Breach(("gap", i, m), abs(told - right) or 1, 1, "breach.roster_gap", details)


def _about(tour: Tour) -> tuple[int, int, int, int]:
    return tour.pool, tour.post, tour.first, tour.to


def _order(tour: Tour) -> tuple[int, ...]:
    return (*_about(tour), tour.months, tour.of or 0)


@dataclass(frozen=True)
class Cut:
    """What the numbers of tours of every right roster keep.

    The sum of `terms` times the tours placed is at most `most`, plus `eased` times the post-months that are missing
    in all, want by want. A plan that sends what a roster is to place, and knows what will be missing, must keep it.

    Attributes
    ----------
    pools, wants, months
        What it is about: pools whose posts or months bind, wants that they cannot meet, and when.
    terms
        Coefficient by pool, hub and months of the tour.
    eased
        By index of the want: what one missing post-month gives way.
    """

    pools: frozenset[int]
    wants: frozenset[int]
    months: frozenset[int]
    terms: Mapping[Sending, int]
    most: int
    eased: Mapping[int, int] = field(default_factory=dict)

    def excess(self, numbers: Mapping[Sending, int], missing: Mapping[int, int]) -> int:
        """Return by how much numbers of tours break it, given the missing post-months by want; 0 where they keep it."""
        sum_ = sum(times * numbers.get(key, 0) for key, times in self.terms.items())
        return max(0, sum_ - self.most - sum(times * missing.get(i, 0) for i, times in self.eased.items()))


def weighed_cut(
    releases: Sequence[Release],
    wanted: Sequence[Wanted],
    possible: Iterable[Sending],
    want_weights: Mapping[tuple[int, int], int],
    post_weights: Mapping[tuple[int, int], int],
    carried: Sequence[Tour] = (),
    *,
    cyclic: bool = True,
) -> Cut:
    """Return the cut that weights give: of (want, month) and of (pool, month), none below 0.

    `possible` are all tours that a plan could send: one that is not among them must not be sent.

    Proof. Let want i need n(i,m) in month m beyond the tours carried over, and miss g(i,m); let pool p have r(p,m)
    posts free of them. In a right roster, for weights u and v,

        sum u(i,m) (n(i,m) - g(i,m)) <= sum over tours, over their months, of u(i,m) for each want that counts them,
        sum v(p,m) r(p,m)            >= sum over tours, over their months, of v(p,m).

    Take the second from the first. On the right every tour has the sum of u - v over its months, which is at most the
    largest such sum over the months in which it may begin, c. So the sum of -c over the tours is at most
    sum v r - sum u n + sum u g; and u(i,m) is at most its largest over the months, which is what `eased` holds. All of
    it is whole, so that a common divisor of the left side may be taken out and the right side rounded down (Chvátal
    1973, Discrete Mathematics 4(4)).
    """
    cyclic = cyclic and not carried
    need, room = needs(wanted, carried, cyclic=cyclic), rooms(releases, carried)
    terms: dict[Sending, int] = {}
    for pool, to, months in sorted(set(possible)):
        gains = [i for i, want in enumerate(wanted) if want.to == to and (pool, months) in want.counts]
        gain = {m: sum(want_weights.get((i, m), 0) for i in gains) - post_weights.get((pool, m), 0) for m in YEAR}
        firsts = firsts_of(releases[pool], months, cyclic=cyclic)
        worth = [sum(gain[m] for m in months_of(first, months, cyclic=cyclic)) for first in firsts]
        if best := max(worth, default=0):
            terms[pool, to, months] = -best
    eased: dict[int, int] = {}
    for (i, _), weight in sorted(want_weights.items()):
        if weight:
            eased[i] = max(eased.get(i, 0), weight)
    most = sum(weight * room[about] for about, weight in post_weights.items())
    most -= sum(weight * need[about] for about, weight in want_weights.items())
    divisor = gcd(*terms.values(), *eased.values()) or 1
    weighty = [about for about, weight in (*want_weights.items(), *post_weights.items()) if weight]
    return Cut(
        frozenset(pool for (pool, _), weight in post_weights.items() if weight),
        frozenset(eased),
        frozenset(m for _, m in weighty),
        {key: times // divisor for key, times in terms.items()},
        most // divisor,
        {i: times // divisor for i, times in eased.items()},
    )


def needs(wanted: Sequence[Wanted], carried: Iterable[Tour], *, cyclic: bool) -> dict[tuple[int, int], int]:
    """Return how many each want needs in each month beyond the tours carried over; below 0 where they are too many."""
    there = covered(wanted, carried, cyclic=cyclic)
    return {(i, m): want.number - there[i, m] for i, want in enumerate(wanted) for m in YEAR}


def rooms(releases: Sequence[Release], carried: Iterable[Tour]) -> dict[tuple[int, int], int]:
    """Return how many more of each pool can be away in each month beyond the tours carried over."""
    before = standing(carried, cyclic=False)
    return {
        (p, m): max(0, release.away - before[p, m]) if m in release.months else 0
        for p, release in enumerate(releases)
        for m in YEAR
    }


def post_cuts(
    releases: Sequence[Release], possible: Iterable[Sending], carried: Sequence[Tour] = (), *, cyclic: bool = True
) -> Iterator[Cut]:
    """Yield for every pool, and every length of its tours, how many as long as that or longer can begin in the year.

    Proof. The tours of one post are apart from each other, and each lies in months in which the pool may be away.
    Make them all as short as the shortest of them: they stay so. Of stretches of equal length, taking the earliest
    that fits, again and again, gives the most. (Where a cyclic year has a month without anybody away, no tour runs over
    it, and the year can be cut open there; where it has none, n tours of k months take n times k of twelve months.)
    Posts that the year before keeps begin later. And no more may begin than the pool's tours.
    """
    cyclic = cyclic and not carried
    possible = sorted(set(possible))
    until = {(tour.pool, tour.post): tour.months for tour in carried}
    for p, release in enumerate(releases):
        for shortest in sorted({months for pool, _, months in possible if pool == p and months >= 1}):
            most = sum(
                _most_of_a_post(release, shortest, until.get((p, post), 0) + 1, cyclic)
                for post in range(1, release.away + 1)
            )
            terms = {key: 1 for key in possible if key[0] == p and key[2] >= shortest}
            yield Cut(frozenset({p}), frozenset(), release.months, terms, min(most, release.tours))


def _most_of_a_post(release: Release, months: int, free: int, cyclic: bool) -> int:
    """Return how many tours of so many months one post can begin in the year, from the month in which it is free."""
    last = MONTHS
    if cyclic:
        closed = [m for m in YEAR if m not in release.months]
        if not closed:
            return MONTHS // months
        free, last = closed[0] + 1, closed[0] + MONTHS - 1
    number, m = 0, free
    while m <= last:
        fits = _allows(release, m, months)
        number += fits
        m += months if fits else 1
    return number
