"""Reads one table or view of a PostGIS database, by one SELECT that can change nothing."""

import hashlib
import json
import math
import os
import re
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pydantic
import shapely
from numpy.typing import NDArray

from allocate.errors import without_secrets
from allocate.fault_kinds import FaultKind
from allocate.files.shapes import crs_of, from_wkb, ordered, places
from allocate.files.sheet import MEGABYTE, Raw, Sheet, Spotted, Unreadable
from allocate.files.text import MOST_BYTES
from allocate.words import say

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

MOST_ROWS = 1_000_000
# How long a server may take to answer at all, and to give every row [s].
CONNECT_SECONDS = 10
READ_SECONDS = 60

# Neither addresses nor connection strings, which can hold a password and name another server than the one that is read.
_PLAIN = re.compile(r"[^\s\x00-\x1f\x7f=/\\'\"`@,;]+")
_USER = re.compile(r"[^\s\x00-\x1f\x7f=/\\'\"`,;]+")
_PASSWORD_KEY = re.compile("pass|pwd|secret", re.IGNORECASE)
# Before a user is known a server gives no codes, only words. (In another language the reason is told as it stands.)
_NO_DATABASE = re.compile('database ".*" does not exist')
_BEFORE_REASON = re.compile(r"(?:connection to server .*? failed: )?(?:[A-Z]+: +)?")
_READABLE = re.compile(r"authentication method requirement")
_NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8")
_SHAPES = ("geometry", "geography")
# A midnight is the day that it begins.
_MIDNIGHT = re.compile(r" 00:00:00(\+08)?$")
# What a number of a spreadsheet, or a float, holds exactly.
_EXACT_DIGITS = 15
# How many names a message gives.
_SAID = 5

_RELATIONS = """
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
# A schema and a dot may stand before the name, or the name alone where the user's search path leads to it. (No text is
# taken apart: a name may hold dots and quotes.)
_FIND = f"""
SELECT c.oid, n.nspname::text, c.relname::text {_RELATIONS}
AND (n.nspname || '.' || c.relname = %(name)s OR c.relname::text = %(name)s AND pg_catalog.pg_table_is_visible(c.oid))
ORDER BY c.relname::text = %(name)s, n.nspname LIMIT 1
"""
_NAMES = f"SELECT n.nspname || '.' || c.relname {_RELATIONS} ORDER BY 1 LIMIT 10000"
# (Rows of tables that inherit from one another may have the same key.)
_COLUMNS = """
SELECT a.attname::text,
    CASE coalesce(b.typtype, t.typtype) WHEN 'b' THEN coalesce(b.typname, t.typname)::text ELSE '' END,
    coalesce(bn.nspname, tn.nspname)::text, a.attcollation <> 0,
    pg_catalog.array_position(i.indkey::int2[], a.attnum)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_namespace AS bn ON bn.oid = b.typnamespace
LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
    AND (c.relkind = 'p' OR NOT c.relhassubclass)
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_SYSTEM = """
SELECT CASE WHEN auth_name = 'EPSG' THEN 'EPSG:' || auth_srid ELSE srtext END FROM {}.spatial_ref_sys WHERE srid = {}
"""
# How values are written as text, whatever the server's own habit is. (China has one time: a moment that was entered as
# a date must not fall on the day before.)
_WRITTEN = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Shanghai",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}


class Connection(pydantic.BaseModel):
    """A database as a table of [databases] in district.toml declares it, in libpq's own words.

    What is left out libpq takes from where it always does; the password never comes from here.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    host: str | None = None
    port: int | None = pydantic.Field(default=None, ge=1, le=65535)
    dbname: str | None = None
    user: str | None = None
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = None
    service: str | None = None

    # The table is judged as a whole: a fault of one key is shown with its value, which may hold a password.
    @pydantic.model_validator(mode="before")
    @classmethod
    def _holds_no_secret(cls, table: object) -> object:
        if not isinstance(table, Mapping):
            return table
        if any(_PASSWORD_KEY.search(str(key)) for key in table):
            raise ValueError(say("reason.database_password"))
        spoilt = [
            str(key)
            for key, value in table.items()
            if isinstance(value, str) and not (_USER if key == "user" else _PLAIN).fullmatch(value)
        ]
        if spoilt:
            raise ValueError(say("reason.database_word", keys=", ".join(spoilt)))
        # A service may hold a password: it must not go to another server than its own.
        if "service" in table and table.keys() & {"host", "port", "sslmode"}:
            raise ValueError(say("reason.database_service"))
        return table


@dataclass(frozen=True)
class _Column:
    """A column of a relation.

    Attributes
    ----------
    kind, kind_schema
        Its type, or what its domain is made of, and the schema of that; empty where it is composed of others.
    collated
        Whether its values are sorted by a language's habits.
    key
        Which part of the primary key it is; None where it is none.
    """

    name: str
    kind: str
    kind_schema: str
    collated: bool
    key: int | None


@dataclass(frozen=True)
class _Relation:
    """A table or view, as the catalogue of its database has it."""

    schema: str
    name: str
    columns: tuple[_Column, ...]


@dataclass(frozen=True)
class _Server:
    """What may be said of a connection, and the password that may not."""

    address: str
    user: str
    database: str
    password: str = field(repr=False)

    def clean(self, text: str) -> str:
        """Return a message's first line without anything secret."""
        line = next(iter(text.strip().splitlines()), "")
        for secret in {self.password, os.environ.get("PGPASSWORD", "")} - {""}:
            line = line.replace(secret, "…")
        return without_secrets(line).rstrip(".。 ")[:300] or "—"


