"""Reading a table or view of a real PostGIS database, and every way in which that can fail."""

import logging
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgis_server import Postgis
from psycopg import sql

from allocate.errors import Problem
from allocate.fault_kinds import FaultKind
from allocate.faults import problems_of
from allocate.files import database
from allocate.files.database import Connection, read_relation
from allocate.files.sheet import Sheet, Spotted, Unreadable
from allocate.words import LANGUAGES, Language, say, speaking

pytestmark = pytest.mark.xdist_group("postgis")
CANARY = "canary-4d2f-口令"


@dataclass(frozen=True)
class Gis:
    """The database as a planner declares it, and the server behind it."""

    server: Postgis
    declared: Connection

    def read(self, relation: str) -> Sheet:
        return read_relation(self.declared, relation)[0]

    def checksum(self, relation: str) -> str:
        return read_relation(self.declared, relation)[1]

    def refusal(self, relation: str = "health.villages", **other: Any) -> Unreadable:
        """Return what a planner is told who cannot read a relation."""
        with pytest.raises(Unreadable) as caught:
            read_relation(self.declared.model_copy(update=other), relation)
        return caught.value


VILLAGES = """
DROP SCHEMA IF EXISTS health CASCADE;
CREATE SCHEMA health;
CREATE TABLE health.villages (
    "代码" text PRIMARY KEY, "名称" text, "人口" integer, " 备注 " text, geom geometry(Point, 4490)
);
INSERT INTO health.villages VALUES
    ('120115002', '大张庄', 1200, NULL, 'SRID=4490;POINT(117.31 39.72)'),
    ('120115001', '“前”庄''; --', 300, '', 'SRID=4490;POINT(117.30 39.71)'),
    ('120115010', '没有位置', NULL, '=1+1', NULL);
"""


@pytest.fixture
def gis(postgis: Postgis, monkeypatch: pytest.MonkeyPatch) -> Gis:
    monkeypatch.setenv("PGPASSWORD", postgis.password)
    for name in ("PGPASSFILE", "PGSERVICEFILE"):
        monkeypatch.setenv(name, "/nowhere")
    postgis.run(VILLAGES)
    return Gis(postgis, Connection(host=postgis.host, port=postgis.port, dbname=postgis.database, user=postgis.user))


@pytest.mark.postgis
def test_a_table_gives_headings_cells_points_and_its_coordinate_system(gis: Gis) -> None:
    sheet = gis.read("health.villages")
    assert sheet.heading == ("代码", "名称", "人口", "备注")
    assert list(map(list, sheet.columns)) == [
        ["120115001", "120115002", "120115010"],
        ["“前”庄'; --", "大张庄", "没有位置"],
        [300, 1200, None],
        ["", None, "=1+1"],
    ]
    assert (list(sheet.rows), sheet.heading_row, sheet.crs, sheet.spotted) == ([1, 2, 3], 0, "EPSG:4490", ())
    assert sheet.points is not None
    np.testing.assert_array_equal(sheet.points, [[117.30, 39.71], [117.31, 39.72], [np.nan, np.nan]])


@pytest.mark.postgis
def test_a_table_without_geometry_has_no_points(gis: Gis) -> None:
    gis.server.run("CREATE TABLE health.staff (id integer, number integer)")
    sheet = gis.read("health.staff")
    assert (sheet.points, sheet.crs, sheet.heading, len(sheet.rows)) == (None, "", ("id", "number"), 0)


@pytest.mark.postgis
def test_a_name_without_schema_is_found_on_the_search_path_of_the_user(gis: Gis) -> None:
    assert gis.refusal("villages").what == FaultKind.RELATION_MISSING
    gis.server.run("ALTER ROLE keeper SET search_path = health, public")
    try:
        assert gis.read("villages").columns[0][0] == "120115001"
    finally:
        gis.server.run("ALTER ROLE keeper RESET search_path")


