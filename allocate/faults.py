"""Why a value is refused, in the planner's language: pydantic finds the faults, the catalogue says them."""

import errno
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from allocate.errors import Problem
from allocate.words import say

if TYPE_CHECKING:
    import pydantic

# What a disk commonly refuses for.
_REFUSALS = {
    number: errno.errorcode[number].lower()
    for number in (
        errno.ENOENT,
        errno.ENOSPC,
        errno.EACCES,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.EBUSY,
    )
}


def disk_reason(error: OSError) -> str:
    """Say in the language of the session why a disk refuses; what is rare, as the system says it.

    >>> disk_reason(OSError(5, "Input/output error"))
    'Input/output error'
    """
    name = _REFUSALS.get(error.errno or 0)
    return say(f"problem.disk_{name}") if name else error.strerror or str(error)


def reason(fault: Mapping[str, Any]) -> str:
    """Say in the language of the session why pydantic refuses a value."""
    limits = {str(name): str(limit) for name, limit in (fault.get("ctx") or {}).items()}
    match str(fault["type"]):
        case "value_error":
            # Our own validators speak the planner's language already.
            return str(fault["msg"]).removeprefix("Value error, ")
        case "less_than_equal":
            return say("reason.at_most", limit=limits.get("le", ""))
        case "less_than":
            return say("reason.below", limit=limits.get("lt", ""))
        case "greater_than_equal":
            return say("reason.at_least", limit=limits.get("ge", ""))
        case "greater_than":
            return say("reason.above", limit=limits.get("gt", ""))
        case "finite_number":
            return say("reason.finite")
        case "literal_error" | "enum":
            return say("reason.choice", choices=limits.get("expected", "").replace("'", "").replace(" or ", ", "))
        case "too_short" | "string_too_short" | "missing":
            return say("reason.too_short")
        case kind if kind.startswith(("int_", "float_")):
            return say("reason.number")
        case kind if kind.startswith(("date_", "datetime_")):
            return say("reason.date")
        case kind if kind.startswith("string_"):
            return say("reason.text")
        case "model_type" | "dict_type" | "mapping_type":
            return say("reason.table")
        case "tuple_type" | "list_type":
            return say("reason.list")
        case kind if kind.endswith(("_type", "_parsing")):
            return say("reason.kind", kind=kind.rsplit("_", 1)[0])
        case _:
            return str(fault["msg"])


def problems_of(
    error: "pydantic.ValidationError",
    file: str,
    keys: Callable[[tuple[str, ...]], list[str]],
    name: Callable[[tuple[str, ...]], str] = ".".join,
) -> Iterator[Problem]:
    """Yield what pydantic found in a file, in the planner's language.

    `keys` returns the keys that a table may have, by the way to it; `name` says the way to a key.
    """
    found = error.errors()
    for fault in found:
        where = fault["loc"]
        if fault["type"] == "too_short" and any(other["loc"][: len(where)] == where != other["loc"] for other in found):
            # (What is refused in a list is not counted in it: the list is not too short.)
            continue
        place = tuple(str(part) for part in fault["loc"])
        column = name(place)
        value = fault["input"] if isinstance(fault["input"], str | int | float) else None
        match fault["type"]:
            case "extra_forbidden" | "unexpected_keyword_argument":
                known = keys(place[:-1])
                near = get_close_matches(place[-1], known, n=1)
                details = {"keys": ", ".join(known), "near": near[0] if near else "—"}
                yield Problem("problem.key_unknown", file, column=column, details=details)
            case "missing" | "missing_argument" | "missing_keyword_only_argument":
                what = "problem.source_missing" if place[-1] in ("source", "basis") else "problem.key_missing"
                yield Problem(what, file, column=column)
            case _:
                details = {"reason": reason(fault)}
                yield Problem("problem.key_value", file, column=column, value=value, details=details)
