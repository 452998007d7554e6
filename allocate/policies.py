"""The policy documents, clause by clause, as data: what each says, in its own words, and what it is to a plan."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pydantic

from allocate.bundle import bundled
from allocate.errors import ModelError, Problem
from allocate.faults import problems_of
from allocate.rows import DECISIONS, POLICY, Strength
from allocate.rules import RULES, Rule
from allocate.tables import INSTITUTION_KINDS
from allocate.travel.circles import STRICT, Text
from allocate.units import Basis
from allocate.words import say

FOLDER = "policies"
SHINGLE = 12  # characters
_DIGEST = 5  # bytes of each hash: enough that a false match is one in millions

REGIMES = ("farming_district", "city_group", "city")
Role = Literal["rule", "decision", "input", "indicator", "out_of_scope"]


class Document(pydantic.BaseModel):
    """A policy document, or a collection of standards.

    Attributes
    ----------
    id
        Prefix of its clauses' ids.
    status
        Whether it was issued, or is a draft for comment; a draft is never shown as law.
    as_of
        The day it speaks from.
    regime
        Whom it binds: farming districts with their consortia, city districts with their medical groups, or the city.
    note
        What is doubtful in its status, its date or whom it binds, by language.
    """

    model_config = STRICT

    id: str = pydantic.Field(min_length=2, max_length=8)
    title: Text
    issuer: Text
    status: Literal["issued", "draft"]
    as_of: date
    regime: Literal[REGIMES]  # type: ignore[valid-type]
    district: Text
    note: Text | None = None


class Stock(pydantic.BaseModel):
    """A number that a document reports."""

    model_config = STRICT

    amount: float
    unit: str


class Clause(pydantic.BaseModel):
    """One line of a policy document.

    Attributes
    ----------
    at
        Where it stands in the document.
    quote
        Its own words, verbatim.
    says
        The same in a plain sentence, by language.
    kinds
        Institutions that it speaks of.
    years
        Years by which it holds; none where the document gives none.
    label
        The document's own label of how it binds.
    role
        What it is to a plan (`is` in the file): a rule with its numbers, a decision without one, a given, an indicator
        that is reported, or out of scope.
    rule
        The rule type and its numbers.
    needs
        What a decision without a number has to be decided by: a decision of the plan.
    reason
        Why an indicator is only reported, or why something is out of scope, by language.
    source, basis
        Where the number of a standard comes from; that of a document's clause is its quotation. The basis is assumed
        where its number, or how it is read, was chosen and does not stand in the document.
    note
        How an ambiguity was read, by language.
    value
        The number that it reports.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    id: str = pydantic.Field(pattern=r"^[A-Z]{2,8}-[A-Z]?\d{1,4}$")
    at: str = ""
    quote: str = ""
    says: Text
    kinds: tuple[Literal[INSTITUTION_KINDS], ...] = ()  # type: ignore[valid-type]
    years: tuple[int, ...] = ()
    label: str = ""
    strength: Strength | None = None
    role: Role = pydantic.Field(alias="is")
    rule: dict[str, Any] | None = None
    needs: Literal[DECISIONS] | None = None  # type: ignore[valid-type]
    reason: Text | None = None
    source: str = ""
    basis: Basis = Basis.OFFICIAL
    note: Text | None = None
    value: Stock | None = None

    @pydantic.model_validator(mode="after")
    def _whole(self) -> "Clause":
        if (self.role == "rule") != (self.rule is not None):
            raise ValueError(say("reason.rule_table"))
        if self.role in ("rule", "decision") and self.strength is None:
            raise ValueError(say("reason.strength_missing"))
        if (self.role == "decision") != (self.needs is not None):
            raise ValueError(say("reason.needs_missing"))
        if self.strength is Strength.PHYSICS:
            raise ValueError(say("reason.choice", choices=", ".join(POLICY)))
        if self.role in ("indicator", "out_of_scope") and self.reason is None:
            raise ValueError(say("reason.reason_missing"))
        if not self.quote and len(self.source) < 2:
            raise ValueError(say("reason.quote_or_source"))
        if not self.at and len(self.source) < 2:
            # The place in the document is the source of what is quoted from it.
            raise ValueError(say("reason.place_missing"))
        return self


