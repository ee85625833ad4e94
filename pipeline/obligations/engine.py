"""A connection pool for SQLite or PostgreSQL with the same promises: durable commits, enforced foreign keys, one writer at a time waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

BUSY_TIMEOUT_MS = 30_000
_WRITING = "assure_writing"


class StoreError(OSError):
    """The database cannot be used, or refuses; what was asked has not happened."""


def open_engine(url: str) -> Engine:
    """An engine for an SQLAlchemy URL; ``postgresql://`` means psycopg. The folder of an SQLite file is made. Nothing is connected yet.

    Raises ``ValueError`` for another kind of database or for SQLite in memory, which two connections cannot share.
    """
    target = _target(url)
    if target.get_backend_name() == "postgresql":
        return create_engine(target, pool_size=8, pool_pre_ping=True)
    Path(str(target.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(target, pool_size=8)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _target(url: str) -> URL:
    target = make_url(url)
    backend = target.get_backend_name()
    if backend == "postgresql":
        return target.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or target.database in {None, "", ":memory:"}:
        raise ValueError(f"the obligations store wants sqlite:///FILE or postgresql://USER@HOST/DATABASE, not {target.render_as_string()}")
    return target


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver is kept from opening transactions by itself: it would begin too late, and commit around DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: an upgrade from reader to writer cannot wait, it fails.
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads: all its answers are of one moment. Raises :class:`StoreError`."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with told_as_store_error(), engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; it is kept whole or not at all. Raises :class:`StoreError`."""
    with told_as_store_error(), engine.connect().execution_options(**{_WRITING: True}) as connection, connection.begin():
        yield connection


@contextmanager
def told_as_store_error() -> Iterator[None]:
    """Turn SQLAlchemy's errors into ours."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"the obligations store failed: {error}") from error


def lock(connection: Connection, name: str) -> None:
    """Let only one transaction at a time past this point for ``name``, until it ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"assure:{name}"})
