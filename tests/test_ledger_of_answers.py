"""What page, workbook and tables of an answer show, read back, is what its JSON says; its guide names all of it."""

import copy
import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from math import isclose
from typing import Any

import numpy as np
import pytest
from answers_made import HOSTILE, KINDS, made
from python_calamine import CalamineWorkbook
from scipy.stats import spearmanr

from allocate.answer import Answer, AnswerKind
from allocate.bundle import bundled
from allocate.crews import Processes
from allocate.plans import Plan, to_json
from allocate.report.alternatives_page import ALTERNATIVES_SHEETS
from allocate.report.answers import answer_files, page_of
from allocate.report.joint_page import JOINT_SHEETS
from allocate.report.prices_page import PRICE_SHEETS
from allocate.report.robust_page import ROBUST_SHEETS
from allocate.report.scenarios_page import SCENARIO_SHEETS
from allocate.report.sweep_tables import SWEEP_SHEETS
from allocate.report.table import Field, Sheet, seen
from allocate.robust import Asked, kept_plan, robust
from allocate.words import LANGUAGES, Language, say_in

Content = Mapping[str, Any]
Row = Mapping[str, Any]
# How a figure comes from a row of the JSON: a path in it, or what is worked out of it.
Figure = str | Callable[[Row], Any]

SHEETS: Mapping[AnswerKind, Sequence[str]] = {
    "scenarios": SCENARIO_SHEETS, "sweep": SWEEP_SHEETS, "alternatives": ALTERNATIVES_SHEETS, "robust": ROBUST_SHEETS,
    "prices": PRICE_SHEETS, "joint": JOINT_SHEETS,
}  # fmt: skip


# ---- what every table should say: worked out of the JSON anew ----


def count_of(key: str) -> Callable[[Row], Any]:
    return lambda row: None if row.get(key) is None else len(row[key])


def part(one: str, whole: str) -> Callable[[Row], Any]:
    return lambda row: row[one] / row[whole] if row[whole] else None


def served_share(row: Row, year: str) -> float:
    return float(row["served"][year] / row["people"][year])


def changed_clauses(content: Content) -> list[Row]:
    base = next(row for row in content["rows"] if row["name"] == "base")
    before = {(line["rule"], line["year"]): line["status"] for line in base["clauses"]}
    return [
        line
        for row in content["rows"]
        if row["name"] not in ("base", "today")
        for line in row.get("clauses", ())
        if before.get((line["rule"], line["year"])) != line["status"]
    ]


def of_curves(part: str) -> Callable[[Content], list[Row]]:
    return lambda content: [row for curve in content["curves"] for row in curve[part]]


def all_districts(content: Content) -> list[Row]:
    return [*content["districts"], content["totals"]]


