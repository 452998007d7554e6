"""What of texts and ids a file can be called: safe on every disk, and no two ids alike."""

import re
from hashlib import sha256
from json import dumps

_NOT_IN_NAMES = re.compile(r"[^\w-]+")
_MARKED = re.compile(r"-[0-9a-f]{8}$")
_LONGEST = 60  # bytes of a name or id in the name of a file: together they stay below the 255 of most disks


def name_part(text: str) -> str:
    """Return what of a text the name of a file can hold."""
    kept = _NOT_IN_NAMES.sub("-", text).encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore")
    return kept.strip("-")


def id_mark(code: str) -> str:
    """Return what tells an id from others where letters of it are lost, or where a disk does not tell case."""
    # (Nor may an id be called as the marked name of another one is.)
    whole = code and name_part(code) == code == code.lower() and not _MARKED.search(code)
    return "" if whole else sure_mark(code)


def sure_mark(code: str) -> str:
    """Return what tells an id from all others."""
    return sha256(dumps(code).encode()).hexdigest()[:8]
