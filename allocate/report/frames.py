"""A plan as tables for pandas and geopandas: places, sites, towns, and the links between places and sites."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

_CRS = {"wgs84": "EPSG:4326", "cgcs2000": "EPSG:4490"}


def sites_frame(content: Mapping[str, Any]) -> "GeoDataFrame":
    """Return one row per site and action, with its people by year [persons] and its point."""
    rows = [
        {
            **{key: value for key, value in site.items() if key not in ("people", "only_site_of", "staff")},
            **{f"people_{year}": site["people"].get(str(year), 0) for year in content["years"]},
        }
        for site in content["sites"]
    ]
    return _points(rows, content)


def places_frame(content: Mapping[str, Any]) -> "GeoDataFrame":
    """Return one row per place, year and site that serves it, with its people [persons] and its point."""
    spots = {place["id"]: place for place in content["district_data"]["places"]}
    kept = ("name", "kind", "town", "lon", "lat")
    rows = [{**row, **{key: spots[row["id"]][key] for key in kept}} for row in content["places"]]
    return _points(rows, content)


def towns_frame(content: Mapping[str, Any]) -> "DataFrame":
    """Return one row per town and year: its people by status [persons], and the share served."""
    import pandas as pd

    names = {town["id"]: town["name"] for town in content["district_data"]["towns"]}
    ledger = pd.DataFrame(content["ledger"])
    towns = ledger[ledger["scope"].isin(list(names))].rename(columns={"scope": "town"})
    return towns.assign(
        name=towns["town"].map(names), share=(towns["served"] / towns["people"]).where(towns["people"] > 0)
    ).reset_index(drop=True)


def links_frame(content: Mapping[str, Any]) -> "GeoDataFrame":
    """Return one row per place, year and site that serves it, with the straight line between them."""
    import geopandas as gpd
    from shapely.geometry import LineString

    sites = {site["id"]: (site["lon"], site["lat"]) for site in content["sites"]}
    served = places_frame(content)
    served = served[served["served_by"].notna()]
    lines = [
        LineString([(point.x, point.y), sites[site]])
        for point, site in zip(served.geometry, served["served_by"], strict=True)
    ]
    columns = ["id", "year", "people", "served_by", "minutes"]
    return gpd.GeoDataFrame(served[columns].reset_index(drop=True), geometry=lines, crs=served.crs)


def _points(rows: list[dict[str, Any]], content: Mapping[str, Any]) -> "GeoDataFrame":
    import geopandas as gpd
    import pandas as pd

    frame = pd.DataFrame(rows)
    points = gpd.points_from_xy(frame["lon"], frame["lat"])
    return gpd.GeoDataFrame(frame, geometry=points, crs=_CRS[content["district_data"]["datum"]])
