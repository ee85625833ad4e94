"""Obligations stores for tests: the same test runs on SQLite and, where there is one, on a real PostgreSQL."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.obligations import Obligations

_PLACES = ("/usr/local/bin", "/usr/bin", *(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
_SKIP = "wants PostgreSQL: set ASSURE_TEST_POSTGRES=postgresql://USER@HOST/DATABASE, or apt-get install postgresql"

STORES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgres))
"""Parameters for a fixture that wants each kind of store."""


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(_PLACES))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root: another user does it then."""
    return "nobody" if os.geteuid() == 0 else None


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    user, data = _server_user(), folder / "data"
    if user:
        shutil.chown(folder, user)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user, "cwd": folder}
    initdb = [_program("initdb"), "-D", data, "-U", "assure", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, **quiet)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off", "-p", str(port)]
    return subprocess.Popen([_program("postgres"), "-D", data, *options], **quiet)


def _wait_until_up(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL's maintenance database: the one named by the environment, or one of our own for this session."""
    named = os.environ.get("ASSURE_TEST_POSTGRES", "")
    if named:
        yield named
        return
    if not (_program("initdb") and _program("postgres")):
        pytest.skip(_SKIP)
    folder = Path(tempfile.mkdtemp(prefix="assure-pg-"))
    port = _free_port()
    server = _start(folder, port)
    try:
        url = f"postgresql://assure@127.0.0.1:{port}/postgres"
        _wait_until_up(url)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(folder)


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'obligations.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"assure_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(store_url: str) -> Iterator[Obligations]:
    """An open store of each kind."""
    with Obligations(store_url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Obligations]:
    """An open SQLite store, for tests that are not about the store."""
    with Obligations(f"sqlite:///{tmp_path / 'obligations.db'}") as opened:
        yield opened