def read_relation(connection: Connection, relation: str) -> tuple[Sheet, str]:
    """Return a table or view of a database, and the SHA-256 of what was read of it.

    Rows are numbered from 1 by the order of the primary key; without one, of the text of all columns.

    Raises
    ------
    Unreadable
        Whatever is in the way; it holds nothing of a password.
    """
    found = _attempt(connection, relation)
    if isinstance(found, Unreadable):
        # (Not where psycopg failed: what psycopg raised holds the password, and would go along as the context.)
        raise found
    return found


def _attempt(connection: Connection, relation: str) -> tuple[Sheet, str] | Unreadable:
    """Return what was read, or why it could not be."""
    try:
        import psycopg
    except ImportError:
        return Unreadable(FaultKind.EXTRA_MISSING, extra="postgis")
    try:
        opened = psycopg.connect(**_arguments(connection))
    # (Python itself refuses a name that can be no computer's.)
    except (psycopg.Error, UnicodeError) as error:
        return _unreached(error, connection)
    with closing(opened):
        info = opened.info
        server = _Server(f"{info.host}:{info.port}", info.user, info.dbname, info.password)
        # (That a statement ends in time is the server's own promise.)
        seconds = READ_SECONDS + CONNECT_SECONDS
        late = threading.Event()
        watch = threading.Timer(seconds, _hang_up, [opened, late])
        watch.start()
        try:
            return _read(opened, relation)
        except Unreadable as error:
            return error.with_traceback(None)
        except (psycopg.Error, UnicodeError) as error:
            if late.is_set():
                return Unreadable(FaultKind.RELATION_SLOW, value=relation, seconds=seconds)
            return _failed(error, server, relation)
        finally:
            watch.cancel()
            watch.join()


def _hang_up(opened: "psycopg.Connection[Any]", late: threading.Event) -> None:
    """End the line to a server that hangs, so that whoever waits for it goes on."""
    import psycopg

    late.set()
    # (It may have ended by itself in this very moment.)
    with suppress(psycopg.Error, OSError):
        line = socket.socket(fileno=opened.fileno())
        try:
            line.shutdown(socket.SHUT_RDWR)
        finally:
            # (It is still psycopg's to close.)
            line.detach()


def _arguments(connection: Connection) -> dict[str, Any]:
    """Return what libpq is told: the planner's own words, and how long to wait."""
    from psycopg import pq

    told = {
        **connection.model_dump(exclude_none=True),
        "connect_timeout": CONNECT_SECONDS,
        # A server that is gone in the middle is noticed.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        "client_encoding": "UTF8",
        "application_name": "allocate",
        # (A pool that stands before the server may give every transaction another session.)
        "prepare_threshold": None,
    }
    # A folder that came from somebody else may name any server; one that does not prove its name gets no password that
    # it could read.
    proven = (connection.sslmode or os.environ.get("PGSSLMODE", "")).startswith("verify")
    if connection.host and not proven and "PGREQUIREAUTH" not in os.environ and pq.version() >= 160000:
        told["require_auth"] = "!password"
    return told


