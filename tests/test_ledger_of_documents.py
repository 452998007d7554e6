"""What stands in the recommendation, read back from Word and PDF, is what plan.json says, rounded as it may be."""

import copy
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import docx
import pypdf
import pytest
from docx.table import Table
from said import Said, differing, parts, sentence, told
from test_ledger_of_cards import Cards, Page
from test_pdf import runs_over, shown

from allocate.outputs import export, report
from allocate.plans import Plan
from allocate.report.recommendation import recommendation
from allocate.report.word import word
from allocate.words import LANGUAGES, Language, catalogue, say_in

Content = dict[str, Any]
# A number of people in a sentence: its figure may have commas, as an English list has.
TOTAL = r"(?P<total>[\d.,]*\d ?(?:亿元|万元|million yuan))"
PEOPLE = r"(?P<people>[\d.,]*\d(?:万人|人| people))"
Figures = dict[tuple[Any, ...], Any]

STATUSES = ("served", "no_capacity", "rounds", "posted", "out_of_range")
ONCE = ("opening", "adding", "functions", "consortia", "capital")
YEARLY = ("yearly", "pay", "standing_pay", "postings", "outreach", "functions_yearly", "consortia_yearly")
MONEY = (*ONCE, *YEARLY, "contracts_yearly", "recurrent", "total")
MONTHS = tuple(f"month_{month}" for month in range(1, 13))
DAYS = ("mon", "tue", "wed", "thu", "fri")


