"""GDAL, kept to plain files: drivers that open other files, servers or programs are switched off before it starts."""

import os

# Each of them opens something else than the file that it is given: what a document names, a server, a program, a
# library. (GDAL knows files by their content, so a document for one of these could go by any name.)
FORBIDDEN = (
    *("OGR_VRT", "VRT", "GDALG", "ADBC", "GPSBabel", "SQLite", "OSM"),
    *(
        "HTTP",
        "WFS",
        "OAPIF",
        "OGCAPI",
        "CSW",
        "EEDA",
        "PLSCENES",
        "Elasticsearch",
        "Carto",
        "AmigoCloud",
        "NGW",
    ),
)


def keep_to_files() -> None:
    """Keep GDAL from opening anything but plain files; to be called before pyogrio or geopandas first read or write.

    Where pyogrio was imported before, by a planner's own notebook, its drivers stay: what is read here has been checked
    by its first bytes all the same.
    """
    for variable in ("OGR_SKIP", "GDAL_SKIP"):
        asked = [name for name in os.environ.get(variable, "").split(",") if name]
        os.environ[variable] = ",".join(dict.fromkeys([*asked, *FORBIDDEN]))
    before = os.environ.get("CPL_LOG")
    # (A build without one of the drivers says so on the screen.)
    os.environ["CPL_LOG"] = os.devnull
    try:
        import pyogrio  # noqa: F401
    finally:
        if before is None:
            del os.environ["CPL_LOG"]
        else:
            os.environ["CPL_LOG"] = before
