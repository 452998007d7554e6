"""What stands in workbook and page of a comparison, read back, is what both plans say, and counts everybody once."""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from allocate.comparing import compare
from allocate.outputs import PAGE_FILE, TABLES_FILE, write_comparison
from allocate.words import LANGUAGES, Language, catalogue, say_in, speaking

Content = dict[str, Any]
Figures = Counter[tuple[Any, ...]]

NAMES = ("base", "fewer")
SIDES = ("first", "other")
VERDICTS = ("better", "worse", "same", "unknown")
MONEY = ("opening", "yearly", "total", "capital", "recurrent")


@dataclass(frozen=True)
class Written:
    """The workbook of a comparison as the rows of its tables, by the words of their columns, and the page's data."""

    language: Language
    tables: Mapping[str, list[dict[str, Any]]]
    page: Mapping[str, Any]

    def head(self, name: str, side: str = "") -> str:
        said = say_in(self.language, f"field.{name}")
        return say_in(self.language, f"compare.of_{side}", what=said) if side else said

    def codes(self, section: str) -> dict[str, str]:
        said = {key: texts[self.language] for key, texts in catalogue().items() if key.startswith(f"{section}.")}
        return {text: key.split(".", 1)[1] for key, text in said.items()}


def written(contents: list[Content], folder: Path, language: Language) -> Written:
    """Compare two plans, write both files, and read them back by other means."""
    with speaking(language):
        write_comparison(compare(contents, NAMES), contents, folder)
    book = CalamineWorkbook.from_path(folder / TABLES_FILE)
    tables = {}
    for name in ("plans", "money", "people", "towns", "sites", "amounts", "places"):
        sheet = book.get_sheet_by_name(say_in(language, f"sheet.compare_{name}")).to_python(skip_empty_area=False)
        first = say_in(language, f"field.{'plan_name' if name == 'plans' else 'compared_with'}")
        top = next(at for at, line in enumerate(sheet) if line[0] == first)
        tables[name] = [dict(zip(sheet[top], line, strict=True)) for line in sheet[top + 1 :] if line[0] != ""]
    (island,) = re.findall(
        r'<script type="application/json" id="comparison">(.*?)</script>',
        (folder / PAGE_FILE).read_text(encoding="utf-8"),
        re.DOTALL,
    )
    return Written(language, tables, json.loads(island))


def exact(contents: list[Content]) -> dict[str, Figures]:
    """Return the figures of every table that two plans have, from their plan.json alone."""
    found: dict[str, Figures] = {name: Counter() for name in ("plans", "money", "people", "towns", "sites", "open")}
    for side, content in zip(SIDES, contents, strict=True):
        last = content["years"][-1]
        for row in content["ledger"]:
            about = row["scope"], row["year"], side
            found["towns"].update({("people", *about): row["people"], ("served", *about): row["served"]})
            if row["scope"] == "district":
                found["people"]["people", row["year"], side] += row["people"]
                if row["year"] == last:
                    found["plans"].update({(side, "people"): row["people"], (side, "served"): row["served"]})
        for row in content["budget"]:
            found["plans"][side, "cost"] += row["total"]
            found["money"]["total", "all", side] += row["total"]
            found["money"].update({(name, row["year"], side): row[name] for name in MONEY})
        for row in content["scorecard"]:
            if row["status"] in ("met", "missed"):
                found["plans"][side, row["status"]] += 1
        for row in content["coverage"]:
            if row["preset"] == content["settings"]["circle"]:
                found["towns"]["covered", row["scope"], row["year"], side] += row["covered"]
        for year in content["years"]:
            for site in content["sites"]:
                if str(year) in site["people"]:
                    found["open"][site["kind"], year, side] += 1
                    found["sites"][site["id"], year, side] += site["people"][str(year)]
    return found


