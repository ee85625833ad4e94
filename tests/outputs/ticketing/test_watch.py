"""What people do in a ticket is seen on its incident: once, with their name, and nothing of what we did ourselves."""

from dataclasses import replace

from pipeline.core.obligation import TicketLink
from pipeline.core.operation import Operation
from pipeline.core.ticket import TicketStatus
from pipeline.obligations import Obligations
from pipeline.outputs.ticketing.system import RemoteNote, RemoteTicket, TicketSystem
from pipeline.outputs.ticketing.watch import TicketWatch, operations_of
from pipeline.outputs.tickets import TicketOutput
from tests.outputs.incidents import HOUR, START, Clock, life
from tests.outputs.ticketing.worlds import World


def kept(store: Obligations, incident: str) -> list[Operation]:
    """What was kept of an incident, oldest first."""
    return [stored.operation for stored in reversed(store.operations(incident))]


def watching(world: World, system: TicketSystem, store: Obligations, clock: Clock) -> TicketWatch:
    return TicketWatch(world.settings.system.value, system, store, 30.0, world.settings.user, clock)


async def test_a_note_and_taking_the_ticket_on_show_on_the_incident_once(
    output: TicketOutput, world: World, system: TicketSystem, store: Obligations, clock: Clock, incident: str
) -> None:
    opening, update, _ = life(incident)
    watch = watching(world, system, store, clock)
    await output.deliver(opening)
    await output.deliver(update)
    clock.now += HOUR
    assert await watch.look() == 0
    assert kept(store, incident) == []
    [name] = await world.ids(incident)
    await world.remark(name, "splicer is on site")
    await world.set_status(name, world.working)
    for _ in range(3):
        clock.now += HOUR
        await watch.look()
    told = kept(store, incident)
    assert sorted((each.kind.value, each.operator, each.via) for each in told) == [
        ("ack", f"ticket:{world.changer}", "ticket"),
        ("comment", "ticket:jane", "ticket"),
    ]
    link = store.ticket_of(incident)
    assert link is not None
    assert {each.text for each in told} == {"splicer is on site", f"{link.called} is inProgress, was acknowledged"}
    assert link.status == "inProgress"


async def test_what_we_did_ourselves_is_not_told_as_done_by_people(
    output: TicketOutput, world: World, system: TicketSystem, store: Obligations, clock: Clock, incident: str
) -> None:
    watch = watching(world, system, store, clock)
    for effect in life(incident):
        await output.deliver(effect)
        clock.now += HOUR
        assert await watch.look() == 0
    assert kept(store, incident) == []


async def test_a_ticket_to_which_something_is_still_to_be_delivered_is_looked_at_later(
    output: TicketOutput, world: World, system: TicketSystem, store: Obligations, clock: Clock, incident: str
) -> None:
    """Killed between the call and its record: the ticket is resolved, and nobody has noted that it was us."""
    opening, _, resolve = life(incident)
    await output.deliver(opening)
    link = store.ticket_of(incident)
    assert link is not None
    await output.deliver(resolve)
    store.put_link(replace(link, updated_at=link.updated_at + 1))
    store.put_effects([resolve], START)
    clock.now += HOUR
    assert await watching(world, system, store, clock).look() == 0
    assert kept(store, incident) == []


NOW = START + HOUR


def test_what_is_hostile_in_a_note_is_made_plain_and_its_length_kept() -> None:
    link = TicketLink("in-1", "jira", "10001", "acknowledged", number="NET-1")
    ticket = RemoteTicket("10001", TicketStatus.ACKNOWLEDGED, number="NET-1")
    note = RemoteNote("7", "<b>eve</b>\u202e", "a\x1b[31m\n\n<script>\n" + "x " * 2_000, NOW + HOUR)
    [told] = operations_of(link, ticket, [note, RemoteNote("8", "us", "ours", key="ticket:in-1:r2")], "us", NOW)
    assert told.operator == "ticket:\u2039b\u203aeve\u2039/b\u203a"
    assert told.text.startswith("a\n\u2039script\u203a\nx x")
    assert (len(told.text) <= 1_000, told.at, told.id) == (True, NOW, "ticket:jira:10001:note:7")


def test_a_ticket_that_is_assigned_is_acknowledged_by_whom_it_is_assigned_to() -> None:
    link = TicketLink("in-1", "jira", "10001", "acknowledged", number="NET-1", updated_at=5)
    ticket = RemoteTicket("10001", TicketStatus.IN_PROGRESS, number="NET-1", assignee="jane", changed_by="ann")
    told = list(operations_of(link, ticket, [], "us", NOW))
    assert [(each.kind.value, each.operator, each.text) for each in told] == [
        ("ack", "ticket:jane", "NET-1 is assigned to jane"),
        ("comment", "ticket:ann", "NET-1 is inProgress, was acknowledged"),
    ]
