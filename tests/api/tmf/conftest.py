"""The TM Forum APIs on fakes, asked over real HTTP on loopback."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pipeline.api.server import Console
from pipeline.config.settings import ApiSettings
from tests.support.console import Client
from tests.support.fake_northbound import FakeNorthbound
from tests.support.fake_operating import FakeOperating
from tests.support.fake_reading import FakeReading
from tests.support.tmf_api import Start


@pytest.fixture
def northbound() -> FakeNorthbound:
    return FakeNorthbound()


@pytest.fixture
def operating() -> FakeOperating:
    return FakeOperating()


@pytest.fixture
async def start(northbound: FakeNorthbound, operating: FakeOperating) -> AsyncIterator[Start]:
    """Start a console: ``await start(token=...)``; keywords are fields of ``ApiSettings``."""
    clients: list[Client] = []

    async def started(**settings: Any) -> Client:
        console = Console(FakeReading(), ApiSettings(**settings), operating=operating, northbound=northbound)
        client: Client = TestClient(TestServer(console.application(), host="127.0.0.1"))
        await client.start_server()
        clients.append(client)
        return client

    yield started
    for client in clients:
        await client.close()


@pytest.fixture
async def client(start: Start) -> Client:
    return await start()
