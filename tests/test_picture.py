"""Maps as pictures: what is drawn stands where it should, in its colour, and says the same as the tables."""

import copy
import hashlib
import io
import math
import struct
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, call_allocate
from PIL import Image
from shapely import Point

from allocate.bundle import bundled
from allocate.draw import fonts as fonts_module
from allocate.draw import is_picture, map_picture, picture_words, pictures
from allocate.draw.canvas import tint
from allocate.draw.fonts import VENDORED, Font, fonts, letters, vendored
from allocate.draw.legend import Legend
from allocate.draw.lettering import Lettering, plain
from allocate.draw.picture import _names
from allocate.draw.pictured import WHATS, Pictured, by_state, kinds_of, people_by_status
from allocate.draw.plate import COLOURS, STEP_COLOURS, USUAL, Plate
from allocate.outputs import EXPORTS, write_plan
from allocate.plans import Plan
from allocate.report.sheets import sheets

Content = dict[str, Any]
HOSTILE = ["{{7*191}}<b>", "村" * 40_000, "\u202e王庄\u200f", "𠮷𡈽镇\U0001f600\x07\n\t", "=1+1", ""]


@pytest.fixture
def content(hubs_plan: Plan) -> Content:
    return copy.deepcopy(dict(hubs_plan.content))


def opened(made: bytes) -> Image.Image:
    return Image.open(io.BytesIO(made)).convert("RGB")


def plate_of(content: Content, year: int, what: Any = "sites") -> Plate:
    return Plate(Pictured(content, "zh"), year, what, USUAL)


def colour_at(image: Image.Image, plate: Plate, at: tuple[float, float]) -> str:
    spot = image.getpixel((int(plate.view.left + at[0]), int(plate.view.top + at[1])))
    assert isinstance(spot, tuple)
    return "#" + "".join(f"{part:02x}" for part in spot)


def colours_near(image: Image.Image, plate: Plate, at: tuple[float, float], r: float) -> Counter[str]:
    steps = range(-math.ceil(r), math.ceil(r) + 1)
    return Counter(colour_at(image, plate, (at[0] + x, at[1] + y)) for x in steps for y in steps)


