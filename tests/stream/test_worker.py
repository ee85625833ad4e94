"""The Faust worker as a process on the embedded broker: killed, its successor has everything from the broker alone and goes on."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import bus, wire
from pipeline.core.incident import IncidentState
from pipeline.core.raw import RawTrap
from pipeline.lab.config import inventory_dir
from pipeline.wire import Topic
from tests.conformance.target import Killable
from tests.support.embedded import embedded_broker
from tests.support.fibre_cut import about_fibre, decoded, storm
from tests.support.installation import free_ports, is_running
from tests.support.kafka import real_kafka

pytestmark = pytest.mark.slow

FIBRE = "f-ams-rtm-1"
ALARMS = 13
DEADLINE_S = 45.0
PARTITIONS = 4

SETTINGS = """\
data_dir: {data}
inventory_dir: {inventory}
metrics_port: {metrics}
broker: {{bootstrap: "{bootstrap}", partitions: 4}}
correlation: {{settle_s: 0.5}}
"""


class Processes:
    """Workers on one broker, each with a data folder of its own, new and empty."""

    def __init__(self, folder: Path, broker: Killable) -> None:
        self._folder = folder
        self.broker = broker
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        home = self._folder / name
        home.mkdir()
        text = SETTINGS.format(data=home / "data", inventory=inventory_dir(), metrics=free_ports(6), bootstrap=self.broker.bootstrap)
        (home / "assure.yaml").write_text(text)
        command = [sys.executable, "-m", "pipeline", "run", "worker", "--config", str(home / "assure.yaml")]
        with (home / "log").open("wb") as log:
            self._running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """As kill -9 would."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> int:
        """By SIGTERM; the exit code."""
        process = self._running[name]
        process.send_signal(signal.SIGTERM)
        return process.wait(DEADLINE_S)

    def end(self) -> None:
        for name in list(self._running):
            self.kill(name)

    def check(self) -> None:
        for name, process in self._running.items():
            assert is_running(process.pid), (self._folder / name / "log").read_text()[-4000:]


@pytest.fixture
def workers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Processes]:
    """On the embedded broker, or on the one that the test asks for."""
    (tmp_path / "broker").mkdir()
    with getattr(request, "param", embedded_broker)(tmp_path / "broker") as broker:
        processes = Processes(tmp_path, broker)
        try:
            yield processes
        finally:
            processes.end()