@dataclass(frozen=True)
class Paper:
    """A document as a reader sees it: its paragraphs, and its tables by their captions."""

    content: Content
    language: Language
    texts: Sequence[str]
    tables: Mapping[str, Sequence[Sequence[str]]]

    def rows(self, key: str, **values: object) -> Iterator[dict[str, str]]:
        """Yield the rows of the tables of a caption by their headings."""
        title = say_in(self.language, f"paper.{key}", **values)
        for caption, (heads, *rows) in self.tables.items():
            if caption.endswith(title):
                yield from (dict(zip(heads, row, strict=True)) for row in rows)

    def sheet(self, key: str, *columns: str, **values: object) -> Iterator[dict[str, str]]:
        """Yield the rows of a table that is made of a sheet by the names of its columns."""
        for row in self.rows(key, **values):
            yield {name: row.get(self.field(name), "") for name in columns}

    def field(self, name: str) -> str:
        return say_in(self.language, f"field.{name}", year=self.last)

    def told(self, key: str, **known: str) -> Iterator[dict[str, str]]:
        return told(self.texts, key, self.language, **known)

    def found(self, key: str, **known: str) -> Iterator[dict[str, str]]:
        """Yield what fills in a text of the catalogue, wherever in a paragraph it stands."""
        pattern = sentence(key, self.language, **known)
        yield from (found.groupdict() for text in self.texts for found in pattern.finditer(text))

    def by_year(self, key: str, **known: str) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield what a text says of every year; a year that says what the one before says is left out there."""
        pattern, whole = sentence(key, self.language, **known), "\n".join(self.texts)
        years = list(map(str, self.content["years"]))
        said: dict[str, list[dict[str, str]]] = {}
        for found in pattern.finditer(whole):
            # (The year stands before it, or where it begins.)
            before = whole[: min(found.start() + 9, found.end())]
            (*_, year) = (text for text in re.findall(r"\d{4}", before) if text in years)
            said.setdefault(year, []).append(found.groupdict())
        now: list[dict[str, str]] = []
        for year in years:
            now = said.get(year, now)
            yield from ((int(year), row) for row in now)

    @property
    def last(self) -> int:
        return int(self.content["years"][-1])

    @property
    def money_unit(self) -> Fraction:
        return Fraction(10**4 if self.language == "zh" else 10**6)

    def ids(self, table: str) -> dict[str, str]:
        """Return the ids of what a district lists by their names, of which no two are alike."""
        rows = self.content["sites"] if table == "sites" else self.content["district_data"][table]
        return {row["name"]: row["id"] for row in rows}

    def scope(self, town: str) -> str:
        return self.ids("towns").get(town, "district")

    def named(self, table: str) -> dict[str, str]:
        """Return the ids of what the model names by their names."""
        return {row["name"][self.language]: code for code, row in self.content["settings"][table].items()}

    def codes(self, section: str) -> dict[str, str]:
        """Return the codes of a section of the catalogue by their words."""
        return {
            texts[self.language]: key.split(".", 1)[1]
            for key, texts in catalogue().items()
            if key.startswith(f"{section}.")
        }

    def resources(self) -> dict[str, str]:
        words = catalogue()
        return {
            words[f"term.{code}"][self.language] if f"term.{code}" in words else code: code
            for code in self.content["settings"].get("resources", {})
        }

    def kinds(self) -> dict[str, str]:
        """Return the kinds of sites by their words, of one and of several."""
        named = {key.removeprefix("open_"): text for text, key in self.codes("field").items() if key[:5] == "open_"}
        return {text: kind for kind, text in named.items()} | self.codes("kind")

    def counted(self, text: str) -> Iterator[tuple[str, Said]]:
        """Yield the kinds and numbers of a list of sites."""
        pattern, kinds = (
            sentence("paper.number_of_kind", self.language, kind=r"(?P<kind>.*\D)", number=r"(?P<n>\d+)"),
            self.kinds(),
        )
        for part in parts(text, self.language):
            found = pattern.fullmatch(part.strip())
            assert found, part
            yield kinds[found["kind"].strip()], Said(found["n"])


def paper_of(made: bytes, content: Content, language: Language) -> Paper:
    """Read a docx file by python-docx."""
    texts: list[str] = []
    tables: dict[str, Sequence[Sequence[str]]] = {}
    for block in docx.Document(io.BytesIO(made)).iter_inner_content():
        if isinstance(block, Table):
            assert texts[-1] not in tables
            tables[texts[-1]] = [[cell.text for cell in row.cells] for row in block.rows]
        else:
            texts.append(block.text)
    return Paper(content, language, texts, tables)


# ---- what plan.json says ----


def standing(content: Content, year: int) -> list[Content]:
    return [site for site in content["sites"] if str(year) in site["people"]]


def number_of(content: Content, resource: str, year: int, at: str | None = None) -> int:
    table, kinds = content["settings"]["resources"][resource], {site["id"]: site["kind"] for site in content["sites"]}
    return sum(
        row["number"]
        for row in content["staff"]
        if (row["resource"], row["year"]) == (table.get("sum_of") or resource, year)
        and (not table.get("kinds") or kinds[row["id"]] in table["kinds"])
        and at in (None, row["id"])
    )


def stock_of(content: Content, resource: str) -> int | None:
    """Return how many there are today; None where nobody knows."""
    rows = {row["resource"]: row for row in content["stock"]}
    counted = rows[content["settings"]["resources"][resource].get("sum_of") or resource]
    is_counted_as_none = counted["basis"] == "assumed" and not counted["number"]
    return None if is_counted_as_none else rows[resource]["number"]


def exact(content: Content) -> dict[str, Figures]:
    """Return the figures of every part of the document from plan.json alone."""
    years = content["years"]
    last = years[-1]
    district = {row["year"]: row for row in content["ledger"] if row["scope"] == "district"}
    towns = {row["scope"]: row for row in content["ledger"] if row["year"] == last}
    sited, budget = content["settings"]["siting"], content["budget"]
    rows = content["scorecard"]
    answered = [row for row in rows if row["status"] in ("met", "missed")]
    missed = [row for row in answered if row["status"] == "missed"]
    kinds = {site["kind"] for site in content["sites"]}
    found: dict[str, Figures] = {}

    def of_year(*names: str) -> Figures:
        return {(name, year): district[year][name] for name in names for year in years}

    def share(row: Content) -> Fraction:
        return Fraction(row["served"], row["people"])

    def number(year: int, kind: str, town: str | None = None) -> int:
        return sum(site["kind"] == kind and town in (None, site["town"]) for site in standing(content, year))

    total = sum(row["total"] for row in budget)
    shares = {("share", year): share(district[year]) for year in years}
    openings = {(kind, year): number(year, kind) for kind in kinds for year in years}
    end = {("served",): district[last]["served"], ("share",): share(district[last]), ("total",): total}
    found["asked for"] = end | {(kind,): number(last, kind) for kind in sited}
    left = {year: district[year]["people"] - district[year]["served"] for year in years}
    # (The first year in which anybody is left out, and the last.)
    told = [year for year in years if left[year]]
    unserved = {year: left[year] for year in (*told[:1], *told[-1:])}
    found["main figures"] = (
        of_year("people", "served")
        | shares
        | {("sites", year): sum(number(year, kind) for kind in sited) for year in years}
        | {(name, row["year"]): row[name] for name in ("capital", "recurrent") for row in budget}
    )
    places = content["district_data"]["places"]
    soft = sum(place["position_basis"] in ("estimated", "assumed") for place in places)
    found["to be known"] = {
        ("clauses",): len(answered), ("missed",): len(missed), ("places",): len(places), ("positions",): soft,
        **{("unserved", year): people for year, people in unserved.items()},
        **{("share", year): Fraction(people, district[year]["people"]) for year, people in unserved.items()},
        ("gap",): max(row["gap"] for row in content["stages"] if row["name"] == "cost"),
    }  # fmt: skip
    (now,) = [row for row in content["today"] if row["scope"] == "district"]
    listed = Counter((one["kind"],) for one in content["district_data"]["institutions"])
    found["today"] = dict(listed) | {
        ("people",): district[years[0]]["people"], ("later",): district[last]["people"], ("places",): len(places),
        ("towns",): len(content["district_data"]["towns"]), ("served",): now["served"], ("share",): share(now),
    }  # fmt: skip
    found["targets"] = {("rules",): len({row["rule"] for row in answered})}
    found["years"] = of_year("people", *STATUSES) | shares | openings
    found["people of years"] = of_year("people", *STATUSES) | shares
    found["sites of years"] = openings
    actions = Counter(
        (site["action"], site["kind"], site["year"]) for site in content["sites"] if site["kind"] in sited
    )
    found["actions of years"] = dict(actions)
    found["towns"] = {("people", scope): row["people"] for scope, row in towns.items()} | {
        ("share", row["scope"], row["year"]): share(row) for row in content["ledger"] if row["year"] in (years[0], last)
    } | {
        ("sited", scope, year): sum(number(year, kind, None if scope == "district" else scope) for kind in sited)
        for scope in towns for year in years
    } | {
        ("sited", scope, "today"): sum(
            one["kind"] in sited and scope in ("district", one["town"])
            for one in content["district_data"]["institutions"]
        ) for scope in towns
    }  # fmt: skip
    found["worst towns"] = {
        ("share", year): min(
            share(row) for row in content["ledger"] if row["year"] == year and row["scope"] != "district"
        )
        for year in {years[0], last}
    }
    found["circles"] = {
        (name, row["preset"]): figure
        for row in content["coverage"] if (row["year"], row["scope"]) == (last, "district")
        for name, figure in (
            ("covered", row["covered"]), ("share", row["share"]), ("slower", row["slower"]["share"]),
            ("faster", row["faster"]["share"]), ("today", row["today"]["share"]),
        )
    }  # fmt: skip
    resources = list(content["settings"].get("resources", ()))
    found["staff"] = {(name, year): number_of(content, name, year) for name in resources for year in years} | {
        (name, "today"): stock_of(content, name) for name in resources
    }
    employed = {site["id"] for site in content["sites"]}
    found["staff at sites"] = {
        (name, code): number_of(content, name, last, code) for name in resources for code in employed
    }
    posts = {(row["year"], row["from"], row["specialty"], row["pool"], row["post"]) for row in content["roster"]}
    found["posts"] = dict(Counter(post[:3] for post in posts))
    found["posts in words"] = {(year,): len({post[3:] for post in posts if post[0] == year}) for year in years}
    found["hubs in words"] = {
        (year,): number(year, "community_centre") + number(year, "township_hospital") for year in years
    }
    found["roster"] = dict(roster_of(content))
    people = {(row["id"], row["year"]): 0 for row in content["places"]}
    for row in content["places"]:
        people[row["id"], row["year"]] += row["people"]
    people |= {(row["scope"], row["year"]): row["people"] for row in content["ledger"]}
    found["rounds"] = {
        (name, row["way"], row["by"], row["to"]): figure
        for row in content["rounds"] if row["year"] == last
        for name, figure in (
            ("people", people[row["to"], last]), ("times", row["times"]), ("minutes", row["minutes"]),
        )
    }  # fmt: skip
    visits: Counter[tuple[Any, ...]] = Counter()
    for row in content["rounds"]:
        visits["stops", row["year"], row["way"]] += 1
        visits["half-days", row["year"], row["way"]] += row["times"] * row["half_days"]
    out = {(row["year"], row["way"], row["by"], row["team"]) for row in content["timetable"]}
    found["rounds in words"] = dict(visits) | {("teams", *key): n for key, n in Counter(one[:2] for one in out).items()}
    found["timetable"] = dict(
        Counter((row["year"], row["way"], row["by"], row["team"]) for row in content["timetable"])
    )
    found["readings"] = {
        (name, row["year"], row["rule"], row["reading"]): row[name]
        for row in content["readings"] for name in ("villages", "visited", "half_days", "teams_needed", "teams")
    }  # fmt: skip
    members = [row for row in content["consortia"] if row["id"] != row["lead"]]
    found["members"] = {
        (name, row["lead"], row["id"]): row[name]
        for row in members if row["year"] == last for name in ("people", "minutes")
    }  # fmt: skip
    led: dict[tuple[str, int], list[Content]] = {}
    for row in members:
        led.setdefault((row["lead"], row["year"]), []).append(row)
    found["consortia in words"] = {
        (name, *about): figure
        for about, mine in led.items()
        for name, figure in (
            ("members", len(mine)), ("people", sum(row["people"] for row in mine)),
            ("farthest", max(row["minutes"] for row in mine)),
        )
    }  # fmt: skip
    held = [row for row in content["functions"] if (row["since"] or 0) <= last <= (row["until"] or 9999)]
    linked = Counter((row["function"], row["centre"]) for row in held if row["centre"])
    found["centres"] = dict(linked)
    found["centres in words"] = {("centres",): len(linked), **linked}
    kind_of = {site["id"]: site["kind"] for site in content["sites"]}
    found["functions"] = dict(Counter((row["function"], kind_of[row["id"]]) for row in held))
    found["contracts"] = {
        (name, row["home"]): row[name]
        for row in content["contracts"] if row["year"] == last for name in ("minutes", "beds")
    }  # fmt: skip
    found["contracts in words"] = {
        (name, year): figure
        for year in years
        for name, figure in (
            ("signed", sum(row["year"] == year and bool(row["id"]) for row in content["contracts"])),
            ("sites", len({row["id"] for row in content["contracts"] if row["year"] == year} - {None})),
        )
    }
    found["reserves"] = {
        (name, row["id"], row["resource"]): figure
        for row in content["reserves"] if row["year"] == last
        for name, figure in (
            ("number", row["number"]), ("reserved", row["reserved"]),
            ("share", Fraction(row["reserved"], row["number"])),
        )
    }  # fmt: skip
    held_back: dict[tuple[str, int], list[Content]] = {}
    for row in content["reserves"]:
        held_back.setdefault((row["resource"], row["year"]), []).append(row)
    found["reserves in words"] = {
        (name, *about): figure
        for about, mine in held_back.items()
        for name, figure in (
            ("hospitals", len(mine)), ("number", sum(row["number"] for row in mine)),
            ("reserved", sum(row["reserved"] for row in mine)),
            ("share", Fraction(sum(row["reserved"] for row in mine), sum(row["number"] for row in mine))),
        )
    }  # fmt: skip
    found["visits"] = {
        (name, row["scope"]): row[name]
        for row in content["primary_capacity"] if row["year"] == last
        for name in ("people", "expected", "capacity", "short")
    }  # fmt: skip
    found["visits in words"] = {
        (name, row["year"]): row[name]
        for row in content["primary_capacity"] if row["scope"] == "district"
        for name in ("expected", "capacity", "short")
    }  # fmt: skip
    found["money"] = {(name, row["year"]): row[name] for name in MONEY for row in budget} | {
        (name, "all"): sum(row[name] * (1 if name in (*ONCE, "total") else row["calendar_years"]) for row in budget)
        for name in MONEY
    }
    found["money in words"] = {
        ("total",): total, ("capital",): sum(row["capital"] for row in budget), ("low",): budget[0]["recurrent"],
        ("high",): budget[-1]["recurrent"], ("standing",): budget[-1]["standing_pay"],
    }  # fmt: skip
    priced = content["settings"].get("resources", {})
    found["prices"] = {
        (code, end): table.get(name, 0)
        for tables, once in ((sited, "opening"), (priced, "adding"))
        for code, table in tables.items()
        for end, name in (("once", once), ("yearly", "yearly"))
    }
    found["missed"] = {("shortfall", row["rule"], row["year"]): row["shortfall"] for row in missed} | {
        ("reached", row["rule"], row["year"]): row["value"] for row in missed
    }
    found["missed in words"] = (
        {("count",): len(answered), ("missed",): len(missed)}
        | {("shortfall", row["rule"], row["year"]): row["shortfall"] for row in missed}
        | {
            ("at", row["rule"], row["year"], cause["name"]): cause["shortfall"]
            for row in missed
            for cause in row["causes"]
        }
    )
    found["clauses"] = {("reached", row["rule"], row["year"]): row["value"] for row in answered} | {
        ("today", row["rule"], row["year"]): row["today"] for row in answered
    }
    found["clauses by status"] = dict(Counter((row["status"],) for row in answered))
    found["proof"] = {("gap", at): row["gap"] for at, row in enumerate(content["stages"])}
    found["nesting"] = {("most", row["year"]): row["most"] for row in content["nesting"]}
    found["fairness"] = {("all", year): share(district[year]) for year in years}
    found["ledger"] = {
        (name, row["scope"]): row[name] for row in content["ledger"] if row["year"] == last
        for name in ("people", *STATUSES)
    }  # fmt: skip
    found["sites"] = {
        ("served", site["id"]): site["people"].get(str(last), 0) for site in content["sites"] if site["people"]
    } | {("actions", action): n for action, n in Counter(site["action"] for site in content["sites"]).items()}
    found["sites of towns"] = {
        ("served", site["id"]): site["people"].get(str(last), 0)
        for site in content["sites"] if site["kind"] in sited and site["people"]
    } | {
        ("number", town): sum(
            one["town"] == town and one["kind"] in sited and str(last) in one["people"] for one in content["sites"]
        )
        for town in {site["town"] for site in content["sites"] if site["kind"] in sited}
    }  # fmt: skip
    found["times in words"] = dict(ways_of(content))
    found["cards"] = {
        (name, site["id"], int(year)): people
        for site in content["sites"]
        if site["kind"] in sited
        for name, figures in (("people", site["people"]), ("alone", site["only_site_of"]))
        for year, people in figures.items()
        if site["people"]
    } | {
        ("nearest", row["id"], int(year)): people for row in content["worth"] for year, people in row["nearest"].items()
    }
    rated = {rule.get("resource") for rule in content["settings"]["rules"].values() if rule["rule"] == "rate"}
    found["staff of towns"] = {
        (name, scope): sum(
            number_of(content, name, last, site["id"])
            for site in {site["id"]: site for site in content["sites"]}.values()
            if scope in ("district", site["town"])
        )
        for name in rated & set(resources)
        for scope in towns
    }
    found["assumptions"] = dict(Counter())
    for row in content["assumptions"]:
        if row["basis"] in ("estimated", "assumed"):
            found["assumptions"][row["basis"],] = found["assumptions"].get((row["basis"],), 0) + row["rows"]
    return found


def roster_of(content: Content) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for row in content["roster"]:
        found[row["year"], row["to"]] += row["months"]
    return found


def ways_of(content: Content) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for row in content["places"]:
        if row["year"] == content["years"][-1] and row["status"] == "served":
            found[row["how"],] += row["people"]
    return found


# ---- what the document says ----


def across(paper: Paper, key: str, heads: Mapping[str, str], worth: Fraction = Fraction(1), **values: Any) -> Figures:
    """Return a table that has a line for every figure and a column for every year."""
    found: Figures = {}
    for row in paper.rows(key, **values):
        first, *_ = row.values()
        if first in heads:
            for year in paper.content["years"]:
                found[heads[first], year] = Said(row[str(year)], worth)
    return found


def asked_for(paper: Paper) -> Figures:
    (row,) = paper.told("paper.asks", served=PEOPLE.replace("people", "served", 1), total=TOTAL)
    return {(name,): Said(row[name]) for name in ("served", "share", "total")} | {
        (kind,): number for kind, number in paper.counted(row["sites"])
    }


def main_figures(paper: Paper) -> Figures:
    say = {paper.field("people"): "people", paper.field("served_share"): "share"}
    for key, name in (("served", "served"), ("sites_of_kinds", "sites")):
        say[say_in(paper.language, f"paper.{key}")] = name
    money = {say_in(paper.language, f"paper.budget_{name}"): name for name in ("capital", "recurrent")}
    unit = say_in(paper.language, "paper.money_unit")
    counted = across(paper, "table_main", say, unit=unit)
    return counted | across(paper, "table_main", money, paper.money_unit, unit=unit)


def to_be_known(paper: Paper) -> Figures:
    (clauses,) = paper.found("paper.know_missed", missed=r"(?P<missed>\d+)", count=r"(?P<count>\d+)")
    unserved = list(
        paper.found("paper.know_unserved", share=r"(?P<share>[\d.]+%)", people=PEOPLE, year=r"(?P<year>\d{4})")
    )
    (positions,) = paper.told("paper.know_estimated")
    (gap,) = paper.told("paper.know_gap_clauses")
    return {
        ("clauses",): Said(clauses["count"]), ("missed",): Said(clauses["missed"]),
        ("places",): Said(positions["places"]), ("positions",): Said(positions["positions"]),
        **{("unserved", int(one["year"])): Said(one["people"]) for one in unserved},
        **{("share", int(one["year"])): Said(one["share"]) for one in unserved},
        ("gap",): Said(gap["gap"] + "%", is_gap=True),
    }  # fmt: skip


def today(paper: Paper) -> Figures:
    (people,) = paper.told("paper.today_people")
    (sites,) = paper.told("paper.today_sites")
    (served,) = paper.told("paper.today_served")
    found = {(name,): Said(people[name]) for name in ("people", "later", "places", "towns")}
    found |= {("served",): Said(served["people"]), ("share",): Said(served["share"])}
    return found | {(kind,): number for kind, number in paper.counted(sites["sites"])}


def targets(paper: Paper) -> Figures:
    (row,) = paper.told("paper.targets_intro")
    return {("rules",): Said(row["count"])}


def years(paper: Paper) -> Figures:
    say = {paper.field(name): name for name in ("people", *STATUSES)} | {paper.field("served_share"): "share"}
    return across(
        paper,
        "table_years",
        say
        | {
            paper.field(f"open_{kind}"): kind
            for kind in paper.codes("kind").values()
            if f"field.open_{kind}" in catalogue()
        },
    )


def people_of_years(paper: Paper) -> Figures:
    found: Figures = {}
    said = paper.told("paper.year_people", people=PEOPLE, served=PEOPLE.replace("people", "served", 1))
    for year, row in zip(paper.content["years"], said, strict=True):
        found |= {(name, year): Said(row[name]) for name in ("people", "served", "share")}
        for status in STATUSES[1:]:
            pattern = sentence(f"paper.also_{status}", paper.language, people=PEOPLE)
            for other in pattern.finditer(row["others"]):
                found[status, year] = Said(other["people"])
    return found


def sites_of_years(paper: Paper) -> Figures:
    return {
        (kind, int(row["year"])): number
        for row in paper.told("paper.year_sites", year=r"(?P<year>\d{4})")
        for kind, number in paper.counted(row["sites"])
    }


def actions_of_years(paper: Paper) -> Figures:
    said = [*paper.told("paper.changes")]
    still = say_in(paper.language, "paper.no_changes")
    # (Of years in which nothing changes there is another sentence, in the order of the years.)
    lines = [text for text in paper.texts if text == still or sentence("paper.changes", paper.language).fullmatch(text)]
    changed = [year for year, line in zip(paper.content["years"], lines, strict=True) if line != still]
    actions = sorted(paper.codes("action").items(), key=lambda item: -len(item[0]))
    found: Figures = {}
    for year, row in zip(changed, said, strict=True):
        for part in parts(row["text"], paper.language):
            (action, rest) = next(
                (code, part.strip()[len(text) :]) for text, code in actions if part.strip().startswith(text)
            )
            ((kind, number),) = paper.counted(rest)
            found[action, kind, year] = number
    return found


def towns(paper: Paper) -> Figures:
    found: Figures = {}
    say = {
        say_in(paper.language, "paper.people_in", year=paper.last): ("people",),
        say_in(paper.language, "paper.sited_today"): ("sited", "today"),
        **{say_in(paper.language, "paper.sited_in", year=year): ("sited", year) for year in paper.content["years"]},
        **{say_in(paper.language, "paper.share_in", year=year): ("share", year) for year in paper.content["years"]},
    }
    for row in paper.rows("table_towns"):
        scope = paper.scope(row[paper.field("town")])
        found |= {(name, scope, *rest): Said(row[head]) for head, (name, *rest) in say.items() if head in row}
    return found


def worst_towns(paper: Paper) -> Figures:
    return {
        ("share", int(row["year"])): Said(row["share"])
        for row in paper.found(
            "paper.worst_in", year=r"(?P<year>\d{4})", share=r"(?P<share>[\d.]+%)", town=r"[^\d；;]+?"
        )
    }


def circles(paper: Paper) -> Figures:
    presets = {row["name"][paper.language]: code for code, row in paper.content["settings"]["circles"].items()}
    columns = {
        "covered": "covered", "covered_share": "share", "covered_slower_share": "slower",
        "covered_faster_share": "faster", "today_covered_share": "today",
    }  # fmt: skip
    return {
        (name, presets[row["circle"]]): Said(row[column])
        for row in paper.sheet("table_circles", "circle", *columns, year=paper.last)
        for column, name in columns.items()
    }


def staff(paper: Paper) -> Figures:
    found = across(paper, "table_staff", paper.resources())
    for row in paper.rows("table_staff"):
        found[paper.resources()[row[paper.field("resource")]], "today"] = Said(row[paper.field("today")])
    return found


def staff_at_sites(paper: Paper) -> Figures:
    sites = paper.ids("sites")
    return {
        (code, sites[row[paper.field("name")]]): Said(row[head])
        for row in paper.rows("table_staffing", year=paper.last)
        for head, code in paper.resources().items()
        if head in row
    }


def senders(paper: Paper) -> dict[str, str]:
    return paper.ids("sites") | paper.named("supporters")


def posts(paper: Paper) -> Figures:
    terms = paper.codes("term")
    return {
        (year, senders(paper)[row[paper.field("sender")]], terms[row[paper.field("specialty")]]): Said(row[str(year)])
        for row in paper.rows("table_senders")
        for year in paper.content["years"]
    }


def posts_in_words(paper: Paper) -> Figures:
    return {(year,): Said(row["posts"]) for year, row in of_postings(paper)}


def hubs_in_words(paper: Paper) -> Figures:
    return {(year,): Said(row["hubs"]) for year, row in of_postings(paper)}


def of_postings(paper: Paper) -> Iterator[tuple[int, dict[str, str]]]:
    digits = {name: rf"(?P<{name}>\d+)" for name in ("year", "posts", "hubs", "resident")}
    yield from paper.by_year("summary.postings_year", **digits, more="")


def roster(paper: Paper) -> Figures:
    found: Counter[tuple[Any, ...]] = Counter()
    sites = paper.ids("sites")
    for year in paper.content["years"]:
        for row in paper.sheet("table_roster", "hub", *MONTHS, year=year):
            found[year, sites[row["hub"]]] += sum(bool(row[month]) for month in MONTHS)
    return {about: Said(str(months)) for about, months in found.items()}


def rounds(paper: Paper) -> Figures:
    found: Figures = {}
    stops = paper.ids("towns") | paper.ids("places")
    for row in paper.sheet("table_rounds", "way", "base", "name", "people", "times", "one_way", year=paper.last):
        about = paper.named("outreach")[row["way"]], paper.ids("sites")[row["base"]], stops[row["name"]]
        said = {"people": row["people"], "times": row["times"], "minutes": row["one_way"]}
        found |= {(name, *about): Said(text) for name, text in said.items()}
    return found


def rounds_in_words(paper: Paper) -> Figures:
    found: Figures = {}
    per = {row["way"]: row["per"] for row in paper.content["rounds"]}
    for name, way in paper.named("outreach").items():
        to = paper.content["settings"]["outreach"][way].get("to", "village")
        stops = sentence(f"summary.to_{to}", paper.language, number=r"(?P<stops>\d+)").pattern
        digits = {"teams": r"(?P<teams>\d+)", "half_days": r"(?P<half>\d+)"}
        pattern = sentence(f"summary.rounds_{per[way]}", paper.language, way=re.escape(name), stops=stops, **digits)
        for text in paper.texts:
            # (A text is of the year that it begins with.)
            for row in pattern.finditer(text):
                about = int(text[:4]), way
                found |= {("stops", *about): Said(row["stops"]), ("teams", *about): Said(row["teams"])}
                found["half-days", *about] = Said(row["half"])
    return found


def timetable(paper: Paper) -> Figures:
    found: Counter[tuple[Any, ...]] = Counter()
    for year in paper.content["years"]:
        for row in paper.sheet("table_teams", "way", "base", "team", *DAYS, year=year):
            key = year, paper.named("outreach")[row["way"]], paper.ids("sites")[row["base"]], int(row["team"])
            found[key] += sum(bool(row[day]) for day in DAYS)
    return {about: Said(str(number)) for about, number in found.items()}


def readings(paper: Paper) -> Figures:
    found: Figures = {}
    columns = {"villages": "villages", "visited": "visited", "half_days_week": "half_days"}
    columns |= {"teams_needed": "teams_needed", "teams": "teams"}
    for row in paper.sheet("table_readings", "year", "rule", "reading", *columns):
        about = int(row["year"]), row["rule"], paper.codes("which")[row["reading"]]
        found |= {(name, *about): Said(row[column]) for column, name in columns.items()}
    return found


def members(paper: Paper) -> Figures:
    sites, found = paper.ids("sites"), {}
    for row in paper.sheet("table_members", "lead", "name", "people", "to_lead", year=paper.last):
        about = sites[row["lead"]], sites[row["name"]]
        found |= {("people", *about): Said(row["people"]), ("minutes", *about): Said(row["to_lead"])}
    return found


def consortia_in_words(paper: Paper) -> Figures:
    digits = {name: rf"(?P<{name}>[\d,]+)" for name in ("members", "people", "farthest")}
    leads, found = paper.ids("sites"), {}
    for year, row in paper.by_year("summary.consortium", **digits, lead="(?P<lead>" + "|".join(leads) + ")"):
        found |= {(name, leads[row["lead"]], year): Said(row[name]) for name in digits}
    return found


def centres(paper: Paper) -> Figures:
    rows = paper.sheet("table_centres", "function", "name", "linked", year=paper.last)
    names, sites = paper.named("functions"), paper.ids("sites")
    return {(names[row["function"]], sites[row["name"]]): Said(row["linked"]) for row in rows}


def centres_in_words(paper: Paper) -> Figures:
    found: Figures = {}
    (number,) = paper.found("summary.centres", year=r"\d{4}", count=r"(?P<count>\d+)", text="")
    for name, function in paper.named("functions").items():
        for row in paper.found(
            "summary.centre", function=re.escape(name), linked=r"(?P<linked>\d+)", host=r"(?P<host>\w+?)"
        ):
            found[function, paper.ids("sites")[row["host"]]] = Said(row["linked"])
    return found | {("centres",): Said(number["count"])}


def functions(paper: Paper) -> Figures:
    names, kinds = paper.named("functions"), paper.codes("kind")
    rows = paper.sheet("table_functions", "function", "kind", "having", year=paper.last)
    return {(names[row["function"]], kinds[row["kind"]]): Said(row["having"]) for row in rows}


def contracts(paper: Paper) -> Figures:
    homes, found = paper.ids("care_homes"), {}
    for row in paper.sheet("table_contracts", "care_home", "care_beds", "one_way", year=paper.last):
        home = homes[row["care_home"]]
        found |= {("minutes", home): Said(row["one_way"]), ("beds", home): Said(row["care_beds"])}
    return found


def contracts_in_words(paper: Paper) -> Figures:
    digits = {name: rf"(?P<{name}>\d+)" for name in ("signed", "sites")}
    said = paper.by_year("summary.contracts_year", year=r"\d{4}", **digits, farthest=r"[\d.]+", more="")
    return {(name, year): Said(row[name]) for year, row in said for name in digits}


def reserves(paper: Paper) -> Figures:
    sites, found = paper.ids("sites"), {}
    columns = {"whole_number": "number", "held_back": "reserved", "held_back_share": "share"}
    for row in paper.sheet("table_reserves", "name", "resource", *columns, year=paper.last):
        about = sites[row["name"]], paper.resources()[row["resource"]]
        found |= {(name, *about): Said(row[column]) for column, name in columns.items()}
    return found


def reserves_in_words(paper: Paper) -> Figures:
    digits = {name: rf"(?P<{name}>[\d,.]+)" for name in ("reserved", "number", "hospitals", "share")}
    return {
        (name, code, year): Said(row[name] + "%" * (name == "share"))
        for what, code in paper.resources().items()
        for year, row in paper.by_year("summary.reserve", **digits, what=re.escape(what))
        for name in digits
    }


def visits(paper: Paper) -> Figures:
    columns = {
        "people": "people",
        "visits_expected": "expected",
        "visits_capacity": "capacity",
        "visits_short": "short",
    }
    return {
        (name, paper.scope(row["name"])): Said(row[column])
        for row in paper.sheet("table_primary", "name", *columns, year=paper.last)
        for column, name in columns.items()
    }


def visits_in_words(paper: Paper) -> Figures:
    digits = {name: rf"(?P<{name}>[\d,]+)" for name in ("expected", "capacity", "short")}
    said = paper.by_year("summary.primary_short", **digits)
    return {(name, year): Said(row[name]) for year, row in said for name in digits}


def money(paper: Paper) -> Figures:
    unit = say_in(paper.language, "paper.money_unit")
    say = {say_in(paper.language, f"paper.budget_{name}"): name for name in MONEY}
    found = across(paper, "table_budget", say, paper.money_unit, unit=unit)
    for row in paper.rows("table_budget", unit=unit):
        first, *_ = row.values()
        if first in say:
            found[say[first], "all"] = Said(row[say_in(paper.language, "paper.all_years")], paper.money_unit)
    return found


def money_in_words(paper: Paper) -> Figures:
    (total,) = paper.told("paper.money_all", total=TOTAL)
    (some,) = paper.told("paper.money_parts")
    (standing,) = paper.told("paper.money_standing")
    said = {"total": total["total"], "standing": standing["standing"]}
    return {
        (name,): Said(text) for name, text in (said | {name: some[name] for name in ("capital", "low", "high")}).items()
    }


def prices(paper: Paper) -> Figures:
    what, once, yearly = (say_in(paper.language, f"paper.{key}") for key in ("price_of", "price_once", "price_yearly"))
    codes = paper.kinds() | paper.resources()
    found: Figures = {}
    for row in paper.rows("table_prices"):
        found |= {(codes[row[what]], "once"): Said(row[once]), (codes[row[what]], "yearly"): Said(row[yearly])}
    return found


def missed(paper: Paper) -> Figures:
    clause, year, reached, short = (
        say_in(paper.language, f"paper.{key}") for key in ("clause", "year_of", "reached", "short")
    )
    found: Figures = {}
    # (The document names no rule by its code: its lines stand in the order of the scorecard.)
    told = [line for line in paper.content["scorecard"] if line["status"] == "missed"]
    for row, line in zip(paper.rows("table_missed"), told, strict=True):
        assert row[clause].split("\n")[0] == (line["clause"] or say_in(paper.language, "paper.own_rule"))
        about = line["rule"], int(row[year])
        found |= {("shortfall", *about): Said(row[short]), ("reached", *about): Said(row[reached])}
    return found


def missed_in_words(paper: Paper) -> Figures:
    found: Figures = {}
    (count,) = paper.told("paper.missed_some")
    found |= {(name,): Said(count[name]) for name in ("count", "missed")}
    lines = paper.told(
        "paper.missed_one",
        clause=r"(?P<clause>[^（(]+?)",
        year=r"(?P<year>\d{4})",
        rests="",
        short=r"(?P<short>[\d.,]*\d)[^\d；;]*?",
        where="(?P<where>.*)",
    )
    told = [line for line in paper.content["scorecard"] if line["status"] == "missed"]
    for row, line in zip(lines, told, strict=True):
        about = line["rule"], int(row["year"])
        found["shortfall", *about] = Said(row["short"])
        for cause in sentence(
            "paper.cause", paper.language, name=r"(?P<name>\w+)", short=r"(?P<short>[\d,]+)"
        ).finditer(row["where"]):
            found["at", *about, cause["name"]] = Said(cause["short"])
    return found


def of_clauses(paper: Paper) -> Iterator[tuple[str, str, int, str, str]]:
    """Yield status, rule, year, figure of today and figure reached of every clause that is met or missed."""
    heads = [
        say_in(paper.language, f"paper.{key}") for key in ("status_of", "clause", "year_of", "today_of", "reached")
    ]
    statuses = {say_in(paper.language, f"clause.{status}"): status for status in ("met", "missed")}
    # (The document names no rule by its code: its lines stand in the order of the statuses, then of the scorecard.)
    order = ("missed", "met", "undecided", "reported", "not_applicable")
    told = sorted(paper.content["scorecard"], key=lambda line: order.index(line["status"]))
    rules = dict.fromkeys((line["status"], line["rule"], line["clause"]) for line in told)
    for row, (_, rule, clause) in zip(paper.rows("table_clauses"), rules, strict=True):
        status, named, *lines = (row[head] for head in heads)
        assert named.split("\n")[0] == (clause or say_in(paper.language, "paper.own_rule"))
        if status in statuses:
            for year, now, then in zip(*(text.split("\n") for text in lines), strict=True):
                yield statuses[status], rule, int(year), now, then


def clauses(paper: Paper) -> Figures:
    found: Figures = {}
    for _, rule, year, now, then in of_clauses(paper):
        found |= {("today", rule, year): Said(now), ("reached", rule, year): Said(then)}
    return found


def clauses_by_status(paper: Paper) -> Figures:
    counts = Counter((status,) for status, *_ in of_clauses(paper))
    return {about: Said(str(number)) for about, number in counts.items()}


def proof(paper: Paper) -> Figures:
    rows = paper.sheet("table_proof", "gap")
    return {("gap", at): Said(row["gap"], is_gap=True) for at, row in enumerate(rows)}


def nesting(paper: Paper) -> Figures:
    return {
        ("most", int(row["year"])): Said(row["nesting_most"], is_gap=True)
        for row in paper.sheet("table_nesting", "year", "nesting_most")
    }


def fairness(paper: Paper) -> Figures:
    return {
        ("all", int(row["year"])): Said(row["share_all"]) for row in paper.sheet("table_fairness", "year", "share_all")
    }


def ledger(paper: Paper) -> Figures:
    return {
        (name, paper.scope(row["town"])): Said(row[name])
        for row in paper.sheet("table_ledger", "town", "people", *STATUSES, year=paper.last)
        for name in ("people", *STATUSES)
    }


def sites(paper: Paper) -> Figures:
    ids, found = paper.ids("sites"), {}
    counts: Counter[str] = Counter()
    for row in paper.sheet("table_sites", "name", "action", "serves"):
        action = paper.codes("action")[row["action"]]
        counts[action] += 1
        if row["serves"]:
            found["served", ids[row["name"]]] = Said(row["serves"])
    return found | {("actions", action): Said(str(number)) for action, number in counts.items()}


def sites_of_towns(paper: Paper) -> Figures:
    found: Figures = {}
    number = say_in(paper.language, "paper.sites_of_town", year=paper.last)
    which = say_in(paper.language, "paper.which_sites")
    pattern = sentence(
        "paper.site_serves", paper.language, name=r"(?P<name>\w+)", year=r"\d{4}", action=r"[^\d（(、]+?",
        people=PEOPLE,
    )  # fmt: skip
    for row in paper.rows("table_town_sites"):
        found["number", paper.scope(row[paper.field("town")])] = Said(row[number])
        for site in pattern.finditer(row[which]):
            found["served", paper.ids("sites")[site["name"]]] = Said(site["people"])
    return found


def times_in_words(paper: Paper) -> Figures:
    found: Figures = {}
    for text, how in paper.codes("way_by").items():
        for row in paper.found("summary.times_by", by=re.escape(text), people=r"(?P<people>[\d,]+)", share=r"[\d.]+"):
            found[how,] = Said(row["people"])
    return found


def cards(paper: Paper) -> Figures:
    """Return the figures of the annex on sites: in a cell the lines of a site's card follow each other."""
    found: Figures = {}
    labels = {
        say_in(paper.language, f"site_card.label_{name}"): name for name in ("people", "alone", "nearest", "places")
    }
    card = Cards(paper.content, paper.language, {}, Page())
    site, gain, colon = (say_in(paper.language, key) for key in ("paper.site_of", "paper.card_gain", "map.colon"))
    line = "(" + "|".join(map(re.escape, labels)) + ")" + re.escape(colon)
    for row in paper.rows("table_cards"):
        code = paper.ids("sites")[row[site].split("\n")[0]]
        _, *said = re.split(line, row[gain])
        for label, text in zip(said[::2], said[1::2], strict=True):
            if labels[label] != "places":
                told_of = text.removesuffix(say_in(paper.language, "summary.semicolon"))
                found |= {(labels[label], code, year): Said(figure) for year, figure in card.by_year(told_of)}
    return found


