"""Folders that somebody prepared: every command refuses them in words, writes nothing, and shows nothing of outside.

Whatever lies outside holds a canary; a server on this computer counts who asks it for anything.
"""

import io
import json
import os
import shutil
import socket
import sqlite3
import stat
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import geopandas
import pytest
import shapely
from conftest import Tiny, copy_tiny, start_python
from test_cli import QUICK
from test_files_layers import kml
from test_spreadsheets import SHEET, ods_parts, xlsx_parts, zipped

from allocate.cli import main
from allocate.errors import InputError, without_secrets
from allocate.fault_kinds import FaultKind
from allocate.outputs import FILES
from allocate.read import read_district
from allocate.words import LANGUAGES, Language, say_in

CANARY = "CANARY-7f3a91"
SECRET = "hunter2-7f3a91"
HUGE = 3_000_000_000
LINKS = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="This system has neither pipes nor plain links.")
VRT = """<OGRVRTDataSource><OGRVRTLayer name="places"><SrcDataSource>{}</SrcDataSource>
<GeometryType>wkbPoint</GeometryType></OGRVRTLayer></OGRVRTDataSource>"""
type Run = Callable[..., tuple[int, str]]


def tree(folder: Path) -> dict[str, tuple[int, float, int]]:
    """Return everything in a folder: what it is, when it changed, and how large it is; no link is followed."""
    told = {str(path.relative_to(folder)): path.lstat() for path in sorted(folder.rglob("*"))}
    return {name: (stat.S_IFMT(one.st_mode), one.st_mtime, one.st_size) for name, one in told.items()}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder outside of the district's, in which everything holds the canary."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("secret.csv", "secret.txt"):
        (folder / name).write_text(f"id,name\n{CANARY},{CANARY}\n", encoding="utf-8")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Tiny:
    """Return a small district and its model, in a folder of their own."""
    (tmp_path / "home").mkdir()
    return copy_tiny(tmp_path / "home")


