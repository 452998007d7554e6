"""Plans that lie about a decision, with every other figure worked out from the lie; and lies of a single figure."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from allocate.candidates import make_case
from allocate.case import Case
from allocate.layout import Layout
from allocate.model import Model, model_of
from allocate.plans import assemble, district_of, inputs_of, layout_of, to_json

Content = dict[str, Any]
Mutation = Callable[[Content, random.Random], None]


def collect(mutations: dict[str, Mutation]) -> Callable[[Mutation], Mutation]:
    """Return a decorator that takes note of a mutation, under its name in words."""

    def mutation(change: Mutation) -> Mutation:
        mutations[change.__name__.replace("_", " ")] = change
        return change

    return mutation


@dataclass(frozen=True)
class Forgery:
    """The parts of a plan, ready to be put together again around other decisions."""

    content: Content
    case: Case
    layout: Layout

    @classmethod
    def of(cls, text: str) -> Self:
        content = json.loads(text)
        case = make_case(district_of(content), _model(content))
        return cls(content, case, layout_of(content, case))

    def put_together(self, layout: Layout) -> Content:
        # (No bound stands in the way of what is too good.)
        told = self.content["draws"], self.content["nesting"]
        made = assemble(district_of(self.content), _model(self.content), self.case, layout, {}, *told)
        plain: Content = json.loads(to_json(made))
        return plain


def _model(content: Content) -> Model:
    return model_of(content["settings"], content["model"], "settings", inputs_of(content, "model"))