def staff_of_towns(paper: Paper) -> Figures:
    return {
        (code, paper.scope(row["town"])): Said(row["number"])
        for name, code in paper.resources().items()
        for row in paper.sheet("table_staff_by_town", "town", "number", year=paper.last, resource=name)
    }


def assumptions(paper: Paper) -> Figures:
    counts: Counter[tuple[Any, ...]] = Counter()
    for row in paper.sheet("table_assumptions", "basis", "cells"):
        counts[paper.codes("basis")[row["basis"]],] += int(row["cells"].replace(",", ""))
    return {about: Said(str(number)) for about, number in counts.items()}


READ: Mapping[str, Callable[[Paper], Figures]] = {
    "asked for": asked_for, "main figures": main_figures, "to be known": to_be_known, "today": today,
    "targets": targets, "years": years, "people of years": people_of_years, "sites of years": sites_of_years,
    "actions of years": actions_of_years, "towns": towns, "worst towns": worst_towns, "circles": circles,
    "staff": staff, "staff at sites": staff_at_sites, "posts": posts, "posts in words": posts_in_words,
    "hubs in words": hubs_in_words, "roster": roster, "rounds": rounds, "rounds in words": rounds_in_words,
    "timetable": timetable, "readings": readings, "members": members, "consortia in words": consortia_in_words,
    "centres": centres, "centres in words": centres_in_words, "functions": functions, "contracts": contracts,
    "contracts in words": contracts_in_words, "reserves": reserves, "reserves in words": reserves_in_words,
    "visits": visits, "visits in words": visits_in_words, "money": money, "money in words": money_in_words,
    "prices": prices, "missed": missed, "missed in words": missed_in_words, "clauses": clauses,
    "clauses by status": clauses_by_status, "proof": proof, "nesting": nesting, "fairness": fairness,
    "ledger": ledger, "sites": sites, "sites of towns": sites_of_towns, "times in words": times_in_words,
    "cards": cards, "staff of towns": staff_of_towns, "assumptions": assumptions,
}  # fmt: skip


