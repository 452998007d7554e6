"""Which rules a model has: its own, and those of the clauses in force, with what it changes in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pydantic

from allocate.errors import ModelError, Problem
from allocate.faults import problems_of
from allocate.policies import Clause, Document, is_quoted, policy_of, prefix_in, prefix_of, year_of
from allocate.rows import POLICY, Strength
from allocate.words import LANGUAGES, both, say, say_in

# What a model may say of any clause; of one with a rule, also the numbers of the rule.
_ON = "on"
_ASIDE = (_ON, "strength", "years", "weight")
# Where a changed number comes from is no number.
_ORIGIN = ("basis", "source")
# What a rule says of its clause; a model cannot change the words of a document.
_WORDS = ("clause", "document", "status", "quote")
# What stands for the clause of a document that could not be read, so that nothing else is said of it.
_UNREAD = {"strength": "must", "source": "unread", "basis": "assumed"}


class _Aside(pydantic.BaseModel):
    """What a model changes in a clause without a rule."""

    model_config = pydantic.ConfigDict(extra="ignore", allow_inf_nan=False)

    strength: Strength | None = None
    years: tuple[pydantic.StrictInt, ...] | None = None
    weight: float | None = pydantic.Field(default=None, gt=0)

    @pydantic.field_validator("strength")
    @classmethod
    def _gives_way(cls, strength: Strength) -> Strength:
        if strength not in POLICY:
            raise ValueError(say("reason.choice", choices=", ".join(POLICY)))
        return strength


@dataclass(frozen=True)
class Rulebook:
    """The rules of a model as tables, not yet checked one by one.

    Attributes
    ----------
    own
        Tables of the model's own rules, each completed by the clause that it cites.
    clauses
        Tables of the clauses that have a rule and that no rule of the model cites, by id.
    in_force, documents
        All clauses in force by id, and their documents by prefix.
    silent
        Why a clause is not asked for: switched off, or beyond the plan.
    """

    own: Mapping[str, Any]
    clauses: Mapping[str, dict[str, Any]]
    in_force: Mapping[str, Clause]
    documents: Mapping[str, Document]
    silent: Mapping[str, str]

    @classmethod
    def of(cls, content: Mapping[str, Any], file: str, problems: list[Problem], *, whole: bool = True) -> "Rulebook":
        """Read the documents in a model's content, and put their clauses beside its rules.

        Where the content is not `whole`, a document is missing in it: nothing is said of clauses that may stand there.
        """
        in_force, documents, broken = _read(content, problems)
        if not whole:
            broken.add("")
        rules = content.get("rules", {})
        own = rules if isinstance(rules, Mapping) else {}
        cited: dict[str, list[str]] = {}
        for name, entry in _tables(own):
            cited.setdefault(str(entry.get("clause")), []).append(name)
            if not isinstance(entry.get(_ON, True), bool):
                problems.append(_no_switch(entry[_ON], f"rules.{name}", file))
        asked = {name: _switched(entry) for name, entry in own.items()}
        completed = {
            name: _completed(name, entry, in_force, documents, broken, file, problems)
            for name, entry in asked.items()
            if entry is not None
        }
        changes = dict(_tables(content.get("clauses")))
        _refuse_strange(content, changes, in_force, documents, broken, file, problems)
        _refuse_cited(changes, in_force, cited, file, problems)
        tables: dict[str, dict[str, Any]] = {}
        silent: dict[str, str] = {}
        for code, clause in list(in_force.items()):
            change = dict(changes.get(code, {}))
            if code in cited:
                if all(asked[name] is None for name in cited[code]):
                    # (Whoever switches off the rule that serves a clause does not ask for the clause itself instead.)
                    silent[code] = "clause.off"
                continue
            if not isinstance(change.get(_ON, True), bool):
                problems.append(_no_switch(change[_ON], f"clauses.{code}", file))
            if change.pop(_ON, True) is False:
                silent[code] = "clause.off"
            if clause.rule is None:
                in_force[code] = _changed(clause, change, file, problems)
                continue
            years, beyond = _plan_years(clause, content)
            if beyond and "years" not in change:
                silent.setdefault(code, "clause.beyond")
            problems += [
                Problem("problem.clause_words", file, column=f"clauses.{code}.{key}") for key in _WORDS if key in change
            ]
            if code in silent:
                continue
            told = _told(clause, documents[prefix_of(code)])
            table = {"strength": clause.strength, "years": years} | told | clause.rule
            tables[code] = table | _origin(clause, change, told["source"]) | change
        return cls(completed, tables, in_force, documents, silent)


def _read(
    content: Mapping[str, Any], problems: list[Problem]
) -> tuple[dict[str, Clause], dict[str, Document], set[str]]:
    """Return the clauses and documents in force, and the prefixes of the documents with faults."""
    found: dict[str, Clause] = {}
    documents: dict[str, Document] = {}
    broken: set[str] = set()
    entries = content.get("documents", {})
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        table = entry if isinstance(entry, Mapping) else {}
        try:
            policy = policy_of(table, f"{name}.toml")
        except ModelError as error:
            problems += error.problems
            broken.add(prefix_in(table))
            continue
        twice = sorted(set(policy.clauses) & set(found))
        problems += [Problem("problem.clause_twice", f"{name}.toml", column=code) for code in twice]
        found |= policy.clauses
        documents[policy.document.id] = policy.document
    return found, documents, broken


def _is_unread(code: str, broken: set[str]) -> bool:
    """Tell whether a clause may stand in a document that could not be read; one without a prefix may hold any."""
    return "" in broken or prefix_of(code) in broken


def _switched(entry: Any) -> Any:
    """Return a table of a rule without its switch; None where it is switched off."""
    if not isinstance(entry, Mapping) or _ON not in entry:
        return entry
    return None if entry[_ON] is False else {key: value for key, value in entry.items() if key != _ON}


def _no_switch(value: Any, where: str, file: str) -> Problem:
    shown = value if isinstance(value, str | int | float) else None
    details = {"reason": say("reason.true_or_false")}
    return Problem("problem.key_value", file, column=f"{where}.{_ON}", value=shown, details=details)


def _origin(clause: Clause, change: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return where the numbers of a clause come from once a model has changed some: they are no longer the document's.

    What the model says of them itself stands.
    """
    old = clause.rule or {}
    keys = [
        key
        for key, value in change.items()
        if key not in (*_ASIDE, *_ORIGIN, *_WORDS) and (key not in old or old[key] != value)
    ]
    if not keys:
        return {}
    return {"basis": "assumed", "source": both("note.number_changed", keys=", ".join(keys), source=source)}


