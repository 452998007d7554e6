"""The classic models as a user meets them: right on every small instance, clear about every fault."""

import math
from collections.abc import Iterator
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from allocate import classics
from allocate.classics import inputs
from allocate.errors import AllocateError, NoPlanError, UsageError

MODELS = ("lscp", "partial_cover", "mclp", "backup_cover", "p_median", "p_center")


@st.composite
def questions(draw: st.DrawFn) -> SimpleNamespace:
    """Make a small question: times, people, costs, and sites that stand, must or may not."""
    points, sites = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    time = st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, 8.0, math.inf])
    times = np.array(draw(st.lists(st.lists(time, min_size=sites, max_size=sites), min_size=points, max_size=points)))
    role = st.sampled_from(["free", "free", "free", "existing", "mandatory", "forbidden"])
    roles = np.array(draw(st.lists(role, min_size=sites, max_size=sites)))
    return SimpleNamespace(
        times=times,
        people=np.array(draw(st.lists(st.integers(0, 9), min_size=points, max_size=points)), dtype=float),
        cost=np.array(draw(st.lists(st.integers(0, 4), min_size=sites, max_size=sites)), dtype=float),
        limit=draw(st.sampled_from([0.0, 2.0, 5.0])),
        roles={name: np.flatnonzero(roles == name) for name in ("existing", "mandatory", "forbidden")},
        number=draw(st.integers(1, 5)),
        budget=float(draw(st.integers(0, 8))),
    )


