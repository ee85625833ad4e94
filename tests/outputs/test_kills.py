"""kill -9 of the deliveries after each step, for every system that they call: once is once, and a repeat can be told."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.controller import Controller

from pipeline.config.output_settings import ActionSettings, MessageSettings, RemedySettings, TicketSettings, WebhookSettings
from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiSettings, Settings
from pipeline.core.effect import Effect, Outcome
from pipeline.core.inventory import Inventory
from pipeline.core.remedy import Radius, RemedyState, remedies
from pipeline.obligations import Obligations
from pipeline.outputs.hub import effects_of
from pipeline.outputs.remedy import start_of
from pipeline.outputs.ticket_book import TicketBook
from tests.core.test_notice import START as NOTICE_START
from tests.core.test_remedy import RULE, SICK
from tests.outputs.incidents import BACK, ENDED, effect_of, life
from tests.outputs.notifying.conftest import Tell, free_port, tell
from tests.outputs.test_hub import Record, hub
from tests.outputs.test_messages import INVENTORY, first
from tests.outputs.ticketing.conftest import SYSTEMS, request_tracker_url, roundup_url, world
from tests.outputs.ticketing.worlds import World
from tests.support.delivering import POINTS, deliver_and_die
from tests.support.forked import Forked
from tests.support.mailbox import Mailbox
from tests.support.messaging import FakeMessaging
from tests.support.serving import served

__all__ = ["request_tracker_url", "roundup_url", "tell", "world"]

SERVICENOW_CLOSED = "7"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def drain(settings: Settings, point: str, inventory: Inventory | None = None, *, kills: int = 2) -> int:
    """Run children of which the first ``kills`` die at ``point``, until one has nothing left to do; how many died."""
    for died in range(kills + 1):
        ended = Forked(deliver_and_die, settings, point if died < kills else "", inventory).ended()
        if ended == 0:
            return died
        assert ended == -9
    raise AssertionError("the last child was not to die")


def settings_of(folder: Path, **changes: Any) -> Settings:
    return replace(Settings(data_dir=folder, inventory_dir=folder), **changes)


def put(settings: Settings, effects: Sequence[Effect]) -> None:
    with Obligations(settings.obligations_url()) as store:
        store.put_effects(effects, effects[0].decided_at)


def outcomes(settings: Settings, subject: str) -> list[Outcome]:
    with Obligations(settings.obligations_url()) as store:
        return [each.outcome for each in store.receipts(subject)]


@dataclass
class Heard:
    """A receiver over HTTP that keeps what it is told."""

    bodies: list[Any] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @contextmanager
    def serve(self) -> Iterator[str]:
        app = web.Application()
        app.add_routes([web.post("/{path:.*}", self._keep)])
        with served(app) as url:
            yield url

    async def _keep(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.ids.append(request.headers.get("webhook-id", ""))
        return web.json_response({"status": "success"}, status=202)


REAL, FAKED = SYSTEMS[:2], SYSTEMS[2:]
KILLED = [
    *((name, point) for name in FAKED for point in POINTS),
    *(pytest.param(*each.values, "called", marks=each.marks) for each in REAL if not isinstance(each, str)),
]


@pytest.mark.parametrize(("world", "point"), KILLED, indirect=["world"])
async def test_one_ticket_with_each_word_once(world: World, point: str, tmp_path: Path) -> None:
    """Its end was decided before anybody could be told of its beginning: it is closed, where that is not the same as resolved."""
    incident = f"kill-{point}"
    settings = settings_of(tmp_path, tickets=world.settings)
    put(settings, life(incident))
    assert drain(settings, point, kills=4) >= 1
    [ticket] = await world.ids(incident)
    assert len(await world.texts(ticket)) == 3
    assert await world.status(ticket) in {world.resolved, SERVICENOW_CLOSED}
    assert outcomes(settings, incident) == [Outcome.DELIVERED] * 3


@pytest.mark.parametrize("world", SYSTEMS[2:], indirect=True)
@pytest.mark.parametrize("point", POINTS)
async def test_an_incident_that_comes_back_goes_on_in_one_ticket(world: World, point: str, tmp_path: Path) -> None:
    """In its own; where that is closed for good, in one more that names it."""
    incident = f"back-{point}"
    settings = settings_of(tmp_path, tickets=world.settings)
    put(settings, life(incident))
    drain(settings, "")
    [ticket] = await world.ids(incident)
    closed = await world.status(ticket) == SERVICENOW_CLOSED
    put(settings, [effect_of(replace(BACK, id=incident), replace(ENDED, id=incident))])
    assert drain(settings, point) >= 1
    assert await world.ids(incident) == [ticket]
    following = await world.ids(f"{incident}:r{BACK.revision}")
    assert len(following) == (1 if closed else 0)
    assert len(await world.texts(ticket)) == (3 if closed else 4)
    assert await world.status((following or [ticket])[0]) in {*world.opened, world.working}
    assert outcomes(settings, incident) == [Outcome.DELIVERED] * 4


@pytest.mark.parametrize("point", POINTS)
def test_tmf621_has_one_ticket_and_one_more_when_it_comes_back(point: str, tmp_path: Path) -> None:
    """A closed ticket takes no more changes."""
    (tmp_path / "book").mkdir()
    own = settings_of(tmp_path / "book")
    with Obligations(own.obligations_url()) as book, served(TicketBook(book).app()) as url:
        settings = settings_of(tmp_path, tickets=TicketSettings(url=url, built_in=False, allow_private=True))
        put(settings, [*life("inc-1"), effect_of(BACK, ENDED)])
        assert drain(settings, point, kills=4) >= 1
        total, tickets = book.book_find()
    assert total == 2
    assert {each.external_id: (each.status, len(each.notes)) for each in tickets} == {
        "inc-1": ("closed", 2),
        "inc-1:r4": ("acknowledged", 0),
    }
    assert outcomes(settings, "inc-1") == [Outcome.DELIVERED] * 4


RECEIVERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "webhook": lambda url: {"webhooks": (WebhookSettings("there", url, Secret(WHSEC), allow_private=True),)},
    "pagerduty": lambda url: {
        "receivers": (ReceiverSettings("there", ReceiverKind.PAGERDUTY, url, Secret("R0UT1NG"), allow_private=True),)
    },
    "alertmanager": lambda url: {"receivers": (ReceiverSettings("there", ReceiverKind.ALERTMANAGER, url, allow_private=True),)},
    "slack": lambda url: {"receivers": (ReceiverSettings("there", ReceiverKind.SLACK, "", Secret(f"{url}/x"), allow_private=True),)},
}


def same(name: str, heard: Heard) -> list[Any]:
    """By what a receiver knows a repeat; Slack does not."""
    match name:
        case "webhook":
            return list(heard.ids)
        case "pagerduty":
            return [(body["dedup_key"], body["event_action"], json.dumps(body.get("payload"), sort_keys=True)) for body in heard.bodies]
        case "alertmanager":
            return [(alert["startsAt"], "endsAt" in alert, alert["annotations"]["summary"]) for body in heard.bodies for alert in body]
    return [body["text"] for body in heard.bodies]


@pytest.mark.parametrize("name", RECEIVERS)
@pytest.mark.parametrize("point", POINTS)
def test_a_receiver_hears_every_word_and_a_repeat_says_the_same(name: str, point: str, tell: Tell, tmp_path: Path) -> None:
    """Only a kill between the call and its record repeats a word."""
    heard, words = Heard(), tell("there")
    with heard.serve() as url:
        settings = settings_of(tmp_path, **RECEIVERS[name](url))
        put(settings, words)
        kills = drain(settings, point)
    assert outcomes(settings, "inc-1") == [Outcome.DELIVERED] * len(words)
    told = Counter(same(name, heard))
    if name == "alertmanager":
        assert len({json.dumps(alert["labels"], sort_keys=True) for body in heard.bodies for alert in body}) == 1
    else:
        assert len(told) == len(words)
        assert max(told.values()) <= (kills + 1 if point == "called" else 1)
    assert next(reversed(told)) == same(name, heard)[-1]


@pytest.mark.parametrize("point", POINTS)
def test_mail_has_the_same_id_when_it_comes_twice(point: str, tell: Tell, tmp_path: Path) -> None:
    mailbox = Mailbox()
    running = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    running.start()
    try:
        own = ReceiverSettings(
            "there",
            ReceiverKind.EMAIL,
            f"smtp://127.0.0.1:{running.port}",
            sender="noc@isp.example",
            to=("a@isp.example",),
            allow_private=True,
        )
        settings = settings_of(tmp_path, receivers=(own,))
        words = tell("there")
        put(settings, words)
        drain(settings, point)
    finally:
        running.stop()
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == len(words)
    assert len(mailbox.mails) <= len(words) * 2


@pytest.mark.parametrize("point", POINTS)
def test_a_customer_is_told_once(point: str, tmp_path: Path) -> None:
    """By TMF681, which is asked by the message's key before it is told."""
    fake = FakeMessaging()
    with served(fake.application()) as url:
        told = MessageSettings(sending=True, tmf681_url=url, sender="service@isp.example", allow_private=True)
        settings = settings_of(tmp_path, messages=told)
        put(settings, [first()])
        assert drain(settings, point, INVENTORY) >= 1
    assert [one["messageType"] for one in fake.sent] == ["Email", "SMS"]
    assert outcomes(settings, first().subject) == [Outcome.DELIVERED]


