"""The workbook: what its sheets hold and how they look, as a file and in a real LibreOffice."""

import copy
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from conftest import ROOT, start_python
from libreoffice import Office
from python_calamine import CalamineWorkbook
from sending import with_sending

from allocate.plans import Plan, to_json
from allocate.report.sheets import sheets
from allocate.report.table import Cell
from allocate.report.workbook import workbook
from allocate.words import LANGUAGES, Language, say_in

SHEETS = {
    "zh": (
        *(
            "概要",
            "目录",
            "条款对照",
            "站点建议",
            "站点论证",
            "变动清单",
            "街镇",
            "现状与规划对照",
            "村和社区",
            "预算",
            "各口径覆盖",
            "年龄组",
            "公平",
            "证明",
        ),
        *("逐年嵌套", "推算幅度", "费用与覆盖", "推算与假定", "数据问题", "来源"),
    ),
    "en": (
        *(
            "Summary",
            "Contents",
            "Scorecard",
            "Sites",
            "Worth of sites",
            "Changes",
            "Towns",
            "Today and planned",
            "Places",
            "Budget",
            "Coverage",
            "Age groups",
            "Fairness",
            "Proof",
        ),
        *("Nesting", "Draws", "Cost and coverage", "Assumptions", "Data problems", "Sources"),
    ),
}
TABLES = (
    *(
        "scorecard",
        "sites",
        "worth",
        "change_log",
        "towns",
        "today_and_planned",
        "places",
        "budget",
        "coverage",
        "ages",
        "fairness",
        "proof",
    ),
    *("nesting", "draws", "front", "assumptions"),
    *("problems", "sources"),
)
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
FORMULA_NAME, LINK_NAME = "=1+1", "http://example.invalid/"

Content = dict[str, Any]


@pytest.fixture
def content(tiny_plan: Plan) -> Content:
    return copy.deepcopy(dict(tiny_plan.content))


class Parts:
    """The parts of an xlsx file, as they are stored."""

    def __init__(self, file: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(file)) as held:
            self.files = {name: held.read(name) for name in held.namelist()}
        styles = self.tree("xl/styles.xml")
        codes = {node.get("numFmtId"): node.get("formatCode") for node in styles.iter(f"{MAIN}numFmt")}
        codes |= {"0": "General", "1": "0"}
        self.formats = [codes[node.get("numFmtId")] for node in styles.iterfind(f"{MAIN}cellXfs/{MAIN}xf")]

    def tree(self, name: str) -> ET.Element:
        return ET.fromstring(self.files[name])

    def sheet(self, table: str) -> ET.Element:
        return self.tree(f"xl/worksheets/sheet{3 + TABLES.index(table)}.xml")

    def format_of(self, table: str, cell: str) -> str | None:
        """Return the number format of a cell."""
        (node,) = [node for node in self.sheet(table).iter(f"{MAIN}c") if node.get("r") == cell]
        return self.formats[int(node.get("s", "0"))]

    def value_of(self, table: str, cell: str) -> str | None:
        (node,) = [node for node in self.sheet(table).iter(f"{MAIN}c") if node.get("r") == cell]
        return node.findtext(f"{MAIN}v")


def column(content: Content, table: str, name: str) -> str:
    """Return the letter of a column."""
    return chr(ord("A") + [field.name for field in sheets(content, "en")[table].fields].index(name))


def held(cell: Cell) -> Cell:
    """Return a cell as a workbook holds it: numbers to sixteen digits (a bound may have one more)."""
    return float(f"{cell:.16g}") if isinstance(cell, float) else cell


