"""The delivery loop: at least once, in order for each subject, one slow or dead receiver delaying no other."""

import asyncio
import base64
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import pytest
from aiohttp import ClientError, ClientSession, web
from prometheus_client import CollectorRegistry

from pipeline.config.output_settings import WebhookSettings
from pipeline.config.secret import Secret
from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.obligation import EffectState, StoredEffect
from pipeline.obligations import Obligations
from pipeline.outputs.delivery import Deliveries, DeliverySettings
from pipeline.outputs.metrics import OutputMetrics
from pipeline.outputs.ports import Again, Delivery, Done, Output, Poison, Refused
from pipeline.outputs.retry import RetryPolicy
from pipeline.outputs.run import ANY, chooser
from pipeline.outputs.ticket_book import TicketBook
from pipeline.outputs.ticketing.tmf621 import TroubleTickets
from pipeline.outputs.tickets import TicketOutput
from pipeline.outputs.webhook import WebhookOutput, open_sessions
from tests.outputs.receiver import receiver, reset

T = TypeVar("T")
QUICK = RetryPolicy(first_s=0.01, cap_s=0.05)
SETTINGS = DeliverySettings(per_route=2, attempt_s=5.0, lease_s=30.0, idle_s=0.01, retry=QUICK)
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def an_effect(key: str, subject: str = "inc-1", route: str = "r", **changes: object) -> Effect:
    return replace(Effect(key, EffectKind.NOTIFY, subject, route, time.time_ns(), "root-cause-found", {}), **changes)


def a_page(key: str, webhook: str, subject: str = "inc-1") -> Effect:
    return an_effect(key, subject, f"to-{webhook}", body={"webhook": webhook, "payload": {"type": "incident.opened", "data": {"key": key}}})


def a_ticket(number: int, kind: EffectKind, subject: str) -> Effect:
    fields = {"description": "d", "severity": "Major", "ticketType": "incident", "externalId": subject, "name": f"r{number}"}
    body = {"incident": subject, "ticket": fields, "note": f"note {number}", "resolved_at": 1 if kind is EffectKind.TICKET_RESOLVE else 0}
    return Effect(f"ticket:{subject}:{number}", kind, subject, "tmf621", time.time_ns(), "root-cause-found", body)


class Scripted:
    """An output that does as ``act`` says and remembers in what order it was asked."""

    def __init__(self, act: Callable[[Effect], Awaitable[Delivery]]) -> None:
        self._act = act
        self.asked: list[str] = []

    async def deliver(self, effect: Effect) -> Delivery:
        self.asked.append(effect.key)
        return await self._act(effect)


async def done(effect: Effect) -> Delivery:
    return Done(f"remote-{effect.key}", "fine")


@asynccontextmanager
async def delivering(
    store: Obligations, output: Output, settings: DeliverySettings = SETTINGS, kind: EffectKind | None = None
) -> AsyncIterator[OutputMetrics]:
    metrics = OutputMetrics(CollectorRegistry())
    table = {(each, ANY): output for each in ([kind] if kind else EffectKind)}
    loop = Deliveries(store, chooser(table), metrics, settings)
    stop = asyncio.Event()
    running = asyncio.create_task(loop.run(stop))
    try:
        yield metrics
    finally:
        stop.set()
        await running