def chunks(made: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(made):
        (size,) = struct.unpack(">I", made[at : at + 4])
        yield made[at + 4 : at + 8], made[at + 8 : at + 8 + size]
        at += 12 + size


def told(plate: Plate) -> str:
    return "\n".join(entry.text for entry, _ in Legend(plate).lines)


def lonely(plate: Plate, at: tuple[float, float], of: list[tuple[float, float]], far: float) -> bool:
    """Tell whether nothing else, not even a name, lies within some points of a position."""
    names = [spot for spot, _, _ in _names(plate)]
    near = [other for other in of if math.dist(at, other) <= far]
    return near == [at] and all(abs(at[0] - x) > 100 or abs(at[1] - y) > 50 for x, y in names)


def test_a_place_stands_where_it_should_in_the_colour_of_its_status(content: Content) -> None:
    year = content["years"][0]
    plate = plate_of(content, year)
    image = opened(map_picture(content, year, "zh"))
    spots = plate.spots
    at = plate.view.at([(spot.lon, spot.lat) for spot in spots])
    others = [*at, *(where for _, where, _ in plate.stood)]
    seen: Counter[str] = Counter()
    for spot, where in zip(spots, at, strict=True):
        # (Rounds and posts have a white bar in the middle.)
        if lonely(plate, where, others, 40) and spot.status in ("served", "out_of_range"):
            colour = COLOURS[spot.status] if spot.firm else tint(COLOURS[spot.status])
            assert colour_at(image, plate, where) == colour
            seen[spot.status] += 1
    assert seen["served"] >= 3
    assert seen["out_of_range"]


def test_a_place_whose_position_is_estimated_is_hollow(content: Content) -> None:
    year = content["years"][0]
    for place in content["district_data"]["places"]:
        place["position_basis"] = "estimated"
    plate = plate_of(content, year)
    assert not any(spot.firm for spot in plate.spots)
    counts = Counter(opened(map_picture(content, year, "zh")).get_flattened_data())
    thin, full = (tuple(int(c[n : n + 2], 16) for n in (1, 3, 5)) for c in (tint(COLOURS["served"]), COLOURS["served"]))
    # What is left of the full colour are outlines.
    assert counts[thin] > 2000
    assert counts[thin] > counts[full]


def test_a_site_that_opens_is_drawn_and_one_that_closes_is_crossed_out(content: Content) -> None:
    year = content["years"][0]
    plate = plate_of(content, year, "change")
    image = opened(map_picture(content, year, "zh", what="change"))
    states = {site.state: where for site, where, _ in plate.stood}
    assert {"opened", "closed", "kept"} <= set(states)
    blue = {"#0072b2", tint("#0072b2")}
    assert sum(colours_near(image, plate, states["opened"], 8)[colour] for colour in blue) > 30
    closed = colours_near(image, plate, states["closed"], 8)
    assert closed["#1d2329"] > 15
    assert sum(colours_near(image, plate, states["closed"], 8)[colour] for colour in blue) == 0


def test_a_site_that_moves_has_an_arrow_from_where_it_stood(content: Content) -> None:
    # The clinic that closes now moves to the one that opens nearest to it.
    year = content["years"][0]
    old = next(row for row in content["sites"] if row["action"] in ("close", "merge"))
    new = next(row for row in content["sites"] if row["action"] == "open")
    before = opened(map_picture(content, year, "zh", what="change"))
    old |= {"action": "move", "into": new["id"]}
    new |= {"from": old["id"]}
    plate = plate_of(content, year, "change")
    (site, end, start) = next(entry for entry in plate.stood if entry[0].state == "moved")
    assert (site.lon, site.lat) == (new["lon"], new["lat"])
    assert start == plate.view.at([(old["lon"], old["lat"])])[0]
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    after = opened(map_picture(content, year, "zh", what="change"))
    assert colours_near(after, plate, middle, 3)["#1d2329"] > colours_near(before, plate, middle, 3)["#1d2329"]
    assert "迁址" in told(plate)
    assert "迁址1个" in picture_words(content, year, "zh", what="change")


def test_against_today_a_site_stays_new_in_later_years(content: Content) -> None:
    first, last = content["years"][0], content["years"][-1]
    pictured = Pictured(content, "zh")
    fresh = [row["id"] for row in content["sites"] if row["action"] == "open" and str(last) in row["people"]]
    assert by_state(pictured.sites(last, since_today=True))["opened"] == len(fresh) > 0
    assert by_state(pictured.sites(last, since_today=False))["opened"] == 0
    assert by_state(pictured.sites(first, since_today=False))["closed"] == 1


@pytest.mark.parametrize("what", WHATS)
def test_the_counts_of_the_legend_are_those_of_the_tables(what: Any, content: Content) -> None:
    tables = sheets(content, "zh")
    for year in content["years"]:
        plate = plate_of(content, year, what)
        line = next(row for row in tables["years"].records() if row["year"] == year)
        text = told(plate)
        sites = plate.pictured.sites(year, since_today=False)
        drawn = Counter(site.kind for site in sites if site.state not in ("closed", "other"))
        for kind, count in drawn.items():
            assert line[f"open_{kind}"] == count
        if what == "sites":
            rows = [row for row in tables["places"].records() if row["year"] == year]
            assert sum(plate.pictured.by_status(year).values()) == len({row["id"] for row in rows})
            for status, people in people_by_status(line).items():
                assert sum(row["part"] for row in rows if row["status"] == status) == people
                assert f"{people:,} 人" in text
            assert f"合计：{line['people']:,} 人" in text
            actions = Counter(row["action"] for row in tables["sites"].records() if row["year"] == year)
            assert f"新设：{actions['open']} 个" in text
            assert f"关闭或合并：{actions['close'] + actions['merge']} 个" in text
        if what == "coverage":
            towns = [row for row in tables["towns"].records() if row["year"] == year and row["town_id"]]
            whole = [row for row in towns if row["served"] == row["people"]]
            assert f"100 %：{len(whole)} 个" in text
            assert sum(plate.pictured.by_step(year).values()) == len(towns)


def test_a_town_has_the_colour_of_its_share(content: Content) -> None:
    year = content["years"][0]
    plate = plate_of(content, year, "coverage")
    image = opened(map_picture(content, year, "zh", what="coverage"))
    lines = plate.pictured.of_towns(year)
    for town, shape in plate.pictured.towns.items():
        west, south, east, north = shape.bounds
        grid = [(west + (east - west) * n / 20, south + (north - south) * m / 20) for n in range(20) for m in range(20)]
        inside = plate.view.at([spot for spot in grid if shape.contains(Point(spot))])
        share = lines[town]["served"] / lines[town]["people"]
        step = next(n for n, least in reversed(list(enumerate((0, 0.6, 0.8, 0.9, 1.0)))) if share >= least)
        # (Names and hubs cover a little of it.)
        ((colour, count),) = Counter(colour_at(image, plate, where) for where in inside).most_common(1)
        assert colour == STEP_COLOURS[step]
        assert count > 0.8 * len(inside)


def test_no_name_lies_on_another(content: Content) -> None:
    for what in WHATS:
        plate = plate_of(content, content["years"][0], what)
        boxes = []
        for (x, y), text, size in _names(plate):
            wide = plate.text(size).width(text)
            boxes.append((x - wide / 2, y - size, x + wide / 2, y))
        assert len(boxes) >= 3
        for n, one in enumerate(boxes):
            for two in boxes[:n]:
                assert one[0] >= two[2] or two[0] >= one[2] or one[1] >= two[3] or two[1] >= one[3]


def test_the_same_plan_gives_the_same_bytes_with_its_size_on_paper_and_no_time(content: Content) -> None:
    year = content["years"][0]
    for what in WHATS[1:]:
        made = map_picture(content, year, "zh", what=what)
        assert made == map_picture(copy.deepcopy(content), year, "zh", what=what)
        found = dict(chunks(made))
        assert {name.decode() for name in found} == {"IHDR", "pHYs", "IDAT", "IEND"}
        across, down, unit = struct.unpack(">IIB", found[b"pHYs"])
        assert (across, unit) == (down, 1)
        # 15 cm broad.
        assert USUAL / across == pytest.approx(0.15, abs=1e-4)
    wide, _ = struct.unpack(">II", dict(chunks(made))[b"IHDR"][:8])
    assert wide == USUAL
    assert zlib.crc32(made) != zlib.crc32(map_picture(content, year, "en", what="change"))


@pytest.mark.parametrize("what", WHATS)
def test_hostile_names_are_drawn_as_text_or_cut(what: Any, content: Content) -> None:
    district = content["district_data"]
    for n, town in enumerate(district["towns"]):
        town["name"] = HOSTILE[n]
    # (The longest one stands in the map.)
    for name in HOSTILE[1:4]:
        district["name"] = content["title"] = {"zh": name, "en": name}
        content["map_approval_number"] = name
        made = opened(map_picture(content, content["years"][0], "zh", what=what))
        assert made.width == USUAL
        assert made.height < 2 * USUAL


def test_marks_that_turn_text_round_are_left_out_and_long_names_cut() -> None:
    assert plain("\u202e王庄\u200f\n村\x07") == "王庄 村␇"
    text = Lettering(26)
    cut = text.cut("村" * 40_000, 300)
    assert cut.endswith("…")
    assert 200 < text.width(cut) <= 300
    lines = text.lines("有服务的居民 " * 40, 300, 3)
    assert len(lines) == 3
    assert all(text.width(line) <= 300 for line in lines)
    assert text.lines("", 300) == []


@pytest.mark.parametrize("boundary", [True, False])
@pytest.mark.parametrize("what", WHATS)
def test_all_places_on_one_spot_make_a_picture(boundary: bool, what: Any, content: Content) -> None:
    district = content["district_data"]
    for row in (*district["places"], *district["institutions"], *district["towns"], *content["sites"]):
        row["lon"], row["lat"] = 117.31, 39.5
    if not boundary:
        district["boundary"] = None
    assert opened(map_picture(content, content["years"][0], "zh", what=what)).width == USUAL


def test_places_without_a_position_or_far_away_are_told_not_drawn(content: Content) -> None:
    year, places = content["years"][0], content["district_data"]["places"]
    before = plate_of(content, year)
    assert (before.missing, before.outside) == (0, 0)
    places[0]["lon"] = places[0]["lat"] = None
    places[1]["lon"], places[1]["lat"] = 121.0, 31.0
    plate = plate_of(content, year)
    assert (plate.missing, plate.outside) == (1, 1)
    assert plate.view.metres == pytest.approx(before.view.metres)
    assert plate.pictured.by_status(year).total() == before.pictured.by_status(year).total()


def test_without_a_boundary_towns_are_discs_in_the_colour_of_their_share(content: Content) -> None:
    year = content["years"][0]
    content["district_data"]["boundary"] = None
    plate = plate_of(content, year, "coverage")
    assert plate.pictured.towns == {}
    assert len(plate.middles) == len(content["district_data"]["towns"])
    assert opened(map_picture(content, year, "zh", what="coverage")).width == USUAL


def test_a_year_that_is_none_of_the_plan_is_refused(content: Content) -> None:
    with pytest.raises(ValueError, match="1999"):
        map_picture(content, 1999, "zh")
    with pytest.raises(ValueError, match="10"):
        map_picture(content, content["years"][0], "zh", width=10)


def test_the_words_say_the_figures_of_the_tables(content: Content) -> None:
    year = content["years"][0]
    line = next(row for row in sheets(content, "zh")["years"].records() if row["year"] == year)
    said = picture_words(content, year, "zh")
    assert f"开放机构{sum(kinds_of(line).values())}个" in said
    assert f"居民{line['people']:,}人" in said
    assert f"有服务{line['served']:,}人" in said
    share = picture_words(content, year, "zh", what="coverage")
    assert f"{line['people']:,}人中{line['served']:,}人有固定机构服务" in share
    for what in WHATS:
        assert len(picture_words(content, year, "en", what=what)) > 40


def test_only_a_plan_that_lists_what_stands_today_may_call_sites_new_without_a_word(content: Content) -> None:
    year = content["years"][0]
    assert content["today"]
    with_list = opened(map_picture(content, year, "zh"))
    content["today"] = []
    assert picture_words(content, year, "zh").endswith("“新设”的站点中可能有已经存在的。")
    # One more line below the map.
    assert opened(map_picture(content, year, "zh")).height == with_list.height + 31


def test_the_vendored_font_is_what_its_list_of_hashes_says() -> None:
    folder = bundled() / "maps" / VENDORED
    listed = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text("ascii").splitlines())
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "SHA256SUMS"
    }
    assert found == listed
    assert set(found) == {"AllocateSansSC-Regular.ttf", "LICENSE"}
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "LICENSE").read_text("ascii")


