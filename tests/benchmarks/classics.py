"""Measures the classic models beside their peers and writes the tables of README.md: part of `make bench`.

    python tests/benchmarks/classics.py --only lscp,pmed --instances DIR

Nothing here is a test of speed: no figure fails a run. What an answer is worth is computed again from the arrays, and a
line says so when it is not what was claimed.
"""

import argparse
import importlib.metadata
import math
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import instances
import numpy as np
from instances import Grid, Square, reaching
from page import HEAD, curve, gap_of, memory_of, put_in, seconds_of, slope, table
from processes import HERE, OURS, PEERS, PEERS_PYTHON, Measured, Processes
from tasks import Task, value_of

SAME = 1e-6  # two values that differ by less than this share are one
FOLDERS = "ALLOCATE_INSTANCES"
TOGETHER = "CPU [s], peer → allocate"
ABSENT = {"spopt": "sh tests/benchmarks/get-peers.sh installs it"}
STOPPED = 130  # what a shell says of a command that was interrupted


@dataclass(frozen=True)
class Line:
    """One line of a table: ours beside one peer, or alone.

    Attributes
    ----------
    value
        What is known of the two values.
    bar
        What was set out to reach; empty where nothing was.
    met
        Whether it is reached; None where there is no bar or it cannot be told.
    count
        Points, where the curve needs them.
    """

    instance: str
    ours: Measured
    peer: Measured | None = None
    value: str = ""
    bar: str = ""
    met: bool | None = None
    count: float = 0.0

    @property
    def ratio(self) -> float | None:
        """Return how many times longer the peer took, or at least took; None where neither can be told."""
        if self.peer is None or self.peer.who == "grasp" or not self.ours.seconds:
            return None
        if self.peer.value is None and not self.peer.ended:
            return None
        return self.peer.seconds / self.ours.seconds

    @property
    def worked(self) -> str:
        """Return what the processors worked for both [s]; on a machine with other work it says more than the clock."""
        both = [self.ours] if self.peer is None else [self.peer, self.ours]
        return " → ".join(seconds_of(of.result.cpu) if of.result.cpu else "unknown" for of in both)

    def cells(self) -> tuple[str, ...]:
        """Return it as the cells of a row."""
        peer, ratio = self.peer, ""
        took, memory = "", memory_of(self.ours.result.bytes)
        if peer is not None:
            took = _took(peer)
            if self.ratio is not None:
                least = "" if peer.result.proven else "≥ "
                ratio = f"{least}{self.ratio:,.0f}" if self.ratio >= 10 else f"{least}{self.ratio:.1f}"
            memory = f"{memory_of(peer.result.bytes)} → {memory}"
        ours = _took(self.ours) if self.ours.value is None else seconds_of(self.ours.seconds)
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        return (
            self.instance,
            peer.who if peer else "",
            took,
            ours,
            ratio,
            seconds_of(self.ours.process),
            memory,
            self.value,
            gap_of(self.ours.result.gap, proven=self.ours.result.proven),
            self.bar,
            met,
        )


def _took(measured: Measured) -> str:
    """Return what somebody took, or how it ended."""
    result = measured.result
    if measured.ended:
        return f"not finished in {measured.ended:.0f}"
    if result.value is None:
        return f"no answer after {seconds_of(result.seconds)}: {result.note[:60]}"
    if not result.proven and result.bound is not None:
        return f"{seconds_of(result.seconds)}, gap {gap_of(result.gap, proven=False)}"
    return seconds_of(result.seconds)


