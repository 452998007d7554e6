"""What the benchmarks measure on, and how they write it down; no figure is looked at."""

import ctypes
import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent / "benchmarks"))

import grasp
import instances
import page
import peers
from classics import COUNTS, GROUPS, HEAD, STOPPED, Bench, Line, compared, growth, main, points
from processes import Measured, Processes
from tasks import Result, Task, begun, value_of

BENCHMARKS = Path(__file__).resolve().parent / "benchmarks"


def steps(seed: int) -> "itertools.chain[int]":
    """Yield what glibc's rand() gives, a word at a time, as its documentation describes it."""
    words = [seed]
    for _ in range(30):
        high, low = divmod(words[-1], 127773)
        word = 16807 * low - 2836 * high
        words.append(word if word >= 0 else word + 2147483647)
    words += words[:3]
    for k in itertools.count(34):
        words.append((words[k - 3] + words[k - 31]) & 0xFFFFFFFF)
        if k >= 344:
            yield words[-1] >> 1


@pytest.mark.parametrize("seed", [1, 2, 5, 2**31 - 2])
def test_draws_are_those_of_the_c_library(seed: int) -> None:
    expected = list(itertools.islice(steps(seed), 2000))
    assert instances.Draws(seed).take(2000).tolist() == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library is another one")
def test_draws_are_those_that_this_machine_makes() -> None:
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        pytest.skip("the C library is another one")
    library.srand(4)
    assert instances.Draws(4).take(300_000).tolist() == [library.rand() for _ in range(300_000)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5000), st.lists(st.integers(1, 700), min_size=1, max_size=4))
def test_draws_from_any_position_in_any_portions_are_the_same(position: int, portions: list[int]) -> None:
    whole = instances.Draws(7).take(position + sum(portions))[position:]
    draws = instances.Draws(7, position)
    assert np.concatenate([draws.take(count) for count in portions]).tolist() == whole.tolist()


def test_a_grid_instance_is_coordinates_then_costs_then_people() -> None:
    sites, count = 3, 50
    draws = steps(2)
    spots = [round(next(draws) / 2147483647 * 30, 6) for _ in range(2 * (sites + count))]
    for _ in range(sites):
        next(draws)
    people = [next(draws) % 100 + 1 for _ in range(count)]
    grid = instances.Grid(sites, count, 2)
    points, found = grid.whole()
    assert grid.sites.ravel().tolist() == spots[: 2 * sites]
    assert points.ravel().tolist() == spots[2 * sites :]
    assert found.tolist() == people


