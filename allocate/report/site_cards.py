"""A card for every site of a plan: what, when and why, who would lose without it, where else it could stand."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from allocate.report.belonging import function_name, holds
from allocate.report.candidate_tables import say_kept
from allocate.report.known_today import unlisted
from allocate.report.reasons import reason
from allocate.report.summary import assumed_stock, stage_key
from allocate.report.table import Content, Source, clean
from allocate.tables import BASES, ENDS, INSTITUTION_KINDS, NOT_GONE_TO, POPULATION
from allocate.travel.links import HOW
from allocate.units import FIRM
from allocate.words import Language
from allocate.worth import LOOKED_AT

# The parts of a card, in the order in which they are read.
PARTS = ("what", "staff", "money", "gain", "without", "others", "draws", "clauses", "basis", "visit")
# From the firmest basis to the weakest.
_WEAKER = (*BASES, "unknown")
# Whoever travels longer than this part of the longest way that the plan has is worth a ride there to measure it.
_NEARLY = 0.9
_SECONDS_IN_HOUR = 3600
_SHORT = 1000  # figures below it have three digits
_FEW, _MANY = 5, 20  # names in a line


@dataclass(frozen=True)
class Line:
    """What a card says under one label; a point without a label stands by itself.

    Attributes
    ----------
    name
        What it is about: `goal`, by how much a goal is worse; `verdict`, why a site cannot be dropped, or may be; of
        another point its key in the catalogue.
    """

    text: str
    label: str = ""
    name: str = ""


@dataclass(frozen=True)
class Part:
    """A part of a card: one of `PARTS`, with its title."""

    name: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class SiteCard:
    """All that a plan says of one site, in one language.

    Attributes
    ----------
    id, town_id
        Ids of the site and its town.
    name, kind, town
        As people read them.
    headline
        What becomes of it, in one line.
    is_firm
        Whether its position is official or surveyed: otherwise it is an example.
    people
        Whom it serves by year; nothing where it stands in none.
    cost
        What it costs over the whole plan, staff apart [yuan]; None where that is not counted.
    parts
        Only those that have something to say.
    """

    id: str
    town_id: str
    name: str
    kind: str
    town: str
    headline: str
    is_firm: bool
    people: Mapping[str, int]
    cost: int | None
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part | None:
        """Return a part by its name; None where the card has none."""
        return next((part for part in self.parts if part.name == name), None)


def site_cards(content: Content, language: Language) -> dict[str, SiteCard]:
    """Return the card of every site that the plan opens, keeps, changes or ends, by id: by town, kind and id."""
    return Cards(Source(content, language)).made()


def headline(source: Source, rows: Sequence[Content]) -> str:
    """Say what becomes of a site, year by year."""
    steps = [
        source.word("site_card.step", year=row["year"], action=source.word(f"action.{row['action']}"))
        for row in sorted(rows, key=lambda row: row["year"])
    ]
    return source.word("summary.comma").join(steps)


@dataclass(frozen=True)
class Farther:
    """In a year, people whose nearest site it is and who have another, and how much longer that takes [min]."""

    year: int
    people: int
    minutes: float


def goal_words(more: float, unit: str) -> tuple[str, str]:
    """Return the key of what a difference of a goal reads as, and its figure, empty where the words say it all."""
    if not more:
        return "goal_same", ""
    sign = "worse" if more > 0 else "better"
    if unit == "person-seconds":
        hours = abs(more) / _SECONDS_IN_HOUR
        return f"hours_{sign}", f"{hours:,.0f}" if hours >= 1 else ""
    number = 100 * abs(more) if unit == "share" else abs(more)
    return f"goal_{sign}", f"{number:,.0f}" if number >= _SHORT else f"{number:.3g}"


def is_spare(dropped: Mapping[str, Any]) -> bool:
    """Tell whether a site may be dropped with no clause missed, nobody served less and no more money."""
    return (
        not dropped["clauses"] and dropped["cost"] <= 0 and all(people <= 0 for people in dropped["unserved"].values())
    )


def no_others(tried: int) -> str:
    """Return the key of why no other spot is named: where so many were looked at as ever are, there may be more."""
    if not tried:
        return "none_tried"
    return "no_others_of_more" if tried >= LOOKED_AT else "no_others"


class Cards:
    """What the cards of a plan ask of it, each worked out once."""

    def __init__(self, source: Source) -> None:
        self.source, self.content, self.language = source, source.content, source.language
        self.years = source.years
        self.worth = {row["id"]: row for row in self.content.get("worth", ())}
        self.rows: dict[str, list[Content]] = {}
        for row in self.content["sites"]:
            self.rows.setdefault(row["id"], []).append(row)
        self.candidates = {row["id"]: row for row in self.content.get("candidates", ())}
        self.served: dict[str, list[Content]] = {}
        for row in self.content["places"]:
            if row["served_by"] is not None and row["status"] == "served":
                self.served.setdefault(row["served_by"], []).append(row)
        self.held: dict[str, list[Content]] = {}
        for row in self.content.get("functions", ()):
            self.held.setdefault(row["id"], []).append(row)

    def made(self) -> dict[str, SiteCard]:
        """Return the cards by the ids of their sites."""

        def order(code: str) -> tuple[str, int, str]:
            site = self.rows[code][0]
            return site["town"], INSTITUTION_KINDS.index(site["kind"]), code

        return {code: self._card(code) for code in sorted(self.rows, key=order)}

    def _card(self, code: str) -> SiteCard:
        rows = self.rows[code]
        site = rows[0]
        makers = (
            self._what, self._staff, self._money, self._gain, self._without, self._others, self._draws, self._clauses,
            self._basis, self.visit,
        )  # fmt: skip
        parts = []
        for name, make in zip(PARTS, makers, strict=True):
            lines = tuple(make(code))
            if lines:
                parts.append(Part(name, self._word(f"part_{name}"), lines))
        return SiteCard(
            id=code,
            town_id=site["town"],
            name=clean(str(site["name"])),
            kind=self.source.word(f"kind.{site['kind']}"),
            town=clean(self.source.towns[site["town"]]),
            headline=headline(self.source, rows),
            is_firm=site["basis"] in FIRM,
            people=next((row["people"] for row in rows if row["people"]), {}),
            cost=self._cost(code),
            parts=tuple(parts),
        )

    def _word(self, key: str, **values: object) -> str:
        return self.source.word(f"site_card.{key}", **values)

    def _line(self, key: str, text: str) -> Line:
        return Line(clean(text), self._word(f"label_{key}"), key)

    def _point(self, key: str, **values: object) -> Line:
        return Line(clean(self._word(key, **values)), name=key)

    def _verdict(self, key: str, **values: object) -> Line:
        return Line(clean(self._word(key, **values)), name="verdict")

    def _by_year(self, values: Mapping[str, int], unit: str = "") -> str:
        """Return a figure of every year as a list; one that stays as it is says so, and is told once."""
        told = {year: self._count(value, unit) for year, value in values.items()}
        if len(told) == len(self.years) > 1 and len(set(told.values())) == 1:
            return self._word("every_year", value=next(iter(told.values())))
        after = [year for year in map(str, self.years) if told and year > max(told)]
        if after:
            told[after[0]] = self._word("no_longer")
        parts, before = [], None
        for year, value in sorted(told.items()):
            if value != before:
                parts.append(self._word("in_year", year=year, value=value))
            before = value
        return self.source.word("summary.semicolon").join(parts)

    def _count(self, value: int, unit: str) -> str:
        return self._word(f"count_{unit}" if unit else "count", count=value)

    def _site(self, code: str | None) -> str:
        """Return the name of a site, or of a spot where one could stand, with its town."""
        known = self.candidates.get(code or "") or self.source.standing_at.get(code or "")
        if known is None:
            return str(code)
        return self._word("named", name=known["name"], town=self.source.towns[known["town"]])

    # ---- what it is ----

    def _what(self, code: str) -> Iterator[Line]:
        rows = self.rows[code]
        site = rows[0]
        for row in rows:
            other = row.get("into") or row.get("from")
            if other:
                yield self._line("into" if row.get("into") else "from", self._site(other))
        if site["parent"]:
            yield self._line("parent", self._site(site["parent"]))
        if site.get("hospital"):
            yield self._line("hospital", self._site(site["hospital"]))
        if site["lon"] is not None:
            spot = f"{site['lon']:.5f}, {site['lat']:.5f}"
            datum = str(self.source.district["datum"]).upper()
            label = self._word("label_position", datum=datum)
            yield Line(clean(f"{spot}{self._in_brackets(site['basis'])}"), clean(label), "position")
        kept = say_kept(self.source, code)
        if kept and any(row["action"] == "open" for row in rows):
            yield self._line("kept", kept)
        for row in rows:
            yield self._line("why", reason(row, self.years, self.language))
        functions = self._functions(code)
        if functions:
            yield self._line("functions", functions)

    def _in_brackets(self, basis: str | None) -> str:
        return self._word("basis_of", basis=self.source.word(f"basis.{basis or 'unknown'}"))

    def _functions(self, code: str) -> str:
        """Return what it has in the last year in which it has anything, each from when on."""
        held = [row for row in self.held.get(code, ()) if any(holds(row, year) for year in self.years)]
        parts = []
        for row in held:
            name = function_name(self.content, row["function"], self.language)
            since = self._word("since_today") if row["since"] is None else self._word("since", year=row["since"])
            until = "" if row["until"] is None else self._word("until", year=row["until"])
            parts.append(f"{name}{since}{until}")
        return self.source.word("summary.comma").join(dict.fromkeys(parts))

    def _staff(self, code: str) -> Iterator[Line]:
        kind = self.rows[code][0]["kind"]
        assumed = set(assumed_stock(self.content, self.source.resources))
        for name in self.source.resources:
            if self.content["settings"]["resources"][name].get("sum_of"):
                continue
            numbers = {
                str(year): self.source.number(name, there, kind)
                for year in self.years
                if (there := self.source.working.get((code, year))) is not None
            }
            if any(numbers.values()):
                mark = self._word("assumed_mark") if name in assumed else ""
                yield Line(self._by_year(numbers), clean(self.source.term(name)) + mark)

    def _money(self, code: str) -> Iterator[Line]:
        if not self._is_decided(code):
            yield self._point("money_not_counted")
            return
        basis = self._in_brackets(self._price_basis)
        yield self._line("cost", self._word("yuan", cost=self._cost(code)) + basis)
        candidate = self.candidates.get(code)
        if candidate is not None:
            yield self._line("opening", self._word("yuan", cost=candidate["opening"]))
            yield self._line("yearly", self._word("yuan", cost=candidate["yearly"]))
        if self.source.resources:
            yield self._point("money_without_staff")

    def _cost(self, code: str) -> int | None:
        return sum(row["cost"] for row in self.rows[code]) if self._is_decided(code) else None

    @cached_property
    def _price_basis(self) -> str:
        """Return the weakest basis of the lines of the budget, on which every site's cost rests as well."""
        return max((row["basis"] or "unknown" for row in self.content["budget"]), key=_WEAKER.index, default="unknown")

    # ---- whom it serves, and what if it were not there ----

    def _gain(self, code: str) -> Iterator[Line]:
        rows = self.rows[code]
        if rows[0]["kind"] in NOT_GONE_TO:
            return
        standing = next((row for row in rows if row["people"]), None)
        if standing is None:
            return
        alone = standing["only_site_of"]
        yield self._line("people", self._by_year(standing["people"], "people"))
        yield self._line("alone", self._by_year(alone, "people"))
        worth = self.worth.get(code)
        if worth is not None:
            yield self._line("nearest", self._by_year(worth["nearest"], "people"))
            farther = self.farther(code)
            if farther is not None:
                told = {"year": farther.year, "people": farther.people, "minutes": f"{farther.minutes:.1f}"}
                yield self._point("longer", **told)
        places = self._places(code)
        if places:
            yield self._line("places", places)
        change = self._change(code)
        if change:
            yield self._line("change", change)

    def farther(self, code: str) -> "Farther | None":
        """Return what the next site means in the last of a site's years; None where nobody has another."""
        worth = self.worth[code]
        year = max(worth["nearest"])
        alone: Mapping[str, int] = next((row["only_site_of"] for row in self.rows[code] if row["people"]), {})
        others = worth["nearest"][year] - alone.get(year, 0)
        return Farther(int(year), others, worth["longer"][year] / others) if others > 0 else None

    def _places(self, code: str) -> str:
        """Return the places that it serves in the last of its years, the most people first."""
        served = self.served.get(code, [])
        if not served:
            return ""
        last = max(row["year"] for row in served)
        rows = sorted((row for row in served if row["year"] == last), key=lambda row: (-row["people"], row["id"]))
        parts = [
            self._word(
                "place",
                name=self.source.places[row["id"]]["name"],
                people=row["people"],
                minutes=f"{row['minutes']:.1f}",
            )
            for row in rows
        ]
        return self._word("at_year", year=last, value=self._few(parts, _MANY))

    def _change(self, code: str) -> str:
        """Return what becomes of the residents of the places that it serves in its last year, if anything."""
        served = self.served.get(code, [])
        year = max((row["year"] for row in served), default=None)
        here = {row["id"] for row in served if row["year"] == year}
        then = sum(self.source.places[place]["people"] or 0 for place in here)
        now = sum(self._residents.get((place, self.years[-1]), 0) for place in here)
        if not then or now == then:
            return ""
        basis = next(
            (row["basis"] for row in self.content.get("population", ()) if row["year"] == self.years[-1]), None
        )
        told = {"date": self._counted_on, "then": then, "year": self.years[-1], "now": now}
        more = f"{100 * (now / then - 1):+.1f}".replace("-", "−")
        return self._word("change", **told, more=more) + self._in_brackets(basis)

    @cached_property
    def _residents(self) -> Mapping[tuple[str, int], int]:
        """Return the residents of every place and plan year [persons]."""
        found = Counter[tuple[str, int]]()
        for row in self.content["places"]:
            found[row["id"], row["year"]] += row["people"]
        return found

    @cached_property
    def _counted_on(self) -> str:
        """Return the day on which the district's people were counted."""
        days = (fact["date"] for fact in self.source.district["facts"] if fact["indicator"] == POPULATION)
        return clean(str(next(days, self.source.word("basis.unknown"))))

    def _without(self, code: str) -> Iterator[Line]:
        worth = self.worth.get(code)
        if worth is None:
            if "worth" not in self.content and self._is_decided(code) and self._stands(code):
                yield self._point("worth_unknown")
            return
        dropped = worth["dropped"]
        if "hindrance" in dropped:
            yield self._verdict(f"hindrance_{dropped['hindrance']}")
            return
        if is_spare(dropped):
            worse = [
                name for name, more in dropped["goals"].items() if more > 0 and self.goal_units.get(name) != "yuan"
            ]
            goals = self.source.word("summary.comma").join(self.source.word(stage_key(name)) for name in worse)
            yield self._verdict("spare" if worse else "spare_for_all", goals=goals)
        yield self._line("unserved", self._by_year(dropped["unserved"], "fewer"))
        yield self._line("cost_change", self._more(dropped["cost"]))
        yield from self._goals(dropped)
        yield self._line("missed", self._clause_names(dropped["clauses"]) or self._word("none_missed"))
        yield self._point("one_change")

    def _is_decided(self, code: str) -> bool:
        return self.rows[code][0]["kind"] in self.content["settings"]["siting"]

    def _stands(self, code: str) -> bool:
        return any(row["people"] for row in self.rows[code])

    def _more(self, yuan: int) -> str:
        if not yuan:
            return self._word("cost_same")
        return self._word("cost_more" if yuan > 0 else "cost_less", cost=abs(yuan))

    def _goals(self, told: Mapping[str, Any]) -> Iterator[Line]:
        """Yield by how much goals other than money are worse."""
        for name, more in told["goals"].items():
            unit = self.goal_units.get(name, "")
            if unit == "yuan":
                continue
            text = self._goal_more(more, unit)
            # (The goal of travel counts those whom nobody serves with minutes of its own.)
            if more and unit == "person-seconds" and any(told["unserved"].values()):
                text += self._word("with_unserved")
            yield Line(clean(text), clean(self.source.word(stage_key(name))), "goal")

    @cached_property
    def goal_units(self) -> dict[str, str]:
        """Return the unit of every goal."""
        return {stage["name"]: stage["unit"] for stage in self.content["stages"]}

    def unit_key(self, unit: str) -> str:
        """Return the key of what a difference of a goal is counted in."""
        # (A share that falls from 60 % to 30 % falls by 30 points, and by half.)
        if unit == "share":
            return "site_card.goal_points"
        return "site_card.goal_persons" if unit == "persons" and len(self.years) > 1 else f"unit.{unit}"

    def _goal_more(self, more: float, unit: str) -> str:
        key, shown = goal_words(more, unit)
        what = {
            "hours": shown or self._word("under_one"),
            "more": shown,
            "unit": self.source.known(self.unit_key(unit), unit),
        }
        return self._word(key, **what)

    def _others(self, code: str) -> Iterator[Line]:
        worth = self.worth.get(code)
        if worth is None or "hindrance" in worth["dropped"]:
            return
        if not worth["others"] and self.rows[code][0]["kind"] in NOT_GONE_TO:
            return
        if not worth["others"]:
            yield self._point(no_others(worth["tried"]), tried=worth["tried"])
            return
        comma = self.source.word("summary.comma")
        for other in worth["others"]:
            goals = [f"{line.label} {line.text}" for line in self._goals(other)]
            people = [self._served_more(other["unserved"])] if any(other["unserved"].values()) else []
            told = comma.join((self._word("cost_of", more=self._more(other["cost"])), *goals, *people))
            yield Line(clean(told), clean(self._site(other["id"])))
        yield self._point("others_tried", tried=worth["tried"])

    def _served_more(self, fewer: Mapping[str, int]) -> str:
        """Say how many people are served more, or fewer, in the year in which that is most."""
        year, people = max(fewer.items(), key=lambda one: (abs(one[1]), one[0]))
        return self._word("fewer" if people > 0 else "more", year=year, people=abs(people))

    def _draws(self, code: str) -> Iterator[Line]:
        found = self.in_draws(code)
        if found is not None:
            yield self._point("draws", draws=found, count=len(self.content["draws"]), year=self.years[-1])

    def in_draws(self, code: str) -> int | None:
        """Return how many draws have a site as well; None where nobody asked, or where it has ended by then."""
        worth = self.worth.get(code)
        # (They tell which sites stand in the last year.)
        return None if worth is None or worth["until"] != self.years[-1] else worth["draws"]

    def _clauses(self, code: str) -> Iterator[Line]:
        worth = self.worth.get(code)
        # (Several rules may stand for one clause, each with a strength of its own.)
        strengths: dict[tuple[str, str, str], list[str]] = {}
        for name in worth["dropped"].get("clauses", ()) if worth is not None else ():
            row = self._clause_rows.get(name)
            if row is not None:
                says = row["says"][self.language] if row.get("says") else self._indicator(row)
                document = row["document_name"][self.language] if row.get("document_name") else row["document"]
                where = self.source.word("summary.comma").join(filter(None, (document, row.get("at"))))
                strength = self.source.known(f"strength.{row['strength']}", row["strength"] or "")
                strengths.setdefault((self._clause(name), says, where), []).append(strength)
        for (clause, says, where), held in strengths.items():
            about = filter(None, (where, "/".join(dict.fromkeys(held))))
            told = self._word("says", says=says, about=self.source.word("summary.comma").join(about))
            yield Line(clean(told), clean(clause))

    @cached_property
    def _clause_rows(self) -> dict[str, Content]:
        return {row["rule"]: row for row in reversed(self.content["scorecard"])}

    def _clause(self, name: str) -> str:
        """Return a clause by its number in the document; a rule of no document has a name alone."""
        row = self._clause_rows.get(name)
        return str((row and row["clause"]) or name)

    def _clause_names(self, names: Iterable[str]) -> str:
        return self.source.word("summary.comma").join(dict.fromkeys(map(self._clause, names)))

    def _indicator(self, row: Content) -> str:
        indicator = row["indicator"] or ""
        return self.source.known(indicator, indicator)

    # ---- what it rests on, and what to look at there ----

    def _basis(self, code: str) -> Iterator[Line]:
        site, served = self.rows[code][0], self._last_served(code)
        yield self._line("basis_position", self.source.word(f"basis.{site['basis'] or 'unknown'}"))
        if served:
            people: Counter[str] = Counter()
            for row in served:
                people[self.source.places[row["id"]]["people_basis"] or "unknown"] += row["people"]
            yield self._line("basis_people", self._shares(people, "basis", (*BASES, "unknown")))
            if ways := self.ways(code):
                yield self._line("basis_times", self._shares(ways, "way_by", HOW))
        if self._is_decided(code) and self.content["budget"]:
            yield self._line("basis_prices", self.source.word(f"basis.{self._price_basis}"))
        there = {name for year in self.years for name in self.source.working.get((code, year), ())}
        assumed = assumed_stock(self.content, [name for name in self.source.resources if name in there])
        if assumed:
            yield self._line("basis_staff", self._word("staff_assumed", names=self.source.terms(assumed)))

    def ways(self, code: str) -> dict[str, int]:
        """Return by how their times were worked out how many people it serves; nothing where a plan does not say."""
        ways: Counter[str] = Counter()
        for row in self._last_served(code):
            ways[row.get("how") or ""] += row["people"]
        return {} if "" in ways else {how: ways[how] for how in HOW if ways[how]}

    def _last_served(self, code: str) -> list[Content]:
        served = self.served.get(code, [])
        last = max((row["year"] for row in served), default=0)
        return [row for row in served if row["year"] == last]

    def _shares(self, people: Mapping[str, int], group: str, order: Iterable[str]) -> str:
        parts = [
            self._word("people_by", by=self.source.known(f"{group}.{code}", code), people=people[code])
            for code in order
            if people.get(code)
        ]
        return self.source.word("summary.comma").join(parts)

    def visit(self, code: str) -> Iterator[Line]:
        """Yield what somebody who goes there should look at: each point follows from what the plan does not know."""
        rows, served = self.rows[code], self._last_served(code)
        site = rows[0]
        ending = any(row["action"] in ENDS for row in rows)
        if any(row["action"] == "open" for row in rows) and self._is_decided(code):
            yield self._point("visit_ground")
            is_near = site["kind"] not in NOT_GONE_TO
            if is_near and (not self.content.get("today") or site["kind"] in unlisted(self.source)):
                yield self._point("visit_today")
        if site["basis"] not in FIRM:
            yield self._point("visit_position", basis=self.source.word(f"basis.{site['basis'] or 'unknown'}"))
        guessed = [row for row in served if self.source.places[row["id"]]["people_basis"] not in FIRM]
        if guessed:
            names = [self.source.places[row["id"]]["name"] for row in sorted(guessed, key=lambda row: -row["people"])]
            yield self._point("visit_people", names=self._few(names))
        far = self.far(code)
        if far is not None:
            way = self.source.known(f"way_by.{far.get('how')}", "")
            name = self.source.places[far["id"]]["name"]
            said = self._word("by_way", way=way) if way else ""
            yield self._point("visit_way", name=name, minutes=f"{far['minutes']:.1f}", way=said)
        if any(row["action"] == "upgrade" for row in rows):
            yield self._point("visit_upgrade")
        if ending:
            yield self._point("visit_ending")
        worth = self.worth.get(code)
        if worth is not None and worth["others"]:
            names = [self._site(other["id"]) for other in worth["others"]]
            yield self._point("visit_others", names=self._few(names))
        if any(self.source.working.get((code, year)) for year in self.years):
            yield self._point("visit_staff")

    def _few(self, names: Sequence[str], most: int = _FEW) -> str:
        shown = self.source.word("summary.comma").join(names[:most])
        return shown if len(names) <= most else self._word("and_more", names=shown, count=len(names))

    def far(self, code: str) -> Content | None:
        """Return the longest way to it, unless somebody measured it or it is short."""
        ways = [row for row in self._last_served(code) if row["minutes"] is not None and row.get("how") != "table"]
        far = max(ways, key=lambda row: (row["minutes"], row["id"]), default=None)
        return far if far is not None and far["minutes"] >= _NEARLY * self._longest else None

    @cached_property
    def _longest(self) -> float:
        return max((row["minutes"] or 0.0 for rows in self.served.values() for row in rows), default=0.0)
