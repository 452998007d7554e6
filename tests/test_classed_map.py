"""Maps of classed sites: every site is drawn once, where it stands, in the sign of its class, and counted."""

import copy
import json
from collections import Counter
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from answer_example import CLASSES

from allocate.draw.classed import Drawn, class_sign, classed_picture, classed_table, counted
from allocate.plans import Plan
from allocate.report.blocks import ClassedMap, ClassedSite
from allocate.report.page_parts import classed_map, ground_of
from allocate.units import FIRM
from allocate.words import LANGUAGES, Language, say_in

HOSTILE = "</title><script>window.PWN=1</script>{{7*7}}\x0b"


def mapped(plan: Plan, **more: Any) -> ClassedMap:
    """Return the map of the sites of a plan, in classes by turns."""
    ids = dict.fromkeys(row["id"] for row in plan.content["sites"])
    groups = {code: CLASSES[at % len(CLASSES)].key for at, code in enumerate(ids)}
    return classed_map(plan.content, groups, CLASSES, caption="站点", **more)


def sites(drawn: Drawn) -> list[ET.Element]:
    return [element for element in drawn.svg.iter("g") if element.get("data-id") is not None]


def middle(sign: ET.Element) -> tuple[float, float]:
    """Return where a sign stands: the middle of its letter, which is under the middle of the sign at most."""
    text = next(sign.iter("text"))
    return float(text.attrib["x"]), float(text.attrib["y"])


def test_every_site_is_drawn_once_in_its_class(tiny_plan: Plan) -> None:
    block = mapped(tiny_plan)
    drawn = classed_picture(block, "zh", "a")
    found = {sign.attrib["data-id"]: sign.attrib["data-class"] for sign in sites(drawn)}
    assert len(sites(drawn)) == len(found)
    assert found == {site.id: site.group for site in block.sites}


def test_each_class_has_a_colour_a_sign_and_a_letter_of_its_own(tiny_plan: Plan) -> None:
    looks = {}
    for sign in sites(classed_picture(replace(mapped(tiny_plan), sites=firm(mapped(tiny_plan))), "zh", "a")):
        shape, letter = sign[1], sign[2]
        corners = len(shape.get("points", "").split())
        looks.setdefault(sign.attrib["data-class"], set()).add((shape.tag, corners, letter.text, shape.attrib["fill"]))
    assert len(looks) == len(CLASSES)
    assert all(len(found) == 1 for found in looks.values())
    for part in range(4):
        if part != 0 and part != 1:
            assert len({next(iter(found))[part] for found in looks.values()}) == len(CLASSES)
    assert len({next(iter(found))[:2] for found in looks.values()}) >= 3


def firm(block: ClassedMap) -> tuple[ClassedSite, ...]:
    return tuple(replace(site, is_firm=True) for site in block.sites)


def test_what_nobody_surveyed_is_hollow_and_counted_as_estimated(tiny_plan: Plan) -> None:
    block = mapped(tiny_plan)
    estimated = [site for site in block.sites if not site.is_firm]
    assert estimated
    assert len(estimated) < len(block.sites)
    for sign in sites(classed_picture(block, "zh", "a")):
        hollow = next(site for site in block.sites if site.id == sign.attrib["data-id"]) in estimated
        assert (sign.get("data-estimated") == "yes") is hollow
        assert (sign[1].attrib["fill"] == "#fff") is hollow
    rows = {row["id"]: row for row in tiny_plan.content["sites"]}
    assert {site.id for site in estimated} == {code for code, row in rows.items() if row["basis"] not in FIRM}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_legend_counts_as_many_as_there_are(tiny_plan: Plan, language: Language) -> None:
    block = mapped(tiny_plan)
    numbers = Counter(site.group for site in block.sites)
    hollow = Counter(site.group for site in block.sites if not site.is_firm)
    for group, told in counted(block, language):
        assert f"{numbers[group.key]}" in told
        assert (f"{hollow[group.key]}" in told.rsplit(f"{numbers[group.key]}", 1)[-1]) or not hollow[group.key]
        assert told.startswith(group.letter)
        assert len(class_sign(group)) == 2
    table = classed_table(block, language)
    assert len(table.rows) == len(block.sites)


