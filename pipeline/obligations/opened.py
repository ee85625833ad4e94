"""An open database of obligations: what each part of the store works on."""

from types import TracebackType
from typing import Self

from sqlalchemy import Engine, text

from pipeline.obligations.engine import open_engine, reading, told_as_store_error
from pipeline.obligations.migrate import upgrade_engine


class OpenedStore:
    """A database behind an SQLAlchemy URL (SQLite file or PostgreSQL).

    Entering it brings the schema up to date and opens the pool. Methods are synchronous, may be called from any thread, and raise
    ``StoreError`` (an ``OSError``) when the database cannot be used. Times are UTC nanoseconds.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: Engine | None = None

    def __enter__(self) -> Self:
        self._opened = open_engine(self._url)
        with told_as_store_error():
            upgrade_engine(self._opened)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._engine.dispose()
        self._opened = None

    @property
    def _engine(self) -> Engine:
        if self._opened is None:
            raise RuntimeError("the obligations store is not open; use it in a with statement")
        return self._opened

    def ping(self) -> None:
        """Ask the database for an answer; raises its error when there is none."""
        with reading(self._engine) as connection:
            connection.execute(text("SELECT 1"))
