"""Hostile texts in every field that a plan takes from people, in every file that is written: text stays text.

The fields are found by walking a real plan, so a new one is looked at without being named here. What is a code of ours,
and so never a person's text, is named in `CODES`.
"""

import csv
import io
import json
import re
import sqlite3
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pyogrio
import pytest
from belonging import with_belonging
from conftest import Tiny, call_allocate
from icalendar import Calendar
from plan_examples import HOSTILE_TEXTS, going_out
from python_calamine import CalamineWorkbook
from test_map import Tags, island

from allocate.draw import map_page, timetable_page
from allocate.draw.pack import unpack_content
from allocate.errors import AllocateError, Problem
from allocate.names import PLAN_FILE
from allocate.outputs import FILES, log_text, write_plan
from allocate.plans import Plan, read_plan, to_json
from allocate.report.belonging_tables import BELONGING_SHEETS
from allocate.report.calendars import calendars, is_calendar
from allocate.report.comma import csv_files, sites_csv
from allocate.report.frames import BELONGING_LAYERS, LAYERS
from allocate.report.geopackage import geojson, geopackage
from allocate.report.outings import Outings
from allocate.report.sheets import SHEETS, sheets
from allocate.report.styles import styles
from allocate.report.summary import summary
from allocate.report.table import Sheet, clean
from allocate.report.workbook import workbook
from allocate.verification import insist
from allocate.words import LANGUAGES, Language, say_in, speaking, visible