@pytest.mark.postgis
def test_rows_stand_by_the_primary_key_wherever_the_server_keeps_them(gis: Gis) -> None:
    gis.server.run(
        'CREATE TABLE health.pairs (b text, n integer, "说明" text, PRIMARY KEY (n, b))',
        "INSERT INTO health.pairs VALUES ('b', 2, 'x'), ('a', 10, 'y'), ('B', 2, 'z'), ('a', 2, 'w')",
    )
    first = gis.read("health.pairs"), gis.checksum("health.pairs")
    assert list(zip(*first[0].columns, strict=True)) == [("B", 2, "z"), ("a", 2, "w"), ("b", 2, "x"), ("a", 10, "y")]
    gis.server.run("UPDATE health.pairs SET b = b WHERE b = 'B'", 'CREATE INDEX ON health.pairs ("说明")')
    gis.server.run('CLUSTER health.pairs USING "pairs_说明_idx"')
    assert (gis.read("health.pairs"), gis.checksum("health.pairs")) == first


@pytest.mark.postgis
def test_rows_of_a_view_stand_in_one_order_too(gis: Gis) -> None:
    gis.server.run("CREATE TABLE health.loose (a text, b integer)", "CREATE VIEW health.seen AS TABLE health.loose")
    for values in ("('乙', 1), ('甲', 10), ('甲', 2), (NULL, 3)", "(NULL, 3), ('甲', 2), ('甲', 10), ('乙', 1)"):
        gis.server.run("TRUNCATE health.loose", f"INSERT INTO health.loose VALUES {values}")
        assert list(zip(*gis.read("health.seen").columns, strict=True)) == [("乙", 1), ("甲", 10), ("甲", 2), (None, 3)]


@pytest.mark.postgis
@pytest.mark.parametrize(
    "change",
    [
        'UPDATE health.villages SET "人口" = 301 WHERE "人口" = 300',
        'UPDATE health.villages SET " 备注 " = \'\' WHERE " 备注 " IS NULL',
        "UPDATE health.villages SET geom = ST_Translate(geom, 0.000001, 0)",
        'ALTER TABLE health.villages RENAME COLUMN "人口" TO "常住人口"',
        'DELETE FROM health.villages WHERE "人口" IS NULL',
    ],
)
def test_the_checksum_tells_any_change_and_nothing_else(gis: Gis, change: str) -> None:
    before = gis.checksum("health.villages")
    assert gis.checksum("health.villages") == before
    gis.server.run(change)
    assert gis.checksum("health.villages") != before


@pytest.mark.postgis
@pytest.mark.parametrize(
    ("kind", "written", "cell"),
    [
        ("smallint", "-3", -3),
        ("bigint", "120115001001", 120115001001),
        # A spreadsheet's digits end at 15: as a number a code would be blamed for having lost the others.
        ("bigint", "120115001001000001", "120115001001000001"),
        ("numeric(12,2)", "1200.00", 1200),
        ("numeric", "0.25", 0.25),
        ("numeric", "'NaN'", "NaN"),
        ("real", "0.1", 0.1),
        ("double precision", "'Infinity'", "Infinity"),
        ("double precision", "1e300", 1e300),
        ("boolean", "true", "TRUE"),
        ("boolean", "false", "FALSE"),
        ("date", "'2024-12-26'", "2024-12-26"),
        ("timestamp", "'2024-12-26'", "2024-12-26"),
        ("timestamp", "'2024-12-26 08:30'", "2024-12-26 08:30:00"),
        ("timestamptz", "'2024-12-26 00:00+08'", "2024-12-26"),
        ("char(5)", "'甲'", "甲"),
        ("varchar", "'007'", "007"),
        ("text[]", "ARRAY['甲', '乙']", "{甲,乙}"),
        ("jsonb", """'{"a": 1}'""", '{"a": 1}'),
        ("bytea", r"'\x00ff'", r"\x00ff"),
        ("uuid", "'00000000-0000-0000-0000-000000000001'", "00000000-0000-0000-0000-000000000001"),
        ("health.people", "7", 7),
        ("health.rank", "'town'", "town"),
        ("integer", "NULL", None),
    ],
)
def test_a_value_of_any_type_is_a_number_a_truth_or_text(gis: Gis, kind: str, written: str, cell: object) -> None:
    gis.server.run(
        "CREATE DOMAIN health.people AS integer CHECK (VALUE >= 0)",
        "CREATE TYPE health.rank AS ENUM ('town', 'village')",
        f"CREATE TABLE health.typed (v {kind})",
        f"INSERT INTO health.typed VALUES ({written})",
    )
    ((found,),) = gis.read("health.typed").columns
    assert (found, type(found)) == (cell, type(cell))


