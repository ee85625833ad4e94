"""Outages and hostile answers: a store that is full, locked or whose clock steps; receivers that say no, say nothing, or say too much."""

import asyncio
import sqlite3
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectorCertificateError, ClientSession, web
from prometheus_client import CollectorRegistry
from sqlalchemy import event

from pipeline.config.output_settings import TicketSettings, WebhookSettings
from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.config.secret import Secret
from pipeline.core.effect import Effect
from pipeline.core.inventory import Channel, Contact
from pipeline.core.obligation import EffectState
from pipeline.obligations import Obligations, engine
from pipeline.outputs.delivery import Deliveries
from pipeline.outputs.http import LARGEST_ANSWER, AnswerTooLargeError
from pipeline.outputs.messaging.message import Message
from pipeline.outputs.messaging.tmf681 import CommunicationMessages
from pipeline.outputs.metrics import OutputMetrics
from pipeline.outputs.notifying.output import NotifyOutput, notifiers
from pipeline.outputs.ports import Again, Delivery, Done, Refused
from pipeline.outputs.run import ANY, chooser
from pipeline.outputs.ticketing.calls import Calls
from pipeline.outputs.ticketing.connect import open_system
from pipeline.outputs.webhook import WebhookOutput, open_sessions
from tests.outputs.notifying.certificate import certificate
from tests.outputs.notifying.conftest import Tell, tell
from tests.outputs.receiver import receiver
from tests.outputs.test_delivery import SECRET, SETTINGS, Scripted, an_effect, delivering, ended, eventually

__all__ = ["tell"]

HOUR = 3_600 * 10**9
MANY = 40
LONG = Done("remote", "x" * 400)
_NO_LIMIT = 2**31 - 2


@contextmanager
def full(store: Obligations) -> Iterator[Callable[[bool], None]]:
    """A disk with no page left for the store while told so."""
    limit = [_NO_LIMIT]

    def hold(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={limit[0]}")

    def fill(now: bool) -> None:  # full, or not
        limit[0] = 1 if now else _NO_LIMIT

    event.listen(store._engine, "checkout", hold)
    yield fill
    event.remove(store._engine, "checkout", hold)


async def test_a_full_disk_makes_nothing_twice_and_loses_nothing(store: Obligations, caplog: pytest.LogCaptureFixture) -> None:
    """What was done waits for its record; what is not taken yet waits in the store; both go on once there is room."""
    keys = [f"e{number}" for number in range(MANY)]
    store.put_effects([an_effect(key, subject=key) for key in keys], time.time_ns())
    with full(store) as fill:

        async def act(_: Effect) -> Delivery:
            fill(True)
            return LONG

        output = Scripted(act)
        async with delivering(store, output, replace(SETTINGS, record_again_s=0.01)):
            await eventually(lambda: True if "its disk may be full" in caplog.text else None, "a record found no room")
            with pytest.raises(OSError, match="full"):
                store.put_effects([an_effect(f"n{number}", body={"a": "x" * 9_000}) for number in range(9)], time.time_ns())
            output._act = done_long
            fill(False)
            for key in keys:
                await ended(store, key)
    assert Counter(output.asked) == Counter(keys)
    assert len(store.receipts(limit=100)) == MANY


async def done_long(_: Effect) -> Delivery:
    return LONG


async def test_a_locked_store_is_told_and_drains_once_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 20)
    path = tmp_path / "locked.sqlite"
    output = Scripted(done_long)
    with Obligations(f"sqlite:///{path}") as store:
        store.put_effects([an_effect(f"e{number}") for number in range(5)], time.time_ns())
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        work = Deliveries(
            store, chooser({(each, ANY): output for each in [an_effect("e").kind]}), OutputMetrics(CollectorRegistry()), SETTINGS
        )
        stop = asyncio.Event()
        running = asyncio.create_task(work.run(stop))
        await eventually(lambda: work.problem or None, "the process says that it cannot deliver")
        assert output.asked == []
        holder.execute("ROLLBACK")
        holder.close()
        await ended(store, "e4")
        stop.set()
        await running
        assert work.problem == ""
    assert output.asked == [f"e{number}" for number in range(5)]


@pytest.mark.parametrize("step", [HOUR, -HOUR])
async def test_a_clock_that_steps_an_hour_does_nothing_twice(store: Obligations, step: int) -> None:
    """What is under way is not begun again because its lease seems to have ended."""
    begun, go_on, moved = asyncio.Event(), asyncio.Event(), [0]

    async def act(_: Effect) -> Delivery:
        begun.set()
        await go_on.wait()
        return Done()

    output = Scripted(act)
    work = Deliveries(
        store,
        lambda _: output,
        OutputMetrics(CollectorRegistry()),
        SETTINGS,
        clock=lambda: time.time_ns() + moved[0],
    )
    store.put_effects([an_effect("a")], time.time_ns())
    stop = asyncio.Event()
    running = asyncio.create_task(work.run(stop))
    await begun.wait()
    moved[0] = step
    for number in range(3):
        store.put_effects([an_effect(f"other-{number}", subject=f"s{number}", route=f"r{number}")], time.time_ns())
        work.wake.set()
        await eventually(lambda number=number: True if f"other-{number}" in output.asked else None, "the loop has looked")  # type: ignore[misc]  # bound now
    go_on.set()
    await ended(store, "a")
    stop.set()
    await running
    assert output.asked.count("a") == 1
    assert len(store.receipts("inc-1")) == 1


