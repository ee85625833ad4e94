"""One domain's alarms meet in one partition: incidents, outages and effects go where their readers look, and survive the worker."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import knowing
from pipeline.bus import partition_of
from pipeline.config.settings import CorrelationSettings, Settings
from pipeline.core.alarm import Change
from pipeline.core.domain import ROW_TYPES
from pipeline.core.effect import EffectKind
from pipeline.core.event import Event, EventSource, StateReport, Tick
from pipeline.core.incident import IncidentState
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.normalize import normalize
from pipeline.core.operation import Operation, OperationKind, Outcome
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId
from pipeline.knowing import FileKnowledge
from pipeline.lab.config import inventory_dir
from pipeline.stream.domain import DomainHandler
from pipeline.stream.rows import Rows
from pipeline.wire import Topic, decode
from tests.stream.conftest import PARTITIONS, Desk, Known
from tests.support.fibre_cut import SECOND, about_fibre, decoded

FIBRE = "f-ams-rtm-1"
BEGIN = 1_795_435_200 * SECOND
WHERE = partition_of("default", PARTITIONS)


def handler_of(source: KnowledgeSource) -> DomainHandler:
    return DomainHandler(source, Rows(ROW_TYPES), CorrelationSettings(settle_s=1.0), PARTITIONS)


def events(source: KnowledgeSource, seconds: float = 0, *, up: bool = False) -> list[Event]:
    known = source.current()
    traps = decoded(about_fibre(FIBRE, up=up), BEGIN + int(seconds * SECOND), first=100 if up else 1)
    return [event for trap in traps for event in normalize(trap, known.rules, known.directory, known.mibs)]


async def ticks(desk: Desk, handler: DomainHandler, first: int, last: int) -> None:
    for second in range(first, last):
        await desk.give(handler.handle, WHERE, [Tick(BEGIN + second * SECOND)])


async def test_a_cut_is_told_to_every_topic_on_the_partition_of_its_reader(source: Known, desk: Desk) -> None:
    handler = handler_of(source)
    await desk.give(handler.handle, WHERE, events(source))
    assert {topic for topic, _, _ in desk.broker.sent} == {"alarms", "questions"}
    await ticks(desk, handler, 1, 4)
    (incident,) = desk.broker.values(Topic.INCIDENTS)
    assert incident.root_cause == f"fibre/{FIBRE}"
    assert len(incident.alarms) == len(desk.broker.values(Topic.ALARMS)) == 13
    for topic, subject in ((Topic.OUTAGES, "contract"), (Topic.EFFECTS, "subject")):
        for name, partition, data in desk.broker.sent:
            if name == topic:
                assert {partition_of(getattr(value, subject), PARTITIONS) for value in decode(data)} == {partition}
    assert {effect.kind for effect in desk.broker.values(Topic.EFFECTS)} == {EffectKind.TICKET_OPEN, EffectKind.NOTIFY, EffectKind.MESSAGE}


async def test_a_new_worker_goes_on_with_the_rows_of_the_one_before(source: Known, desk: Desk) -> None:
    """The standing alarms clear and the same incident resolves, though nobody remembers it but the table."""
    first = handler_of(source)
    await desk.give(first.handle, WHERE, events(source))
    await ticks(desk, first, 1, 4)
    (opened,) = desk.broker.values(Topic.INCIDENTS)
    later = Desk(desk.table.after(len(desk.table.changelog)))
    second = handler_of(source)
    await later.give(second.handle, WHERE, events(source, 10, up=True))
    await ticks(later, second, 11, 15)
    revisions = [incident for incident in later.broker.values(Topic.INCIDENTS) if incident.id == opened.id]
    assert [change.change for change in later.broker.values(Topic.ALARMS)][-13:] == [Change.CLEARED] * 13
    assert (revisions[-1].state, revisions[-1].revision > opened.revision) == (IncidentState.RESOLVED, True)
    assert all(outage.ended_at for outage in {outage.id: outage for outage in later.broker.values(Topic.OUTAGES)}.values())


async def test_events_that_come_again_change_nothing(source: Known, desk: Desk) -> None:
    handler = handler_of(source)
    await desk.give(handler.handle, WHERE, events(source))
    await ticks(desk, handler, 1, 4)
    sent = len(desk.broker.sent)
    for again in (events(source), [Tick(BEGIN + SECOND)]):
        await desk.give(handler.handle, WHERE, again)
    assert len(desk.broker.sent) == sent


async def test_after_a_failure_the_state_is_read_from_the_rows_again(source: Known, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the failed message had changed in memory is gone."""
    handler = handler_of(source)
    await desk.give(handler.handle, WHERE, events(source))
    with monkeypatch.context() as patch:
        patch.setattr(handler, "_publish", None)
        with pytest.raises(TypeError):
            await desk.give(handler.handle, WHERE, events(source, 10, up=True))
    handler.forget(WHERE)
    await ticks(desk, handler, 11, 14)
    assert [incident.state for incident in desk.broker.values(Topic.INCIDENTS)] == [IncidentState.OPEN]


