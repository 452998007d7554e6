"""GDAL, kept to plain files: drivers that open other files, servers or programs are switched off before it starts."""

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from allocate.fault_kinds import FaultKind
from allocate.files.features import limit_cells
from allocate.files.sheet import Unreadable

# Each of them opens something else than the file that it is given: what a document names, a server, a program, a
# library. (GDAL knows files by their content, so a document for one of these could go by any name.)
FORBIDDEN = (
    *("OGR_VRT", "VRT", "GDALG", "ADBC", "GPSBabel", "SQLite", "OSM"),
    *("HTTP", "WFS", "OAPIF", "OGCAPI", "CSW", "EEDA", "PLSCENES", "Elasticsearch", "Carto", "AmigoCloud", "NGW"),
)
_LEAST = 12  # bytes of a feature


def keep_to_files() -> None:
    """Keep GDAL from opening anything but plain files; to be called before pyogrio or geopandas first read or write.

    Where pyogrio was imported before, by a planner's own notebook, its drivers stay: what is read here has been checked
    by its first bytes all the same.
    """
    for variable in ("OGR_SKIP", "GDAL_SKIP"):
        asked = [name for name in os.environ.get(variable, "").split(",") if name]
        os.environ[variable] = ",".join(dict.fromkeys([*asked, *FORBIDDEN]))
    before = os.environ.get("CPL_LOG")
    # (A build without one of the drivers says so on the screen.)
    os.environ["CPL_LOG"] = os.devnull
    try:
        import pyogrio  # noqa: F401
    finally:
        if before is None:
            del os.environ["CPL_LOG"]
        else:
            os.environ["CPL_LOG"] = before


def read_raw(
    copy: Path, form: str, columns: Sequence[str] | None = None
) -> tuple[dict[str, Any], list[str], Sequence[Any], Sequence[Any]]:
    """Return what GDAL says of a file, the kinds of its columns, its shapes as well-known binaries, and its columns.

    `form` is what the file should be, for messages.

    Raises
    ------
    Unreadable
        When it says more lines than it has room for.
    """
    keep_to_files()
    import pyogrio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pyogrio").setLevel(logging.CRITICAL)
        # (Room is made for as many lines as the file says that it has.)
        try:
            info = pyogrio.read_info(copy)
        except IndexError:
            # (There is no layer, as the head is broken.)
            raise Unreadable(FaultKind.FILE_CONTENT, format=form) from None
        if info["features"] > copy.stat().st_size // _LEAST:
            raise Unreadable(FaultKind.FILE_CONTENT, format=form)
        limit_cells(info["features"], len(info["fields"]))
        meta, _, shapes, cells = pyogrio.raw.read(copy, columns=columns, datetime_as_string=True)
    return meta, [str(kind) for kind in info["dtypes"]], shapes, cells