@pytest.mark.parametrize("point", POINTS)
def test_a_registered_system_hears_of_an_event_by_one_id(point: str, tmp_path: Path) -> None:
    heard = Heard()
    with heard.serve() as url:
        settings = settings_of(tmp_path, api=ApiSettings(hubs_private=True))
        one = hub(callback=f"{url}/listener")
        with Obligations(settings.obligations_url()) as store:
            store.register_hub(one)
        put(settings, effects_of(Record(changes()), [one]))  # type: ignore[arg-type]  # as much of a record as is looked at
        drain(settings, point)
    assert len({body["eventId"] for body in heard.bodies}) == 1
    assert len(heard.bodies) <= (3 if point == "called" else 1)


def changes() -> bytes:
    from pipeline import wire  # noqa: PLC0415  # this one function's
    from tests.support.history_samples import alarm_change  # noqa: PLC0415  # as above

    return wire.encode([alarm_change()])


@pytest.mark.parametrize("way", ["http", "program"])
@pytest.mark.parametrize("point", POINTS)
def test_a_remedy_is_started_once_at_most(way: str, point: str, tmp_path: Path) -> None:
    """Killed while it is started, nobody knows whether it was: that is said, and it is not started again."""
    heard, counted = Heard(), tmp_path / "counted"
    program = (sys.executable, "-c", f"import sys; sys.stdin.read(); open({str(counted)!r}, 'a').write('x')")
    with heard.serve() as url:
        action = (
            ActionSettings("restart-session", f"{url}/act", Secret(WHSEC), allow_private=True)
            if way == "http"
            else ActionSettings("restart-session", argv=program)
        )
        settings = settings_of(tmp_path, remedies=RemedySettings(acting=True, actions=(action,)))
        put(settings, remedies(SICK, None, (RULE,), ("peer-down",), lambda: Radius(0), NOTICE_START, NOTICE_START))
        drain(settings, point)
        with Obligations(settings.obligations_url()) as store:
            [remedy] = store.remedies()
            assert remedy.state is RemedyState.PROPOSED
            start = start_of(remedy, NOTICE_START)
            assert store.move_remedy(remedy.name, RemedyState.PROPOSED, (start,), state=RemedyState.APPROVED, decided_by="ann")
        drain(settings, point)
    started = len(heard.bodies) if way == "http" else len(counted.read_text()) if counted.exists() else 0
    with Obligations(settings.obligations_url()) as store:
        [remedy] = store.remedies()
        ended, offered = (one.operation.text for one in store.operations("inc-1"))
    assert "is proposed" in offered
    assert ("is unknown" if point in {"called", "noted"} else "was done") in ended
    assert started <= 1
    unsure = point in {"called", "noted"}
    assert remedy.state is (RemedyState.UNKNOWN if unsure else RemedyState.DONE)
    assert unsure or started == 1
