"""One task in a process of its own, by the project itself: `python ours.py TASK.json RESULT.json`."""

import sys
from pathlib import Path
from typing import Any

import instances
import numpy as np
from peers import measured
from tasks import Arrays, Result, Task

# (The project is looked at where it stands, installed or not.)
sys.path.append(str(Path(__file__).resolve().parents[2]))


def given(task: Task) -> Arrays:
    """Return the arrays of a task; points of a stream come in blocks and are never held at once."""
    if not task.stream:
        return task.load()
    blocks = instances.arrays_of(task.stream)
    return {"points": blocks, "sites": blocks.sites}


def solve(task: Task, arrays: Arrays) -> Result:
    """Ask the model of the task."""
    from allocate import classics
    from allocate.errors import NoPlanError

    options: dict[str, Any] = {"seconds": task.seconds, "threads": task.threads, "seed": task.seed, "gap": task.gap}
    people, points = arrays.get("people"), arrays.get("points")  # (Blocks bring their people with them.)
    travel = arrays.get("distance") if points is None else classics.between(points, arrays["sites"])
    try:
        match task.model:
            case "lscp":
                answer = classics.lscp(travel, task.radius, **options)
            case "mclp":
                answer = classics.mclp(travel, task.radius, people=people, p=task.p, **options)
            case "p_median":
                answer = classics.p_median(travel, task.p, people=people, **options)
            case "p_center":
                answer = classics.p_center(travel, task.p, **options)
            case "capacitated":
                demand, capacity, cost = arrays["demand"], arrays["capacity"], arrays["cost"]
                # What `assign` says is for all of a point's demand; the model asks for each unit.
                each = arrays["assign"] / demand[:, None]
                answer = classics.capacitated(each, people=demand, capacity=capacity, cost=cost, **options)
            case _:
                return Result(note="not one of its models")
    except NoPlanError as error:
        return Result(note=str(error))
    return Result(
        answer.value,
        answer.bound if np.isfinite(answer.bound) else None,
        answer.sites.tolist(),
        answer.outcome.value == "optimal",
        making=points.making if isinstance(points, instances.Blocks) else 0.0,
        note=f"{answer.proof}",
    )


if __name__ == "__main__":
    measured(solve, ("allocate.classics",), sys.argv[1:], given)