@pytest.fixture
def server() -> Iterator[str]:
    """Return the address of a server that must not be asked for anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.fixture
def command(home: Tiny, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command beside the model, and returns its exit code and all that it says."""
    monkeypatch.chdir(home.model.parent)

    def run(*arguments: object, language: Language = "en") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["allocate", "--language", language, *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out + said.err

    return run


def verbs(home: Tiny) -> tuple[tuple[Language, tuple[object, ...]], ...]:
    """Return the commands that read a district, each in one of the languages."""
    return (
        ("zh", ("check", home.model)),
        ("en", ("plan", home.model, "--out", "out", *QUICK)),
        ("zh", ("estimate", home.folder, "--out", "estimated")),
        ("en", ("new", "mine", "--from", home.model)),
    )


def refuse(home: Tiny, command: Run, *kinds: FaultKind, which: str = "") -> None:
    """Fail unless every command refuses a district for one reason, in its language, and leaves all as it was."""
    before = tree(home.model.parent)
    with pytest.raises(InputError) as caught:
        read_district(home.folder)
    (problem,) = caught.value.problems
    assert problem.what in kinds, str(caught.value)
    for language, verb in verbs(home):
        code, text = command(*verb, language=language)
        assert code == 2, text
        assert CANARY not in text
        assert SECRET not in text
        assert text.count("\n  * ") == 1, text
        assert say_in(language, problem.what, **problem.details)[:20] in text
        assert which in text
    assert tree(home.model.parent) == before


def instead(home: Tiny, table: str, name: str) -> Path:
    """Put another file in the place of a table's, and say so in the card; return where it is to be written."""
    (home.folder / f"{table}.{'geojson' if table == 'boundary' else 'csv'}").unlink(missing_ok=True)
    with (home.folder / "district.toml").open("a", encoding="utf-8") as card:
        card.write(f"\n[tables.{table}]\nfile = {json.dumps(name)}\n")
    return home.folder / name


# What is something else under its name.


@pytest.mark.parametrize(
    ("table", "suffix"),
    [
        *(("places", suffix) for suffix in ("csv", "xlsx", "ods", "xls")),
        *(
            (table, suffix)
            for table in ("places", "boundary")
            for suffix in ("geojson", "kml", "gpkg", "fgb", "shp", "parquet")
        ),
    ],
)
def test_a_document_that_sends_gdal_to_other_files_is_refused_under_every_name(
    suffix: str, table: str, home: Tiny, outside: Path, server: str, command: Run
) -> None:
    path = instead(home, table, f"x.{suffix}")
    # (By its path it would be found whatever stands in the way; a server would be asked.)
    for source in (outside / "secret.csv", f"/vsicurl/http://{server}/x.csv"):
        for end in (f".{suffix}", ".shx", ".dbf") if suffix == "shp" else (f".{suffix}",):
            path.with_suffix(end).write_text(VRT.format(source), encoding="utf-8")
    refuse(home, command, FaultKind.FILE_CONTENT, which=f"x.{suffix}")


ADDRESSES = (
    "/vsicurl/http://{server}/x.csv",
    "https://{server}/places.csv?tk={secret}",
    "PG:host=127.0.0.1 password={secret}",
    "/vsizip/x.zip/places.csv",
    "/VSIS3/bucket/x.gpkg",
    "http://{server}/places.csv",
    "HTTPS://me:{secret}@{server}/places.csv",
    "ftp://me:{secret}@{server}/places.csv",
    "file:///etc/passwd.csv",
    "postgresql://me:{secret}@{server}/gis",
    "postgres://me:p@ss:{secret}@{server}/gis",
    "MySQL:db,user=me,password={secret},host=127.0.0.1",
    "host=127.0.0.1 dbname=gis password='{secret} x' user=me",
    "WFS:http://{server}/?key={secret}",
    "<OGRVRTDataSource/>",
    "data:text/csv,id",
)
NAMES = (
    "../secret.csv",
    "/etc/passwd",
    "\\\\127.0.0.1\\share\\x.csv",
    "x/../../secret.csv",
    "..\\secret.csv",
    "/etc/passwd.csv",
    "C:\\secret.csv",
    "C:secret.csv",
    "//127.0.0.1/share/x.csv",
    "\\secret.csv",
    "places.csv\0.txt",
    "\0",
    "places.csv:stream.csv",
)


@pytest.mark.parametrize(
    ("table", "address"),
    [
        *(("places", address) for address in ADDRESSES),
        *((table, address) for table in ("growth", "boundary", "roads") for address in ADDRESSES[:3]),
    ],
)
def test_an_address_is_no_file_name(address: str, table: str, home: Tiny, server: str, command: Run) -> None:
    instead(home, table, address.format(server=server, secret=SECRET))
    refuse(home, command, FaultKind.FILE_ADDRESS)


@pytest.mark.parametrize(
    ("table", "name"), [*(("places", name) for name in NAMES), *(("boundary", name) for name in NAMES[:3])]
)
def test_a_name_leads_nowhere_but_into_the_folder(
    name: str, table: str, home: Tiny, outside: Path, command: Run
) -> None:
    shutil.copy(outside / "secret.csv", home.model.parent)
    instead(home, table, name)
    refuse(home, command, FaultKind.FILE_OUTSIDE, FaultKind.FILE_ADDRESS)


@pytest.mark.parametrize("address", [*ADDRESSES, *(name for name in NAMES if "\0" not in name), "x" * 5000])
def test_what_is_typed_is_no_address_either(address: str, home: Tiny, server: str, command: Run) -> None:
    typed = address.format(server=server, secret=SECRET)
    before = tree(home.model.parent)
    verbs = (
        ("check", typed),
        ("plan", typed, "--out", "out"),
        ("explain", typed),
        ("estimate", typed, "--out", "estimated"),
        ("new", "mine", "--from", typed),
        ("check", home.model, "--set", f"district={json.dumps(typed)}"),
        ("verify", typed),
    )
    for number, verb in enumerate(verbs):
        code, said = command(*verb, language=LANGUAGES[number % 2])
        assert code == 2, (verb, said)
        assert said.count("\n  * ") == 1, said
        assert SECRET not in said
    assert tree(home.model.parent) == before


# What is packed.


def packed(parts: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


XLSX, ODS = xlsx_parts(SHEET), ods_parts('<table:table table:name="村"/>')
BLANKS = b" " * 90_000_000
BURSTING: dict[str, tuple[str, Callable[[], dict[str, str | bytes]], FaultKind]] = {
    "a picture": ("x.xlsx", lambda: {**XLSX, "xl/media/image1.png": BLANKS}, FaultKind.ZIP_BOMB),
    "a sheet": ("x.xlsx", lambda: {**XLSX, "xl/worksheets/sheet1.xml": BLANKS}, FaultKind.ZIP_BOMB),
    "an ods": ("x.ods", lambda: {**ODS, "content.xml": BLANKS}, FaultKind.ZIP_BOMB),
    "many entries": ("x.xlsx", lambda: {**XLSX, **{f"x{n}": "" for n in range(2_000)}}, FaultKind.ZIP_BOMB),
    "a zip in a zip": ("x.xlsx", lambda: {"places.xlsx": packed(XLSX)}, FaultKind.FILE_CONTENT),
    "an ods in a zip": ("x.ods", lambda: {"places.ods": packed(ODS)}, FaultKind.FILE_CONTENT),
}


@pytest.mark.parametrize("case", BURSTING)
def test_what_was_packed_to_burst_stays_packed(case: str, home: Tiny, command: Run) -> None:
    name, parts, what = BURSTING[case]
    zipped(instead(home, "places", name), parts())
    refuse(home, command, what, which=name)


def test_a_hundred_thousand_entries_are_not_listed(home: Tiny, command: Run) -> None:
    first = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"x"
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 65_535, 65_535, 100_000 * len(entry), len(first), 0)
    instead(home, "places", "x.xlsx").write_bytes(first + entry * 100_000 + end)
    refuse(home, command, FaultKind.ZIP_BOMB, which="x.xlsx")


LAUGHS = "".join(f'<!ENTITY {"abcdefghijkl"[n]} "{f"&{'abcdefghijkl'[n - 1]};" * 10}">' for n in range(1, 12))
DECLARED = {
    "a file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file://{outside}/secret.txt">]>',
    "a server": '<!DOCTYPE x SYSTEM "http://{server}/x.dtd" [<!ENTITY a "x">]>',
    "laughs": f'<!DOCTYPE x [<!ENTITY a "ha">{LAUGHS}]>',
}


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("where", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "content.xml", "kml"])
def test_entities_are_neither_fetched_nor_multiplied(
    where: str, declared: str, home: Tiny, outside: Path, server: str, command: Run
) -> None:
    head = DECLARED[declared].replace("{outside}", str(outside)).replace("{server}", server)
    head = f'<?xml version="1.0"?>{head}'
    if where == "kml":
        mark = "<Placemark><name>&a;</name><Point><coordinates>117.4,39.65</coordinates></Point></Placemark>"
        instead(home, "places", "x.kml").write_text(kml(mark, head=head), encoding="utf-8")
    else:
        parts = dict(ODS if where == "content.xml" else XLSX)
        parts[where] = (head + parts[where]).replace("<v>7</v>", "<v>&a;</v>")
        zipped(instead(home, "places", "x.ods" if where == "content.xml" else "x.xlsx"), parts)
    refuse(home, command, FaultKind.XML_ENTITY)