# By the name of a table: its rows in the JSON, and where each figure stands there.
LEDGER: Mapping[str, tuple[Callable[[Content], Sequence[Row]], Mapping[str, Figure]]] = {
    "scenarios": (
        lambda content: content["rows"],
        {
            "clauses_met": "met",
            "clauses_missed": "missed",
            "clauses_undecided": lambda row: None if row["met"] is None else row["undecided"] + row["unknown"],
            "coverage_share": "coverage.YEAR",
            "people_served": "served.YEAR",
            "sites_open": "sites.YEAR",
            "scenario_cost": "cost",
            "cost_against": "against.cost",
            "goal_value": "value",
            "goal_bound": "bound",
            "gap": "gap",
            "against_low": "against.low",
            "against_high": "against.high",
        },
    ),
    "scenario_changes": (lambda content: [one for row in content["rows"] for one in row["changes"]], {}),
    "scenario_clauses": (changed_clauses, {"year": "year", "target": "target", "scenario_value": "value"}),
    "scenario_sites": (
        lambda content: [
            {"id": site}
            for row in content["rows"]
            for part in ("only_base", "only_here")
            for site in (row["against"] or {}).get(part, ())
        ],
        {"id": "id"},
    ),
    "sweep_runs": (
        lambda content: content["runs"],
        {
            "run_number": "run", "varied": "varied.KEY", "run_seed": "seed", "run_value": "value",
            "run_bound": "bound", "run_gap": "gap", "run_cost": "cost", "run_coverage": "coverage.YEAR",
            "run_served": "served.YEAR", "run_people": "people.YEAR", "run_sites": "sites.YEAR",
            "run_capital": "capital.YEAR", "run_recurrent": "recurrent.YEAR", "run_missed_number": count_of("missed"),
        },
    ),
    "sweep_keys": (lambda content: content["varied"], {"varied_values": "count"}),
    "alternatives_counts": (
        lambda content: content["counts"],
        {"within_share": "within", **{f"near_{one}": one for one in ("must", "swappable", "never", "undecided")}},
    ),
    "alternatives_sites": (
        lambda content: content["sites"],
        {
            "people": "people",
            "near_distance": lambda row: None if row["distance"] is None else max(0, row["distance"]),
            "near_moved": "moved",
            "near_bound": lambda row: row["bound"] if (row["bound"] or 0) > 0 else None,
            "near_unserved": "unserved",
            "in_plans": "plans",
            "of_plans": "of_plans",
            "id": "id",
        },
    ),
    "alternatives_plans": (
        lambda content: [content["plan"], *content["plans"]],
        {
            "near_distance": lambda row: max(0, row["distance"]),
            "near_goal": "goals.KEY",
            "near_worse": "worse.KEY",
            "served_last": "served",
            "near_covered": part("served", "people"),
            "near_sites": "sites",
            "near_kept": "kept",
            "near_opened": count_of("opened"),
            "near_closed": count_of("closed"),
            "near_apart": lambda row: min(n for at, n in enumerate(row["apart"]) if at != row["plan"]),
        },
    ),
    "alternatives_differences": (
        lambda content: [
            {"id": code} for plan in content["plans"] for part in ("opened", "closed") for code in plan[part]
        ],
        {"id": "id"},
    ),
    "robust_coverage": (
        lambda content: content["coverage"],
        {
            "year": "year", "share_planned": "planned", "share_low": "low", "share_median": "median",
            "share_high": "high", "share_worst": "worst", "worst_seed": "worst_seed", "of_draws": "draws",
        },
    ),
    "robust_clauses": (
        lambda content: content["clauses"],
        {"year": "year", "draws_kept": "kept", "of_draws": "draws", "share_kept": part("kept", "draws")},
    ),
    "robust_sites": (
        lambda content: content["sites"],
        {
            "people_planned": "people", "stands_anew": lambda row: row["stands"] if row["anew"] else None,
            "of_anew": "anew", "idle_draws": "idle", "of_draws": "draws", "id": "id",
        },
    ),
    "robust_survey": (
        lambda content: content["surveying"]["places"],
        {
            "survey_rank": "rank",
            "people": "people",
            "site_people": "site_people",
            "changes_expected": lambda row: round(row["changes"]),
            "changes_own": lambda row: round(row["own"]),
            "changes_others": lambda row: round(row["others"]),
            "won_by_knowing": lambda row: round(row["won"]),
            "cumulated_share": "cumulated",
            "id": "id",
        },
    ),
    "robust_closures": (
        lambda content: content["closures"],
        {"fewer_served": "fewer.YEAR", "visits_fewer": "visits_lost", "id": "id"},
    ),
    "robust_shortages": (
        lambda content: content["shortages"],
        {
            "cut_share": "cut", "number_planned": "planned", "number_left": "left", "fewer_served": "fewer.YEAR",
            "visits_fewer": "visits_lost",
        },
    ),
    "robust_changes": (
        lambda content: [{"speed": 1, "growth": 0, **content["nominal"]}, *content["changes"]],
        {
            "speeds_times": "speed", "growth_more": lambda row: round(100 * row["growth"], 3),
            "robust_served": "served.YEAR", "robust_share": served_share,
        },
    ),
    "robust_anew": (
        lambda content: content["anew"],
        {
            "seed": "seed", "kept_served": "kept.served.LAST", "anew_served": "found.served.LAST",
            "kept_cost": "kept.cost", "anew_cost": "found.cost", "anew_value": "found.value",
            "anew_bound": "found.bound", "gap": "found.gap", "kept_value": "kept.value",
        },
    ),
    "robust_draws": (
        lambda content: content["draws"],
        {
            "seed": "seed", "speeds_times": "speed", "growth_more": lambda row: round(100 * row["growth"], 3),
            "robust_served": "served.YEAR", "robust_share": served_share, "visits_fewer": "visits_lost",
            "sites_idle": count_of("idle"),
        },
    ),
    "hedged": (
        lambda content: [content["hedged"]["nominal"], *content["hedged"]["plans"]],
        {
            "hedge_cost": "cost", "hedge_more": "more", "hedge_sites": "sites",
            **{f"{of}_{n}": f"{of}.{n}" for of in ("fitted", "fresh") for n in ("worst", "tail", "mean")},
            "hedge_opened": count_of("opened"), "hedge_dropped": count_of("dropped"),
            "hedge_bound": lambda row: 1 - row["bound"] if row["bound"] else None,
        },
    ),
    "hedged_sites": (
        lambda content: [
            {"id": code} for plan in content["hedged"]["plans"] for part in ("opened", "dropped") for code in plan[part]
        ],
        {"id": "id"},
    ),
    "price_points": (
        of_curves("points"),
        {
            "target": "target", "goal_value": "value", "goal_bound": "bound", "best_least": "least",
            "best_most": "most", "gap": "gap", "scenario_cost": "cost", "coverage_share": "coverage.YEAR",
            "sites_open": "sites.YEAR",
        },
    ),
    "price_steps": (
        of_curves("steps"), {"step_from": "from", "step_to": "to", "step_low": "low", "step_high": "high"}
    ),
    "price_front": (
        lambda content: content["front"],
        {
            "point": "point", "scenario_cost": "cost", "goal_bound": "bound", "gap": "gap", "share_average": "share",
            "people_served": "served.YEAR",
        },
    ),
    "price_even": (
        lambda content: content["break_even"],
        {
            "present_price": "present", "even_price": "price", "even_exact": "at", "even_change": "change",
            "bought_now": "from_quantity", "bought_then": "to_quantity", "cost_now": "from_cost",
            "cost_then": "to_cost",
        },
    ),
    "joint_districts": (
        all_districts,
        {
            **{f"clauses_{one}": f"clauses.{one}" for one in ("met", "missed", "undecided")},
            "joint_people": "people.YEAR", "people_served": "served.YEAR", "joint_share": served_share,
            "sites_open": lambda row: sum(row["sites"]["2027"].values()), "gap": "gap",
        },
    ),
    "joint_goals": (
        lambda content: [goal for row in all_districts(content) for goal in row["goals"]],
        {"goal_value": "value", "goal_bound": "bound", "gap": "gap"},
    ),
    "joint_shares": (
        lambda content: content["shares"],
        {"joint_experts": "experts", "joint_given": "share", "joint_asked": "asked", "joint_away": "away.YEAR"},
    ),
    "joint_clauses": (
        lambda content: [
            {**row, **line}
            for row in content["clauses"]
            for line in (*row["by_district"].values(), *([{}] if len(row["by_district"]) > 1 else []))
        ],
        {"year": "year", "target": "target", "value": "value", "shortfall": "shortfall"},
    ),
    "joint_circles": (
        lambda content: [line for row in content["districts"] for line in row["coverage"]],
        {
            "year": "year", "people": "people", "covered": "covered", "joint_covered_share": "share",
            "joint_today": "today",
        },
    ),
    "joint_missing": (lambda content: content["missing"], {"joint_id": "name"}),
    "price_plans": (lambda content: content["plans"], {"scenario_cost": "cost", "people_served": "served.YEAR"}),
}  # fmt: skip


