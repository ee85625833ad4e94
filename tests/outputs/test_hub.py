"""Who has registered is told of what came after and was asked for, once for each change; who is gone is told no more."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pipeline import wire
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiSettings
from pipeline.core.alarm import Change
from pipeline.core.effect import Effect, EffectKind
from pipeline.core.obligation import Hub
from pipeline.obligations import Obligations
from pipeline.outputs.hub import HubOutput, effects_of
from pipeline.outputs.ports import Again, Delivery, Done, Poison, Refused
from pipeline.outputs.webhook import open_sessions
from pipeline.tmf.form import ALARMS, PROBLEMS, SLAS
from tests.support.history_samples import NOW, alarm_change, evaluation, incident
from tests.support.tmf_schemas import conform, published

SECRET = Secret("whsec_c2VjcmV0LW9mLXRlc3RzLXNlY3JldC1vZg==")


@dataclass
class Record:
    """A message, as much of it as is looked at."""

    value: bytes
    timestamp: int = NOW // 1_000_000
    topic: str = "alarms"
    partition: int = 0
    offset: int = 0
    key: bytes | None = None


def hub(api: str = ALARMS, query: str = "", callback: str = "https://oss.example/x", at: int = NOW - 1) -> Hub:
    return Hub("h-1", api, callback, query, "noc", at)


def events(value: Any, *hubs: Hub, timestamp: int = NOW // 1_000_000) -> list[dict[str, Any]]:
    found = effects_of(Record(wire.encode([value]), timestamp), hubs)  # type: ignore[arg-type]  # as much of a record as is looked at
    return [effect.body["event"] for effect in found]


EVERY = [
    (ALARMS, alarm_change(), "AlarmCreateEvent", "alarm"),
    (ALARMS, alarm_change(2, is_cleared=True), "AlarmStateChangeEvent", "alarm"),
    (ALARMS, replace(alarm_change(), change=Change.ACKNOWLEDGED), "AlarmAttributeValueChangeEvent", "alarm"),
    (PROBLEMS, incident(), "ServiceProblemCreateEvent", "serviceProblem"),
    (PROBLEMS, incident(2), "ServiceProblemAttributeValueChangeEvent", "serviceProblem"),
    (PROBLEMS, incident(3, resolved=True), "ServiceProblemStateChangeEvent", "serviceProblem"),
    (SLAS, evaluation(), "SLAViolationCreateEvent", "slaViolation"),
]


@pytest.mark.parametrize(("api", "value", "kind", "payload"), EVERY, ids=[kind for *_, kind, _ in EVERY])
def test_a_change_is_an_event_with_its_resource(api: str, value: Any, kind: str, payload: str) -> None:
    [event] = events(value, hub(api))
    assert event["eventType"] == kind
    assert event["event"][payload]["id"] == event["correlationId"]
    for other in {ALARMS, PROBLEMS, SLAS} - {api}:
        assert events(value, hub(other)) == []


@pytest.mark.needs_schemas
@pytest.mark.parametrize(("api", "value", "kind", "payload"), EVERY[:6], ids=[kind for *_, kind, _ in EVERY[:6]])
def test_events_are_valid_by_the_published_definitions(api: str, value: Any, kind: str, payload: str) -> None:
    [event] = events(value, hub(api))
    conform(published("TMF642-Alarm-v4.0.0" if api == ALARMS else "TMF656-ServiceProblem-v4.0.0"), kind, event)


def test_what_says_nothing_new_is_not_told() -> None:
    assert events(replace(alarm_change(), change=Change.REPEATED), hub()) == []
    assert events(replace(evaluation(), violated=False), hub(SLAS)) == []


def test_only_what_came_after_the_registration_is_told() -> None:
    assert events(alarm_change(), hub(at=NOW + 1)) == []
    assert effects_of(Record(b"nonsense"), [hub()]) == []  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("eventType=AlarmCreateEvent", 1),
        ("eventType=AlarmStateChangeEvent", 0),
        ("alarm.perceivedSeverity=critical,major", 1),
        ("event.alarm.perceivedSeverity=minor", 0),
        ("alarm.alarmedObject.id=interface/pe1/ge-0/0/1&eventType=AlarmCreateEvent", 1),
        ("alarm.perceivedSeverity.ne=major", 0),
    ],
)
def test_a_query_chooses(query: str, told: int) -> None:
    assert len(events(alarm_change(), hub(query=query))) == told


def test_the_same_change_is_the_same_effect_and_each_receiver_has_its_own() -> None:
    first, again = (effects_of(Record(wire.encode([alarm_change()])), [hub(), replace(hub(), id="h-2")]) for _ in range(2))  # type: ignore[arg-type]  # as above
    assert first == again
    assert len({effect.key for effect in first}) == len({effect.route for effect in first}) == 2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Obligations]:
    with Obligations(f"sqlite:///{tmp_path}/o.db") as opened:
        yield opened


@dataclass
class Receiver:
    """A listener that answers as told and remembers what came."""

    url: str
    got: list[tuple[dict[str, str], bytes]]
    status: int = 201


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver("", [])

    async def listen(request: web.Request) -> web.Response:
        made.got.append((dict(request.headers), await request.read()))
        return web.Response(status=made.status)

    app = web.Application()
    app.router.add_post("/listener", listen)
    async with TestServer(app, host="127.0.0.1") as server:
        made.url = str(server.make_url("/listener"))
        yield made


async def deliver(store: Obligations, settings: ApiSettings, effect: Effect) -> Delivery:
    async with open_sessions() as sessions:
        return await HubOutput(settings, sessions, store, lambda: NOW).deliver(effect)


def an_effect() -> Effect:
    [effect] = effects_of(Record(wire.encode([alarm_change()])), [hub()])  # type: ignore[arg-type]  # as above
    return effect


async def test_an_event_reaches_its_callback_as_tmf_and_as_a_signed_cloudevent(store: Obligations, receiver: Receiver) -> None:
    store.register_hub(hub(callback=receiver.url))
    effect = an_effect()
    assert isinstance(await deliver(store, ApiSettings(hubs_private=True, hubs_secret=SECRET), effect), Done)
    [(headers, payload)] = receiver.got
    assert json.loads(payload) == effect.body["event"]
    told = {"ce-type": "AlarmCreateEvent", "ce-id": "al-1:1", "ce-specversion": "1.0", "webhook-id": "al-1:1"}
    assert {name: headers[name] for name in told} == told
    assert headers["webhook-signature"].startswith("v1,")
    await deliver(store, ApiSettings(hubs_private=True), effect)
    assert "webhook-signature" not in receiver.got[1][0]


async def test_what_is_not_taken_is_sent_again_and_who_is_gone_is_told_no_more(store: Obligations, receiver: Receiver) -> None:
    store.register_hub(hub(callback=receiver.url))
    settings = ApiSettings(hubs_private=True)
    receiver.status = 500
    assert isinstance(await deliver(store, settings, an_effect()), Again)
    receiver.status = 410
    assert isinstance(await deliver(store, settings, an_effect()), Refused)
    assert store.hubs() == []
    assert isinstance(await deliver(store, settings, an_effect()), Refused)
    assert len(receiver.got) == 2


async def test_private_addresses_are_not_called_unless_allowed(store: Obligations, receiver: Receiver) -> None:
    store.register_hub(hub(callback=receiver.url.replace("http:", "https:")))
    assert isinstance(await deliver(store, ApiSettings(), an_effect()), Refused)
    assert receiver.got == []
    assert isinstance(await deliver(store, ApiSettings(), replace(an_effect(), body={"hub": 7})), Poison)
    assert an_effect().kind is EffectKind.EVENT
