"""Peers, each in a process of its own from arrays in memory to an answer: `python peers.py NAME TASK.json RESULT.json`.

* spopt    PySAL's library of location models, with CBC as it comes
* pulp     the formulation of a textbook, one row per point, written with PuLP and given to HiGHS
* pulp-cbc the same, given to CBC
* highs    the floor: the same rows as arrays, straight into HiGHS
* cbc      the same arrays as a file, for the `cbc` on the PATH

spopt needs an environment of its own (`get-peers.sh`), because it asks for a PuLP below 4.
"""

import importlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from tasks import Arrays, Result, Task, apart, begun, peak, reaching_of

Floats = NDArray[np.float64]

_OPEN = 0.5


@dataclass(frozen=True)
class Rows:
    """A model as arrays: least cost @ values, low <= matrix @ values <= high, 0 <= values; sites come first.

    Attributes
    ----------
    sites
        How many of the columns are sites, which are whole.
    sign
        -1 where the model asks for the most.
    """

    matrix: sparse.csr_array
    low: Floats
    high: Floats
    cost: Floats
    most: Floats
    sites: int
    sign: float


def formulate(task: Task, arrays: Arrays) -> Rows:
    """Return a task's textbook formulation, a row per point or per pair."""
    match task.model:
        case "lscp":
            covers = reaching_of(arrays, task.radius)
            reached = np.diff(covers.indptr) > 0
            return _rows([[covers[reached]]], [(1, np.inf)], np.ones(covers.shape[1]), covers.shape[1], 1.0)
        case "mclp":
            covers = reaching_of(arrays, task.radius)
            points, sites = covers.shape
            parts = [[covers, -sparse.eye_array(points)], [np.ones((1, sites)), None]]
            cost = np.concatenate([np.zeros(sites), -arrays["people"]])
            return _rows(parts, [(0, np.inf), (-np.inf, task.p)], cost, sites, -1.0)
        case "p_median":
            distance = apart(arrays)
            serve, cost = _serving(distance * arrays["people"][:, None])
            parts = [*serve, [np.ones((1, distance.shape[1])), None]]
            limits = [(1, 1), (-np.inf, 0), (-np.inf, task.p)]
            return _rows(parts, limits, np.concatenate([np.zeros(distance.shape[1]), cost]), distance.shape[1], 1.0)
        case "p_center":
            distance = apart(arrays)
            points, sites = distance.shape
            serve, _ = _serving(distance)
            far = sparse.csr_array((distance.ravel(), (np.repeat(np.arange(points), sites), np.arange(points * sites))))
            parts = [
                *([*part, None] for part in serve),
                [np.ones((1, sites)), None, None],
                [None, far, -np.ones((points, 1))],
            ]
            cost = np.zeros(sites + points * sites + 1)
            cost[-1] = 1
            limits = [(1, 1), (-np.inf, 0), (-np.inf, task.p), (-np.inf, 0)]
            return _rows(parts, limits, cost, sites, 1.0, longest=True)
        case "capacitated":
            assign, demand, capacity = arrays["assign"], arrays["demand"], arrays["capacity"]
            points, sites = assign.shape
            serve, cost = _serving(assign)
            load = sparse.kron(demand[None, :], sparse.eye_array(sites))
            parts = [*serve, [sparse.diags_array(-capacity), load]]
            limits = [(1, 1), (-np.inf, 0), (-np.inf, 0)]
            return _rows(parts, limits, np.concatenate([arrays["cost"], cost]), sites, 1.0)
    raise ValueError(task.model)


def _serving(cost: Floats) -> tuple[list[list[Any]], Floats]:
    """Return the rows "everyone is served once" and "only by what is open", and the cost of every pair."""
    points, sites = cost.shape
    once = sparse.kron(sparse.eye_array(points), np.ones((1, sites)))
    opened = sparse.kron(np.ones((points, 1)), -sparse.eye_array(sites))
    return [[None, once], [opened, sparse.eye_array(points * sites)]], cost.ravel()


