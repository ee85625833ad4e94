"""What every ticket system must give, held to the real ones: one ticket for each incident, whatever is killed and whoever works in it."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientError

from pipeline.core.ticket import TicketStatus
from pipeline.obligations import Obligations
from pipeline.outputs.ports import Again, Done, Refused
from pipeline.outputs.ticketing.connect import open_system
from pipeline.outputs.ticketing.system import Change, Draft, RemoteTicket, TicketSystem
from pipeline.outputs.tickets import TicketOutput
from tests.outputs.incidents import BACK, ENDED, HOUR, Clock, effect_of, life
from tests.outputs.ticketing.worlds import JiraWorld, RequestTrackerWorld, World, person
from tests.support.fake_tickets import FakeJira

HOSTILE = "<script>alert(1)</script> @all [x](http://e) *b* `c` {code} \x1b[31m \u202e"


async def test_a_life_is_one_ticket_opened_updated_and_resolved(output: TicketOutput, world: World, incident: str) -> None:
    opening, update, resolve = life(incident)
    delivery = await output.deliver(opening)
    assert isinstance(delivery, Done), delivery
    [ticket] = await world.ids(incident)
    assert await world.status(ticket) in world.opened
    assert "Root cause: link/pe1-pe2" in (await world.texts(ticket))[0]
    assert isinstance(await output.deliver(update), Done)
    assert await world.status(ticket) in world.opened
    assert isinstance(await output.deliver(resolve), Done)
    assert await world.status(ticket) == world.resolved
    texts = await world.texts(ticket)
    assert any("Root cause: fibre/f1" in text for text in texts)
    assert sum("The root cause is now fibre/f1" in text for text in texts) == 1
    assert sum("Resolved at 2026-11-18T12:06:40.000Z (all-clear)" in text for text in texts) == 1
    assert await world.ids(incident) == [ticket]


async def test_the_same_effect_three_times_is_the_same_as_once(output: TicketOutput, world: World, incident: str) -> None:
    for effect in life(incident):
        for _ in range(3):
            assert isinstance(await output.deliver(effect), Done)
    [ticket] = await world.ids(incident)
    assert len(await world.texts(ticket)) == 3


class LosesAnswers:
    """A system to which each call is made, and whose answer is lost each first time: a kill between the call and its record."""

    def __init__(self, system: TicketSystem) -> None:
        self._system = system
        self.kills = 0
        self.found_after_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    def _killed(self) -> None:
        self.kills += 1
        if self.kills % 2:
            raise ClientError("killed before the answer was recorded")

    async def create(self, draft: Draft) -> RemoteTicket:
        ticket = await self._system.create(draft)
        self._killed()
        return ticket

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        changed = await self._system.change(ticket, change)
        self._killed()
        return changed


async def test_a_kill_between_a_call_and_its_record_finds_the_ticket_again(
    system: TicketSystem, world: World, store: Obligations, clock: Clock, incident: str
) -> None:
    dying = LosesAnswers(system)
    for effect in life(incident):
        for _ in range(8):
            try:
                delivery = await TicketOutput("t", dying, store, clock).deliver(effect)
            except ClientError:
                continue
            assert isinstance(delivery, Done)
            break
        else:
            pytest.fail(f"{effect.key} never ended")
    assert dying.kills >= 3
    [ticket] = await world.ids(incident)
    assert len(await world.texts(ticket)) == 3
    assert await world.status(ticket) == world.resolved


async def test_without_its_link_a_ticket_is_found_by_the_incident(
    output: TicketOutput, system: TicketSystem, world: World, incident: str, tmp_path: Any
) -> None:
    """The obligations store was lost."""
    opening, update, _ = life(incident)
    await output.deliver(opening)
    with Obligations(f"sqlite:///{tmp_path / 'new.db'}") as anew:
        assert isinstance(await TicketOutput("t", system, anew).deliver(opening), Done)
        assert isinstance(await TicketOutput("t", system, anew).deliver(update), Done)
        link = anew.ticket_of(incident)
    assert link is not None
    assert [link.remote_id] == await world.ids(incident)


async def test_an_incident_that_is_back_soon_has_its_ticket_reopened(
    output: TicketOutput, system: TicketSystem, world: World, incident: str
) -> None:
    reopen = effect_of(replace(BACK, id=incident), replace(ENDED, id=incident))
    for effect in (*life(incident), reopen, reopen):
        assert isinstance(await output.deliver(effect), Done)
    [name] = await world.ids(incident)
    ticket = await system.get(name)
    assert ticket is not None
    assert ticket.status is TicketStatus.IN_PROGRESS


async def test_an_incident_that_is_back_late_has_a_new_ticket_that_names_the_old_one(
    output: TicketOutput, world: World, store: Obligations, incident: str
) -> None:
    """And what follows goes to the new one."""
    back, ended = replace(BACK, id=incident), replace(ENDED, id=incident)
    called = ""
    late = replace(effect_of(back, ended), decided_at=ENDED.resolved_at + 25 * HOUR)
    for effect in (*life(incident), late, late):
        delivery = await output.deliver(effect)
        assert isinstance(delivery, Done)
        called = called or delivery.remote_id
    [old] = await world.ids(incident)
    [new] = await world.ids(f"{incident}:r4")
    assert await world.status(old) == world.resolved
    link = store.ticket_of(incident)
    assert link is not None
    assert link.remote_id == new
    assert (link.called, link.previous) == (delivery.remote_id, called)
    assert f"Continues {called}" in (await world.texts(new))[0]
    again = effect_of(replace(ended, revision=5), back)
    assert isinstance(await output.deliver(again), Done)
    assert await world.status(new) == world.resolved
    assert len(await world.texts(new)) == 2


async def test_texts_of_devices_are_text_in_the_ticket(system: TicketSystem, world: World, incident: str) -> None:
    """Whatever came through unescaped would still be shown as it stands, and not be run."""
    fields = {"name": HOSTILE, "description": f"first\n{HOSTILE}", "severity": "Critical"}
    ticket = await system.create(Draft(incident, fields))
    texts = await world.texts(ticket.id)
    assert texts[0].splitlines()[0] == "first"
    assert "<script>alert(1)</script>" in texts[0]


async def test_notes_of_people_are_told_from_ours(output: TicketOutput, system: TicketSystem, world: World, incident: str) -> None:
    opening, update, _ = life(incident)
    await output.deliver(opening)
    [name] = await world.ids(incident)
    await world.remark(name, "splicer is on site")
    await output.deliver(update)
    ticket = await system.get(name)
    assert ticket is not None
    theirs = [note for note in await system.notes(ticket) if not note.key]
    assert [(note.author, note.text) for note in theirs if "splicer" in note.text] == [("jane", "splicer is on site")]
    assert [note.key for note in await system.notes(ticket) if note.key][-1] == update.key


async def test_a_status_that_people_gave_is_read_in_our_words(
    output: TicketOutput, system: TicketSystem, world: World, incident: str
) -> None:
    opening, update, resolve = life(incident)
    await output.deliver(opening)
    [name] = await world.ids(incident)
    await world.set_status(name, world.resolved)
    ticket = await system.get(name)
    assert ticket is not None
    assert ticket.status is TicketStatus.RESOLVED
    assert ticket.changed_by in {"jane", ""}
    assert isinstance(await output.deliver(update), Done)
    assert isinstance(await output.deliver(resolve), Done)
    assert await world.status(name) == world.resolved


async def test_an_address_without_a_ticket_is_none(system: TicketSystem) -> None:
    assert await system.get("987654") is None
    assert await system.find("in-that-nobody-has") is None


@pytest.mark.needs_request_tracker
async def test_a_queue_without_the_field_by_which_tickets_are_found_gets_none(request_tracker_url: str, store: Obligations) -> None:
    async with person() as session:
        settings = replace(RequestTrackerWorld(request_tracker_url, session).settings, project="Bare")
    async with open_system(settings) as system:
        refused = await TicketOutput("t", system, store).deliver(life("in-bare")[0])
    assert isinstance(refused, Refused)
    assert "queue 'Bare' has no custom field 'Incident'" in refused.detail


async def test_where_the_search_lags_behind_a_ticket_whose_making_nobody_saw_end_is_waited_for(
    store: Obligations, clock: Clock, incident: str
) -> None:
    """Killed between the call and its record, and Jira's search does not know the ticket yet: there is still one."""
    fake = FakeJira()
    opening = life(incident)[0]
    with fake.serve() as url:
        world = JiraWorld(fake, url)
        async with open_system(world.settings) as system:
            dying = LosesAnswers(system)
            dying.found_after_s = system.found_after_s
            fake.lags = True
            output = TicketOutput("jira", dying, store, clock)
            with pytest.raises(ClientError):
                await output.deliver(opening)
            clock.now += 5_000_000_000
            again = await output.deliver(opening)
            assert isinstance(again, Again)
            assert again.after_s == 55.0
            clock.now += 56_000_000_000
            fake.lags = False
            assert await output.deliver(opening) == Done("NET-1", "the ticket was there")
    assert list(fake.issues) == ["NET-1"]


async def test_a_workflow_without_a_way_is_told_with_where_it_leads(store: Obligations, clock: Clock, incident: str) -> None:
    fake = FakeJira()
    with fake.serve() as url:
        settings = replace(JiraWorld(fake, url).settings, statuses={TicketStatus.CANCELLED: "Done"})
        async with open_system(settings) as system:
            output = TicketOutput("jira", system, store, clock)
            opening, _, resolve = life(incident)
            await output.deliver(opening)
            refused = await output.deliver(resolve)
    assert isinstance(refused, Refused)
    assert "workflow leads from inProgress to held, cancelled" in refused.detail or "set tickets.statuses" in refused.detail
