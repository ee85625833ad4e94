"""What a replay makes is what the worker makes: same handlers, but over a broker's partitions, with rows packed, and every tick."""

from collections import defaultdict
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from pipeline.backtest.dated import Dated
from pipeline.backtest.heard import Account, Heard, heard, in_stretches, kept
from pipeline.backtest.lean import lean
from pipeline.backtest.past import Past, Stretch
from pipeline.backtest.recorded import PEOPLE, operation_of
from pipeline.backtest.run import replay
from pipeline.backtest.trying import Declared, declared
from pipeline.bus import partition_of
from pipeline.config.settings import Settings
from pipeline.config.settings_file import load_settings
from pipeline.core.domain import ROW_TYPES
from pipeline.core.event import Condition, Tick
from pipeline.core.idle import TICK_NS
from pipeline.core.polling import PollState
from pipeline.core.raw import RawTrap
from pipeline.core.resource import ResourceId
from pipeline.stream.domain import DomainHandler
from pipeline.stream.edge import PollHandler, TrapHandler
from pipeline.stream.rows import Keyed, Rows
from pipeline.wire import Topic, decode
from tests.stream.conftest import PARTITIONS, Desk
from tests.support.backtest import BEGIN, LASTS, MINUTE

STRETCH = Stretch(BEGIN + 4 * MINUTE, BEGIN + LASTS)


@pytest.fixture(scope="module")
def everything(recorded: Path) -> Declared:
    return declared(load_settings(recorded))


def came(settings: Settings, starts_at: int = BEGIN) -> list[tuple[int, list[Any]]]:
    return list(in_stretches(heard(settings, kept(settings), starts_at, BEGIN + LASTS, Account())))


def replayed(settings: Settings, source: Dated) -> Past:
    return replay(came(settings), [source], settings.correlation, STRETCH, BEGIN)[0].past


async def test_a_replay_makes_what_the_worker_makes(settings: Settings, everything: Declared) -> None:
    """Every incident, act and outage, to the last field, over four partitions with a tick on each every quarter of a second."""
    source = everything.dated(BEGIN, is_lean=True)
    worker = Worker(settings, source)
    stretches = dict(came(settings))
    for at in range(BEGIN, BEGIN + LASTS + 1, TICK_NS):
        await worker.take(stretches.get(at, []))
        await worker.tick(at)
    past = replayed(settings, everything.dated(BEGIN, is_lean=True))
    worker.past.close()
    assert len(past.incidents) == 2
    assert past.incidents == worker.past.incidents
    assert past.acts == worker.past.acts
    assert past.outages == worker.past.outages


def test_kpis_that_no_incident_comes_of_change_nothing_but_the_alarms_told_apart(settings: Settings, everything: Declared) -> None:
    """And where a threshold may raise evidence, its KPI stays."""
    less, all_of_it = (replayed(settings, everything.dated(BEGIN, is_lean=is_lean)) for is_lean in (True, False))
    assert (less.incidents, less.acts, less.outages, less.owed) == (
        all_of_it.incidents,
        all_of_it.acts,
        all_of_it.outages,
        all_of_it.owed,
    )
    assert less.counts["evidence"] == all_of_it.counts["evidence"] > 0
    known = everything.dated(BEGIN, is_lean=False).current()
    types = dict(known.rules.alarm_types)
    assert lean(known).thresholds == ()
    assert lean(known).measuring.rules == ()
    types["temperature-high"] = replace(types["temperature-high"], condition=Condition.DEGRADED)
    kept_ones = lean(replace(known, rules=replace(known.rules, alarm_types=types)))
    assert {each.alarm_type for each in kept_ones.thresholds} == {"temperature-high"}
    assert {rule.name for rule in kept_ones.measuring.rules} == {"temperature_celsius"}


def test_what_people_did_takes_part(settings: Settings, everything: Declared) -> None:
    """Work planned a while before the cut: its incident is planned, gets no ticket and pages nobody, and the other's are as they were."""
    at = BEGIN + MINUTE
    row = {
        "id": "o1",
        "domain": "default",
        "kind": "window-add",
        "at": at,
        "operator": "ada",
        "via": "cli",
        "target": "splice",
        "text": "splicing",
        "until": BEGIN + 16 * MINUTE,
        "starts_at": BEGIN + 3 * MINUTE,
        "resources": ["fibre/f-ams-rtm-1"],
    }
    planned: list[Heard] = [(at, PEOPLE, 0, operation_of(row))]
    stretches = in_stretches(heard(settings, kept(settings), BEGIN, BEGIN + LASTS, Account()), planned)
    source = everything.dated(BEGIN, is_lean=True)
    past = replay(stretches, [source], settings.correlation, STRETCH, BEGIN)[0].past
    found = {incident.root_cause: incident for incident in past.incidents.values()}
    assert {root: incident.planned for root, incident in found.items()} == {"fibre/f-ams-rtm-1": "splice", "fibre/f-ams-lon-1": ""}
    assert {act.subject for act in past.acts.values()} == {found[ResourceId("fibre/f-ams-lon-1")].id}
    assert set(past.planned.windows) == {"splice"}


class Worker:
    """The handlers as the worker has them, each over a table of its own."""

    def __init__(self, settings: Settings, source: Dated) -> None:
        self._traps = TrapHandler(source, PARTITIONS)
        self._polls = PollHandler(source, Keyed(PollState), PARTITIONS)
        self._domain = DomainHandler(source, Rows(ROW_TYPES), settings.correlation, PARTITIONS)
        self._desks = {name: Desk() for name in ("traps", "polls", "domain")}
        self._read = dict.fromkeys(self._desks, 0)
        self.past = Past(STRETCH)

    async def take(self, inputs: list[Any]) -> None:
        """Inputs in their order, each run of a kind by the partitions of its devices."""
        for kind, run in groupby(inputs, type):
            name, handle = ("traps", self._traps.handle) if kind is RawTrap else ("polls", self._polls.handle)
            for item in run:
                key = item.source if kind is RawTrap else item.device
                await self._desks[name].give(handle, partition_of(key, PARTITIONS), [item])
                await self._pass_on(name)

    async def tick(self, at: int) -> None:
        for partition in range(PARTITIONS):
            await self._desks["domain"].give(self._domain.handle, partition, [Tick(at)])
        self._take("domain")

    async def _pass_on(self, name: str) -> None:
        for topic, partition, values in self._new(name):
            if topic == Topic.EVENTS:
                await self._desks["domain"].give(self._domain.handle, partition, values)
        self._take("domain")

    def _take(self, name: str) -> None:
        made: dict[Topic, list[Any]] = defaultdict(list)
        for topic, _, values in self._new(name):
            made[Topic(topic)] += values
        self.past.take(made)

    def _new(self, name: str) -> list[tuple[str, int, list[Any]]]:
        sent = self._desks[name].broker.sent
        fresh, self._read[name] = sent[self._read[name] :], len(sent)
        return [(topic, partition, decode(data)) for topic, partition, data in fresh]