@pytest.mark.parametrize("kind", [instances.Grid, instances.Square])
def test_blocks_come_again_and_are_the_same(kind: type[instances.Blocks], monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = kind(5, 1000, 3)
    monkeypatch.setattr(instances, "BLOCK", 300)
    first, again = [len(points) for points, _ in blocks], blocks.whole()
    assert first == [300, 300, 300, 100]
    assert all((one == other).all() for one, other in zip(again, blocks.whole(), strict=True))
    assert blocks.making > 0


def test_reach_is_who_stands_within_the_radius() -> None:
    random = np.random.default_rng(1)
    # (On a lattice, where many stand at the radius exactly.)
    points, sites = random.integers(0, 12, (400, 2)).astype(float), random.integers(0, 12, (30, 2)).astype(float)
    expected = ((points[:, None] - sites[None]) ** 2).sum(axis=2) <= 25
    assert (instances.reach(points, sites, 5.0).toarray() == expected).all()
    assert 0 < expected.mean() < 1


def test_of_an_edge_given_twice_the_later_length_holds(tmp_path: Path) -> None:
    file = tmp_path / "pmed0.txt"
    file.write_text(" 4 5 2 \n 1 2 5\n 2 3 7\n 3 4 2\n 2 1 1\n 1 4 30\n", encoding="ascii")
    graph = instances.read_pmed(file)
    assert graph.p == 2
    assert graph.distance.tolist() == [[0, 1, 8, 10], [1, 0, 7, 9], [8, 7, 0, 2], [10, 9, 2, 0]]


def test_optima_are_read_by_name(tmp_path: Path) -> None:
    file = tmp_path / "pmedopt.txt"
    file.write_text("Data file   Optimal solution value\npmed1 5819\npmed2 4093\n", encoding="ascii")
    assert instances.read_optima(file) == {"pmed1": 5819, "pmed2": 4093}


def test_a_warehouse_file_may_leave_its_capacity_open(tmp_path: Path) -> None:
    file = tmp_path / "capx.txt"
    file.write_text(" 2 1 \n capacity 7500. \n capacity 0. \n 146 \n 6739.725 10355.05\n", encoding="ascii")
    found = instances.read_cap(file, capacity=8000)
    assert found.assign.tolist() == [[6739.725, 10355.05]]
    assert (found.demand.tolist(), found.capacity.tolist(), found.cost.tolist()) == ([146], [8000, 8000], [7500, 0])
    with pytest.raises(ValueError, match=r"capx\.txt leaves the capacity open"):
        instances.read_cap(file)


def test_a_covering_file_has_points_and_people(tmp_path: Path) -> None:
    file = tmp_path / "SJC2.txt"
    file.write_bytes(b"2\t9999\tp\tS\t\r\n409154\t435528\t50\t\r\n409151\t435683\t4\t")
    points, people = instances.read_sjc(file)
    assert points.tolist() == [[409154, 435528], [409151, 435683]]
    assert people.tolist() == [50, 4]


def test_san_francisco_is_a_table_of_tracts_and_stores(tmp_path: Path) -> None:
    file = tmp_path / "SF_network_distance_x.csv"
    file.write_text("distance,name,DestinationName,demand\n9.5,Store_10,b,7\n3,Store_2,a,8\n4,Store_10,a,8\n")
    distance, people = instances.read_san_francisco(tmp_path)
    assert distance.tolist() == [[3, 4], [np.inf, 9.5]]
    assert people.tolist() == [8, 7]


def test_a_table_replaces_only_what_stands_between_its_markers() -> None:
    before = "# a\n<!-- x: written by classics.py -->\nold\n<!-- x: end -->\nkept\n"
    rows = [("1", "a|b")]
    after = page.put(before, "x", page.table(rows, ("n", "name")))
    assert after == (
        "# a\n<!-- x: written by classics.py -->\n| n | name |\n| --- | --- |\n| 1 | a/b |\n<!-- x: end -->\nkept\n"
    )
    with pytest.raises(ValueError, match="The page needs"):
        page.put(before, "y", "")


def test_the_page_has_a_place_for_every_group() -> None:
    text = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    for name in GROUPS:
        assert page.put(text, name, "z") != text


def test_a_gap_is_never_rounded_down_to_nothing() -> None:
    assert page.gap_of(1e-9, proven=False) == "0.0001 %"
    assert page.gap_of(0.0123401, proven=False) == "1.24 %"
    assert page.gap_of(0.0, proven=True) == "0, proven"
    assert page.gap_of(float("inf"), proven=False) == "unknown"


def test_a_slope_of_one_is_linear() -> None:
    counts = [1e5, 1e6, 1e7]
    assert page.slope(counts, [0.2, 2.0, 20.0]) == pytest.approx(1)
    assert page.slope(counts, [1.0, 3.0, 9.0]) == pytest.approx(np.log10(3))
    lines = [Line("", measured(1, seconds=s), count=n) for n, s in zip(counts, [0.2, 2.0, 20.0], strict=True)]
    said, picture = growth(lines)
    assert "from 1e5 to 1e7 points" in said
    assert "**1.0** (at most linear)" in said
    assert "slope of allocate, 1e5 to 1e7 points: 1.0<" in picture
    assert picture.count("<circle") == 3


def test_a_slope_is_rounded_up_and_names_the_points_that_were_measured() -> None:
    lines = [Line("", measured(1, seconds=s), count=n) for n, s in ((1e4, 9.0), (1e5, 1.0), (1e6, 10.3))]
    said, picture = growth(lines)
    assert "from 1e5 to 1e6 points" in said
    assert "**1.1** (above linear)" in said
    assert "1e5 to 1e6 points: 1.1<" in picture
    assert growth(lines[:2]) == ("Too few were measured for a slope.", "")


@pytest.mark.parametrize(("power", "met"), [(0.2, True), (1.3, False)])
def test_growth_is_judged_on_its_last_line_alone(power: float, met: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "ours", lambda _, task: measured(1, seconds=task.stream["points"] ** power))
    with Processes() as processes:
        lines = list(points(Bench(processes, None, quick=False, peers=False)))
    assert [line.count for line in lines] == list(COUNTS)
    assert [line.met for line in lines] == [None] * (len(COUNTS) - 1) + [met]
    assert [bool(line.bar) for line in lines] == [False] * (len(COUNTS) - 1) + [True]


def measured(value: float | None, *, seconds: float = 1.0, proven: bool = True, ended: float = 0.0) -> Measured:
    """Return what somebody found."""
    return Measured("somebody", Result(value, value, [0], proven, seconds), seconds, ended)


def test_a_peer_that_did_not_finish_gives_a_ratio_of_at_least() -> None:
    unfinished = Line("x", measured(5), measured(None, proven=False, ended=420))
    assert unfinished.ratio == 420
    assert unfinished.cells()[2:5] == ("not finished in 420", "1.00", "≥ 420")
    assert Line("x", measured(5), measured(5, seconds=30)).cells()[4] == "30"


def test_what_is_short_is_told_in_milliseconds() -> None:
    assert [page.seconds_of(seconds) for seconds in (0.0041, 0.1, 3.14159, 31.4159, 314.159)] == [
        "0.004",
        "0.10",
        "3.14",
        "31.4",
        "314",
    ]


def test_what_processors_worked_names_both_parties_even_where_one_is_unknown() -> None:
    ours = Measured("allocate", Result(5, 5, [0], True, 1.0, cpu=1.5), 1.0)
    assert Line("x", ours).worked == "1.50"
    assert Line("x", ours, measured(None, ended=420)).worked == "unknown → 1.50"


def test_a_worse_value_is_told() -> None:
    assert compared(measured(5), measured(5), most=True) == "equal"
    assert compared(measured(4), measured(5), most=True) == "**peer better by 20.000 %**"
    assert compared(measured(4), measured(5), most=False) == "ours better by 20.000 %"
    assert compared(measured(4), None, most=False, known=4) == "the known optimum"
    assert "optimum 5" in compared(measured(4), None, most=False, known=5)


@pytest.fixture
def square(tmp_path: Path) -> Task:
    """Return maximal covering of some points by 2 of 8 sites."""
    blocks = instances.Square(8, 60, 1)
    points, people = blocks.whole()
    np.savez(tmp_path / "square.npz", points=points, people=people, sites=blocks.sites)
    return Task("mclp", arrays=str(tmp_path / "square.npz"), radius=0.25, p=2, seconds=5)


def best_pair(task: Task) -> float:
    """Return the most people that two sites cover, by trying all pairs."""
    return max(value_of(task, [a, b]) or 0 for a, b in itertools.combinations(range(8), 2))


def test_peers_and_the_heuristic_find_the_best_of_all_pairs(square: Task) -> None:
    covers = instances.reach(*(square.load()[name] for name in ("points", "sites")), square.radius)
    value, sites = grasp.search(covers, square.load()["people"], 2, 0.2, 1)
    assert value == value_of(square, sites) == best_pair(square)
    for peer in (peers.highs, peers.pulp):
        found = peer(square, square.load())
        assert found.proven
        assert found.value == pytest.approx(best_pair(square))
        assert value_of(square, found.sites) == best_pair(square)


def test_a_value_is_none_where_sites_are_no_answer(square: Task) -> None:
    assert value_of(square, [0, 1, 2]) is None
    cover = Task("lscp", arrays=square.arrays, radius=0.25)
    assert value_of(cover, list(range(8))) == 8
    assert value_of(cover, [0]) is None


def test_every_peer_solves_the_same_warehouses(tmp_path: Path) -> None:
    given = instances.warehouses(4, 9, 2.0, 1)
    np.savez(tmp_path / "w.npz", **given.__dict__)
    task = Task("capacitated", arrays=str(tmp_path / "w.npz"), seconds=5)
    one, other = peers.highs(task, task.load()), peers.pulp(task, task.load())
    assert one.value == pytest.approx(other.value)
    assert value_of(task, one.sites) == pytest.approx(one.value)


def test_who_takes_too_long_is_ended(square: Task) -> None:
    with Processes(tries=1) as processes:
        # (Some 100,000 columns: far more than this time.)
        away = np.random.default_rng(1).random((1000, 100))
        large = Task("p_median", arrays=processes.arrays("large", distance=away, people=np.ones(1000)), p=10)
        found = processes.run("highs", large, at_most=0.3)
        again = processes.run("highs", square)
    assert (found.ended, found.value, found.seconds) == (0.3, None, 0.3)
    assert found.process > 0.3  # the clock did not start before imports and reading were done
    assert again.value == best_pair(square)
    assert again.result.bytes > 10_000_000
    if sys.platform.startswith("linux"):
        assert found.result.cpu > 0


def test_reading_the_arrays_is_nobodys_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(peers, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    files = [tmp_path / "task.json", tmp_path / "result.json"]
    Task("mclp").write(files[0])

    def load(_: Task) -> dict[str, Any]:
        clock[0] += 100
        assert not begun(files[1]).exists()
        return {"people": 7}

    def work(_: Task, arrays: dict[str, Any]) -> Result:
        clock[0] += 3
        assert begun(files[1]).exists()
        return Result(arrays["people"], making=1)

    peers.measured(work, (), [str(file) for file in files], load)
    assert (Result.read(files[1]).value, Result.read(files[1]).seconds) == (7, 2)


def test_what_fails_says_why(square: Task) -> None:
    with Processes(tries=1) as processes:
        found = processes.run("highs", Task("unheard_of", arrays=square.arrays))
    assert found.value is None
    assert found.result.note == "failed: ValueError: unheard_of"


def test_a_quick_run_measures_a_group_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mclp"
    folder.mkdir()
    random = np.random.default_rng(1)
    lines = [f"{x}\t{y}\t{w}\t" for x, y, w in random.integers(1, 2000, (30, 3))]
    (folder / "SJC30.txt").write_text("\r\n".join(["30\t9999\tp\tS", *lines]), encoding="ascii")
    kept = (BENCHMARKS / "README.md").read_bytes()
    main(["--only", "sjc,pmed", "--quick", "--instances", str(tmp_path)])
    said = capsys.readouterr().out
    assert said.count(" | ".join(HEAD)) == 1
    assert "SJC30, p 3 | highs" in said
    assert "| equal | 0, proven | proven, equal | yes" in said
    assert f"skipped: no pmed instances in {tmp_path / 'pmed'}: make bench INSTANCES=DIR" in said
    assert (BENCHMARKS / "README.md").read_bytes() == kept


def test_a_peer_that_is_absent_is_told_once_with_what_installs_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "has", lambda _, who: who not in {"spopt", "cbc"})
    with Processes() as processes:
        bench = Bench(processes, None, quick=True, peers=True)
        assert [bench.peer(who, Task("mclp")) for who in ("spopt", "cbc", "spopt", "spopt")] == [None] * 4
        assert [bench.files("cap", "*") for _ in range(2)] == [[], []]
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "skipped: spopt is not installed: sh tests/benchmarks/get-peers.sh installs it"
    assert told[1] == "skipped: cbc is not installed: it has to be on the PATH"
    assert told[2].startswith("skipped: no cap instances without a folder of them: make bench INSTANCES=DIR")
    assert len(told) == 3


def test_a_run_that_is_stopped_keeps_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Bench) -> Iterator[Line]:
        """Two rows, of which the second is interrupted."""
        yield Line("the first", measured(5))
        raise KeyboardInterrupt

    monkeypatch.setitem(GROUPS, "sjc", interrupted)
    own = tmp_path / "page.md"
    own.write_text("\n".join(f"<!-- {n}: written by classics.py -->\nold\n<!-- {n}: end -->" for n in ("sjc", "sf")))
    with pytest.raises(SystemExit) as end:
        main(["--only", "sjc,sf", "--page", str(own)])
    assert end.value.code == STOPPED
    assert capsys.readouterr().out.splitlines()[-1] == "stopped in sjc: its rows so far (1) are on the page"
    before, after = own.read_text().split("<!-- sf: written by classics.py -->")
    assert "| the first |" in before
    assert "**Stopped before its end**" in before
    assert after == "\nold\n<!-- sf: end -->"


def test_told_to_end_it_says_one_line() -> None:
    command = [sys.executable, BENCHMARKS / "classics.py", "--only", "distances", "--quick", "--without-peers"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        # (The group is named before the first process of a measurement is started.)
        next(line for line in process.stdout if line.startswith("distances:"))
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read().splitlines()
    assert process.returncode == STOPPED
    assert rest[-1].startswith("stopped in distances: ")
    assert len(rest) <= 2
