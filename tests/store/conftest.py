"""One embedded engine for all tests of the store that do not kill it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from pipeline.store.client import StoreClient
from tests.support.history import HistoryProcess, embedded_history


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    with embedded_history(tmp_path_factory.mktemp("history")) as running:
        yield running


@pytest.fixture
async def client(history: HistoryProcess) -> AsyncIterator[StoreClient]:
    """The writer, on tables emptied for this test."""
    async with StoreClient.writer(history.settings) as writer:
        for row in await writer.rows("SELECT name FROM system.tables WHERE database = 'assure' AND engine LIKE '%MergeTree'"):
            if row["name"] != "schema_migration":
                await writer.command(f"TRUNCATE TABLE `{row['name']}`")
        yield writer
