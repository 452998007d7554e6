"""Named months of postings: worked examples, what a recheck sees, and what no roster can exceed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from conftest import start_python
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.roster import cuts, make_roster
from allocate.rows import Breach
from allocate.tours import (
    MONTHS,
    YEAR,
    Cut,
    Release,
    Roster,
    Sending,
    Sent,
    Staff,
    Tour,
    Wanted,
    faults,
    firsts_of,
    gaps_of,
    months_of,
    placed,
    post_cuts,
    totals,
    weighed_cut,
)
from allocate.words import LANGUAGES, speaking

SLOWLY = settings(max_examples=25, deadline=None)


@dataclass(frozen=True)
class Example:
    """What a roster is made of."""

    releases: list[Release]
    sent: list[Sent]
    wanted: list[Wanted]
    carried: tuple[Tour, ...] = ()
    cyclic: bool = True

    def roster(self) -> Roster:
        return make_roster(self.releases, self.sent, self.wanted, self.carried, cyclic=self.cyclic)

    def faults(self, roster: Roster) -> list[Breach]:
        return faults(self.releases, self.sent, self.wanted, roster, self.carried, cyclic=self.cyclic)

    def right(self) -> Roster:
        """Return the roster, once it is known to be right."""
        roster = self.roster()
        assert self.faults(roster) == []
        return roster

    def cuts(self, possible: Iterable[Sending] = (), missing: Mapping[int, int] | None = None) -> tuple[Cut, ...]:
        return cuts(self.releases, self.sent, self.wanted, possible, self.carried, cyclic=self.cyclic, missing=missing)


def at_all_times(to: int, *pools: int, number: int = 1, months: int = 6) -> Wanted:
    return Wanted(to, number, frozenset((pool, months) for pool in pools))


def one_pool(hubs: int, months: int, *, away: int | None = None) -> Example:
    """Return so many hubs that want somebody at all times, and a pool that sends just enough."""
    tours = MONTHS // months
    return Example(
        [Release(hubs if away is None else away, hubs * tours)],
        [Sent(0, to, months, tours) for to in range(hubs)],
        [at_all_times(to, 0, months=months) for to in range(hubs)],
    )


def missing(roster: Roster) -> int:
    return sum(roster.gaps.values())


@pytest.mark.parametrize("cyclic", [True, False])
@SLOWLY
@given(hubs=st.integers(1, 12))
def test_n_hubs_need_2n_tours_of_six_months(cyclic: bool, hubs: int) -> None:
    # n hubs × 12 months = 12 n post-months; a tour has 6 of them, so 2 n tours, and 12 n / 12 months = n are away.
    example = replace(one_pool(hubs, 6), cyclic=cyclic)
    roster = example.right()
    assert (dict(roster.gaps), roster.left, roster.is_proven) == ({}, (), True)
    assert len(roster.tours) == 2 * hubs
    assert {tour.post for tour in roster.tours} == set(range(1, hubs + 1))
    # Nothing asks for odd months, so they change in January and in July.
    assert Counter(tour.first for tour in roster.tours) == {1: hubs, 7: hubs}


@SLOWLY
@given(hubs=st.integers(1, 12))
def test_n_hubs_need_n_tours_of_twelve_months(hubs: int) -> None:
    roster = one_pool(hubs, 12).right()
    assert (dict(roster.gaps), len(roster.tours)) == ({}, hubs)
    assert {tour.first for tour in roster.tours} == {1}


@SLOWLY
@given(hubs=st.integers(2, 8), short=st.integers(1, 2))
def test_a_pool_with_too_few_posts_leaves_its_share_of_the_year_open(hubs: int, short: int) -> None:
    # One post less: 12 post-months less, whoever goes without.
    short = min(short, hubs)
    example = one_pool(hubs, 6, away=hubs - short)
    roster = example.right()
    assert (missing(roster), roster.is_proven) == (12 * short, True)
    assert sum(one.number for one in roster.left) == 2 * short


def test_sixty_hubs_and_a_hundred_and_twenty_tours_of_twenty_pools_are_placed() -> None:
    # Hub h is covered by pool h mod 20 in one half of the year, and by the next pool in the other: each pool sends to
    # six hubs, 36 post-months, so that three posts are busy all year.
    pools, hubs = 20, range(60)
    sent = [Sent(pool % pools, to, 6, 1) for to in hubs for pool in (to, to + 1)]
    wanted = [at_all_times(to, to % pools, (to + 1) % pools) for to in hubs]
    roster = Example([Release(3, 6)] * pools, sent, wanted).right()
    assert (dict(roster.gaps), roster.left, len(roster.tours)) == ({}, (), 120)


HARVEST = frozenset({6, 7, 8, 9, 10})


def harvest(*sent: Sent) -> Example:
    """Return a hub that wants one of two pools, the first of which lets nobody go from June to October."""
    releases = [Release(2, 2, frozenset(YEAR) - HARVEST), Release(1, 2)]
    return Example(releases, list(sent), [at_all_times(5, 0, 1)])


def test_a_pool_that_may_not_send_in_harvest_months_leaves_them_open() -> None:
    # A tour of six months may begin in November (to April) or December (to May), so that one post has one tour. Two
    # posts with one each stand there from November to May, seven months; five are missing.
    example = harvest(Sent(0, 5, 6, 2))
    roster = example.right()
    assert sorted(tour.first for tour in roster.tours) == [11, 12]
    assert roster.gaps == {(0, m): 1 for m in HARVEST}
    assert roster.is_proven


def test_a_cut_asks_for_another_pool_in_the_months_in_which_one_may_not_send() -> None:
    # However many the first pool sends, June to October stay open, five post-months; a tour of the other has up to
    # five of them. So at least one of those must be sent, and with it nothing is missing.
    (cut,) = harvest(Sent(0, 5, 6, 2)).cuts([(1, 5, 6)])
    assert cut.wants == {0}
    assert cut.months <= HARVEST
    assert cut.excess({(0, 5, 6): 9}, {}) > 0
    assert cut.excess({(0, 5, 6): 9}, {0: 5}) == 0
    assert cut.excess({(1, 5, 6): 1}, {}) == 0
    both = harvest(Sent(0, 5, 6, 1), Sent(1, 5, 6, 1))
    assert both.cuts() == ()
    assert both.right().gaps == {}


def test_what_is_known_to_be_missing_needs_no_cut() -> None:
    example = harvest(Sent(0, 5, 6, 2))
    assert example.cuts([(1, 5, 6)], {0: 5}) == ()
    assert len(example.cuts([(1, 5, 6)], {0: 4})) == 1


def test_two_pools_share_the_year_of_a_hub() -> None:
    # One may be away until June only, the other from July on: together they are there all year.
    releases = [Release(1, 1, frozenset(range(1, 7))), Release(1, 1, frozenset(range(7, 13)))]
    example = Example(releases, [Sent(0, 9, 6, 1), Sent(1, 9, 6, 1)], [at_all_times(9, 0, 1)])
    roster = example.right()
    assert roster.gaps == {}
    assert roster.tours == (Tour(0, 1, 9, 1, 6), Tour(1, 1, 9, 7, 6))


def test_one_post_covers_two_hubs_one_half_of_the_year_each() -> None:
    # Hub 1 has another pool's expert from July on, hub 2 until June: the one post goes from one to the other.
    releases = [Release(1, 2), Release(1, 1, frozenset(range(7, 13))), Release(1, 1, frozenset(range(1, 7)))]
    sent = [Sent(0, 1, 6, 1), Sent(0, 2, 6, 1), Sent(1, 1, 6, 1), Sent(2, 2, 6, 1)]
    roster = Example(releases, sent, [at_all_times(1, 0, 1), at_all_times(2, 0, 2)]).right()
    assert roster.gaps == {}
    assert [tour for tour in roster.tours if tour.pool == 0] == [Tour(0, 1, 1, 1, 6), Tour(0, 1, 2, 7, 6)]


def test_a_pool_follows_itself_at_a_hub() -> None:
    # Four tours of three months: the two of a pool stand one after the other, and each pool comes once.
    example = Example([Release(1, 2)] * 2, [Sent(p, 4, 3, 2) for p in (0, 1)], [at_all_times(4, 0, 1, months=3)])
    firsts = {pool: sorted(t.first for t in example.right().tours if t.pool == pool) for pool in (0, 1)}
    assert all(later - first in {3, 9} for first, later in firsts.values())
    assert sorted(first for pair in firsts.values() for first in pair) == [1, 4, 7, 10]


def test_tours_that_nobody_asked_to_overlap_stand_one_after_the_other() -> None:
    roster = Example([Release(2, 2)], [Sent(0, 4, 6, 2)], []).right()
    assert [tour.first for tour in sorted(roster.tours, key=lambda tour: tour.first)] == [1, 7]
    assert roster.is_proven


# Three hubs want somebody at all times. Each has a pool of its own for one half of the year: from July, from November,
# from March; so that what is left for pool 0 are January to June, May to October, September to February.
HALVES = [range(7, 13), (11, 12, 1, 2, 3, 4), range(3, 9)]


def three_arcs(away: int) -> Example:
    releases = [Release(away, 3), *(Release(1, 1, frozenset(half)) for half in HALVES)]
    sent = [Sent(pool, hub, 6, 1) for hub in range(3) for pool in (0, hub + 1)]
    return Example(releases, sent, [at_all_times(hub, 0, hub + 1) for hub in range(3)])


def test_three_half_years_that_overlap_two_by_two_need_three_posts() -> None:
    # No month has more than two of pool 0 away, but any two of its tours share a month (5 and 6; 9 and 10; 1 and 2).
    roster = three_arcs(3).right()
    assert roster.gaps == {}
    mine = [tour for tour in roster.tours if tour.pool == 0]
    assert sorted((tour.to, tour.first) for tour in mine) == [(0, 1), (1, 5), (2, 9)]
    assert {tour.post for tour in mine} == {1, 2, 3}
    away = Counter(m for tour in mine for m in months_of(tour.first, 6, cyclic=True))
    assert max(away.values()) == 2


def test_with_two_posts_one_of_three_half_years_that_overlap_gives_way() -> None:
    # Two of them must be apart, six months and six months; the nearest way is to move one by two months. Its hub then
    # has two for two months and nobody for two.
    roster = three_arcs(2).right()
    assert (missing(roster), roster.left, roster.is_proven) == (2, (), True)


def test_what_was_carried_over_stays_and_the_next_tour_follows_it() -> None:
    # Until March the post of last year stands there; the next six months are April to September, then October to March.
    carried = (Tour(0, 1, 3, 1, 3, carried=True, of=6),)
    example = Example([Release(1, 2)], [Sent(0, 3, 6, 2)], [at_all_times(3, 0)], carried)
    roster = example.right()
    assert roster.tours == (*carried, Tour(0, 1, 3, 4, 6), Tour(0, 1, 3, 10, 6))
    assert roster.gaps == {}


def test_a_tour_that_was_too_short_counts_no_more_in_the_next_year() -> None:
    # Tours of six months count, and the one carried over had three.
    carried = (Tour(0, 1, 3, 1, 2, carried=True, of=3),)
    roster = Example([Release(2, 2)], [Sent(0, 3, 6, 2)], [at_all_times(3, 0)], carried).right()
    assert sorted(tour.first for tour in roster.tours if not tour.carried) == [1, 7]
    assert roster.gaps == {}
    unknown = (replace(carried[0], of=None),)
    shown = Example([Release(1, 1)], [], [at_all_times(3, 0)], unknown).right()
    assert set(shown.gaps) == {(0, m) for m in range(3, 13)}


def test_posts_that_were_carried_over_are_kept_even_if_the_pool_has_fewer_now() -> None:
    carried = tuple(Tour(0, post, 3, 1, 6, carried=True) for post in (1, 2))
    example = Example([Release(1, 3)], [Sent(0, 3, 6, 3)], [at_all_times(3, 0)], carried)
    roster = example.right()
    # From July on one of three tours has a post.
    assert [tour for tour in roster.tours if not tour.carried] == [Tour(0, 1, 3, 7, 6)]
    assert roster.left == (Sent(0, 3, 6, 2),)
    assert roster.gaps == {}


def test_a_year_that_does_not_repeat_leaves_january_to_what_was_carried_over() -> None:
    # Closed from January to March: where years do not repeat nobody stands there, and no tour may run into it later.
    release = Release(1, 2, frozenset(range(4, 13)))
    example = Example([release], [Sent(0, 3, 6, 2)], [at_all_times(3, 0)], cyclic=False)
    roster = example.right()
    assert [(tour.first, tour.months) for tour in roster.tours] != []
    assert all(tour.first + tour.months - 1 <= MONTHS for tour in roster.tours)
    # April to December holds one tour of six months; the other finds no place.
    assert roster.left == (Sent(0, 3, 6, 1),)


def test_no_more_tours_begin_than_a_pool_may() -> None:
    example = Example([Release(5, 3)], [Sent(0, to, 6, 2) for to in range(2)], [at_all_times(to, 0) for to in range(2)])
    roster = example.right()
    assert (missing(roster), sum(one.number for one in roster.left)) == (6, 1)
    (cut,) = (cut for cut in example.cuts() if not cut.wants)
    assert (dict(cut.terms), cut.most) == ({(0, 0, 6): 1, (0, 1, 6): 1}, 3)


def test_a_full_pool_is_the_bottleneck_and_the_cut_says_how_much_it_holds() -> None:
    # One post holds two tours of six months; four are sent.
    example = Example([Release(1, 9)], [Sent(0, to, 6, 2) for to in range(2)], [at_all_times(to, 0) for to in range(2)])
    roster = example.right()
    assert (missing(roster), sum(one.number for one in roster.left)) == (12, 2)
    assert [cut.most for cut in example.cuts() if not cut.wants] == [2]


@pytest.mark.parametrize(
    ("closed", "months", "cyclic", "carried", "most"),
    [
        # Twelve months hold two of six, and of five (two months stay free).
        ((), 6, True, 0, 2),
        ((), 5, True, 0, 2),
        # Where years do not repeat a third of five months begins in November.
        ((), 5, False, 0, 3),
        # Eleven months from July on hold one; and three of three.
        ((6,), 6, True, 0, 1),
        ((6,), 3, True, 0, 3),
        # January to May hold one of three, July to December two, the last of which ends with the year.
        ((6,), 3, False, 0, 3),
        # The post is free in May; May alone is too short.
        ((6,), 3, False, 4, 2),
        # Stretches of two and of eight months.
        ((1, 4), 6, True, 0, 1),
        ((1, 4), 2, True, 0, 5),
        ((1, 4), 13, True, 0, 0),
    ],
)
def test_a_post_holds_so_many_tours(
    closed: tuple[int, ...], months: int, cyclic: bool, carried: int, most: int
) -> None:
    before = [Tour(0, 1, 0, 1, carried, carried=True)] if carried else []
    releases = [Release(1, 9, frozenset(YEAR) - {*closed})]
    (cut,) = post_cuts(releases, [(0, 0, months)], before, cyclic=cyclic)
    assert cut.most == most
    # And so many can be placed.
    roster = Example(releases, [Sent(0, 0, months, 9)], [], tuple(before), cyclic).right()
    assert len(roster.tours) - len(before) == most


def every_roster(example: Example) -> Iterator[list[tuple[Sending, int | None]]]:
    """Yield every choice of first months (none: left over) for which posts can be found, by trying them all."""
    tours = [key for key, number in totals(example.sent).items() for _ in range(number)]
    firsts = [[None, *firsts_of(example.releases[key[0]], key[2], cyclic=example.cyclic)] for key in tours]
    for chosen in product(*firsts):
        begun = [(key, first) for key, first in zip(tours, chosen, strict=True) if first is not None]
        numbers = Counter(key[0] for key, _ in begun)
        if all(numbers[p] <= release.tours for p, release in enumerate(example.releases)) and can_be_posted(
            example, begun
        ):
            yield list(zip(tours, chosen, strict=True))


def can_be_posted(example: Example, begun: list[tuple[Sending, int]]) -> bool:
    """Tell whether posts can be found for tours, one after the other, by trying every post."""

    def place(n: int, taken: frozenset[tuple[int, int, int]]) -> bool:
        if n == len(begun):
            return True
        (pool, _, length), first = begun[n]
        months = months_of(first, length, cyclic=example.cyclic)
        for post in range(1, example.releases[pool].away + 1):
            mine = {(pool, post, m) for m in months}
            if not mine & taken and place(n + 1, taken | mine):
                return True
        return False

    before = {
        (tour.pool, tour.post, m) for tour in example.carried for m in months_of(tour.first, tour.months, cyclic=False)
    }
    return place(0, frozenset(before))


def draw_example(draw: Any, *, pools: int, hubs: int, tours: int) -> Example:
    """Return a small example: few pools that are closed now and then, tours of several lengths."""
    lengths = st.sampled_from([3, 4, 6, 6, 7, 12])
    some = [st.just(frozenset()), st.sampled_from([frozenset({6}), frozenset({9, 10}), frozenset({1, 6, 7})])]
    releases = [
        Release(draw(st.integers(0, 2)), draw(st.integers(1, 4)), frozenset(YEAR) - draw(st.one_of(some)))
        for _ in range(pools)
    ]
    pool, hub = st.integers(0, pools - 1), st.integers(0, hubs - 1)
    sent = [Sent(draw(pool), draw(hub), draw(lengths), 1) for _ in range(draw(st.integers(1, tours)))]
    wanted = [
        Wanted(to, draw(st.integers(1, 2)), frozenset(product(draw(st.sets(pool, min_size=1)), (4, 6, 7, 12))))
        for to in range(hubs)
    ]
    cyclic = draw(st.booleans())
    carried: list[Tour] = []
    if not cyclic and draw(st.booleans()):
        p = draw(pool)
        posts = range(1, releases[p].away + 1)
        carried = [Tour(p, post, draw(hub), 1, draw(st.integers(1, 7)), carried=True) for post in posts]
    return Example(releases, sent, wanted, tuple(carried), cyclic)


@st.composite
def small_examples(draw: Any) -> Example:
    return draw_example(draw, pools=2, hubs=2, tours=3)


@st.composite
def examples(draw: Any) -> Example:
    return draw_example(draw, pools=3, hubs=3, tours=8)


@settings(max_examples=40, deadline=None)
@given(example=small_examples())
def test_no_roster_has_fewer_missing_nor_as_few_and_fewer_left(example: Example) -> None:
    roster = example.right()
    assert roster.is_proven
    best = min(
        (missing(made), sum(first is None for _, first in chosen))
        for chosen in every_roster(example)
        for made in [as_roster(example, chosen)]
    )
    assert (missing(roster), sum(one.number for one in roster.left)) == best


def as_roster(example: Example, chosen: list[tuple[Sending, int | None]]) -> Roster:
    """Return tours as a roster; the number of the post does not matter for what is missing."""
    tours = [*example.carried]
    tours += [Tour(pool, 1, to, first, months) for (pool, to, months), first in chosen if first is not None]
    return Roster(tuple(tours), gaps_of(example.wanted, tours, cyclic=example.cyclic), (), is_proven=False)


@SLOWLY
@given(example=examples(), seed=st.randoms(use_true_random=False))
def test_the_same_input_gives_the_same_roster_in_whatever_order(example: Example, seed: Any) -> None:
    roster = example.right()
    assert example.roster() == roster
    shuffled = list(example.sent)
    seed.shuffle(shuffled)
    assert replace(example, sent=shuffled).roster() == roster


def short_by_want(roster: Roster) -> dict[int, int]:
    numbers: Counter[int] = Counter()
    for (i, _), number in roster.gaps.items():
        numbers[i] += number
    return dict(numbers)


@st.composite
def any_right_rosters(draw: Any) -> tuple[Example, Roster]:
    """Return an example and a right roster for it, made without a solver: tours in any months that were free."""
    example = draw_example(draw, pools=3, hubs=3, tours=8)
    taken = {(t.pool, t.post, m) for t in example.carried for m in months_of(1, t.months, cyclic=False)}
    tours, begun = [*example.carried], Counter[int]()
    for one in example.sent:
        release = example.releases[one.pool]
        free = [
            Tour(one.pool, post, one.to, first, one.months)
            for post in range(1, release.away + 1)
            for first in firsts_of(release, one.months, cyclic=example.cyclic)
            if begun[one.pool] < release.tours
            and not taken & {(one.pool, post, m) for m in months_of(first, one.months, cyclic=example.cyclic)}
        ]
        if free:
            tour = draw(st.sampled_from(free))
            tours.append(tour)
            begun[tour.pool] += 1
            taken |= {(tour.pool, tour.post, m) for m in months_of(tour.first, tour.months, cyclic=example.cyclic)}
    there = placed(tours)
    left = tuple(Sent(*key, n - there.get(key, 0)) for key, n in totals(example.sent).items() if n > there.get(key, 0))
    gaps = gaps_of(example.wanted, tours, cyclic=example.cyclic)
    return example, Roster(tuple(tours), gaps, left, is_proven=False)


@settings(max_examples=150, deadline=None)
@given(made=any_right_rosters(), data=st.data())
def test_no_right_roster_breaks_a_cut_whatever_its_weights(made: tuple[Example, Roster], data: Any) -> None:
    example, roster = made
    assert example.faults(roster) == []
    numbers, short = placed(roster.tours), short_by_want(roster)
    possible = set(totals(example.sent))
    about = st.tuples(st.integers(0, 2), st.sampled_from(YEAR))
    weights = st.dictionaries(about, st.integers(0, 3), max_size=30)
    cut = weighed_cut(
        example.releases,
        example.wanted,
        possible,
        data.draw(weights),
        data.draw(weights),
        example.carried,
        cyclic=example.cyclic,
    )
    assert cut.excess(numbers, short) == 0
    for other in post_cuts(example.releases, possible, example.carried, cyclic=example.cyclic):
        assert other.excess(numbers, short) == 0


@SLOWLY
@given(made=any_right_rosters(), more=st.lists(st.integers(0, 2), min_size=3, max_size=3))
def test_cuts_are_broken_by_what_was_sent_and_kept_by_every_right_roster(
    made: tuple[Example, Roster], more: list[int]
) -> None:
    example, roster = made
    # What is sent instead may be less or more than what the right roster places.
    sent = [Sent(one.pool, one.to, one.months, more[one.pool]) for one in example.sent]
    asked = replace(example, sent=sent)
    for cut in asked.cuts(totals(example.sent)):
        assert cut.excess(totals(sent), {}) > 0
        assert cut.excess(placed(roster.tours), short_by_want(roster)) == 0
    # Without a cut nothing but whole tours can be in the way; with one, something is missing or left over.
    if asked.cuts(totals(example.sent)):
        found = asked.right()
        assert found.gaps or found.left


def changes(tour: Tour) -> Iterator[Tour]:
    """Yield a tour with one thing changed."""
    for change in (-1, 1):
        yield replace(tour, pool=tour.pool + change)
        yield replace(tour, post=tour.post + change)
        yield replace(tour, to=tour.to + change)
        yield replace(tour, first=tour.first + change)
        yield replace(tour, months=tour.months + change)
    yield replace(tour, first=tour.first + MONTHS)
    yield replace(tour, post=99)
    yield replace(tour, carried=not tour.carried)
    yield replace(tour, of=4)


def mutants(roster: Roster) -> Iterator[Roster]:
    """Yield a roster with one thing changed."""
    for n, tour in enumerate(roster.tours):
        rest = roster.tours[:n] + roster.tours[n + 1 :]
        yield replace(roster, tours=rest)
        yield replace(roster, tours=(*roster.tours, tour))
        yield from (replace(roster, tours=(*rest, changed)) for changed in changes(tour))
    yield replace(roster, gaps={**roster.gaps, (0, 3): roster.gaps.get((0, 3), 0) + 1})
    yield replace(roster, gaps={**roster.gaps, (7, 3): 0})
    for about, number in roster.gaps.items():
        yield replace(roster, gaps={key: n for key, n in roster.gaps.items() if key != about})
        yield replace(roster, gaps={**roster.gaps, about: number + 1})
        yield replace(roster, gaps={**roster.gaps, about: -number})
    yield replace(roster, left=(*roster.left, Sent(0, 0, 6, 1)))
    yield replace(roster, left=(*roster.left, Sent(0, 0, 6, -1)))
    for n, one in enumerate(roster.left):
        yield replace(roster, left=roster.left[:n] + roster.left[n + 1 :])
        yield replace(roster, left=(*roster.left[:n], replace(one, number=one.number + 1), *roster.left[n + 1 :]))


TIGHT = {
    # Every post is busy all year, and every hub has just enough.
    "repeating": one_pool(3, 6),
    # One hub goes without: gaps and tours left over.
    "short": one_pool(3, 6, away=2),
    # The second post is taken until March by last year's tour.
    "carried": Example(
        [Release(2, 4)],
        [Sent(0, to, 6, 2) for to in range(2)],
        [at_all_times(to, 0) for to in range(2)],
        (Tour(0, 2, 1, 1, 3, carried=True, of=6), Tour(0, 1, 0, 1, 6, carried=True, of=6)),
    ),
}


@pytest.mark.parametrize("name", TIGHT)
def test_every_single_change_of_a_right_roster_is_seen(name: str) -> None:
    example = TIGHT[name]
    roster = example.right()
    tried = 0
    for mutant in mutants(roster):
        found = example.faults(mutant)
        assert found, mutant
        for language in LANGUAGES:
            with speaking(language):
                assert all(breach.sentence() and breach.shortfall > 0 for breach in found)
        tried += 1
    assert tried > 50


FAULTS = {
    "tour": [Tour(0, 3, 0, 1, 6)],
    "closed": [Tour(0, 1, 0, 3, 6)],
    "twice": [Tour(0, 1, 0, 9, 4), Tour(0, 1, 1, 10, 6)],
    "begun": [Tour(0, 1, 0, 9, 1), Tour(0, 1, 0, 10, 1), Tour(0, 1, 0, 11, 1), Tour(0, 1, 0, 12, 1)],
    "sent": [Tour(0, 1, 4, 9, 6)],
    "carried": [Tour(0, 1, 0, 1, 3, carried=True)],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_has_its_name(kind: str) -> None:
    # Two posts, three tours in the year, nobody away in August; what is sent is what the tours are, but for one case.
    releases, tours = [Release(2, 3, frozenset(YEAR) - {8})], FAULTS[kind]
    sent = [] if kind == "sent" else [Sent(*key, number) for key, number in placed(tours).items()]
    found = faults(releases, sent, [], Roster(tuple(tours), {}, (), is_proven=True))
    assert [breach.about[0] for breach in found if breach.about[0] != "away"] == [kind] * len(found)


def test_no_more_are_away_at_once_than_there_are_of_the_staff_of_several_pools() -> None:
    # Two pools of one post each, both of the same single surgeon: one tour of each, one after the other.
    pools, staff = [Release(1, 2), Release(1, 2)], [Staff(frozenset({0, 1}), 1)]
    sent = [Sent(0, 0, 6, 1), Sent(1, 1, 6, 1)]
    roster = make_roster(pools, sent, [], staff=staff)
    assert {tour.first for tour in roster.tours} == {1, 7}
    assert faults(pools, sent, [], roster, staff=staff) == []
    together = replace(roster, tours=tuple(replace(tour, first=1) for tour in roster.tours))
    assert faults(pools, sent, [], together) == []
    found = faults(pools, sent, [], together, staff=staff)
    assert {(breach.words, breach.details["month"]) for breach in found} == {
        ("breach.roster_staff", m) for m in range(1, 7)
    }
    # Where both may only go in the same half of the year, one of them stays at home.
    half = [replace(pool, months=frozenset(range(1, 7))) for pool in pools]
    assert len(make_roster(half, sent, [], staff=staff).left) == 1


def test_nothing_comes_on_top_of_what_last_year_left_too_much_of() -> None:
    carried = [Tour(0, post, 0, 1, 3, carried=True) for post in (1, 2)]
    roster = Roster((*carried, Tour(0, 1, 0, 4, 6)), {}, (), is_proven=True)
    assert faults([Release(1, 1)], [Sent(0, 0, 6, 1)], [], roster, carried) == []
    more = Roster((*carried, Tour(0, 3, 0, 3, 6)), {}, (), is_proven=True)
    assert {breach.about[0] for breach in faults([Release(1, 1)], [Sent(0, 0, 6, 1)], [], more, carried)} == {
        "tour",
        "away",
    }


def test_the_recheck_of_a_roster_needs_no_solver(tmp_path: Path) -> None:
    code = "import sys, allocate.tours; print(sorted({'pulp', 'highspy', 'allocate.program'} & set(sys.modules)))"
    done = start_python(tmp_path, "-c", code)
    assert (done.stdout, done.stderr) == ("[]\n", "")