class Bench:
    """What all groups share: the processes, the folder of instances, and how large to make them.

    Attributes
    ----------
    quick
        Whether sizes and seconds are a small part, to see that all works.
    """

    def __init__(self, processes: Processes, folder: Path | None, *, quick: bool, peers: bool) -> None:
        self.processes, self.folder, self.quick, self.peers = processes, folder, quick, peers
        self._said = set[str]()

    def size(self, count: float) -> int:
        """Return a number of points or sites: a small part where it goes quickly."""
        return max(20, int(count) // 500) if self.quick else int(count)

    def seconds(self, seconds: float) -> float:
        """Return a time limit [s]."""
        return min(seconds, 2.0) if self.quick else seconds

    def files(self, kind: str, pattern: str) -> list[Path]:
        """Return the files of a kind; none, and one line a run that says so, where they are absent."""
        found = sorted(self.folder.joinpath(kind).glob(pattern), key=_natural) if self.folder else []
        if not found:
            where = f"in {self.folder / kind}" if self.folder else "without a folder of them"
            ways = f"make bench INSTANCES=DIR, or --instances DIR, or {FOLDERS}=DIR"
            self._say(f"skipped: no {kind} instances {where}: {ways}")
        return found[:1] if self.quick else found

    def ours(self, task: Task, **more: Any) -> Measured:
        """Measure ourselves; what was claimed is computed again."""
        found = self.processes.run(OURS, self._scaled(task), **more)
        if found.value is not None:
            worth = value_of(self._scaled(task), found.result.sites)
            if worth is None or abs(worth - found.value) > SAME * max(1.0, abs(worth)):
                note = f"WRONG: {found.value} was claimed, the sites give {worth}"
                print(note)
                found = replace(found, result=replace(found.result, value=None, proven=False, note=note))
        return found

    def peer(self, who: str, task: Task, *, at_most: float | None = None) -> Measured | None:
        """Measure a peer; None where it is not asked for, or, with one line a run that says so, not installed."""
        if not self.peers:
            return None
        if not self.processes.has(who):
            self._say(f"skipped: {who} is not installed: {ABSENT.get(who, 'it has to be on the PATH')}")
            return None
        limit = self.seconds(at_most) if at_most is not None else None
        return self.processes.run(who, self._scaled(task), at_most=None if limit is None else limit + 1)

    def _say(self, sentence: str) -> None:
        """Print a sentence once."""
        if sentence not in self._said:
            print(sentence, flush=True)
        self._said.add(sentence)

    def _scaled(self, task: Task) -> Task:
        return replace(task, seconds=self.seconds(task.seconds))

    def square(self, sites: float, points: float, p: int, *, each: float = 8.0, radius: float = 0.0) -> Task:
        """Return maximal covering on the unit square with `each` sites in reach of a point; arrays come from a file."""
        count = self.size(sites)
        return self._written(Square(count, self.size(points), 1), p, radius or reaching(count, each))

    def grid(self, sites: float, points: float, p: int, radius: float) -> Task:
        """Return maximal covering on a published grid instance; arrays come from a file."""
        return self._written(Grid(self.size(sites), self.size(points), 1), p, radius)

    def _written(self, blocks: Grid | Square, p: int, radius: float) -> Task:
        name = f"{type(blocks).__name__}-{len(blocks.sites)}-{blocks.count}-{blocks.seed}"
        file = self.processes.folder / f"{name}.npz"
        if not file.exists():
            points, people = blocks.whole()
            self.processes.arrays(name, points=points, people=people, sites=blocks.sites)
        return Task("mclp", arrays=str(file), radius=radius, p=self._few(p))

    def stream(self, kind: str, sites: float, points: float, p: int, *, each: float = 8.0, radius: float = 0.0) -> Task:
        """Return maximal covering whose points are made in blocks by who solves it."""
        spec = {"kind": kind, "sites": self.size(sites), "points": self.size(points), "seed": 1}
        return Task("mclp", stream=spec, radius=radius or reaching(self.size(sites), each), p=self._few(p))

    def _few(self, p: int) -> int:
        return min(p, 3) if self.quick else p


def _natural(file: Path) -> tuple[int, str]:
    digits = "".join(letter for letter in file.stem if letter.isdigit())
    return int(digits or 0), file.stem


def compared(ours: Measured, peer: Measured | None, *, most: bool, known: float | None = None) -> str:
    """Return how our value stands to a known optimum, or to the peer's value."""
    if ours.value is None:
        return ours.result.note[:80] or "none"
    if known is not None:
        return "the known optimum" if _same(ours.value, known) else f"**{ours.value:,.3f}, optimum {known:,.3f}**"
    if peer is None or peer.value is None:
        return f"{ours.value:,.6g}" if abs(ours.value) < 1e6 else f"{ours.value:,.0f}"
    if _same(ours.value, peer.value):
        return "equal"
    if most and ours.value > 2 * peer.value:
        return f"ours {ours.value / peer.value:,.0f} times" if peer.value > 0 else "the peer has nothing of use"
    ahead = (ours.value - peer.value) / abs(peer.value) * (1 if most else -1)
    return f"ours better by {100 * ahead:.3f} %" if ahead > 0 else f"**peer better by {-100 * ahead:.3f} %**"


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * max(1.0, abs(other))


def _not_worse(ours: Measured, peer: Measured | None, *, most: bool) -> bool:
    if ours.value is None:
        return False
    if peer is None or peer.value is None or _same(ours.value, peer.value):
        return True
    return (ours.value > peer.value) == most


def _times(ours: Measured, peer: Measured | None, least: float, memory: float = 1.0) -> bool | None:
    """Tell whether we are so many times faster, proven and equal, with such a share of the memory."""
    if peer is None or (peer.value is None and not peer.ended):
        return None
    equal = peer.value is None or (ours.value is not None and _same(ours.value, peer.value))
    light = ours.result.bytes <= memory * peer.result.bytes or not peer.result.bytes
    return ours.result.proven and equal and light and peer.seconds >= least * ours.seconds


def _within(ours: Measured, seconds: float, gap: float, memory: float = float("inf")) -> bool:
    """Tell whether an answer has the gap, in the time [s] and memory [GB]."""
    close = ours.result.proven if gap == 0 else ours.result.gap <= gap
    return ours.value is not None and close and ours.seconds <= seconds and ours.result.bytes <= memory * 1e9


def lscp(bench: Bench) -> Iterator[Line]:
    """Everyone covered by as few sites as possible."""
    limit = bench.processes.peer_seconds
    ours, peer = _scattered(bench, limit)
    # (The table itself takes 400 MB, so that memory is no matter of ours.)
    bar = ("1,000 times", _times(ours, peer, 1000, 1.0))
    yield Line("LSCP 1e5 × 500, one pair in a hundred", ours, peer, compared(ours, peer, most=False), *bar)
    for each, others in ((5, ("pulp", "highs")), (8, ()), (80, ())):
        task = replace(bench.square(500, 1e5, 0, each=each), model="lscp", seconds=limit)
        ours = bench.ours(task)
        name = f"LSCP 1e5 × 500, {each} in reach"
        peer = bench.peer("spopt", task, at_most=limit)
        bar = ("1,000 times, a fifth of the memory", _times(ours, peer, 1000, 0.2))
        yield Line(name, ours, peer, compared(ours, peer, most=False), *bar)
        for who in others:
            peer = bench.peer(who, task)
            yield Line(name, ours, peer, compared(ours, peer, most=False))
        if each > 8:
            continue
        large = bench.stream("square", 5000, 1e7, 0, each=each)
        ours = bench.ours(replace(large, model="lscp"))
        text = compared(ours, None, most=False)
        yield Line(f"LSCP 1e7 × 5,000, {each} in reach", ours, None, text, "proven in 15 s", _within(ours, 15, 0))


def _scattered(bench: Bench, limit: float) -> tuple[Measured, Measured | None]:
    """Measure without a plane: every site reaches a point with probability 0.01, so that hardly two rows are alike."""
    shape = bench.size(1e5), bench.size(500)
    distance = np.where(np.random.default_rng(1).random(shape) < 0.01, 1.0, 9.0)
    arrays = bench.processes.arrays("scattered", distance=distance, people=np.ones(shape[0]))
    task = Task("lscp", arrays=arrays, radius=5.0, seconds=limit)
    return bench.ours(task), bench.peer("spopt", task, at_most=limit)


def mclp(bench: Bench) -> Iterator[Line]:
    """Most people by p sites."""
    task = replace(bench.square(500, 1e5, 25), seconds=bench.processes.peer_seconds)
    ours = bench.ours(task)
    for who in ("spopt", "pulp", "highs"):
        limit = bench.processes.peer_seconds if who == "spopt" else 120.0
        peer = bench.peer(who, replace(task, seconds=limit), at_most=limit if who == "spopt" else None)
        bar = ("250 times, a fifth of the memory", _times(ours, peer, 250, 0.2)) if who == "spopt" else ("", None)
        yield Line("MCLP 1e5 × 500, p 25", ours, peer, compared(ours, peer, most=True), *bar)
    ours = bench.ours(bench.stream("square", 1000, 1e7, 50))
    met = _within(ours, 60, 0.0001, 4)
    yield Line("MCLP 1e7 × 1,000, p 50", ours, None, compared(ours, None, most=True), "0.01 % in 60 s and 4 GB", met)
    for each in (8, 20):
        task = replace(bench.square(5000, 1e5, 250, each=each), seconds=60)
        ours = bench.ours(task)
        for who in ("highs", "cbc"):
            peer = bench.peer(who, task)
            met = None if peer is None else ours.result.gap < peer.result.gap or ours.result.proven
            text = compared(ours, peer, most=True)
            yield Line(f"MCLP 1e5 × 5,000, p 250, {each} in reach", ours, peer, text, "a better gap at 60 s", met)
    task = bench.square(5000, 1e6, 250)
    ours = bench.ours(task)
    peer = bench.peer("highs", replace(task, seconds=120))
    yield Line("MCLP 1e6 × 5,000, p 250", ours, peer, compared(ours, peer, most=True))


def bds(bench: Bench) -> Iterator[Line]:
    """The published record's family: 100 sites, up to 20 million points."""
    for count in (1e5, 1e6, 1e7, 2e7):
        for radius, p in instances.PAIRS:
            task = bench.stream("grid", 100, count, p, radius=radius)
            ours = bench.ours(task)
            name = f"grid {count:.0e} × 100, radius {radius}, p {p}".replace("e+0", "e")
            peers = [("pulp", 120.0), ("highs", 120.0)] if count == 1e5 and p == 10 else [("", 0.0)]
            met = _within(ours, 15, 0, 1.2)
            for who, seconds in peers:
                peer = bench.peer(who, replace(task, seconds=seconds)) if who else None
                text = compared(ours, peer, most=True)
                yield Line(name, ours, peer, text, "proven in 15 s and 1.2 GB", met)


def bds1000(bench: Bench) -> Iterator[Line]:
    """The same square with 1,000 sites, each of which overlaps with many."""
    task = replace(bench.grid(1000, 1e5, 20, 3.25), seconds=119)
    ours = bench.ours(task)
    peer = bench.peer("highs", replace(task, seconds=120))
    text = compared(ours, peer, most=True)
    yield Line("grid 1e5 × 1,000, radius 3.25, p 20", ours, peer, text, "0.5 % in 120 s", _within(ours, 122, 0.005))


def saturated(bench: Bench) -> Iterator[Line]:
    """Discs that together are as large as three quarters of the square."""
    task = replace(bench.square(2e4, 3e5, 100, radius=0.04886), seconds=115)
    ours = bench.ours(task)
    peer = bench.peer("highs", replace(task, seconds=120))
    text = compared(ours, peer, most=True)
    yield Line("MCLP 3e5 × 2e4, p 100, 4.5e7 pairs", ours, peer, text, "0.5 % in 120 s", _within(ours, 122, 0.005))


def huge(bench: Bench) -> Iterator[Line]:
    """As many sites as points."""
    task = replace(bench.square(3.5e5, 4e5, 200, radius=0.0102), seconds=58)
    ours = bench.ours(task)
    met = _within(ours, 61, 0.0005, 3)
    text = compared(ours, None, most=True)
    yield Line("MCLP 4e5 × 3.5e5, p 200, 4.5e7 pairs", ours, None, text, "0.05 % in 60 s and 3 GB", met)


def sjc(bench: Bench) -> Iterator[Line]:
    """São José dos Campos, radius 800 m, for a few p."""
    for file in bench.files("mclp", "SJC*.txt"):
        points, people = instances.read_sjc(file)
        arrays = bench.processes.arrays(file.stem, points=points, people=people, sites=points)
        for p in (3,) if bench.quick else (3, 5, 8, 12):
            task = Task("mclp", arrays=arrays, radius=800.0, p=p)
            ours, peer = bench.ours(task), bench.peer("highs", task)
            met = ours.result.proven and _not_worse(ours, peer, most=True)
            yield Line(f"{file.stem}, p {p}", ours, peer, compared(ours, peer, most=True), "proven, equal", met)


def pmed(bench: Bench) -> Iterator[Line]:
    """Every OR-Library p-median file of the folder, as p-median and as p-center."""
    files = bench.files("pmed", "pmed[0-9]*.txt")
    found = list(bench.folder.joinpath("pmed").glob("pmedopt.txt")) if bench.folder else []
    optima = instances.read_optima(found[0]) if found else {}
    medians, centers = list[Line](), list[Line]()
    for file in files:
        graph = instances.read_pmed(file)
        people = [1.0] * len(graph.distance)
        arrays = bench.processes.arrays(file.stem, distance=graph.distance, people=people)
        task = Task("p_median", arrays=arrays, p=graph.p, seconds=60)
        ours = bench.ours(task)
        # (What is not built in twice the time is ended.)
        limit = min(300.0, bench.processes.peer_seconds)
        peer = bench.peer("pulp", replace(task, seconds=limit), at_most=limit + 100)
        text = compared(ours, peer, most=False, known=optima.get(file.stem))
        met = _within(ours, 60, 0) and "**" not in text
        medians.append(Line(f"{file.stem}, p-median", ours, peer, text, "proven in 60 s", met))
        yield medians[-1]
        center = bench.ours(replace(task, model="p_center", seconds=30))
        text = compared(center, None, most=False)
        centers.append(
            Line(f"{file.stem}, p-center", center, None, text, "proven in about 1 s", _within(center, 1.5, 0))
        )
        yield centers[-1]
    if medians:
        yield _total("all files, p-median", medians, "10 times faster in total", 10)
        yield _total("all files, p-center", centers, "", 0)


def _total(name: str, lines: list[Line], bar: str, least: float) -> Line:
    """Return the sum of lines as a line."""
    peers = [line.peer for line in lines if line.peer is not None]
    ours = _sum([line.ours for line in lines])
    peer = _sum(peers) if peers and len(peers) == len(lines) else None
    met = peer.seconds >= least * ours.seconds if peer is not None and bar else None
    return Line(name, ours, peer, f"{sum(line.ours.result.proven for line in lines)} of {len(lines)} proven", bar, met)


def _sum(parts: list[Measured]) -> Measured:
    seconds, process = sum(part.seconds for part in parts), sum(part.process for part in parts)
    results = [part.result for part in parts]
    proven = all(result.proven for result in results)
    value = 0.0 if all(result.value is not None for result in results) else None
    whole = replace(
        results[0],
        value=value if value is not None else 0.0,
        bound=None,
        proven=proven,
        seconds=seconds,
        cpu=sum(result.cpu for result in results),
        bytes=max(result.bytes for result in results),
    )
    return Measured(parts[0].who, whole, process)


def distances(bench: Bench) -> Iterator[Line]:
    """Least travel, and least longest way, beside spopt."""
    for model, sites, points, p in (("p_median", 100, 1e4, 10), ("p_center", 100, 1e3, 10)):
        blocks = Square(sites, bench.size(points), 1)
        here, people = blocks.whole()
        away = bench.processes.arrays(f"{model}-square", points=here, people=people, sites=blocks.sites)
        apart = ((here[:, None] - blocks.sites[None]) ** 2).sum(axis=2) ** 0.5
        given = bench.processes.arrays(f"{model}-distance", distance=apart, people=people)
        task = Task(model, arrays=given, p=p, seconds=60)
        ours = bench.ours(task)
        limit = bench.processes.peer_seconds
        peer = bench.peer("spopt", replace(task, arrays=away, seconds=limit), at_most=limit)
        text = compared(ours, peer, most=False)
        name = f"{model.replace('_', '-')} {points:,.0f} × {sites}, p {p}"
        yield Line(name, ours, peer, text, "proven in 3 s", _within(ours, 3, 0))


OPTIMA_CAP = {"cap41": 1040444.375, "cap61": 932615.750, "cap72": 977799.400, "cap82": 910889.563, "cap124": 946051.325}


def capacitated(bench: Bench) -> Iterator[Line]:
    """Sites that hold so much and no more."""
    for file in bench.files("cap", "cap*.txt"):
        task = _warehouses(bench, file.stem, instances.read_cap(file))
        ours, peer = bench.ours(task), bench.peer("highs", task)
        text = compared(ours, peer, most=False, known=OPTIMA_CAP.get(file.stem))
        yield Line(file.stem, ours, peer, text, "proven, equal", ours.result.proven and "**" not in text)
    for ratio, equal in ((3.0, False), (5.0, False), (10.0, False), (13.7, True)):
        sites, points = (100, 1000) if not bench.quick else (8, 30)
        given = instances.warehouses(sites, points, ratio, seed=1, equal=equal)
        kind = "equal capacities" if equal else "unequal capacities"
        task = _warehouses(bench, f"capacitated-{ratio}", given)
        ours = bench.ours(replace(task, seconds=58))
        peer = bench.peer("highs", replace(task, seconds=120))
        text = compared(ours, peer, most=False)
        name = f"1,000 × 100, {kind}, {ratio} times the demand"
        yield Line(name, ours, peer, text, "0.1 % in 60 s", _within(ours, 61, 0.001))


def _warehouses(bench: Bench, name: str, given: instances.Warehouses) -> Task:
    return Task("capacitated", arrays=bench.processes.arrays(name, **given.__dict__), seconds=60)


def sf(bench: Bench) -> Iterator[Line]:
    """PySAL's sample of San Francisco: 205 tracts, 16 stores, distances over the network."""
    if not bench.files("sf", "*.csv"):
        return
    assert bench.folder is not None
    distance, people = instances.read_san_francisco(bench.folder / "sf")
    arrays = bench.processes.arrays("sf", distance=distance, people=people)
    for model, radius, p in (("lscp", 5000.0, 0), ("mclp", 2000.0, 4), ("p_median", 0.0, 4), ("p_center", 0.0, 4)):
        task = Task(model, arrays=arrays, radius=radius, p=p)
        ours, peer = bench.ours(task), bench.peer("spopt", task)
        text = compared(ours, peer, most=model == "mclp")
        met = ours.result.proven and (text == "equal" or peer is None or peer.value is None)
        yield Line(f"San Francisco, {model.replace('_', '-')}", ours, peer, text, "proven, equal", met)


def floor(bench: Bench) -> Iterator[Line]:
    """The plan at 10 s beside a good heuristic at 10 s, and HiGHS and CBC at 120 s."""
    tasks = {
        "MCLP 1e5 × 500, p 25": bench.square(500, 1e5, 25),
        "MCLP 1e5 × 5,000, p 250, 8 in reach": bench.square(5000, 1e5, 250),
        "MCLP 1e5 × 5,000, p 250, 20 in reach": bench.square(5000, 1e5, 250, each=20),
        "grid 1e5 × 100, radius 3.25, p 20": bench.grid(100, 1e5, 20, 3.25),
        "grid 1e5 × 100, radius 6.25, p 10": bench.grid(100, 1e5, 10, 6.25),
        "grid 1e5 × 1,000, radius 3.25, p 20": bench.grid(1000, 1e5, 20, 3.25),
        "MCLP 3e5 × 2e4, p 100, 4.5e7 pairs": bench.square(2e4, 3e5, 100, radius=0.04886),
    }
    for file in bench.files("mclp", "SJC*.txt"):
        points, people = instances.read_sjc(file)
        arrays = bench.processes.arrays(file.stem, points=points, people=people, sites=points)
        tasks[f"{file.stem}, p 8"] = Task("mclp", arrays=arrays, radius=800.0, p=8)
    for name, task in tasks.items():
        ours = bench.ours(replace(task, seconds=10))
        for who, seconds in (("grasp", 10.0), ("highs", 120.0), ("cbc", 120.0)):
            if who == "cbc" and "4.5e7" in name:
                continue  # (as a file it is 2 GB)
            peer = bench.peer(who, replace(task, seconds=seconds))
            met = None if peer is None else _not_worse(ours, peer, most=True)
            yield Line(name, ours, peer, compared(ours, peer, most=True), "at least the peer's value", met)


def points(bench: Bench) -> Iterator[Line]:
    """Seconds against points at 1,000 sites, p 50, 8 sites in reach."""
    limit = bench.processes.peer_seconds
    lines = list[Line]()
    for count in COUNTS:
        task = bench.stream("square", 1000, count, 50)
        ours = bench.ours(task)
        peer = bench.peer("spopt", replace(task, seconds=limit), at_most=limit) if count < 1e5 else None
        line = Line(f"MCLP {_short(count)} × 1,000, p 50", ours, peer, compared(ours, peer, most=True), count=count)
        if count == COUNTS[-1]:
            # (Of all lines together.)
            found = steepness([*lines, line])
            line = replace(line, bar="at most linear from 1e5 to 1e7", met=found.steep <= 1 if found else None)
        lines.append(line)
        yield line


COUNTS = (1e3, 1e4, 1e5, 3e5, 1e6, 3e6, 1e7, 2e7)


@dataclass(frozen=True)
class Steepness:
    """How our seconds grow with points.

    Attributes
    ----------
    steep
        By how many decades per decade of points, rounded up to one digit after the point.
    least, most
        The points between which it was measured.
    """

    steep: float
    least: float
    most: float

    @property
    def range(self) -> str:
        """Return from where to where, in words."""
        return f"{_short(self.least)} to {_short(self.most)} points"


def _short(count: float) -> str:
    return f"{count:.0e}".replace("e+0", "e")


def steepness(lines: list[Line]) -> Steepness | None:
    """Return how our seconds grow from 1e5 to 1e7 points; None where fewer than two lines are in there."""
    spots = [(line.count, line.ours.seconds) for line in lines if line.ours.value is not None]
    counted = sorted(spot for spot in spots if 1e5 <= spot[0] <= 1e7)
    if len(counted) < 2:
        return None
    # (What stands behind the sixth digit comes from adding up.)
    steep = math.ceil(round(10 * slope(*zip(*counted, strict=True)), 6)) / 10
    return Steepness(steep, counted[0][0], counted[-1][0])


def growth(lines: list[Line]) -> tuple[str, str]:
    """Return a sentence on how seconds grow with points, and the picture of it."""
    curves = {OURS: [(line.count, line.ours.seconds) for line in lines if line.ours.value is not None]}
    beside = [
        (line.count, line.peer.seconds) for line in lines if line.peer is not None and line.peer.value is not None
    ]
    if beside:
        curves["spopt"] = beside
    found = steepness(lines)
    if found is None:
        return "Too few were measured for a slope.", ""
    linear = "at most" if found.steep <= 1 else "above"
    said = f"Slope of {OURS} from {found.range}, in logarithms, rounded up: **{found.steep:.1f}** ({linear} linear)."
    title = f"MCLP, 1,000 sites, p 50: slope of {OURS}, {found.range}: {found.steep:.1f}"
    return said, curve(curves, title)


GROUPS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "lscp": lscp,
    "mclp": mclp,
    "bds": bds,
    "bds1000": bds1000,
    "saturated": saturated,
    "huge": huge,
    "sjc": sjc,
    "pmed": pmed,
    "distances": distances,
    "capacitated": capacitated,
    "sf": sf,
    "floor": floor,
    "points": points,
}


