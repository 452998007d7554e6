"""What is odd about clauses, said so that a planner recognises them: every clause is cited in its own words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Literal

from allocate.case import Case
from allocate.district import District
from allocate.model import Model
from allocate.rows import Strength
from allocate.rules import Rule, to_go
from allocate.siting_candidates import CLOSABLE
from allocate.words import LANGUAGES, Language, language, say, say_in, visible

Kind = Literal[
    "contradiction",
    "count_rate",
    "dominated",
    "unmeetable",
    "undecided",
    "past",
    "beyond",
    "draft",
    "regime",
    "empty",
    "changed",
]
# What a sentence fills in: the same in every language, or a text for each.
Text = Mapping[str, str]
Value = str | int | Text

# Places, towns, sites or clauses that a sentence names at most, and characters of a quotation that it shows at most.
_NAMED, _QUOTED = 10, 60


@dataclass(frozen=True)
class Finding:
    """Something odd about clauses, which a planner should know before planning; it stops nothing.

    Attributes
    ----------
    kind
        What is odd.
    clauses
        Names of the rules, or ids of the clauses, that it is about.
    words
        Catalogue key of the sentence.
    details
        What the sentence fills in; a text that differs by language stands in each.
    """

    kind: Kind
    clauses: tuple[str, ...]
    words: str
    details: Mapping[str, Value] = field(default_factory=dict)

    def sentence(self) -> str:
        """Say it on one line, in the language of the session."""
        spoken = language()
        text = say(self.words, **{name: spoken_in(spoken, value) for name, value in self.details.items()})
        return visible(say("finding.said", kind=say(f"finding.{self.kind}"), text=text))


@dataclass(frozen=True)
class Book:
    """A model beside its district and case, and how its clauses are called."""

    model: Model
    district: District
    case: Case

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """Return the rules that say what is wanted here: neither physics nor the clauses of another regime."""
        return {
            name: rule
            for name, rule in self.model.rules.items()
            if rule.strength is not Strength.PHYSICS and not self.is_foreign(rule.clause)
        }

    @cached_property
    def planned(self) -> dict[str, Rule]:
        """Return those of them that the plan can still meet."""
        return {name: rule for name, rule in self.model.planned().items() if name in self.rules}

    @cached_property
    def standing(self) -> dict[str, int]:
        """Return how many sites of each kind stand in every plan: those that none may close."""
        kinds = [one.kind for one in self.district.institutions if one.kind not in CLOSABLE]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    @cached_property
    def forbidden(self) -> dict[int, dict[int, tuple[str, ...]]]:
        """Return the sites that rules forbid in each year, by index, and the rules that do."""
        found: dict[int, dict[int, tuple[str, ...]]] = {t: {} for t in self.case.periods}
        for name, rule in self.planned.items():
            for t in rule.when(self.case):
                for site in to_go(rule):
                    j = self.case.site_index[site]
                    found[t][j] = (*found[t].get(j, ()), name)
        return found

    def is_foreign(self, code: str) -> bool:
        """Tell whether a clause's document binds districts of another regime than the model's."""
        return self.model.is_foreign(code)

    def is_draft(self, name: str) -> bool:
        """Tell whether a clause stands in a draft."""
        rule = self.model.rules.get(name)
        document = self.model.document_of(rule.clause if rule else name)
        return rule.status == "draft" if rule and rule.status else bool(document and document.status == "draft")

    def years(self, rule: Rule) -> tuple[int, ...]:
        """Return the years in which a rule holds, those before the plan included."""
        return rule.years or tuple(year for year in self.model.years if rule.holds_in(year))

    def cite(self, name: str) -> Text:
        """Return what a rule or a clause is called, with its own words."""
        rule = self.model.rules.get(name)
        code = rule.clause if rule and rule.clause else name
        clause = self.model.clauses.get(code)
        own = "" if rule is None or (name == code and rule.clause) else f"rules.{name}"
        called = f"{code} ({own})" if own and code != name else own or code
        quote = (rule.quote if rule else "") or (clause.quote if clause else "")
        words: Value = quote or (clause.says if clause else rule.source if rule else "")
        key = "finding.cited_draft" if self.is_draft(name) else "finding.cited"
        return {
            chosen: say_in(chosen, key, name=called, words=_cut(spoken_in(chosen, words), _QUOTED))
            for chosen in LANGUAGES
        }

    def cite_all(self, names: Iterable[str]) -> Text:
        """Return what several rules are called."""
        cited = [self.cite(name) for name in names]
        return {chosen: say_in(chosen, "finding.and").join(one[chosen] for one in cited) for chosen in LANGUAGES}

    def places(self, indices: Iterable[int], t: int) -> Text:
        """Return the names of places with their ids and people, most people first."""
        people = {i: int(self.case.people[i, t]) for i in indices}
        ranked = sorted(people, key=lambda i: (-people[i], self.case.places[i]))
        names = {place.id: place.name for place in self.district.places}
        ids = [self.case.places[i] for i in ranked]
        return listed([f"{names[one]} {one} ({people[i]:,})" for i, one in zip(ranked, ids, strict=True)])

    def towns(self, ids: Iterable[str]) -> Text:
        """Return the names of towns; the empty id is the whole district."""
        names = self.district.town_names()
        found = list(dict.fromkeys(ids))
        return dict(self.district.name) if "" in found else listed([names.get(one, one) for one in found])

    def sites(self, indices: Iterable[int]) -> Text:
        """Return the names of sites with their ids."""
        return listed([f"{self.case.sites[j].name} ({self.case.sites[j].id})" for j in sorted(set(indices))])


def spoken_in(chosen: Language, value: Value) -> str:
    """Return what a value says in a language."""
    return value[chosen] if isinstance(value, Mapping) else str(value)


def each(key: str) -> Text:
    """Return a text of the catalogue in every language."""
    return {chosen: say_in(chosen, key) for chosen in LANGUAGES}


def listed(names: list[str]) -> Text:
    """Return names as a list, cut after the first ten with the number of the others."""
    shown, others = names[:_NAMED], len(names) - _NAMED
    texts: dict[str, str] = {}
    for chosen in LANGUAGES:
        text = say_in(chosen, "finding.comma").join(shown)
        texts[chosen] = say_in(chosen, "finding.and_more", names=text, count=others) if others > 0 else text
    return texts


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown(number: Fraction) -> str:
    """Return a number as people write it, with two decimals at most."""
    return f"{float(number):,.2f}".rstrip("0").rstrip(".")
