"""One task in a process of its own, by the project itself: `python ours.py TASK.json RESULT.json`."""

import sys
from pathlib import Path
from typing import Any

import instances
import numpy as np
from peers import measured
from tasks import Result, Task

# (The project is looked at where it stands, installed or not.)
sys.path.append(str(Path(__file__).resolve().parents[2]))


def solve(task: Task) -> Result:
    """Ask the model of the task, from its arrays; points of a stream come in blocks and are never held at once."""
    from allocate import classics
    from allocate.errors import NoPlanError

    options: dict[str, Any] = {"seconds": task.seconds, "threads": task.threads, "seed": task.seed, "gap": task.gap}
    blocks = instances.arrays_of(task.stream) if task.stream else None
    arrays = {} if blocks is not None else task.load()
    if blocks is None:
        people = arrays.get("people")
        travel = arrays.get("distance")
        if travel is None and "points" in arrays:
            travel = classics.between(arrays["points"], arrays["sites"])
    else:
        people, travel = None, classics.between(blocks, blocks.sites)
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
        making=blocks.making if blocks is not None else 0.0,
        note=f"{answer.proof}",
    )


if __name__ == "__main__":
    measured(solve, ("allocate.classics",), sys.argv[1:])