async def test_domains_of_one_partition_have_incidents_of_their_own(source: Known, desk: Desk) -> None:
    other = next(name for name in (f"domain-{number}" for number in range(100)) if partition_of(name, PARTITIONS) == WHERE)
    handler = handler_of(source)
    both = [replace(event, domain=domain) for domain in ("default", other) for event in events(source)]
    await desk.give(handler.handle, WHERE, both)
    await ticks(desk, handler, 1, 4)
    assert {incident.domain for incident in desk.broker.values(Topic.INCIDENTS)} == {"default", other}
    assert len({incident.id for incident in desk.broker.values(Topic.INCIDENTS)}) == 2


async def test_a_tick_without_alarms_costs_no_record(source: Known, desk: Desk) -> None:
    handler = handler_of(source)
    await desk.give(handler.handle, WHERE, [Tick(BEGIN)])
    assert (dict(desk.table), desk.broker.sent) == ({}, [])


async def test_new_knowledge_is_in_force_from_the_next_message_on(source: Known, desk: Desk) -> None:
    """A catalogue that says nothing of links being down: no new incident comes of it."""
    handler = handler_of(source)
    rules = source.current().rules
    await desk.give(handler.handle, WHERE, [Tick(BEGIN)])
    source.change(rules=replace(rules, version="another"))
    await desk.give(handler.handle, WHERE, events(source))
    await ticks(desk, handler, 1, 4)
    assert {incident.rules_version for incident in desk.broker.values(Topic.INCIDENTS)} == {"another"}