@pytest.mark.postgis
@pytest.mark.parametrize(
    ("kind", "written", "points", "crs"),
    [
        ("geometry", "'POINT(1 2)'", [1, 2], ""),
        ("geometry(PointZ, 4548)", "'SRID=4548;POINT Z (517000 4380000 5)'", [517000, 4380000], "EPSG:4548"),
        ("geography", "'POINT(117 39)'", [117, 39], "EPSG:4326"),
        ("geometry", "'SRID=4490;MULTIPOINT((117 39))'", [117, 39], "EPSG:4490"),
        ("geometry", "'SRID=4490;POINT EMPTY'", [np.nan, np.nan], "EPSG:4490"),
    ],
)
def test_points_of_any_kind_give_their_coordinates(
    gis: Gis, kind: str, written: str, points: list[float], crs: str
) -> None:
    gis.server.run(f"CREATE TABLE health.spots (g {kind})", f"INSERT INTO health.spots VALUES ({written}), (NULL)")
    sheet = gis.read("health.spots")
    np.testing.assert_array_equal(sheet.points, [points, [np.nan, np.nan]])
    assert (sheet.crs, sheet.heading, list(sheet.rows)) == (crs, (), [1, 2])


@pytest.mark.postgis
def test_an_area_counts_by_a_point_inside_it(gis: Gis) -> None:
    # Its centre of gravity lies outside.
    bowl = "POLYGON((0 0, 10 0, 10 10, 9 10, 9 1, 1 1, 1 10, 0 10, 0 0))"
    gis.server.run("CREATE TABLE health.areas (g geometry)", f"INSERT INTO health.areas VALUES ('{bowl}')")
    sheet = gis.read("health.areas")
    assert sheet.points is not None
    assert sheet.spotted == (Spotted(FaultKind.GEOMETRY_INSIDE, details={"count": 1}, fault=False),)
    x, y = sheet.points[0]
    with gis.server.connect() as opened:
        inside = "SELECT ST_Contains(g, ST_Point(%s, %s)) FROM health.areas"
        assert opened.execute(inside, [x, y]).fetchone() == (True,)


@pytest.mark.postgis
def test_a_shape_that_is_no_place_is_told_with_its_row(gis: Gis) -> None:
    gis.server.run(
        "CREATE TABLE health.shapes (id integer PRIMARY KEY, g geometry)",
        "INSERT INTO health.shapes VALUES (5, 'POINT(1 2)'), (6, 'LINESTRING(0 0, 1 1)'), (7, NULL), "
        "(8, 'TIN(((0 0, 0 1, 1 1, 0 0)))'), (9, ST_Point('Infinity', 0))",
    )
    sheet = gis.read("health.shapes")
    assert [(spotted.what, spotted.row) for spotted in sheet.spotted if spotted.fault] == [
        (FaultKind.GEOMETRY_LINE, 2),
        (FaultKind.GEOMETRY_BROKEN, 4),
        (FaultKind.COORDINATE_INFINITE, 5),
    ]
    np.testing.assert_array_equal(sheet.points, [[1, 2], *[[np.nan, np.nan]] * 4])


@pytest.mark.postgis
def test_a_type_that_is_only_called_so_is_no_geometry(gis: Gis) -> None:
    gis.server.run(
        "CREATE TYPE health.geometry AS ENUM ('round')",
        "CREATE TABLE health.forms (form health.geometry)",
        "INSERT INTO health.forms VALUES ('round')",
    )
    sheet = gis.read("health.forms")
    assert (sheet.points, list(map(list, sheet.columns))) == (None, [["round"]])


@pytest.mark.postgis
def test_a_reference_system_of_nobody_is_told_and_not_guessed(gis: Gis) -> None:
    gis.server.run(
        "INSERT INTO spatial_ref_sys VALUES (990002, 'own', 1, 'LOCAL_CS[\"本地坐标\"]', '') ON CONFLICT DO NOTHING",
        "CREATE TABLE health.own (g geometry)",
        "INSERT INTO health.own VALUES ('SRID=990002;POINT(5000 4000)')",
    )
    sheet = gis.read("health.own")
    assert (sheet.crs, sheet.spotted) == ("", (Spotted(FaultKind.CRS_UNKNOWN, value="本地坐标", fault=False),))


