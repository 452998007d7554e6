"""What is odd in the clauses of a model before anything is solved; `allocate check` says it, and nothing is stopped."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from math import ceil

from allocate.case import Case
from allocate.contradictions import contradictions
from allocate.district import District
from allocate.findings import Book, Finding, Value, each, listed, shown
from allocate.implied import implies
from allocate.model import Model
from allocate.policies import Clause, prefix_of
from allocate.rows import POLICY, Strength
from allocate.rules import RULES, Function, Presence, Rate, Rule, Total
from allocate.units import exact
from allocate.unmeetable import unmeetable
from allocate.words import LANGUAGES, say_in, term

# What a rule says beside its numbers.
_NO_NUMBERS = {"strength", "source", "basis", "clause", "document", "status", "quote", "weight", "years"}


def findings(model: Model, district: District, case: Case) -> list[Finding]:
    """Return everything odd about the clauses of a model, by kind and then in the order of the model."""
    book = Book(model, district, case)
    looks: tuple[Callable[[Book], Iterator[Finding]], ...] = (
        *(contradictions, _counts_and_rates, _dominated, unmeetable),
        *(_partly, _past, _beyond, _drafts, _regimes, _empty, _changed),
    )
    return [found for look in looks for found in look(book)]


def _counts_and_rates(book: Book) -> Iterator[Finding]:
    """Yield a total and a rate of one resource in one year: they agree at one number of people only."""
    totals = {name: rule for name, rule in book.rules.items() if isinstance(rule, Total)}
    rates = {name: rule for name, rule in book.rules.items() if isinstance(rule, Rate)}
    for first, total in totals.items():
        for second, rate in rates.items():
            years = sorted(set(book.years(total)) & set(book.years(rate)))
            if total.resource != rate.resource or not years or total.at_least is None or rate.at_least is None:
                continue
            number, share = exact(total.at_least), exact(rate.at_least) / rate.per
            # (The people of a year before the plan are those of its first one.)
            t = next((t for t, year in enumerate(book.case.years) if year in years), 0)
            people = round(rate.people(book.case, t))
            counted = number / share
            details: dict[str, Value] = {
                "count": book.cite(first),
                "rate": book.cite(second),
                "people": f"{round(counted):,}",
                "here": f"{people:,}",
                "number": shown(number),
                "by_rate": f"{ceil(share * people):,}",
            }
            more = share * people - number
            words = "finding.rate_binds" if more > 0 else "finding.count_binds" if more < 0 else "finding.count_is_rate"
            yield Finding("count_rate", (first, second), words, details)


def _dominated(book: Book) -> Iterator[Finding]:
    """Yield every rule that asks for no more than another one of its strength or stronger does."""
    order = {name: n for n, name in enumerate(book.rules)}
    for weak, rule in book.rules.items():
        best: tuple[tuple[int, int], str, int] | None = None
        for strong, other in book.rules.items():
            if strong == weak or not _outranks(book, strong, weak):
                continue
            number = implies(other, rule, book.case, book.standing)
            # Of two that say the same, the one that comes first is kept.
            twins = number is not None and order[strong] > order[weak] and _outranks(book, weak, strong)
            if number is None or (twins and implies(rule, other, book.case, book.standing) is not None):
                continue
            rank = (POLICY.index(other.strength), order[strong])
            if best is None or rank < best[0]:
                best = rank, strong, number
        if best is not None:
            _, strong, number = best
            details: dict[str, Value] = {"weak": book.cite(weak), "strong": book.cite(strong), "number": number}
            words = (
                "finding.implied"
                if not number
                else "finding.implied_here"
                if isinstance(rule, Function)
                else "finding.implied_number"
            )
            yield Finding("dominated", (weak, strong), words, details)


def _outranks(book: Book, strong: str, weak: str) -> bool:
    """Tell whether a rule may stand for another: as strong, holding whenever it holds, and no draft beside law."""
    one, two = book.rules[strong], book.rules[weak]
    firm = POLICY.index(one.strength) <= POLICY.index(two.strength)
    law = not book.is_draft(strong) or book.is_draft(weak)
    return firm and law and set(book.years(two)) <= set(book.years(one))


def _partly(book: Book) -> Iterator[Finding]:
    """Yield the clauses that stay undecided because the model knows some of what they count, and not the rest."""
    for name, rule in book.rules.items():
        for words, asked, known in (
            ("finding.functions_unknown", rule.abilities, set(book.model.functions)),
            ("finding.resources_unknown", rule.resources, set(book.model.resources)),
        ):
            missing = [one for one in dict.fromkeys(asked) if one not in known]
            if missing and len(missing) < len(set(asked)) and rule.needs <= book.model.decided:
                names: dict[str, str] = {
                    chosen: say_in(chosen, "finding.comma").join(
                        one if term(one, chosen) == one else f"{one} ({term(one, chosen)})" for one in missing
                    )
                    for chosen in LANGUAGES
                }
                yield Finding("undecided", (name,), words, {"clause": book.cite(name), "missing": names})


def _past(book: Book) -> Iterator[Finding]:
    """Yield the clauses whose every deadline lies before the plan speaks."""
    model = book.model
    dated = {name: rule.years for name, rule in book.rules.items()}
    answered = {rule.clause for rule in book.model.rules.values()}
    for code, clause in book.model.clauses.items():
        # (What a document only reports of a year has no strength.)
        if (
            clause.role in ("decision", "indicator")
            and clause.strength
            and not book.is_foreign(code)
            and code not in answered
        ):
            dated.setdefault(code, clause.years)
    for name, years in dated.items():
        if years and all(map(model.has_passed, years)) and name not in book.model.silent:
            details: dict[str, Value] = {
                "clause": book.cite(name),
                "year": max(years),
                "as_of": book.model.as_of.isoformat(),
            }
            yield Finding("past", (name,), "finding.past_deadline", details)
    first = book.model.years[0]
    for name, rule in book.rules.items():
        cited = book.model.clauses.get(rule.clause)
        if (
            cited
            and cited.years
            and max(cited.years) < first
            and not model.has_passed(max(cited.years))
            and set(rule.years) & set(book.model.years)
        ):
            details = {"clause": book.cite(name), "year": max(cited.years), "first": first}
            yield Finding("past", (name,), "finding.late_deadline", details)


def _beyond(book: Book) -> Iterator[Finding]:
    """Yield the clauses whose deadline lies beyond the plan."""
    for code, why in book.model.silent.items():
        if why == "clause.beyond" and not book.is_foreign(code):
            details: dict[str, Value] = {
                "clause": book.cite(code),
                "year": max(book.model.clauses[code].years),
                "last": book.model.years[-1],
            }
            yield Finding("beyond", (code,), "finding.beyond_plan", details)


def _drafts(book: Book) -> Iterator[Finding]:
    """Yield the documents that are drafts, with the clauses that come from them."""
    for prefix, document in book.model.documents.items():
        codes = _demands(book, prefix)
        if document.status == "draft" and codes and not book.is_foreign(codes[0]):
            details: dict[str, Value] = {
                "document": document.title,
                "count": len(codes),
                "clauses": listed(codes),
            }
            yield Finding("draft", tuple(codes), "finding.draft_document", details)


def _regimes(book: Book) -> Iterator[Finding]:
    """Yield the documents that bind another kind of district, or that differ where the model does not say which."""
    model = book.model
    bound = {prefix: document.regime for prefix, document in model.documents.items() if document.regime != "city"}
    for prefix, regime in bound.items():
        codes = _demands(book, prefix)
        details: dict[str, Value] = {
            "document": model.documents[prefix].title,
            "theirs": each(f"regime.{regime}"),
            "count": len(codes),
            "clauses": listed(codes),
        }
        if model.regime and regime != model.regime:
            details["ours"] = each(f"regime.{model.regime}")
            yield Finding("regime", tuple(codes), "finding.other_regime", details)
        elif not model.regime and len(set(bound.values())) > 1:
            yield Finding("regime", tuple(codes), "finding.mixed_regimes", details)


def _demands(book: Book, prefix: str) -> list[str]:
    """Return the clauses of a document that ask for something."""
    return [
        code
        for code, clause in book.model.clauses.items()
        if prefix_of(code) == prefix and clause.role in ("rule", "decision")
    ]


def _empty(book: Book) -> Iterator[Finding]:
    """Yield the clauses about kinds of institution or place of which there is none here, and none can be opened."""
    here = {one.kind for one in book.district.institutions} | set(book.model.siting)
    grounds = {place.kind for place in book.district.places}
    asked = {name: set(getattr(rule, "kinds", getattr(rule, "to", ()))) for name, rule in book.rules.items()}
    answered = {rule.clause for rule in book.model.rules.values()}
    for code, clause in book.model.clauses.items():
        if (
            clause.role == "decision"
            and code not in answered
            and code not in book.model.silent
            and not book.is_foreign(code)
        ):
            asked[code] = set(clause.kinds)
    for name, kinds in asked.items():
        rule = book.rules.get(name)
        spots = set(rule.places) if isinstance(rule, Presence) else set()
        # (Rounds go to villages and towns, which are no kinds of institution.)
        kinds = kinds if not isinstance(getattr(rule, "to", ()), str) else set()
        gone = sorted(kinds) if kinds and not kinds & here else sorted(spots) if spots and not spots & grounds else []
        if gone:
            names: dict[str, str] = {
                chosen: say_in(chosen, "finding.comma").join(say_in(chosen, f"kind.{one}") for one in gone)
                for chosen in LANGUAGES
            }
            yield Finding("empty", (name,), "finding.no_such_kind", {"clause": book.cite(name), "kinds": names})


def _changed(book: Book) -> Iterator[Finding]:
    """Yield every clause that the model hardens, softens, switches off or gives other numbers than its document."""
    for code, why in book.model.silent.items():
        if why == "clause.off":
            yield Finding("changed", (code,), "finding.switched_off", {"clause": book.cite(code)})
    for name, rule in book.model.rules.items():
        clause = book.model.clauses.get(rule.clause)
        if clause is None or rule.strength is Strength.PHYSICS:
            continue
        if clause.strength is not None and clause.strength is not rule.strength:
            weaker = POLICY.index(clause.strength) < POLICY.index(rule.strength)
            details: dict[str, Value] = {
                "clause": book.cite(name),
                "old": each(f"strength.{clause.strength}"),
                "new": each(f"strength.{rule.strength}"),
            }
            yield Finding("changed", (name,), "finding.softened" if weaker else "finding.hardened", details)
        if clause.rule is None:
            details = {"clause": book.cite(name), "role": each(f"clause.{clause.role}")}
            yield Finding("changed", (name,), "finding.rule_of_its_own", details)
            continue
        changes = [*_differences(clause, rule), *_other_years(book, clause, rule)]
        if changes:
            details = {"clause": book.cite(name), "changes": listed(changes)}
            yield Finding("changed", (name,), "finding.numbers", details)


def _differences(clause: Clause, rule: Rule) -> list[str]:
    """Return the keys of a rule that say something else than its clause does, with both values."""
    theirs = dict(clause.rule or {})
    kind = str(theirs.pop("rule", ""))
    if RULES.get(kind) is not type(rule):
        return [f"rule {kind} → {next(name for name, one in RULES.items() if one is type(rule))}"]
    found = []
    for one in fields(rule):
        ours = getattr(rule, one.name)
        old = theirs.get(one.name, one.default if one.name not in theirs else None)
        old = getattr(old, "default", old)
        old = tuple(old) if isinstance(old, list) else old
        if one.name not in _NO_NUMBERS and ours != old:
            found.append(f"{one.name} {_written(old)} → {_written(ours)}")
    return found


def _other_years(book: Book, clause: Clause, rule: Rule) -> Iterator[str]:
    """Yield the years of a rule where the model holds it in others than its clause's deadlines fall into."""
    model = book.model
    asked = {model.year_of(year) for year in clause.years}
    if asked and set(book.years(rule)) != asked - {None}:
        yield f"years {_written(clause.years)} → {_written(book.years(rule))}"


def _written(value: object) -> str:
    """Return a value of a model file as a planner would write it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return "—" if value is None or value == "" else str(value)
