"""The whole outputs process on the embedded broker: effects in, tickets, webhooks, ledger entries and receipts out; once, through kills."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout

from pipeline import bus, wire
from pipeline.config.output_settings import TicketSettings
from pipeline.config.settings import COMPONENTS
from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.obligations import Obligations
from pipeline.outputs import run_outputs
from tests.outputs.outputs_child import settings_of
from tests.outputs.receiver import Receiver, receiver
from tests.support.billing import settings_of as settings_for
from tests.support.crediting import NOW, a_credit, approval
from tests.support.embedded import BrokerProcess, free_port

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path / "broker")
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def pager() -> AsyncIterator[Receiver]:
    async with receiver() as opened:
        yield opened


@pytest.fixture
async def told(tmp_path: Path, broker: BrokerProcess, pager: Receiver) -> dict[str, Any]:
    await bus.create_topics(broker.bootstrap, partitions=4, replication=1)
    return {
        "data": str(tmp_path),
        "metrics_port": free_port(),
        "bootstrap": broker.bootstrap,
        "tickets": f"http://127.0.0.1:{free_port()}",
        "webhook": pager.url,
        "secret": SECRET,
    }


def effects_of(incident: str) -> list[Effect]:
    fields = {"description": "d", "severity": "Major", "ticketType": "incident", "externalId": incident}
    body = {"incident": incident, "ticket": fields, "note": "n", "resolved_at": 1}
    opening = Effect(f"ticket:{incident}:open", EffectKind.TICKET_OPEN, incident, "tmf621", time.time_ns(), "root-cause-found", body)
    page = {"webhook": "pager", "payload": {"type": "incident.opened", "timestamp": "t", "data": {"incident": incident}}}
    credit = {
        "contract": f"c-{incident}",
        "service": "s",
        "customer": "acme",
        "metric": "availability",
        "period": "2026-11",
        "revision": 1,
        "amount_minor": 500,
        "currency": "EUR",
    }
    return [
        opening,
        replace(opening, key=f"notify:{incident}:oncall:opened", kind=EffectKind.NOTIFY, route="oncall", body=page),
        replace(opening, key=f"ticket:{incident}:resolve:r2", kind=EffectKind.TICKET_RESOLVE),
        replace(opening, key=f"credit-{incident}", kind=EffectKind.CREDIT, subject=f"c-{incident}", route="ledger", body=credit),
    ]


async def send(bootstrap: str, *messages: bytes) -> None:
    async with bus.producer(bootstrap) as producer:
        for number, message in enumerate(messages):
            await producer.send_and_wait(wire.Topic.EFFECTS.value, message, partition=number % 4)


async def read(bootstrap: str, topic: wire.Topic, enough: int) -> list[Any]:
    """The values of a topic, once ``enough`` different ones are there."""
    found: list[Any] = []
    deadline = time.monotonic() + 60
    async with bus.consumer(bootstrap, f"test-{topic.value}", [topic]) as consumer:
        while time.monotonic() < deadline:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for record in batch:
                    found += wire.decode(record.value)
            if len({value.key for value in found}) >= enough:
                return found
    raise AssertionError(f"{topic.value} has {len(found)} values, not {enough}")


@asynccontextmanager
async def outputs(told: dict[str, Any], store: Obligations, **changes: Any) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(run_outputs(replace(settings_of(told), **changes), store, stop))
    try:
        yield
    finally:
        stop.set()
        await running


def health_url(told: dict[str, Any], path: str) -> str:
    return f"http://127.0.0.1:{told['metrics_port'] + COMPONENTS.index('outputs')}{path}"


async def test_effects_become_tickets_pages_and_credits_with_a_receipt_each(
    told: dict[str, Any], store: Obligations, pager: Receiver, session: ClientSession
) -> None:
    batches = [wire.encode(effects_of(f"inc-{number}")) for number in range(5)]
    async with outputs(told, store):
        await send(told["bootstrap"], *batches, b"junk", *batches)
        receipts: list[Receipt] = await read(told["bootstrap"], wire.Topic.RECEIPTS, 20)
        [letter, *_] = await read(told["bootstrap"], wire.Topic.DEAD_LETTERS, 1)
        async with session.get(health_url(told, "/readyz")) as response:
            assert (response.status, await response.text()) == (200, "ready\n")
        async with session.get(health_url(told, "/metrics")) as response:
            metrics = await response.text()
    assert {receipt.outcome for receipt in receipts} == {Outcome.DELIVERED}
    assert (letter.topic, letter.value) == ("effects", b"junk")
    assert 'assure_effects_total{kind="ticket-open",outcome="delivered"}' in metrics
    total, tickets = store.book_find()
    assert total == 5
    assert {ticket.status for ticket in tickets} == {"closed"}
    assert sorted(request.headers["webhook-id"] for request in pager.requests) == [f"notify:inc-{n}:oncall:opened" for n in range(5)]
    assert len(store.credits()) == 5
    assert store.verify() is None
    assert store.unpublished(10) == []


def start(told: dict[str, Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.outputs.outputs_child", json.dumps(told)])


async def wait_ready(told: dict[str, Any]) -> None:
    deadline = time.monotonic() + 30
    async with ClientSession(timeout=ClientTimeout(total=2)) as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(health_url(told, "/healthz")):
                    return
            except OSError:
                await asyncio.sleep(0.05)
    raise AssertionError("the outputs process did not come up")


@pytest.mark.slow
async def test_kill_9_at_any_moment_makes_no_second_ticket_page_or_credit(told: dict[str, Any], pager: Receiver) -> None:
    batches = [wire.encode(effects_of(f"inc-{number}")) for number in range(30)]
    await send(told["bootstrap"], *batches)
    for seen in (3, 12, 20):
        child = await asyncio.to_thread(start, told)
        try:
            deadline = time.monotonic() + 30
            while len(pager.requests) < seen and time.monotonic() < deadline:  # noqa: ASYNC110  # the receiver has no event to wait for
                await asyncio.sleep(0.002)
        finally:
            child.kill()
            await asyncio.to_thread(child.wait)
    child = await asyncio.to_thread(start, told)
    try:
        await wait_ready(told)
        receipts = await read(told["bootstrap"], wire.Topic.RECEIPTS, 120)
    finally:
        child.terminate()
        assert await asyncio.to_thread(child.wait, 30) == 0
    assert {receipt.outcome for receipt in receipts} == {Outcome.DELIVERED}
    with Obligations(settings_of(told).obligations_url()) as store:
        total, tickets = store.book_find()
        assert total == 30
        assert {tuple(step.status for step in ticket.changes) for ticket in tickets} == {
            ("acknowledged", "inProgress", "resolved", "closed")
        }
        assert [len(ticket.notes) for ticket in tickets] == [1] * 30
        assert len(store.credits()) == 30
        assert store.verify() is None
        assert len(store.receipts(limit=1000)) == 120
    ids = {request.headers["webhook-id"] for request in pager.requests}
    assert len(ids) == 30


@pytest.mark.parametrize(
    ("tickets", "told_why"),
    [
        (TicketSettings(url="http://10.0.0.1", built_in=False), "tickets.url: http is only for private receivers"),
        (TicketSettings(url="https://10.0.0.1", built_in=False), "tickets.url: 10.0.0.1 is not a public address"),
        (TicketSettings(url="https://x"), "http://HOST:PORT"),
    ],
)
async def test_settings_that_cannot_be_followed_end_the_process_with_the_remedy(
    told: dict[str, Any], store: Obligations, tickets: TicketSettings, told_why: str
) -> None:
    with pytest.raises(ValueError, match=told_why):
        await run_outputs(replace(settings_of(told), tickets=tickets), store, asyncio.Event())


async def test_the_process_posts_what_people_approve(told: dict[str, Any], store: Obligations, tmp_path: Path) -> None:
    billing = settings_for("csv", "", tmp_path).billing
    async with outputs(told, store, billing=billing):
        credit = a_credit()
        store.enter_credit(credit, NOW)
        store.step_credit(approval(credit), NOW)
        deadline = time.monotonic() + 30
        while not store.stored_credits(state="confirmed") and time.monotonic() < deadline:  # noqa: ASYNC110  # the store has no event
            await asyncio.sleep(0.05)
    assert [each.entry.key for each in store.stored_credits(state="confirmed")] == [credit.key]
    assert len(list((tmp_path / "billing").glob("credits-*.csv"))) == 1
