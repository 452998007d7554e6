"""Fresh processes beside this one: they read what they need, and never the caller's script again."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
