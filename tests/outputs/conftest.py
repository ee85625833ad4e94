"""Fixtures of the outputs' tests: a real store and a real ticket book."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import ClientSession

from pipeline.obligations import Obligations
from pipeline.outputs.http import open_session
from pipeline.outputs.ticket_book import TicketBook
from tests.support.obligations import sqlite_store

__all__ = ["sqlite_store"]


@pytest.fixture
def store(sqlite_store: Obligations) -> Iterator[Obligations]:
    return sqlite_store


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session(5.0) as opened:
        yield opened


@pytest.fixture
async def book_url(store: Obligations) -> AsyncIterator[str]:
    async with TicketBook(store).serve("127.0.0.1", 0) as url:
        yield url