@dataclass(frozen=True)
class Policy:
    """A document with its clauses, by id."""

    document: Document
    clauses: Mapping[str, Clause]


class _File(pydantic.BaseModel):
    model_config = STRICT

    document: Document
    clauses: tuple[Clause, ...]


def policy_files(home: Path) -> dict[str, Path]:
    """Return the policy files by name: the bundled ones, and those in policies/ beside a model, which come first."""
    folders = (bundled() / "models" / FOLDER, home / FOLDER)
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.toml"))}


def policy_of(content: Mapping[str, Any], file: str) -> Policy:
    """Make a policy of the content of its file.

    Raises
    ------
    ModelError
        When anything is wrong; it lists all of it.
    """
    read: _File | None = None
    problems: list[Problem] = []
    try:
        read = _File.model_validate(content)
    except pydantic.ValidationError as error:
        problems += problems_of(error, file, _keys_of, _place(content))
    # (These look at the file as it is written, so that one fault does not hide another.)
    clauses, prefix = _written(content), prefix_in(content)
    for look in (_twice, _strange, _misquoted, _wrong_rules):
        problems += look(clauses, prefix, file)
    if problems or read is None:
        raise ModelError(problems)
    return Policy(read.document, {clause.id: clause for clause in read.clauses})


def _keys_of(place: tuple[str, ...]) -> list[str]:
    """Return the keys that a table of a policy file may have."""
    kinds: dict[str, type[pydantic.BaseModel]] = {"document": Document, "clauses": Clause}
    kind = kinds.get(place[0] if place else "", _File)
    return [field.alias or name for name, field in kind.model_fields.items()]


def _place(content: Mapping[str, Any]) -> Callable[[tuple[str, ...]], str]:
    """Return a way to name a key: a clause is called by its id, not by its number."""
    clauses = content.get("clauses")

    def name(place: tuple[str, ...]) -> str:
        if len(place) > 1 and place[0] == "clauses" and isinstance(clauses, list) and place[1].isdigit():
            entry = clauses[int(place[1])]
            code = entry.get("id") if isinstance(entry, dict) else None
            return ".".join((str(code) if code else f"clauses.{place[1]}", *place[2:]))
        return ".".join(place)

    return name


def prefix_of(code: str) -> str:
    """Return the prefix of a clause's id: that of its document."""
    return code.split("-")[0]


def prefix_in(content: Mapping[str, Any]) -> str:
    """Return the prefix of the ids of a policy file's clauses, also of one with faults; empty when it has none."""
    document = content.get("document")
    code = document.get("id") if isinstance(document, Mapping) else None
    return code if isinstance(code, str) and code.isalnum() else ""