def cells(file: bytes) -> dict[str, list[list[Any]]]:
    """Return the cells of every sheet by its name, as another program reads them."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(file))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheets_are_those_that_a_planner_looks_for(content: Content, language: Language) -> None:
    assert tuple(cells(workbook(content, language))) == SHEETS[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sheet_holds_its_title_its_headings_and_every_cell_of_its_table(
    content: Content, language: Language
) -> None:
    found, made = cells(workbook(content, language)), sheets(content, language)
    for table, name in zip(TABLES, SHEETS[language][2:], strict=True):
        title, headings, *rows = found[name]
        sheet = made[table]
        assert title[0] == f"{name}　{say_in(language, f'sheet.about_{table}')}"
        assert headings == [field.heading(language) for field in sheet.fields]
        said = [
            [
                "" if field.say(cell, language) is None else held(field.say(cell, language))
                for field, cell in zip(sheet.fields, row, strict=True)
            ]
            for row in sheet.rows
        ]
        none = say_in(language, "sheet.not_asked" if table == "front" else "sheet.none_found")
        assert rows == (said or [[none, *[""] * (len(headings) - 1)]])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_tells_the_plan_in_lines_and_its_years_in_a_table(content: Content, language: Language) -> None:
    rows = cells(workbook(content, language))[SHEETS[language][0]]
    text = "\n".join(str(cell) for row in rows for cell in row)
    assert content["title"][language] in text
    assert "34,781" in text
    assert "every_place 2027" in text
    years = sheets(content, language)["years"]
    top = next(at for at, row in enumerate(rows) if row == [field.heading(language) for field in years.fields])
    said = [[field.say(cell, language) for field, cell in zip(years.fields, row, strict=True)] for row in years.rows]
    assert rows[top + 1 :] == said


def test_headings_stay_in_view_and_every_line_can_be_filtered(content: Content) -> None:
    parts, made = Parts(workbook(content, "zh")), sheets(content, "zh")
    names = {
        "change_log": "name",
        "today_and_planned": "item",
        "sites": "name",
        "worth": "name",
        "places": "name",
        "towns": "town",
        "coverage": "town",
        "ages": "town",
    }
    for table in TABLES:
        page = parts.sheet(table)
        (pane,) = page.iter(f"{MAIN}pane")
        split = [pane.get("ySplit"), pane.get("topLeftCell"), pane.get("state")]
        # What is right of the name of a line moves beneath it.
        left = chr(ord(column(content, table, names[table])) + 1) if table in names else "A"
        assert split == ["2", f"{left}3", "frozen"]
        (ranges,) = page.iter(f"{MAIN}autoFilter")
        last = chr(ord("A") + len(made[table].fields) - 1)
        assert ranges.get("ref") == f"A2:{last}{2 + max(1, len(made[table].rows))}"


def test_numbers_look_like_what_they_count(content: Content) -> None:
    parts = Parts(workbook(content, "zh"))
    for table, name, code in (
        ("sites", "cost", "#,##0"),
        ("sites", "serves_2025", "#,##0"),
        ("sites", "lon", "0.00000"),
        ("sites", "year", "0"),
        ("places", "minutes", "0.0"),
        ("towns", "served_share", "0.0%"),
        ("proof", "gap", "0.0######%"),
    ):
        assert parts.format_of(table, f"{column(content, table, name)}3") == code, name
    # The missed clause asks for a share, and its shortfall is people; the next asks for a share too, the third counts.
    value, shortfall = column(content, "scorecard", "value"), column(content, "scorecard", "shortfall")
    formats = [parts.format_of("scorecard", cell) for cell in (f"{value}3", f"{shortfall}3", f"{value}4", f"{value}5")]
    assert formats == ["0.0%", "#,##0", "0.0%", "#,##0"]


@pytest.mark.parametrize(
    ("served", "code"),
    [(10_000, "0.0%"), (9_997, '"> 99.9%"'), (9_994, "0.0%"), (5, "0.0%"), (4, '"< 0.1%"'), (0, "0.0%")],
)
def test_a_share_that_is_only_nearly_all_or_nothing_is_not_shown_as_100_or_0_percent(
    served: int, code: str, content: Content
) -> None:
    content["ledger"][0].update(people=10_000, served=served, no_capacity=0, out_of_range=10_000 - served)
    parts = Parts(workbook(content, "zh"))
    cell = f"{column(content, 'towns', 'served_share')}3"
    assert parts.format_of("towns", cell) == code
    assert float(parts.value_of("towns", cell) or "") == served / 10_000


def test_a_clause_that_is_only_nearly_met_is_not_shown_as_100_percent(content: Content) -> None:
    content["scorecard"][0].update(status="missed", value=0.99996)
    parts = Parts(workbook(content, "zh"))
    assert parts.format_of("scorecard", f"{column(content, 'scorecard', 'value')}3") == '"> 99.9%"'


def test_headings_say_in_notes_where_their_figures_come_from(content: Content) -> None:
    parts = Parts(workbook(content, "en"))
    notes = {
        "".join(node.itertext())
        for name in parts.files
        if name.startswith("xl/comments")
        for node in parts.tree(name).iter(f"{MAIN}comment")
    }
    for key in ("minutes", "bound", "today", "cost", "only_site_of"):
        assert say_in("en", f"note.{key}") in notes
    cells_with_notes = [
        node.get("ref", "")
        for name in parts.files
        if name.startswith("xl/comments")
        for node in parts.tree(name).iter(f"{MAIN}comment")
    ]
    # Sheets have their headings in the second row, the summary below its lines.
    assert {re.sub("[A-Z]+", "", cell) for cell in cells_with_notes} == {"2", "15"}


def test_no_text_becomes_a_formula_a_link_or_a_number(content: Content) -> None:
    content["sites"][0]["name"] = content["district_data"]["places"][0]["name"] = FORMULA_NAME
    content["sites"][1]["name"] = LINK_NAME
    content["district_data"]["towns"][0]["name"] = "0012"
    content["scorecard"][0]["quote"] = "{=SUM(A1:A9)}"
    content["scorecard"][0]["source"] = "mailto:x@example.invalid"
    content["district_data"]["facts"][0]["source"] = "internal:'Sheet2'!A1"
    file = workbook(content, "zh")
    parts = Parts(file)
    pages = [name for name in parts.files if name.startswith("xl/worksheets/sheet")]
    assert len(pages) == len(SHEETS["zh"])
    for name in pages:
        tags = {node.tag for node in parts.tree(name).iter()}
        assert f"{MAIN}f" not in tags, name
        # The list of sheets leads to every sheet, and nowhere else.
        links = [node for node in parts.tree(name).iter() if "hyperlink" in node.tag.lower() and node.attrib]
        lists = name == "xl/worksheets/sheet2.xml"
        assert [node.get("location") for node in links] == (
            [f"'{sheet}'!A1" for sheet in SHEETS["zh"][2:]] if lists else []
        )
        assert {key for node in links for key in node.attrib} <= {"ref", "location", "display"}
    assert not [name for name in parts.files if "external" in name.lower() or "vba" in name.lower()]
    assert not [name for name, text in parts.files.items() if b'TargetMode="External"' in text]
    texts = {cell for rows in cells(file).values() for row in rows for cell in row if isinstance(cell, str)}
    assert {FORMULA_NAME, LINK_NAME, "0012", "{=SUM(A1:A9)}", "internal:'Sheet2'!A1"} <= texts


def test_a_text_longer_than_a_cell_is_cut_and_says_so(content: Content) -> None:
    content["scorecard"][0]["quote"] = "长" * 32_767
    content["scorecard"][1]["quote"] = "😀" * 20_000
    rows = cells(workbook(content, "zh"))["条款对照"]
    quotes = [row[rows[1].index(say_in("zh", "field.quote"))] for row in rows[2:]]
    assert "长" * 32_767 in quotes, "as many as fit"
    (cut,) = [quote for quote in quotes if quote.startswith("😀")]
    assert cut.endswith(say_in("zh", "sheet.cut"))
    assert len(cut.encode("utf-16-le")) // 2 in (32_766, 32_767)


def test_the_picture_of_the_summary_shows_the_people_of_the_table_below_it(content: Content) -> None:
    file = workbook(content, "zh")
    rows = cells(file)["概要"]
    series = list(Parts(file).tree("xl/charts/chart1.xml").iter(f"{CHART}ser"))
    shown = {}
    for one in series:
        (heading,), years, values = (under(one, part, rows) for part in ("tx", "cat", "val"))
        shown[heading] = dict(zip(years, values, strict=True))
    district = {row["year"]: row for row in content["ledger"] if row["scope"] == "district"}
    assert shown == {
        say_in("zh", f"field.{status}"): {year: row[status] for year, row in district.items()}
        for status in ("served", "no_capacity", "rounds", "posted", "out_of_range")
    }


def under(series: ET.Element, part: str, rows: list[list[Any]]) -> list[Any]:
    """Return the cells that a part of a chart's series refers to."""
    text = series.findtext(f"{CHART}{part}//{CHART}f") or ""
    (column, first), *rest = re.findall(r"\$([A-Z])\$(\d+)", text)
    last = rest[0][1] if rest else first
    return [row[ord(column) - ord("A")] for row in rows[int(first) - 1 : int(last)]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_names_the_plan_and_its_day(content: Content, language: Language) -> None:
    book = Parts(workbook(content, language)).files["docProps/core.xml"].decode()
    assert f"<dc:title>{content['title'][language]}</dc:title>" in book
    assert "<dc:creator>allocate</dc:creator>" in book
    day = datetime.fromisoformat(content["as_of"]).replace(tzinfo=UTC)
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", book)) == {f"{day:%Y-%m-%dT%H:%M:%SZ}"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_plan_gives_the_same_workbook_in_every_process(
    content: Content, language: Language, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(to_json(content), encoding="utf-8")
    code = (
        "import hashlib, json, sys\n"
        "from pathlib import Path\n"
        "from allocate.report.workbook import workbook\n"
        f"content = json.loads(Path({str(plan)!r}).read_text(encoding='utf-8'))\n"
        f"print(hashlib.sha256(workbook(content, {language!r})).hexdigest())\n"
    )
    found = {hashlib.sha256(workbook(content, language)).hexdigest() for _ in range(2)}
    for seed in ("0", "4242"):
        done = start_python(ROOT, "-c", code, PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
        found.add(done.stdout.strip())
    assert len(found) == 1


@pytest.fixture(scope="module")
def opened(tiny_plan: Plan, office: Office) -> Path:
    """Return a workbook with texts and figures that a spreadsheet might take for something else."""
    content: Content = with_sending(tiny_plan.content)
    content["sites"][0]["name"], content["sites"][1]["name"] = FORMULA_NAME, LINK_NAME
    content["district_data"]["towns"][0]["name"] = '0012, "镇"\n第二行'
    content["district_data"]["places"][1]["name"] = "2025-01-01"
    content["ledger"][0].update(people=10_000, served=9_997, no_capacity=3, out_of_range=0)
    content["stages"][3]["gap"] = 4e-9
    file = office.home / "plan.xlsx"
    file.write_bytes(workbook(content, "zh"))
    return file


def number(text: str) -> float:
    return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)


@pytest.mark.office
@pytest.mark.xdist_group("office")
def test_libreoffice_opens_the_workbook_without_a_complaint_and_with_every_cell_as_written(
    office: Office, opened: Path
) -> None:
    there, written = office.tables(opened, as_shown=False), cells(opened.read_bytes())
    assert there.keys() == written.keys()
    compared = 0
    for name, rows in written.items():
        assert len(there[name]) >= len(rows)
        for found, line in zip(there[name], rows, strict=False):
            for text, cell in zip([*found, *[""] * len(line)], line, strict=False):
                said = text if isinstance(cell, str) else number(text)
                assert said == (cell if isinstance(cell, str) else pytest.approx(cell, rel=1e-9)), (name, line)
                compared += cell != ""
    assert compared > 1_000


@pytest.mark.office
@pytest.mark.xdist_group("office")
def test_a_person_sees_in_libreoffice_what_the_plan_means(office: Office, opened: Path) -> None:
    shown = office.tables(opened, as_shown=True)
    towns = seen(shown["街镇"])
    assert (towns[0]["街镇"], towns[0]["服务占比"]) == ("全区", "> 99.9%")
    assert (towns[1]["人口"], towns[1]["服务占比"]) == ("16,480", "66.7%")
    scorecard = seen(shown["条款对照"])
    assert (scorecard[0]["目标"], scorecard[0]["规划"], scorecard[0]["缺口"]) == ("100.0%", "0.0%", "3,411")
    assert (scorecard[2]["目标"], scorecard[2]["规划"]) == ("5", "5")
    # The least of gaps is not rounded away.
    assert seen(shown["证明"])[3]["与最优的差距不超过"] == "0.0000004%"
    station = next(row for row in seen(shown["站点建议"]) if row["编号"] == "old-station")
    assert (station["规划期费用（元）"], station["2025年服务人数"], station["动作"]) == ("1,200,000", "6,000", "保留")


def seen(rows: list[list[str]]) -> list[Mapping[str, str]]:
    _, headings, *lines = rows
    return [dict(zip(headings, line, strict=True)) for line in lines]


@pytest.mark.office
@pytest.mark.xdist_group("office")
def test_libreoffice_prints_every_sheet(office: Office, opened: Path) -> None:
    (printed,) = office.convert(opened, "pdf").iterdir()
    file = printed.read_bytes()
    assert file.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", file)) >= len(SHEETS["zh"])