def _rows(
    parts: Sequence[Sequence[Any]],
    limits: Sequence[tuple[float, float]],
    cost: Floats,
    sites: int,
    sign: float,
    *,
    longest: bool = False,
) -> Rows:
    stacked = [sparse.csr_array(part) if part is not None else None for line in parts for part in line]
    width = len(parts[0])
    lines = [stacked[k : k + width] for k in range(0, len(stacked), width)]
    heights = [next(part.shape[0] for part in line if part is not None) for line in lines]
    matrix = sparse.csr_array(sparse.block_array(lines, format="csr", dtype=float))
    low, high = (np.repeat([limit[side] for limit in limits], heights).astype(float) for side in (0, 1))
    most = np.ones(len(cost))
    if longest:
        most[-1] = np.inf  # a distance, not a share
    return Rows(matrix, low, high, cost, most, sites, sign)


def _highs_model(rows: Rows, task: Task) -> Any:
    highspy = importlib.import_module("highspy")
    # (What a process solved before may have used other threads.)
    highspy.Highs.resetGlobalScheduler(True)
    highs = highspy.Highs()
    for name, value in (("output_flag", False), ("threads", task.threads), ("mip_rel_gap", task.gap)):
        highs.setOptionValue(name, value)
    matrix = rows.matrix
    whole = (np.arange(len(rows.cost)) < rows.sites).astype(np.int32)
    highs.passModel(
        len(rows.cost),
        len(rows.low),
        matrix.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        rows.cost,
        np.zeros(len(rows.cost)),
        rows.most,
        rows.low,
        rows.high,
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data.astype(float),
        whole,
    )
    return highs


def highs(task: Task, arrays: Arrays) -> Result:
    """Hand the rows as arrays to HiGHS."""
    highspy = importlib.import_module("highspy")
    began = time.monotonic()
    rows = formulate(task, arrays)
    model = _highs_model(rows, task)
    model.setOptionValue("time_limit", max(1.0, task.seconds - (time.monotonic() - began)))
    model.run()
    info = model.getInfo()
    status = model.getModelStatus()
    found = info.primal_solution_status == 2
    values = np.array(model.getSolution().col_value[: rows.sites]) if found else np.zeros(0)
    return Result(
        rows.sign * info.objective_function_value if found else None,
        rows.sign * info.mip_dual_bound if np.isfinite(info.mip_dual_bound) else None,
        np.flatnonzero(values > _OPEN).tolist(),
        status == highspy.HighsModelStatus.kOptimal,
        note=model.modelStatusToString(status),
    )


def cbc(task: Task, arrays: Arrays) -> Result:
    """Write the rows to a file and hand it to the CBC on the PATH."""
    path = shutil.which("cbc")
    if path is None:
        return Result(note="no cbc on the PATH")
    began = time.monotonic()
    rows = formulate(task, arrays)
    with tempfile.TemporaryDirectory() as folder:
        file, answer = Path(folder) / "model.mps", Path(folder) / "answer.txt"
        _highs_model(rows, task).writeModel(str(file))
        left = max(1.0, task.seconds - (time.monotonic() - began))
        limits = ["-sec", f"{left:.0f}", "-threads", str(task.threads), "-timeMode", "elapsed"]
        command = [path, str(file), *limits, "-ratioGap", str(task.gap), "-solve", "-solution", str(answer)]
        log = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        lines = answer.read_text(encoding="utf-8").splitlines() if answer.exists() else []
    return _cbc_result(lines, log, rows)


