"""The process of a run: it does what a command does in a terminal, and leaves behind how that ended."""

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from allocate.serve.alive import Lock

ALIVE, ENDED, FAULT, STOP = "alive", "ended.json", "fault.txt", "stop"
# The server may look at this very moment whether this process lives: another try, then [s].
_NAP, _TRIES = 0.02, 200
_BETWEEN = 0.25


def main() -> NoReturn:
    """Run a command, given as a run's folder and the words after `allocate`."""
    folder, words = Path(sys.argv[1]), sys.argv[2:]
    # (Whoever is started in the background is deaf to Ctrl-C, and so is what it starts.)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    alive = Lock(folder / ALIVE)
    for _ in range(_TRIES):
        if alive.take():
            break
        time.sleep(_NAP)
    if os.name == "nt":
        threading.Thread(target=_listen, args=(folder / STOP,), daemon=True).start()
    code = _outcome(folder, words)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    with suppress(OSError):
        put(folder / ENDED, {"code": code, "ended": now()})
    alive.release()
    raise SystemExit(code)


def _outcome(folder: Path, words: list[str]) -> int:
    sys.argv = ["allocate", *words]
    try:
        from allocate.cli import main as do

        do()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        return 130
    except BaseException:
        # What nobody foresaw is for whoever repairs it; the planner is told where it stands.
        import traceback

        from allocate.words import say

        with suppress(OSError):
            (folder / FAULT).write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
            sys.stderr.write(say("serve_runs.fault", file=folder / FAULT) + "\n")
        return 1


def _listen(stop: Path) -> None:
    """Do as if Ctrl-C were pressed once the page asks for it, where there is no signal to send."""
    import _thread

    while not stop.exists():
        time.sleep(_BETWEEN)
    _thread.interrupt_main()


def now() -> str:
    """Return the time of day, with the offset of this machine."""
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")


def put(file: Path, content: object) -> None:
    """Write a file whole or not at all: a crash leaves what was there."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with beside.open("wb") as out:
            out.write(json.dumps(content, ensure_ascii=False, indent=1).encode(errors="backslashreplace"))
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


if __name__ == "__main__":
    main()
