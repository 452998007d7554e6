"""Files on their way into a district: what they may be called, and where they are held until they are judged."""

import re
import shutil
import tempfile
import time
import unicodedata
from contextlib import suppress
from pathlib import Path

from allocate.errors import Problem, UsageError
from allocate.names import DEVICES
from allocate.serve.home import DATA, Home, Outside

# Where copies of files are kept that something else took the place of, and how many rows of a table are shown at once.
BEFORE, ROWS = "maps/before", 100
# How many files may come in one go, how many a district may have, and how long a name may be [bytes, as disks count].
MOST_AT_ONCE, MOST_FILES, LONGEST_NAME = 40, 200, 200
_TABLES = (".csv", ".xlsx", ".xlsm", ".xls", ".ods")
_LAYERS = (".geojson", ".json", ".gpkg", ".shp", ".fgb", ".kml", ".parquet", ".geoparquet", ".osm.pbf", ".osm")
# What belongs to a Shapefile.
_COMPANIONS = (".dbf", ".shx", ".prj", ".cpg", ".qix", ".sbn", ".sbx")
TAKEN = (*_TABLES, *_LAYERS, *_COMPANIONS)
_PAGES = ("sources.md",)
# What Windows, or whoever shows a name, takes for something else.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_HELD, _ID = ".allocate-", re.compile(r"[a-z0-9_]{8}")
# After so long nobody asks for what is held [s].
_STALE = 24 * 3600


def checked_name(name: str) -> str:
    """Return the name of a file that may be put into a district's folder.

    Raises
    ------
    UsageError
        When it leads elsewhere, is hidden, is of a kind that is not read, or is one that some system refuses.
    """
    name = unicodedata.normalize("NFC", name)
    stem, lower = name.split(".")[0], name.lower()
    what = ""
    unseen = any(unicodedata.category(sign)[0] == "C" for sign in name)
    if (
        unseen
        or stem.startswith("~$")
        or len(name.encode()) > LONGEST_NAME
        or stem.strip().lower() in DEVICES
        or not stem.strip()
        or _FORBIDDEN.search(name)
        or name != name.strip()
        or name.endswith(".")
    ):
        what = "serve_data.name"
    elif not lower.endswith(TAKEN) and lower not in _PAGES:
        what = "serve_data.kind"
    if what:
        details = {"kinds": "、".join(TAKEN[: len(_TABLES) + len(_LAYERS)])} if what == "serve_data.kind" else {}
        raise UsageError([Problem(what, value=name, details=details)])
    return name


def district_folder(home: Home, name: str) -> Path:
    """Return the folder of a district.

    Raises
    ------
    Outside
        When there is none of this name.
    """
    if "/" in name or name.startswith("."):
        raise Outside(name)
    folder = home.inside(DATA, name)
    if not folder.is_dir() or folder.is_symlink():
        raise Outside(name)
    return folder


def hold(home: Home, name: str) -> str:
    """Make room for files that are sent, and return its id; what was forgotten there long ago is cleared away."""
    above = home.inside(DATA)
    for item in above.glob(f"{_HELD}????????"):
        with suppress(OSError):
            if _ID.fullmatch(item.name.removeprefix(_HELD)) and time.time() - item.stat().st_mtime > _STALE:
                shutil.rmtree(item)
    made = Path(tempfile.mkdtemp(prefix=_HELD, dir=above))
    (made / name).mkdir()
    return made.name.removeprefix(_HELD)


def held_folder(home: Home, name: str, upload: str) -> Path:
    """Return where the files of an upload are held.

    Raises
    ------
    Outside
        When there is no such upload.
    """
    if not _ID.fullmatch(upload):
        raise Outside(upload)
    folder = home.inside(DATA, f"{_HELD}{upload}", name)
    if not folder.is_dir():
        raise Outside(upload)
    return folder


def drop(home: Home, name: str, upload: str) -> None:
    """Forget what is held."""
    shutil.rmtree(held_folder(home, name, upload).parent, ignore_errors=True)


def is_held(home: Home, name: str, upload: str) -> bool:
    """Tell whether files of an upload are still held."""
    try:
        return held_folder(home, name, upload).is_dir()
    except Outside:
        return False