@pytest.mark.postgis
def test_a_reference_system_goes_by_its_code_and_not_by_its_number_in_the_database(gis: Gis) -> None:
    gis.server.run(
        "INSERT INTO spatial_ref_sys SELECT 990001, 'EPSG', 4527, srtext, proj4text FROM spatial_ref_sys"
        " WHERE srid = 4527 ON CONFLICT DO NOTHING",
        "CREATE TABLE health.own (g geometry)",
        "INSERT INTO health.own VALUES ('SRID=990001;POINT(39517000 4380000)')",
    )
    assert gis.read("health.own").crs == "EPSG:4527"


@pytest.mark.postgis
def test_postgis_may_stand_in_any_schema(gis: Gis) -> None:
    with gis.server.connect(dbname="postgres") as opened:
        opened.execute("CREATE DATABASE apart")
    with gis.server.connect(dbname="apart") as opened:
        opened.execute('CREATE SCHEMA "空间"')
        opened.execute('CREATE EXTENSION postgis SCHEMA "空间"')
        opened.execute('CREATE TABLE villages (id integer, g "空间".geometry)')
        opened.execute("INSERT INTO villages VALUES (1, '0101000020421100000000000000405D400000000000804340')")
    apart = Gis(gis.server, gis.declared.model_copy(update={"dbname": "apart"}))
    sheet = apart.read("public.villages")
    np.testing.assert_array_equal(sheet.points, [[117, 39]])
    assert sheet.crs == "EPSG:4418"


@pytest.mark.postgis
def test_several_columns_of_positions_are_named(gis: Gis) -> None:
    gis.server.run('CREATE TABLE health.two (id integer, "位置" geometry, "范围" geography)')
    refusal = gis.refusal("health.two")
    assert (refusal.what, refusal.details) == (FaultKind.RELATION_GEOMETRIES, {"columns": "位置, 范围"})


@pytest.mark.postgis
def test_several_reference_systems_in_a_column_are_named(gis: Gis) -> None:
    gis.server.run(
        "CREATE TABLE health.mixed (g geometry)",
        "INSERT INTO health.mixed VALUES ('SRID=4490;POINT(1 2)'), ('SRID=4326;POINT(1 2)'), (NULL)",
    )
    refusal = gis.refusal("health.mixed")
    assert (refusal.what, refusal.details) == (FaultKind.RELATION_SYSTEMS, {"systems": "4326, 4490"})


@pytest.mark.postgis
@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("health.vilages", "health.villages"),
        ("health.Villages", "health.villages"),
        ("villages", "health.villages"),
        ("Health.villages", "health.villages"),
        ("health.zzzz", "health.villages"),
    ],
)
def test_a_relation_that_is_not_there_is_told_with_those_near_it(gis: Gis, name: str, near: str) -> None:
    refusal = gis.refusal(name)
    assert (refusal.what, refusal.value, refusal.details) == (FaultKind.RELATION_MISSING, name, {"near": near})


@pytest.mark.postgis
@pytest.mark.parametrize(
    "name",
    ["", ".", "a\0b", "健康.村", "x" * 100, "pg_catalog.pg_authid", "pg_authid", "information_schema.tables"],
)
def test_nothing_is_read_that_is_no_planners_table(gis: Gis, name: str) -> None:
    assert gis.refusal(name).what == FaultKind.RELATION_MISSING


@pytest.mark.postgis
def test_a_long_name_is_not_cut_to_one_that_is_there(gis: Gis) -> None:
    gis.server.run(f"CREATE TABLE health.{'x' * 63} (id integer)")
    assert gis.read(f"health.{'x' * 63}").heading == ("id",)
    assert gis.refusal(f"health.{'x' * 64}").what == FaultKind.RELATION_MISSING


HOSTILE = 'x"; drop table health.villages; --'
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@pytest.mark.postgis
def test_a_name_that_is_a_command_is_only_a_name(gis: Gis) -> None:
    assert gis.refusal(HOSTILE).what == FaultKind.RELATION_MISSING
    table = sql.Identifier("health", HOSTILE)
    column = sql.Identifier(HOSTILE)
    gis.server.run(
        sql.SQL("CREATE TABLE {} ({} text)").format(table, column),
        sql.SQL("INSERT INTO {} VALUES ('甲')").format(table),
    )
    sheet = gis.read(f"health.{HOSTILE}")
    assert (sheet.heading, list(map(list, sheet.columns))) == ((HOSTILE,), [["甲"]])
    assert len(gis.read("health.villages").rows) == 3


