"""Whether a person has asked to stop: once for the best plan so far, twice for none."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

# How a process ends that was stopped twice, and how long it may take to tidy up before it is ended [s].
STOPPED, _GRACE = 130, 1.0
# How often whoever waits for something looks whether it is to stop [s].
LOOK = 0.2
_heeded, _once, _twice = threading.Event(), threading.Event(), threading.Event()


class Stopped(BaseException):
    """What was begun is left as it is, because a person asked to stop."""


def is_asked() -> bool:
    """Tell whether a person has asked to stop; what is known by then is to be made ready."""
    return _once.is_set()


def is_heeded() -> bool:
    """Tell whether a person can ask to stop: whoever waits should look more often then."""
    return _heeded.is_set()


def heed() -> None:
    """Leave what is not needed for a plan, where a person has asked to stop.

    Raises
    ------
    Stopped
        When so.
    """
    if is_asked():
        raise Stopped


@contextmanager
def heeding(once: Callable[[], None] = lambda: None, twice: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let Ctrl-C meanwhile ask to stop, and a second one end the process at once; `once` and `twice` say so.

    A solver may keep this thread for seconds: another one hears of Ctrl-C. Whoever asks twice gets a KeyboardInterrupt,
    and where that is not heard in time, the process is ended. What it began ends with it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    _forget()
    _heeded.set()

    def hear() -> None:
        with ear, suppress(OSError):
            while heard := ear.recv(64):
                for number in heard:
                    if number == signal.SIGINT:
                        _ask(once, twice)

    def again(number: int, frame: FrameType | None) -> None:
        del number, frame
        # (The other thread counts; this one can only be interrupted here.)
        if _once.is_set() and _twice.wait(LOOK):
            raise KeyboardInterrupt

    before, said = signal.signal(signal.SIGINT, again), signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=hear, daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(said)
        signal.signal(signal.SIGINT, before)
        mouth.close()
        _forget()


def _forget() -> None:
    for one in (_heeded, _once, _twice):
        one.clear()


def _ask(once: Callable[[], None], twice: Callable[[], None]) -> None:
    if not _once.is_set():
        _once.set()
        once()
        return
    if not _twice.is_set():
        twice()
        _twice.set()
        last = threading.Timer(_GRACE, _end)
        last.daemon = True
        last.start()


def _end() -> None:
    """End the process as it is, with its cursor back on the terminal."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h\n")
        sys.stderr.flush()
    os._exit(STOPPED)
