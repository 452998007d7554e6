"""Which rules a model has: its own, and those of the clauses in force, with what it changes in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocate.errors import ModelError, Problem
from allocate.policies import Clause, Document, has_passed, is_quoted, policy_of

# What a model may change in a clause beside the numbers of its rule.
_ON = "on"


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
        Why a clause with a rule stands in none of the two.
    """

    own: Mapping[str, Any]
    clauses: Mapping[str, dict[str, Any]]
    in_force: Mapping[str, Clause]
    documents: Mapping[str, Document]
    silent: Mapping[str, str]

    @classmethod
    def of(cls, content: Mapping[str, Any], file: str, problems: list[Problem]) -> "Rulebook":
        """Read the documents in a model's content, and put their clauses beside its rules."""
        in_force, documents = _read(content, problems)
        rules = content.get("rules", {})
        own = rules if isinstance(rules, Mapping) else {}
        cited = {str(entry.get("clause")) for entry in own.values() if isinstance(entry, Mapping)}
        completed = {name: _completed(name, entry, in_force, documents, file, problems) for name, entry in own.items()}
        changes = content.get("clauses", {})
        changes = changes if isinstance(changes, Mapping) else {}
        _refuse_strange(content, changes, in_force, documents, file, problems)
        tables: dict[str, dict[str, Any]] = {}
        silent: dict[str, str] = {}
        for code, clause in in_force.items():
            change = changes.get(code) or {}
            if clause.rule is None or code in cited or not isinstance(change, Mapping):
                continue
            years, beyond = _plan_years(clause, content)
            if change.get(_ON) is False or beyond:
                silent[code] = "clause.off" if change.get(_ON) is False else "clause.beyond"
                continue
            document = documents[code.split("-")[0]]
            change = {key: value for key, value in change.items() if key != _ON}
            tables[code] = (
                {"strength": clause.strength, "years": years} | _told(clause, document) | clause.rule | change
            )
        return cls(completed, tables, in_force, documents, silent)


def _read(content: Mapping[str, Any], problems: list[Problem]) -> tuple[dict[str, Clause], dict[str, Document]]:
    found: dict[str, Clause] = {}
    documents: dict[str, Document] = {}
    entries = content.get("documents", {})
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        try:
            policy = policy_of(entry if isinstance(entry, Mapping) else {}, f"{name}.toml")
        except ModelError as error:
            problems += error.problems
            continue
        twice = sorted(set(policy.clauses) & set(found))
        problems += [Problem("problem.clause_twice", f"{name}.toml", column=code) for code in twice]
        found |= policy.clauses
        documents[policy.document.id] = policy.document
    return found, documents


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
    file: str,
    problems: list[Problem],
) -> Any:
    """Return a rule's table with what it leaves to the clause that it cites; what it says itself stands."""
    clause = clauses.get(str(entry.get("clause"))) if isinstance(entry, Mapping) else None
    if clause is None:
        return entry
    document = documents[clause.id.split("-")[0]]
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

    A deadline holds in the first plan year that is not before it. A deadline before the plan speaks is kept as it is:
    it is reported, not planned.
    """
    plan = content.get("years")
    years = [year for year in plan if isinstance(year, int)] if isinstance(plan, list | tuple) else []
    starts = int(str(content.get("as_of", "0"))[:4] or 0) if str(content.get("as_of", ""))[:4].isdigit() else 0
    found = []
    for year in clause.years:
        later = [one for one in years if one >= year]
        if years and has_passed(year, starts, years[0]):
            found.append(year)
        elif later:
            found.append(min(later))
    return sorted(set(found)), bool(clause.years) and not found


def _refuse_strange(
    content: Mapping[str, Any],
    changes: Mapping[str, Any],
    clauses: Mapping[str, Clause],
    documents: Mapping[str, Document],
    file: str,
    problems: list[Problem],
) -> None:
    """Name every clause that a model speaks of and that does not exist, or has no rule to be changed."""
    adopted = content.get("adopt")
    named = {
        f"rules.{name}.clause": str(entry["clause"])
        for name, entry in _tables(content.get("rules"))
        # A clause of a planner's own paper may have any name; one of a document that is in force must exist.
        if "clause" in entry and str(entry["clause"]).split("-")[0] in documents
    }
    named |= {f"adopt[{n}]": str(code) for n, code in enumerate(adopted if isinstance(adopted, list | tuple) else ())}
    named |= {f"clauses.{code}": str(code) for code in changes}
    for column, code in named.items():
        if code not in clauses:
            problems.append(Problem("problem.clause_unknown", file, column=column, value=code))
        elif column.startswith("clauses.") and clauses[code].rule is None:
            problems.append(Problem("problem.clause_no_rule", file, column=column))


def _tables(entries: Any) -> list[tuple[str, Mapping[str, Any]]]:
    found = entries.items() if isinstance(entries, Mapping) else ()
    return [(str(name), entry) for name, entry in found if isinstance(entry, Mapping)]
