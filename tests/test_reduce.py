"""Reductions lose nothing: the best answers to what is left are best answers to the whole, all being looked at."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array

from allocate import reduce
from allocate.reduce import (
    Floats,
    Mask,
    Rows,
    fix_by_bound,
    merge_rows,
    parts,
    rows_of,
    shrink_cover,
    take_rows,
    take_sites,
    undominated_rows,
    undominated_sites,
)

SLOWLY = settings(max_examples=120, deadline=None)


@st.composite
def tables(draw: st.DrawFn, *, empty_rows: bool = False, most_rows: int = 9) -> Mask:
    """Draw who reaches whom: few sites, so that equal and contained rows are common."""
    sites = draw(st.integers(1, 6))
    row = st.lists(st.booleans(), min_size=sites, max_size=sites).filter(lambda row: empty_rows or any(row))
    return np.array(draw(st.lists(row, min_size=1, max_size=most_rows)), dtype=np.bool_)


def whole_numbers(draw: st.DrawFn, count: int, most: int = 5) -> Floats:
    return np.array(draw(st.lists(st.integers(0, most), min_size=count, max_size=count)), dtype=float)


def answers(sites: int) -> Iterator[Mask]:
    """Yield every way to open sites."""
    for opened in product((False, True), repeat=sites):
        yield np.array(opened, dtype=np.bool_)


def covered(table: Mask, opened: Mask) -> Mask:
    return (table & opened).any(axis=1)


def least_cost(table: Mask, cost: Floats) -> float:
    return min(cost[opened].sum() for opened in answers(table.shape[1]) if covered(table, opened).all())


def most_people(table: Mask, weight: Floats, sites: int) -> float:
    few = (opened for opened in answers(table.shape[1]) if opened.sum() <= sites)
    return max(weight[covered(table, opened)].sum() for opened in few)


def dense(rows: Rows) -> Mask:
    return rows.toarray().astype(np.bool_)


@pytest.fixture(params=["words", "a table of bits", "halving"])
def lookup(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare sets word by word, or look whether a row has a site in either way."""
    if request.param != "words":
        monkeypatch.setattr(reduce, "_WORDS", 0)
    if request.param == "halving":
        monkeypatch.setattr(reduce, "_TABLE", 0)


@given(st.data())
@SLOWLY
def test_merged_rows_are_worth_the_same_in_every_answer(data: st.DataObject) -> None:
    table = data.draw(tables(empty_rows=True))
    weight = whole_numbers(data.draw, len(table))
    matrix, merged, group_of = merge_rows(rows_of(table), weight)
    assert len(np.unique(dense(matrix), axis=0)) == matrix.shape[0]
    assert ((group_of < 0) == ~table.any(axis=1)).all()
    for opened in answers(table.shape[1]):
        assert merged[covered(dense(matrix), opened)].sum() == weight[covered(table, opened)].sum()
    for row, group in zip(table[group_of >= 0], group_of[group_of >= 0], strict=True):
        assert (dense(matrix)[group] == row).all()