def test_sites_stand_as_they_do_on_the_ground(tiny_plan: Plan) -> None:
    block = mapped(tiny_plan)
    spots = {site.id: (site.lon, site.lat) for site in block.sites}
    # (Those that stand alone are drawn exactly where they are.)
    alone = [code for code, spot in spots.items() if list(spots.values()).count(spot) == 1]
    at = {sign.attrib["data-id"]: middle(sign) for sign in sites(classed_picture(block, "zh", "a"))}
    west, east = min(alone, key=lambda code: spots[code][0] or 0), max(alone, key=lambda code: spots[code][0] or 0)
    south, north = min(alone, key=lambda code: spots[code][1] or 0), max(alone, key=lambda code: spots[code][1] or 0)
    assert at[west][0] < at[east][0]
    assert at[north][1] < at[south][1]


def test_sites_on_one_spot_stand_side_by_side_and_it_is_said() -> None:
    district = {"name": {"zh": "甲", "en": "A"}, "datum": "cgcs2000", "epsg": 4548, "boundary": None}
    ground = {"district_data": {**district, "towns": [], "places": []}}
    here = [ClassedSite(f"{at}", "甲", "", 117.3, 39.7, "firm", is_firm=True) for at in range(3)]
    far = ClassedSite("far", "乙", "", 117.4, 39.7, "swap", is_firm=True)
    drawn = classed_picture(ClassedMap("", ground, CLASSES, (*here, far)), "zh", "a")
    at = {sign.attrib["data-id"]: middle(sign) for sign in sites(drawn)}
    xs = sorted(at[f"{n}"][0] for n in range(3))
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert xs[1] - xs[0] > 10
    assert at["far"][0] > xs[2]
    assert say_in("zh", "picture.beside") in drawn.notes


def test_a_site_without_a_position_is_counted_and_not_drawn(tiny_plan: Plan) -> None:
    block = mapped(tiny_plan)
    lost = replace(block.sites[0], lon=None, lat=None)
    drawn = classed_picture(replace(block, sites=(lost, *block.sites[1:])), "zh", "a")
    assert lost.id not in {sign.attrib["data-id"] for sign in sites(drawn)}
    assert say_in("zh", "picture.missing", count=1) in drawn.notes
    table = classed_table(replace(block, sites=(lost, *block.sites[1:])), "zh")
    assert say_in("zh", "classed.nowhere") in next(row for row in table.rows if lost.id in row)


def test_a_site_that_nobody_lists_is_told_and_not_drawn(tiny_plan: Plan) -> None:
    block = classed_map(tiny_plan.content, {"ghost": "firm"}, CLASSES, caption="")
    drawn = classed_picture(block, "zh", "a")
    assert sites(drawn) == []
    assert say_in("zh", "picture.missing", count=1) in drawn.notes
    assert next(told for _, told in counted(block, "zh")).startswith("A")


def test_what_an_answer_keeps_of_the_ground_draws_the_same_map(tiny_plan: Plan) -> None:
    kept = json.loads(json.dumps(ground_of(tiny_plan.content)))
    one = classed_picture(mapped(tiny_plan, ground=tiny_plan.content), "zh", "a")
    other = classed_picture(mapped(tiny_plan, ground=kept), "zh", "a")
    assert ET.tostring(one.svg) == ET.tostring(other.svg)
    assert one.notes == other.notes


def test_towns_are_named_and_places_stand_faintly(tiny_plan: Plan) -> None:
    drawn = classed_picture(mapped(tiny_plan), "zh", "a")
    written = {text.text for text in drawn.svg.iter("text")}
    assert {town["name"] for town in tiny_plan.content["district_data"]["towns"]} <= written
    dots = [group for group in drawn.svg.iter("g") if group.get("class") == "places"]
    located = [place for place in tiny_plan.content["district_data"]["places"] if place["lon"] is not None]
    assert len(dots[0]) == len(located)
    assert any(say_in("zh", "map.approval_missing") in note for note in drawn.notes)


def test_names_of_people_stay_texts(tiny_plan: Plan) -> None:
    content = copy.deepcopy(tiny_plan.content)
    content["district_data"]["places"][0]["name"] = HOSTILE
    content["district_data"]["towns"][0]["name"] = HOSTILE
    content["sites"][0]["name"] = "a" * 40_000
    groups = {content["sites"][0]["id"]: "firm"}
    block = classed_map(content, groups, CLASSES, caption=HOSTILE, notes=dict.fromkeys(groups, HOSTILE))
    svg = classed_picture(block, "zh", "a").svg
    text = ET.tostring(svg, encoding="unicode", method="html")
    assert "<script" not in text
    assert "window.PWN=1" in "".join(ET.fromstring(ET.tostring(svg)).itertext())
    assert len(text) < 30_000