def figure(content: Content, field: Field, how: Figure, row: Row) -> Any:
    """Return what a cell should hold."""
    year = str(field.year)
    if how is served_share:
        return served_share(row, year)
    if callable(how):
        return how(row)
    key = field.resource
    if "KEY" in how and key.isdigit():
        key = content["varied"][int(key) - 1]["key"]
    found: Any = row
    for step in how.split("."):
        named = {"YEAR": year, "LAST": str(content["years"][-1]), "KEY": key}.get(step, step)
        found = None if found is None else found.get(named)
    return found


def due(content: Content, sheet: Sheet) -> list[dict[int, Any]]:
    """Return the figures of a table row by row, each by its column; every column of numbers has one."""
    rows, columns = LEDGER[sheet.name]
    unheld = [field.name for field in sheet.fields if field.is_number and field.word not in columns]
    assert unheld == [], f"{sheet.name}: nothing says what is due in {unheld}"
    held = [(at, field, columns[field.word]) for at, field in enumerate(sheet.fields) if field.word in columns]
    return [{at: figure(content, field, how, row) for at, field, how in held} for row in rows(content)]


def is_same(should: Any, cell: Any, field: Field, language: Language) -> bool:
    """Tell whether a cell that was read back holds what is due: a number to its last digit."""
    if should is None:
        return cell == (say_in(language, field.blank) if field.blank else "")
    if isinstance(should, int | float) and field.is_number:
        try:
            return isclose(float(cell), should, rel_tol=1e-12, abs_tol=1e-15)
        except ValueError:
            return False
    return str(cell) == str(should)


