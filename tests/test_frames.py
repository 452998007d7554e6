"""A plan as tables: what an analyst gets in pandas and geopandas is what the plan says."""

import copy
from typing import Any

import pandas as pd
import pytest

from allocate.plans import Plan
from allocate.report.frames import LAYERS, frame, layers
from allocate.report.sheets import sheets
from allocate.words import LANGUAGES

Content = dict[str, Any]


@pytest.fixture
def content(tiny_plan: Plan) -> Content:
    return copy.deepcopy(dict(tiny_plan.content))


def test_every_sheet_becomes_a_table_with_ascii_columns_of_one_kind(content: Content) -> None:
    kinds = dict.fromkeys(("whole", "yuan", "year"), "Int64") | dict.fromkeys(("id", "text", "code", "mark"), "str")
    for sheet in sheets(content, "zh").values():
        table = frame(sheet)
        assert list(table.columns) == [field.name for field in sheet.fields]
        assert len(table) == len(sheet.rows)
        found = {field.name: str(table[field.name].dtype) for field in sheet.fields}
        assert found == {field.name: kinds.get(field.kind, "Float64") for field in sheet.fields}, sheet.name


def test_a_table_without_rows_keeps_its_columns_and_kinds(content: Content) -> None:
    draws = frame(sheets(content, "en")["draws"])
    assert draws.empty
    assert str(draws["sited_in_2027"].dtype) == "Int64"


def test_what_is_unknown_is_missing_and_never_zero(content: Content) -> None:
    content["today"] = []
    made = sheets(content, "en")
    towns, places, sites = (frame(made[name]) for name in ("towns", "places", "sites"))
    assert towns["today_served"].isna().all()
    assert towns["today_share"].isna().all()
    outside = places[places["status"] == "out_of_range"]
    assert len(outside)
    assert outside[["served_by", "served_by_name", "minutes"]].isna().all(axis=None)
    assert sites.loc[sites["action"] == "close", "until"].tolist() == [2025]
    assert sites.loc[sites["action"] != "close", "until"].isna().all()


def test_codes_stay_codes_in_every_language(content: Content) -> None:
    for language in LANGUAGES:
        places = frame(sheets(content, language)["places"])
        assert set(places["status"]) == {"served", "no_capacity", "out_of_range"}
        assert set(places["kind"]) == {"village", "community", "zone"}


def test_the_people_of_places_sites_and_towns_add_up_to_the_same(content: Content) -> None:
    made = sheets(content, "en")
    places, sites, towns = (frame(made[name]) for name in ("places", "sites", "towns"))
    for year in content["years"]:
        of_year = places[places["year"] == year]
        by_town = towns[(towns["year"] == year) & towns["town_id"].notna()]
        everybody = sum(place["people"] for place in content["district_data"]["places"])
        assert of_year["part"].sum() == by_town["people"].sum() == everybody
        served = of_year[of_year["status"] == "served"]
        assert served["part"].sum() == by_town["served"].sum() == sites[f"serves_{year}"].sum()
        by_site = served.groupby("served_by")["part"].sum()
        wanted = sites.set_index("id")[f"serves_{year}"]
        assert by_site.to_dict() == wanted[wanted > 0].to_dict()


def test_a_town_s_share_is_its_served_people_by_its_people(content: Content) -> None:
    towns = frame(sheets(content, "en")["towns"])
    pd.testing.assert_series_equal(
        towns["served_share"], (towns["served"] / towns["people"]).astype("Float64"), check_names=False
    )


def test_layers_are_the_tables_with_shapes_in_the_datum_of_the_district(content: Content) -> None:
    made, found = sheets(content, "zh"), layers(content)
    assert tuple(found) == LAYERS
    for layer in found.values():
        assert layer.crs == "EPSG:4326"
        assert layer.index.tolist() == list(range(len(layer)))
    for name in ("places", "sites"):
        table = frame(made[name])
        pd.testing.assert_frame_equal(pd.DataFrame(found[name].drop(columns="geometry")), table)
        assert found[name].geometry.x.tolist() == table["lon"].tolist()
        assert found[name].geometry.y.tolist() == table["lat"].tolist()


def test_the_layer_of_towns_has_no_line_for_the_district_and_fills_its_boundary(content: Content) -> None:
    found = layers(content)
    assert found["towns"]["town_id"].notna().all()
    (boundary,) = found["boundary"].geometry
    for year in content["years"]:
        areas = found["towns"][found["towns"]["year"] == year]
        assert sorted(areas["town_id"]) == ["T1", "T2", "T3"]
        assert areas.geometry.union_all().symmetric_difference(boundary).area < 1e-6 * boundary.area


def test_who_is_served_lives_within_the_reach_of_the_year(content: Content) -> None:
    found = layers(content, "en")
    assert found["reach"]["circle"].tolist() == ["8 min by e-bike"] * 2
    for year, area in zip(found["reach"]["year"], found["reach"].geometry, strict=True):
        places = found["places"][found["places"]["year"] == year]
        served = places[places["status"] == "served"]
        assert len(served)
        assert served.geometry.within(area.buffer(1e-6)).all()


def test_a_link_goes_from_the_place_to_the_site_that_serves_it(content: Content) -> None:
    found = layers(content)
    spots = {site["id"]: (site["lon"], site["lat"]) for site in content["sites"]}
    homes = {place["id"]: (place["lon"], place["lat"]) for place in content["district_data"]["places"]}
    links = found["links"]
    assert len(links) == sum(row["served_by"] is not None for row in content["places"])
    assert [line.coords[:] for line in links.geometry] == [
        [homes[place], spots[site]] for place, site in zip(links["id"], links["served_by"], strict=True)
    ]
    served = found["places"][found["places"]["status"] == "served"]
    assert links["part"].sum() == served["part"].sum()


def test_a_site_that_closes_after_it_was_kept_does_not_double_its_links(content: Content) -> None:
    (station,) = [site for site in content["sites"] if site["id"] == "old-station"]
    content["sites"].append(station | {"action": "close", "year": 2027, "people": {}, "only_site_of": {}, "cost": 0})
    assert len(layers(content)["links"]) == sum(row["served_by"] is not None for row in content["places"])
