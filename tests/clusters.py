"""A real Dask cluster on this machine: a scheduler and workers in processes of their own, on 127.0.0.1 alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent


@dataclass
class Local:
    """A scheduler and its workers; whoever starts it ends it."""

    folder: Path
    address: str = ""
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: object, **settings: object) -> subprocess.Popen[bytes]:
        """Start one of Dask's programs; it knows nothing of the settings of whoever runs the tests."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DASK_")},
            "PYTHONPATH": os.pathsep.join((str(HERE.parent), str(HERE))),
            "OMP_NUM_THREADS": "1",
            "DASK_CONFIG": str(self.folder / "no-settings"),
            **{f"DASK_DISTRIBUTED__{name}": str(value) for name, value in settings.items()},
        }
        kind, *options = map(str, words)
        log = (self.folder / f"{kind}-{len(self.started)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options, "--no-dashboard"],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def schedule(self, **settings: object) -> str:
        """Start a scheduler and return its address."""
        file = self.folder / f"scheduler-{len(self.started)}.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", file, **settings)
        deadline = time.monotonic() + 30
        while not self.address:
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
            with suppress(OSError, ValueError, KeyError):
                self.address = json.loads(file.read_text())["address"]
        return self.address

    def work(self, *, workers: int = 1, threads: int = 1, nanny: bool = True) -> subprocess.Popen[bytes]:
        """Start workers."""
        options = ["--nworkers", workers, "--nthreads", threads, "--host", "127.0.0.1", "--death-timeout", 30]
        kind = "--nanny" if nanny else "--no-nanny"
        return self.start("worker", self.address, *options, kind, "--local-directory", self.folder, "--memory-limit", 0)

    def end(self) -> None:
        """End all, workers first."""
        for process in reversed(self.started):
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def local_cluster(folder: Path, *, workers: int, threads: int = 1, **settings: object) -> Iterator[Local]:
    """Start a scheduler and workers; end them on the way out."""
    local = Local(folder)
    try:
        local.schedule(**settings)
        if workers:
            local.work(workers=workers, threads=threads)
        yield local
    finally:
        local.end()
