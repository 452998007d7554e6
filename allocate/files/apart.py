"""Runs a program of this folder with little memory, for libraries that spoilt bytes can burst or end.

`python -P apart.py PROGRAM ARGUMENT …`, and nothing of the package is loaded. A program starts itself so.
"""

import runpy
import sys

# The largest extract of roads that is read takes some 3 GB; a file made to burst would take any amount.
MOST_MEMORY = 4 * 2**30


def _limit_memory() -> None:
    """Let the process die rather than the machine starve, where the system knows such limits."""
    try:
        import resource
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = MOST_MEMORY if most == resource.RLIM_INFINITY else min(most, MOST_MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))


if __name__ == "__main__":
    _limit_memory()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
