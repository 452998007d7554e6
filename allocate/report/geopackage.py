"""A plan as a GeoPackage that QGIS opens styled, and as GeoJSON."""

import json
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from allocate.errors import AllocateError
from allocate.files.gdal import keep_to_files
from allocate.report.belonging_tables import BELONGING_SHEETS, REACH_SHEETS
from allocate.report.candidate_tables import CANDIDATE_SHEETS
from allocate.report.care_tables import CARE_SHEETS
from allocate.report.frames import frame, layers
from allocate.report.sending import SENDING_SHEETS
from allocate.report.sheets import STAFF_SHEETS, sheets
from allocate.report.styles import styles
from allocate.words import Language, say_in

_DIGITS = 7  # of a degree: about a centimetre
_VERSION = "1.2"  # the newest that older QGIS reads without a warning


def geopackage(content: Mapping[str, Any], language: Language) -> bytes:
    """Return a plan as a GeoPackage: layers boundary, towns, reach, links, places and sites, and their styles.

    Where the plan decides postings and rounds, consortia and functions, there are layers of them. Its tables of staff
    and of all these follow, without shapes: `id` (or `hub_id`, `base_id`) joins them to the sites, `town_id` to towns.

    Column names and codes are ASCII, so that any GIS can take them; the styles hold the headings and what the codes
    mean in a language.

    Raises
    ------
    AllocateError
        When the temporary folder has no room for it.
    """
    keep_to_files()
    import pyogrio

    # (GDAL writes into a file only; the day of the plan stands for now, so that the same plan gives the same bytes.)
    # Nor need anybody wait until it stands on a disk: it is read at once, and thrown away.
    options = {"OGR_CURRENT_DATE": _moment(content), "OGR_SQLITE_SYNCHRONOUS": "OFF"}
    before = {name: pyogrio.get_gdal_config_option(name) for name in options}
    folder = "TMPDIR"
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan.gpkg"
            pyogrio.set_gdal_config_options(options)
            drawn = layers(content, language)
            for name, layer in drawn.items():
                layer.to_file(
                    file, layer=name, driver="GPKG", engine="pyogrio",
                    DESCRIPTION=say_in(language, f"gis.{name}"), VERSION=_VERSION, promote_to_multi=False,
                )  # fmt: skip
            tables = sheets(content, language)
            for name in (
                *STAFF_SHEETS, *BELONGING_SHEETS, *REACH_SHEETS, *CARE_SHEETS, *CANDIDATE_SHEETS, *SENDING_SHEETS,
            ):  # fmt: skip
                if name in tables and name not in drawn:
                    pyogrio.write_dataframe(
                        frame(tables[name]), file, layer=name, driver="GPKG",
                        DESCRIPTION=say_in(language, f"sheet.{name}"), VERSION=_VERSION,
                    )  # fmt: skip
            _write_styles(file, content, language)
            return file.read_bytes()
    except (OSError, sqlite3.Error, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise AllocateError(say_in(language, "gis.no_room", folder=folder, reason=str(error))) from None
    finally:
        pyogrio.set_gdal_config_options(before)


def _moment(content: Mapping[str, Any]) -> str:
    return f"{content['as_of']}T00:00:00.000Z"


def _write_styles(file: Path, content: Mapping[str, Any], language: Language) -> None:
    """Add the table in which QGIS looks for the style of a layer."""
    with sqlite3.connect(file) as base:
        base.execute("PRAGMA synchronous = OFF")
        base.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), "
            "f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), "
            "styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
            "update_time DATETIME)"
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
            [_moment(content)],
        )
        base.executemany(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner, ui, update_time) "
            "VALUES ('', '', ?, 'geom', ?, ?, '', 1, ?, 'allocate', NULL, ?)",
            [
                (name, name, qml, say_in(language, f"gis.{name}"), _moment(content))
                for name, qml in styles(content, language).items()
            ],
        )
    base.close()


def geojson(content: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Return the layers of a plan as GeoJSON texts by name, in the datum of the plan, which each file names."""
    return {name: _collection(name, layer) for name, layer in layers(content, language).items()}


def _collection(name: str, layer: Any) -> str:
    # (RFC 7946 wants outer rings counterclockwise.)
    turned = layer.set_geometry(layer.geometry.orient_polygons())
    collection = json.loads(turned.to_json(drop_id=True, to_wgs84=False))
    features = [feature | {"geometry": _rounded(feature["geometry"])} for feature in collection["features"]]
    head = {"type": "FeatureCollection", "name": name} | _crs(layer)
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, allow_nan=False) for feature in features)
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "features": [\n{lines}\n]}}\n'


def _crs(layer: Any) -> dict[str, Any]:
    """Return the member that names a datum other than WGS-84, the only one that RFC 7946 knows."""
    code = layer.crs.to_epsg()
    return {} if code == 4326 else {"crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{code}"}}}


def _rounded(part: Any) -> Any:
    """Return a geometry with its coordinates rounded."""
    if isinstance(part, Mapping):
        return {key: _rounded(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_rounded(one) for one in part]
    return round(part, _DIGITS) if isinstance(part, float) else part