def said(made: Written) -> dict[str, Figures]:
    """Return the figures of the workbook by table."""
    found: dict[str, Figures] = {name: Counter() for name in ("plans", "money", "people", "towns", "open")}
    head, tables = made.head, made.tables
    columns = (("people_last", "people"), ("served_last", "served"), ("whole_cost", "cost"))
    columns += (("clauses_met", "met"), ("clauses_missed", "missed"))
    for side, row in zip(SIDES, tables["plans"], strict=True):
        found["plans"].update({(side, name): int(row[head(column)]) for column, name in columns})
    items = {head(name): name for name in MONEY}
    # (The years' headings have their unit, and the whole says that it is of all years.)
    whole = f"{head('total')} · {say_in(made.language, 'compare.all_years')}"
    for row in tables["money"]:
        year = "all" if row[head("item")] == whole else int(row[head("year")])
        name = "total" if year == "all" else items.get(row[head("item")])
        amounts = [int(row[head("amount", side)]) for side in SIDES]
        assert int(row[head("amount", "difference")]) == amounts[1] - amounts[0]
        if name:
            found["money"].update({(name, year, side): n for side, n in zip(SIDES, amounts, strict=True)})
    for row in tables["people"]:
        for side in SIDES:
            found["people"]["people", int(row[head("year")]), side] += int(row[head("people", side)])
    for row in tables["towns"]:
        about = row[head("town_id")] or "district", int(row[head("year")])
        for side in SIDES:
            for name in ("people", "served", "covered"):
                found["towns"][(name, *about, side)] += int(row[head(name, side)])
        more = int(row[head("served", "other")]) - int(row[head("served", "first")])
        assert int(row[head("served", "difference")]) == more
    kinds = {say_in(made.language, "compare.item_open", kind=text): kind for text, kind in made.codes("kind").items()}
    for row in tables["amounts"]:
        if row[head("item")] in kinds:
            for side in SIDES:
                about = kinds[row[head("item")]], int(row[head("year")]), side
                found["open"][about] += int(row[head("amount", side)])
    return found


def of_page(made: Written, contents: list[Content]) -> dict[str, Figures]:
    """Return the figures of the page that its script draws: people of towns, of the district and of open sites."""
    page, (pair,) = made.page, made.page["pairs"]
    towns = [town["id"] for town in contents[0]["district_data"]["towns"]]
    codes = list(dict.fromkeys(site["id"] for content in contents for site in content["sites"]))
    found: dict[str, Figures] = {"people": Counter(), "towns": Counter(), "sites": Counter()}
    for year, rows in pair["towns"].items():
        for town, first_served, other_served, first, other in rows:
            about = towns[town], int(year)
            for side, served, people in zip(SIDES, (first_served, other_served), (first, other), strict=True):
                found["towns"].update({("people", *about, side): people, ("served", *about, side): served})
    for year, (*_, first, other) in pair["people"].items():
        found["people"].update({("people", int(year), "first"): first, ("people", int(year), "other"): other})
    for year, rows in pair["standing"].items():
        for at, _, *people in rows:
            for side, number in zip(SIDES, people, strict=True):
                found["sites"][codes[at], int(year), side] += number or 0
    assert page["sites"]["name"] == [
        next(site["name"] for content in contents for site in content["sites"] if site["id"] == code) for code in codes
    ]
    return found


def wrong(made: Written, contents: list[Content], right: list[Content]) -> set[str]:
    """Return the tables of workbook and page whose figures are not those of two plans."""
    should = exact(right)
    seen = {table for table, figures in said(made).items() if figures != should[table]}
    drawn = of_page(made, contents)
    should["towns"] = Counter({about: n for about, n in should["towns"].items() if about[0] != "covered"})
    should["towns"] = Counter({about: n for about, n in should["towns"].items() if about[1] != "district"})
    return seen | {f"page of {table}" for table, figures in drawn.items() if +figures != +should[table]}


@pytest.fixture(scope="module", params=LANGUAGES)
def made(
    request: pytest.FixtureRequest, compared_plans: list[Content], tmp_path_factory: pytest.TempPathFactory
) -> Written:
    return written(compared_plans, tmp_path_factory.mktemp("compared") / "both", request.param)


def test_every_figure_of_a_comparison_is_that_of_its_plan(made: Written, compared_plans: list[Content]) -> None:
    found = said(made)
    assert all(found.values())
    assert {table: figures - exact(compared_plans)[table] for table, figures in found.items()} == {
        table: Counter() for table in found
    }
    assert wrong(made, compared_plans, compared_plans) == set()