def _cbc_result(lines: list[str], log: str, rows: Rows) -> Result:
    """Return what CBC's answer file and its log say; columns are named c0, c1 and so on."""
    head = lines[0] if lines else "nothing written"
    if " - objective value " not in head or "no integer" in head:
        return Result(note=head)
    values = {words[1]: float(words[2]) for words in map(str.split, lines[1:]) if len(words) >= 3}
    open_sites = [j for j in range(rows.sites) if values.get(f"c{j}", 0.0) > _OPEN]
    value = float(head.rsplit(" ", 1)[1])
    proven = head.startswith("Optimal")
    bounds = re.findall(r"(?:Lower bound|best possible):?\s*(-?[\d.e+]+)", log)
    bound = value if proven else float(bounds[-1]) if bounds else None
    return Result(rows.sign * value, None if bound is None else rows.sign * bound, open_sites, proven, note=head)


def spopt(task: Task, arrays: Arrays) -> Result:
    """Build and solve by spopt."""
    locate, pulp = importlib.import_module("spopt.locate"), importlib.import_module("pulp")
    distance = apart(arrays)
    solver = pulp.PULP_CBC_CMD(msg=False, timeLimit=task.seconds)
    match task.model:
        case "lscp":
            reached = (distance <= task.radius).any(axis=1)  # one point out of reach makes it infeasible
            model = locate.LSCP.from_cost_matrix(distance[reached], task.radius)
        case "mclp":
            model = locate.MCLP.from_cost_matrix(distance, arrays["people"], task.radius, p_facilities=task.p)
        case "p_median":
            model = locate.PMedian.from_cost_matrix(distance, arrays["people"], p_facilities=task.p)
        case "p_center":
            model = locate.PCenter.from_cost_matrix(distance, p_facilities=task.p)
        case _:
            return Result(note="not one of its models")
    try:
        model = model.solve(solver, results=False)
    except RuntimeError as error:
        return Result(note=str(error))
    if model.problem.sol_status != pulp.LpSolutionOptimal:
        return Result(note="stopped")
    value = float(pulp.value(model.problem.objective))
    return Result(value, value, [j for j, site in enumerate(model.fac_vars) if site.value() > _OPEN], True)


def _pulp(task: Task, arrays: Arrays, solver: Callable[[Any, float], Any]) -> Result:
    """Write the textbook formulation with PuLP, as its users do."""
    pulp = importlib.import_module("pulp")
    began = time.monotonic()
    covering = task.model in {"lscp", "mclp"}
    covers = reaching_of(arrays, task.radius) if covering else None
    distance = np.zeros((0, 0)) if covering else arrays["assign"] if task.model == "capacitated" else apart(arrays)
    points, sites = covers.shape if covers is not None else distance.shape
    model = pulp.LpProblem(task.model, pulp.LpMaximize if task.model == "mclp" else pulp.LpMinimize)
    site = [model.add_variable(f"y{j}", cat="Binary") for j in range(sites)]
    if covers is not None:
        reached = [covers.indices[a:b].tolist() for a, b in zip(covers.indptr, covers.indptr[1:], strict=False)]
        if task.model == "lscp":
            model += pulp.lpSum(site)
            for near in filter(None, reached):
                model += pulp.lpSum(site[j] for j in near) >= 1
        else:
            point = [model.add_variable(f"z{i}", 0, 1) for i in range(points)]
            model += pulp.lpSum(float(w) * z for w, z in zip(arrays["people"], point, strict=True))
            for z, near in zip(point, reached, strict=True):
                model += z <= pulp.lpSum(site[j] for j in near)
            model += pulp.lpSum(site) <= task.p
    else:
        serve = [[model.add_variable(f"x{i}_{j}", 0, 1) for j in range(sites)] for i in range(points)]
        people = arrays["people"] if "people" in arrays else np.ones(points)
        cost = (distance if task.model == "capacitated" else distance * people[:, None]).tolist()
        pairs = [(cost[i][j], serve[i][j]) for i in range(points) for j in range(sites)]
        if task.model == "p_center":
            longest = model.add_variable("longest", 0)
            model += longest
            for i in range(points):
                model += pulp.lpSum(float(distance[i, j]) * serve[i][j] for j in range(sites)) <= longest
        elif task.model == "capacitated":
            fixed = pulp.lpSum(float(c) * y for c, y in zip(arrays["cost"], site, strict=True))
            model += pulp.lpSum(c * x for c, x in pairs) + fixed
            for j in range(sites):
                load = pulp.lpSum(float(arrays["demand"][i]) * serve[i][j] for i in range(points))
                model += load <= float(arrays["capacity"][j]) * site[j]
        else:
            model += pulp.lpSum(c * x for c, x in pairs)
        for i in range(points):
            model += pulp.lpSum(serve[i]) == 1
            for j in range(sites):
                model += serve[i][j] <= site[j]
        if task.p:
            model += pulp.lpSum(site) <= task.p
    left = task.seconds - (time.monotonic() - began)
    if left <= 0:
        return Result(note="still building")
    found = model.solve(solver(pulp, left))
    if not found.has_solution:
        return Result(note=str(found.status))
    proven = found.status == pulp.LpSolveStatus.Optimal
    value = float(found.objective)
    bound = value if proven else None
    if not proven and hasattr(model.solverModel, "getInfo"):
        bound = float(model.solverModel.getInfo().mip_dual_bound)
        bound = bound if np.isfinite(bound) else None
    return Result(value, bound, [j for j, y in enumerate(site) if (y.varValue or 0) > _OPEN], proven)