@pytest.mark.parametrize("name", ["../x.xml", "/x.xml", "C:\\x.xml", "xl\\..\\..\\x.xml", "XL/WORKBOOK.XML"])
def test_an_entry_that_leads_out_of_a_workbook_is_refused(name: str, home: Tiny, command: Run) -> None:
    zipped(instead(home, "places", "x.xlsx"), {**XLSX, name: "x"})
    refuse(home, command, FaultKind.ZIP_ENTRY)


@pytest.mark.parametrize("mode", ["", ' TargetMode="External"'])
@pytest.mark.parametrize(
    "target", ["http://{server}/sheet1.xml", "file://{outside}/secret.txt", "../../../outside/secret.txt"]
)
def test_a_relation_that_leads_out_of_a_workbook_is_not_followed(
    target: str, mode: str, home: Tiny, outside: Path, server: str, command: Run
) -> None:
    led = f'Target="{target.format(server=server, outside=outside)}"{mode}'
    name = "xl/_rels/workbook.xml.rels"
    parts = {**XLSX, name: XLSX[name].replace('Target="worksheets/sheet1.xml"', led)}
    assert parts[name] != XLSX[name]
    zipped(instead(home, "places", "x.xlsx"), parts)
    refuse(home, command, FaultKind.FILE_CONTENT, FaultKind.PART_UNCLEAR)


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "C:\\x", "http://127.0.0.1/x", "/vsicurl/x"])
def test_a_sheet_that_is_called_like_a_path_is_only_a_name(name: str, home: Tiny, command: Run) -> None:
    parts = {**XLSX, "xl/workbook.xml": XLSX["xl/workbook.xml"].replace('name="村"', f'name="{name}"')}
    zipped(home.folder / "x.xlsx", parts)
    code, said = command("check", home.model)
    assert code == 0, said


# What is no plain file, or lies elsewhere.


