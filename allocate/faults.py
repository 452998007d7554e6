"""Why a value is refused, in the planner's language: pydantic finds the faults, the catalogue says them."""

from collections.abc import Mapping
from typing import Any

from allocate.words import say


def reason(fault: Mapping[str, Any]) -> str:
    """Say in the language of the session why pydantic refuses a value."""
    limits = {str(name): str(limit) for name, limit in (fault.get("ctx") or {}).items()}
    match str(fault["type"]):
        case "value_error":
            # Our own validators speak the planner's language already.
            return str(fault["msg"]).removeprefix("Value error, ")
        case "less_than_equal" | "less_than":
            return say("reason.at_most", limit=limits.get("le", limits.get("lt", "")))
        case "greater_than_equal" | "greater_than":
            return say("reason.at_least", limit=limits.get("ge", limits.get("gt", "")))
        case "finite_number":
            return say("reason.finite")
        case "literal_error" | "enum":
            return say("reason.choice", choices=limits.get("expected", ""))
        case "too_short" | "string_too_short" | "missing":
            return say("reason.too_short")
        case kind if kind.startswith(("int_", "float_")):
            return say("reason.number")
        case kind if kind.startswith(("date_", "datetime_")):
            return say("reason.date")
        case kind if kind.startswith("string_"):
            return say("reason.text")
        case kind if kind.endswith(("_type", "_parsing")):
            return say("reason.kind", kind=kind.rsplit("_", 1)[0])
        case _:
            return str(fault["msg"])
