"""The embedded ClickHouse as a child process that a test may kill and start again, with the schema in it."""

import asyncio
import contextlib
import os
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline.config.secret import Secret
from pipeline.config.settings import HistorySettings
from pipeline.embedded.clickhouse.child import command, environment
from pipeline.embedded.clickhouse.engine_config import EngineConfig
from pipeline.store.client import Connection, StoreClient
from pipeline.store.packed import COLUMNS, Packed
from pipeline.store.row import rows_of
from pipeline.store.schema import migrate

START_WITHIN_S = 90.0
WORKER = Secret("write-me")
READER = Secret("read-me")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class HistoryProcess:
    """One engine on one folder and one port: ``start``, ``kill`` (SIGKILL), ``stop`` (SIGTERM), ``end_of_input``, ``restart``."""

    def __init__(self, data: Path, **changes: object) -> None:
        options: dict[str, object] = {"port": free_port(), "native_port": 0, "memory_bytes": 1_000_000_000, **changes}
        self.settings = HistorySettings(password=WORKER, viewer_password=READER, **options)  # type: ignore[arg-type]  # by field name
        self.data = data
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> EngineConfig:
        return EngineConfig.of(self.settings, self.data)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it is ready; fail with what it said."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command(self.config), stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **environment(self.config)}
        )
        assert self._process.stdout is not None
        line = _line(self._process.stdout.fileno())
        if not line.startswith(b"ready "):
            self._process.kill()
            raise AssertionError(f"no engine: {self._process.communicate()[1].decode(errors='replace')}")

    def restart(self) -> None:
        """Start again on the same folder and port."""
        self.start()

    def kill(self) -> None:
        """End it as the kernel's out-of-memory killer would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def stop(self) -> int:
        """End it by SIGTERM; returns its exit code."""
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=START_WITHIN_S)
        return self._process.returncode

    def end_of_input(self) -> int:
        """Close its standard input, as the parent's death does; returns its exit code."""
        assert self._process is not None
        self._process.communicate(timeout=START_WITHIN_S)
        return self._process.returncode

    def migrate(self) -> None:
        """Bring the schema in."""

        async def work() -> None:
            async with StoreClient.writer(self.settings) as client:
                await migrate(client, self.settings.database)

        with ThreadPoolExecutor(1) as thread:  # the caller may have an event loop of its own
            thread.submit(asyncio.run, work()).result()


def keep(connection: Connection, *values: Any, recorded_at_ms: int = 0) -> None:
    """Write values into the history as the sink does, each an insert of its own."""
    for value in values:
        for table, block in rows_of([value], recorded_at_ms).items():
            if isinstance(block, Packed):
                connection.insert_native(table, COLUMNS, block.native())
            else:
                connection.insert(table, block)


def _line(descriptor: int) -> bytes:
    deadline, data = time.monotonic() + START_WITHIN_S, b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not data.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
            if selector.select(left):
                chunk = os.read(descriptor, 4096)
                if not chunk:
                    break
                data += chunk
    return data


@contextlib.contextmanager
def embedded_history(data: Path, **changes: object) -> Iterator[HistoryProcess]:
    """A ready engine with the schema in it, for the length of the block. ``changes`` are fields of ``HistorySettings``."""
    history = HistoryProcess(data, **changes)
    try:
        history.start()
        history.migrate()
        yield history
    finally:
        history.kill()