CANARY = "1337"  # 7 * 191: whoever works that out has obeyed a text
FILLED = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")  # what a spreadsheet may take for a formula
CONTROLS = [chr(code) for code in (*range(1, 0x20), 0, 0x7F, 0x85, 0x9B)]
TEXTS = (
    *HOSTILE_TEXTS,
    "${7*191}",
    "#{7*191}",
    "<%= 7*191 %>",
    "{# x #}",
    "<b>&amp;&#49;&#51;&nbsp;&unknown;</b>",
    "<!--",
    "-->",
    "</style></textarea></title>",
    "\"double\" 'single' `back` “curly”",
    "=7*191",
    "+7*191",
    "-7*191",
    "@SUM(7*191)",
    "＝7*191",
    "＋7*191",
    "－7*191",
    "＠SUM(7*191)",
    "\t=7*191",
    "\r=7*191",
    "\n=7*191",
    "  =7*191",
    "\u3000=7*191",
    "{=7*191}",
    '=HYPERLINK("http://example.invalid","x")',
    "=cmd|' /C calc'!A0",
    "http://example.invalid/x",
    "mailto:x@example.invalid",
    "internal:Sheet1!A1",
    "external:c:\\x.xlsx",
    "\\\\example.invalid\\share",
    "_x0041__x000D__x005F_",
    "a" + "".join(CONTROLS) + "z",
    *(f"{sign}edge{sign}" for sign in "\x00\x0b\x1b\x85\u2028\u2029\ufeff\ufffe\uffff\U0001fffe"),
    "\ud800 alone \udc00 and the wrong way \udc00\ud800",
    "\x1b[31mred\x1b]0;title\x07\x9b2J",
    "one line\nmissed must: another\r\nand a third\rfourth",
    "a" * 40_000,
    "\U00020000\U0001f3e5" * 20_000,
    "\u202eabc\u2066def\u200f\u061c",
    "zero\u200bwidth\u200d\u2060\u00ad\ufeffinside",
    "e\u0301\u0302\u0303" + "\u0489" * 300,
    "",
    " ",
    "  leading and trailing  ",
    "{people} {year:,} {0} {} {{}} {unclosed",
    "%s %(x)s %d %%",
    "null",
    "NaN",
    "'; DROP TABLE places; --",
    "../../etc/passwd",
    "a,b;c|d\te",
    "constructor",
)
MIXES = 6  # whole folders are written for so many plans, each with every so many-th of the texts by turns
# Keys of the plan whose texts are codes that the catalogue, a rule or a format defines; [] stands for every item.
CODES = re.compile(
    r"as_of|outcome|stages\[\]\.(name|unit)|draws\[\]\.goal|nesting\[\]\.(goal|unit)"
    r"|scorecard\[\]\.(indicator|unit|strength|status|shortfall_unit|sense)"
    r"|(places|places_today)\[\]\.status|sites\[\]\.(kind|action)|budget\[\]\.unit|settings\.as_of"
    r"|settings\.siting\.\w+\.(stands_in|serves)\[\]"
    r"|settings\.circles\.\w+\.(modes|kinds)\[\]|settings\.(rules|goals\[\])(\.\w+)?\.(rule|goal|scope|strength|counts)"
    r"|settings\.goals\[\]\.goal|settings\.rules\.\w+\.kinds\[\]|assumptions\[\]\.table|problems\[\]\.what|inputs\[\]\.of"
    r"|settings\.outreach\.\w+\.(per|to)|rounds\[\]\.per|timetable\[\]\.half"
    r"|population\[\]\.method|ledger_by_age\[\]\.group|settings\.population\.method"
    r"|care\[\]\.(how|why|next)"
    r"|district_data\.(datum|boundary\.type)|district_data\.(places|towns|institutions)\[\]\.kind"
    r"|functions\[\]\.function|settings\.consortia\.mode"
    r"|settings\.functions\.\w+\.((at|serves|types)\[\]|within|posted_by)"
    r"|settings\.rules\.\w+\.(functions|types)\[\]"
    r"|district_data\.(functions\[\]\.function|institutions\[\]\.(type|ownership))"
    r"|(places|places_today|rounds|consortia|contracts)\[\]\.how|places\[\]\.modes\[\]|(isochrones|calibration)\[\]\.mode"
    r"|(candidates|dropped|generated)\[\]\.(kind|from|kept\[\]\.code)|settings\.modes\.\w+\.roads\.goes_as"
    r"|worth\[\]\.dropped\.hindrance"
    r"|(.*[.\]])?(\w+_)?basis"
)
# What several keys name alike: the same text becomes the same hostile text, and stays apart from all others.
IDS = re.compile(
    r"(places|places_today|sites|candidates)\[\]\.id|sites\[\]\.(town|parent|hospital|from|into)"
    r"|candidates\[\]\.(town|place|kept\[\]\.place)"
    r"|(places|places_today)\[\]\.served_by|care\[\]\.(id|by|next_by)|(ledger|ledger_by_age|today|coverage)\[\]\.scope"
    r"|coverage\[\]\.preset|settings\.(circle|compare_circles\[\])|scorecard\[\]\.(rule|causes\[\]\.id)"
    r"|district_data\.(places|towns|institutions|growth|people_by_year)\[\]\.(id|town|place|zone|near|hosts|parent)"
    r"|settings\.rules\.\w+\.sites\[\]"
    r"|fairness\[\]\.worst_town"
    r"|(postings|roster)\[\]\.(from|to)|(rounds|timetable)\[\]\.(way|by|to)"
    r"|(consortia|functions|reserves)\[\]\.(id|lead|before|centre)|district_data\.functions\[\]\.(institution|centre)"
    r"|places_today\[\]\.(id|served_by)|worth\[\]\.(id|others\[\]\.id|dropped\.clauses\[\])"
)
# Keys of mappings that are such names too.
NAMED = re.compile(r"settings\.(circles|rules|supporters|outreach)|draws\[\]\.sites_by_town")


def texts_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a plan with its path, items of lists all under one."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts_of(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner, f"{path}[]")
    elif isinstance(value, str):
        yield path, value


def model_takes(text: str) -> bool:
    """Tell whether a model file could hold a text as a name or a source: others are refused before any plan is made."""
    return len(text.strip()) > 1 and not re.search("[\ud800-\udfff]", text)