def wrong(paper: Paper, content: Content) -> dict[str, Any]:
    """Return the figures of each part that are not those of a plan."""
    right = exact(content)
    found = {part: differing(read(paper), right[part], paper.language) for part, read in READ.items()}
    return {part: figures for part, figures in found.items() if figures}


@pytest.fixture(scope="module", params=LANGUAGES)
def paper(request: pytest.FixtureRequest, hubs_plan: Plan) -> Paper:
    content = copy.deepcopy(dict(hubs_plan.content))
    return paper_of(report(content, request.param), content, request.param)


def test_every_figure_of_the_document_is_the_plan_s(paper: Paper) -> None:
    assert exact(paper.content).keys() == READ.keys()
    assert wrong(paper, paper.content) == {}


def test_no_sentence_speaks_of_a_mark_that_the_document_does_not_have(paper: Paper) -> None:
    # (In the terminal's summary figures of what is assumed have an asterisk.)
    assert [text for text in paper.texts if "*" in text] == []


def test_every_part_of_the_document_says_figures(paper: Paper) -> None:
    assert [part for part, read in READ.items() if not read(paper)] == []


# ---- what is wrong is seen ----


def spoil_ledger(content: Content) -> None:
    next(row for row in content["ledger"] if row["scope"] == "district")["out_of_range"] += 1


