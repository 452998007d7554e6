"""Everything allocate raises on purpose.

* AllocateError          catch this one
  - InputError           a table is wrong; carries every problem at once
  - ModelError           a model file is wrong; carries every problem at once
  - UsageError           a command was given something that it cannot use
  - NoPlanError          no plan was found in the time given
  - SolverMissingError   the solver asked for is not installed
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from allocate.words import say, visible

Value = str | int | float | None

# Passwords in addresses and in connection strings, and the keys of map services. (A path loses a slash of an address.)
_SECRETS = re.compile(
    r"(:/{1,2}[^\s/:@]*:)[^\s]*(?=@)"
    r"|(\b(?:password|passwd|pwd|secret|token)\s*=\s*|[?&](?:tk|key|ak|sk|apikey|sign?|token)=)"
    r"(?:'[^']*'|\"[^\"]*\"|[^\s&;,]+)",
    re.IGNORECASE,
)
# How long parts of a message may be, where what they repeat has no end.
_LONGEST_VALUE, _LONGEST_NAME, _LONGEST_DETAIL = 60, 200, 2_000


def without_secrets(text: str) -> str:
    """Return a text with dots for the passwords and keys in it.

    >>> without_secrets("postgresql://me:hunter2@host/db"), without_secrets("host=x password=hunter2 user=me")
    ('postgresql://me:…@host/db', 'host=x password=… user=me')
    """
    return _SECRETS.sub(lambda found: f"{found[1] or found[2]}…", text)


@dataclass(frozen=True)
class Problem:
    """One fault and its cure, in words that the catalogue holds.

    Attributes
    ----------
    what
        Key of the sentence in the catalogue.
    file, row, column, value
        Where the fault stands; the row counts as a spreadsheet does, the heading being row 1.
    details
        What the sentence fills in.
    heading
        What the planner's own file calls the column, where that is not its name.
    """

    what: str
    file: str = ""
    row: int | None = None
    column: str = ""
    value: Value = None
    details: Mapping[str, Value] = field(default_factory=dict)
    heading: str = ""

    def __post_init__(self) -> None:
        # (A kind of fault is a text too; what is written and compared is the text alone.)
        object.__setattr__(self, "what", str(self.what))

    def sentence(self) -> str:
        """Say where, what and what to do, on one line, in the language of the session."""
        where = [_short(self.file, _LONGEST_NAME)] if self.file else []
        if self.row is not None:
            where.append(say("problem.row", row=self.row))
        if self.column:
            where.append(self._named())
        if self.value is not None:
            where.append(f"“{_short(str(self.value))}”")
        text = self.told()
        return visible(f"{' · '.join(where)}: {text}") if where else text

    def told(self) -> str:
        """Say what is wrong and what to do, without where it stands, in the language of the session."""
        told = {
            name: _short(value, _LONGEST_DETAIL) if isinstance(value, str) else value
            for name, value in self.details.items()
        }
        return visible(say(self.what, **told))

    def _named(self) -> str:
        """Name the column or key; what stands in no file was typed after a command."""
        column = _short(self.column, _LONGEST_NAME)
        if self.file:
            heading = _short(self.heading, _LONGEST_NAME)
            return say("problem.column", column=f"{heading} ({column})" if heading else column)
        if column.startswith("-"):
            return say("problem.option", option=column)
        return say("problem.argument", argument=column)


def _short(text: str, limit: int = _LONGEST_VALUE) -> str:
    """Cut a value for a message, which tells no secrets."""
    text = without_secrets(text)
    return text if len(text) <= limit else text[:limit] + "…"


class AllocateError(Exception):
    """The root of everything that allocate raises on purpose."""

    exit_code: ClassVar[int] = 2


class _Listed(AllocateError):
    """An error that lists every problem at once."""

    heading: ClassVar[str]
    # How many problems of one kind in one column are said one by one; None for all of them.
    alike: ClassVar[int | None] = None

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems, self.warnings = tuple(problems), tuple(warnings)
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """Say all problems, one line each, and below them what is only odd."""
        lines = [say(self.heading, count=len(self.problems)), *self._lines(self.problems)]
        if self.warnings:
            lines += [say("problem.heading_warnings", count=len(self.warnings)), *self._lines(self.warnings)]
        return "\n".join(lines)

    def _lines(self, problems: Iterable[Problem]) -> Iterator[str]:
        """Yield a line for each problem; what `alike` leaves out is counted in one more line."""
        kinds: dict[tuple[str, str, str], list[Problem]] = {}
        for problem in problems:
            kinds.setdefault((problem.what, problem.file, problem.column), []).append(problem)
        for (_, file, column), found in kinds.items():
            shown = found[: self.alike]
            if len(shown) < len(found):
                details = {"count": len(found) - len(shown)}
                shown = [*shown, Problem("problem.more_rows", file, column=column, details=details)]
            yield from (f"  * {problem.sentence()}" for problem in shown)


class InputError(_Listed):
    """A table is wrong. One message lists every problem, as file, row, column, value and cure."""

    heading = "problem.heading_input"
    # A spreadsheet spoils a column as a whole: a thousand lines would bury what else is wrong.
    alike = 3


class ModelError(_Listed):
    """A model file is wrong. One message lists every problem, as file, key and cure."""

    heading = "problem.heading_model"


class UsageError(_Listed):
    """A command was given something that it cannot use."""

    heading = "problem.heading_usage"


class NoPlanError(AllocateError):
    """No plan was found in the time given."""

    exit_code = 3


class SolverMissingError(AllocateError):
    """The solver asked for is not installed."""