def poisoned(content: Mapping[str, Any], *texts: str) -> dict[str, Any]:
    """Return a plan whose every text of a person is a hostile text, by turns; ids carry a number, to stay different.

    A text that is very long stands in the first item of every list, and its beginning in the others.
    """
    ids, turns = {"district": "district", "": ""}, cycle(texts)

    def name(old: str, most: int | None) -> str:
        return ids[old] if old in ids else ids.setdefault(old, f"{next(turns)[:most]}{len(ids)}")

    def replaced(value: Any, path: str, most: int | None) -> Any:
        if isinstance(value, Mapping):
            inner = {key: replaced(one, f"{path}.{key}" if path else key, most) for key, one in value.items()}
            return {name(key, most): one for key, one in inner.items()} if NAMED.fullmatch(path) else inner
        if isinstance(value, list):
            return [replaced(one, f"{path}[]", most if at == 0 else 300) for at, one in enumerate(value)]
        if not isinstance(value, str) or CODES.fullmatch(path):
            return value
        if IDS.fullmatch(path):
            return name(value, most)
        new = next(turns)[:most]
        return value if path.startswith("settings.") and not model_takes(new) else new

    made: dict[str, Any] = replaced(json.loads(json.dumps(content)), "", None)
    return made


def cells(sheet: Sheet, language: Language) -> list[list[Any]]:
    """Return the lines of a sheet as people read them; what is empty is an empty text."""
    rows = [[field.say(cell, language) for field, cell in zip(sheet.fields, row, strict=True)] for row in sheet.rows]
    return [["" if cell is None else cell for cell in row] for row in rows]


def parts(document: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tags(document: bytes) -> set[str]:
    return {node.tag.rsplit("}", 1)[-1] for node in ET.fromstring(document).iter()}


def is_plain(text: str) -> bool:
    """Tell whether a terminal shows a text as it is: no control or format character, one line."""
    return not any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in text)


# (A module's: what is made of a text is made once, and looked at by all its tests before the next text comes.)
@pytest.fixture(scope="module", params=range(len(TEXTS)), ids=lambda at: f"{at}-{ascii(TEXTS[at][:24])[1:-1]}")
def text(request: pytest.FixtureRequest) -> str:
    return TEXTS[request.param]


@pytest.fixture(scope="module")
def language(text: str) -> Language:
    """Return one language or the other: every text is looked at in one of them."""
    return LANGUAGES[TEXTS.index(text) % 2]


@pytest.fixture(scope="module")
def hostile(text: str, tiny_plan: Plan) -> dict[str, Any]:
    """Return the plan with a text wherever a person's may stand; nobody changes it."""
    return poisoned(with_belonging(tiny_plan.content), text)


@pytest.fixture(scope="module")
def tables(hostile: dict[str, Any], language: Language) -> dict[str, Sheet]:
    """Return the tables of the hostile plan."""
    return dict(sheets(hostile, language))


@pytest.fixture(scope="module")
def tame(tiny_plan: Plan) -> dict[str, Any]:
    """Return the plan with a harmless text wherever a hostile one will stand."""
    return poisoned(with_belonging(tiny_plan.content), "tame")


@pytest.fixture(scope="module")
def tame_files(tame: dict[str, Any]) -> dict[Language, bytes]:
    return {language: geopackage(tame, language) for language in LANGUAGES}


@pytest.fixture(scope="module")
def tame_workbooks(tame: dict[str, Any]) -> dict[Language, set[str]]:
    """Return the parts that a workbook without hostile texts has."""
    return {language: set(parts(workbook(tame, language))) for language in LANGUAGES}


@pytest.fixture(scope="module")
def tame_tags(tame: dict[str, Any]) -> list[tuple[str, dict[str, str | None]]]:
    return Tags(map_page(tame)).tags


@pytest.fixture(scope="module")
def tame_styles(tame: dict[str, Any]) -> dict[Language, dict[str, str]]:
    return {language: dict(styles(tame, language)) for language in LANGUAGES}


@pytest.fixture(scope="module")
def tame_calendars(tiny_plan: Plan) -> dict[Language, list[Any]]:
    """Return the calendars of a plan that sends people out, without hostile texts, read back."""
    content = poisoned(going_out(tiny_plan.content), "tame")
    return {
        language: [Calendar.from_ical(data) for data in calendars(content, language).values()] for language in LANGUAGES
    }


