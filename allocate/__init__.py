"""allocate turns a health-policy document into a layout of people and places that meets it, and proves that it does.

The names below are loaded when first used, so that a command that needs none of them starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allocate import classics
    from allocate.errors import AllocateError, InputError, ModelError, NoPlanError, UsageError
    from allocate.isochrones import isochrone
    from allocate.model import read_model
    from allocate.outputs import write_plan
    from allocate.planning import plan
    from allocate.plans import read_plan
    from allocate.read import read_district
    from allocate.verification import verify

__version__ = "0.14.1"

_HOMES = {
    "AllocateError": "allocate.errors",
    "InputError": "allocate.errors",
    "ModelError": "allocate.errors",
    "NoPlanError": "allocate.errors",
    "UsageError": "allocate.errors",
    "export": "allocate.outputs",
    "isochrone": "allocate.isochrones",
    "layers": "allocate.report.frames",
    "plan": "allocate.planning",
    "read_district": "allocate.read",
    "read_model": "allocate.model",
    "read_plan": "allocate.plans",
    "verify": "allocate.verification",
    "write_plan": "allocate.outputs",
}

__all__ = [
    "AllocateError",
    "InputError",
    "ModelError",
    "NoPlanError",
    "UsageError",
    "classics",
    "export",
    "isochrone",
    "layers",
    "plan",
    "read_district",
    "read_model",
    "read_plan",
    "verify",
    "write_plan",
]


def __getattr__(name: str) -> Any:
    if name == "classics":
        return import_module("allocate.classics")
    if name not in _HOMES:
        msg = f"module 'allocate' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)