def layouts(question: SimpleNamespace) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield every set of open sites that the roles allow, and what it adds to those that stand."""
    roles = question.roles
    free = np.setdiff1d(np.arange(question.times.shape[1]), np.concatenate(list(roles.values())))
    for size in range(len(free) + 1):
        for chosen in combinations(free.tolist(), size):
            added = np.sort(np.concatenate([roles["mandatory"], np.array(chosen, dtype=int)]).astype(int))
            yield np.sort(np.concatenate([roles["existing"], added]).astype(int)), added


def counts(question: SimpleNamespace, sites: np.ndarray) -> np.ndarray:
    return (question.times[:, sites] <= question.limit).sum(axis=1)


def reachable(question: SimpleNamespace) -> np.ndarray:
    allowed = np.setdiff1d(np.arange(question.times.shape[1]), question.roles["forbidden"])
    return (question.times[:, allowed] <= question.limit).any(axis=1)


def nearest(question: SimpleNamespace, sites: np.ndarray) -> np.ndarray:
    allowed = np.setdiff1d(np.arange(question.times.shape[1]), question.roles["forbidden"])
    kept = np.isfinite(question.times[:, allowed]).any(axis=1)
    if not len(sites):
        return np.where(kept, math.inf, 0.0)
    return np.where(kept, question.times[:, sites].min(axis=1), 0.0)


def may_count(question: SimpleNamespace) -> int:
    """Return a number of sites that the roles allow to ask for, 0 where there is none."""
    free = question.times.shape[1] - len(question.roles["existing"]) - len(question.roles["forbidden"])
    return min(free, max(question.number, len(question.roles["mandatory"])))


@settings(max_examples=80, deadline=None)
@given(questions())
def test_a_set_cover_costs_the_least_of_all(question: SimpleNamespace) -> None:
    wanted = reachable(question)
    best = min(
        question.cost[added].sum()
        for sites, added in layouts(question)
        if (counts(question, sites)[wanted] > 0).all()
    )  # fmt: skip
    answer = classics.lscp(question.times, question.limit, cost=question.cost, **question.roles)
    assert answer.value == best == question.cost[answer.opened].sum()
    assert (answer.outcome, answer.gap, answer.bound) == ("optimal", 0.0, best)
    assert answer.unreachable.tolist() == np.flatnonzero(~wanted).tolist()
    assert (counts(question, answer.sites)[wanted] > 0).all()
    assert (answer.assigned >= 0).tolist() == (counts(question, answer.sites) > 0).tolist()
    assert answer.counts.tolist() == counts(question, answer.sites).tolist()


@settings(max_examples=80, deadline=None)
@given(questions(), st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))
def test_a_part_of_the_people_is_covered_at_the_least_cost(question: SimpleNamespace, share: float) -> None:
    wanted = share * question.people.sum() - 1e-6
    costs = [
        question.cost[added].sum()
        for sites, added in layouts(question)
        if question.people[counts(question, sites) > 0].sum() >= wanted
    ]  # fmt: skip

    def ask() -> classics.Answer:
        return classics.partial_cover(
            question.times, question.limit, people=question.people, share=share, cost=question.cost, **question.roles
        )

    if not costs:
        with pytest.raises(NoPlanError, match="人"):
            ask()
        return
    answer = ask()
    assert (answer.value, answer.outcome) == (min(costs), "optimal")
    assert question.people[answer.assigned >= 0].sum() >= wanted


@settings(max_examples=80, deadline=None)
@given(questions())
def test_p_sites_cover_the_most_people(question: SimpleNamespace) -> None:
    p = may_count(question)
    if not p:
        return
    best = max(
        question.people[counts(question, sites) > 0].sum() for sites, added in layouts(question) if len(added) <= p
    )
    answer = classics.mclp(question.times, question.limit, people=question.people, p=p, **question.roles)
    assert (answer.value, answer.outcome) == (best, "optimal")
    assert question.people[answer.assigned >= 0].sum() == best
    assert len(answer.opened) <= p


@settings(max_examples=80, deadline=None)
@given(questions())
def test_a_budget_covers_the_most_people(question: SimpleNamespace) -> None:
    values = [
        question.people[counts(question, sites) > 0].sum()
        for sites, added in layouts(question)
        if question.cost[added].sum() <= question.budget
    ]  # fmt: skip

    def ask() -> classics.Answer:
        return classics.mclp(
            question.times, question.limit,
            people=question.people, cost=question.cost, budget=question.budget, **question.roles,
        )  # fmt: skip

    if not values:
        with pytest.raises(UsageError, match="必开"):
            ask()
        return
    answer = ask()
    assert (answer.value, answer.outcome) == (max(values), "optimal")
    assert question.cost[answer.opened].sum() <= question.budget


@settings(max_examples=80, deadline=None)
@given(questions(), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans())
def test_people_are_covered_once_and_again(question: SimpleNamespace, first: float, every: bool) -> None:
    p = may_count(question)
    if not p:
        return
    wanted = reachable(question)
    values = []
    for sites, added in layouts(question):
        count = counts(question, sites)
        if len(added) <= p and not (every and (count[wanted] == 0).any()):
            values.append(first * question.people[count > 0].sum() + (1 - first) * question.people[count > 1].sum())

    def ask() -> classics.Answer:
        return classics.backup_cover(
            question.times, question.limit, people=question.people, p=p, first=first, every=every, **question.roles
        )

    if not values:
        with pytest.raises(NoPlanError):
            ask()
        return
    answer = ask()
    assert answer.value == pytest.approx(max(values), abs=1e-9)
    assert answer.outcome == "optimal"
    assert not every or (answer.counts[wanted] > 0).all()


@settings(max_examples=80, deadline=None)
@given(questions(), st.sampled_from(["p_median", "p_center", "weighted_center"]))
def test_people_are_as_near_as_p_sites_allow(question: SimpleNamespace, model: str) -> None:
    p = may_count(question)
    if not p:
        return
    people = question.people

    def worth(sites: np.ndarray) -> float:
        near = nearest(question, sites)
        served = near[people > 0] if model == "weighted_center" or model == "p_median" else near
        weight = people[people > 0] if model != "p_center" else np.ones(len(served))
        if not len(served):
            return 0.0
        return float(weight @ served) if model == "p_median" else float((weight * served).max())

    best = min(worth(sites) for sites, added in layouts(question) if len(added) <= p)

    def ask() -> classics.Answer:
        if model == "p_median":
            return classics.p_median(question.times, p, people=people, **question.roles)
        given_people = people if model == "weighted_center" else None
        return classics.p_center(question.times, p, people=given_people, **question.roles)

    if math.isinf(best):
        with pytest.raises(NoPlanError):
            ask()
        return
    answer = ask()
    assert answer.value == pytest.approx(best)
    assert answer.outcome == "optimal"
    assert len(answer.opened) <= p
    served = np.flatnonzero(answer.assigned >= 0)
    assert question.times[served, answer.assigned[served]].tolist() == nearest(question, answer.sites)[served].tolist()


@pytest.fixture
def plane() -> SimpleNamespace:
    rng = np.random.default_rng(7)
    points, sites = rng.uniform(0, 4000, (300, 2)).round(), rng.uniform(0, 4000, (25, 2)).round()
    times = np.hypot(*(points[:, None] - sites).transpose(2, 0, 1))
    return SimpleNamespace(points=points, sites=sites, times=times, people=rng.integers(1, 50, 300).astype(float))


def test_all_doors_lead_to_the_same_answer(plane: SimpleNamespace) -> None:
    pairs = sparse.coo_array(np.where(plane.times <= 900, plane.times, 0))
    frames = [
        gpd.GeoDataFrame(
            {"people": plane.people if len(at) == 300 else np.ones(len(at))},
            geometry=gpd.points_from_xy(at[:, 0] + 5e5, at[:, 1] + 4.4e6),
            crs=4548,
        )
        for at in (plane.points, plane.sites)
    ]
    blocks = ((plane.points[k : k + 70], plane.people[k : k + 70]) for k in range(0, 300, 70))
    answers = [
        classics.mclp(plane.times, 900, people=plane.people, p=4),
        classics.mclp(plane.times <= 900, people=plane.people, p=4),
        classics.mclp(sparse.csr_array(pairs), people=plane.people, p=4),
        classics.mclp(sparse.csr_array(plane.times <= 900), people=plane.people, p=4),
        classics.mclp(classics.between(plane.points, plane.sites), 900, people=plane.people, p=4),
        classics.mclp(classics.between(*frames), 900, people="people", p=4),
        classics.mclp(classics.between(blocks, plane.sites), 900, p=4),
    ]
    assert {answer.value for answer in answers} == {answers[0].value}
    assert len({tuple(answer.assigned >= 0) for answer in answers}) == 1
    assert 0 < answers[0].value < plane.people.sum()
    near = [
        classics.p_median(plane.times, 3, people=plane.people),
        classics.p_median(classics.between(plane.points, plane.sites), 3, people=plane.people),
        classics.p_median(classics.between(*frames), 3, people="people"),
    ]
    assert {tuple(answer.sites) for answer in near} == {tuple(near[0].sites)}


def test_degrees_are_projected_before_they_are_measured(plane: SimpleNamespace) -> None:
    metres = [
        gpd.GeoDataFrame(geometry=gpd.points_from_xy(at[:, 0] + 5e5, at[:, 1] + 4.4e6), crs=4548)
        for at in (plane.points, plane.sites)
    ]
    degrees = classics.between(*(frame.to_crs(4490) for frame in metres))
    assert degrees.points is not None
    found = np.hypot(*(degrees.points[:, None] - degrees.sites).transpose(2, 0, 1))
    assert np.allclose(found, plane.times, rtol=1.2e-3)


def test_a_listener_hears_every_moment_and_the_last_one_is_the_answer(plane: SimpleNamespace) -> None:
    heard: list[classics.Moment] = []
    answer = classics.mclp(plane.times, 900, people=plane.people, p=4, existing=[0], listen=heard.append)
    assert tuple(heard) == answer.trace
    assert (heard[-1].value, heard[-1].bound) == (answer.value, answer.bound)
    values = [moment.value for moment in heard if moment.value is not None]
    bounds = [moment.bound for moment in heard if moment.bound is not None]
    assert values == sorted(values)
    assert bounds == sorted(bounds, reverse=True)


@pytest.mark.parametrize("model", MODELS)
def test_out_of_time_at_once_there_is_still_an_answer_and_a_bound(model: str, plane: SimpleNamespace) -> None:
    answer = ask(model, plane, seconds=0.0)
    best = ask(model, plane)
    assert best.outcome == "optimal"
    better = max if model in {"mclp", "backup_cover"} else min
    assert better(answer.value, best.value) == best.value
    assert better(answer.bound, best.value) == answer.bound
    assert answer.gap == pytest.approx(abs(answer.bound - answer.value) / answer.value)


def ask(model: str, plane: SimpleNamespace, **more: Any) -> classics.Answer:
    travel = more.pop("travel", plane.times)
    more = {"people": plane.people} | more
    match model:
        case "lscp":
            del more["people"]
            return classics.lscp(travel, 900, **more)
        case "partial_cover":
            return classics.partial_cover(travel, 900, **{"share": 0.6} | more)
        case "mclp":
            return classics.mclp(travel, 900, **{"p": 4} | more)
        case "backup_cover":
            return classics.backup_cover(travel, 900, **{"p": 6} | more)
        case "p_median":
            return classics.p_median(travel, **{"p": 4} | more)
        case _:
            del more["people"]
            return classics.p_center(travel, **{"p": 4} | more)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"travel": np.zeros((0, 3))}, "travel.*至少给一个"),
        ({"travel": np.zeros(3)}, "travel.*点 × 站点"),
        ({"travel": np.array([[1.0, math.nan]])}, "缺失或为负.*点 0、站点 1"),
        ({"travel": np.array([[1.0], [-1.0]])}, "-1.0.*缺失或为负.*点 1、站点 0"),
        ({"travel": np.array([["a"]])}, "travel.*点 × 站点"),
        ({"existing": [25]}, "existing.*25.*从 0 到 24"),
        ({"mandatory": [-1]}, "mandatory.*-1.*从 0 到 24"),
        ({"forbidden": ["a"]}, "forbidden.*从 0 到 24"),
        ({"existing": [3], "forbidden": [3]}, "forbidden.*3.*existing"),
        ({"seconds": -1}, "seconds.*-1"),
        ({"gap": math.nan}, "gap.*nan"),
        ({"threads": 0}, "threads.*至少是 1"),
    ],
    ids=lambda part: str(part)[:40] if isinstance(part, str) else None,
)
def test_a_fault_is_one_clear_error(model: str, fault: dict[str, Any], said: str, plane: SimpleNamespace) -> None:
    with pytest.raises(UsageError, match=said):
        ask(model, plane, **fault)


@pytest.mark.parametrize("model", ["partial_cover", "mclp", "backup_cover", "p_median"])
@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([1, 2], "300"),
        (np.full(300, -1.0), "300 个数.*小于 0.*序号是 0"),
        (np.where(np.arange(300) == 7, math.nan, 1.0), "1 个数.*序号是 7"),
        (["x"] * 300, "应为数"),
        ("people", "只有在 between"),
    ],
    ids=["short", "negative", "missing", "text", "column"],
)
def test_people_have_to_be_numbers(model: str, people: Any, said: str, plane: SimpleNamespace) -> None:
    with pytest.raises(UsageError, match=said):
        ask(model, plane, people=people)


@pytest.mark.parametrize("model", ["mclp", "backup_cover", "p_median", "p_center"])
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"p": 26}, "p.*26.*25"),
        ({"p": 0}, "至少是 1"),
        ({"p": 2.5}, "应为整数"),
        ({"p": 1, "mandatory": [1, 2]}, "必开.*2"),
    ],
    ids=["many", "none", "half", "mandatory"],
)
def test_p_is_a_number_of_sites_that_there_are(
    model: str, more: dict[str, Any], said: str, plane: SimpleNamespace
) -> None:
    with pytest.raises(UsageError, match=said):
        ask(model, plane, **more)


def test_all_faults_are_said_at_once(plane: SimpleNamespace) -> None:
    with pytest.raises(UsageError) as caught:
        classics.mclp(plane.times, None, people=[1.0], p=0, existing=[99], seconds=-1)
    assert len(caught.value.problems) >= 4


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda d: classics.mclp(d.times, 900), "p.*二者取一"),
        (lambda d: classics.mclp(d.times, 900, p=1, budget=3, cost=np.ones(25)), "二者取一"),
        (lambda d: classics.mclp(d.times, 900, budget=3), "请给出 cost"),
        (lambda d: classics.mclp(d.times, 900, budget=-3, cost=np.ones(25)), "budget.*-3"),
        (lambda d: classics.partial_cover(d.times, 900), "请给出其一"),
        (lambda d: classics.partial_cover(d.times, 900, share=1.2), "share.*1.2"),
        (lambda d: classics.lscp(d.times), "limit"),
        (lambda d: classics.lscp(d.times, -1.0), "limit.*-1"),
        (lambda d: classics.lscp(d.times, 900, cost=[1]), "cost.*25"),
        (lambda d: classics.between(d.points, d.sites[:, :1]), "n × 2"),
        (lambda d: classics.between(d.points[:0], d.sites), "points.*至少给一个"),
        (lambda d: classics.between(3, d.sites), "n × 2"),
        (lambda d: classics.between(np.array([[0.0, math.inf]]), d.sites), "points.*有限"),
        (lambda d: classics.p_median(classics.between(iter([(d.points, d.people)]), d.sites), 2), "分块"),
        (lambda d: classics.mclp(classics.between(iter([(d.points, d.people)]), d.sites), 9, people=[1], p=1), "省去"),
        (lambda d: classics.mclp(classics.between(iter([(d.points, d.people[1:])]), d.sites), 9, p=1), "people.0."),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(call: Any, said: str, plane: SimpleNamespace) -> None:
    with pytest.raises(UsageError, match=said):
        call(plane)


def test_geodataframes_have_to_be_points_with_a_system(plane: SimpleNamespace) -> None:
    bare = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0.0], [0.0]))
    good = bare.set_crs(4548)
    with pytest.raises(UsageError, match="没有坐标系"):
        classics.between(bare, good)
    with pytest.raises(UsageError, match="同为"):
        classics.between(plane.points, good)
    with pytest.raises(UsageError, match="不是单个点"):
        classics.between(gpd.GeoDataFrame(geometry=good.buffer(1), crs=4548), good)
    with pytest.raises(UsageError, match="至少给一个"):
        classics.between(good, good.iloc[:0])


def test_a_table_that_does_not_fit_in_memory_is_refused_before_it_is_made(
    plane: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "free_memory", lambda: 50_000)
    with pytest.raises(UsageError, match="GB"):
        classics.p_median(classics.between(plane.points, plane.sites), 3)


def test_memory_that_runs_out_is_one_clear_error(plane: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(classics.asked, "covers_from", no_room)
    with pytest.raises(UsageError, match="内存不够"):
        classics.mclp(plane.times, 900, p=3)


def test_points_that_nobody_reaches_are_listed_and_never_counted() -> None:
    times = np.array([[1.0, 9.0], [9.0, 9.0], [9.0, 2.0]])
    answer = classics.mclp(times, 3, people=[5, 7, 2], p=1)
    assert (answer.value, answer.unreachable.tolist(), answer.assigned.tolist()) == (5.0, [1], [0, -1, -1])
    nobody = classics.lscp(times + 10, 3)
    assert (nobody.value, nobody.sites.tolist(), nobody.unreachable.tolist()) == (0.0, [], [0, 1, 2])


def test_a_search_that_claims_what_the_sites_do_not_give_is_thrown_away(
    plane: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie(covers: Any, cost: Any, budget: Any, record: Any, **_: Any) -> None:
        record.better(1e6, [0, 1])
        record.bounded(1e6, classics.Proof.SOLVER)

    monkeypatch.setattr(classics.doors.covering, "locate_max_cover", lie)
    with pytest.raises(AllocateError, match="1000000"):
        classics.mclp(plane.times, 900, people=plane.people, p=3)


@st.composite
def rooms(draw: st.DrawFn) -> SimpleNamespace:
    """Make a small question with room for some."""
    question = draw(questions())
    count = question.times.shape[1]
    question.capacity = np.array(draw(st.lists(st.integers(0, 15), min_size=count, max_size=count)), dtype=float)
    question.with_p = draw(st.booleans())
    return question


def served_at_least(question: SimpleNamespace, sites: np.ndarray) -> float:
    """Return the least cost of serving everybody from sites, by a linear program; infinity where it cannot be."""
    allowed = np.setdiff1d(np.arange(question.times.shape[1]), question.roles["forbidden"])
    rows = np.flatnonzero(np.isfinite(question.times[:, allowed]).any(axis=1) & (question.people > 0))
    if not len(rows):
        return 0.0
    pairs = [(i, j) for i in rows for j in sites if math.isfinite(question.times[i, j])]
    if not pairs or {i for i, _ in pairs} != set(rows.tolist()):
        return math.inf
    result = linprog(
        [question.times[i, j] for i, j in pairs],
        A_ub=[[float(j == k) for _, j in pairs] for k in sites],
        b_ub=question.capacity[sites],
        A_eq=[[float(i == k) for i, _ in pairs] for k in rows],
        b_eq=question.people[rows],
    )
    return float(result.fun) if result.status == 0 else math.inf


@settings(max_examples=60, deadline=None)
@given(rooms())
def test_limited_room_is_used_at_the_least_cost(question: SimpleNamespace) -> None:
    p = may_count(question) if question.with_p else None
    if p == 0:
        return
    best = min(
        question.cost[added].sum() + served_at_least(question, sites)
        for sites, added in layouts(question)
        if p is None or len(added) <= p
    )

    def ask() -> classics.Answer:
        return classics.capacitated(
            question.times, question.capacity, people=question.people, cost=question.cost, p=p, **question.roles
        )

    if math.isinf(best):
        with pytest.raises(NoPlanError, match="容量"):
            ask()
        return
    answer = ask()
    assert answer.value == pytest.approx(best, abs=1e-6)
    assert answer.outcome == "optimal"
    used = question.people @ answer.shares.toarray()
    assert (used <= question.capacity + 1e-6).all()
    assert p is None or len(answer.opened) <= p


def test_one_site_serves_all_people_of_a_point_where_that_is_asked_for() -> None:
    times = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])
    people = [4.0, 4.0, 4.0]
    split = classics.capacitated(times, [6, 6], people=people)
    assert split.value == pytest.approx(6 * 1 + 6 * 2)
    with pytest.raises(NoPlanError):
        classics.capacitated(times, [6, 6], people=people, single=True)
    whole = classics.capacitated(times, [8, 6], people=people, single=True)
    assert (whole.value, whole.outcome) == (8 * 1 + 4 * 2, "optimal")
    assert sorted(whole.assigned.tolist()) == [0, 0, 1]


def test_capacities_have_to_be_numbers(plane: SimpleNamespace) -> None:
    with pytest.raises(UsageError, match=r"capacity.*25"):
        classics.capacitated(plane.times, [3.0], people=plane.people)
    with pytest.raises(UsageError, match=r"capacity.*小于 0"):
        classics.capacitated(plane.times, -np.ones(25), people=plane.people)
    with pytest.raises(NoPlanError, match="容量"):
        classics.capacitated(plane.times, np.ones(25), people=plane.people)


def test_the_plan_that_ctrl_c_leaves_is_the_best_so_far(plane: SimpleNamespace, caplog: Any) -> None:
    def stop(moment: classics.Moment) -> None:
        if moment.value is not None:
            raise KeyboardInterrupt

    answer = classics.mclp(plane.times, 500, people=plane.people, p=9, listen=stop)
    assert answer.value > 0
    assert answer.bound >= answer.value
    assert "保留到此为止最好的方案" in caplog.text


def test_an_argument_that_there_is_not_is_named_with_those_that_there_are(plane: SimpleNamespace) -> None:
    with pytest.raises(UsageError, match=r"second.*没有这个参数.*seconds"):
        classics.mclp(plane.times, 900, p=3, second=3)  # type: ignore[call-arg]


def frames(plane: SimpleNamespace, crs: Any = 4548) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    points, sites = (
        gpd.GeoDataFrame(geometry=gpd.points_from_xy(at[:, 0] + 5e5, at[:, 1] + 4.4e6), crs=4548).to_crs(crs)
        for at in (plane.points, plane.sites)
    )
    points["people"], sites["cost"] = plane.people, np.arange(25.0) + 1
    points.index = [f"v{k}" for k in range(300)]
    return points, sites


@pytest.mark.parametrize("crs", [3857, 4326, "+proj=aeqd +lat_0=39.7 +lon_0=117.3 +units=us-ft", 32650])
def test_a_layer_in_any_system_is_measured_in_true_metres(crs: Any, plane: SimpleNamespace) -> None:
    asked = classics.between(*frames(plane, crs))
    assert asked.points is not None
    assert np.allclose(np.hypot(*(asked.points[:, None] - asked.sites).transpose(2, 0, 1)), plane.times, rtol=2e-3)


def test_what_lies_too_far_apart_for_one_plane_is_refused() -> None:
    wide = gpd.GeoDataFrame(geometry=gpd.points_from_xy([80.0, 120.0], [44.0, 39.0]), crs=4326)
    with pytest.raises(UsageError, match="相距太远"):
        classics.between(wide, wide)


def test_rows_in_another_order_and_labels_for_positions_are_refused(plane: SimpleNamespace) -> None:
    points, sites = frames(plane)
    asked = classics.between(points, sites)
    right = classics.mclp(asked, 900, people=points.people, p=4)
    with pytest.raises(UsageError, match="次序不同"):
        classics.mclp(asked, 900, people=points.people.sort_values(), p=4)
    with pytest.raises(UsageError, match="不是位置"):
        classics.mclp(asked, 900, people="people", p=4, existing=sites.index[3:5])
    chosen = classics.mclp(asked, 900, people="people", p=4, existing=sites.cost < 3)
    assert {0, 1} <= set(chosen.sites.tolist())
    assert chosen.value >= right.value
    assert sites.iloc[right.sites].cost.tolist() == (right.sites + 1.0).tolist()


@pytest.mark.parametrize("role", ["existing", "mandatory", "forbidden"])
@pytest.mark.parametrize("model", [*MODELS, "capacitated"])
def test_a_choice_of_sites_in_another_order_is_refused(model: str, role: str, plane: SimpleNamespace) -> None:
    points, sites = frames(plane)
    more: dict[str, dict[str, Any]] = {
        "lscp": {"limit": 900},
        "partial_cover": {"limit": 900, "share": 0.5},
        "mclp": {"limit": 900, "p": 4},
        "backup_cover": {"limit": 900, "p": 4},
        "p_median": {"p": 4},
        "p_center": {"p": 4},
        "capacitated": {"capacity": np.full(25, 1e6)},
    }
    shuffled = (sites.cost < 3).sort_index(ascending=False)
    with pytest.raises(UsageError, match=rf"{role}.*次序不同"):
        getattr(classics, model)(classics.between(points, sites), **more[model], **{role: shuffled})


def test_what_a_mask_hides_is_not_there(plane: SimpleNamespace) -> None:
    hidden = np.ma.masked_where(plane.times > 900, np.where(plane.times > 900, 0, plane.times))
    assert classics.mclp(hidden, 900, people=plane.people, p=4).value == ask("mclp", plane).value
    with pytest.raises(UsageError, match="people"):
        classics.mclp(plane.times, 900, people=np.ma.masked_less(plane.people, 5), p=4)


def test_a_table_of_yes_and_no_takes_no_limit(plane: SimpleNamespace) -> None:
    for table in (plane.times <= 900, sparse.csr_array(plane.times <= 900)):
        with pytest.raises(UsageError, match=r"limit.*真假值"):
            classics.mclp(table, 900, people=plane.people, p=4)


def test_a_pair_counts_once_and_what_fills_up_a_block_is_no_pair() -> None:
    twice = sparse.coo_array(([5.0, 5.0], ([0, 0], [0, 0])), shape=(2, 2))
    with pytest.raises(UsageError, match="出现多次"):
        classics.mclp(twice, 9, p=1)
    filled = sparse.bsr_array(np.array([[5.0, 0.0], [0.0, 0.0]]), blocksize=(2, 2))
    assert classics.mclp(filled, 9, p=1).value == 1


def test_blocks_are_read_once_and_have_to_be_pairs_with_points(plane: SimpleNamespace) -> None:
    once = classics.between(iter([(plane.points, plane.people)]), plane.sites)
    assert classics.mclp(once, 900, p=4).value == ask("mclp", plane).value
    with pytest.raises(UsageError, match="已读过一次"):
        classics.mclp(once, 900, p=4)
    again = classics.between([(plane.points[:9], plane.people[:9]), (plane.points[9:], plane.people[9:])], plane.sites)
    assert classics.mclp(again, 900, p=4).value == classics.mclp(again, 900, p=4).value == ask("mclp", plane).value
    with pytest.raises(UsageError, match=r"points.*至少给一个"):
        classics.mclp(classics.between(iter([]), plane.sites), 900, p=4)
    with pytest.raises(UsageError, match="每一块"):
        classics.mclp(classics.between(iter([plane.points]), plane.sites), 900, p=4)


def test_what_is_no_coordinates_at_all_is_refused(plane: SimpleNamespace) -> None:
    for points in ("abc", {"x": 1}, 5):
        with pytest.raises(UsageError, match="n × 2"):
            classics.between(points, plane.sites)
    points, sites = frames(plane)
    series = classics.between(points.geometry, sites.geometry)
    table = classics.between(points.get_coordinates(), sites.get_coordinates())
    assert np.array_equal(np.asarray(series.points), np.asarray(table.points))
    assert repr(series) == "Plane(300 points, 25 sites)"


def test_an_answer_prints_in_a_line_and_never_says_proven_by_nothing(plane: SimpleNamespace) -> None:
    everything = classics.mclp(plane.times, 1e6, people=plane.people, p=4)
    assert (everything.value, everything.proof) == (plane.people.sum(), "reduction")
    assert repr(everything).startswith("Answer(mclp: 1 sites, value ")
    assert len(repr(everything)) < 200


def test_what_is_impossible_is_not_called_lack_of_time() -> None:
    times = np.array([[1.0, np.inf], [np.inf, 1.0]])
    for ask_one in (classics.p_median, classics.p_center):
        with pytest.raises(NoPlanError, match="没有任何方案"):
            ask_one(times, 1)


def test_what_stands_is_judged_with_no_new_site(plane: SimpleNamespace) -> None:
    for model in ("mclp", "p_median", "p_center"):
        today = ask(model, plane, p=0, existing=[2, 7])
        assert today.sites.tolist() == [2, 7]
        assert today.outcome == "optimal"
        assert not len(today.opened)
    with pytest.raises(UsageError, match="至少是 1"):
        ask("mclp", plane, p=0)


def test_a_listener_has_to_be_a_function(plane: SimpleNamespace) -> None:
    with pytest.raises(UsageError, match=r"listen.*函数"):
        classics.mclp(plane.times, 900, p=4, listen=5)  # type: ignore[typeddict-item]


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bool"])
def test_what_is_given_stays_as_it_was(kind: str) -> None:
    dense = np.array([[1.0, 5.0], [5.0, 1.0], [2.0, 2.0]])
    table: Any = sparse.csr_array(dense > 1) if kind == "bool" else sparse.csr_array(dense).asformat(kind)
    if kind == "bool":
        table.data[0] = False
    before = table.toarray()
    parts = [part for part in (table.data, getattr(table, "indices", None)) if part is not None]
    for part in parts:
        part.flags.writeable = False
    limits: tuple[Any, ...] = (None,) if kind == "bool" else (2.0, 10.0)
    for limit in limits:
        answer = classics.lscp(table, limit)
        reach = before if limit is None else (before <= limit)
        assert answer.value == (2 if limit == 2 else 1)
        assert (reach[:, answer.sites].sum(axis=1) > 0).tolist() == (answer.assigned >= 0).tolist()
        classics.mclp(table, limit, p=1)
        classics.partial_cover(table, limit, share=0.5)
        assert np.array_equal(table.toarray(), before)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"people": np.full(300, 1e-9)}, r"people.*换一个单位"),
        ({"people": np.full(300, 1e300)}, r"people.*换一个单位"),
        ({"people": [10**400] * 300}, r"people.*应为数字"),
        ({"travel": np.full((300, 25), 1e-8)}, r"travel.*换一个单位"),
        ({"seed": 2.5}, r"seed.*整数"),
        ({"seed": -1}, r"seed.*整数"),
        ({"p": None, "cost": np.ones(25), "budget": math.inf}, r"budget.*inf"),
    ],
    ids=["small", "large", "huge", "near", "half", "negative", "endless"],
)
def test_numbers_that_cannot_be_told_from_rounding_are_refused(
    more: dict[str, Any], said: str, plane: SimpleNamespace
) -> None:
    with pytest.raises(UsageError, match=said):
        ask("mclp", plane, **more)


def test_costs_that_are_large_and_nearly_equal_are_told_apart(plane: SimpleNamespace) -> None:
    rng = np.random.default_rng(3)
    for most in (30, 1000):
        cost = 1e7 + rng.integers(0, most, 25)
        budget = float(np.sort(cost)[::3][:4].sum())
        answer = classics.mclp(plane.times, 900, people=plane.people, cost=cost, budget=budget)
        reach = plane.times <= 900
        best = max(
            plane.people[reach[:, list(some)].any(axis=1)].sum()
            for some in combinations(range(25), 4)
            if cost[list(some)].sum() <= budget
        )
        assert (answer.value, answer.outcome) == (best, "optimal")


@pytest.mark.parametrize("seed", range(6))
def test_where_serving_costs_nothing_the_cheapest_room_is_opened(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reach = rng.random((12, 6)) < 0.5
    reach[:, 0] = True
    capacity = rng.integers(3, 9, 6).astype(float)
    question = SimpleNamespace(
        times=np.where(reach, 0.0, np.inf), people=np.ones(12), cost=rng.integers(1, 9, 6).astype(float),
        capacity=capacity, roles=dict.fromkeys(("existing", "mandatory", "forbidden"), np.zeros(0, dtype=int)),
    )  # fmt: skip
    best = min(question.cost[added].sum() + served_at_least(question, sites) for sites, added in layouts(question))
    if math.isinf(best):
        with pytest.raises(NoPlanError):
            classics.capacitated(reach, capacity, cost=question.cost)
        return
    answer = classics.capacitated(reach, capacity, cost=question.cost)
    assert (answer.value, answer.outcome) == (pytest.approx(best), "optimal")