def _written(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the clauses of a file that have an id, as they are written."""
    clauses = content.get("clauses")
    entries = clauses if isinstance(clauses, list | tuple) else ()
    return [entry for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("id"), str)]


def _twice(clauses: list[Mapping[str, Any]], prefix: str, file: str) -> Iterator[Problem]:
    del prefix
    ids = [clause["id"] for clause in clauses]
    for code in sorted({code for code in ids if ids.count(code) > 1}):
        yield Problem("problem.clause_twice", file, column=code)


def _strange(clauses: list[Mapping[str, Any]], prefix: str, file: str) -> Iterator[Problem]:
    for clause in clauses:
        if prefix and not clause["id"].startswith(f"{prefix}-"):
            yield Problem("problem.clause_prefix", file, column=clause["id"], details={"prefix": prefix})


def _misquoted(clauses: list[Mapping[str, Any]], prefix: str, file: str) -> Iterator[Problem]:
    for clause in clauses:
        quote = clause.get("quote")
        if prefix and isinstance(quote, str) and quote and not is_quoted(quote, prefix):
            yield Problem("problem.quote_unknown", file, column=f"{clause['id']}.quote", value=quote)


def _wrong_rules(clauses: list[Mapping[str, Any]], prefix: str, file: str) -> Iterator[Problem]:
    """Yield the faults of the rule tables, each read as if all that stands beside it were sound."""
    del prefix
    for clause in clauses:
        table = clause.get("rule")
        if not isinstance(table, Mapping):
            continue
        where = f"{clause['id']}.rule"
        numbers = dict(table)
        name = str(numbers.pop("rule", ""))
        kind = RULES.get(name)
        if kind is None:
            details = {"choices": ", ".join(RULES)}
            yield Problem("problem.choice", file, column=f"{where}.rule", value=name, details=details)
            continue
        strength = clause.get("strength")
        beside = {
            "strength": strength if strength in list(POLICY) else Strength.MUST,
            "source": file,
            "basis": Basis.ASSUMED,
        }
        try:
            rule = _adapter(kind).validate_python(beside | numbers)
        except pydantic.ValidationError as error:
            known = [one.name for one in fields(kind)]
            yield from problems_of(error, file, lambda _, known=known: known, _below(where))  # type: ignore[misc]
            continue
        for one in getattr(rule, "kinds", ()):
            if one not in INSTITUTION_KINDS:
                details = {"choices": ", ".join(INSTITUTION_KINDS)}
                yield Problem("problem.choice", file, column=f"{where}.kinds", value=one, details=details)


def _below(where: str) -> Callable[[tuple[str, ...]], str]:
    return lambda place: ".".join((where, *place))


@cache
def _adapter(kind: type[Rule]) -> pydantic.TypeAdapter[Rule]:
    return pydantic.TypeAdapter(kind)


def year_of(deadline: int, years: Sequence[int], as_of: int) -> int | None:
    """Return the plan year in which a deadline holds: the layout that stands when it comes is that of this year.

    That is the last plan year that is not after it. A deadline before all plan years holds in the first of them; one
    after the last is beyond the plan (None), and one that has passed stays as it is: it is reported, not planned.

    >>> [year_of(deadline, (2025, 2027, 2030), as_of=2024) for deadline in (2023, 2025, 2026, 2028, 2030, 2031)]
    [2023, 2025, 2025, 2027, 2030, None]
    >>> year_of(2025, (2027, 2030), as_of=2024)
    2027
    """
    if not years or deadline > years[-1]:
        return None
    if has_passed(deadline, as_of, years[0]):
        return deadline
    return max((year for year in years if as_of <= year <= deadline), default=years[0])


def has_passed(deadline: int, as_of: int, first: int) -> bool:
    """Tell whether a deadline's year has passed when a plan speaks from a year and begins with a first plan year.

    >>> has_passed(2024, as_of=2024, first=2025), has_passed(2025, as_of=2024, first=2027)
    (True, False)
    """
    return deadline < as_of or deadline == as_of < first


def is_quoted(quote: str, document: str) -> bool:
    """Tell whether words stand in a document: each run of 12 characters of theirs, blanks left out, is one of its runs.

    Of the document only the hashes of these runs are kept (see `shingles`). A document of which none are kept says
    nothing against any words. Words shorter than a run are too short to be proven.
    """
    known = _known(document)
    return known is None or (len(squeeze(quote)) >= SHINGLE and set(shingles(quote)) <= known)


def squeeze(text: str) -> str:
    """Return a text without blanks: line ends and indents are no words."""
    return "".join(text.split())


def shingles(text: str) -> Iterator[bytes]:
    """Yield the hash of every run of 12 characters of a text, blanks left out (5 bytes of BLAKE2)."""
    plain = squeeze(text)
    for at in range(len(plain) - SHINGLE + 1):
        yield hashlib.blake2b(plain[at : at + SHINGLE].encode(), digest_size=_DIGEST).digest()


@cache
def _known(document: str) -> frozenset[bytes] | None:
    file = bundled() / "models" / FOLDER / "shingles" / f"{document}.bin"
    if not file.is_file():
        return None
    raw = file.read_bytes()
    return frozenset(raw[at : at + _DIGEST] for at in range(0, len(raw), _DIGEST))


def hashed(text: str) -> bytes:
    """Return what is kept of a document to prove quotations from it: the hashes of its runs, each once, in order."""
    return b"".join(sorted(set(shingles(text))))