@LINKS
def test_a_table_that_is_a_link_out_of_the_folder_is_not_read(home: Tiny, outside: Path, command: Run) -> None:
    text = (home.folder / "places.csv").read_text(encoding="utf-8-sig")
    (home.folder / "places.csv").unlink()
    (outside / "places.csv").write_text(text.replace("张园", CANARY, 1), encoding="utf-8")
    (home.folder / "places.csv").symlink_to(outside / "places.csv")
    refuse(home, command, FaultKind.FILE_LINK, which="places.csv")
    (home.folder / "places.csv").unlink()
    (home.folder / "sub").symlink_to(outside)
    instead(home, "places", "sub/places.csv")
    refuse(home, command, FaultKind.FILE_LINK, which="places.csv")


@LINKS
@pytest.mark.parametrize("file", ["boundary.geojson", "district.toml", "facts.csv"])
def test_no_file_of_a_district_is_a_link_out_of_the_folder(file: str, home: Tiny, outside: Path, command: Run) -> None:
    shutil.move(home.folder / file, outside / "moved")
    (home.folder / file).symlink_to(outside / "moved")
    refuse(home, command, FaultKind.FILE_LINK, which=file)
    # (What the file holds is not looked at before: it might be anything.)
    (outside / "moved").write_text(f"{CANARY} = [{CANARY}\n", encoding="utf-8")
    refuse(home, command, FaultKind.FILE_LINK, which=file)


def put_odd(path: Path, kind: str, outside: Path) -> None:
    """Make something that is no plain file of its own."""
    match kind:
        case "link":
            path.symlink_to(outside / "secret.txt")
        case "broken link":
            path.symlink_to(outside / "nothing")
        case "endless device":
            path.symlink_to("/dev/zero")
        case "circle":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            # (A socket's name may have a hundred bytes only.)
            with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as one:
                one.bind(f"{short}/s")
                Path(short, "s").rename(path)
        case "huge":
            with path.open("wb") as large:
                large.truncate(HUGE)


ODD = {
    # (What a circle of links is, versions of Python see differently.)
    "circle": (FaultKind.FILE_MISSING, FaultKind.FILE_LINK),
    "broken link": (FaultKind.FILE_LINK,),
    "endless device": (FaultKind.FILE_LINK,),
    "pipe": (FaultKind.FILE_PLAIN,),
    "folder": (FaultKind.FILE_PLAIN,),
    "socket": (FaultKind.FILE_PLAIN,),
    "huge": (FaultKind.FILE_LARGE,),
}


@LINKS
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("file", ["places.csv", "boundary.geojson", "district.toml", "places.xlsx", "places.gpkg"])
def test_what_is_no_plain_file_is_not_waited_for(file: str, kind: str, home: Tiny, outside: Path, command: Run) -> None:
    if file.startswith("places."):
        (home.folder / "places.csv").unlink()
    (home.folder / file).unlink(missing_ok=True)
    put_odd(home.folder / file, kind, outside)
    refuse(home, command, *ODD[kind], which=file)


@LINKS
@pytest.mark.parametrize("kind", ["link", *ODD])
def test_what_is_copied_with_a_district_is_never_brought_in_from_outside(
    kind: str, home: Tiny, outside: Path, tiny_list: Path, command: Run
) -> None:
    for folder in (home.folder, tiny_list):
        (folder / "SOURCES.md").unlink(missing_ok=True)
        put_odd(folder / "SOURCES.md", kind, outside)
    before = tree(home.model.parent)
    for verb in (("new", "mine", "--from", home.model), ("estimate", tiny_list, "--out", "estimated")):
        code, said = command(*verb)
        assert code == 2, said
        assert said.count("\n  * ") == 1, said
        assert "SOURCES.md" in said
        assert CANARY not in said
    assert tree(home.model.parent) == before
    # Whoever only reads the district does not look at it.
    assert command("check", home.model)[0] == 0


@LINKS
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="The superuser may read everything.")
@pytest.mark.parametrize("file", ["places.csv", "boundary.geojson", "district.toml", "SOURCES.md"])
def test_a_file_that_may_not_be_read_is_said(file: str, home: Tiny, command: Run) -> None:
    (home.folder / file).touch()
    (home.folder / file).chmod(0)
    code, said = command("new", "mine", "--from", home.model)
    assert code == 2, said
    assert said.count("\n  * ") == 1, said
    assert file in said