def _unreached(error: Exception, connection: Connection) -> Unreadable:
    """Say why there is no connection."""
    # (Made only after names were looked up.)
    tried = getattr(error, "pgconn", None)
    if tried is None:
        address = f"{connection.host}:{connection.port}" if connection.port else str(connection.host or "—")
        server = _Server(address, connection.user or "—", connection.dbname or "—", "")
        return Unreadable(FaultKind.DATABASE_UNREACHED, server=server.address, reason=server.clean(str(error)))
    host, port, user, database, password = (
        (part or b"").decode(errors="replace")
        for part in (tried.host, tried.port, tried.user, tried.db, tried.password)
    )
    server = _Server(f"{host}:{port}", user or "—", database or "—", password)
    said = tried.error_message.decode(errors="replace")
    reason = server.clean(_BEFORE_REASON.sub("", said))
    if _NO_DATABASE.search(said):
        return Unreadable(FaultKind.DATABASE_MISSING, server=server.address, database=server.database)
    if "require_auth" in _arguments(connection) and _READABLE.search(said):
        return Unreadable(FaultKind.DATABASE_PLAIN, server=server.address)
    if tried.needs_password or (tried.used_password and f'"{server.user}"' in said):
        return Unreadable(FaultKind.DATABASE_PASSWORD, server=server.address, user=server.user, reason=reason)
    return Unreadable(FaultKind.DATABASE_UNREACHED, server=server.address, reason=reason)


def _failed(error: Exception, server: _Server, relation: str) -> Unreadable:
    """Say why a relation could not be read although its server was reached."""
    state = getattr(error, "sqlstate", None) or ""
    if isinstance(error, UnicodeError) or state in ("22021", "22P05"):
        return Unreadable(FaultKind.RELATION_ENCODING, value=relation)
    match state:
        case "57014":
            return Unreadable(FaultKind.RELATION_SLOW, value=relation, seconds=READ_SECONDS)
        case "25001" | "25006":
            return Unreadable(FaultKind.RELATION_WRITES, value=relation)
        case "42501":
            return Unreadable(FaultKind.RELATION_REFUSED, value=relation, user=server.user)
        case "" | "57P01" | "57P02" | "57P03":
            return Unreadable(FaultKind.DATABASE_LOST, value=relation, server=server.address)
    reason = f"{server.clean(str(error))} ({state})"
    return Unreadable(FaultKind.RELATION_FAILED, value=relation, reason=reason)


def _read(opened: "psycopg.Connection[Any]", name: str) -> tuple[Sheet, str]:
    """Read a relation in one transaction that sees one state of the database and can change nothing."""
    from psycopg import IsolationLevel

    opened.read_only = True
    opened.isolation_level = IsolationLevel.REPEATABLE_READ
    for setting, value in {"statement_timeout": str(1000 * READ_SECONDS), **_WRITTEN}.items():
        opened.execute("SELECT pg_catalog.set_config(%s, %s, true)", [setting, value])
    relation = _find(opened, name)
    shapes = [column for column in relation.columns if column.kind in _SHAPES]
    if len(shapes) > 1:
        columns = ", ".join(column.name for column in shapes)
        raise Unreadable(FaultKind.RELATION_GEOMETRIES, value=name, columns=columns)
    texts, checksum = _texts(opened, relation, name)
    cells = dict(zip(relation.columns, texts, strict=True))
    points, crs = None, ""
    spotted: tuple[Spotted, ...] = ()
    for column in shapes:
        points, crs, spotted = _points(opened, column, cells.pop(column), name)
    sheet = Sheet(
        heading=tuple(column.name.strip() for column in cells),
        columns=tuple([_value(text, column.kind) for text in texts] for column, texts in cells.items()),
        rows=range(1, len(texts[0]) + 1 if texts else 1),
        heading_row=0,
        points=points,
        crs=crs,
        spotted=spotted,
    )
    return sheet, checksum


def _find(opened: "psycopg.Connection[Any]", name: str) -> _Relation:
    """Return what a planner's name of a relation stands for."""
    # (What no name can hold, PostgreSQL does not even look for.)
    found = None if "\0" in name else opened.execute(_FIND, {"name": name}).fetchone()
    if found is None:
        raise Unreadable(FaultKind.RELATION_MISSING, value=name, near=", ".join(_near(opened, name)) or "—")
    number, schema, own = found
    return _Relation(schema, own, tuple(_Column(*row) for row in opened.execute(_COLUMNS, [number])))


def _near(opened: "psycopg.Connection[Any]", name: str) -> Sequence[str]:
    """Return a few relations that may be meant: of the same or a similar name, else of the same schema."""
    names = [row[0] for row in opened.execute(_NAMES)]
    schema, _, own = name.rpartition(".")
    same = [other for other in names if other.endswith(f".{own}")]
    alike = get_close_matches(name, names, _SAID)
    return (list(dict.fromkeys([*same, *alike])) or [other for other in names if other.startswith(f"{schema}.")])[
        :_SAID
    ]


