"""What a question asked of a model or a plan comes to, as plain data: its tables and its page are made from that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from allocate.district import District
from allocate.model import Model

Plain = dict[str, Any]
AnswerKind = Literal["scenarios", "sweep", "alternatives", "robust", "prices", "joint"]


@dataclass(frozen=True)
class Answer:
    """An answer that JSON can hold whole: what was asked, of what, how it was worked out, and what came of it.

    Attributes
    ----------
    kind
        Which question it answers; its files are called after it.
    content
        All of it, with `model`, `district`, `as_of`, `settings`, `inputs` (path and SHA-256), `versions`, `seeds` and
        `method`; what is proven says its bound, what is not says so.
    """

    kind: AnswerKind
    content: Mapping[str, Any]


def head_of(kind: AnswerKind, model: Model, district: District) -> Plain:
    """Return what every answer about a model says first: of what it speaks."""
    return {
        "kind": kind,
        "model": model.id,
        "title": dict(model.title),
        "district": district.id,
        "district_name": dict(district.name),
        "as_of": model.as_of.isoformat(),
        "years": list(model.years),
    }