@LINKS
@pytest.mark.parametrize(
    ("end", "kind"), [(".dbf", "link"), (".shx", "pipe"), (".prj", "link"), (".prj", "pipe"), (".cpg", "link")]
)
def test_a_part_of_a_shapefile_is_no_link_and_no_pipe(
    end: str, kind: str, home: Tiny, outside: Path, command: Run
) -> None:
    path = boundary_as_shapefile(home)
    path.with_suffix(end).unlink()
    put_odd(path.with_suffix(end), kind, outside)
    refuse(home, command, FaultKind.FILE_LINK, which=f"x{end}")


def boundary_as_shapefile(home: Tiny) -> Path:
    path = instead(home, "boundary", "x.shp")
    area = shapely.box(117.3, 39.6, 117.52, 39.75)
    geopandas.GeoDataFrame({"a": ["x"]}, geometry=[area], crs=4326).to_file(path, encoding="UTF-8")
    read_district(home.folder)
    return path


@pytest.mark.parametrize("end", [".prj", ".cpg"])
def test_what_a_shapefile_says_of_itself_opens_nothing(
    end: str, home: Tiny, outside: Path, server: str, command: Run
) -> None:
    path = boundary_as_shapefile(home)
    for said in (f"{outside}/secret.txt", f"+init={outside}/secret.txt:x", f"http://{server}/x", "../../x", "\0" * 99):
        path.with_suffix(end).write_text(said, encoding="utf-8")
        code, text = command("check", home.model)
        assert code == 0, text
        assert CANARY not in text


@LINKS
def test_a_model_or_a_plan_is_a_plain_file_of_some_size(home: Tiny, outside: Path, command: Run) -> None:
    put_odd(Path("huge.toml"), "huge", outside)
    put_odd(Path("pipe.toml"), "pipe", outside)
    put_odd(Path("pipe.json"), "pipe", outside)
    put_odd(Path("huge.json"), "huge", outside)
    before = tree(home.model.parent)
    for file in ("huge.toml", "pipe.toml", "/dev/zero", outside):
        for verb in (("check", file), ("plan", file, "--out", "out"), ("new", "mine", "--from", file)):
            code, said = command(*verb)
            assert (code, said.count("\n  * ")) == (2, 1), said
    for file in ("huge.json", "pipe.json", "/dev/zero", outside):
        code, said = command("verify", file)
        assert (code, said.count("\n  * ")) == (2, 1), said
    assert tree(home.model.parent) == before


# What takes its time, or all room.

GREEDY: dict[str, tuple[str, Callable[[], str], FaultKind]] = {
    "headings": ("places.csv", lambda: ",".join(f"c{n}" for n in range(300_000)) + "\n", FaultKind.COLUMNS_MANY),
    "commas": ("places.csv", lambda: "," * 30_000_000, FaultKind.CELLS_MANY),
    "lines": ("places.csv", lambda: "\n" * 30_000_000, FaultKind.CELLS_MANY),
    "a cell": ("places.csv", lambda: 'id,name\n"' + "x" * 2_000_000, FaultKind.NOT_CSV),
    "features": ("places.json", lambda: '{"features":[' + "{}," * 30_000_000, FaultKind.CELLS_MANY),
    "objects": ("places.json", lambda: '{"a":' * 500_000, FaultKind.FILE_CONTENT),
    "elements": ("places.kml", lambda: "<kml>" + "<a/>" * 12_000_000, FaultKind.CELLS_MANY),
    "depth": ("places.kml", lambda: "<kml>" + "<a>" * 100_000, FaultKind.FILE_CONTENT),
    "brackets": ("district.toml", lambda: "a = " + "[" * 400_000, FaultKind.NOT_TOML),
    "dots": ("district.toml", lambda: "a" + ".a" * 400_000 + " = 1", FaultKind.NOT_TOML),
    "quoted dots": ("district.toml", lambda: "x = {" + "'a' . " * 150_000 + "b = 1}", FaultKind.NOT_TOML),
}  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", GREEDY)
def test_what_would_take_all_room_or_time_is_refused(case: str, home: Tiny) -> None:
    file, content, what = GREEDY[case]
    if file.startswith("places."):
        (home.folder / "places.csv").unlink()
    (home.folder / file).write_text(content(), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_district(home.folder)
    assert [problem.what for problem in caught.value.problems] == [what]
    assert len(str(caught.value)) < 5_000


@pytest.mark.timeout(120)
@pytest.mark.parametrize("cell", ["a" * 900_000 + "\n", "1" * 900_000, "1," * 400_000, "9e" + "9" * 900_000])
def test_a_cell_of_a_million_signs_is_no_number_at_once(cell: str, home: Tiny) -> None:
    home.edit("places.csv", ",1563,", f',"{cell}",')
    with pytest.raises(InputError) as caught:
        read_district(home.folder)
    assert {problem.what for problem in caught.value.problems} == {FaultKind.NOT_NUMBER}
    assert len(str(caught.value)) < 2_000


@pytest.mark.parametrize(
    "view",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n",
        "SELECT load_extension('/x') AS id",
        "SELECT readfile('/etc/passwd') AS id",
    ],
)
def test_a_geopackage_that_never_ends_or_runs_a_program_is_refused(view: str, home: Tiny, command: Run) -> None:
    with closing(sqlite3.connect(instead(home, "places", "x.gpkg"))) as base:
        base.execute("CREATE TABLE gpkg_contents (table_name, data_type)")
        base.execute("INSERT INTO gpkg_contents VALUES ('places', 'attributes')")
        base.execute(f"CREATE VIEW places AS {view}")
        base.commit()
    refuse(home, command, FaultKind.LAYER_VIEW)


