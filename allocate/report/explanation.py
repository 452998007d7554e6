"""An explanation as lines for the terminal: conflicts in the planner's words, ways out to run, what clauses cost."""

import shlex
from collections.abc import Iterable, Iterator, Mapping

from allocate.card import sentence
from allocate.errors import AllocateError
from allocate.explain import Explained, Explanation, Price, Prices
from allocate.model import Model, changed
from allocate.repairs import Repair
from allocate.report.summary import percent_exact, percent_up
from allocate.rules import Rule
from allocate.words import language, say, term, visible

# Places, towns and sites are named up to this number.
_MOST_NAMES = 8
# Keys of a rule that name a resource that it counts.
_COUNTED = ("resource", "to")


def explanation_lines(found: Explanation, model: Model) -> Iterator[str]:
    """Yield what was found about the clauses of a model: whether they hold together, conflicts, ways out."""
    yield from (visible(line) for line in _lines(found, model))


def price_lines(found: Prices, model: Model) -> Iterator[str]:
    """Yield what the clauses of a plan cost, dearest first, then the clauses that were not reached."""
    yield from (visible(line) for line in _price_lines(found, model))


def _lines(found: Explanation, model: Model) -> Iterator[str]:
    yield say("explain.head", count=len(found.clauses), passed=len(found.passed_over))
    if found.holds:
        yield say("explain.holds" if found.clauses else "explain.nothing")
    for number, conflict in enumerate(found.conflicts, 1):
        yield from _conflict(number, conflict, found, model)
    for names in found.undecided:
        yield say("explain.undecided", names=_joined(sorted(names)))
    if not found.is_complete:
        yield say("explain.incomplete")


def _conflict(number: int, conflict: Explained, found: Explanation, model: Model) -> Iterator[str]:
    core = conflict.core
    yield say("explain.conflict" if len(core.names) > 1 else "explain.alone", number=number, count=len(core.names))
    for name in sorted(core.names):
        yield from _clause(name, model.rules[name])
    years = sorted({part.year for part in core.verdict.parts})
    ids = dict.fromkeys(name for part in core.verdict.parts for name in part.ids)
    if years:
        yield say("explain.years", years=_joined(map(str, years)))
    if ids:
        yield say("explain.parts", names=_named(ids, found.names))
    if core.verdict.physics:
        yield say("explain.physics", names=_joined(core.verdict.physics))
    for name in _limited((*sorted(core.names), *core.verdict.physics), model):
        yield say("explain.joining", resource=name, says=term(name), number=f"{model.resources[name].per_year:,}")
    yield say(f"explain.by_{core.verdict.proof}", percent=percent_exact(core.verdict.bound))
    if not core.irreducible:
        yield say("explain.reducible")
    yield say("explain.repairs" if conflict.repairs else "explain.no_repair")
    for repair in conflict.repairs:
        yield from _repair(repair, found, model)


def _limited(names: Iterable[str], model: Model) -> list[str]:
    """Return the resources of which the model lets only so many join in a year, among all that rules count."""
    rules = [vars(model.rules[name]) for name in names if name in model.rules]
    found = [str(values[key]) for values in rules for key in _COUNTED if key in values]
    for name in found:
        # (What a sum, a part or a team is made of is looked at in its turn.)
        resource = model.resources.get(name)
        others = (resource.sum_of, resource.part_of, *resource.needs) if resource else ()
        found += [other for other in others if other and other not in found]
    known = dict.fromkeys(name for name in found if name in model.resources)
    return [name for name in known if model.resources[name].per_year is not None]


def _clause(name: str, rule: Rule) -> Iterator[str]:
    yield say("explain.clause", name=name, strength=say(f"strength.{rule.strength}"), says=sentence(rule, language()))
    if rule.quote:
        yield say("explain.quote", quote=rule.quote, document=rule.document or rule.source)
    else:
        yield say("explain.source", source=rule.source)