async def eventually(found: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        value = found()
        if value is not None:
            return value
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never came to be that {what}")


async def ended(store: Obligations, key: str) -> StoredEffect:
    def found() -> StoredEffect | None:
        effect = store.effect(key)
        return effect if effect is not None and effect.state is not EffectState.PENDING else None

    return await eventually(found, f"{key} ended")


def counted(metrics: OutputMetrics, kind: str, outcome: str) -> float:
    return float(metrics.effects.labels(kind, outcome)._value.get())


async def test_an_effect_is_delivered_once_and_leaves_a_receipt(store: Obligations) -> None:
    output = Scripted(done)
    effect = an_effect("a")
    async with delivering(store, output) as metrics:
        for _ in range(3):
            store.put_effects([effect], time.time_ns())
        await ended(store, "a")
        store.put_effects([effect], time.time_ns())
        store.put_effects([an_effect("b")], time.time_ns())
        await ended(store, "b")
    assert output.asked == ["a", "b"]
    [_, receipt] = store.receipts()
    assert receipt == Receipt("a", EffectKind.NOTIFY, "inc-1", "r", Outcome.DELIVERED, receipt.at, "remote-a", 1, "fine")
    assert counted(metrics, "notify", "delivered") == 2


async def test_effects_of_a_subject_keep_their_order_through_failures(store: Obligations) -> None:
    chance = random.Random(7)

    async def unreliable(effect: Effect) -> Delivery:
        await asyncio.sleep(0)
        return Done() if chance.random() < 0.4 else Again("not now")

    output = Scripted(unreliable)
    keys = {subject: [f"{subject}-{number}" for number in range(5)] for subject in ("s1", "s2", "s3")}
    store.put_effects([an_effect(key, subject) for subject, own in keys.items() for key in own], 0)
    async with delivering(store, output, replace(SETTINGS, retry=replace(QUICK, max_age_s=1e12))):
        for own in keys.values():
            await ended(store, own[-1])
    for own in keys.values():
        assert list(dict.fromkeys(key for key in output.asked if key in own)) == own


async def test_a_receiver_that_hangs_delays_neither_another_nor_tickets_of_the_same_incident(store: Obligations) -> None:
    release = asyncio.Event()

    async def act(effect: Effect) -> Delivery:
        if effect.route == "slow":
            await release.wait()
        return Done()

    store.put_effects([an_effect(f"slow-{number}", f"inc-{number}", "slow") for number in range(6)], time.time_ns())
    store.put_effects([an_effect(f"fast-{number}", f"inc-{number}", "fast") for number in range(6)], time.time_ns())
    async with delivering(store, Scripted(act)):
        for number in range(6):
            await ended(store, f"fast-{number}")
        assert store.pending() == {"slow": 6}
        release.set()
        await ended(store, "slow-5")


async def test_an_attempt_that_takes_too_long_is_tried_again(store: Obligations) -> None:
    tries = 0

    async def slow_at_first(effect: Effect) -> Delivery:
        nonlocal tries
        tries += 1
        if tries == 1:
            await asyncio.Event().wait()
        return Done()

    store.put_effects([an_effect("a")], time.time_ns())
    async with delivering(store, Scripted(slow_at_first), replace(SETTINGS, attempt_s=0.05)):
        assert (await ended(store, "a")).attempts == 2


@pytest.mark.parametrize("error", [ClientError("reset"), ConnectionResetError("reset"), TimeoutError()])
async def test_a_connection_error_is_tried_again_and_told(store: Obligations, error: Exception) -> None:
    errors: list[Exception] = [error, error]

    async def act(effect: Effect) -> Delivery:
        if errors:
            raise errors.pop()
        return Done()

    store.put_effects([an_effect("a")], time.time_ns())
    async with delivering(store, Scripted(act)):
        found = await ended(store, "a")
    assert (found.state, found.attempts) == (EffectState.DELIVERED, 3)


async def test_what_a_receiver_asked_to_wait_is_waited(store: Obligations) -> None:
    async def act(effect: Effect) -> Delivery:
        return Again("429", after_s=3600)

    store.put_effects([an_effect("a")], time.time_ns())
    before = time.time_ns()
    output = Scripted(act)
    async with delivering(store, output):
        found = await eventually(lambda: next((effect for effect in store.effects("inc-1") if effect.detail), None), "it was postponed")
    assert found.next_attempt_at >= before + 3_600_000_000_000
    assert output.asked == ["a"]


@pytest.mark.parametrize(
    ("delivery", "state", "told"),
    [
        (Refused("the receiver says no"), EffectState.REFUSED, "says no"),
        (Poison("Expected `object`"), EffectState.DEAD, "not understood"),
        (Again("503"), EffectState.DEAD, "given up after 3 attempts: 503"),
    ],
)
async def test_an_effect_that_cannot_be_done_ends_with_its_reason_and_the_next_one_goes_on(
    store: Obligations, delivery: Delivery, state: EffectState, told: str
) -> None:
    async def act(effect: Effect) -> Delivery:
        return delivery if effect.key == "a" else Done()

    store.put_effects([an_effect("a"), an_effect("b")], time.time_ns())
    async with delivering(store, Scripted(act), replace(SETTINGS, retry=replace(QUICK, max_attempts=3))) as metrics:
        found = await ended(store, "a")
        assert (await ended(store, "b")).state is EffectState.DELIVERED
    assert (found.state, told in found.detail) == (state, True)
    assert counted(metrics, "notify", state.value) == 1
    assert [dead.effect.key for dead in store.dead_letters()] == (["a"] if state is EffectState.DEAD else [])


async def test_an_effect_older_than_its_age_is_given_up(store: Obligations) -> None:
    async def act(effect: Effect) -> Delivery:
        return Again("down")

    store.put_effects([an_effect("a")], time.time_ns() - 4 * 86_400_000_000_000)
    async with delivering(store, Scripted(act)):
        assert "given up after 3 days" in (await ended(store, "a")).detail


async def test_an_output_that_fails_in_its_own_code_is_tried_some_times_and_then_given_up(store: Obligations) -> None:
    async def act(effect: Effect) -> Delivery:
        raise ZeroDivisionError("our own")

    store.put_effects([an_effect("a")], time.time_ns())
    output = Scripted(act)
    async with delivering(store, output, replace(SETTINGS, retry=replace(QUICK, max_crashes=3))):
        found = await ended(store, "a")
    assert (found.state, len(output.asked)) == (EffectState.DEAD, 3)
    assert "ZeroDivisionError: our own" in found.detail


async def test_an_effect_that_nothing_carries_is_refused_with_the_remedy(store: Obligations) -> None:
    store.put_effects([an_effect("a")], time.time_ns())
    async with delivering(store, Scripted(done), kind=EffectKind.CREDIT):
        assert "settings" in (await ended(store, "a")).detail


class FailingStore:
    """A store whose first answers are errors, as while its database restarts."""

    def __init__(self, store: Obligations, failures: int) -> None:
        self._store = store
        self._failures = failures

    def __getattr__(self, name: str) -> object:
        if name in {"claim", "finish"} and self._failures:
            self._failures -= 1
            raise OSError("database is restarting")
        return getattr(self._store, name)


async def test_a_database_that_restarts_delays_and_loses_nothing(store: Obligations) -> None:
    store.put_effects([an_effect("a"), an_effect("b")], time.time_ns())
    failing: Obligations = FailingStore(store, 4)  # type: ignore[assignment]  # stands for one
    async with delivering(failing, Scripted(done), replace(SETTINGS, lease_s=0.05)):
        await ended(store, "b")
    assert {receipt.key for receipt in store.receipts()} == {"a", "b"}
    assert len(store.receipts()) == 2


async def test_webhooks_that_fail_in_every_way_are_delivered_in_order_while_others_are_not_delayed(store: Obligations) -> None:
    script = [
        web.Response(status=500),
        reset,
        web.Response(status=429, headers={"Retry-After": "0"}),
        web.Response(status=503),
        web.Response(),
    ]
    async with receiver(*script) as bad, receiver() as good, receiver(web.Response(status=410)) as gone, open_sessions(5.0) as sessions:
        hooks = {"bad": bad.url, "good": good.url, "gone": gone.url}
        webhooks = tuple(WebhookSettings(name, url, Secret(SECRET), allow_private=True) for name, url in hooks.items())
        bad.hold.clear()
        effects = [a_page(f"{name}-{number}", name) for number in range(3) for name in hooks]
        store.put_effects(effects, time.time_ns())
        async with delivering(store, WebhookOutput(webhooks, sessions, store)):
            for name in ("good", "gone"):
                await ended(store, f"{name}-2")
            assert store.pending() == {"to-bad": 3}
            bad.hold.set()
            await ended(store, "bad-2")
    heard = [request.headers["webhook-id"] for request in bad.requests]
    assert list(dict.fromkeys(heard)) == ["bad-0", "bad-1", "bad-2"]
    assert heard.count("bad-0") == 5
    assert len(gone.requests) == 1
    assert {store.effect(f"gone-{number}").state for number in range(3)} == {EffectState.REFUSED}  # type: ignore[union-attr]  # they are there


async def test_a_ticket_system_that_was_down_is_caught_up_in_order_and_what_came_and_went_is_one_closed_ticket(
    store: Obligations, session: ClientSession
) -> None:
    kinds = [EffectKind.TICKET_OPEN, EffectKind.TICKET_UPDATE, EffectKind.TICKET_RESOLVE]
    effects = [a_ticket(number, kind, subject) for subject in ("inc-1", "inc-2", "inc-3") for number, kind in enumerate(kinds)]
    async with receiver() as dead_end:
        address = dead_end.url.removesuffix("/hook")
    port = int(address.rpartition(":")[2])
    store.put_effects(effects, time.time_ns())
    output = TicketOutput("tmf621", TroubleTickets(session, address), store)
    async with delivering(store, output):
        await eventually(lambda: next((effect for effect in store.effects("inc-1") if effect.attempts > 2), None), "it was tried thrice")
        assert store.pending() == {"tmf621": 9}
        async with TicketBook(store).serve("127.0.0.1", port):
            for subject in ("inc-1", "inc-2", "inc-3"):
                await ended(store, f"ticket:{subject}:2")
    total, tickets = store.book_find()
    assert total == 3
    for ticket in tickets:
        assert [step.status for step in ticket.changes] == ["acknowledged", "inProgress", "resolved", "closed"]
        assert [note.text for note in ticket.notes] == ["note 1", "note 2"]
    assert len(store.receipts()) == 9