def _changed(clause: Clause, change: Mapping[str, Any], file: str, problems: list[Problem]) -> Clause:
    """Return a clause without a rule as the model has it; its note says which strength the document had."""
    where = f"clauses.{clause.id}"
    strange = [key for key in change if key not in _ASIDE]
    details = {"keys": ", ".join(_ASIDE)}
    problems += [Problem("problem.clause_no_rule", file, column=f"{where}.{key}", details=details) for key in strange]
    try:
        read = _Aside.model_validate(dict(change))
    except pydantic.ValidationError as error:
        problems += problems_of(error, file, lambda _: list(_ASIDE), lambda place: ".".join((where, *place)))
        return clause
    new: dict[str, Any] = {} if read.years is None else {"years": read.years}
    if read.strength is not None and read.strength is not clause.strength:
        new["strength"] = read.strength
        if clause.strength is not None:
            new["note"] = {
                chosen: " ".join(
                    filter(
                        None,
                        (
                            (clause.note or {}).get(chosen, ""),
                            say_in(chosen, "note.strength_changed", old=say_in(chosen, f"strength.{clause.strength}")),
                        ),
                    )
                )
                for chosen in LANGUAGES
            }
    return clause.model_copy(update=new) if new else clause


def _told(clause: Clause, document: Document) -> dict[str, Any]:
    """Return what a rule says of the clause that it serves."""
    source = clause.source or f"{document.title['zh']} {clause.at} · {document.title['en']} {clause.at}"
    return {
        "clause": clause.id,
        "document": document.title["zh"],
        "status": document.status,
        "quote": clause.quote,
        "source": source,
        "basis": str(clause.basis),
    }


