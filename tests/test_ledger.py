"""One ledger: what stands in every file of a plan, read back by other means, is what plan.json says."""

import copy
import csv
import io
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import pytest
from python_calamine import CalamineWorkbook

from allocate.draw.pack import unpack_content
from allocate.outputs import export, write_plan
from allocate.plans import Plan
from allocate.report.sheets import SHEETS
from allocate.words import LANGUAGES, Language, say_in

# A figure, after what it is about: people by scope, year and status, yuan by site and by year.
Line = tuple[tuple[Any, ...], Any]
Row = Mapping[str, Any]
Content = dict[str, Any]

PARTS = ("served", "no_capacity", "rounds", "posted", "out_of_range")
MONEY = ("opening", "yearly", "total")
FORMS = ("html", "xlsx", "gpkg", "csv", "geojson")
TEXTS = {"id", "town_id", "status", "served_by", "preset"}
# The columns by which a table is read back where columns have headings in words.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "years": ("year", "people", *PARTS, *MONEY),
    "towns": ("year", "town_id", "people", *PARTS),
    "ages": ("year", "town_id", "people", *PARTS),
    "places": ("year", "id", "town_id", "residents", "status", "part", "served_by"),
    "sites": ("id", "cost"),
    "budget": ("year", *MONEY),
    "coverage": ("year", "preset", "town_id", "covered"),
}
LAYERS = ("towns", "places", "sites", "links")
# What each table says something about; a layer of towns has no line for the district.
HOLDS: Mapping[str, set[str]] = {
    "years": {"district", "money"},
    "towns": {"district", "town"},
    "ages": {"district", "town"},
    "towns drawn": {"town"},
    "places": {"district", "town", "place", "residents", "site"},
    "links": {"site"},
    "sites": {"site", "cost", "cost in all"},
    "budget": {"money"},
    "coverage": {"within", "within a town"},
    "page": {"district", "town", "place", "residents", "site", "cost", "cost in all", "within"},
}


@dataclass(frozen=True)
class Files:
    """All files of one plan, as far as they have a language in that one."""

    content: Content
    folder: Path
    language: Language


def write_all(content: Content, folder: Path, language: Language) -> Files:
    """Write a plan's folder and every export into it."""
    write_plan(Plan(content), folder)
    for form, name in (("html", "map.html"), ("xlsx", "plan.xlsx"), ("gpkg", "plan.gpkg"), ("csv", "csv")):
        export(content, form, folder / name, language)
    export(content, "geojson", folder / "geojson", language)
    return Files(content, folder, language)