@pytest.mark.postgis
@given(schema=NAMES, name=NAMES, column=NAMES, text=NAMES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_of_a_table_is_read_as_it_is(gis: Gis, schema: str, name: str, column: str, text: str) -> None:
    own, table = sql.Identifier(f"s{schema}"), sql.Identifier(f"s{schema}", name)
    gis.server.run(
        sql.SQL("CREATE SCHEMA {}").format(own),
        sql.SQL("CREATE TABLE {} ({} text)").format(table, sql.Identifier(column)),
        sql.SQL("INSERT INTO {} VALUES ({})").format(table, sql.Literal(text)),
    )
    try:
        sheet = gis.read(f"s{schema}.{name}")
    finally:
        gis.server.run(sql.SQL("DROP SCHEMA {} CASCADE").format(own))
    assert (sheet.heading, list(map(list, sheet.columns))) == ((column.strip(),), [[text]])


@pytest.mark.postgis
@pytest.mark.parametrize(
    "writes",
    [
        "INSERT INTO health.visitors VALUES (1); SELECT 1",
        "SELECT set_config('transaction_read_only', 'off', false); INSERT INTO health.visitors VALUES (1); SELECT 1",
    ],
)
def test_a_view_that_writes_is_stopped(gis: Gis, writes: str) -> None:
    gis.server.run(
        "CREATE TABLE health.visitors (n integer)",
        f"CREATE FUNCTION health.visit() RETURNS integer LANGUAGE sql VOLATILE AS $$ {writes} $$",
        "CREATE VIEW health.counted AS SELECT health.visit() AS n",
    )
    assert gis.refusal("health.counted").what == FaultKind.RELATION_WRITES
    with gis.server.connect() as opened:
        assert opened.execute("SELECT count(*) FROM health.visitors").fetchone() == (0,)
        # (The same view does write for one who may.)
        opened.execute("SELECT * FROM health.counted")
        assert opened.execute("SELECT count(*) FROM health.visitors").fetchone() == (1,)


@pytest.mark.postgis
def test_a_slow_view_ends_with_its_time(gis: Gis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "READ_SECONDS", 1)
    gis.server.run("CREATE VIEW health.slow AS SELECT pg_sleep(100)::text AS s")
    refusal = gis.refusal("health.slow")
    assert (refusal.what, refusal.details) == (FaultKind.RELATION_SLOW, {"seconds": 1})


@pytest.mark.postgis
def test_a_table_that_somebody_changes_is_waited_for_no_longer_than_that(
    gis: Gis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "READ_SECONDS", 1)
    with gis.server.connect(autocommit=False) as other:
        other.execute("LOCK TABLE health.villages")
        assert gis.refusal().what == FaultKind.RELATION_SLOW


@pytest.mark.postgis
def test_too_many_rows_are_refused_and_as_many_as_may_be_are_read(gis: Gis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MOST_ROWS", 3)
    assert len(gis.read("health.villages").rows) == 3
    monkeypatch.setattr(database, "MOST_ROWS", 2)
    refusal = gis.refusal()
    assert (refusal.what, refusal.details["rows"]) == (FaultKind.RELATION_LARGE, 2)


@pytest.mark.postgis
def test_a_row_as_large_as_a_file_is_refused(gis: Gis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MOST_BYTES", 1_000_000)
    gis.server.run("CREATE VIEW health.wide AS SELECT repeat('村', 100000) AS a FROM generate_series(1, 20)")
    refusal = gis.refusal("health.wide")
    assert (refusal.what, refusal.details["size"]) == (FaultKind.RELATION_LARGE, 1)


@pytest.mark.postgis
def test_an_error_inside_a_view_is_told_as_the_server_tells_it(gis: Gis) -> None:
    gis.server.run("CREATE VIEW health.broken AS SELECT 1 / (n - n) AS a FROM generate_series(1, 3) AS n")
    refusal = gis.refusal("health.broken")
    assert (refusal.what, refusal.details) == (FaultKind.RELATION_FAILED, {"reason": "division by zero (22012)"})


@pytest.mark.postgis
def test_a_connection_that_ends_in_the_middle_is_told(gis: Gis) -> None:
    gis.server.run("CREATE VIEW health.ending AS SELECT pg_terminate_backend(pg_backend_pid()) AS gone")
    refusal = gis.refusal("health.ending")
    assert (refusal.what, refusal.details) == (
        FaultKind.DATABASE_LOST,
        {"server": f"127.0.0.1:{gis.server.port}"},
    )


@pytest.mark.postgis
def test_text_that_is_in_no_declared_encoding_is_told(gis: Gis) -> None:
    with gis.server.connect(dbname="postgres") as opened:
        opened.execute("CREATE DATABASE old ENCODING 'SQL_ASCII' TEMPLATE template0")
    with gis.server.connect(dbname="old") as opened:
        opened.execute("CREATE TABLE villages (name text)")
        opened.execute("SET client_encoding = 'SQL_ASCII'")
        opened.execute(r"INSERT INTO villages VALUES (E'\264\363\325\305\327\257')")
    assert gis.refusal("villages", dbname="old").what == FaultKind.RELATION_ENCODING


@pytest.mark.postgis
def test_a_user_without_rights_is_told_which_are_needed(gis: Gis, monkeypatch: pytest.MonkeyPatch) -> None:
    gis.server.run(
        "DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD 'r'; EXCEPTION WHEN duplicate_object THEN END $$",
    )
    monkeypatch.setenv("PGPASSWORD", "r")
    refusal = gis.refusal(user="reader")
    assert (refusal.what, refusal.details) == (FaultKind.RELATION_REFUSED, {"user": "reader"})
    gis.server.run("GRANT USAGE ON SCHEMA health TO reader", "GRANT SELECT ON health.villages TO reader")
    reader = gis.declared.model_copy(update={"user": "reader"})
    assert len(read_relation(reader, "health.villages")[0].rows) == 3


@pytest.mark.postgis
@pytest.mark.parametrize("password", ["", CANARY])
def test_a_missing_or_wrong_password_is_told_with_where_it_belongs(
    gis: Gis, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("PGPASSWORD", password)
    refusal = gis.refusal()
    told = {"server": f"127.0.0.1:{gis.server.port}", "user": "keeper"}
    assert (refusal.what, refusal.details.items() >= told.items()) == (FaultKind.DATABASE_PASSWORD, True)
    for language in LANGUAGES:
        with speaking(language):
            assert "PGPASSWORD" in sentence(refusal)


@pytest.mark.postgis
def test_a_missing_database_is_told(gis: Gis) -> None:
    refusal = gis.refusal(dbname="没有")
    server = f"127.0.0.1:{gis.server.port}"
    assert (refusal.what, refusal.details) == (FaultKind.DATABASE_MISSING, {"server": server, "database": "没有"})


def sentence(refusal: Unreadable) -> str:
    return Problem(refusal.what, "district.toml", refusal.row, "", refusal.value, refusal.details).sentence()


def everything_said(refusal: Unreadable) -> str:
    """Return all that a program, a log or somebody who looks for a fault could show of a refusal."""
    trace = traceback.TracebackException.from_exception(refusal, capture_locals=True)
    with speaking("en"):
        return "\n".join([sentence(refusal), str(refusal), repr(refusal), repr(vars(refusal)), *trace.format()])


def nobody_is_left(gis: Gis) -> bool:
    """Tell whether no connection of ours is open, soon after."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'allocate'"
    with gis.server.connect() as opened:
        for _ in range(100):
            if opened.execute(query).fetchone() == (0,):
                return True
            time.sleep(0.05)
    return False


@pytest.mark.postgis
@pytest.mark.parametrize(
    ("relation", "other"),
    [
        ("health.nowhere", {}),
        ("health.ending", {}),
        ("health.broken", {}),
        ("health.loud", {}),
        ("health.villages", {"dbname": "nowhere"}),
        ("health.villages", {"user": "nobody"}),
        ("health.villages", {"port": 1}),
        ("health.villages", {"host": "nowhere.invalid"}),
        ("health.villages", {"sslmode": "require"}),
    ],
)
def test_a_password_is_in_nothing_that_a_refusal_says_and_no_connection_stays_open(
    gis: Gis, relation: str, other: dict[str, Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    gis.server.run(
        "CREATE VIEW health.ending AS SELECT pg_terminate_backend(pg_backend_pid()) AS gone",
        "CREATE VIEW health.broken AS SELECT 1 / (n - n) AS a FROM generate_series(1, 3) AS n",
        "CREATE FUNCTION health.shout() RETURNS int LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE 'postgres://u:{gis.server.password}@gis password = {gis.server.password}'; END $$",
        "CREATE VIEW health.loud AS SELECT health.shout()",
    )
    refusal = gis.refusal(relation, **other)
    assert (refusal.__cause__, refusal.__context__) == (None, None)
    said = everything_said(refusal)
    assert gis.server.password not in said + caplog.text + "".join(capfd.readouterr())
    assert nobody_is_left(gis)


@pytest.mark.postgis
def test_a_password_is_in_nothing_that_is_read_and_no_connection_stays_open(
    gis: Gis, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    read = repr(gis.read("health.villages")) + repr(gis.declared)
    assert gis.server.password not in read + caplog.text + "".join(capfd.readouterr())
    assert nobody_is_left(gis)


@pytest.mark.postgis
def test_a_password_comes_from_a_file_of_the_users_own(
    gis: Gis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PGPASSWORD")
    assert gis.refusal().what == FaultKind.DATABASE_PASSWORD
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:*:*:keeper:{gis.server.password}\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert len(gis.read("health.villages").rows) == 3


@pytest.mark.postgis
def test_a_service_names_server_and_password(gis: Gis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PGPASSWORD")
    file, server = tmp_path / "services", gis.server
    known = {"host": server.host, "port": server.port, "dbname": server.database, "user": server.user}
    lines = [f"{key}={value}" for key, value in {**known, "password": server.password}.items()]
    file.write_text("\n".join(["[卫健]", *lines, ""]), encoding="utf-8")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    assert len(read_relation(Connection(service="卫健"), "health.villages")[0].rows) == 3
    with pytest.raises(Unreadable) as caught:
        read_relation(Connection(service="other"), "health.villages")
    assert caught.value.what == FaultKind.DATABASE_UNREACHED
    assert "other" in str(caught.value.details["reason"])


@contextmanager
def pretending(answer: bytes) -> Iterator[tuple[Connection, list[bytes]]]:
    """Listen like a server, answer the first message by these bytes, and keep what comes next."""
    received: list[bytes] = []
    clients: list[socket.socket] = []

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            first = client.recv(4096)
            # (Requests to encrypt: no.)
            while len(first) == 8:
                client.sendall(b"N")
                first = client.recv(4096)
            client.sendall(answer)
            while more := client.recv(4096):
                received.append(more)

    def accept() -> None:
        with suppress(OSError):
            while True:
                clients.append(listening.accept()[0])
                threads.append(threading.Thread(target=serve, args=[clients[-1]]))
                threads[-1].start()

    threads = [threading.Thread(target=accept)]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads[0].start()
        try:
            yield Connection(host="127.0.0.1", port=listening.getsockname()[1], user="u", dbname="d"), received
        finally:
            # (Closing alone wakes nobody who waits for a call or a word.)
            for line in [listening, *clients]:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)


def refused_by(connection: Connection) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read_relation(connection, "health.villages")
    return caught.value


WANTS_TEXT = b"R" + struct.pack("!ii", 8, 3)
WELCOME = b"R" + struct.pack("!ii", 8, 0) + b"Z" + struct.pack("!i", 5) + b"I"


def test_a_server_that_wants_to_read_the_password_does_not_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", CANARY)
    monkeypatch.setattr(database, "CONNECT_SECONDS", 2)
    with pretending(WANTS_TEXT) as (connection, received):
        assert refused_by(connection).what == FaultKind.DATABASE_PLAIN
        assert CANARY.encode() not in b"".join(received)
        # (It would get it from one who allows that, so the test can fail.)
        monkeypatch.setenv("PGREQUIREAUTH", "password")
        assert refused_by(connection).what != FaultKind.DATABASE_PLAIN
    assert CANARY.encode() in b"".join(received)


# Says in the protocol's words what a server that has the password might say back.
ECHO = b"E" + struct.pack("!i", 8 + len(CANARY.encode())) + b"M" + CANARY.encode() + b"\0\0\0"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", FaultKind.DATABASE_UNREACHED, id="web"),
        pytest.param(b"\xff" * 64, FaultKind.DATABASE_UNREACHED, id="noise"),
        pytest.param(ECHO, FaultKind.DATABASE_UNREACHED, id="echo"),
        pytest.param(WELCOME + b"\0" * 64, FaultKind.DATABASE_UNREACHED, id="noise after the welcome"),
        pytest.param(WELCOME, FaultKind.RELATION_SLOW, id="silence after the welcome"),
    ],
)
def test_what_is_no_database_server_is_told_as_such(
    answer: bytes, what: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", CANARY)
    monkeypatch.setattr(database, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(database, "READ_SECONDS", 0)
    with pretending(answer) as (connection, _):
        refusal = refused_by(connection)
    assert refusal.what == what
    assert CANARY not in everything_said(refusal)


def test_a_server_that_never_answers_is_waited_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CONNECT_SECONDS", 2)
    with pretending(b"") as (connection, _):
        refusal = refused_by(connection)
    assert (refusal.what, refusal.details["server"]) == (
        FaultKind.DATABASE_UNREACHED,
        f"127.0.0.1:{connection.port}",
    )


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 70])
def test_a_server_of_no_such_name_is_told(host: str) -> None:
    refusal = refused_by(Connection(host=host, port=5433))
    assert (refusal.what, refusal.details["server"]) == (FaultKind.DATABASE_UNREACHED, f"{host}:5433")


def test_without_the_extra_part_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    refusal = refused_by(Connection(host="127.0.0.1"))
    assert (refusal.what, refusal.details) == (FaultKind.EXTRA_MISSING, {"extra": "postgis"})


def refused(table: object) -> str:
    """Return what a planner reads who declares a database in this way."""
    with pytest.raises(pydantic.ValidationError) as caught:
        Connection.model_validate(table)
    known = list(Connection.model_fields)
    problems = problems_of(caught.value, "district.toml", lambda _: known)
    assert CANARY not in str(caught.value)
    return "\n".join(problem.sentence() for problem in problems)


@pytest.mark.parametrize("key", ["host", "dbname", "user", "service", "sslmode", "port"])
@pytest.mark.parametrize(
    "value",
    [
        f"postgresql://u:{CANARY}@127.0.0.1/gis",
        f"host=127.0.0.1 password={CANARY}",
        f"u:{CANARY}@127.0.0.1/x",
        f"x' password='{CANARY}",
        f"/var/run/{CANARY}",
        f"..\\{CANARY}",
        f"{CANARY}\0",
        f"a,{CANARY}",
        "",
        "a b",
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_address_or_a_connection_string_is_no_name_and_is_not_repeated(
    key: str, value: str, language: Language
) -> None:
    with speaking(language):
        said = refused({key: value})
        assert say("reason.database_word", keys=key) in said
    assert CANARY not in said


@pytest.mark.parametrize("key", ["password", "Password", "passwd", "pwd", "passfile", "sslpassword"])
def test_a_password_in_the_card_is_refused_unseen_with_where_it_belongs(key: str) -> None:
    with speaking("en"):
        said = refused({"host": "127.0.0.1", key: CANARY})
    assert "PGPASSWORD" in said
    assert "~/.pgpass" in said
    assert CANARY not in said


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"hots": "gis"}, "host"),
        ({"port": 0}, "1"),
        ({"port": 70000}, "65535"),
        ({"sslmode": "always"}, "verify-full"),
        ({"service": "gis", "host": "other"}, "pg_service.conf"),
        ({"options": "-c"}, "dbname"),
        ([], ""),
    ],
)
def test_a_declaration_that_cannot_be_is_told_with_what_can(table: object, words: str) -> None:
    assert words in refused(table)


def test_a_declaration_may_be_empty_or_whole() -> None:
    assert Connection.model_validate({}).host is None
    whole = {"host": "::1", "port": 5432, "dbname": "规划", "user": "a@tenant", "sslmode": "require"}
    assert Connection.model_validate(whole).model_dump(exclude_none=True) == whole
