"""Many possible districts: where positions or people are estimates, a draw is one possibility, a figure a range."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any

from allocate import looking, stopping
from allocate.district import District
from allocate.model import Model
from allocate.program import Options, as_they_end, workers

_SECONDS = 60.0


class _NoLongerWantedError(Exception):
    """What ends looks that nobody asked for."""


Hear = Callable[[int, int], None]
Looks = Callable[[Hear | None], list[dict[str, Any]]]


@contextmanager
def drawing(district: District, model: Model, options: Options, processes: int) -> Iterator[Looks]:
    """Look at possible districts in all processes but one while something else is done; then in all of them.

    What it gives returns the headline figures of every draw, in the order of their seeds, and may be told how many are
    done. A draw is a quick look: greedy, one search where the relaxation differs from it, and a bound. A district
    without estimates has nothing to draw. Whatever was not asked for at the end is left undone.
    """
    seeds = [model.seed + n for n in range(model.draws)] if district.has_estimates else []
    jobs: dict[int, Future[dict[str, Any]]] = {}

    def begin(pool: Executor, begun: Iterable[int]) -> None:
        jobs.update({seed: pool.submit(look, district, model, options, seed) for seed in begun})

    with suppress(_NoLongerWantedError), ExitStack() as pools:
        if seeds and processes > 1:
            begin(pools.enter_context(workers(processes - 1, len(seeds))), seeds)

        def found(hear: Hear | None = None) -> list[dict[str, Any]]:
            stopping.heed()
            if not seeds:
                return []
            # Of those that wait, the process that is free now takes its share, from the end.
            waiting = [seed for seed in reversed(seeds) if seed in jobs and not jobs[seed].running()]
            anew = [seed for seed in waiting[::processes] if jobs[seed].cancel()] if jobs else seeds
            for is_last in (False, True):
                if anew:
                    begin(pools.enter_context(workers(1 if jobs else processes, len(anew))), anew)
                count = 0
                for done in as_they_end(jobs.values()):
                    if is_last or not isinstance(done.exception(), BrokenProcessPool):
                        done.result()
                        count += 1
                        if hear is not None:
                            hear(count, len(seeds))
                # (Whatever ended a process meanwhile, such as want of memory or Ctrl-C for the search: once more.)
                anew = [seed for seed, job in jobs.items() if isinstance(job.exception(), BrokenProcessPool)]
                if not anew:
                    break
            return [jobs[seed].result() for seed in seeds]

        yield found
        if not all(job.done() for job in jobs.values()):
            raise _NoLongerWantedError


def look_at_draws(
    district: District, model: Model, options: Options, processes: int, hear: Hear | None = None
) -> list[dict[str, Any]]:
    """Return the headline figures of every draw: see `drawing`."""
    with drawing(district, model, options, processes) as found:
        return found(hear)


def look(district: District, model: Model, options: Options, seed: int) -> dict[str, Any]:
    """Return the headline figures of one draw."""
    found = looking.look(district, model, replace(options, seconds=_SECONDS), seed=seed).figures
    told = ("standing", "sites", "sites_by_town", "served", "coverage", "goal", "value", "bound", "gap")
    return {"seed": seed} | {name: found[name] for name in told}
