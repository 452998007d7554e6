"""A plan as tables: what an analyst gets in pandas and geopandas is what the plan says."""

from collections.abc import Mapping
from typing import Any

import pytest

from allocate.plans import Plan
from allocate.report.frames import links_frame, places_frame, sites_frame, towns_frame


@pytest.fixture(scope="module")
def content(tiny_plan: Plan) -> Mapping[str, Any]:
    return tiny_plan.content


def test_the_people_of_places_and_towns_add_up_to_the_same(content: Mapping[str, Any]) -> None:
    places, towns = places_frame(content), towns_frame(content)
    for year in content["years"]:
        by_place = places[places["year"] == year]["people"].sum()
        by_town = towns[towns["year"] == year]["people"].sum()
        assert by_place == by_town == sum(place["people"] for place in content["district_data"]["places"])


def test_a_town_s_share_is_its_served_people_by_its_people(content: Mapping[str, Any]) -> None:
    row = towns_frame(content).iloc[0]
    assert row["share"] == row["served"] / row["people"]


def test_sites_are_points_in_the_datum_of_the_district(content: Mapping[str, Any]) -> None:
    sites = sites_frame(content)
    assert sites.crs == "EPSG:4326"
    assert len(sites) == len(content["sites"])
    assert (sites.geometry.x == sites["lon"]).all()


def test_a_link_ends_at_the_site_that_serves_the_place(content: Mapping[str, Any]) -> None:
    links = links_frame(content)
    spots = {site["id"]: (site["lon"], site["lat"]) for site in content["sites"]}
    assert len(links) == sum(row["served_by"] is not None for row in content["places"])
    assert all(line.coords[-1] == spots[site] for line, site in zip(links.geometry, links["served_by"], strict=True))
