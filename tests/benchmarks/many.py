"""What many looks at Baodi take: on processes of this machine, and on a Dask cluster of this machine.

`python tests/benchmarks/many.py --looks 8` prints a table, and what a look and the way there cost. Every line is worked
out in this one run, one after the other, and gives the same figures to the byte. On a machine with other work the
seconds that the processors worked say more than the clock.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from measured_looks import Measured, idle, measured

from allocate.bundle import bundled
from allocate.cluster import on_cluster
from allocate.crews import Crew, Failure, Processes
from allocate.errors import UsageError
from allocate.hands import packed
from allocate.model import changed, read_model
from allocate.read import read_district
from allocate.versions import deciding_versions

HERE = Path(__file__).resolve().parent
HOW_MANY = (1, 2, 4)
# Jobs that do nothing, to see what the way there and back takes.
IDLE = 200


@contextmanager
def crews(folder: Path, kind: str, many: int) -> Iterator[Crew]:
    """Give so many processes, or a cluster of so many workers."""
    if kind == "processes":
        yield Processes(many)
        return
    from clusters import local_cluster

    folder.mkdir()
    with local_cluster(folder, workers=many) as local:
        deadline = time.monotonic() + 60
        while True:
            try:
                crew = on_cluster(local.address)
                break
            except UsageError:
                if time.monotonic() > deadline:
                    raise
        # (All are there before the clock starts.)
        with crew.connected() as client:  # type: ignore[attr-defined]
            client.wait_for_workers(many, timeout=60)
        yield crew


def run(looks: int, *, whole: bool) -> None:
    """Measure and print."""
    model = read_model(bundled() / "models" / "baodi.toml")
    district = read_district(model.district_folder())
    common = district, changed(model, {"decides": '["siting"]'})
    jobs = {str(seed): seed for seed in range(1, looks + 1)}
    sent = len(packed(measured, common, deciding_versions())) / 1e6
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; {looks} looks at the sites of Baodi")
    print(f"sent once to each worker: {sent:.2f} MB\n")
    print(
        "| who | s by the clock | looks a minute | processor s a look | MB | s to the first idle job | ms each more |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    answers = set[str]()
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("processes", "workers"):
            for many in HOW_MANY:
                with crews(Path(folder) / f"{kind}-{many}", kind, many) as crew:
                    first, each = idling(crew, common)
                    begun = time.perf_counter()
                    found = dict(crew.work(measured, common, jobs))
                    clock = time.perf_counter() - begun
                failures = [str(result) for result in found.values() if isinstance(result, Failure)]
                assert not failures, failures
                results = [result for result in found.values() if isinstance(result, Measured)]
                answers.add(json.dumps({name: found[name].figures for name in sorted(found)}))  # type: ignore[union-attr]
                processor = fmean(result.processor for result in results)
                memory = max(result.memory for result in results)
                line = (f"{many} {kind}", f"{clock:.0f}", f"{60 * looks / clock:.2f}", f"{processor:.1f}")
                print("| " + " | ".join((*line, f"{memory:.0f}", f"{first:.2f}", f"{each:.1f}")) + " |", flush=True)
    print(f"\nall lines give the same figures: {len(answers) == 1}; load {os.getloadavg()[0]:.1f} at the end")
    if whole:
        ((_, result),) = Processes(1).work(measured, (district, model), {"whole": 1})
        assert isinstance(result, Measured), result
        print(
            f"one look at all that Baodi decides: {result.processor:.1f} processor s,"
            f" {result.clock:.1f} s by the clock, {result.memory:.0f} MB"
        )


def idling(crew: Crew, common: object) -> tuple[float, float]:
    """Return when the first of many jobs that do nothing is back [s], and how long each takes after that [ms]."""
    begun = time.perf_counter()
    times = [time.perf_counter() - begun for _ in crew.work(idle, common, {str(n): n for n in range(IDLE)})]
    return times[0], 1000 * (times[-1] - times[0]) / (len(times) - 1)


if __name__ == "__main__":
    sys.path.append(str(HERE.parent))
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--looks", type=int, default=8)
    asked.add_argument("--whole", action="store_true")
    options = asked.parse_args()
    run(options.looks, whole=options.whole)