@pytest.fixture(scope="module")
def tame_timetables(tiny_plan: Plan) -> dict[Language, list[tuple[str, dict[str, str | None]]]]:
    content = poisoned(going_out(tiny_plan.content), "tame")
    return {language: Tags(timetable_page(content, language)).tags for language in LANGUAGES}


@pytest.fixture(scope="module")
def tame_log(tame: dict[str, Any], tiny_plan: Plan) -> list[str]:
    return log_text(replace(tiny_plan, content=tame)).split("\n")


def test_every_text_of_a_person_is_poisoned_and_every_code_is_left(tiny_plan: Plan) -> None:
    content = with_belonging(tiny_plan.content)
    paths = {path for path, _ in texts_of(content)}
    people = {path for path in paths if not CODES.fullmatch(path)}
    for path in (
        "model",
        "title.zh",
        "district",
        "scorecard[].quote",
        "scorecard[].document",
        "scorecard[].causes[].name",
        "sites[].name",
        "sites[].id",
        "problems[].value",
        "problems[].details.name",
        "inputs[].path",
        "versions.python",
        "district_data.name.en",
        "district_data.places[].name",
        "district_data.towns[].id",
        "district_data.facts[].source",
        "settings.circles.walk_15.name.zh",
        "settings.functions.imaging.name.zh",
        "functions[].centre",
        "consortia[].lead",
        "reserves[].resource",
    ):
        assert path in people
    both = zip(texts_of(content), texts_of(poisoned(content, "HOSTILE")), strict=True)
    for (path, old), (_, new) in both:
        # (The whole district is a code among ids, and an empty id names nothing.)
        is_name = IDS.fullmatch(path) and old in ("district", "")
        assert new.startswith("HOSTILE") == (path in people and not is_name), path


def test_cleaning_replaces_only_what_files_cannot_hold_letter_by_letter(text: str) -> None:
    for before, after in zip(text, clean(text), strict=True):
        assert after == before or unicodedata.category(before) in ("Cc", "Cs", "Cn")
    clean(text).encode()
    ET.fromstring(f"<a>{escape(clean(text))}</a>")


def test_the_map_holds_the_text_letter_by_letter_and_no_tag_more(
    hostile: dict[str, Any], tame_tags: list[tuple[str, dict[str, str | None]]]
) -> None:
    html = map_page(hostile)
    html.encode()
    assert Tags(html).tags == tame_tags
    drawn = unpack_content(island(html, "plan"))
    assert drawn["places"]["id"] == [place["id"] for place in hostile["district_data"]["places"]]
    # (A place, or a site, that has no name is shown by its id.)
    assert drawn["places"]["name"] == [place["name"] or place["id"] for place in hostile["district_data"]["places"]]
    assert {
        name for name, actions in zip(drawn["marks"]["name"], drawn["marks"]["actions"], strict=True) if actions
    } <= {site["name"] or site["id"] for site in hostile["sites"]}
    assert drawn["title"] == hostile["title"] or not hostile["title"]["zh"]


def test_the_workbook_holds_the_text_in_cells_of_text(
    hostile: dict[str, Any],
    tables: dict[str, Sheet],
    tame_workbooks: dict[Language, set[str]],
    language: Language,
) -> None:
    made = workbook(hostile, language)
    found = parts(made)
    assert set(found) == tame_workbooks[language]
    ours = {f"'{say_in(language, f'sheet.{name}')}'!A1" for name in tables}
    for name, document in found.items():
        if name.endswith((".xml", ".rels", ".vml")):
            held = tags(document)
            assert not held & {"externalReference", "oleObject"}
            # (The list of sheets links to each of them, by names of ours, and to nothing else.)
            links = [node.attrib for node in ET.fromstring(document).iter() if node.tag.endswith("}hyperlink")]
            assert {link["location"] for link in links} <= ours
            assert not {key for link in links for key in link} - {"ref", "location", "display"}
            assert "f" not in held or name.startswith("xl/charts/"), f"a formula in {name}"
        assert b'TargetMode="External"' not in document
    book = CalamineWorkbook.from_filelike(io.BytesIO(made))
    for name in tables:
        if name == "years":  # (numbers only)
            continue
        wanted = cells(tables[name], language)
        rows = book.get_sheet_by_name(say_in(language, f"sheet.{name}")).to_python(skip_empty_area=False)[2:]
        assert len(rows) == max(1, len(wanted))
        for row, line in zip(rows, wanted, strict=False):
            assert len(row) == len(line)
            for cell, right in zip(row, line, strict=True):
                assert same_cell(cell, right, say_in(language, "sheet.cut"))
    (head, *_), *_ = book.get_sheet_by_index(0).to_python()
    with speaking(language):
        assert same_cell(head, clean(summary(hostile)[0]), say_in(language, "sheet.cut"))


