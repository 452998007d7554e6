"""Every fault of a district folder is named with its place and its cure."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DATA, Tiny
from seeded_faults import cells, gone, raw, renamed, replaced, table_of, write_table

from allocate.candidates import make_case
from allocate.checking import check_all
from allocate.errors import InputError, Problem, UsageError
from allocate.model import read_model
from allocate.plans import Plan, assumptions
from allocate.read import find_district, read_district, read_list
from allocate.tables import BASES, INSTITUTION_KINDS, PLACE_KINDS
from allocate.words import LANGUAGES, Language, say, speaking

FILES = sorted(path.name for path in (DATA / "tiny").iterdir())
Edit = Callable[[Path], None]


def cell(file: str, row: int, column: str, value: str) -> Edit:
    """Return an edit of one cell; rows count as a spreadsheet does."""
    return cells(file, row, **{column: value})


def columns(file: str, change: Callable[[list[str], list[list[str]]], None]) -> Edit:
    def edit(folder: Path) -> None:
        heading, *rows = table_of(folder / file)
        change(heading, rows)
        write_table(folder / file, [heading, *rows])

    return edit


def exchange(first: str, second: str, only: int | None = None) -> Callable[[list[str], list[list[str]]], None]:
    def change(heading: list[str], rows: list[list[str]]) -> None:
        a, b = heading.index(first), heading.index(second)
        for number, row in enumerate(rows, start=2):
            if only in (None, number):
                row[a], row[b] = row[b], row[a]

    return change


def boundary(geometry: object) -> Edit:
    return raw("boundary.geojson", json.dumps(geometry))


SQUARE = [[117.3, 39.6], [117.52, 39.6], [117.52, 39.75], [117.3, 39.75], [117.3, 39.6]]
LONG = "9" * 5000

# What is done to the folder, and the problem that must be named: sentence, file, row, column, value.
FAULTS: dict[str, tuple[Edit, str, str, int | None, str, object]] = {
    **{
        f"{file} is missing": (gone(file), "fault.table_missing", file, None, "", None)
        for file in ("places.csv", "towns.csv", "boundary.geojson")
    },
    "district.toml is missing": (gone("district.toml"), "problem.file_missing", "district.toml", None, "", None),
    "a heading is misspelt": (
        renamed("places.csv", "people", "peeple"),
        *("problem.column_unknown", "places.csv", 1, "peeple", None),
    ),
    "a misspelt heading is missing too": (
        renamed("places.csv", "people", "peeple"),
        *("problem.column_missing", "places.csv", 1, "people", None),
    ),
    "a number is a word": (
        cell("places.csv", 5, "people", "many"),
        *("problem.not_number", "places.csv", 5, "people", "many"),
    ),
    "a number has an underscore": (
        cell("places.csv", 6, "people", "1_200"),
        *("problem.not_number", "places.csv", 6, "people", "1_200"),
    ),
    "a number is NaN": (
        cell("places.csv", 7, "people", "NaN"),
        *("problem.blank", "places.csv", 7, "people", "NaN"),
    ),
    "a number is NAN": (
        cell("places.csv", 7, "lon", "NAN"),
        *("problem.not_number", "places.csv", 7, "lon", "NAN"),
    ),
    "a number is infinite": (
        cell("towns.csv", 3, "lat", "inf"),
        *("problem.not_number", "towns.csv", 3, "lat", "inf"),
    ),
    "a number overflows": (
        cell("facts.csv", 2, "value", "1e999"),
        *("problem.not_number", "facts.csv", 2, "value", "1e999"),
    ),
    "a number has five thousand digits": (
        cell("facts.csv", 2, "value", LONG),
        *("problem.not_number", "facts.csv", 2, "value", LONG),
    ),
    "half a person": (
        cell("places.csv", 8, "people", "12.5"),
        *("problem.not_whole", "places.csv", 8, "people", "12.5"),
    ),
    "fewer people than none": (
        cell("places.csv", 8, "people", "-3"),
        *("problem.range", "places.csv", 8, "people", "-3"),
    ),
    "more people than a province": (
        cell("places.csv", 8, "people", "1e300"),
        *("problem.range", "places.csv", 8, "people", "1e300"),
    ),
    "a number is blank": (
        cell("places.csv", 9, "people", " "),
        *("problem.blank", "places.csv", 9, "people", None),
    ),
    "an id is blank": (cell("places.csv", 9, "id", ""), "problem.blank", "places.csv", 9, "id", None),
    "an id stands twice": (
        cell("places.csv", 9, "id", "T1001"),
        *("problem.twice", "places.csv", 9, "id", "T1001"),
    ),
    **{
        f"a spreadsheet turned an id into {code}": (
            cell("places.csv", 9, "id", code),
            *("problem.id_number", "places.csv", 9, "id", code),
        )
        for code in ("1.20115E+11", "1.2e11", "1,20115E+11", "1E+11", "120115001001.0", "１.２０１１５Ｅ＋１１")
    },
    "a spreadsheet turned the code of a town into a number": (
        cell("places.csv", 9, "town", "120115001.0"),
        *("problem.id_number", "places.csv", 9, "town", "120115001.0"),
    ),
    "a town stands twice": (
        cell("towns.csv", 4, "id", "T1"),
        *("problem.twice", "towns.csv", 4, "id", "T1"),
    ),
    "an institution stands twice": (
        cell("institutions.csv", 3, "id", "hospital-1"),
        *("problem.twice", "institutions.csv", 3, "id", "hospital-1"),
    ),
    "a total stands twice": (
        cell("facts.csv", 3, "indicator", "population"),
        *("problem.twice", "facts.csv", 3, "indicator", "population"),
    ),
    "a place lies in an unknown town": (
        cell("places.csv", 10, "town", "T9"),
        *("problem.unknown_code", "places.csv", 10, "town", "T9"),
    ),
    "an institution stands in an unknown place": (
        cell("institutions.csv", 6, "place", "T9001"),
        *("problem.unknown_code", "institutions.csv", 6, "place", "T9001"),
    ),
    "a town is near an unknown town": (
        cell("towns.csv", 3, "near", "T9"),
        *("problem.unknown_code", "towns.csv", 3, "near", "T9"),
    ),
    "an institution lies outside the boundary": (
        cell("institutions.csv", 3, "lat", "39.9"),
        *("problem.outside", "institutions.csv", 3, "lon, lat", None),
    ),
    "all longitudes and latitudes are swapped": (
        columns("places.csv", exchange("lon", "lat")),
        *("problem.swapped", "places.csv", 2, "lon, lat", None),
    ),
    "one town's longitude and latitude are swapped": (
        columns("towns.csv", exchange("lon", "lat", only=3)),
        *("problem.swapped", "towns.csv", 3, "lon, lat", None),
    ),
    "a table holds its heading only": (
        columns("places.csv", lambda heading, rows: rows.clear()),
        *("problem.empty", "places.csv", None, "", None),
    ),
    "a table holds nothing": (raw("towns.csv", ""), "problem.empty", "towns.csv", None, "", None),
    "old people do not add up to the published total": (
        cell("facts.csv", 3, "value", "1"),
        *("problem.sum", "places.csv", None, "people_65", 5777),
    ),
    "a basis is not one of the four": (
        cell("places.csv", 14, "people_basis", "guess"),
        *("problem.choice", "places.csv", 14, "people_basis", "guess"),
    ),
    "a kind of institution is unknown": (
        cell("institutions.csv", 4, "kind", "pharmacy"),
        *("problem.choice", "institutions.csv", 4, "kind", "pharmacy"),
    ),
    "a row has a cell too many": (
        replaced("towns.csv", "T3,石桥镇", "T3,石桥,镇"),
        *("problem.cells", "towns.csv", 4, "", None),
    ),
    "a table is of bytes in no encoding": (
        raw("places.csv", b"id,name\n\xff\xff\xff"),
        *("problem.file_encoding", "places.csv", None, "", None),
    ),
    "the boundary is not JSON": (
        raw("boundary.geojson", "{"),
        "fault.file_unreadable",
        "boundary.geojson",
        1,
        "",
        None,
    ),
    "the boundary is a number": (boundary(7), "fault.file_content", "boundary.geojson", None, "", None),
    "the boundary is a deep well of brackets": (
        raw("boundary.geojson", "[" * 100_000),
        *("fault.file_content", "boundary.geojson", None, "", None),
    ),
    "the boundary is no geometry": (
        boundary({"type": "Feature", "geometry": {"type": "Circle", "coordinates": [1, 2]}}),
        *("problem.boundary_shape", "boundary.geojson", None, "", None),
    ),
    "the boundary is a point": (
        boundary({"type": "Point", "coordinates": [117.4, 39.7]}),
        *("problem.boundary_shape", "boundary.geojson", None, "", None),
    ),
    "the boundary is empty": (
        boundary({"type": "FeatureCollection", "features": []}),
        *("problem.boundary_shape", "boundary.geojson", None, "", None),
    ),
    "the boundary crosses itself": (
        boundary({"type": "Polygon", "coordinates": [[SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]]}),
        *("problem.boundary_shape", "boundary.geojson", None, "", None),
    ),
    "the boundary is swapped": (
        boundary({"type": "Polygon", "coordinates": [[[lat, lon] for lon, lat in SQUARE]]}),
        *("problem.boundary_shape", "boundary.geojson", None, "", None),
    ),
    "the boundary holds a NaN": (
        boundary({"type": "Polygon", "coordinates": [[[float("nan"), 39.6], *SQUARE[1:]]]}),
        *("problem.boundary_shape", "boundary.geojson", None, "", None),
    ),
    "the card lacks its metric system": (
        replaced("district.toml", "epsg = 4548", ""),
        *("problem.card", "district.toml", None, "epsg", None),
    ),
    "the card names a datum that nobody can convert": (
        replaced("district.toml", "wgs84", "beijing54"),
        *("problem.card", "district.toml", None, "datum", None),
    ),
    "the card is a deep well of brackets": (
        replaced("district.toml", "epsg = 4548", "epsg = " + "[" * 10_000),
        *("problem.not_toml", "district.toml", None, "", None),
    ),
    "the card holds a number of five thousand digits": (
        replaced("district.toml", "epsg = 4548", f"epsg = {LONG}"),
        *("problem.not_toml", "district.toml", None, "", None),
    ),
}


def faults_of(folder: Path, read: Callable[[Path], object] = read_district) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        read(folder)
    return caught.value.problems


def places_of(problem: Problem) -> tuple[str, str, int | None, str]:
    return problem.what, problem.file, problem.row, problem.column


def test_a_sound_district_is_read_whole(tiny: Tiny) -> None:
    district = read_district(tiny.folder)
    assert (len(district.places), len(district.towns), district.people) == (40, 3, 34781)
    assert {i.kind for i in district.institutions} == {
        "hospital",
        "community_centre",
        "township_hospital",
        "clinic",
        "station",
    }
    assert sorted(district.inputs) == FILES
    assert not district.warnings


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_named_with_its_place_and_its_cure_in_both_languages(name: str, tiny: Tiny) -> None:
    edit, what, file, row, column, value = FAULTS[name]
    edit(tiny.folder)
    for language in LANGUAGES:
        with speaking(language):
            with pytest.raises(InputError) as caught:
                read_district(tiny.folder)
            found = [p for p in caught.value.problems if places_of(p) == (what, file, row, column)]
            assert found, [places_of(p) for p in caught.value.problems]
            problem, message = found[0], str(caught.value)
            assert value is None or problem.value == value
            line = next(line for line in message.splitlines() if problem.sentence() in line)
            assert file in line
            assert row is None or say("problem.row", row=row) in line
            assert column in line
            assert value is None or str(value)[:60] in line
            assert line.endswith(say(what, **problem.details))


def test_swapped_axes_are_named_as_such_with_the_number_of_rows(tiny: Tiny) -> None:
    columns("places.csv", exchange("lon", "lat"))(tiny.folder)
    problem = next(p for p in faults_of(tiny.folder) if p.what == "problem.swapped")
    assert problem.details == {"rows": 40, "first": 2}
    with speaking("en"):
        assert "exchange the columns lon and lat" in problem.sentence()


def test_a_misspelt_heading_is_answered_with_the_nearest_one(tiny: Tiny) -> None:
    renamed("places.csv", "people_basis", "people_bases")(tiny.folder)
    assert [p.details["near"] for p in faults_of(tiny.folder) if p.what == "problem.column_unknown"] == ["people_basis"]


@pytest.mark.parametrize(
    ("column", "file", "choices"),
    [
        ("position_basis", "towns.csv", BASES),
        ("kind", "places.csv", PLACE_KINDS),
        ("kind", "institutions.csv", INSTITUTION_KINDS),
    ],
)
def test_a_wrong_choice_is_answered_with_all_of_them(
    column: str, file: str, choices: tuple[str, ...], tiny: Tiny
) -> None:
    cell(file, 2, column, "wrong")(tiny.folder)
    problem = next(p for p in faults_of(tiny.folder) if p.what == "problem.choice")
    assert all(choice in problem.sentence() for choice in choices)


@pytest.mark.parametrize("language", LANGUAGES)
def test_faults_in_every_file_come_in_one_message(language: str, tiny: Tiny) -> None:
    names = (
        "a number is a word",
        "half a person",
        "an id stands twice",
        "a place lies in an unknown town",
        "a town is near an unknown town",
        "a kind of institution is unknown",
        "a number overflows",
        "the card names a datum that nobody can convert",
        "the boundary is a point",
    )
    for name in names:
        FAULTS[name][0](tiny.folder)
    with speaking(language):  # type: ignore[arg-type]
        with pytest.raises(InputError) as caught:
            read_district(tiny.folder)
        found = {places_of(problem) for problem in caught.value.problems}
        assert found >= {FAULTS[name][1:5] for name in names}
        lines = str(caught.value).splitlines()
        assert len(lines) == 1 + len(caught.value.problems)
        assert str(len(caught.value.problems)) in lines[0]


def test_an_endless_value_is_cut_and_control_characters_are_made_visible(tiny: Tiny) -> None:
    cell("places.csv", 5, "people", "\x1b[31m" + "x" * 500)(tiny.folder)
    sentence = next(p for p in faults_of(tiny.folder) if p.what == "problem.not_number").sentence()
    assert "\x1b" not in sentence
    assert r"\x1b[31m" in sentence
    assert len(sentence) < 200


def test_half_a_position_in_a_list_to_be_estimated_is_a_fault(tiny_list: Path) -> None:
    assert read_list(tiny_list).places[1].lon is None
    cell("places.csv", 3, "lon", "117.4")(tiny_list)
    assert [places_of(p) for p in faults_of(tiny_list, read_list)] == [("problem.half_position", "places.csv", 3, "")]


def test_a_list_to_be_estimated_is_no_district_to_plan(tiny_list: Path) -> None:
    blanks = [p for p in faults_of(tiny_list) if p.what == "problem.blank"]
    assert {(p.file, p.column) for p in blanks} >= {
        ("places.csv", "people"),
        ("places.csv", "lon"),
        ("towns.csv", "lat"),
    }
    assert not [p for p in blanks if p.row == 2], "the first place is complete"


@pytest.mark.parametrize("code", ["120115001001", "12E3", "E+11", "1-2", "1.2.0", "3.14", "甲1", "0012"])
def test_a_code_that_only_looks_a_little_like_a_number_is_taken(code: str, tiny: Tiny) -> None:
    cell("places.csv", 9, "id", code)(tiny.folder)
    assert code in {place.id for place in read_district(tiny.folder).places}


def test_lost_codes_are_the_only_fault_and_not_every_row_that_pointed_to_them(tiny: Tiny) -> None:
    spoilt = {"places.csv": "1.20115E+11", "institutions.csv": "1.2E+5", "towns.csv": "1.20115E+8"}
    times = "from,to,mode,minutes\nT1001,T1002,e_bike,7.5\nT1001,hub-1,e_bike,9\n"
    (tiny.folder / "travel.csv").write_text(times, encoding="utf-8")
    assert len(read_district(tiny.folder).travel) == 2
    for file, code in spoilt.items():
        before = (tiny.folder / file).read_bytes()
        rows = table_of(tiny.folder / file)
        for row in rows[1:]:
            row[0] = code
        write_table(tiny.folder / file, rows)
        assert {(p.what, p.file, p.column) for p in faults_of(tiny.folder)} == {("problem.id_number", file, "id")}
        (tiny.folder / file).write_bytes(before)


@pytest.mark.parametrize("language", LANGUAGES)
def test_faults_of_one_kind_in_one_column_are_said_three_times_and_counted(language: Language, tiny: Tiny) -> None:
    rows = table_of(tiny.folder / "places.csv")
    for row in rows[1:]:
        row[rows[0].index("people")] = ""
    rows[5][rows[0].index("lon")] = "east"
    write_table(tiny.folder / "places.csv", rows)
    cell("towns.csv", 2, "kind", "city")(tiny.folder)
    with speaking(language):
        with pytest.raises(InputError) as caught:
            read_district(tiny.folder)
        heading, *lines = str(caught.value).splitlines()
        problems = caught.value.problems
        assert len([p for p in problems if p.what == "problem.blank"]) == 40, "none is lost"
        assert str(len(problems)) in heading
        assert [line for line in lines if line.endswith(say("problem.more_rows", count=37))]
        shown = [line for line in lines if line.endswith(next(p for p in problems if p.row == 2).sentence())]
        assert len(shown) == 1
        rest = [p for p in problems if p.what != "problem.blank"]
        assert {p.what for p in rest} >= {"problem.not_number", "problem.choice", "problem.estimate_first"}
        assert len(lines) == 4 + len(rest)
        assert all(any(p.sentence() in line for line in lines) for p in rest)


@pytest.mark.parametrize("file", [file for file in FILES if file.endswith(".csv")])
@pytest.mark.parametrize(("sign", "shown"), [(";", ";"), ("\t", "Tab"), ("|", "|"), ("，", "，")])
@pytest.mark.parametrize("quoted", [True, False])
def test_another_separator_is_one_fault_that_says_what_it_must_be(
    quoted: bool, sign: str, shown: str, file: str, tiny: Tiny
) -> None:
    rows = table_of(tiny.folder / file)
    mark = '"' if quoted else ""
    lines = [sign.join(f"{mark}{cell}{mark}" for cell in row) for row in rows]
    (tiny.folder / file).write_text("\r\n".join(lines), encoding="utf-8-sig")
    (problem,) = faults_of(tiny.folder)
    assert places_of(problem) == ("problem.separator", file, 1, "")
    assert problem.details == {"separator": shown}


def test_a_table_of_one_column_too_few_is_not_taken_for_one_of_another_separator(tiny: Tiny) -> None:
    raw("towns.csv", "id;name,kind\nT1;甲,town\n")(tiny.folder)
    assert "problem.separator" not in {p.what for p in faults_of(tiny.folder)}


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_reads_the_same_in_every_encoding(encoding: str, newline: str, tiny: Tiny) -> None:
    before = read_district(tiny.folder)
    for file in FILES:
        if file.endswith(".csv"):
            content = (tiny.folder / file).read_text(encoding="utf-8-sig")
            (tiny.folder / file).write_bytes(content.replace("\n", newline).encode(encoding))
    after = read_district(tiny.folder)
    assert (after.places, after.towns, after.institutions, after.facts) == (
        before.places,
        before.towns,
        before.institutions,
        before.facts,
    )


def test_tables_that_are_not_needed_may_be_absent(tiny: Tiny) -> None:
    for file in ("institutions.csv", "facts.csv"):
        (tiny.folder / file).unlink()
    district = read_district(tiny.folder)
    assert (district.institutions, dict(district.facts)) == ((), {})


def test_own_travel_times_are_read_and_their_faults_named(tiny: Tiny) -> None:
    good = "from,to,mode,minutes\nT1001,T1002,e_bike,7.5\n"
    (tiny.folder / "travel.csv").write_text(good, encoding="utf-8")
    assert read_district(tiny.folder).travel == {("T1001", "T1002", "e_bike"): 7.5}
    bad = good + "T1001,T1002,e_bike,9\nT1001,nowhere,e_bike,9\nT1001,T1003,walk,-1\n"
    (tiny.folder / "travel.csv").write_text(bad, encoding="utf-8")
    assert {places_of(p) for p in faults_of(tiny.folder)} == {
        ("problem.pair_twice", "travel.csv", 2, ""),
        ("problem.unknown_code", "travel.csv", 4, "to"),
        ("problem.range", "travel.csv", 5, "minutes"),
    }


def test_two_places_on_one_spot_and_a_town_without_places_are_warnings(tiny: Tiny) -> None:
    rows = table_of(tiny.folder / "places.csv")
    lon, lat = rows[0].index("lon"), rows[0].index("lat")
    rows[2][lon], rows[2][lat] = rows[1][lon], rows[1][lat]
    write_table(tiny.folder / "places.csv", rows)
    with (tiny.folder / "towns.csv").open("a", encoding="utf-8") as file:
        file.write("T4,空镇,town,,,117.45,39.7,surveyed\n")
    assert [(w.what, w.row) for w in read_district(tiny.folder).warnings] == [
        ("problem.town_empty", 5),
        ("problem.same_spot", 3),
    ]


def test_a_district_where_nobody_lives_is_refused(tiny: Tiny) -> None:
    (tiny.folder / "facts.csv").unlink()
    rows = table_of(tiny.folder / "places.csv")
    for row in rows[1:]:
        row[rows[0].index("people")] = row[rows[0].index("people_65")] = "0"
    write_table(tiny.folder / "places.csv", rows)
    assert [p.what for p in faults_of(tiny.folder)] == ["problem.nobody"]


@pytest.mark.parametrize("epsg", [4326, 3857, 5000, 32610])
def test_a_system_in_which_distances_are_wrong_is_refused(epsg: int, tiny: Tiny) -> None:
    tiny.edit("district.toml", "epsg = 4548", f"epsg = {epsg}")
    assert [(p.file, p.column, p.value) for p in faults_of(tiny.folder)] == [("district.toml", "epsg", epsg)]


@pytest.mark.parametrize("epsg", [4548, 32650, 2385, 4527])
def test_a_system_in_metres_that_covers_the_district_is_taken(epsg: int, tiny: Tiny) -> None:
    tiny.edit("district.toml", "epsg = 4548", f"epsg = {epsg}")
    assert read_district(tiny.folder).epsg == epsg


def test_a_district_that_is_nowhere_is_answered_with_the_bundled_ones() -> None:
    with pytest.raises(UsageError) as caught:
        find_district("nowhere")
    assert "baodi" in str(caught.value)


def test_a_folder_around_a_district_is_taken_for_it_where_there_is_no_doubt(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "home" / "mine"
    shutil.copytree(tiny.folder, mine / "data" / "mine")
    (mine / "data" / "README.md").write_text("columns")
    (mine / "data" / "notes").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    assert find_district("mine").resolve() == find_district(str(mine)).resolve() == mine / "data" / "mine"
    assert read_district("mine").id == "mine"
    with pytest.raises(UsageError) as caught:
        find_district("mine", tmp_path / "elsewhere", "mine.toml")
    assert [problem.what for problem in caught.value.problems] == ["problem.model_district"]
    shutil.copytree(tiny.folder, mine / "data" / "yours")
    with pytest.raises(UsageError) as caught:
        find_district("mine")
    (problem,) = caught.value.problems
    assert (problem.what, problem.details["names"]) == ("problem.several_districts", "mine, yours")


def list_parents(tiny: Tiny, **parents: str) -> None:
    """Write who stands above some institutions, as surveyed; a text after a slash is another basis."""
    path = tiny.folder / "institutions.csv"
    heading, *rows = path.read_text(encoding="utf-8-sig").splitlines()
    lines = [f"{heading},parent,parent_basis"]
    for row in rows:
        above, _, basis = parents.get(row.split(",")[0].replace("-", "_"), "").partition("/")
        lines.append(f"{row},{above},{basis if basis or not above else 'surveyed'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_institution_above_is_the_one_listed_and_else_the_nearest(tiny: Tiny) -> None:
    # The old clinic stands beside hub-2; the list says that hub-3 leads it.
    before = make_case(read_district(tiny.folder), read_model(tiny.model))
    clinic, hub = before.site_index["old-clinic"], before.site_index["hub-3"]
    assert before.sites[before.above(clinic)].id == "hub-2"
    assert before.parent_bases[clinic] == "assumed"
    list_parents(tiny, old_clinic="hub-3", hub_3="hospital-1/official")
    case = make_case(read_district(tiny.folder), read_model(tiny.model))
    assert (case.above(clinic), case.parent_bases[clinic], case.parent_bases[hub]) == (hub, "surveyed", "official")
    hospital = case.site_index["hospital-1"]
    assert [case.hospital_of(j) for j in (clinic, hub, hospital)] == [hospital, hospital, -1]
    assert case.parent_bases[hospital] == ""
    # Of two stations and clinics and three hubs, two were listed.
    counts = {
        (row["table"], row["basis"]): row["rows"]
        for row in assumptions(read_district(tiny.folder), read_model(tiny.model))
    }
    assert counts["institutions.parent", "assumed"] == 3


def test_an_institution_above_that_cannot_be_is_named_once_with_its_cure(tiny: Tiny) -> None:
    list_parents(
        tiny, hospital_1="hub-1", hub_1="hub-2", hub_2="nowhere", old_clinic="old-station", old_station="hub-1/ "
    )
    with speaking("en"), pytest.raises(InputError) as caught:
        read_district(tiny.folder)
    found = [(problem.what, problem.row, problem.column) for problem in caught.value.problems]
    assert found == [
        ("problem.unknown_code", 4, "parent"),
        ("problem.parent_none", 2, "parent"),
        ("problem.parent_kind", 3, "parent"),
        ("problem.parent_kind", 6, "parent"),
        ("problem.parent_basis", 7, "parent_basis"),
    ]
    assert "Above a clinic stands one of township_hospital, community_centre; this is a station." in str(caught.value)


def test_a_place_that_nobody_can_reach_is_a_warning_and_out_of_range(tiny: Tiny, tiny_plan: Plan) -> None:
    with speaking("en"):
        lines = [line for line in check_all(str(tiny.model), {}) if "T3040" in line and "out of range" in line]
    assert len(lines) == 1
    assert "95 people" in lines[0]
    case = make_case(read_district(tiny.folder), read_model(tiny.model))
    assert [place for place, sites in zip(case.places, case.sites_of, strict=True) if not sites] == ["T3040"]
    rows = [row for row in tiny_plan.content["places"] if row["id"] == "T3040"]
    assert [(row["year"], row["people"], row["status"], row["served_by"], row["minutes"]) for row in rows] == [
        (2025, 95, "out_of_range", None, None),
        (2027, 95, "out_of_range", None, None),
    ]


def test_what_institutions_can_do_today_is_read_with_the_centre_that_provides_it(hubs_tiny: Tiny) -> None:
    found = [(row.institution, row.function, row.centre, row.row) for row in read_district(hubs_tiny.folder).functions]
    assert found == [
        ("hospital-1", "imaging", "", 2),
        ("hub-1", "imaging", "hospital-1", 3),
        ("hub-1", "tcm_hall", "", 4),
        ("old-clinic", "tcm_corner", "", 5),
    ]