def spoil_sites(content: Content) -> None:
    next(site for site in content["sites"] if site["kind"] == "station")["people"][str(content["years"][-1])] += 1


def spoil_money(content: Content) -> None:
    # (The last digit in tables is 1,000 yuan.)
    content["budget"][0]["capital"] += 1_000


def spoil_total(content: Content) -> None:
    content["budget"][-1]["total"] += 1_000


def spoil_price(content: Content) -> None:
    content["settings"]["siting"]["clinic"]["opening"] += 1


def spoil_staff(content: Content) -> None:
    last = content["years"][-1]
    next(row for row in content["staff"] if (row["year"], row["resource"]) == (last, "nurses"))["number"] += 1


def spoil_today(content: Content) -> None:
    next(row for row in content["today"] if row["scope"] == "district")["served"] += 100


def spoil_clause(content: Content) -> None:
    next(row for row in content["scorecard"] if row["status"] == "missed")["shortfall"] += 1


def spoil_status(content: Content) -> None:
    next(row for row in content["scorecard"] if row["status"] == "met")["status"] = "reported"


def spoil_coverage(content: Content) -> None:
    last = content["years"][-1]
    next(row for row in content["coverage"] if (row["year"], row["scope"]) == (last, "district"))["covered"] += 1


def spoil_round(content: Content) -> None:
    next(row for row in content["rounds"] if row["year"] == content["years"][-1])["minutes"] += 1


