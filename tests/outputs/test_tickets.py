"""Ticket effects against the real ticket book: one ticket for each incident, whatever fails in between."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, web

from pipeline.core.effect import EffectKind
from pipeline.core.obligation import BookTicket, TicketLink
from pipeline.obligations import Obligations
from pipeline.outputs.ports import Again, Done, Poison, Refused
from pipeline.outputs.ticketing.system import Change, Draft, RemoteTicket
from pipeline.outputs.ticketing.tmf621 import TroubleTickets
from pipeline.outputs.tickets import Suffered, TicketOutput
from tests.outputs.incidents import ENDED, OPENING, REOPEN, RESOLVE, START, UPDATE, Clock
from tests.outputs.receiver import receiver, reset


@pytest.fixture
def clock() -> Clock:
    return Clock(START + 1)


@pytest.fixture
def output(session: ClientSession, book_url: str, store: Obligations, clock: Clock) -> TicketOutput:
    return TicketOutput("tmf621", TroubleTickets(session, book_url), store, clock)


def tickets(store: Obligations) -> list[BookTicket]:
    return store.book_find()[1]


async def test_a_life_is_one_ticket_opened_updated_and_resolved(output: TicketOutput, store: Obligations) -> None:
    for effect in (OPENING, UPDATE, RESOLVE):
        assert await output.deliver(effect) == Done("TT-000001")
    [ticket] = tickets(store)
    assert [step.status for step in ticket.changes] == ["acknowledged", "inProgress", "resolved"]
    assert (ticket.changes[-1].reason, ticket.fields["resolutionDate"]) == ("all-clear", "2026-11-18T12:06:40.000Z")
    assert ticket.fields["name"].startswith("fibre/f1")
    assert [note.id for note in ticket.notes] == [UPDATE.key, RESOLVE.key]
    link = store.ticket_of("inc-1")
    assert link is not None
    assert (link.remote_id, link.status, link.linked_at) == ("TT-000001", "resolved", START + 1)


async def test_the_same_effect_three_times_is_the_same_as_once(output: TicketOutput, store: Obligations) -> None:
    for effect in (OPENING, UPDATE, RESOLVE):
        for _ in range(3):
            assert isinstance(await output.deliver(effect), Done)
    [ticket] = tickets(store)
    assert len(ticket.notes) == 2
    assert [step.status for step in ticket.changes] == ["acknowledged", "inProgress", "resolved"]


class LosesAnswers(TroubleTickets):
    """A client that is killed after the server did what it asked, each first time."""

    def __init__(self, session: ClientSession, base: str) -> None:
        super().__init__(session, base)
        self.kills = 0

    def _killed(self) -> None:
        self.kills += 1
        if self.kills % 2:
            raise ClientError("killed before the answer was recorded")

    async def create(self, draft: Draft) -> RemoteTicket:
        ticket = await super().create(draft)
        self._killed()
        return ticket

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        changed = await super().change(ticket, change)
        self._killed()
        return changed


async def test_a_kill_between_a_call_and_its_record_finds_the_ticket_again(
    session: ClientSession, book_url: str, store: Obligations, clock: Clock
) -> None:
    remote = LosesAnswers(session, book_url)
    for effect in (OPENING, UPDATE, RESOLVE):
        for _ in range(8):
            try:
                delivery = await TicketOutput("tmf621", remote, store, clock).deliver(effect)
            except ClientError:
                continue
            assert delivery.detail == "" or "was" in delivery.detail
            break
        else:
            pytest.fail(f"{effect.key} never ended")
    [ticket] = tickets(store)
    assert [step.status for step in ticket.changes] == ["acknowledged", "inProgress", "resolved"]
    assert [note.id for note in ticket.notes] == [UPDATE.key, RESOLVE.key]
    assert remote.kills >= 3


async def test_a_ticket_of_an_incident_that_came_and_went_before_it_was_made_is_closed(
    output: TicketOutput, store: Obligations, clock: Clock
) -> None:
    clock.now = ENDED.resolved_at + 1
    for effect in (OPENING, UPDATE, RESOLVE, RESOLVE):
        assert isinstance(await output.deliver(effect), Done)
    [ticket] = tickets(store)
    assert [step.status for step in ticket.changes] == ["acknowledged", "inProgress", "resolved", "closed"]


async def test_an_incident_that_comes_back_has_its_ticket_in_progress_again(output: TicketOutput, store: Obligations) -> None:
    for effect in (OPENING, UPDATE, RESOLVE, REOPEN):
        assert isinstance(await output.deliver(effect), Done)
    [ticket] = tickets(store)
    assert [step.status for step in ticket.changes][-2:] == ["resolved", "inProgress"]
    assert ticket.changes[-1].reason == "raised-after-clear"


async def test_what_people_did_with_the_ticket_is_respected(output: TicketOutput, store: Obligations) -> None:
    await output.deliver(OPENING)
    [ticket] = tickets(store)
    store.book_change(replace(ticket, status="cancelled"))
    update = await output.deliver(UPDATE)
    assert isinstance(update, Refused)
    assert "cancelled" in update.detail
    assert isinstance(await output.deliver(RESOLVE), Done)
    assert tickets(store)[0].status == "cancelled"


async def test_a_held_ticket_is_resolved_by_way_of_in_progress(output: TicketOutput, store: Obligations) -> None:
    await output.deliver(OPENING)
    store.book_change(replace(tickets(store)[0], status="held"))
    await output.deliver(RESOLVE)
    assert [step.status for step in tickets(store)[0].changes] == ["acknowledged", "inProgress", "resolved"]


async def test_an_update_without_a_ticket_opens_it_and_a_resolve_without_one_does_nothing(output: TicketOutput, store: Obligations) -> None:
    assert await output.deliver(RESOLVE) == Done(detail="no ticket was opened")
    assert tickets(store) == []
    assert (await output.deliver(UPDATE)).detail == "there was no ticket; opened"
    assert len(tickets(store)) == 1


async def test_a_link_to_a_ticket_that_is_gone_is_mended(output: TicketOutput, store: Obligations) -> None:
    store.put_link(TicketLink("inc-1", "tmf621", "TT-000099", "acknowledged", linked_at=START))
    assert isinstance(await output.deliver(OPENING), Done)
    link = store.ticket_of("inc-1")
    assert link is not None
    assert link.remote_id == "TT-000001"


@pytest.mark.parametrize("body", [{}, {"incident": "x"}, {"incident": "x", "ticket": "no"}, {"incident": None, "ticket": {}}])
async def test_a_body_that_is_no_ticket_is_poison(output: TicketOutput, body: dict[str, Any]) -> None:
    assert isinstance(await output.deliver(replace(OPENING, body=body)), Poison)
    assert isinstance(await output.deliver(replace(OPENING, kind=EffectKind.NOTIFY)), Poison)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (web.Response(status=503, headers={"Retry-After": "30"}), Again),
        (web.Response(status=500), Again),
        (web.Response(status=401), Again),
        (web.Response(status=302, headers={"Location": "/elsewhere"}), Again),
        (web.Response(status=400, text="no such severity"), Refused),
        (web.Response(text="<html>login</html>"), Again),
        (web.json_response([{"id": 5, "status": "asleep"}]), Again),
    ],
)
async def test_what_a_ticket_system_answers_decides_whether_to_try_again(
    session: ClientSession, store: Obligations, answer: web.Response, kind: type
) -> None:
    async with receiver(answer) as system:
        delivery = await TicketOutput("tmf621", TroubleTickets(session, system.url), store).deliver(OPENING)
        assert isinstance(delivery, kind)
        assert isinstance(delivery, Refused) or delivery.after_s == (30 if answer.status == 503 else 0)


async def test_a_server_that_ignores_the_filter_is_not_believed(session: ClientSession, store: Obligations) -> None:
    others = web.json_response([{"id": 1, "status": "closed", "externalId": "other"}, {"id": 2, "status": "closed"}])
    made = web.json_response({"id": 3, "status": "acknowledged"}, status=201)
    async with receiver(others, made) as system:
        assert await TicketOutput("tmf621", TroubleTickets(session, system.url), store).deliver(OPENING) == Done("3")


async def test_a_connection_that_is_cut_is_an_error_that_means_again(session: ClientSession, store: Obligations) -> None:
    async with receiver(reset, reset) as system:
        with pytest.raises(ClientError):
            await TicketOutput("tmf621", TroubleTickets(session, system.url), store).deliver(OPENING)


async def test_what_agreements_still_bear_is_asked_when_the_ticket_is_written(
    session: ClientSession, book_url: str, store: Obligations
) -> None:
    """Of the services that the incident names, as they fare; again at each change, since time has gone by."""
    asked: list[Suffered] = []

    def remarks(services: Sequence[Suffered]) -> list[str]:
        asked.extend(services)
        return [f"SLA gold of {each.service}: {len(asked)} min <left>" for each in services]

    output = TicketOutput("tmf621", TroubleTickets(session, book_url), store, remarks=remarks)
    await output.deliver(OPENING)
    [ticket] = tickets(store)
    assert ticket.fields["description"].splitlines()[-1] == "SLA gold of acme-vpn-1: 1 min \u2039left\u203a"
    assert asked == [Suffered("acme-vpn-1", "down", START)]
    await output.deliver(RESOLVE)
    assert asked[-1] == Suffered("acme-vpn-1", "down", START, lasts=False)
    assert tickets(store)[0].fields["description"].splitlines()[-1].startswith("SLA gold of acme-vpn-1: 2 min")


@pytest.mark.parametrize("error", [OSError("refused"), ValueError("no such zone"), TimeoutError()])
async def test_a_ticket_does_not_wait_for_what_nobody_can_tell(
    error: Exception, session: ClientSession, book_url: str, store: Obligations
) -> None:
    """It is opened without, and says so."""

    def remarks(_: Sequence[Suffered]) -> list[str]:
        raise error

    output = TicketOutput("tmf621", TroubleTickets(session, book_url), store, remarks=remarks)
    assert isinstance(await output.deliver(OPENING), Done)
    assert tickets(store)[0].fields["description"].splitlines()[-1] == "Agreements: not known at the time of writing"


async def test_a_history_that_hangs_holds_no_ticket(
    session: ClientSession, book_url: str, store: Obligations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is let go after a while."""
    monkeypatch.setattr("pipeline.outputs.tickets.ASK_WITHIN_S", 0.01)
    released = threading.Event()

    def remarks(_: Sequence[Suffered]) -> list[str]:
        released.wait(60)
        return []

    output = TicketOutput("tmf621", TroubleTickets(session, book_url), store, remarks=remarks)
    async with asyncio.timeout(30):
        assert isinstance(await output.deliver(OPENING), Done)
    released.set()
