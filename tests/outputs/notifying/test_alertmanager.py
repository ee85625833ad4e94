"""Alerts as a real Alertmanager holds them: one for a page through all its revisions, still there after it restarts, and ended."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.config.secret import Secret
from pipeline.obligations import Obligations
from pipeline.outputs.notifying.alertmanager import Alertmanager, Keeper
from pipeline.outputs.notifying.notice import Notice
from pipeline.outputs.ports import Done, Refused
from pipeline.outputs.webhook import Sessions
from tests.outputs.notifying.conftest import Tell, free_port
from tests.outputs.receiver import receiver

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@contextmanager
def real(folder: Path, port: int) -> Iterator[str]:
    """Debian's Alertmanager on loopback, without a cluster."""
    (folder / "alertmanager.yml").write_text(CONFIG)
    program = shutil.which("prometheus-alertmanager") or "prometheus-alertmanager"
    listen = f"127.0.0.1:{port}"
    options = [f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data", f"--web.listen-address={listen}"]
    child = subprocess.Popen([program, *options, "--cluster.listen-address="], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://{listen}"
    finally:
        child.kill()
        child.wait()


async def alerts(url: str, session: aiohttp.ClientSession) -> list[dict[str, Any]]:
    """What it holds to stand; waits until it answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            async with session.get(f"{url}/api/v2/alerts") as response:
                if response.status == 200:
                    found: list[dict[str, Any]] = await response.json()
                    return found
        except aiohttp.ClientError:
            assert time.monotonic() < deadline, "Alertmanager does not answer"
        await asyncio.sleep(0.05)


async def eventually(url: str, session: aiohttp.ClientSession, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 30
    while not holds(found := await alerts(url, session)):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)
    return found


def settings(url: str, **others: Any) -> ReceiverSettings:
    return ReceiverSettings("am", ReceiverKind.ALERTMANAGER, url, allow_private=True, **others)


@pytest.mark.needs_alertmanager
async def test_a_real_one_holds_one_alert_through_every_word_and_a_restart(
    tell: Tell, sessions: Sessions, store: Obligations, tmp_path: Path
) -> None:
    port = free_port()
    opened, updated, acknowledged, resolved = [Notice.of(effect) for effect in tell("am")]
    out = Alertmanager(settings(f"http://127.0.0.1:{port}"), sessions.private, store)
    with real(tmp_path, port) as url:
        assert await alerts(url, sessions.private) == []
        for notice in (opened, opened, updated, acknowledged):
            assert isinstance(await out.send(notice), Done)
        [alert] = await eventually(url, sessions.private, lambda found: "acknowledged_by" in str(found))
        assert alert["labels"] == {"alertname": "Incident", "incident": "inc-1", "route": "noc", "severity": "critical"}
        assert alert["annotations"]["severity_now"] == "major"
        assert alert["annotations"]["acknowledged_by"] == "bob"
    shutil.rmtree(tmp_path / "data")
    with real(tmp_path, port) as url:
        assert await alerts(url, sessions.private) == []
        await Keeper({"am": out}).run(await stop_soon(), every_s=0.01)
        [again] = await eventually(url, sessions.private, bool)
        assert again["labels"] == alert["labels"]
        assert isinstance(await out.send(resolved), Done)
        await eventually(url, sessions.private, lambda found: not found)
    assert store.standing_notifications("am") == []


async def stop_soon() -> asyncio.Event:
    """Set after one round."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_later(0.2, stop.set))
    return stop


async def test_a_resolve_tells_the_whole_alert_and_the_token_goes_along(tell: Tell, sessions: Sessions, store: Obligations) -> None:
    async with receiver() as there:
        out = Alertmanager(settings(there.url.removesuffix("/hook"), secret=Secret("t0ken")), sessions.private, store)
        first, *_, last = [Notice.of(effect) for effect in tell("am")]
        for notice in (first, last):
            assert isinstance(await out.send(notice), Done)
    [[opened], [ended]] = [json.loads(one.body) for one in there.requests]
    assert there.requests[0].path == "/api/v2/alerts"
    assert there.requests[0].headers["Authorization"] == "Bearer t0ken"
    assert opened["labels"] == ended["labels"]
    assert opened["endsAt"] > ended["endsAt"]
    assert ended["annotations"]["summary"].startswith("Resolved")


async def test_what_it_cannot_understand_is_refused_for_good_and_not_kept(tell: Tell, sessions: Sessions, store: Obligations) -> None:
    async with receiver(web.Response(status=422, text="no labels")) as there:
        out = Alertmanager(settings(there.url.removesuffix("/hook")), sessions.private, store)
        assert isinstance(await out.send(Notice.of(tell("am")[0])), Refused)
    assert store.standing_notifications("am") == []


async def test_one_that_is_away_stops_nobody(tell: Tell, sessions: Sessions, store: Obligations) -> None:
    store.keep_standing("gone", "noc|inc-1", {"labels": {"alertname": "Incident"}})
    gone = Alertmanager(
        ReceiverSettings("gone", ReceiverKind.ALERTMANAGER, f"http://127.0.0.1:{free_port()}", allow_private=True), sessions.private, store
    )
    async with receiver() as there:
        out = Alertmanager(settings(there.url.removesuffix("/hook")), sessions.private, store)
        store.keep_standing("am", "noc|inc-1", {"labels": {"alertname": "Incident"}})
        await Keeper({"gone": gone, "am": out}).run(await stop_soon(), every_s=5)
    assert len(there.requests) == 1


async def test_an_end_that_was_overtaken_by_what_is_sent_again_is_sent_again_too(
    tell: Tell, sessions: Sessions, store: Obligations
) -> None:
    first, *_, last = [Notice.of(effect) for effect in tell("am")]
    async with receiver() as there:
        out = Alertmanager(settings(there.url.removesuffix("/hook")), sessions.private, store)
        assert isinstance(await out.send(first), Done)
        there.hold.clear()
        again = asyncio.create_task(out.again())
        while len(there.requests) < 2:  # noqa: ASYNC110  # the receiver has no event for it
            await asyncio.sleep(0.01)
        ending = asyncio.create_task(out.send(last))
        while store.standing_notifications("am"):  # noqa: ASYNC110  # nor has the store
            await asyncio.sleep(0.01)
        there.hold.set()
        assert isinstance(await ending, Done)
        assert isinstance(await again, Done)
    ends = [json.loads(one.body)[0]["endsAt"] for one in there.requests]
    assert len(ends) == 4
    assert max(ends[2:]) < min(ends[:2])