def spoil_half_day(content: Content) -> None:
    content["timetable"].pop()


def spoil_reading(content: Content) -> None:
    content["readings"][0]["villages"] += 1


def spoil_member(content: Content) -> None:
    year = content["years"][-1]
    next(row for row in content["consortia"] if row["year"] == year and row["id"] != row["lead"])["people"] += 1


def spoil_function(content: Content) -> None:
    content["functions"].remove(next(row for row in content["functions"] if row["function"] == "chest_pain_unit"))


def spoil_reserve(content: Content) -> None:
    next(row for row in content["reserves"] if row["year"] == content["years"][-1])["number"] += 1


def spoil_contract(content: Content) -> None:
    next(row for row in content["contracts"] if row["year"] == content["years"][-1])["minutes"] += 1


def spoil_visits(content: Content) -> None:
    rows = content["primary_capacity"]
    next(row for row in rows if (row["year"], row["scope"]) == (content["years"][-1], "district"))["short"] += 1


def spoil_post(content: Content) -> None:
    content["roster"].pop()


def spoil_gap(content: Content) -> None:
    content["stages"][-1]["gap"] += 0.0001


def spoil_nesting(content: Content) -> None:
    content["nesting"][0]["most"] += 0.0001


def spoil_way(content: Content) -> None:
    last = content["years"][-1]
    row = next(row for row in content["places"] if (row["year"], row["status"], row["how"]) == (last, "served", "line"))
    row["how"] = "here"