def same_cell(found: Any, wanted: Any, cut: str) -> bool:
    """Tell whether a cell holds what it should, a text that is too long for a cell its beginning and a word of that."""
    if isinstance(wanted, str) and len(wanted.encode("utf-16-le")) // 2 > 32_767:
        return bool(found.endswith(cut) and wanted.startswith(found.removesuffix(cut)) and len(found) > 16_000)
    if isinstance(wanted, float):
        # (A cell of a workbook has sixteen digits, and a bound may have one more.)
        return bool(found == float(f"{wanted:.16g}"))
    return bool(found == wanted)


def test_a_comma_table_holds_the_text_and_nothing_that_a_spreadsheet_computes(
    hostile: dict[str, Any], tables: dict[str, Sheet], language: Language
) -> None:
    texts = csv_files(hostile, language)
    assert tuple(texts) == tuple(tables)
    assert {*SHEETS, *BELONGING_SHEETS} <= set(texts)
    for name, table in texts.items():
        assert table.startswith("\ufeff")
        table.encode()
        _, *rows = csv.reader(io.StringIO(table.removeprefix("\ufeff"), newline=""))
        wanted = cells(tables[name], language)
        assert len(rows) == len(wanted)
        for row, line in zip(rows, wanted, strict=True):
            for cell, right in zip(row, line, strict=True):
                assert cell in (str(right), f"'{right}")
                assert not isinstance(right, str) or not FILLED.match(cell)


def test_the_table_of_sites_holds_the_text_too(hostile: dict[str, Any]) -> None:
    heading, *rows = csv.reader(io.StringIO(sites_csv(hostile), newline=""))
    (at,) = [n for n, words in enumerate(heading) if words == "编号 · id"]
    wanted = sheets(hostile, "zh")["sites"].column("id")
    assert [row[at].removeprefix("'") for row in rows] == [str(cell).removeprefix("'") for cell in wanted]
    numbers = re.compile(r"-?\d+(\.\d+)?")
    assert not [cell for row in rows for cell in row if FILLED.match(cell) and not numbers.fullmatch(cell)]


def test_the_geopackage_holds_the_text_and_no_table_more(
    hostile: dict[str, Any],
    tables: dict[str, Sheet],
    tame_files: dict[Language, bytes],
    language: Language,
    tmp_path: Path,
) -> None:
    file, other = tmp_path / "plan.gpkg", tmp_path / "tame.gpkg"
    file.write_bytes(geopackage(hostile, language))
    other.write_bytes(tame_files[language])
    base, beside = sqlite3.connect(file), sqlite3.connect(other)
    for one in (base, beside):
        assert one.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    query = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    assert base.execute(query).fetchall() == beside.execute(query).fetchall()
    for layer in ("places", "sites", "consortia", "functions", "centres", "reserves"):
        fields = [field.name for field in tables[layer].fields if field.kind in ("id", "text", "code")]
        rows = base.execute(f"SELECT {', '.join(fields)} FROM {layer} ORDER BY fid").fetchall()
        assert rows == list(zip(*map(tables[layer].column, fields), strict=True))
        if layer not in ("places", "sites"):
            continue
        read = pyogrio.read_dataframe(file, layer=layer)
        assert list(read["id"]) == tables[layer].column("id")
        assert not read.geometry.is_empty.any()
    assert not pyogrio.read_dataframe(file, layer="towns").geometry.isna().any()
    base.close()
    beside.close()


