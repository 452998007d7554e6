"""Measures times along a million nodes of roads, beside SciPy and networkx on the same roads in the same run.

All answer the same question: from so many places to 20,000 others, who gets there within the time, and how soon. The
places stand at nodes of the roads, so that the peers need no snapping and can answer too; ours snaps all the same.
Equality is checked, figures are not: nothing here is a test. `python tests/benchmarks/road_times.py` writes the
table of tests/benchmarks/README.md to the screen.
"""

import resource
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import networkx as nx
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from allocate.bundle import bundled
from allocate.travel import Mode
from allocate.travel.circles import OnRoads
from allocate.travel.dijkstra import PROCESSES, graph_of, milliseconds, snap, times_within
from allocate.travel.network import ROAD_CLASSES, TRAVELLERS, RoadNetwork
from allocate.travel.points import Integers

# Junctions along a side of the square, and how far apart they are [m].
SIDE, APART = 720, 100.0
ENDS, SOURCES = 20_000, (200, 2_000)
# (Whole graphs take the better part of a second per source; so many sources tell enough of them.)
FEW = 20
ASKED = (("walk", 15), ("e_bike", 15), ("car", 15), ("car", 60))


def network(side: int = SIDE, seed: int = 0) -> RoadNetwork:
    """Return streets on a jittered grid: every road class but ferries, bends, one-ways, gaps, a river and its bridges.

    Half of the nodes are junctions, half are bends. The river runs through the middle, with a bridge every two
    kilometres.
    """
    draw = np.random.default_rng(seed)
    at = np.arange(side * side).reshape(side, side)
    junctions = APART * np.stack(np.divmod(at.ravel(), side), axis=1) + draw.uniform(-25, 25, (side * side, 2))
    line = np.concatenate([np.repeat(np.arange(side), side - 1)] * 2)
    starts = np.concatenate([at[:, :-1].ravel(), at[:-1, :].T.ravel()])
    ends = np.concatenate([at[:, 1:].ravel(), at[1:, :].T.ravel()])
    kinds = np.select(
        [line % 100 == 50, line % 50 == 25, line % 20 == 10, line % 10 == 5, line % 5 == 0],
        [ROAD_CLASSES.index(kind) for kind in ("motorway", "trunk", "primary", "secondary", "tertiary")],
        draw.choice([ROAD_CLASSES.index(kind) for kind in ("residential", "service", "track", "path")], len(line)),
    )
    river = (side // 2 - 0.5) * APART
    wet = (junctions[starts, 1] < river) != (junctions[ends, 1] < river)
    small = kinds >= ROAD_CLASSES.index("residential")
    kept = (~small | (draw.random(len(line)) > 0.08)) & (~wet | (line % 20 == 10))
    starts, ends, kinds, small = starts[kept], ends[kept], kinds[kept], small[kept]
    one_way = (draw.random(len(starts)) < 0.1) & small
    bent = np.flatnonzero(draw.random(len(starts)) < len(junctions) / len(starts))
    middles = (junctions[starts[bent]] + junctions[ends[bent]]) / 2 + draw.uniform(-15, 15, (len(bent), 2))
    bends = len(junctions) + np.arange(len(bent))
    halves = np.concatenate([ends[bent], kinds[bent], one_way[bent]]).reshape(3, -1)
    ends[bent] = bends
    return RoadNetwork(
        np.vstack([junctions, middles]),
        np.concatenate([starts, bends]),
        np.concatenate([ends, halves[0]]),
        np.concatenate([kinds, halves[1]]).astype(np.uint8),
        np.concatenate([one_way, halves[2].astype(bool)]),
        np.zeros(len(starts) + len(bent), dtype=np.uint8),
        np.array([shapely.LineString([(-APART, river), (side * APART, river)])], dtype=object),
    )


def plain_graph(roads: RoadNetwork, on_roads: OnRoads) -> Any:
    """Return the roads as a sparse array of milliseconds between the nodes as they are: what a peer would be given."""
    speeds = np.array([on_roads.speeds.get(kind, 0.0) for kind in ROAD_CLASSES])[roads.classes]
    used = (speeds > 0) & (roads.closed >> TRAVELLERS.index(on_roads.goes_as) & 1 == 0)
    both = used & ~(roads.one_way & (on_roads.goes_as == "car"))
    spent = np.rint(roads.metres * 3600 / np.where(used, speeds, 1))
    return sparse.csr_array(
        (
            np.concatenate([spent[used], spent[both]]),
            (
                np.concatenate([roads.starts[used], roads.ends[both]]),
                np.concatenate([roads.ends[used], roads.starts[both]]),
            ),
        ),
        shape=(len(roads.nodes),) * 2,
    )


def timed[T](work: Callable[[], T]) -> tuple[T, float]:
    """Return what a piece of work gives, and the seconds that the processor worked for it.

    (All but one line are of one process: on a machine with other work they say more than the clock.)
    """
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def by_scipy(graph: Any, sources: Integers, targets: Integers, limit: float) -> NDArray[np.float64]:
    """Return the times from sources to targets [ms], a source at a time: a table of all nodes would not fit."""
    return np.array([dijkstra(graph, indices=one, limit=limit)[targets] for one in sources.tolist()])


def as_networkx(graph: Any) -> nx.DiGraph:
    found = nx.DiGraph()
    found.add_nodes_from(range(graph.shape[0]))
    entries = graph.tocoo()
    found.add_weighted_edges_from(zip(entries.row.tolist(), entries.col.tolist(), entries.data.tolist(), strict=True))
    return found


def by_networkx(graph: nx.DiGraph, sources: Integers, targets: Integers, limit: float) -> NDArray[np.float64]:
    """Return the same with networkx, infinite above the limit."""
    found = np.full((len(sources), len(targets)), np.inf)
    for row, one in zip(found, sources.tolist(), strict=True):
        spent: Mapping[int, float] = nx.single_source_dijkstra_path_length(graph, one, cutoff=limit)
        row[:] = [spent.get(target, np.inf) for target in targets.tolist()]
    return found


def dense(pairs: Any, starts: Integers, ends: Integers) -> NDArray[np.float64]:
    """Return our times as the peers give theirs."""
    found = np.full((len(starts), len(ends)), np.inf)
    found[np.searchsorted(starts, pairs.starts), np.searchsorted(ends, pairs.ends)] = pairs.milliseconds
    return found


def compared(roads: RoadNetwork, on_roads: OnRoads, minutes: int, draw: np.random.Generator) -> Iterator[str]:
    """Yield a line of the table for every number of sources."""
    limit = milliseconds(60 * minutes)
    plain = plain_graph(roads, on_roads)
    nodes = np.sort(draw.choice(len(roads.nodes), ENDS, replace=False))
    graph, building = timed(partial(graph_of, roads, on_roads, roads.nodes[nodes]))
    on = np.flatnonzero(graph.snapped.on & (graph.snapped.legs == 0))
    few = np.sort(draw.choice(on, FEW, replace=False))
    peers: dict[str, Callable[[], NDArray[np.float64]]] = {
        "whole": partial(by_scipy, plain, nodes[few], nodes[on], np.inf),
        "limit": partial(by_scipy, plain, nodes[few], nodes[on], limit),
        "networkx": partial(by_networkx, as_networkx(plain), nodes[few], nodes[on], limit),
    }
    ours = dense(times_within(graph, few, on, limit), few, on)
    told = {name: timed(work) for name, work in peers.items()}
    same = all(np.array_equal(np.where(found > limit, np.inf, found), ours) for found, _ in told.values())
    each = [seconds / FEW for _, seconds in told.values()]
    for count in SOURCES:
        chosen = np.sort(draw.choice(on, count, replace=False))
        pairs, search = timed(partial(times_within, graph, chosen, on, limit))
        alone, whole = search / count, (search + building) / count
        ratios = " | ".join(f"{1000 * one:.0f} ({one / alone:,.0f} ×, {one / whole:,.0f} ×)" for one in each)
        yield (
            f"{count:,} | {len(pairs.starts):,} | {building:.1f} | {search:.2f} | {1000 * alone:.2f} | "
            f"{1000 * whole:.2f} | {ratios} | {'yes' if same else 'NO'}"
        )


def many_to_many(roads: RoadNetwork, modes: Mapping[str, Mode]) -> Iterator[str]:
    """Yield what takes long: every place to every place, 100,000 positions, and several processes [s by the clock]."""
    draw = np.random.default_rng(2)
    spots = draw.uniform(0, SIDE * APART, (100_000, 2))
    on_roads = modes["e_bike"].roads
    assert on_roads is not None
    snapped, seconds = timed(partial(snap, roads, on_roads, spots))
    yield f"{len(spots):,} positions anywhere snapped to the roads: {seconds:.1f} s, {int(snapped.on.sum()):,} near one"
    graph = graph_of(roads, on_roads, spots[:ENDS])
    every, limit = np.arange(ENDS), milliseconds(900)
    for processes in (1, PROCESSES):
        began = time.perf_counter()
        pairs = times_within(graph, every, every, limit, processes)
        seconds = time.perf_counter() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        yield (
            f"{ENDS:,} × {ENDS:,} within 15 min by e-bike, up to {processes} process(es): "
            f"{len(pairs.starts):,} pairs in {seconds:.1f} s by the clock; the most memory held so far: {memory:.1f} GB"
        )


def main() -> None:
    text = (bundled() / "models" / "presets" / "circles.toml").read_text(encoding="utf-8")
    modes = {name: Mode.model_validate(table) for name, table in tomllib.loads(text)["modes"].items()}
    roads, seconds = timed(network)
    print(f"{len(roads.nodes):,} nodes, {len(roads):,} pieces of road (made in {seconds:.1f} s); to {ENDS:,} places\n")
    print(
        "| question | from | pairs found | snap and graph, s | search, s | search, ms a source | all, ms a source |",
        end="",
    )
    print(" SciPy, whole graph, ms a source (× search, × all) | SciPy with limit | networkx with cutoff | all equal |")
    print("| --- " * 11 + "|")
    draw = np.random.default_rng(1)
    for name, minutes in ASKED:
        on_roads = modes[name].roads
        assert on_roads is not None
        for line in compared(roads, on_roads, minutes, draw):
            print(f"| {minutes} min, {name} | {line} |", flush=True)
    print()
    for line in many_to_many(roads, modes):
        print(f"- {line}", flush=True)


if __name__ == "__main__":
    main()
