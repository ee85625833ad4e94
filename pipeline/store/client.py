"""ClickHouse over HTTP, as the writer and as the reader; the same for the embedded engine and for a server."""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from pipeline.config.secret import Secret
from pipeline.config.settings import HistorySettings

VIEWER = "viewer"
Row = dict[str, Any]
Columns = dict[str, list[Any]]
T = TypeVar("T")

_TICKS = {"DateTime64": "int", "DateTime": "int"}
_INSERT_SETTINGS: dict[str, Any] = {
    "async_insert": 0,  # the answer comes when the rows are in
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,  # else a retry doubles the roll-ups
    "throw_on_max_partitions_per_insert_block": 0,  # a replay of months is no error
}


def _with_token(token: str) -> dict[str, Any]:
    return _INSERT_SETTINGS | ({"insert_deduplication_token": token} if token else {})


class StoreError(OSError):
    """ClickHouse could not be reached or refused a statement; the text is one line, without secrets."""


class Connection:
    """One user's connection, blocking and safe to share between threads.

    Opened on first use, since opening asks the server for its settings; one that failed is tried again by the next call.
    """

    def __init__(self, settings: HistorySettings, *, user: str, password: Secret, timeout_s: int = 60) -> None:
        self._settings = settings
        self._user = user
        self._password = password
        self._timeout_s = timeout_s
        self._client: Client | None = None
        self._types: dict[str, list[str]] = {}
        self._opening = threading.Lock()

    @classmethod
    def writer(cls, settings: HistorySettings) -> Self:
        """The user that owns the schema and inserts."""
        return cls(settings, user=settings.user, password=settings.password)

    @classmethod
    def viewer(cls, settings: HistorySettings) -> Self:
        """The user that only reads; with no viewer password configured, the owner."""
        if not settings.viewer_password:
            return cls.writer(settings)
        return cls(settings, user=VIEWER, password=settings.viewer_password, timeout_s=35)

    def close(self) -> None:
        """Give the sockets back. The connection may be used again."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None, *, ticks: bool = False) -> list[Row]:
        """Run a query and return its rows by column name. Values go in as ``{name:Type}`` parameters. Raises ``StoreError``.

        With ``ticks`` a time comes as an integer in the unit of its column (nanoseconds for ``DateTime64(9)``); a ``datetime`` has no
        nanoseconds.
        """
        formats = _TICKS if ticks else {}
        return self._call(lambda client: list(client.query(sql, parameters=dict(parameters or {}), query_formats=formats).named_results()))

    def stream(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Sequence[Any]]:
        """Run a query and give its rows as they come, values in the order of its columns: for answers that are too large for memory.

        Other calls may be made meanwhile. Raises ``StoreError``, while rows are taken too.
        """
        blocks = self._call(lambda client: client.query_row_block_stream(sql, parameters=dict(parameters or {})))
        with blocks:
            while (block := self._call(lambda _: next(blocks, None))) is not None:
                yield from block

    def command(self, sql: str, *, in_database: bool = True) -> None:
        """Run a statement that returns nothing. Raises ``StoreError``."""
        self._call(lambda client: client.command(sql, use_database=in_database))

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], *, token: str = "") -> None:
        """Insert columns of equal length as one block. The same ``token`` adds the rows once, also in every roll-up fed by the table.

        Raises ``StoreError``; the rows may then be in, partly in or not in, and the same call again settles it.
        """
        names = list(columns)
        settings = _with_token(token)

        def run(client: Client) -> None:
            types = self._types_of(client, table, names)
            data = list(columns.values())
            client.insert(table, data, column_names=names, column_type_names=types, column_oriented=True, settings=settings)

        self._call(run)

    def insert_native(self, table: str, names: Sequence[str], block: bytes, *, token: str = "") -> None:
        """Insert one block of ClickHouse's Native format; otherwise as :meth:`insert`."""
        settings = _with_token(token)
        self._call(lambda client: client.raw_insert(table, list(names), block, settings=settings, fmt="Native"))

    def _types_of(self, client: Client, table: str, names: Sequence[str]) -> list[str]:
        known = self._types.get(table)
        if known is None:
            found = {row["name"]: row["type"] for row in client.query(f"DESCRIBE TABLE `{table}`").named_results()}
            known = self._types[table] = [found[name] for name in names]
        return known

    def _call(self, work: Callable[[Client], T]) -> T:
        try:
            return work(self._client or self._open())
        except (ClickHouseError, OSError) as error:
            raise StoreError(f"ClickHouse at {self._settings.host}:{self._settings.port}: {_first_line(error)}") from error

    def _open(self) -> Client:
        with self._opening:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Client:
        settings = self._settings
        for library in ("urllib3.connectionpool", "clickhouse_connect"):
            logging.getLogger(library).setLevel(logging.ERROR)  # each failure is raised as a StoreError: a second line says nothing new
        client = clickhouse_connect.get_client(
            host=settings.host,
            port=settings.port,
            username=self._user,
            password=self._password.reveal(),
            secure=settings.secure,
            interface="https" if settings.secure else "http",
            compress=not settings.host.startswith("127."),
            connect_timeout=5,
            send_receive_timeout=self._timeout_s,
            query_retries=0,
            autogenerate_session_id=False,
            dedicated_pool=True,
        )
        client.database = settings.database  # afterwards, since it need not exist yet when the client asks for its settings
        return client


def _first_line(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    system_error = re.search(r"\[Errno \d+\] ([^'\")]+)", line)
    return system_error[1] if system_error else line.rpartition("server response: ")[2][:400]


class StoreClient:
    """A :class:`Connection` for the event loop: each call in a thread of its own, so that a slow query holds up nobody."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def writer(cls, settings: HistorySettings) -> Self:
        """The user that owns the schema and inserts."""
        return cls(Connection.writer(settings))

    @classmethod
    def viewer(cls, settings: HistorySettings) -> Self:
        """The user that only reads."""
        return cls(Connection.viewer(settings))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._connection.close)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Let ``work`` use the connection in a thread, for what takes many calls."""
        return await asyncio.to_thread(work, self._connection)

    async def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """As :meth:`Connection.rows`."""
        return await asyncio.to_thread(self._connection.rows, sql, parameters)

    async def command(self, sql: str, *, in_database: bool = True) -> None:
        """As :meth:`Connection.command`."""
        await asyncio.to_thread(self._connection.command, sql, in_database=in_database)

    async def insert(self, table: str, columns: Mapping[str, Sequence[Any]], *, token: str = "") -> None:
        """As :meth:`Connection.insert`."""
        await asyncio.to_thread(self._connection.insert, table, columns, token=token)

    async def insert_native(self, table: str, names: Sequence[str], block: bytes, *, token: str = "") -> None:
        """As :meth:`Connection.insert_native`."""
        await asyncio.to_thread(self._connection.insert_native, table, names, block, token=token)


async def wait_until_up(client: StoreClient, *, within_s: float) -> None:
    """Return when ClickHouse answers. Raises ``StoreError`` with its last words after ``within_s`` seconds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        try:
            await client.rows("SELECT 1 AS one")
        except StoreError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return