def people_by_verdict(made: Written) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield in the table of people who wins, who loses, who neither, and of whom it cannot be told."""
    names = {"better": "better", "worse": "worse", "same": "unchanged"}
    for row in made.tables["people"]:
        counts = {verdict: int(row[made.head(name)]) for verdict, name in names.items()}
        for side in SIDES:
            counts[f"unknown_{side}"] = int(row[made.head("incomparable", side)])
            counts[f"people_{side}"] = int(row[made.head("people", side)])
        yield int(row[made.head("year")]), counts


def test_everybody_wins_loses_or_neither_and_is_counted_once(made: Written) -> None:
    for year, counts in people_by_verdict(made):
        for side in SIDES:
            known = counts["better"] + counts["worse"] + counts["same"]
            assert known + counts[f"unknown_{side}"] == counts[f"people_{side}"] > 0
        # The page says the same.
        better, worse, same, elsewhere, *others = made.page["pairs"][0]["people"][str(year)]
        assert (better, worse, same) == (counts["better"], counts["worse"], counts["same"])
        assert others == [counts[f"{what}_{side}"] for what in ("unknown", "people") for side in SIDES]
        assert elsewhere <= same


def test_winners_and_losers_are_those_of_the_places_and_make_up_the_difference(
    made: Written, compared_plans: list[Content]
) -> None:
    verdicts, statuses = made.codes("verdict"), made.codes("status")
    places: Counter[tuple[int, str]] = Counter()
    more: Counter[int] = Counter()
    for row in made.tables["places"]:
        year, people = int(row[made.head("year")]), int(row[made.head("people_of_line")])
        places[year, verdicts[row[made.head("verdict")]]] += people
        before, after = (statuses[row[made.head("status", side)]] == "served" for side in SIDES)
        more[year] += people * (after - before)
    for year, counts in people_by_verdict(made):
        assert [places[year, verdict] for verdict in ("better", "worse")] == [counts["better"], counts["worse"]]
        served = [
            row["served"]
            for content in compared_plans
            for row in content["ledger"]
            if (row["year"], row["scope"]) == (year, "district")
        ]
        assert more[year] == served[1] - served[0]
        # On the page they are the same parts.
        drawn: Counter[str] = Counter()
        for _, verdict, people, *_ in made.page["pairs"][0]["parts"][str(year)]:
            drawn[verdict] += people
        assert (drawn["better"], drawn["worse"]) == (counts["better"], counts["worse"])
    assert any(counts["worse"] for _, counts in people_by_verdict(made))


def test_the_tables_of_the_page_are_those_of_the_workbook(made: Written) -> None:
    (pair,) = made.page["pairs"]
    titles = {table["title"][made.language]: table for table in pair["tables"]}
    for name in ("money", "people", "towns", "amounts"):
        table = titles[say_in(made.language, f"sheet.compare_{name}")]
        numbers = [at for at, field in enumerate(table["fields"]) if field["kind"] in ("whole", "yuan")]
        heads = [table["fields"][at]["heading"][made.language] for at in numbers]
        drawn = [[row[at] or 0 for at in numbers] for row in table["rows"]]
        assert drawn == [[int(row[head] or 0) for head in heads] for row in made.tables[name]]
        assert len(numbers) >= 2


def spoil_ledger(content: Content) -> None:
    next(row for row in content["ledger"] if row["scope"] != "district")["served"] += 1


def spoil_district(content: Content) -> None:
    next(row for row in reversed(content["ledger"]) if row["scope"] == "district")["served"] += 1


def spoil_money(content: Content) -> None:
    content["budget"][0]["yearly"] += 1


def spoil_total(content: Content) -> None:
    content["budget"][1]["total"] += 1


def spoil_site(content: Content) -> None:
    next(site for site in reversed(content["sites"]) if "2027" in site["people"])["people"]["2027"] += 1


def spoil_kind(content: Content) -> None:
    next(site for site in content["sites"] if site["kind"] == "clinic" and site["people"])["kind"] = "station"


def spoil_clause(content: Content) -> None:
    next(row for row in content["scorecard"] if row["status"] == "met")["status"] = "missed"


def spoil_coverage(content: Content) -> None:
    circle = content["settings"]["circle"]
    next(row for row in content["coverage"] if row["preset"] == circle)["covered"] += 1


SPOILT: Mapping[Callable[[Content], None], set[str]] = {
    spoil_ledger: {"towns", "page of towns"},
    spoil_district: {"towns", "plans"},
    spoil_money: {"money"},
    spoil_total: {"money", "plans"},
    spoil_site: {"page of sites"},
    spoil_kind: {"open"},
    spoil_clause: {"plans"},
    spoil_coverage: {"towns"},
}


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("spoil", SPOILT)
def test_a_figure_of_either_plan_that_is_wrong_by_one_is_seen(
    spoil: Callable[[Content], None], side: int, compared_plans: list[Content], tmp_path: Path
) -> None:
    spoilt = copy.deepcopy(compared_plans)
    spoil(spoilt[side])
    made = written(spoilt, tmp_path / "both", LANGUAGES[side])
    assert wrong(made, spoilt, compared_plans) == SPOILT[spoil]
