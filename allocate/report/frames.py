"""A plan as tables for pandas, and as layers for geopandas and every GIS: the same tables as in the workbook."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from allocate.areas import Areas
from allocate.files.gdal import keep_to_files
from allocate.report.sheets import sheets
from allocate.report.table import Field, Sheet, clean
from allocate.words import Language

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

_CRS = {"wgs84": "EPSG:4326", "cgcs2000": "EPSG:4490"}
_TYPES = {"year": "Int64", "whole": "Int64", "yuan": "Int64"}
# Every layer by its name, in the order in which they are drawn.
LAYERS = ("boundary", "towns", "reach", "links", "places", "sites")
# Those that only a plan that decides postings and rounds has: after the links.
SENDING_LAYERS = ("postings", "rounds")
# Those that only a plan has that decides consortia or functions: after the links too.
BELONGING_LAYERS = ("consortia", "members", "centre_links")
# Those that only a plan has whose candidates are not just the middles of places: before the sites.
CANDIDATE_LAYERS = ("candidates", "dropped")
# The columns of the layer of links, from the table of places.
LINK = ("year", "id", "name", "served_by", "served_by_name", "part", "minutes", "way_by")


def frame(sheet: Sheet) -> "DataFrame":
    """Return a sheet as a pandas table: columns by their ASCII names, codes as codes, what is unknown as missing."""
    import pandas as pd

    def array(field: Field) -> Any:
        cells: Any = sheet.column(field.name)
        return pd.array(cells, dtype=_TYPES.get(field.kind, "Float64") if field.is_number else "str")

    return pd.DataFrame({field.name: array(field) for field in sheet.fields})


def layers(content: Mapping[str, Any], language: Language = "zh") -> dict[str, "GeoDataFrame"]:
    """Return the layers of a plan in its datum: places, sites, links, towns, reach and boundary.

    Of a plan that decides them also postings and rounds, consortia, their members and the links to shared centres.

    Places, links, towns and reach have one row per year; a site has one per action. Town areas are drawn from the
    cells of the places and are no administrative boundaries; see `allocate.areas`.
    """
    # (What they hold is written by GDAL, here or by whoever asked.)
    keep_to_files()
    import geopandas as gpd
    import pandas as pd

    tables = sheets(content, language)
    crs = _CRS[content["district_data"]["datum"]]
    places, sites, towns = (frame(tables[name]) for name in ("places", "sites", "towns"))
    towns = towns[towns["town_id"].notna()].reset_index(drop=True)
    areas = Areas(content)
    # (The tables hold the ids of the towns as every file format can.)
    outlines, reach = {clean(town): area for town, area in areas.towns().items()}, areas.reach()
    circle = clean(content["settings"]["circles"][content["settings"]["circle"]]["name"][language])
    district = content["district_data"]

    def layer(table: "DataFrame", shapes: Iterable[Any]) -> "GeoDataFrame":
        return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(list(shapes), index=table.index, crs=crs))

    return {
        "boundary": layer(
            pd.DataFrame({"id": [clean(district["id"])], "name": [clean(district["name"][language])]}), [areas.boundary]
        ),
        "towns": layer(towns, (outlines.get(str(town)) for town in towns["town_id"])),
        "reach": layer(pd.DataFrame({"year": list(reach), "circle": circle}), reach.values()),
        "links": _links(places, sites, crs),
        **dict(_belonging(content, tables, crs)),
        **dict(_sent(content, tables, crs)),
        "places": layer(places, gpd.points_from_xy(places["lon"], places["lat"])),
        **{
            name: layer(spots, gpd.points_from_xy(spots["lon"], spots["lat"]))
            for name in CANDIDATE_LAYERS
            if name in tables
            for spots in [frame(tables[name])]
        },
        "sites": layer(sites, gpd.points_from_xy(sites["lon"], sites["lat"])),
    }


def _links(places: "DataFrame", sites: "DataFrame", crs: str) -> "GeoDataFrame":
    """Return the straight line from every place to the site that serves it."""
    import geopandas as gpd
    import shapely

    # A site has as many rows as actions, all at one spot.
    spots = sites.drop_duplicates("id").set_index("id")
    served = places[places["served_by"].notna()].reset_index(drop=True)
    ends = spots.loc[served["served_by"], ["lon", "lat"]].to_numpy(dtype=float)
    starts = served[["lon", "lat"]].to_numpy(dtype=float)
    lines: Any = [shapely.LineString(pair) for pair in zip(starts, ends, strict=True)]
    return gpd.GeoDataFrame(served[list(LINK)], geometry=gpd.GeoSeries(lines, crs=crs))


def _sent(content: Mapping[str, Any], tables: Mapping[str, Sheet], crs: str) -> Iterator[tuple[str, "GeoDataFrame"]]:
    """Yield the straight line of every tour from hospital to hub, and of every way from there to village or town.

    Who comes from outside the district, or goes to a town that has no position, has no line.
    """
    district = content["district_data"]
    stands = _spots((*district["institutions"], *content["sites"]))
    places, towns = _spots(district["places"]), _spots(district["towns"])
    if "postings_by_hospital" in tables:
        tours = tables["postings_by_hospital"]
        ends = zip(tours.column("sender_id"), tours.column("hub_id"), strict=True)
        yield "postings", _lines(tours, ((stands.get(one), stands.get(other)) for one, other in ends), crs)
    if "rounds" in tables:
        rounds = tables["rounds"]
        stops = zip(*map(rounds.column, ("base_id", "id", "town_id")), strict=True)
        pairs = ((stands.get(base), towns.get(town) if place is None else places[place]) for base, place, town in stops)
        yield "rounds", _lines(rounds, pairs, crs)


def _belonging(
    content: Mapping[str, Any], tables: Mapping[str, Sheet], crs: str
) -> Iterator[tuple[str, "GeoDataFrame"]]:
    """Yield every consortium at its lead, and the straight lines from members to leads and from sites to centres.

    A hub in no consortium has no line, and a function of a site's own has none.
    """
    import geopandas as gpd

    stands = _spots((*content["district_data"]["institutions"], *content["sites"]))
    if "consortia" in tables:
        table = frame(tables["consortia"])
        table = table[table["lead_id"].isin(list(stands))].reset_index(drop=True)
        across, up = ([stands[lead][axis] for lead in table["lead_id"]] for axis in (0, 1))
        yield "consortia", gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(across, up, crs=crs))
    for name, sheet, other in (("members", "members", "lead_id"), ("centre_links", "functions", "centre_id")):
        if sheet in tables:
            ends = zip(tables[sheet].column("id"), tables[sheet].column(other), strict=True)
            yield name, _lines(tables[sheet], ((stands.get(one), stands.get(two)) for one, two in ends), crs)


def _spots(rows: Iterable[Mapping[str, Any]]) -> dict[Any, tuple[float, float]]:
    """Return where things are by their ids, as far as that is known: as the tables hold them [°]."""
    return {clean(row["id"]): (row["lon"], row["lat"]) for row in rows if row.get("lon") is not None}


def _lines(
    sheet: Sheet, pairs: Iterable[tuple[tuple[float, float] | None, tuple[float, float] | None]], crs: str
) -> "GeoDataFrame":
    """Return the rows of a sheet whose both ends are known, with the line between these."""
    import geopandas as gpd
    import shapely

    found = [(at, (one, other)) for at, (one, other) in enumerate(pairs) if one is not None and other is not None]
    table = frame(sheet).iloc[[at for at, _ in found]].reset_index(drop=True)
    lines: Any = [shapely.LineString(pair) for _, pair in found]
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(lines, crs=crs))