def _completed(
    name: str,
    entry: Any,
    clauses: Mapping[str, Clause],
    documents: Mapping[str, Document],
    broken: set[str],
    file: str,
    problems: list[Problem],
) -> Any:
    """Return a rule's table with what it leaves to the clause that it cites; what it says itself stands."""
    clause = clauses.get(str(entry.get("clause"))) if isinstance(entry, Mapping) else None
    if clause is None:
        unread = isinstance(entry, Mapping) and "clause" in entry and _is_unread(str(entry["clause"]), broken)
        return _UNREAD | dict(entry) if unread else entry
    document = documents[prefix_of(clause.id)]
    quote = str(entry.get("quote", ""))
    if quote and quote not in clause.quote and not is_quoted(quote, document.id):
        problems.append(Problem("problem.quote_unknown", file, column=f"rules.{name}.quote", value=quote))
    told = _told(clause, document)
    if "source" in entry:
        # A number with a source of its own has a basis of its own.
        told.pop("basis")
    return {"strength": clause.strength} | told | dict(entry)


def _plan_years(clause: Clause, content: Mapping[str, Any]) -> tuple[list[int], bool]:
    """Return the plan years in which a clause holds, and whether all of its years lie beyond the plan.

    A deadline that has passed stays as it is: it is reported, not planned (see `year_of`).
    """
    plan = content.get("years")
    years = sorted(year for year in plan if isinstance(year, int)) if isinstance(plan, list | tuple) else []
    starts = int(str(content.get("as_of", "0"))[:4] or 0) if str(content.get("as_of", ""))[:4].isdigit() else 0
    found = {year_of(year, years, starts) for year in clause.years} - {None}
    return sorted(year for year in found if year is not None), bool(clause.years) and not found


def _refuse_strange(
    content: Mapping[str, Any],
    changes: Mapping[str, Any],
    clauses: Mapping[str, Clause],
    documents: Mapping[str, Document],
    broken: set[str],
    file: str,
    problems: list[Problem],
) -> None:
    """Name every clause that a model speaks of and that does not exist."""
    adopted = content.get("adopt")
    named = {
        f"rules.{name}.clause": str(entry["clause"])
        for name, entry in _tables(content.get("rules"))
        # A clause of a planner's own paper may have any name; one of a document that is in force must exist.
        if "clause" in entry and prefix_of(str(entry["clause"])) in documents
    }
    named |= {f"adopt[{n}]": str(code) for n, code in enumerate(adopted if isinstance(adopted, list | tuple) else ())}
    named |= {f"clauses.{code}": str(code) for code in changes}
    # (Of a document that is not named, the clauses that rules cite are all that is known.)
    policies, entries = content.get("policies"), dict(_tables(content.get("documents")))
    named_whole = policies if isinstance(policies, list | tuple) else ()
    whole = {prefix_in(entries[str(name)]) for name in named_whole if str(name) in entries}
    answering = [(f"functions.{name}", table) for name, table in _tables(content.get("functions"))]
    answering += [(name, table) for name, table in _tables(content) if name == "consortia"]
    for name, table in answering:
        codes = table.get("clauses")
        numbered = enumerate(codes if isinstance(codes, list) else ())
        named |= {f"{name}.clauses[{n}]": str(code) for n, code in numbered if prefix_of(str(code)) in whole}
    problems += [
        Problem("problem.clause_unknown", file, column=column, value=code)
        for column, code in named.items()
        if code not in clauses and not _is_unread(code, broken)
    ]


def _refuse_cited(
    changes: Mapping[str, Mapping[str, Any]],
    clauses: Mapping[str, Clause],
    cited: Mapping[str, list[str]],
    file: str,
    problems: list[Problem],
) -> None:
    """Name every clause that a model changes beside a rule of its own that serves it: only the rule counts."""
    problems += [
        Problem("problem.clause_cited", file, column=f"clauses.{code}", details={"names": ", ".join(cited[code])})
        for code in changes
        if code in clauses and code in cited
    ]


def _tables(entries: Any) -> list[tuple[str, Mapping[str, Any]]]:
    found = entries.items() if isinstance(entries, Mapping) else ()
    return [(str(name), entry) for name, entry in found if isinstance(entry, Mapping)]
