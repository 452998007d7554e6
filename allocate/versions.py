"""The versions that decide a result: of allocate, of Python, and of the libraries that it works with."""

import platform
from collections.abc import Mapping
from importlib.metadata import version

from allocate import __version__

_LIBRARIES = ("pulp", "highspy", "numpy", "scipy", "shapely", "pyproj", "pydantic")


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide the result."""
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"allocate": __version__, "python": platform.python_version(), **libraries}


def deciding_versions() -> dict[str, str]:
    """Return what must be the same on all machines that share work: the third number of Python changes no result."""
    versions = library_versions()
    return versions | {"python": ".".join(versions["python"].split(".")[:2])}


def differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the first name whose versions differ, with both; a dash where there is none.

    >>> differing({"allocate": "1.1", "numpy": "2.3"}, {"allocate": "1.1", "numpy": "2.2"})
    ('numpy', '2.3', '2.2')
    """
    for name, ours_of_it in ours.items():
        if theirs.get(name, "—") != ours_of_it:
            return name, ours_of_it, theirs.get(name, "—")
    return None