@given(st.data())
@SLOWLY
def test_rows_are_told_apart_even_if_all_sums_of_keys_are_equal(data: st.DataObject) -> None:
    table = data.draw(tables(empty_rows=True))
    expected = merge_rows(rows_of(table), np.ones(len(table)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduce, "_keys", lambda sites, attempt: np.zeros(sites, dtype=np.uint64))
        found = merge_rows(rows_of(table), np.ones(len(table)))
    assert (dense(found[0]) == dense(expected[0])).all()
    assert (found[1] == expected[1]).all()
    assert (found[2] == expected[2]).all()


def test_the_size_of_the_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(3).random((300, 7)) < 0.4
    table[100:] = table[:200]
    expected = merge_rows(rows_of(table), np.arange(300.0))
    shrunk = shrink_cover(expected[0], np.ones(7))
    monkeypatch.setattr(reduce, "_BLOCK", 10)
    monkeypatch.setattr(reduce, "_FEW", 1)
    found = merge_rows(rows_of(table), np.arange(300.0))
    again = shrink_cover(found[0], np.ones(7))
    assert (dense(found[0]) == dense(expected[0])).all()
    assert (found[1] == expected[1]).all()
    assert (found[2] == expected[2]).all()
    assert again.rows.tolist() == shrunk.rows.tolist()
    assert again.sites.tolist() == shrunk.sites.tolist()


def test_merged_rows_stand_in_the_order_of_their_first_members() -> None:
    table = np.array([[0, 1], [0, 0], [1, 0], [0, 1], [1, 1], [1, 0]])
    matrix, weight, group_of = merge_rows(rows_of(table), np.array([1.0, 2, 4, 8, 16, 32]))
    assert matrix.toarray().tolist() == [[0, 1], [1, 0], [1, 1]]
    assert weight.tolist() == [9, 36, 16]
    assert group_of.tolist() == [0, -1, 1, 0, 2, 1]


def test_a_sparse_table_may_have_zeros_and_entries_in_parts_in_any_order() -> None:
    entries = (np.array([1, 0, 2, 2, 3, 300 % 256]), (np.array([0, 1, 1, 1, 0, 0]), np.array([2, 1, 2, 0, 2, 0])))
    rows = rows_of(csr_array(coo_array(entries, shape=(2, 3))))
    assert rows.toarray().tolist() == [[1, 0, 1], [1, 0, 1]]
    assert rows.dtype == np.uint8
    assert rows.indices.tolist() == [0, 2, 0, 2]
    many = coo_array((np.ones(256, dtype=np.uint8), (np.zeros(256, dtype=int), np.zeros(256, dtype=int))), shape=(1, 1))
    unsummed = csr_array((many.data, many.col, np.array([0, 256])), shape=(1, 1))
    assert rows_of(unsummed).toarray().tolist() == [[1]]


def test_a_table_that_is_given_stays_as_it_is() -> None:
    given_table = csr_array(np.array([[2.0, 0.0], [0.0, 3.0]]))
    merge_rows(rows_of(given_table), np.ones(2))
    assert given_table.toarray().tolist() == [[2, 0], [0, 3]]


@given(tables(most_rows=14))
@SLOWLY
def check_rows(table: Mask) -> None:
    kept = undominated_rows(rows_of(table))
    for i, row in enumerate(table):
        others = (other for k, other in enumerate(table) if k != i and not (other & ~row).any())
        implied = any((other != row).any() for other in others) or any((table[k] == row).all() for k in range(i))
        assert kept[i] == (not implied)
    for opened in answers(table.shape[1]):
        assert covered(table[kept], opened).all() == covered(table, opened).all()


@pytest.mark.usefixtures("lookup")
def test_rows_that_contain_no_other_row_ask_for_all_that_is_asked() -> None:
    check_rows()


@given(st.data())
@SLOWLY
def check_sites(data: st.DataObject) -> None:
    table = data.draw(tables())
    cost, weight = whole_numbers(data.draw, table.shape[1], 3), whole_numbers(data.draw, len(table))
    kept = undominated_sites(rows_of(table), cost)
    for j in range(table.shape[1]):
        better = [
            k
            for k in range(table.shape[1])
            if not (table[:, j] & ~table[:, k]).any()
            and (cost[k], -table[:, k].sum(), k) != (cost[j], -table[:, j].sum(), j)
            and cost[k] <= cost[j]
            and ((table[:, k] != table[:, j]).any() or (cost[k], k) < (cost[j], j))
        ]
        assert kept[j] == (table[:, j].any() and not better)
    assert least_cost(table[:, kept], cost[kept]) == least_cost(table, cost)
    same = undominated_sites(rows_of(table), np.ones(table.shape[1]))
    for sites in range(table.shape[1] + 1):
        assert most_people(table[:, same], weight, sites) == most_people(table, weight, sites)


@pytest.mark.usefixtures("lookup")
def test_sites_that_no_other_can_stand_for_are_enough() -> None:
    check_sites()


@given(st.data())
@SLOWLY
def test_a_full_covering_costs_the_same_after_shrinking(data: st.DataObject) -> None:
    table = data.draw(tables(most_rows=14))
    cost = whole_numbers(data.draw, table.shape[1], 3)
    shrunk = shrink_cover(rows_of(table), cost)
    left = dense(shrunk.matrix)
    assert (left == table[np.ix_(shrunk.rows, shrunk.sites)]).all()
    assert cost[shrunk.chosen].sum() + least_cost(left, cost[shrunk.sites]) == least_cost(table, cost)
    for opened in answers(left.shape[1]):
        if covered(left, opened).all():
            whole = np.zeros(table.shape[1], dtype=np.bool_)
            whole[shrunk.chosen] = True
            whole[shrunk.sites[opened]] = True
            assert covered(table, whole).all()


@pytest.mark.parametrize(("reach", "count"), [(0.05, 400), (0.3, 300), (0.7, 150)])
def test_sets_of_many_words_are_compared_as_one_by_one(
    reach: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(int(100 * reach))
    near = random.random((count, 1, 2)) - random.random((1, 150, 2))
    table = (near**2).sum(axis=2) <= reach**2
    rows, cost = rows_of(table[table.any(axis=1)]), random.integers(1, 4, 150).astype(float)
    by_words = shrink_cover(rows, cost)
    monkeypatch.setattr(reduce, "_WORDS", 0)
    one_by_one = shrink_cover(rows, cost)
    assert by_words.rows.tolist() == one_by_one.rows.tolist()
    assert by_words.sites.tolist() == one_by_one.sites.tolist()
    assert by_words.chosen.tolist() == one_by_one.chosen.tolist()
    assert by_words.matrix.shape[0] < rows.shape[0]


def test_a_covering_in_which_everything_follows_is_solved_by_shrinking() -> None:
    # Row 0 forces site 0, which covers row 1; site 2 reaches all that site 1 reaches of the rest.
    table = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 1, 1]])
    shrunk = shrink_cover(rows_of(table), np.ones(4))
    assert shrunk.chosen.tolist() == [0, 2]
    assert shrunk.matrix.shape == (0, 0)