def pulp(task: Task, arrays: Arrays) -> Result:
    """Write it with PuLP, solve it by HiGHS."""
    importlib.import_module("highspy").Highs.resetGlobalScheduler(True)
    return _pulp(
        task,
        arrays,
        lambda of, left: of.HiGHS(msg=False, timeLimit=left, threads=task.threads, gapRel=task.gap),
    )


def pulp_cbc(task: Task, arrays: Arrays) -> Result:
    """Write it with PuLP, solve it by CBC."""
    path = shutil.which("cbc")
    if path is None:
        return Result(note="no cbc on the PATH")
    return _pulp(
        task,
        arrays,
        lambda of, left: of.COIN_CMD(msg=False, path=path, timeLimit=left, threads=task.threads, gapRel=task.gap),
    )


PEERS: dict[str, tuple[Callable[[Task, Arrays], Result], tuple[str, ...]]] = {
    "spopt": (spopt, ("spopt.locate", "pulp")),
    "pulp": (pulp, ("pulp", "highspy")),
    "pulp-cbc": (pulp_cbc, ("pulp",)),
    "highs": (highs, ("highspy",)),
    "cbc": (cbc, ("highspy",)),
}


def _worked() -> float:
    """Return what processors worked for this process and the children that it waited for [s]."""
    # (In microseconds; os.times counts in hundredths, which is coarser than what is short.)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(times.ru_utime + times.ru_stime for times in used)


def measured(
    work: Callable[[Task, Arrays], Result],
    modules: tuple[str, ...],
    files: list[str],
    load: Callable[[Task], Arrays] = Task.load,
) -> None:
    """Run a task that is read from a file, and write what came out with its seconds and memory.

    The clock starts when libraries are imported and arrays stand in memory, for everybody alike; an empty file beside
    the result says so to who watches.
    """
    began = time.monotonic()
    for name in modules:
        importlib.import_module(name)
    imports = time.monotonic() - began
    task = Task.read(Path(files[0]))
    arrays = load(task)
    begun(Path(files[1])).touch()
    began, worked = time.monotonic(), _worked()
    found = work(task, arrays)
    seconds, cpu = time.monotonic() - began - found.making, _worked() - worked - found.making
    taken = {"seconds": seconds, "imports": imports, "cpu": cpu, "bytes": max(found.bytes, peak())}
    content = {**found.__dict__, **taken}
    Result(**content).write(Path(files[1]))


if __name__ == "__main__":
    measured(*PEERS[sys.argv[1]], sys.argv[2:])