def expected(content: Content) -> dict[tuple[Any, ...], int]:
    """Return every figure that files share, from plan.json alone."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in content["ledger"]:
        scope = ("district",) if row["scope"] == "district" else ("town", row["scope"])
        found.update({(*scope, row["year"], part): row[part] for part in ("people", *PARTS)})
    for row in content["places"]:
        found["place", row["id"], row["year"], row["status"]] += row["people"]
    for year in content["years"]:
        found.update(
            {("residents", place["id"], year): place["people"] for place in content["district_data"]["places"]}
        )
        for site in content["sites"]:
            found["site", site["id"], year] += site["people"].get(str(year), 0)
    for site in content["sites"]:
        found["cost", site["id"]] += site["cost"]
        found["cost in all",] += site["cost"]
    for row in content["budget"]:
        found.update({("money", row["year"], name): row[name] for name in MONEY})
    for row in content["coverage"]:
        found[within(row["preset"], row["scope"], row["year"])] += row["covered"]
    return dict(found)


def within(preset: str, scope: str, year: int) -> tuple[Any, ...]:
    return ("within", preset, year) if scope == "district" else ("within a town", preset, scope, year)


def of_ledger(row: Row) -> Iterator[Line]:
    scope = ("town", row["town_id"]) if row.get("town_id") else ("district",)
    yield from (((*scope, row["year"], part), row[part]) for part in ("people", *PARTS))


def of_money(row: Row) -> Iterator[Line]:
    yield from ((("money", row["year"], name), row[name]) for name in MONEY)


def of_place(row: Row) -> Iterator[Line]:
    year, part = row["year"], row["part"]
    for scope in (("district",), ("town", row["town_id"])):
        yield (*scope, year, row["status"]), part
        yield (*scope, year, "people"), part
    yield ("place", row["id"], year, row["status"]), part
    if row["served_by"]:
        yield from of_link(row)


def of_link(row: Row) -> Iterator[Line]:
    yield ("site", row["served_by"], row["year"]), row["part"]


def of_site(row: Row) -> Iterator[Line]:
    yield from ((("site", row["id"], int(name[-4:])), row[name]) for name in row if name.startswith("serves_"))
    # (What a hub costs is not counted: its cell is blank.)
    yield ("cost", row["id"]), row["cost"] or 0
    yield ("cost in all",), row["cost"] or 0


def of_coverage(row: Row) -> Iterator[Line]:
    yield within(row["preset"], row["town_id"] or "district", row["year"]), row["covered"]


SAY: Mapping[str, Sequence[Callable[[Row], Iterator[Line]]]] = {
    "years": (of_ledger, of_money),
    "towns": (of_ledger,),
    "ages": (of_ledger,),
    "towns drawn": (of_ledger,),
    "places": (of_place,),
    "links": (of_link,),
    "sites": (of_site,),
    "budget": (of_money,),
    "coverage": (of_coverage,),
}


def figures(tables: Mapping[str, Sequence[Row]]) -> dict[str, dict[tuple[Any, ...], int]]:
    """Return what the rows of tables say, added up."""
    found = {}
    for name, rows in tables.items():
        lines = [line for row in rows for of in SAY[name] for line in of(row)]
        # Every line of a place repeats how many live there.
        lines += {("residents", row["id"], row["year"]): row["residents"] for row in rows if "residents" in row}.items()
        found[name] = add_up(lines)
    return found


def add_up(lines: Iterable[Line]) -> dict[tuple[Any, ...], int]:
    found: Counter[tuple[Any, ...]] = Counter()
    for about, figure in lines:
        assert figure == int(figure), f"{about}: {figure} is no whole number of persons or yuan"
        found[about] += int(figure)
    return dict(found)


def by_columns(table: str, cells: Sequence[Sequence[Any]], language: Language, years: Sequence[int]) -> list[Row]:
    """Return the rows below a line of headings by their columns, statuses as codes."""
    names = {say_in(language, f"field.{name}"): name for name in COLUMNS[table]}
    if table == "sites":
        names |= {say_in(language, "field.serves", year=year): f"serves_{year}" for year in years}
    codes = {say_in(language, f"status.{code}"): code for code in PARTS}
    headings, *lines = cells
    assert names.keys() <= set(headings), table
    rows = []
    for line in lines:
        by_name = {names[heading]: cell for heading, cell in zip(headings, line, strict=True) if heading in names}
        row = {name: cell if name in TEXTS else float(cell or 0) for name, cell in by_name.items()}
        rows.append(row | {"status": codes[row["status"]]} if table == "places" else row)
    return rows


def read_workbook(files: Files) -> dict[str, Any]:
    book = CalamineWorkbook.from_path(files.folder / "plan.xlsx")
    tables = {}
    for table in COLUMNS:
        name = "summary" if table == "years" else table
        sheet = book.get_sheet_by_name(say_in(files.language, f"sheet.{name}")).to_python(skip_empty_area=False)
        # What a sheet is about stands above its headings; below its last row there is nothing.
        top = next(at for at, line in enumerate(sheet) if say_in(files.language, "field.year") in line)
        cells = [line for line in sheet[top:] if any(cell != "" for cell in line)]
        tables[table] = by_columns(table, cells, files.language, files.content["years"])
    return figures(tables)


def cells_of(file: Path) -> list[list[str]]:
    """Return the cells of a CSV, without the apostrophe before a text that a spreadsheet would compute."""
    lines = csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""))
    return [[re.sub("^'(?=[-=])", "", cell) for cell in line] for line in lines]


def read_csv(files: Files) -> dict[str, Any]:
    years = files.content["years"]
    return figures(
        {
            table: by_columns(table, cells_of(files.folder / "csv" / f"{table}.csv"), files.language, years)
            for table in COLUMNS
        }
    )


def read_table_of_sites(files: Files) -> dict[str, Any]:
    headings, *lines = cells_of(files.folder / "sites.csv")
    chinese = [heading.split(" · ")[0] for heading in headings]
    return figures({"sites": by_columns("sites", [chinese, *lines], "zh", files.content["years"])})


def drawn(layers: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    return figures({"towns drawn" if name == "towns" else name: rows for name, rows in layers.items()})


def read_geopackage(files: Files) -> dict[str, Any]:
    """Read the layers by SQLite: as they are stored."""
    base = sqlite3.connect(files.folder / "plan.gpkg")
    base.row_factory = sqlite3.Row
    layers = {name: [dict(row) for row in base.execute(f'SELECT * FROM "{name}"')] for name in LAYERS}
    base.close()
    return drawn(layers)


def read_layers(files: Files) -> dict[str, Any]:
    """Read the layers by GDAL: as a GIS shows them."""
    layers = {}
    for name in LAYERS:
        layer = geopandas.read_file(files.folder / "plan.gpkg", layer=name, engine="pyogrio")
        plain = layer.drop(columns="geometry").astype(object)
        layers[name] = plain.where(plain.notna(), None).to_dict("records")
    return drawn(layers)


def read_geojson(files: Files) -> dict[str, Any]:
    texts = {name: (files.folder / "geojson" / f"{name}.geojson").read_text(encoding="utf-8") for name in LAYERS}
    return drawn(
        {name: [feature["properties"] for feature in json.loads(text)["features"]] for name, text in texts.items()}
    )


def read_page(files: Files) -> dict[str, Any]:
    """Read what the script of the page draws."""
    html = (files.folder / "map.html").read_text(encoding="utf-8")
    (island,) = re.findall(r'<script type="application/json" id="plan">(.*?)</script>', html, re.DOTALL)
    page = unpack_content(json.loads(island))
    places, marks = page["places"], page["marks"]
    # The page knows towns and circles by their names: in these plans no two are alike.
    towns = {town["name"]: town["id"] for town in files.content["district_data"]["towns"]}
    presets = {circle["name"]["zh"]: preset for preset, circle in files.content["settings"]["circles"].items()}
    lines: list[Line] = []
    for year, columns in page["rows"].items():
        for at, people, status, mark in zip(*map(columns.get, ("place", "people", "status", "mark")), strict=True):
            row = {
                "year": int(year), "id": places["id"][at], "part": people, "status": page["statuses"][status],
                "town_id": towns[page["towns"]["name"][places["town"][at]]],
                "served_by": None if mark < 0 else marks["id"][mark],
            }  # fmt: skip
            lines += of_place(row)
        everybody = zip(places["id"], places["people"], strict=True)
        lines += [(("residents", place, int(year)), people) for place, people in everybody]
        lines += [
            (("within", presets[circle["zh"]], int(year)), covered) for circle, _, covered, *_ in page["coverage"][year]
        ]
    for mark, actions in zip(marks["id"], marks["actions"], strict=True):
        # (An institution on which the plan decides nothing has no actions and no cost.)
        lines += [line for action in actions or () for line in of_site({"id": mark, "cost": action["cost"]})]
    return {"page": add_up(lines)}


READERS: Mapping[str, Callable[[Files], dict[str, Any]]] = {
    "plan.xlsx": read_workbook,
    "csv": read_csv,
    "sites.csv": read_table_of_sites,
    "plan.gpkg": read_geopackage,
    "plan.gpkg by GDAL": read_layers,
    "geojson": read_geojson,
    "map.html": read_page,
}


def differing(found: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """Return the figures of each table that are not those of a plan: what it should say and what it says."""
    right = expected(content)
    wrong = {}
    for table, said in found.items():
        should = {about: figure for about, figure in right.items() if about[0] in HOLDS[table]}
        wrong[table] = {
            about: (should.get(about, 0), said.get(about, 0))
            for about in should | said
            if should.get(about, 0) != said.get(about, 0)
        }
    return {table: figures for table, figures in wrong.items() if figures}


def awkward(content: Content) -> Content:
    """Return a plan with facts that trip programs: ids of digits, names like formulas, large sums, rounds, a site that
    closes later, and two sites of one name.
    """
    text = json.dumps(content)
    for old, new in (
        ("T1001", "0012"),
        ("T1", "01"),
        ("hub-1", "1e5"),
        ("clinic-T2015", "-7"),
        ("clinic-T2017", "TRUE"),
    ):
        text = text.replace(json.dumps(old), json.dumps(new))
    awkward: Content = json.loads(text)
    district = awkward["district_data"]
    district["towns"][0]["name"] = '=1+1, "镇"\n第二行'
    district["places"][0]["name"] = "-张园"
    awkward["sites"][3]["name"] = awkward["sites"][4]["name"] = "2025-01-01"
    for site in awkward["sites"]:
        site["cost"] *= 10_007
        if site["action"] == "close":
            closed = site
    for row in awkward["budget"]:
        row.update({name: 10_007 * row[name] for name in MONEY})
    kept = closed | {"action": "keep", "people": {"2025": 0}, "only_site_of": {"2025": 0}}
    closed["year"] = 2027
    awkward["sites"].append(kept)
    home = next(row for row in awkward["places"] if row["status"] == "out_of_range" and row["year"] == 2025)
    home["status"] = "rounds"
    town = next(place["town"] for place in district["places"] if place["id"] == home["id"])
    for row in awkward["ledger"]:
        if row["year"] == 2025 and row["scope"] in ("district", town):
            row["rounds"] += home["people"]
            row["out_of_range"] -= home["people"]
    for row in awkward["ledger_by_age"]:
        # (Whichever of them are old: those in rounds are counted with the largest group.)
        if row["year"] == 2025 and row["scope"] in ("district", town) and row["group"] == "aged_0_64":
            row["rounds"] += home["people"]
            row["out_of_range"] -= home["people"]
    return awkward


@pytest.fixture(scope="module", params=["tiny", "awkward"])
def content(request: pytest.FixtureRequest, tiny_plan: Plan) -> Content:
    plain = copy.deepcopy(dict(tiny_plan.content))
    return plain if request.param == "tiny" else awkward(plain)


@pytest.fixture(scope="module", params=LANGUAGES)
def files(request: pytest.FixtureRequest, content: Content, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_all(content, tmp_path_factory.mktemp("ledger") / "plan", request.param)


def test_the_plan_itself_adds_up(content: Content) -> None:
    right = expected(content)
    for row in content["ledger"]:
        assert sum(row[part] for part in PARTS) == row["people"] > 0
    for year in content["years"]:
        assert right["district", year, "served"] == sum(right["site", site["id"], year] for site in by_id(content))
    assert right["cost in all",] == sum(right["money", year, "total"] for year in content["years"]) > 0


def by_id(content: Content) -> list[Row]:
    return list({site["id"]: site for site in content["sites"]}.values())


def test_the_plan_reads_back_from_json_as_it_was(files: Files) -> None:
    assert json.loads((files.folder / "plan.json").read_text(encoding="utf-8")) == files.content


@pytest.mark.parametrize("file", READERS)
def test_every_figure_of_a_file_is_the_plan_s_to_the_person_and_the_yuan(file: str, files: Files) -> None:
    found = READERS[file](files)
    assert not differing(found, files.content)
    for table, said in found.items():
        assert {about[0] for about in said} == HOLDS[table]


@pytest.mark.parametrize("file", READERS)
def test_in_every_table_the_people_are_the_sum_of_the_four_statuses(file: str, files: Files) -> None:
    for table, said in READERS[file](files).items():
        wholes = {about: people for about, people in said.items() if about[-1] == "people"}
        assert bool(wholes) == bool(HOLDS[table] & {"district", "town"})
        for (*scope, _), people in wholes.items():
            assert people == sum(said.get((*scope, part), 0) for part in PARTS)


def test_every_csv_opens_in_a_spreadsheet_in_its_own_script(files: Files) -> None:
    tables = [files.folder / "sites.csv", *(files.folder / "csv").iterdir()]
    assert len(tables) == 1 + len(SHEETS)
    for table in tables:
        text = table.read_bytes()
        assert text.startswith(b"\xef\xbb\xbf"), "the mark that tells Excel that it is UTF-8"
        assert text.endswith(b"\r\n")


def test_all_files_are_read(files: Files) -> None:
    there = {path.name for path in files.folder.iterdir()} - {"log.txt", "plan.json"}
    assert there == {name.removesuffix(" by GDAL") for name in READERS}


def spoil_place(content: Content) -> None:
    next(row for row in content["places"] if row["served_by"])["people"] += 1


def spoil_status(content: Content) -> None:
    next(row for row in content["places"] if row["status"] == "no_capacity")["status"] = "out_of_range"


def spoil_link(content: Content) -> None:
    row = next(row for row in content["places"] if row["served_by"])
    row["served_by"] = next(site["id"] for site in content["sites"] if site["id"] != row["served_by"])


def spoil_ledger(content: Content) -> None:
    content["ledger"][0]["served"] += 1


def spoil_town(content: Content) -> None:
    content["ledger"][1]["out_of_range"] += 1


def spoil_people_of_site(content: Content) -> None:
    content["sites"][0]["people"][str(content["years"][0])] += 1


def spoil_cost(content: Content) -> None:
    content["sites"][-1]["cost"] += 1


def spoil_budget(content: Content) -> None:
    content["budget"][-1]["total"] += 1


def spoil_coverage(content: Content) -> None:
    content["coverage"][0]["covered"] += 1


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (spoil_place, {"places", "links", "page"}),
        (spoil_status, {"places", "page"}),
        (spoil_link, {"places", "links", "page"}),
        (spoil_ledger, {"years", "towns"}),
        (spoil_town, {"towns", "towns drawn"}),
        (spoil_people_of_site, {"sites"}),
        (spoil_cost, {"sites", "page"}),
        (spoil_budget, {"years", "budget"}),
        (spoil_coverage, {"coverage", "page"}),
    ],
)
def test_one_figure_that_is_wrong_by_one_is_seen_wherever_it_stands(
    spoil: Callable[[Content], None], where: set[str], tiny_plan: Plan, tmp_path: Path
) -> None:
    right: Content = copy.deepcopy(dict(tiny_plan.content))
    wrong = copy.deepcopy(right)
    spoil(wrong)
    files = write_all(wrong, tmp_path / "plan", "zh")
    seen = set()
    for read in READERS.values():
        found = read(files)
        assert differing(found, right).keys() == where & found.keys()
        seen |= where & found.keys()
    assert seen == where