SPOILT: Mapping[Callable[[Content], None], set[str]] = {
    spoil_ledger: {"people of years", "years"},
    spoil_sites: {"cards", "sites", "sites of towns"},
    spoil_money: {"main figures", "money", "money in words"},
    spoil_total: {"asked for", "money", "money in words"},
    spoil_price: {"prices"},
    spoil_staff: {"staff", "staff at sites", "staff of towns"},
    spoil_today: {"today"},
    spoil_clause: {"missed", "missed in words"},
    spoil_status: {"clauses", "clauses by status", "missed in words", "targets", "to be known"},
    spoil_coverage: {"circles"},
    spoil_round: {"rounds"},
    spoil_half_day: {"timetable"},
    spoil_reading: {"readings"},
    spoil_member: {"consortia in words", "members"},
    spoil_function: {"functions"},
    spoil_reserve: {"reserves", "reserves in words"},
    spoil_contract: {"contracts"},
    spoil_visits: {"visits", "visits in words"},
    spoil_post: {"posts in words", "roster"},
    spoil_gap: {"proof", "to be known"},
    spoil_nesting: {"nesting"},
    spoil_way: {"times in words"},
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_figure_that_is_wrong_by_one_is_seen_wherever_the_document_has_it(
    spoil: Callable[[Content], None], hubs_plan: Plan
) -> None:
    right = dict(hubs_plan.content)
    spoilt = copy.deepcopy(right)
    spoil(spoilt)
    # (Without its maps, which take longest.)
    paper = paper_of(word(recommendation(spoilt, "zh")), right, "zh")
    assert wrong(paper, right).keys() == SPOILT[spoil]


# ---- the same document as PDF ----


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_paragraph_and_every_row_of_the_document_is_in_the_pdf(
    language: Language, hubs_plan: Plan, tmp_path: Path
) -> None:
    content = hubs_plan.content
    made = export(content, "pdf", tmp_path / "report.pdf", language).read_bytes()
    pages = [shown(page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(made)).pages]
    held = "".join(pages)
    paper = paper_of(export(content, "docx", tmp_path / "report.docx", language).read_bytes(), dict(content), language)
    rows = [row for table in paper.tables.values() for row in table]
    assert len(rows) > 250

    def is_held(text: str) -> bool:
        return shown(text) in held or runs_over(shown(text), pages)

    assert [text for text in paper.texts if not is_held(text)] == []
    # (Where a row runs over a page, its cells do one by one.)
    assert [row for row in rows if not is_held("".join(row)) and not all(map(is_held, row))] == []
    assert sum(not is_held("".join(row)) for row in rows) < len(rows) / 50


# ---- what counts as right ----


@pytest.mark.parametrize(
    ("text", "exact_one", "is_right"),
    [
        ("34,781", 34_781, True),
        ("34,781", 34_782, False),
        ("3.48万人", 34_781, True),
        ("3.48万人", 34_850, True),
        ("3.48万人", 34_851, False),
        ("585.0万元", 5_850_499, True),
        ("585.0万元", 5_850_501, False),
        ("99.9%", Fraction(999_999, 1_000_000), True),
        ("100%", Fraction(999_999, 1_000_000), False),
        ("100%", 1, True),
        ("0.1%", Fraction(1, 1_000_000), True),
        ("0.0%", Fraction(1, 1_000_000), False),
        ("79.2%", 0.7918, True),
        ("79.1%", 0.7918, False),
        ("未知", None, True),
        ("0", None, False),
        ("未知", 0, False),
    ],
)
def test_a_figure_is_right_as_far_as_its_digits_go(text: str, exact_one: Any, is_right: bool) -> None:
    assert Said(text).is_right(exact_one, "zh") is is_right


@pytest.mark.parametrize(("text", "is_right"), [("14.66%", True), ("14.65%", False), ("14.67%", False)])
def test_a_gap_is_never_rounded_down(text: str, is_right: bool) -> None:
    assert Said(text, is_gap=True).is_right(0.146512, "en") is (text == "14.66%") is is_right
