"""A PostgreSQL server with PostGIS of the tests' own: made in a temporary folder, stopped in every case."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ABSENT = (
    "!!! NO POSTGIS: the tests that read from a real server are SKIPPED. "
    "Install it: apt-get install postgresql postgresql-postgis"
)
# Waits until its input is closed, in every case that is when the tests end, and stops the server.
UNTIL_CLOSED = '"$@" & server=$!; read -r _; kill -INT "$server"; wait "$server"'


@dataclass(frozen=True)
class Postgis:
    """A running server on this computer alone, with one database that has PostGIS.

    Attributes
    ----------
    password
        Of `user`, who may do everything there.
    """

    port: int
    password: str = field(repr=False)
    host: str = "127.0.0.1"
    user: str = "keeper"
    database: str = "规划"

    def connect(self, **other: Any) -> Any:
        """Open a connection as the keeper of the database, or as `other` says."""
        import psycopg

        told = {"host": self.host, "port": self.port, "dbname": self.database, "connect_timeout": 5}
        return psycopg.connect(**{**told, "user": self.user, "password": self.password, "autocommit": True} | other)

    def run(self, *statements: Any) -> None:
        """Run statements as the keeper."""
        with self.connect() as opened:
            for statement in statements:
                opened.execute(statement)


def programs() -> Iterator[Path]:
    """Yield the folders of servers that are installed here, the newest of Debian's first."""
    debian = (path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit())
    found = sorted(debian, key=lambda path: -int(path.parent.name))
    on_path = shutil.which("initdb")
    for folder in [*found, *([Path(on_path).resolve().parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            yield folder


def unprivileged() -> dict[str, Any]:
    """Return as whom a program starts: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(folder: Path) -> Iterator[Postgis | None]:
    """Run a server for a while; None where this one has no PostGIS."""
    import psycopg

    owner = unprivileged()
    # (Not in pytest's own folder: that is closed to everybody else.)
    with tempfile.TemporaryDirectory(prefix="allocate-postgis-", ignore_cleanup_errors=True) as name:
        home, server = Path(name), Postgis(free_port(), secrets.token_hex(12))
        word = home / "word"
        word.write_text(server.password, encoding="utf-8")
        if owner:
            for path in (home, word):
                os.chown(path, owner["user"], owner["group"])
        made = subprocess.run(
            [
                *(folder / "initdb", "--pgdata", home / "data", "--encoding=UTF8", "--locale=C", "--no-sync"),
                *("--auth=scram-sha-256", f"--username={server.user}", f"--pwfile={word}"),
            ],
            **owner,
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert made.returncode == 0, made.stderr
        log = home / "log"
        with log.open("wb") as written:
            started = subprocess.Popen(
                [
                    *("/bin/sh", "-c", UNTIL_CLOSED, "sh", folder / "postgres", "-D", home / "data"),
                    *("-h", server.host, "-p", str(server.port), "-k", "", "-F"),
                ],
                **owner,
                cwd=home,
                stdin=subprocess.PIPE,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    with server.connect(dbname="postgres") as opened:
                        has = opened.execute("SELECT FROM pg_available_extensions WHERE name = 'postgis'").fetchone()
                        opened.execute(f'CREATE DATABASE "{server.database}"')
                    break
                except psycopg.OperationalError:
                    assert time.monotonic() < end, log.read_text(encoding="utf-8", errors="replace")
                    time.sleep(0.05)
            if has is None:
                yield None
            else:
                server.run("CREATE EXTENSION postgis")
                yield server
        finally:
            assert started.stdin is not None
            started.stdin.close()
            try:
                started.wait(60)
            except subprocess.TimeoutExpired:
                # (The server notices within a minute that its folder is gone.)
                started.kill()
                started.wait(10)


@pytest.fixture(scope="session")
def postgis() -> Iterator[Postgis]:
    for folder in programs():
        with serving(folder) as server:
            if server is not None:
                yield server
                return
    if os.environ.get("ALLOCATE_NEED_POSTGIS") == "1" or os.environ.get("CI") == "true":
        pytest.fail(ABSENT)
    pytest.skip(ABSENT)