async def test_a_reload_in_mid_storm_swaps_at_once_and_each_revision_names_its_topology(
    tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause is sought anew among alarms that came before; a broken set changes nothing; a new worker seeks it anew as well."""
    monkeypatch.setattr(knowing, "LOOK_EVERY_S", -1.0)
    folder = tmp_path / "inventory"
    shutil.copytree(inventory_dir(), folder)
    network = folder / "network.yaml"
    known = FileKnowledge(Settings(tmp_path / "data", folder))
    handler = handler_of(known)
    storm = events(known)
    old = known.current().topology.version

    await desk.give(handler.handle, WHERE, storm[:6])
    await ticks(desk, handler, 1, 4)
    network.write_text(network.read_text().replace(f"{FIBRE}, duct", "f-ams rtm, duct"))
    await desk.give(handler.handle, WHERE, storm[6:9])
    await ticks(desk, handler, 4, 7)
    assert known.problem
    assert {(one.root_cause, one.topology_version) for one in desk.broker.values(Topic.INCIDENTS)} == {(f"fibre/{FIBRE}", old)}

    text = network.read_text().replace("f-ams rtm, duct", f"{FIBRE}, duct")
    network.write_text(text.replace(f"b: ams-pe1/xe-0/0/2, fibres: [{FIBRE}]", "b: ams-pe1/xe-0/0/2, fibres: [f-2]"))
    (folder / "more.yaml").write_text("fibres: [{name: f-2, duct: d-ams-rtm-coast}]\n")
    await desk.give(handler.handle, WHERE, storm[9:])
    new = known.current().topology.version
    await ticks(desk, handler, 7, 10)
    first, *_, last = desk.broker.values(Topic.INCIDENTS)
    assert (last.id, last.root_cause, last.topology_version, len(last.alarms)) == (first.id, "duct/d-ams-rtm-coast", new, len(storm))
    assert any(line.startswith(f"Topology version {new}") for line in last.explanation)
    assert {one.topology_version for one in desk.broker.values(Topic.INCIDENTS)} == {old, new}

    shutil.copytree(inventory_dir(), folder, dirs_exist_ok=True)
    (folder / "more.yaml").unlink()
    later = Desk(desk.table.after(len(desk.table.changelog)))
    await ticks(later, handler_of(known), 10, 14)
    revised = later.broker.values(Topic.INCIDENTS)[-1]
    assert (revised.id, revised.root_cause, revised.topology_version) == (first.id, f"fibre/{FIBRE}", old)


def poll_of(device: str, seconds: float, *, up: tuple[str, ...] = (), down: tuple[str, ...] = ()) -> StateReport:
    """What a poll on suspicion saw of a device's interfaces."""
    seen = {name: tuple(ResourceId(f"interface/{device}/{port}") for port in ports) for name, ports in (("up", up), ("down", down))}
    sequence = int(seconds * 1000)
    return StateReport(device, BEGIN + int(seconds * SECOND), "poll-1", sequence, reachable=True, on_suspicion=True, **seen)


async def test_what_only_traps_say_is_asked_back_once_for_each_device(source: Known, desk: Desk) -> None:
    """On the partition of the device; a second telling of the same asks nothing."""
    handler = handler_of(source)
    await desk.give(handler.handle, WHERE, events(source))
    questions = desk.broker.values(Topic.QUESTIONS)
    reporters = {event.device for event in events(source) if event.resource.startswith("interface/")}
    assert sorted(question.device for question in questions) == sorted(reporters)
    assert {question.reason for question in questions} == {Reason.RAISED_BY_TRAP}
    for name, partition, data in desk.broker.sent:
        if name == Topic.QUESTIONS:
            assert {partition_of(question.device, PARTITIONS) for question in decode(data)} == {partition}
    await desk.give(handler.handle, WHERE, events(source, 1))
    assert desk.broker.values(Topic.QUESTIONS) == questions


async def test_what_a_poll_settles_is_an_event_of_the_history(source: Known, desk: Desk) -> None:
    """Marked as the poll's, under the id that the alarm's change names; read again by whoever wrote it, it changes nothing."""
    handler = handler_of(source)
    link = next(event for event in events(source) if event.resource == "interface/ams-p1/et-0/0/0")
    await desk.give(handler.handle, WHERE, [link])
    await desk.give(handler.handle, WHERE, [poll_of("ams-p1", 1.2, up=("et-0/0/0",))])
    (told,) = desk.broker.values(Topic.EVENTS)
    change = desk.broker.values(Topic.ALARMS)[-1]
    assert (told.source, told.rule, told.id) == (EventSource.POLL, Reason.CONTRADICTED_BY_POLL, change.event)
    assert (change.reason, change.alarm.cleared_by) == (Reason.CONTRADICTED_BY_POLL, EventSource.POLL)
    sent = len(desk.broker.sent)
    await desk.give(handler.handle, WHERE, [told])
    await ticks(desk, handler, 2, 6)
    assert len(desk.broker.sent) == sent


async def test_people_are_answered_and_their_planned_work_is_told_to_every_contract(source: Known, desk: Desk) -> None:
    """An operation that comes again is answered alike; its window goes to all partitions of outages once."""
    window = Operation(
        "op-1",
        OperationKind.WINDOW_ADD,
        BEGIN,
        "alice",
        "mw-7",
        "default",
        until=BEGIN + 3600 * SECOND,
        starts_at=BEGIN,
        resources=(f"fibre/{FIBRE}",),
    )
    handler = handler_of(source)
    for _ in range(2):
        await desk.give(handler.handle, WHERE, [window])
    first, second = desk.broker.values(Topic.ANSWERS)
    assert (first.outcome, first.reason, first == second) == (Outcome.DONE, Reason.WINDOW_ADDED, True)
    told = [partition for topic, partition, _ in desk.broker.sent if topic == Topic.OUTAGES]
    assert sorted(told) == list(range(PARTITIONS))
    await desk.give(handler.handle, WHERE, events(source, 1))
    await ticks(desk, handler, 2, 5)
    (incident,) = desk.broker.values(Topic.INCIDENTS)
    assert (incident.planned, desk.broker.values(Topic.EFFECTS)) == ("mw-7", [])


async def test_a_worker_that_is_killed_forgets_nothing_that_people_did(source: Known, desk: Desk) -> None:
    """Acknowledged by one worker, escalated no more by the next; taken back there, the first level is told by a key of its own."""
    first = handler_of(source)
    await desk.give(first.handle, WHERE, events(source))
    await ticks(desk, first, 1, 4)
    (opened,) = desk.broker.values(Topic.INCIDENTS)
    acknowledged = Operation("op-1", OperationKind.ACK, BEGIN + 5 * SECOND, "alice", opened.id, "default")
    await desk.give(first.handle, WHERE, [acknowledged])
    later = Desk(desk.table.after(len(desk.table.changelog)))
    second = handler_of(source)
    await later.give(second.handle, WHERE, [Tick(BEGIN + 6 * SECOND)])
    assert later.broker.values(Topic.INCIDENTS)[-1].acknowledged_by == "alice"
    await later.give(second.handle, WHERE, [Tick(BEGIN + minute * 60 * SECOND) for minute in range(1, 60)])
    assert not [one for one in later.broker.values(Topic.EFFECTS) if "escalated" in one.key]
    await later.give(second.handle, WHERE, [replace(acknowledged, id="op-2", kind=OperationKind.UNACK, at=BEGIN + 3600 * SECOND)])
    await later.give(second.handle, WHERE, [Tick(BEGIN + minute * 60 * SECOND) for minute in range(60, 75)])
    assert [one.key for one in later.broker.values(Topic.EFFECTS) if "escalated" in one.key] == [f"notify:{opened.id}:on-call:escalated:1"]