class Line:
    """Sends to a worker and hears what it says: ``heard`` by topic, everything since the beginning."""

    def __init__(self, workers: Processes, producer: Any, consumer: Any) -> None:
        self._workers = workers
        self._producer = producer
        self._consumer = consumer
        self.heard: dict[str, list[Any]] = {topic.value: [] for topic in Topic}

    async def traps(self, traps: Sequence[RawTrap]) -> None:
        """As the collector would publish them: by source, a few at a time."""
        for first in range(0, len(traps), 10):
            for trap in traps[first : first + 10]:
                where = bus.partition_of(trap.source, PARTITIONS)
                await self._producer.send(Topic.RAW_TRAPS.value, wire.encode([trap]), partition=where)
        await self._producer.flush()

    async def send(self, topic: Topic, value: bytes, partition: int = 0) -> None:
        await self._producer.send_and_wait(topic.value, value, partition=partition)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Listen until it holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, f"{what}; incidents: {self.heard['incidents']}"
            self._workers.check()
            for records in (await self._consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    self.heard[record.topic] += wire.decode(record.value)

    def incidents(self) -> dict[str, IncidentState]:
        """The last state of every incident."""
        return {one.id: one.state for one in sorted(self.heard["incidents"], key=lambda one: one.revision)}

    def standing(self) -> set[str]:
        """The resources whose last told alarm state is not cleared."""
        last = {change.alarm.id: change.alarm for change in sorted(self.heard["alarms"], key=lambda change: change.alarm.revision)}
        return {alarm.resource for alarm in last.values() if not alarm.is_cleared}


@contextlib.asynccontextmanager
async def line(workers: Processes) -> AsyncIterator[Line]:
    bootstrap = workers.broker.bootstrap
    await bus.create_topics(bootstrap, partitions=PARTITIONS, replication=1)
    told = [Topic.ALARMS, Topic.INCIDENTS, Topic.OUTAGES, Topic.EFFECTS, Topic.DEAD_LETTERS]
    async with bus.producer(bootstrap) as producer, bus.consumer(bootstrap, "test", told) as consumer:
        yield Line(workers, producer, consumer)


@pytest.mark.parametrize(
    "workers",
    [pytest.param(embedded_broker, id="embedded"), pytest.param(real_kafka, id="kafka", marks=pytest.mark.needs_kafka)],
    indirect=True,
)
async def test_a_successor_with_nothing_on_disk_clears_the_standing_alarms_of_the_same_incident(workers: Processes) -> None:
    """Its tables come back from their changelogs; nobody is told of a second incident."""
    began = time.time_ns()
    async with line(workers) as talk:
        workers.start("first")
        await talk.traps(decoded(about_fibre(FIBRE), began))
        await talk.until(lambda: list(talk.incidents().values()) == [IncidentState.OPEN], "an incident opens")
        opened = set(talk.incidents())
        assert len(talk.standing()) == ALARMS
        workers.kill("first")
        workers.start("second")
        await talk.traps(decoded(about_fibre(FIBRE, up=True), time.time_ns(), first=1000))
        await talk.until(lambda: list(talk.incidents().values()) == [IncidentState.RESOLVED], "it resolves")
        assert set(talk.incidents()) == opened
        assert talk.standing() == set()
        assert workers.stop("second") == 0
        keys = {effect.key for effect in talk.heard["effects"] if effect.key.endswith(":open")}
        assert len(keys) == 1
        assert talk.heard["dead.letters"] == []


async def test_killed_again_and_again_in_a_storm_it_ends_as_if_nothing_had_been(workers: Processes) -> None:
    """Every alarm was raised as often as it was sent, and there is one incident."""
    traps = decoded(storm(FIBRE, 260), time.time_ns())
    async with line(workers) as talk:
        workers.start("w0")
        for life in range(3):
            await talk.traps(traps[80 * life : 80 * (life + 1)])
            told = len(talk.heard["alarms"])
            await talk.until(lambda told=told: len(talk.heard["alarms"]) > told, "it works")  # type: ignore[misc]  # bound at once
            workers.kill(f"w{life}")
            workers.start(f"w{life + 1}")
        await talk.traps(traps[240:])

        def raised() -> set[int]:
            last = {change.alarm.id: change.alarm for change in sorted(talk.heard["alarms"], key=lambda change: change.alarm.revision)}
            return {alarm.occurrences for alarm in last.values()}

        await talk.until(lambda: raised() == {len(traps) // ALARMS} and len(talk.standing()) == ALARMS, "each alarm counts its raises")
        await talk.until(lambda: list(talk.incidents().values()).count(IncidentState.OPEN) == 1, "there is one incident")
        assert talk.heard["dead.letters"] == []


async def test_two_workers_share_the_partitions_and_give_the_alarm_set_of_one(workers: Processes) -> None:
    """The second joins in the middle of the storm, the first is killed in the middle of its end."""
    traps = decoded(storm(FIBRE, 260), time.time_ns())
    async with line(workers) as talk:
        workers.start("first")
        await talk.traps(traps[:130])
        await talk.until(lambda: len(talk.standing()) == ALARMS, "every alarm is raised")
        workers.start("second")
        await talk.traps(traps[130:])
        await talk.until(lambda: list(talk.incidents().values()) == [IncidentState.OPEN], "an incident opens")
        clears = decoded(about_fibre(FIBRE, up=True), time.time_ns(), first=1000)
        await talk.traps(clears[:6])
        workers.kill("first")
        await talk.traps(clears[6:])
        await talk.until(lambda: not talk.standing(), "every alarm clears")
        await talk.until(lambda: list(talk.incidents().values()) == [IncidentState.RESOLVED], "the one incident resolves")
        assert talk.heard["dead.letters"] == []


async def test_a_poison_message_becomes_a_dead_letter_and_the_partition_goes_on(workers: Processes) -> None:
    """Not what the wire knows, a kind that does not belong there, and then notifications as ever."""
    async with line(workers) as talk:
        workers.start("only")
        for partition in range(PARTITIONS):
            await talk.send(Topic.RAW_TRAPS, b"\xff\x00 poison", partition)
        await talk.send(Topic.EVENTS, wire.encode([wire.DeadLetter("t", 0, 0, "r", "d", 0, None, b"")]), 1)
        await talk.traps(decoded(about_fibre(FIBRE), time.time_ns()))
        await talk.until(lambda: len(talk.standing()) == ALARMS, "every alarm is raised")
        await talk.until(lambda: len(talk.heard["dead.letters"]) == PARTITIONS + 1, "the poison is kept")
        origins = {(letter.topic, letter.partition, letter.offset, letter.reason) for letter in talk.heard["dead.letters"]}
        assert origins >= {("raw.traps", partition, 0, "undecodable") for partition in range(PARTITIONS)}
        assert {letter.value for letter in talk.heard["dead.letters"] if letter.topic == "raw.traps"} == {b"\xff\x00 poison"}


async def test_a_worker_whose_broker_is_gone_ends_when_told(workers: Processes) -> None:
    """It does not wait for ever for a commit that nobody takes."""
    async with line(workers) as talk:
        workers.start("only")
        await talk.traps(decoded(about_fibre(FIBRE), time.time_ns()))
        await talk.until(lambda: len(talk.standing()) == ALARMS, "it works")
    workers.broker.kill()
    assert await asyncio.to_thread(workers.stop, "only") in {0, 1}