@pytest.mark.parametrize("words", [0, 1 << 20])
def test_what_cannot_be_looked_at_is_kept(words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(5).random((40, 9)) < 0.5
    table[:, 0] |= ~table.any(axis=1)
    exact = undominated_rows(rows_of(table))
    monkeypatch.setattr(reduce, "_WORDS", words)
    monkeypatch.setattr(reduce, "_BLOCK", 64)
    monkeypatch.setattr(reduce, "_PAIRS", 0)
    monkeypatch.setattr(reduce, "_FEW", 1)
    hasty = undominated_rows(rows_of(table))
    assert (exact <= hasty).all()
    assert hasty.sum() > exact.sum()
    cost = np.ones(9)
    shrunk = shrink_cover(rows_of(table), cost)
    assert len(shrunk.chosen) + least_cost(dense(shrunk.matrix), cost[shrunk.sites]) == least_cost(table, cost)


@given(st.data())
@SLOWLY
def test_the_parts_can_be_covered_one_by_one(data: st.DataObject) -> None:
    table = data.draw(tables())
    cost = whole_numbers(data.draw, table.shape[1])
    found = parts(rows_of(table))
    for (i, j), reaches in np.ndenumerate(table):
        assert not reaches or found.rows[i] == found.sites[j]
    assert ((found.sites < 0) == ~table.any(axis=0)).all()
    assert list(dict.fromkeys(found.rows.tolist())) == list(range(found.count))
    alone = (table[np.ix_(found.rows == part, found.sites == part)] for part in range(found.count))
    costs = (cost[found.sites == part] for part in range(found.count))
    assert sum(map(least_cost, alone, costs)) == least_cost(table, cost)


def test_parts_are_as_small_as_can_be() -> None:
    table = np.array([[0, 1, 0, 0, 0], [1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 1, 0]])
    found = parts(rows_of(table))
    assert found.count == 2
    assert found.rows.tolist() == [0, 1, 0, 1]
    assert found.sites.tolist() == [1, 0, -1, 1, -1]
    assert parts(rows_of(np.zeros((0, 2)))).sites.tolist() == [-1, -1]


@st.composite
def priced(draw: st.DrawFn) -> tuple[Mask, Floats, Floats, Floats, float]:
    """Draw a maximal covering with prices on its rows: table, weights, prices, costs, budget."""
    table = draw(tables())
    weight = whole_numbers(draw, len(table), 9)
    shares = st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 0.7, 1.0])
    price = weight * np.array(draw(st.lists(shares, min_size=len(table), max_size=len(table))))
    cost = np.ones(table.shape[1]) if draw(st.booleans()) else whole_numbers(draw, table.shape[1], 4) / 10
    return table, weight, price, cost, draw(st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0, 2.0, 3.0]))