def _repair(repair: Repair, found: Explanation, model: Model) -> Iterator[str]:
    yield say("explain.repair", says=_says(repair, found, model), proven=_proven(repair))
    if repair.changes:
        # The whole line, as a shell takes it.
        yield say("explain.set", line=" ".join(f"--set {shlex.quote(f'{k}={v}')}" for k, v in repair.changes.items()))
    if repair.where:
        yield say("explain.where", names=_named(repair.where, found.names))


def _says(repair: Repair, found: Explanation, model: Model) -> str:
    told = {"rule": repair.rule, "before": repair.before, "after": repair.after}
    match repair.kind:
        case "number" | "room":
            return say("explain.says_number", **told, says=_sentence_of(repair, model), percent=_percent(repair.change))
        case "sites":
            return say("explain.says_sites", rule=repair.rule, names=_named(repair.after.split(", "), found.names))
        case "later":
            return say("explain.says_later", **told)
        case "circle":
            unit = "metres" if any(key.endswith("metres") for key in repair.changes) else "minutes"
            return say(f"explain.says_{unit}", before=repair.before, after=repair.after)
        case "pool" | "posts" | "setting":
            return say(f"explain.says_{repair.kind}", **told, key=next(iter(repair.changes)))
        case "way" | "apart":
            return say(f"explain.says_{repair.kind}", before=repair.before, after=repair.after)
        case "row":
            return say("explain.says_row", **told, row=repair.row)
        case "weaker":
            strengths = {key: say(f"strength.{told[key]}") for key in ("before", "after")}
            return say("explain.says_weaker", rule=repair.rule, **strengths)


def _sentence_of(repair: Repair, model: Model) -> str:
    try:
        return sentence(changed(model, repair.changes).rules[repair.rule], language())
    except AllocateError:
        return repair.after


def _percent(change: float) -> str:
    return percent_exact(change) if change < 1 else f"{100 * change:.0f}"


def _proven(repair: Repair) -> str:
    if repair.kind == "weaker":
        return ""
    return say("explain.least" if repair.is_least else "explain.not_least")


def _price_lines(found: Prices, model: Model) -> Iterator[str]:
    yield say(
        "explain.prices",
        goal=say(f"stage.{found.goal}"),
        value=_amount(found.value),
        unit=say(f"unit.{found.unit}"),
        gap=percent_up(found.gap),
    )
    if not found.prices and not found.unreached:
        yield say("explain.nothing")
    for price in sorted(found.prices, key=lambda one: (-(one.most or 0.0), one.rule)):
        yield from _price(price, found, model)
    if found.unreached:
        yield say("explain.unreached", names=_joined(found.unreached))


def _price(price: Price, found: Prices, model: Model) -> Iterator[str]:
    rule = model.rules[price.rule]
    yield say(
        "explain.clause", name=price.rule, strength=say(f"strength.{rule.strength}"), says=sentence(rule, language())
    )
    told = {"value": _amount(price.value), "gap": percent_up(price.gap), "unit": say(f"unit.{found.unit}")}
    if price.least is None or price.most is None:
        yield say("explain.price_other", **told)
    else:
        span = {"least": _amount(price.least), "most": _amount(price.most)}
        yield say(f"explain.price_{price.effect}", **told, **span)
    if price.reached is not None:
        year, value, target = price.reached
        yield say("explain.reached", year=year, value=_amount(value), target=_amount(target))


def _amount(number: float) -> str:
    """Return a number with as many digits as it takes: persons and yuan whole, shares to four places."""
    return f"{number:,.0f}" if number == round(number) or abs(number) >= 1000 else f"{number:.4g}"


def _named(ids: Iterable[str], names: Mapping[str, str]) -> str:
    listed = [names.get(name, name) for name in ids]
    shown = _joined(listed[:_MOST_NAMES])
    return shown if len(listed) <= _MOST_NAMES else say("explain.more", names=shown, count=len(listed))


def _joined(names: Iterable[str]) -> str:
    return say("summary.comma").join(names)