# What nobody else may know.


@pytest.mark.parametrize(
    "said",
    [
        'password = "{}"',
        "password = {}",
        '[databases.gis]\nhost = "127.0.0.1"\npassword = "{}"',
        '[databases.gis]\nhost = "postgresql://me:{}@127.0.0.1/gis"',
        '[databases.gis]\nhost = "127.0.0.1"\n[databases.gis.PGPASSWORD]\nx = "{}"',
        '[databases."postgresql://me:{}@127.0.0.1/gis"]\nhost = "127.0.0.1"',
        '[tables.places]\ndatabase = "postgresql://me:{}@127.0.0.1/gis"\nrelation = "places"',
        '[tables.places]\ndatabase = "host=127.0.0.1 password={}"\nrelation = "places"',
        '[tables.places]\nfile = "http://127.0.0.1:1/x.csv?tk={}"',
        '[tables.places]\npart = "password={}"\nfile = "x.xlsx"',
        '[tables.places]\nencoding = "password={}"',
        '[tables.places]\ndatum = "password={}"',
        '[tables.places.columns]\npeople = "password={}"',
        '[tables."password={}"]\nfile = "x.csv"',
    ],
)
def test_a_password_in_the_card_is_in_nothing_that_is_said(said: str, home: Tiny, command: Run) -> None:
    with (home.folder / "district.toml").open("a", encoding="utf-8") as card:
        card.write(f"\n{said.format(SECRET)}\n")
    zipped(home.folder / "x.xlsx", XLSX)
    before = tree(home.model.parent)
    for language, verb in verbs(home):
        code, text = command(*verb, language=language)
        assert code == 2, text
        assert SECRET not in text
    assert tree(home.model.parent) == before


def test_passwords_of_this_computer_are_in_no_file_of_a_plan(home: Tiny) -> None:
    with (home.folder / "district.toml").open("a", encoding="utf-8") as card:
        card.write(f'\n# password = "{SECRET}"\n[databases.gis]\nhost = "127.0.0.1"\nuser = "planner"\n')
    told = dict.fromkeys(("PGPASSWORD", "TIANDITU_KEY", "AMAP_KEY", "ALLOCATE_PASSWORD"), SECRET)
    done = start_python(home.model.parent, "-m", "allocate", "plan", home.model, *QUICK, "--out", "out", **told)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    out = home.model.parent / "out"
    assert {path.name for path in out.iterdir()} >= set(FILES)
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                raw = b"".join(archive.read(name) for name in archive.namelist())
        assert SECRET.encode() not in raw, path
        assert SECRET.encode("utf-16-le") not in raw, path


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("ftp://me:pa@ss:wo/rd@host/x", "ftp://me:…@host/x"),
        ("postgresql:/me:pw@host", "postgresql:/me:…@host"),
        ("https://host/x?a=1&tk=abc&b=2", "https://host/x?a=1&tk=…&b=2"),
        ("PG:host=x password = 'a b' user=y", "PG:host=x password = … user=y"),
        ("PASSWORD=x", "PASSWORD=…"),
        ("http://host:8080/x", "http://host:8080/x"),
        ("key=value", "key=value"),
        ("me@example.org 12:30", "me@example.org 12:30"),
    ],
)
def test_secrets_are_taken_out_of_a_text_and_nothing_else(text: str, clean: str) -> None:
    assert without_secrets(text) == clean