def test_geojson_holds_the_text(hostile: dict[str, Any], tables: dict[str, Sheet], language: Language) -> None:
    texts = geojson(hostile, language)
    assert set(texts) == {*LAYERS, *BELONGING_LAYERS}
    for layer in ("places", "sites"):
        features = json.loads(texts[layer].encode())["features"]
        for name in ("id", "name", "town"):
            assert [feature["properties"][name] for feature in features] == tables[layer].column(name)


@pytest.fixture(scope="module")
def busy(text: str, tiny_plan: Plan) -> dict[str, Any]:
    """Return a hostile plan that sends people out."""
    return poisoned(going_out(tiny_plan.content), text)


def test_a_calendar_holds_the_text_and_no_event_more(
    busy: dict[str, Any], tame_calendars: dict[Language, list[Any]], language: Language
) -> None:
    made = calendars(busy, language)
    assert all(is_calendar(name) and len(name.encode()) < 255 for name in made)
    tame = tame_calendars[language]
    read = [Calendar.from_ical(data) for data in made.values()]
    assert len(made) == len({name.lower() for name in made}) == len(tame)
    for kind, sought in (("VEVENT", None), ("VCALENDAR", None), ("VALARM", 0), ("VTODO", 0)):
        wanted = sum(len(one.walk(kind)) for one in tame) if sought is None else sought
        assert sum(len(one.walk(kind)) for one in read) == wanted
    outings = Outings(busy, language)
    wanted_places = {outings.stop(row) for row in busy["timetable"]} | {
        outings.site(row["to"]) for row in busy["roster"]
    }
    events = [event for one in read for event in one.walk("VEVENT")]
    assert {
        place for place in wanted_places if not any(str(one["LOCATION"]).endswith(place) for one in events)
    } == set()
    allowed = {"SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "UID", "RRULE", "DESCRIPTION", "LOCATION", "TRANSP"}
    assert {key for event in events for key in event} == allowed


def test_a_timetable_to_print_holds_the_text_and_no_tag_more(
    busy: dict[str, Any],
    tame_timetables: dict[Language, list[tuple[str, dict[str, str | None]]]],
    language: Language,
) -> None:
    html = timetable_page(busy, language)
    html.encode()

    def kinds(tags: list[tuple[str, dict[str, str | None]]]) -> list[tuple[str, list[str]]]:
        return sorted((tag, sorted(attributes)) for tag, attributes in tags)

    assert kinds(Tags(html).tags) == kinds(tame_timetables[language])
    values = {value for _, attributes in Tags(html).tags for value in attributes.values()}
    assert not [value for value in values if value and CANARY in value]
    outings = Outings(busy, language)
    shown = Shown(html).text
    assert all(outings.stop(row) in shown for row in busy["timetable"])
    assert all(outings.site(row["to"]) in shown for row in busy["roster"])


class Shown(HTMLParser):
    """Collects the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_styles_hold_the_text_in_labels_headings_and_filters_alone(
    hostile: dict[str, Any], tame_styles: dict[Language, dict[str, str]], language: Language
) -> None:
    made, beside = styles(hostile, language), tame_styles[language]
    assert {name: made[name] for name in LAYERS} == {name: beside[name] for name in LAYERS}
    for name in BELONGING_LAYERS:
        nodes, others = (list(ET.fromstring(style[name]).iter()) for style in (made, beside))
        assert [node.tag for node in nodes] == [node.tag for node in others]
        differing = {
            (node.tag, key)
            for node, other in zip(nodes, others, strict=True)
            for key in {*node.keys(), *other.keys()}
            if node.get(key) != other.get(key)
        }
        # (The heading of a column may name a function.)
        assert differing <= {("rule", "label"), ("rule", "filter"), ("alias", "name")}
    assert {ET.fromstring(style).tag for style in made.values()} == {"qgis"}


def test_the_plan_reads_back_letter_by_letter_and_its_log_stays_plain(
    hostile: dict[str, Any], tame_log: list[str], tiny_plan: Plan, tmp_path: Path
) -> None:
    (tmp_path / PLAN_FILE).write_bytes(to_json(hostile).encode(errors="backslashreplace"))
    assert read_plan(tmp_path) == hostile
    log = log_text(replace(tiny_plan, content=hostile)).split("\n")
    assert len(log) == len(tame_log)
    assert all(map(is_plain, log))


# (What each text alone makes of a file is looked at above, and in tests/test_hazards_papers.py.)
@pytest.mark.parametrize("first", range(MIXES))
def test_the_folder_is_written_whole_and_the_plan_reads_back_letter_by_letter(
    first: int, tame_log: list[str], tiny_plan: Plan, tmp_path: Path
) -> None:
    hostile = poisoned(with_belonging(tiny_plan.content), *TEXTS[first::MIXES])
    with speaking(LANGUAGES[first % 2]):
        files = write_plan(replace(tiny_plan, content=hostile), tmp_path / "plan")
    assert tuple(files)[: len(FILES)] == FILES
    assert all(name.startswith("cards/") for name in files if name not in FILES)
    assert read_plan(tmp_path / "plan") == hostile
    log = files["log.txt"].read_text(encoding="utf-8").split("\n")
    assert len(log) == len(tame_log)
    assert all(map(is_plain, log))


def test_every_line_stays_one_line_that_a_terminal_only_shows(hostile: dict[str, Any], language: Language) -> None:
    with speaking(language):
        lines = summary(hostile)
    # (Eleven, and one each on consortia, centres, functions and what is held back.)
    assert len(lines) == 15
    assert all(map(is_plain, lines))
    assert visible(hostile["title"][language]) in lines[0]
    assert not [line for line in lines if CANARY in line]


def test_a_problem_stays_one_line_that_a_terminal_only_shows(text: str) -> None:
    said = Problem("problem.out_not_ours", file=text, column=text, value=text, details={"strange": text}).sentence()
    assert is_plain(said)
    # (Of what has no end, the beginning is said.)
    assert visible(text if len(text) <= 200 else text[:100]) in said
    assert len(said) < 5_000


@pytest.mark.parametrize("text", [text for text in TEXTS if not model_takes(text)], ids=ascii)
def test_what_no_model_can_hold_is_refused_with_one_message(text: str, tiny_plan: Plan) -> None:
    content = json.loads(json.dumps(tiny_plan.content))
    content["settings"]["circles"]["walk_15"]["source"] = text
    with pytest.raises(AllocateError):
        insist(content)


def in_toml(text: str) -> str:
    return json.dumps(text.replace("\x7f", ""))


def test_a_planner_s_own_files_full_of_hostile_texts_are_planned_shown_and_passed_on(
    tiny: Tiny, tmp_path: Path
) -> None:
    rule = "\x1b[31mshare\nmissed must: forged, 0 {year} {{7*191}}"
    title = "=7*191 <script>alert(1)</script>\x1b]0;owned\x07\u202e {{7*191}} {title}"
    tiny.edit("tiny.toml", "[rules.most_people]", f"[rules.{in_toml(rule)}]")
    tiny.edit("tiny.toml", "share = 0.70", "share = 1.0")
    tiny.edit("tiny.toml", '"示例区方案"', in_toml(title))
    tiny.edit("tiny.toml", "服务覆盖七成居民", "{% raw %}<img src=x onerror=alert(1)>")
    tiny.edit("places.csv", "张园社区居委会", "=HYPERLINK(1) <b>{{7*191}}</b> \x1b[2J")
    done = call_allocate(tmp_path, "plan", tiny.model, "--set", 'goals=[{goal="cost"}]', "--out", "plan")
    assert done.returncode == 0, done.stderr
    assert all(map(is_plain, done.stdout.splitlines() + done.stderr.splitlines()))
    lines = done.stdout.splitlines()
    assert len(lines) == 13, "eleven lines, where the files are, and the must that is missed"
    assert visible(title) in lines[0]
    assert visible(rule) in lines[-1]
    content = read_plan(tmp_path / "plan")
    assert content["title"]["zh"] == title
    assert not tags(parts((tmp_path / "plan" / "plan.xlsx").read_bytes())["xl/worksheets/sheet1.xml"]) & {"f"}
