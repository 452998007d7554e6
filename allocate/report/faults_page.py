"""Writes the page that lists every kind of fault of a district's files, with its cure: from code and catalogue."""

import inspect
import re
from collections.abc import Iterator

from allocate import fault_kinds
from allocate.fault_kinds import FaultKind
from allocate.words import LANGUAGES, Language, catalogue, say_in

_BLANK = re.compile(r"\{(\w+)[^}]*\}")


def faults_page() -> str:
    """Return data/FAULTS.md: every kind of fault, by area, Chinese first, then English."""
    return "\n".join(line for language in LANGUAGES for line in _page(language))


def areas() -> dict[str, list[FaultKind]]:
    """Return the kinds by area, as comments part them in their enumeration."""
    found: dict[str, list[FaultKind]] = {}
    area = ""
    for line in inspect.getsource(fault_kinds).splitlines():
        if line.startswith("    # "):
            area = line.removeprefix("    # ")
        elif named := re.match(r"    ([A-Z_]+) = ", line):
            found.setdefault(area, []).append(FaultKind[named[1]])
    return found


def _page(language: Language) -> Iterator[str]:
    def word(key: str, **values: object) -> str:
        return say_in(language, f"faults.{key}", **values)

    yield from (f"# {word('title')}", "", word("generated"), "", word("about", count=len(FaultKind)), "")
    for area, kinds in areas().items():
        yield from (f"## {say_in(language, f'fault_area.{area.replace(" ", "_")}')}", "")
        yield from (f"| {word('kind')} | {word('sentence')} |", "|---|---|")
        yield from (f"| `{kind.name}` | {_sentence(kind, language)} |" for kind in kinds)
        yield ""


def _sentence(kind: FaultKind, language: Language) -> str:
    """Return what is said of a kind, with what is filled in left open."""
    return _BLANK.sub(r"‹\1›", catalogue()[kind][language]).replace("|", "\\|")