def _select(relation: _Relation) -> "sql.Composed":
    """Return the one SELECT: every column as text, in an order that stays."""
    from psycopg import sql

    own = {column: sql.SQL("t.{}").format(sql.Identifier(column.name)) for column in relation.columns}
    texts = {column: sql.SQL("{}::text").format(name) for column, name in own.items()}
    keys = sorted((column for column in relation.columns if column.key is not None), key=lambda column: column.key or 0)
    by_code = sql.SQL('{} COLLATE pg_catalog."C"')
    order = [by_code.format(own[column]) if column.collated else own[column] for column in keys]
    return sql.SQL("SELECT {} FROM {} AS t ORDER BY {} LIMIT {}").format(
        sql.SQL(", ").join(texts.values()),
        sql.Identifier(relation.schema, relation.name),
        sql.SQL(", ").join(order or [by_code.format(text) for text in texts.values()]),
        sql.Literal(MOST_ROWS + 1),
    )


def _texts(opened: "psycopg.Connection[Any]", relation: _Relation, name: str) -> tuple[list[list[str | None]], str]:
    """Return the text of every cell, column by column, and the sum of the names and all rows."""
    texts: list[list[str | None]] = [[] for _ in relation.columns]
    total = hashlib.sha256(_line([column.name for column in relation.columns]))
    if not relation.columns:
        return texts, total.hexdigest()
    size = 0
    with opened.cursor() as cursor:
        for number, row in enumerate(cursor.stream(_select(relation)), start=1):
            line = _line(row)
            size += len(line)
            if number > MOST_ROWS or size > MOST_BYTES:
                megabytes = MOST_BYTES // MEGABYTE
                raise Unreadable(FaultKind.RELATION_LARGE, value=name, rows=MOST_ROWS, size=megabytes)
            total.update(line)
            for column, text in zip(texts, row, strict=True):
                column.append(text)
    return texts, total.hexdigest()


def _line(cells: Sequence[str | None]) -> bytes:
    """Return cells as a line that says the same on every computer."""
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _value(text: str | None, kind: str) -> Raw:
    """Return the value of a cell by its column's type.

    >>> _value("12.00", "numeric"), _value("12.5", "float8"), _value("true", "bool"), _value("007", "text")
    (12, 12.5, 'TRUE', '007')
    """
    if text is None:
        return None
    if kind == "bool":
        return text.upper()
    if kind in ("timestamp", "timestamptz"):
        return _MIDNIGHT.sub("", text)
    return _number(text) if kind in _NUMBERS else text


def _number(text: str) -> int | float | str:
    """Return a number; a code too long for one, and what is none (NaN, Infinity), stay as they stand.

    >>> _number("12.00"), _number("120115001001000001"), _number("NaN")
    (12, '120115001001000001', 'NaN')
    """
    if re.fullmatch(r"-?\d+", text):
        return int(text) if len(text) <= _EXACT_DIGITS else text
    number = float(text)
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and abs(number) < 10**_EXACT_DIGITS else number


def _points(
    opened: "psycopg.Connection[Any]", column: _Column, texts: Sequence[str | None], name: str
) -> tuple[NDArray[np.float64], str, tuple[Spotted, ...]]:
    """Return where each row stands, what these coordinates are, and what was found.

    The text of a geometry in PostGIS is its extended well-known binary in hexadecimal digits.
    """
    shapes, broken = from_wkb([None if text is None else bytes.fromhex(text) for text in texts])
    numbers = sorted({int(number) for number in shapely.get_srid(shapes[~shapely.is_missing(shapes)])})
    if len(numbers) > 1:
        raise Unreadable(FaultKind.RELATION_SYSTEMS, value=name, systems=", ".join(map(str, numbers)))
    points, found = places(shapes)
    crs, unknown = crs_of(_system(opened, column.kind_schema, numbers[0]) if numbers else "")
    return points, crs, ordered((*unknown, *broken, *found))


def _system(opened: "psycopg.Connection[Any]", schema: str, number: int) -> str:
    """Return the code, or the text, of what the database has under its number of a reference system; 0 is none."""
    from psycopg import sql

    if not number:
        return ""
    found = opened.execute(sql.SQL(_SYSTEM).format(sql.Identifier(schema), sql.Literal(number))).fetchone()
    return found[0] if found and found[0] else f"EPSG:{number}"