def web_receiver(kind: str, url: str) -> ReceiverSettings:
    match kind:
        case "pagerduty":
            return ReceiverSettings("there", ReceiverKind.PAGERDUTY, url, Secret("R0UT1NG"), allow_private=True)
        case "alertmanager":
            return ReceiverSettings("there", ReceiverKind.ALERTMANAGER, url, allow_private=True)
    return ReceiverSettings("there", ReceiverKind.SLACK, "", Secret(url), allow_private=True)


KINDS = ("webhook", "pagerduty", "alertmanager", "slack")
ANSWERS = [(400, Refused), (401, Again), (429, Again), (500, Again), (302, Again), (307, Again)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "meaning"), ANSWERS)
async def test_what_a_receivers_no_means(kind: str, status: int, meaning: type[Delivery], tell: Tell, store: Obligations) -> None:
    """Nothing follows a redirect; 429 waits as long as it is asked to; a token that has expired can be renewed."""
    headers = {"Location": "http://127.0.0.1:1/", "Retry-After": "120"}
    async with receiver(web.Response(status=status, headers=headers, body=b"x" * 3_000_000)) as there, open_sessions(5.0) as sessions:
        own = () if kind == "webhook" else (web_receiver(kind, there.url),)
        hooks = (WebhookSettings("there", there.url, Secret(SECRET), allow_private=True),)
        output = NotifyOutput(notifiers(own, sessions, store), WebhookOutput(hooks, sessions, store))
        answer = await output.deliver(tell("there")[0])
    assert isinstance(answer, meaning)
    assert str(status) in answer.detail
    assert len(answer.detail) < 500
    assert len(there.requests) == 1
    if status == 429:
        assert isinstance(answer, Again)
        assert answer.after_s == 120


@pytest.mark.parametrize("kind", KINDS)
async def test_a_receiver_that_never_answers_is_left_in_time(kind: str, tell: Tell, store: Obligations) -> None:
    async with receiver() as there, open_sessions(0.05) as sessions:
        there.hold.clear()
        own = () if kind == "webhook" else (web_receiver(kind, there.url),)
        hooks = (WebhookSettings("there", there.url, Secret(SECRET), allow_private=True),)
        output = NotifyOutput(notifiers(own, sessions, store), WebhookOutput(hooks, sessions, store))
        with pytest.raises((TimeoutError, OSError)):
            await output.deliver(tell("there")[0])


async def test_a_ticket_systems_answer_without_end_is_not_kept_in_memory(session: ClientSession) -> None:
    sent = [0]

    async def endless(request: web.Request) -> web.Response:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while sent[0] < 8 * LARGEST_ANSWER:
            sent[0] += 65_536
            await answer.write(b" " * 65_536)
        return answer  # type: ignore[return-value]  # a stream is a response to aiohttp

    async with receiver(endless) as there:
        with pytest.raises(AnswerTooLargeError):
            await Calls(session, there.url)("GET", "/x")
    assert sent[0] < 4 * LARGEST_ANSWER


async def test_a_ticket_system_whose_certificate_does_not_hold_is_told_nothing(tmp_path: Path) -> None:
    """Its secret least of all; it is an outage until somebody mends the certificate."""
    key, chain, _ = certificate(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    heard: list[bytes] = []

    async def keep(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))

    server = await asyncio.start_server(keep, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    settings = TicketSettings(url=f"https://127.0.0.1:{port}", built_in=False, secret=Secret("a-token"), allow_private=True)
    async with server, open_system(settings) as system:
        with pytest.raises(ClientConnectorCertificateError):  # which means again
            await system.find("inc-1")
    assert not any(heard)


MESSAGE = Message("k", Contact(Channel.TMF681, "a@acme.example"), "acme", "s", "t", "en")


@pytest.mark.parametrize(
    ("status", "sends"), [(500, False), (503, False), (429, False), (401, False), (404, True), (405, True), (501, True)]
)
async def test_a_message_that_may_have_been_sent_is_not_sent_while_nobody_can_tell(
    session: ClientSession, status: int, sends: bool
) -> None:  # a table's column
    """A system that cannot list messages is still one that can send; one that is away now may have this one."""
    async with receiver(web.Response(status=status), web.json_response({"id": "1"}, status=201)) as there:
        messages = CommunicationMessages(session, there.url, Secret("t"), "noc@isp.example")
        answer = await messages.send(MESSAGE)
    assert isinstance(answer, Done if sends else Again)
    assert len(there.requests) == (2 if sends else 1)


async def test_what_was_refused_goes_once_it_is_revived(store: Obligations) -> None:
    store.put_effects([an_effect("a")], time.time_ns())
    answers: list[Delivery] = [Refused("400: priority is missing"), Done()]

    async def act(_: Effect) -> Delivery:
        return answers.pop(0)

    async with delivering(store, Scripted(act)):
        assert (await ended(store, "a")).state is EffectState.REFUSED
        assert [each.effect.key for each in store.refused()] == ["a"]
        assert store.revive("a")
        await eventually(lambda: True if not answers else None, "it was tried again")
        assert (await ended(store, "a")).state is EffectState.DELIVERED
    assert store.refused() == []
