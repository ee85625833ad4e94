"""The part `api` as it is run: it serves where it is told, says when it is not ready, and never stands still for a store that hangs."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from pipeline.api import server
from pipeline.api.server import run_api
from pipeline.config.secret import Secret
from pipeline.config.settings import COMPONENTS, ApiSettings, Settings
from tests.support.fake_reading import FakeReading
from tests.support.history import free_port

PLACE = COMPONENTS.index("api")
WITHIN_S = 30.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    api = ApiSettings(listen=f"127.0.0.1:{free_port()}")
    return Settings(data_dir=tmp_path, inventory_dir=tmp_path, metrics_port=free_port() - PLACE, api=api)


@contextlib.asynccontextmanager
async def running(settings: Settings, reading: FakeReading) -> AsyncIterator[aiohttp.ClientSession]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_api(settings, reading, stop))
    try:
        async with aiohttp.ClientSession() as http:
            yield http
    finally:
        stop.set()
        await task


async def until(asked: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                if await asked():
                    return
            await asyncio.sleep(0.02)


def health(settings: Settings, path: str) -> str:
    return f"http://127.0.0.1:{settings.metrics_port + PLACE}{path}"


def asking(http: aiohttp.ClientSession, url: str, status: int, text: str = "") -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        async with http.get(url) as answer:
            return answer.status == status and text in await answer.text()

    return asked


async def test_it_serves_pages_health_and_metrics(settings: Settings) -> None:
    """Each request is counted by route and status, never by its path: names are not labels."""
    async with running(settings, FakeReading()) as http:
        await until(asking(http, f"http://{settings.api.listen}/incidents/in-1", 200, "fibre f-ams-rtm-1 is cut"))
        await until(asking(http, f"http://{settings.api.listen}/incidents/in-9", 404))
        await until(asking(http, health(settings, "/readyz"), 200, "ready"))
        await until(asking(http, health(settings, "/metrics"), 200, 'assure_api_requests_total{route="/incidents/{id}",status="404"}'))
        async with http.get(health(settings, "/metrics")) as answer:
            assert "in-9" not in await answer.text()


async def test_it_is_not_ready_while_a_store_is_down(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """/readyz says which, and recovers by itself; /healthz stays: a restart would mend nothing."""
    monkeypatch.setattr(server, "READY_EVERY_S", 0.02)
    reading = FakeReading()
    async with running(settings, reading) as http:
        await until(asking(http, health(settings, "/readyz"), 200))
        reading.down = OSError("ClickHouse at 127.0.0.1:1: Connection refused")
        await until(asking(http, health(settings, "/readyz"), 503, "ClickHouse at"))
        assert await asking(http, health(settings, "/healthz"), 200)()
        reading.down = None
        await until(asking(http, health(settings, "/readyz"), 200))


async def test_a_store_that_hangs_holds_up_no_other_answer(settings: Settings) -> None:
    """While one question waits, health and the style sheet answer; before the first answer it is not ready."""
    let_go = threading.Event()

    class Hanging(FakeReading):
        def why_not_ready(self) -> str:
            let_go.wait(WITHIN_S)
            return ""

    async with running(settings, Hanging()) as http:
        try:
            await until(asking(http, health(settings, "/readyz"), 503, "not been asked yet"))
            await until(asking(http, f"http://{settings.api.listen}/console.css", 200))
            await until(asking(http, f"http://{settings.api.listen}/", 200))
        finally:
            let_go.set()


async def test_it_does_not_start_unguarded_on_a_network(settings: Settings) -> None:
    """Without a token, off loopback: refused before a port is bound."""
    with pytest.raises(OSError, match=r"api\.token"):
        await run_api(replace(settings, api=ApiSettings(listen="0.0.0.0:1")), FakeReading(), asyncio.Event())


async def test_a_taken_port_is_told(settings: Settings) -> None:
    """And nothing is left behind that would keep the other one."""
    async with running(settings, FakeReading()) as http:
        await until(asking(http, f"http://{settings.api.listen}/", 200))
        other = replace(settings, metrics_port=free_port() - PLACE)
        with pytest.raises(OSError, match="address already in use"):
            await run_api(other, FakeReading(), asyncio.Event())
        assert await asking(http, f"http://{settings.api.listen}/", 200)()


async def test_with_a_token_it_may_face_a_network(settings: Settings) -> None:
    """Any host name then, since the token tells who asks."""
    port = settings.api.listen.rpartition(":")[2]
    api = ApiSettings(listen=f"0.0.0.0:{port}", token=Secret("s3cret"))
    async with running(replace(settings, api=api), FakeReading()) as http:
        await until(asking(http, f"http://127.0.0.1:{port}/", 401))
        headers = {"Host": "noc.example", "Authorization": "Bearer s3cret"}
        async with http.get(f"http://127.0.0.1:{port}/api/incidents", headers=headers) as answer:
            assert answer.status == 200