def surroundings(threads: int) -> str:
    """Return on what was measured, as a sentence."""
    names = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "scipy", "highspy", "pulp")]
    if (PEERS / ".ready").exists():
        ask = "import importlib.metadata as m; print('spopt', m.version('spopt'), 'with PuLP', m.version('pulp'))"
        names.append(
            subprocess.run([PEERS_PYTHON, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
        )
    cores = os.cpu_count()
    kind = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"Measured with {threads} threads on {cores} cores, {kind}; {', '.join(names)}."


def main(arguments: list[str] | None = None) -> None:
    """Measure the groups asked for; write each table as soon as it is whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(GROUPS), help="groups, with commas: " + ", ".join(GROUPS))
    parser.add_argument("--instances", type=Path, default=os.environ.get(FOLDERS) or None, help=f"folder, or {FOLDERS}")
    parser.add_argument("--quick", action="store_true", help="a small part of everything; the page stays as it is")
    parser.add_argument("--without-peers", action="store_true", help="ours alone; the page stays as it is")
    parser.add_argument("--peer-seconds", type=float, default=420.0, help="what spopt is given [s]")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--page", type=Path, default=HERE / "README.md")
    asked = parser.parse_args(arguments)
    names = asked.only.split(",")
    if unknown := [name for name in names if name not in GROUPS]:
        parser.error(f"there is no group {', '.join(unknown)}; groups: {', '.join(GROUPS)}")
    folder = Path(asked.instances) if asked.instances else None
    limits = {"peer_seconds": 2.0, "tries": 1} if asked.quick else {"peer_seconds": asked.peer_seconds}
    writes = not (asked.quick or asked.without_peers)
    if writes and not asked.page.is_file():
        parser.error(f"there is no page {asked.page} to write the tables to")
    with Processes(threads=asked.threads, **limits) as processes:
        bench = Bench(processes, folder, quick=asked.quick, peers=not asked.without_peers)
        for name in names:
            lines, stopped = _shown(name, bench)
            if lines and writes:
                _written(asked.page, name, lines, asked.threads, stopped=stopped)
            if stopped:
                kept = f"its rows so far ({len(lines)}) are {'on the page' if writes else 'above'}"
                print(f"stopped in {name}: {kept if lines else 'it has no row yet'}", flush=True)
                sys.exit(STOPPED)


def _shown(name: str, bench: Bench) -> tuple[list[Line], bool]:
    """Measure a group, and print every line when it is there; return the lines, and whether it was stopped."""
    lines = list[Line]()
    try:
        print(f"\n{name}: {GROUPS[name].__doc__}", flush=True)
        for line in GROUPS[name](bench):
            if line.peer is None and any(line.instance == other.instance for other in lines):
                continue  # a peer that is absent: ours alone stands there already
            if not lines:
                print(" | ".join([*HEAD, TOGETHER]))
            lines.append(line)
            print(" | ".join([*line.cells(), line.worked]), flush=True)
    except KeyboardInterrupt:
        return lines, True
    return lines, False


def _written(page: Path, name: str, lines: list[Line], threads: int, *, stopped: bool = False) -> None:
    command = f"`python tests/benchmarks/classics.py --only {name}`"
    content = f"{table([line.cells() for line in lines])}\n\n{command}. {surroundings(threads)}"
    if stopped:
        content = f"{content}\n\n**Stopped before its end**: rows are missing."
    if name == "points":
        said, picture = growth(lines)
        content = f"{content}\n\n{said}"
        if picture:
            page.with_name("curve.svg").write_text(picture, encoding="utf-8")
    put_in(page, name, content)


if __name__ == "__main__":
    # (Told to end, it ends what it started and keeps what it has, as it does when it is interrupted.)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:  # between two groups
        print("stopped", flush=True)
        sys.exit(STOPPED)