# ---- read back ----


def rows_of_csv(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")))


def rows_of_book(file: bytes, sheet: Sheet, language: Language) -> list[list[Any]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(file))
    rows = book.get_sheet_by_name(say_in(language, f"sheet.{sheet.name}")).to_python(skip_empty_area=False)
    heads = [field.heading(language) for field in sheet.fields]
    top = next(at for at, row in enumerate(rows) if row[: len(heads)] == heads)
    found = [row[: len(heads)] for row in rows[top:]]
    none = [say_in(language, "sheet.none_found"), *("" for _ in heads[1:])]
    return found if sheet.rows or found[1:] != [none] else found[:1]


class Page(HTMLParser):
    """Reads one language of a page: its tables, the figures of its charts, and all other text."""

    def __init__(self, html: str, language: Language) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.drawn: list[float] = []
        self.text: list[str] = []
        self.tags: set[str] = set()
        self._language, self._is_here, self._stack = language, False, list[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.add(tag)
        if tag == "article":
            self._is_here = told["id"] == self._language
        if tag not in ("img", "br", "meta", "link", "col"):
            self._stack.append(tag)
        if not self._is_here:
            return
        self.drawn += [float(told[key] or "nan") for key in ("data-y", "data-low", "data-high") if key in told]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._stack:
            while self._stack.pop() != tag:
                pass
        if tag == "article":
            self._is_here = False

    def handle_data(self, data: str) -> None:
        if not self._is_here:
            return
        if {"th", "td"} & {*self._stack}:
            self.tables[-1][-1][-1] += data
        elif "svg" not in self._stack:
            self.text.append(data)


NUMBER = re.compile(r"(?<![\w.])(?<!SHA-)[+\-−]?\d[\d,]*(?:\.\d+)?(?: ?%)?")
# What may stand in such a page; a text that became a tag is none of these.
SAFE = {
    *("html", "head", "meta", "title", "style", "body", "script", "div", "a", "button", "main", "article", "header"),
    *("h1", "h2", "h3", "h4", "p", "ul", "li", "nav", "dl", "dt", "dd", "figure", "figcaption", "table", "caption"),
    *("thead", "tbody", "tr", "th", "td", "span", "details", "summary", "footer", "svg", "g", "path", "line", "rect"),
    *("circle", "polygon", "polyline", "text", "tspan", "defs", "pattern", "clippath", "use"),
}
# In what numbers of the JSON are said: as they are, by ten thousand or a million, and for ten thousand yuan.
SCALES = (1.0, 1e-4, 1e-6, 1e4)


def read_number(text: str) -> tuple[float, float] | None:
    """Return a number as people read it, and how much its last digit stands for; None where it is none."""
    plain = text.strip().replace("−", "-").replace(",", "")
    share = plain.endswith("%")
    plain = plain.removesuffix("%").strip()
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?", plain):
        return None
    last = 10.0 ** -len(plain.partition(".")[2])
    return (float(plain) / 100, last / 100) if share else (float(plain), last)


def reads_as(text: str, should: Any) -> bool:
    """Tell whether a text of the page is a figure, rounded either way by less than its last digit, or to six digits."""
    read = read_number(text)
    if read is None or not isinstance(should, int | float):
        return False
    number, last = read
    return abs(number - should) < max(last, 1e-5 * abs(should) / 2) * (1 + 1e-9)


def every_number(content: Any) -> Iterator[float]:
    """Yield all numbers of the JSON, how long its lists are, and the texts that are whole numbers."""
    match content:
        case bool():
            pass
        case int() | float():
            yield float(content)
        case str():
            yield from (read[0] for found in NUMBER.findall(content) if (read := read_number(found)))
        case Mapping():
            for key, one in content.items():
                yield from every_number(key)
                yield from every_number(one)
        case Sequence():
            yield float(len(content))
            for one in content:
                yield from every_number(one)


def derived(answer: Answer) -> Iterator[float]:
    """Yield what a page works out of the JSON: parts of a whole, and what lies how among runs."""
    content = answer.content
    if answer.kind == "robust":
        yield from (part / whole for part, whole in content["rests_on"].values() if whole)
    if answer.kind == "sweep":
        done = [run for run in content["runs"] if run["outcome"] != "failed"]
        last = str(content["years"][-1])
        figures: list[Callable[[Row], float]] = [lambda run: run["cost"], lambda run: run["coverage"][last]]
        for one in content["varied"]:
            for read in figures:
                found = [(run["varied"][one["key"]], read(run)) for run in done]
                yield float(spearmanr(found).statistic)
                for value in {None, *(value for value, _ in found)}:
                    some = [number for mine, number in found if value in (None, mine)]
                    yield from map(float, np.quantile(some, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)))


def scaled(answer: Answer) -> list[float]:
    """Return all numbers that a page may show, in any unit."""
    known = {*every_number(answer.content), *derived(answer)}
    return sorted({abs(number) * scale for number in known for scale in SCALES})


# ---- what is wrong ----


def wrong(answer: Answer, files: Mapping[str, bytes], language: Language) -> set[str]:
    """Return the files of an answer of which a figure is not that of the JSON."""
    kind, content = answer.kind, answer.content
    found = set()
    tables = list(page_of(kind).sheets(answer, language))
    for sheet in tables:
        should = due(content, sheet)
        name = f"{kind}-{sheet.name.removeprefix(f'{kind}_')}.csv"
        read = {name: rows_of_csv(files[name]), f"{kind}.xlsx": rows_of_book(files[f"{kind}.xlsx"], sheet, language)}
        for file, (_, *rows) in read.items():
            if len(rows) != len(should) or not all(
                is_same(number, row[at], sheet.fields[at], language)
                for numbers, row in zip(should, rows, strict=False)
                for at, number in numbers.items()
            ):
                found.add(file)
    if any(unexplained(answer, files[f"{kind}.html"].decode(), tables, language)):
        found.add(f"{kind}.html")
    # (What the page says in words stands on the first sheet as well.)
    first = CalamineWorkbook.from_filelike(io.BytesIO(files[f"{kind}.xlsx"])).get_sheet_by_index(0).to_python()
    known = scaled(answer)
    if not all(_is_known(text, known) for row in first for cell in row for text in NUMBER.findall(str(cell))):
        found.add(f"{kind}.xlsx")
    if json.loads(files[f"{kind}.json"]) != {"kind": kind, **content}:
        found.add(f"{kind}.json")
    return found


def unexplained(answer: Answer, html: str, tables: Sequence[Sheet], language: Language) -> Iterator[str]:
    """Yield what the page shows and the JSON does not say.

    A table with the columns of a sheet is held line by line: names, codes and figures of a line are those of one row.
    Every other number of three digits and more, also those that charts draw, is one of the JSON, in some unit.
    """
    read = Page(html, language)
    numbers = scaled(answer)
    loose = [number for text in read.text for number in NUMBER.findall(text)]
    for head, *rows in (table for table in read.tables if table):
        sheet = next((one for one in tables if {*head} <= {field.heading(language) for field in one.fields}), None)
        if sheet is None:
            loose += [number for row in rows for cell in row for number in NUMBER.findall(cell)]
            continue
        heads = [field.heading(language) for field in sheet.fields]
        columns = [heads.index(one) for one in head]
        should = list(zip(due(answer.content, sheet), sheet.rows, strict=True))
        for row in rows:
            if not any(_is_line(sheet, columns, row, numbers_, texts, language) for numbers_, texts in should):
                yield " | ".join(row)
    yield from (text for text in loose if not _is_known(text, numbers))
    # (Charts draw money in the unit of their axis.)
    for drawn in read.drawn:
        if not any(isclose(abs(drawn), number, rel_tol=1e-9, abs_tol=1e-9) for number in numbers):
            yield f"chart: {drawn}"


def _is_line(
    sheet: Sheet, columns: Sequence[int], row: Sequence[str], due_: Row, texts: Sequence[Any], language: Language
) -> bool:
    for at, cell in zip(columns, row, strict=True):
        field = sheet.fields[at]
        if due_.get(at) is not None and field.is_number:
            if not reads_as(cell, due_[at]):
                return False
        elif cell != (seen(str(field.say(texts[at], language) or "")) if texts[at] is not None else cell):
            return False
    return True


def _is_known(text: str, numbers: Sequence[float]) -> bool:
    read = read_number(text)
    if read is None or len(re.sub(r"\D", "", text).strip("0")) < 3:
        return True
    return any(abs(abs(read[0]) - number) < max(read[1], 5e-6 * number) * (1 + 1e-9) for number in numbers)


# ---- the answers ----


def as_made(kind: AnswerKind) -> Answer:
    return Answer(kind, copy.deepcopy(dict(made(kind).content)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_of_page_workbook_and_tables_is_that_of_the_json(kind: AnswerKind, language: Language) -> None:
    answer = made(kind)
    assert wrong(answer, answer_files(answer, language), language) == set()
    names = {sheet.name for sheet in page_of(kind).sheets(answer, language)}
    assert names == set(SHEETS[kind]) - {"robust_shortages"}


def test_every_figure_of_missing_staff_is_that_of_the_json(staffed_plan: Plan) -> None:
    content = json.loads(to_json(staffed_plan.content))
    asked = Asked(draws=1, again=0)
    found = robust(content, kept_plan(content, asked), Processes(1))
    answer = Answer("robust", json.loads(to_json(found.content)))
    for language in LANGUAGES:
        assert wrong(answer, answer_files(answer, language), language) == set()
    assert [row for row in answer.content["shortages"] if any(row["fewer"].values())]
    assert list(undocumented(answer)) == []


# ---- a wrong figure is found ----


def spoil_csv(file: bytes) -> bytes:
    """Change the last digit of the first long whole number of a table."""
    head, body = file.decode("utf-8-sig").split("\n", 1)
    spoilt = re.sub(r"(?<=[\r\n,])(\d{2,})(?=[\r\n,])", next_digit, body, count=1)
    assert spoilt != body
    return f"\ufeff{head}\n{spoilt}".encode()


def next_digit(found: re.Match[str]) -> str:
    return f"{found[1][:-1]}{(int(found[1][-1]) + 1) % 10}"


def spoil_book(file: bytes) -> bytes:
    """Change the last digit of the first long number that a sheet holds."""
    spoilt, done = io.BytesIO(), False
    with zipfile.ZipFile(io.BytesIO(file)) as book, zipfile.ZipFile(spoilt, "w") as other:
        for name in book.namelist():
            part = book.read(name).decode("utf-8")
            # (Words and a list of sheets come first; a cell of text holds the number of its text.)
            if not done and re.fullmatch(r"xl/worksheets/sheet([3-9]|1\d)\.xml", name):
                cells = re.sub(r"(?<=<c )([^>]*)><v>(\d{2,})</v>", lambda found: numbered(found), part)
                done, part = cells != part, cells
            other.writestr(name, part)
    assert done
    return spoilt.getvalue()


def numbered(found: re.Match[str]) -> str:
    return found[0] if 't="s"' in found[1] else f"{found[1]}><v>{int(found[2]) + 1}</v>"


def spoil_page(file: bytes) -> bytes:
    """Change the first digit of all long numbers in cells of a page."""

    def other(found: re.Match[str]) -> str:
        return f"{found[1]}{int(found[2]) % 9 + 1}{found[3]}"

    spoilt = re.sub(r'(<td class="number">[^<\d]*)(\d)([\d,.]{2,})', other, file.decode(), flags=re.NOFLAG)
    assert spoilt != file.decode()
    return spoilt.encode()


SPOIL: Mapping[str, Callable[[bytes], bytes]] = {"csv": spoil_csv, "xlsx": spoil_book, "html": spoil_page}


@pytest.mark.parametrize("form", SPOIL)
@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_that_is_wrong_in_one_file_is_found(kind: AnswerKind, form: str) -> None:
    files = answer_files(made(kind), "zh")
    held = {"scenarios": "scenarios", "sweep": "runs", "alternatives": "sites", "robust": "closures",
            "prices": "price_points", "joint": "districts"}  # fmt: skip
    name = f"{kind}-{held[kind]}.csv" if form == "csv" else f"{kind}.{form}"
    assert wrong(made(kind), files | {name: SPOIL[form](files[name])}, "zh") == {name}


# ---- people add up ----


def served_and_people(content: Content) -> Iterator[tuple[Row, Row]]:
    """Yield all rows of a JSON that have people and people served by year."""
    match content:
        case Mapping():
            if isinstance(content.get("served"), Mapping) and isinstance(content.get("people"), Mapping):
                yield content["served"], content["people"]
            for one in content.values():
                yield from served_and_people(one)
        case [*rows]:
            for one in rows:
                yield from served_and_people(one)


@pytest.mark.parametrize("kind", ["scenarios", "sweep", "robust", "prices"])
def test_nobody_is_served_who_is_not_there(kind: AnswerKind) -> None:
    found = list(served_and_people(made(kind).content))
    assert len(found) > 3
    for served, people in found:
        assert all(0 < served[year] <= people[year] for year in people)


def test_towns_and_sites_add_up_to_the_people_of_the_district() -> None:
    content = made("robust").content
    for row in (content["nominal"], *content["draws"], *content["changes"]):
        for year in map(str, content["years"]):
            parts = [town[year] for town in row["towns"].values()]
            assert [sum(part) for part in zip(*parts, strict=True)] == [row["served"][year], row["people"][year]]
    # Everybody who is served goes to one of the sites that are closed in turn.
    for year in map(str, content["years"]):
        assert sum(row["load"][year] for row in content["closures"]) == content["nominal"]["served"][year]
        assert all(0 <= row["fewer"][year] <= row["load"][year] for row in content["closures"])
    for row in content["regret"]["rows"]:
        anew = next(one for one in content["anew"] if one["seed"] == row["seed"])
        last = str(content["years"][-1])
        assert row["people"] == anew["found"]["served"][last] - anew["kept"]["served"][last]
        assert row["yuan"] == anew["kept"]["cost"] - anew["found"]["cost"]


def test_clauses_sites_and_shares_add_up() -> None:
    for row in made("scenarios").content["rows"]:
        statuses = [line["status"] for line in row["clauses"]]
        assert {one: statuses.count(one) for one in ("met", "missed", "undecided", "unknown")} == {
            one: row[one] for one in ("met", "missed", "undecided", "unknown")
        }
        if row["against"]:
            here, base = row["standing"], made("scenarios").content["rows"][1]["standing"]
            assert row["against"]["both"] + len(row["against"]["only_here"]) == len(here)
            assert row["against"]["both"] + len(row["against"]["only_base"]) == len(base)
    content = made("alternatives").content
    for counts in content["counts"]:
        assert sum(number for status, number in counts.items() if status != "within") == len(content["sites"])
    for plan in (content["plan"], *content["plans"]):
        assert plan["kept"] + len(plan["opened"]) == plan["sites"] == len(plan["standing"])
        assert plan["kept"] + len(plan["closed"]) == content["plan"]["sites"]
        assert sum(plan["towns"].values()) == len(plan["opened"]) + len(plan["closed"]) == plan["apart"][0]
    for run in made("sweep").content["runs"]:
        assert all(isclose(run["coverage"][year], run["served"][year] / people, abs_tol=1e-9)
                   for year, people in run["people"].items())  # fmt: skip
    hedged = made("robust").content["hedged"]
    for plan in (hedged["nominal"], *hedged["plans"]):
        assert plan["sites"] == hedged["nominal"]["sites"] + len(plan["opened"]) - len(plan["dropped"])
    assert hedged["nominal"]["sites"] == len(made("robust").content["sites"])


# ---- hostile names ----


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_are_text_in_every_answer(kind: AnswerKind, language: Language) -> None:
    files = answer_files(made(kind), language)
    html = files[f"{kind}.html"].decode()
    assert "window.PWN=1&gt;" in html, "no hostile name is on the page at all"
    assert "<img" not in html
    assert "\u202e" not in html
    assert len(re.findall(r"<script\b", html)) == 1
    for language_ in LANGUAGES:
        assert Page(html, language_).tags <= SAFE
    for name, file in files.items():
        if name.endswith(".csv"):
            cells = [cell for row in rows_of_csv(file)[1:] for cell in row]
            assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
            assert not [cell for cell in cells if cell.startswith("-") and not read_number(cell)]
    with zipfile.ZipFile(io.BytesIO(files[f"{kind}.xlsx"])) as book:
        parts = [book.read(name).decode("utf-8") for name in book.namelist() if name.startswith("xl/worksheets/")]
        assert not [part for part in parts if "<f>" in part]
    assert json.loads(files[f"{kind}.json"])["title"][language] == HOSTILE


# ---- the guide ----

GUIDE = (bundled() / "maps" / "README.md").read_text(encoding="utf-8")
# What is told elsewhere, or what stands in plan.json as well.
_WHOLE = {"title", "district_name", "inputs", "versions", "district_data", "assumptions"}
# Rows of the guide that say of a key that it is as another one.
_AS = {
    ("prices", "present"): ("curves",), ("robust", "draws"): ("nominal",), ("robust", "changes"): ("draws", "nominal"),
    ("robust", "shortages"): ("closures",),
}  # fmt: skip


def section(heading: str) -> tuple[list[str], list[str]]:
    """Return the lines of the guide below a heading, up to the next one: those on keys, and those on tables."""
    lines = GUIDE.splitlines()
    start = lines.index(heading) + 1
    end = next((at for at in range(start, len(lines)) if lines[at].startswith("#")), len(lines))
    middle = next((at for at in range(start, end) if lines[at].startswith("| table |")), end)
    return lines[start:middle], lines[middle:end]


def row_of(key: str, lines: Sequence[str]) -> str:
    """Return the row of a table of the guide whose first cell names a key; nothing where there is none."""
    return next((line for line in lines if line.startswith("| `") and f"`{key}`" in line.split(" | ")[0]), "")


def keys_within(content: Any, data: set[str]) -> Iterator[str]:
    """Yield the keys that are names of ours: no years, numbers, languages, stages, keys of a model, and no `data`."""
    match content:
        case Mapping():
            yield from (key for key in content if not (key.isdigit() or "." in key or key in {*LANGUAGES, *data}))
            for one in content.values():
                yield from keys_within(one, data)
        case [*rows]:
            for one in rows:
                yield from keys_within(one, data)


def data_of(content: Content) -> set[str]:
    """Return ids and names that an answer uses as keys: of rules, towns, goals and sites."""
    found = {*content["settings"].get("rules", ()), *content.get("rules", ())}
    # (Several districts: their names, kinds of site, and circles.)
    for row in content["districts"] if "totals" in content else ():
        found |= {row["name"], *row["circles"], *(kind for kinds in row["sites"].values() for kind in kinds)}
    found |= {town["id"] for town in content.get("district_data", {}).get("towns", ())}
    found |= {goal["name"] for goal in content.get("goals", ())}
    return found | {*((content.get("hedged") or {}).get("names", ()))}


def undocumented(answer: Answer) -> Iterator[str]:
    """Yield every key and every column of an answer that the guide does not name."""
    common, _ = section("## Answers · 问题的答案")
    own, tables = section(f"### {answer.kind}.json")
    data = data_of(answer.content)
    for key, one in {"kind": answer.kind, **answer.content}.items():
        told = " ".join(
            row_of(name, lines) for name in (key, *_AS.get((answer.kind, key), ())) for lines in (own, common)
        )
        if not told.strip():
            yield key
        elif key not in _WHOLE and (key != "settings" or answer.kind == "alternatives"):
            yield from (f"{key}: {below}" for below in keys_within(one, data) if f"`{below}`" not in told)
    for sheet in page_of(answer.kind).sheets(answer, "en"):
        columns = {*re.findall(r"`([^`]+)`", row_of(sheet.name, tables))}
        yield from (f"{sheet.name}: {field.name}" for field in sheet.fields if not names_of(field) & columns)


def names_of(field: Field) -> set[str]:
    """Return what the guide may call a column: by its name, or one that stands for all years, keys, shares, goals."""
    return {field.name if field.name == field.word else ""} | {
        f"{field.word}_{one}" for one in ("YEAR", "N", "SHARE", "GOAL") if field.name != field.word
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_and_every_column_of_an_answer_stands_in_its_guide(kind: AnswerKind) -> None:
    assert list(dict.fromkeys(undocumented(made(kind)))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_key_or_a_new_table_that_the_guide_does_not_name_is_found(kind: AnswerKind) -> None:
    answer = as_made(kind)
    rows = {"scenarios": "rows", "sweep": "runs", "alternatives": "sites", "robust": "closures", "prices": "curves"}
    rows["joint"] = "shares"
    answer.content[rows[kind]][0]["brand_new"] = 1  # type: ignore[index]
    found = set(undocumented(Answer(kind, {**answer.content, "unheard_of": {}})))
    assert found == {"unheard_of", f"{rows[kind]}: brand_new"}


def test_every_table_of_an_answer_has_a_line_in_the_guide_and_none_is_made_up() -> None:
    for kind, names in SHEETS.items():
        _, tables = section(f"### {kind}.json")
        assert [line.split("`")[1] for line in tables if line.startswith("| `")] == list(names)