@given(priced(), st.sampled_from([0.0, 1.0]), st.integers(0, 63))
@SLOWLY
def test_what_a_bound_fixes_is_so_in_every_better_answer(
    case: tuple[Mask, Floats, Floats, Floats, float], step: float, known: int
) -> None:
    table, weight, price, cost, budget = case
    able = [opened for opened in answers(table.shape[1]) if cost[opened].sum() <= budget + 1e-12]
    worth = [weight[covered(table, opened)].sum() for opened in able]
    best = worth[known % len(worth)]
    fixed = fix_by_bound(price @ table, budget, best, rest=float((weight - price).sum()), cost=cost, step=step)
    for opened, value in zip(able, worth, strict=True):
        if value > best:
            assert (opened >= fixed.opened).all()
            assert not (opened & fixed.closed).any()


def test_a_bound_fixes_by_the_profits_on_both_sides_of_the_last_site() -> None:
    profit = np.array([10.0, 6.0, 5.0, 1.0, -1.0])
    # The bound is 16; without the first site it is 11, with the fourth 11, with the fifth 9.
    fixed = fix_by_bound(profit, 2, 12.0)
    assert fixed.opened.tolist() == [True, False, False, False, False]
    assert fixed.closed.tolist() == [False, False, False, True, True]
    # Values are whole and something better is 13 at least, no more than 15 with the third site.
    assert fix_by_bound(profit, 2, 15.0, step=1.0).closed.tolist() == [False, False, True, True, True]
    assert fix_by_bound(profit, 2, 15.0, rest=1.0, step=1.0).closed.tolist() == [False, False, False, True, True]


def test_a_site_that_costs_more_than_there_is_stays_closed() -> None:
    fixed = fix_by_bound(np.array([9.0, 1.0, 1.0]), 0.3, 0.0, cost=np.array([0.4, 0.3, 0.0]))
    assert fixed.closed.tolist() == [True, False, False]
    assert not fixed.opened.any()


def test_costs_that_use_up_the_budget_to_the_last_digit_are_allowed() -> None:
    # In floats 0.1 + 0.2 is more than 0.3.
    fixed = fix_by_bound(np.array([5.0]), 0.3, 0.0, cost=np.array([0.1 + 0.2]))
    assert not fixed.closed.any()


@given(st.data())
@SLOWLY
def test_rows_and_sites_are_taken_as_from_a_table(data: st.DataObject) -> None:
    table = data.draw(tables(empty_rows=True))
    rows = data.draw(st.lists(st.integers(0, len(table) - 1)))
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=table.shape[1], max_size=table.shape[1])))
    assert (dense(take_rows(rows_of(table), np.array(rows, dtype=int))) == table[np.array(rows, dtype=int)]).all()
    assert (dense(take_sites(rows_of(table), kept)) == table[:, kept]).all()
