"""A console on a fake reading, asked over real HTTP on loopback."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pipeline.api.page import Pages
from pipeline.api.server import Console
from pipeline.config.settings import ApiSettings
from tests.support.console import Client, Serve
from tests.support.fake_reading import FakeReading
from tests.support.history_samples import NOW, S


@pytest.fixture
def reading() -> FakeReading:
    return FakeReading()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a console: ``await serve(reading, token=...)``; keywords are fields of ``ApiSettings``."""
    clients: list[Client] = []

    async def start(reading: object, **settings: object) -> Client:
        pages = Pages(now=lambda: NOW + 60 * S)
        console = Console(reading, ApiSettings(**settings), pages)  # type: ignore[arg-type]  # by field name
        client = TestClient(TestServer(console.application(), host="127.0.0.1"))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def client(serve: Serve, reading: FakeReading) -> Client:
    return await serve(reading)
