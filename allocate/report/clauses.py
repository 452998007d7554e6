"""The clauses in force with their status, for the terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from allocate.gaps import DIGITS
from allocate.report.sheets import by_status, changed_strength, why_status
from allocate.report.summary import percent_exact, say_grounds
from allocate.words import catalogue, language, say

Line = Mapping[str, Any]


def clause_lines(scorecard: Sequence[Line]) -> Iterator[str]:
    """Yield every clause with its status, missed ones first: what it says, its figures and its own words."""
    for status, lines in groupby(by_status(scorecard), key=lambda row: str(row["status"])):
        group = list(lines)
        # (What is true of all lines is said once.)
        whys = {_why(row) for row in group}
        shared = say("card.because", why=next(iter(whys))) if len(whys) == 1 and any(whys) else ""
        yield say("card.status_group", status=say(f"clause.{status}"), count=len(group)) + shared
        for row in group:
            yield f"  {_head(row)}"
            for text in (_figures(row), _causes(row), _grounds(row), "" if shared else _why(row), _quote(row)):
                if text:
                    yield f"      {text}"


def status_lines(scorecard: Iterable[Line]) -> Iterator[str]:
    """Yield every clause on one line, with why it has its status."""
    for row in scorecard:
        why = why_status(row, language())
        status = say(f"clause.{row['status']}")
        yield f"{_head(row)} · {status}" + (say("card.because", why=why) if why else "")


def _head(row: Line) -> str:
    """Return where a clause stands, when and how strongly it holds, and what it says."""
    name = row["clause"] or row["rule"]
    if row["rule"] != name:
        name = f"{name} {row['rule']}"
    draft = say("card.draft") if row["document_status"] == "draft" else ""
    year = "" if row["year"] is None else str(row["year"])
    strength = say(f"strength.{row['strength']}") if row["strength"] else ""
    parts = [part for part in (f"{name} {row['at']}".strip() + draft, year, strength) if part]
    if changed := changed_strength(row, language()):
        parts.append(changed)
    sentence = row["says"][language()] if row["says"] else indicator_of(row)
    return " · ".join([*parts, sentence] if sentence else parts)


def indicator_of(row: Line) -> str:
    """Return what is measured, in words."""
    key = row["indicator"]
    return say(key) if key in catalogue() else str(key or "")


def _figures(row: Line) -> str:
    """Return target, today, plan and shortfall, as far as any of them is known."""
    if row["target"] is None and row["value"] is None:
        return ""
    if row["target"] is None:
        return say("card.stock", value=amount(row["value"], row["unit"]))
    told = say(
        "card.figures",
        indicator=indicator_of(row),
        target=target_of(row),
        today=amount(row["today"], row["unit"], row["target"]),
        value=amount(row["value"], row["unit"], row["target"]),
    )
    if row["status"] == "missed":
        told += say("card.short", shortfall=amount(row["shortfall"], row["shortfall_unit"]))
    return told


def target_of(row: Line) -> str:
    """Return the target, and whether it is the least or the most."""
    said, sense = amount(row["target"], row["unit"]), row.get("sense")
    return f"{say(f'sense.{sense}')} {said}" if sense else said


def amount(number: float | None, unit: str | None, target: float | None = None) -> str:
    """Return a figure with its unit; one that nobody knows says so, and one that differs from its target shows it."""
    if number is None:
        return say("card.unknown")
    if unit == "share":
        return f"{share_beside(number, number if target is None else target)} %"
    word = say(f"unit.{unit}") if f"unit.{unit}" in catalogue() else str(unit or "")
    return f"{number:,} {word}".strip()


def share_beside(number: float, target: float) -> str:
    """Return a share in percent, to as many places as it takes to differ from a target that it is not.

    >>> share_beside(0.899996, 0.9), share_beside(0.9, 0.9)
    ('89.9996', '90')
    """
    shown = percent_exact(number)
    if number == target or shown != percent_exact(target):
        return shown
    texts = ([f"{100 * share:.{places}f}" for share in (number, target)] for places in range(3, DIGITS))
    return next((one for one, other in texts if one != other), shown)


def _causes(row: Line) -> str:
    causes = [f"{cause['name']} {cause['shortfall']:,}" for cause in row["causes"]]
    return say("card.causes", causes=say("summary.semicolon").join(causes)) if causes else ""


def _grounds(row: Line) -> str:
    """Return what the figures rest on that is assumed."""
    names = say_grounds(row, language())
    return say("card.rests_on", names=names) if names else ""


def _why(row: Line) -> str:
    return why_status(row, language()) or ""


def _quote(row: Line) -> str:
    """Return the document's words with its name, and nothing for a rule that cites no document."""
    named = str(row["document_name"][language()] if row["document_name"] else row["document"])
    if row["quote"]:
        return say("card.quoted", quote=row["quote"], document=named or row["source"])
    return named