def test_the_vendored_font_has_every_letter_of_every_district_and_of_the_program() -> None:
    files = [*(ROOT / "data").glob("*/*.csv"), *(ROOT / "models").rglob("*.toml"), ROOT / "allocate" / "words.toml"]
    asked = {letter for file in files for letter in file.read_text("utf-8-sig")}
    chinese = {letter for letter in asked if unicodedata.category(letter) == "Lo"}
    assert len(chinese) > 1000
    assert {letter for letter in chinese if not vendored().has(letter)} == set()
    # All of GB 2312, and rare ones of the general table that stand in names of villages.
    gb2312 = [bytes([row, cell]).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFA)]
    assert all(map(vendored().has, gb2312 + list("坨圪垯塝塆堼夼岙崮洑沚漈峁墕𬒈𨙸")))
    assert not vendored().has("\U0001f600")


def test_the_letters_that_we_read_in_a_font_are_those_that_it_draws() -> None:
    from PIL import ImageFont

    drawn = ImageFont.truetype(str(vendored().path), 40)
    none = bytes(drawn.getmask("\U000effff"))
    for letter in "A区坻𬒈□…％①“”\u3007":
        assert vendored().has(letter)
        assert bytes(drawn.getmask(letter)) != none
    for letter in "\u0e01\U0001f600":
        assert not vendored().has(letter)
        assert bytes(drawn.getmask(letter)) == none


