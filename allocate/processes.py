"""Fresh processes beside this one: they read what they need, and never the caller's script again."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# How a process ends that Ctrl-C ended.
_INTERRUPTED = 130
_hiding = threading.Lock()
_hidden: list[dict[str, Any]] = []


@contextmanager
def without_main() -> Iterator[None]:
    """Keep a fresh process from running the caller's script again: the child needs the modules of its job only.

    Several may be at it at once, in one thread or many: the last one out brings the script back.
    """
    main = sys.modules["__main__"]
    with _hiding:
        hidden: dict[str, Any] = {name: vars(main).pop(name) for name in ("__file__", "__spec__") if name in vars(main)}
        _hidden.append(hidden)
        main.__spec__ = None
    try:
        yield
    finally:
        with _hiding:
            first = _hidden[0]
            _hidden.pop()
            if not _hidden:
                vars(main).update(first)


@contextmanager
def deaf_children() -> Iterator[None]:
    """Let a process that begins meanwhile wait with Ctrl-C until it says what that does: see `end_quietly`.

    Until it has read its modules it could but print where it was.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_quietly() -> None:
    """Let Ctrl-C end this process at once and without a word: it reaches whoever began it too, who says what is to be.

    It ends with whoever began it, too, however that one ends: nobody would take what comes of a job. (It would wait for
    the next one for ever: what it reads from stays open as long as one of its like has the other end.) What it began
    itself ends with it; it writes no files.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
