"""What every set of queries is: a connection as the user who may only read, closed at the end."""

from types import TracebackType
from typing import Self

from pipeline.config.settings import HistorySettings
from pipeline.store.client import Connection


class Reader:
    """Reads as the user who may only read. Every query raises ``StoreError`` (an ``OSError``) when the store does not answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def of(cls, settings: HistorySettings) -> Self:
        """Queries on the store of these settings; nothing is connected before the first question."""
        return cls(Connection.viewer(settings))

    @property
    def connection(self) -> Connection:
        """For whoever reads beside these queries, and is closed with them."""
        return self._connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()