def test_a_letter_that_no_font_has_is_a_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts_module, "_of_system", lambda _: ())
    assert fonts("song") == fonts("fangsong") == fonts() == (vendored(),)
    text = Lettering(30)
    assert text.width("\U0001f600") == text.width("□") > 0


@pytest.mark.parametrize("kind", ["sans", "song", "fangsong"])
def test_every_kind_of_font_is_found_somewhere(kind: Any) -> None:
    found = fonts(kind)
    assert vendored() in found
    assert (found[0] == vendored()) == (kind == "sans" or len(found) == 1)
    assert all(font.has("镇") for font in found)


@pytest.mark.parametrize("broken", [b"", b"no font", b"ttcf" + b"\0" * 8, b"\0\1\0\0\0\1" + b"\0" * 40])
def test_a_broken_font_has_no_letters(broken: bytes, tmp_path: Path) -> None:
    (tmp_path / "simsun.ttf").write_bytes(broken)
    assert letters(tmp_path / "simsun.ttf") == ()
    assert not Font(tmp_path / "absent.ttf").has("村")


def test_all_pictures_are_exported_into_the_plan_and_replaced_with_it(tiny_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    done = call_allocate(tmp_path, "export", "plan", "--to", "png")
    assert done.returncode == 0, done.stderr
    years = tiny_plan.content["years"]
    made = {file.name: file.read_bytes() for file in (folder / EXPORTS["png"]).iterdir()}
    assert set(made) == {f"{what}-{year}.png" for what in WHATS for year in years}
    assert all(map(is_picture, made))
    assert made == pictures(tiny_plan.content, "zh")
    # The next plan takes the folder's place, and they go with the old one.
    write_plan(tiny_plan, folder)
    assert not (folder / EXPORTS["png"]).exists()


@pytest.mark.parametrize(
    "name", ["sites-2027.txt", "sites.png", "mine-2027.png", "sites-20x.png", "sites-2027.png.exe"]
)
def test_a_file_of_another_name_is_none_of_our_pictures(name: str) -> None:
    assert not is_picture(name)
