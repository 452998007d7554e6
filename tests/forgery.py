"""Plans that lie about a decision, with every other figure worked out from the lie; and lies of a single figure."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from allocate.candidates import make_case
from allocate.case import Case
from allocate.layout import Layout
from allocate.model import Model, model_of
from allocate.plans import assemble, district_of, inputs_of, layout_of, to_json
from allocate.verification import verify
from allocate.words import LANGUAGES, speaking

Content = dict[str, Any]
Mutation = Callable[[Content, random.Random], None]


def collect(mutations: dict[str, Mutation]) -> Callable[[Mutation], Mutation]:
    """Return a decorator that takes note of a mutation, under its name in words."""

    def mutation(change: Mutation) -> Mutation:
        mutations[change.__name__.replace("_", " ")] = change
        return change

    return mutation


def other[T](chance: random.Random, choices: list[T], value: T) -> T:
    """Return one of some choices that is not the value."""
    return chance.choice([choice for choice in choices if choice != value])


def change(table: str, key: str, to: Callable[[Any, random.Random], Any]) -> Mutation:
    """Return a mutation that changes one cell of a table."""

    def changed(content: Content, chance: random.Random) -> None:
        row = chance.choice(content[table])
        row[key] = to(row[key], chance)

    return changed


def leave_out(table: str) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        content[table].remove(chance.choice(content[table]))

    return changed


def say_twice(table: str) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        content[table].insert(chance.randrange(len(content[table])), dict(chance.choice(content[table])))

    return changed


def leave_all_out(table: str) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        del chance
        content[table] = []

    return changed


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


def assert_found(content: Content, where: str, folder: Path) -> None:
    """Assert that a plan is rejected, in every language, for something at this place, in a sentence that fills in."""
    for language in LANGUAGES:
        with speaking(language):
            findings = verify(content, folder).findings
        assert any(finding.where.startswith(where) for finding in findings), findings
        # (What is said of it fills in all that its sentence names.)
        assert not any("{" in finding.words for finding in findings)
