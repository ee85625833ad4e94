"""The collector asks every device on schedule, journals what came of it, publishes it in order, and loses nothing in silence."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collectors.journal import JournalLockedError, JournalReader, JournalRecord
from collectors.poll.collector import PollCollector, PollTransform, run
from collectors.poll.listener import Hear, Heard, kafka_questions
from collectors.poll.metric import PollMetrics
from collectors.poll.poller import Polled
from collectors.publish import Message, PublishLimits, Sender, SendError
from pipeline import bus, wire
from pipeline.config.settings import COMPONENTS, BrokerSettings, PollSettings, Settings
from pipeline.core.directory import Directory
from pipeline.core.inventory import Device, Inventory
from pipeline.core.measure import measured
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.core.reason import Reason
from pipeline.core.report import state_report
from pipeline.core.resource import ResourceId
from pipeline.core.suspicion import Question
from pipeline.wire import Topic
from tests.support.embedded import BrokerProcess, free_port
from tests.support.lab import lab_inventory, running_lab, until
from tests.support.polls import MEASURING, device_of, inventory_of, poll_of

PARTITIONS = 4
FAST = PollSettings(interval_s=0.05, timeout_s=0.5, retries=1)
PATIENT = PublishLimits(retry_s=0.02, retry_cap_s=0.05)


@dataclass
class FakeBroker:
    """Keeps what is sent; while ``away`` it takes no connection and no message."""

    away: bool = False
    messages: list[Message] = field(default_factory=list)

    @property
    def polls(self) -> list[RawPoll]:
        """Everything that was published, in order."""
        return [poll for message in self.messages for poll in wire.decode(message.value)]

    def of(self, device: str) -> list[RawPoll]:
        """What was published of one device."""
        return [poll for poll in self.polls if poll.device == device]

    async def send(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise SendError("away")
        self.messages.extend(messages)

    def connect(self) -> AbstractAsyncContextManager[Sender]:
        """A connection to this broker."""
        return self._connected()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Sender]:
        if self.away:
            raise SendError("away")
        yield self


class FakePoller:
    """Answers at once, except for devices in ``hanging``, which keep their poll until released."""

    def __init__(self, *hanging: str) -> None:
        self.hanging = set(hanging)
        self.begun: Counter[str] = Counter()
        self.released = asyncio.Event()
        self.kept: frozenset[str] = frozenset()

    def forget_all_but(self, devices: Collection[str]) -> None:
        self.kept = frozenset(devices)

    async def poll(self, device: Device, *, on_suspicion: bool = False) -> Polled:
        self.begun[device.name] += 1
        if device.name not in self.hanging:
            return Polled(replace(poll_of(), device=device.name, sequence=0), 6, 0, 0.001)
        await self.released.wait()
        silent = RawPoll("poll-1", 0, 1, device.name, PollOutcome.TIMEOUT)
        return Polled(silent, 0, 0, 1.0)


@dataclass
class Running:
    """A collector at work."""

    collector: PollCollector
    registry: CollectorRegistry
    task: asyncio.Task[None]

    def metric(self, name: str, **labels: str) -> float:
        """A series of its registry; 0 while it does not exist."""
        return self.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def working(
    folder: Path,
    broker: FakeBroker,
    source: Callable[[], Inventory],
    *,
    settings: PollSettings = FAST,
    poller: FakePoller | None = None,
    hear: Hear | None = None,
) -> AsyncIterator[Running]:
    """A collector that polls until the block ends, and then ends cleanly."""
    registry = CollectorRegistry()
    stop = asyncio.Event()
    made = PollCollector(settings, folder, PARTITIONS, broker.connect, source, poller=poller, registry=registry, limits=PATIENT, hear=hear)
    async with made as collector:
        task = asyncio.create_task(collector.run(stop))
        try:
            yield Running(collector, registry, task)
        finally:
            stop.set()
            await task


def fleet(count: int) -> Inventory:
    """Devices ``d0``, ``d1``…"""
    return inventory_of(*(device_of(name=f"d{n}") for n in range(count)))


async def test_polls_reach_the_topic_with_their_journal_sequence(tmp_path: Path) -> None:
    """Each published poll is the journal record of its sequence, in the partition of its device, without gap or repetition."""
    broker = FakeBroker()
    async with working(tmp_path, broker, lambda: fleet(5), poller=FakePoller()) as at_work:
        await until(lambda: all(len(broker.of(f"d{n}")) >= 3 for n in range(5)))
        assert at_work.collector.trouble() == ""
    for message in broker.messages:
        assert {bus.partition_of(poll.device, PARTITIONS) for poll in wire.decode(message.value)} == {message.partition}
    reader = JournalReader(tmp_path)
    assert sorted(poll.sequence for poll in broker.polls) == list(range(1, len(broker.polls) + 1))
    for poll in broker.polls:
        record = reader.get(poll.sequence)
        assert record is not None
        assert wire.decode(record.payload) == [replace(poll, sequence=0)]
        assert record.source == poll.device


async def test_silent_devices_never_delay_the_others(tmp_path: Path) -> None:
    """Ten devices are known to hang, four polls may be in flight: five others keep their pace."""
    broker, hanging = FakeBroker(), [f"d{n}" for n in range(10)]
    poller = FakePoller(*hanging)
    poller.released.set()
    async with working(tmp_path, broker, lambda: fleet(15), settings=replace(FAST, in_flight=4), poller=poller):
        await until(lambda: all(broker.of(name) for name in hanging))
        poller.released.clear()
        begun = poller.begun.copy()
        await until(lambda: any(poller.begun[name] > begun[name] for name in hanging))
        before = poller.begun.copy()
        await until(lambda: all(poller.begun[f"d{n}"] >= before[f"d{n}"] + 10 for n in range(10, 15)))
        assert all(poller.begun[name] <= before[name] + 1 for name in hanging)
        poller.released.set()


async def test_device_is_never_polled_twice_at_once(tmp_path: Path) -> None:
    """A turn that comes while the last poll is under way is skipped and counted."""
    broker, poller = FakeBroker(), FakePoller("d0")
    async with working(tmp_path, broker, lambda: fleet(1), poller=poller) as at_work:
        await until(lambda: at_work.metric("assure_polls_skipped_total") >= 3)
        assert poller.begun["d0"] == 1
        poller.released.set()
        await until(lambda: poller.begun["d0"] >= 2)


async def test_polls_wait_in_the_journal_while_the_broker_is_away(tmp_path: Path) -> None:
    """Nothing is lost and order is kept; the collector says that it is degraded."""
    broker = FakeBroker(away=True)
    async with working(tmp_path, broker, lambda: fleet(2), poller=FakePoller()) as at_work:
        await until(lambda: at_work.metric("assure_polls_journaled_total") >= 10)
        assert "away" in at_work.collector.trouble()
        broker.away = False
        await until(lambda: len(broker.polls) >= 10)
        await until(lambda: at_work.collector.trouble() == "")
    sequences = [poll.sequence for poll in broker.of("d0")]
    assert sequences == sorted(set(sequences))
    assert {poll.sequence for poll in broker.polls} == set(range(1, len(broker.polls) + 1))


async def test_restart_goes_on_where_the_journal_ended(tmp_path: Path) -> None:
    """What was journaled and not published is published by the next run, and sequences are never used twice."""
    broker = FakeBroker(away=True)
    async with working(tmp_path, broker, lambda: fleet(2), poller=FakePoller()) as at_work:
        await until(lambda: at_work.metric("assure_polls_journaled_total") >= 4)
    journaled = JournalReader(tmp_path).last_sequence
    broker.away = False
    async with working(tmp_path, broker, lambda: fleet(2), poller=FakePoller()):
        await until(lambda: len(broker.polls) > journaled)
    assert sorted(poll.sequence for poll in broker.polls) == list(range(1, len(broker.polls) + 1))


async def test_full_journal_refuses_by_count_and_recovers(tmp_path: Path) -> None:
    """Polls that find no room are counted with the reason; what was taken is published when the broker is back."""
    broker = FakeBroker(away=True)
    settings = replace(FAST, interval_s=0.01, segment_bytes=4096, journal_bytes=16_384)
    async with working(tmp_path, broker, lambda: fleet(8), settings=settings, poller=FakePoller()) as at_work:
        await until(lambda: at_work.metric("assure_polls_refused_total", reason="journal-full") >= 1)
        await until(lambda: "journal_bytes" in at_work.collector.trouble())  # a smaller poll may still find room for a moment
        broker.away = False
        taken = at_work.metric("assure_polls_journaled_total")
        await until(lambda: at_work.metric("assure_polls_journaled_total") > taken)
        await until(lambda: at_work.collector.trouble() == "")
    ended = sum(at_work.metric("assure_polls_total", outcome=outcome.value) for outcome in PollOutcome)
    kept = at_work.metric("assure_polls_journaled_total") + at_work.metric("assure_polls_refused_total", reason="journal-full")
    assert ended == kept


async def test_new_inventory_is_followed_without_restart(tmp_path: Path) -> None:
    """Devices that come are polled, those that go are not, and an empty inventory is named as the trouble."""
    broker = FakeBroker()
    inventories = [inventory_of(version="0")]
    async with working(tmp_path, broker, lambda: inventories[-1], poller=FakePoller()) as at_work:
        await until(lambda: at_work.collector.trouble() == "no device in the inventory")
        inventories.append(inventory_of(device_of(name="a"), device_of(name="b"), version="1"))
        await until(lambda: bool(broker.of("a") and broker.of("b")))
        inventories.append(inventory_of(device_of(name="b"), device_of(name="c"), version="2"))
        await until(lambda: bool(broker.of("c")))
        gone = len(broker.of("a"))
        since = len(broker.of("b"))
        await until(lambda: len(broker.of("b")) >= since + 3)
        assert len(broker.of("a")) == gone
        assert at_work.metric("assure_poll_devices") == 2


async def test_every_poll_is_counted_by_its_outcome(tmp_path: Path) -> None:
    """Values and times are counted beside the outcomes, silence included."""
    broker, poller = FakeBroker(), FakePoller("d0")
    poller.released.set()
    async with working(tmp_path, broker, lambda: fleet(2), poller=poller) as at_work:
        await until(lambda: bool(broker.of("d0") and broker.of("d1")))
    assert at_work.metric("assure_polls_total", outcome="timeout") >= 1
    answered = at_work.metric("assure_polls_total", outcome="answered")
    assert at_work.metric("assure_poll_values_total") == 6 * answered
    assert at_work.metric("assure_poll_seconds_count") == answered + at_work.metric("assure_polls_total", outcome="timeout")
    assert {poll.outcome for poll in broker.of("d0")} == {PollOutcome.TIMEOUT}


def test_record_of_another_version_is_counted_and_passed_over(tmp_path: Path) -> None:
    """One unreadable record costs itself, not the records around it."""
    registry = CollectorRegistry()
    transform = PollTransform(PollMetrics(registry), PARTITIONS)
    good = wire.encode([replace(poll_of(), sequence=0)])
    outgoing = transform([JournalRecord(n, 1, "pe1", payload) for n, payload in enumerate([good, b"\xff", b"", good], start=1)])
    assert [poll.sequence for message in outgoing.messages for poll in wire.decode(message.value)] == [1, 4]
    assert outgoing.values == 2
    assert registry.get_sample_value("assure_polls_undecodable_total") == 2


async def test_the_lab_is_polled_and_a_cut_fibre_is_seen(tmp_path: Path) -> None:
    """Every device of the lab answers; after a cut the ends of a link are down, and a dead device is silent while the rest answer."""
    broker = FakeBroker()
    async with running_lab() as (lab, _):
        declared = lab_inventory()
        devices = {name: replace(device, port=lab.ports[name]) for name, device in declared.devices.items()}
        inventory = replace(declared, devices=devices)
        directory = Directory.of(inventory)
        link = next(link for link in inventory.links.values() if link.fibres)
        ends = {f"interface/{link.a}", f"interface/{link.b}"}
        settings = PollSettings(interval_s=1.0, timeout_s=0.5, retries=1)

        def down() -> set[str]:
            latest = {poll.device: poll for poll in broker.polls}
            return {resource for poll in latest.values() for resource in state_report(poll, directory).down}

        async with working(tmp_path, broker, lambda: inventory, settings=settings):
            await until(lambda: {poll.device for poll in broker.polls} == set(devices))
            assert {poll.outcome for poll in broker.polls} == {PollOutcome.ANSWERED}
            assert down() == set()
            lab.do(f"cut {link.fibres[0]}")
            await until(lambda: ends <= down())
            await until(lambda: len(broker.of(link.a.split("/")[0])) >= 3)
        first, *_, last = broker.of(link.b.split("/")[0])
        _, seen = measured(first, {}, directory, MEASURING)
        batches, _ = measured(last, seen, directory, MEASURING)
        (rates,) = (batch.values("in_bps") for batch in batches if "in_bps" in batch.columns)
        assert np.nanmax(rates) > 0


async def test_component_publishes_to_a_broker_and_serves_its_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole component against the embedded broker: the silence of a dead address comes out of topic raw.polls."""
    registry = CollectorRegistry()
    monkeypatch.setattr("collectors.poll.collector.REGISTRY", registry)
    monkeypatch.setattr("pipeline.telemetry.REGISTRY", registry)
    node = BrokerProcess(tmp_path / "broker")
    node.start()
    try:
        await bus.wait_until_up(node.bootstrap, within_s=30)
        await bus.create_topics(node.bootstrap, partitions=PARTITIONS, replication=1)
        port = free_port()
        settings = Settings(
            tmp_path,
            tmp_path,
            metrics_port=port - COMPONENTS.index("polls"),
            broker=BrokerSettings(bootstrap=node.bootstrap, partitions=PARTITIONS),
            polls=replace(FAST, timeout_s=0.05),
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run(settings, lambda: inventory_of(device_of(port=9)), stop))
        async with bus.consumer(node.bootstrap, "test", [Topic.RAW_POLLS]) as consumer, asyncio.timeout(60):
            record = await consumer.getone()
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{port}/metrics") as answer:
                metrics = await answer.text()
            async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                assert answer.status == 200
        stop.set()
        await task
    finally:
        node.stop()
    (poll, *_) = wire.decode(record.value)
    assert (poll.device, poll.outcome, poll.sequence >= 1) == ("pe1", PollOutcome.TIMEOUT, True)
    assert record.partition == bus.partition_of("pe1", PARTITIONS)
    assert 'assure_polls_total{outcome="timeout"}' in metrics


async def test_second_collector_of_one_name_is_refused(tmp_path: Path) -> None:
    """Two processes cannot give out the same sequences."""
    async with working(tmp_path, FakeBroker(), lambda: fleet(1), poller=FakePoller()):
        second = PollCollector(
            FAST, tmp_path, PARTITIONS, FakeBroker().connect, lambda: fleet(1), poller=FakePoller(), registry=CollectorRegistry()
        )
        with pytest.raises(JournalLockedError):
            await second.__aenter__()


SELDOM = replace(FAST, interval_s=3e8, question_pause_s=0.05, questions_per_s=1000.0)
"""No turn of the schedule comes: what is polled was asked for."""


def question(device: str, age_s: float = 2.0) -> Question:
    """About a trap that came so long ago that its device is asked at once."""
    return Question(device, time.time_ns() - int(age_s * 1e9), ResourceId(f"interface/{device}/1"), Reason.RAISED_BY_TRAP)


class FakeQuestions:
    """A topic of questions; while ``away`` it cannot be heard."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self._waiting: asyncio.Queue[Heard] = asyncio.Queue()

    def ask(self, *questions: Question) -> None:
        self._waiting.put_nowait(Heard(questions))

    def assign(self, *partitions: int) -> None:
        self._waiting.put_nowait(Heard(partitions=frozenset(partitions)))

    async def hear(self) -> AsyncIterator[Heard]:
        if self.away:
            raise ConnectionError("away")
        yield Heard()
        while True:
            yield await self._waiting.get()


async def test_a_question_is_answered_out_of_turn_and_marked(tmp_path: Path) -> None:
    """The device that was asked about is polled, no other; what it says is journaled as any poll and known for what it is."""
    broker, topic = FakeBroker(), FakeQuestions()
    async with working(tmp_path, broker, lambda: fleet(3), settings=SELDOM, poller=FakePoller(), hear=topic.hear) as at_work:
        topic.ask(question("d1"))
        await until(lambda: bool(broker.polls))
        assert at_work.metric("assure_questions_total", reason="asked") == at_work.metric("assure_polls_on_suspicion_total") == 1
    (poll,) = broker.polls
    assert (poll.device, poll.on_suspicion, poll.sequence) == ("d1", True, 1)


async def test_silence_counts_when_it_is_heard_twice(tmp_path: Path) -> None:
    """A device that restarts does not answer for a moment: the question is put again before the silence is a fact."""
    broker, topic, poller = FakeBroker(), FakeQuestions(), FakePoller("d0")
    poller.released.set()
    async with working(tmp_path, broker, lambda: fleet(1), settings=SELDOM, poller=poller, hear=topic.hear):
        topic.ask(question("d0"))
        await until(lambda: bool(broker.polls))
    assert poller.begun["d0"] == 2
    assert [(poll.outcome, poll.on_suspicion) for poll in broker.polls] == [(PollOutcome.TIMEOUT, True)]


async def test_a_device_that_is_being_polled_is_asked_afterwards(tmp_path: Path) -> None:
    """Never twice at once; the claim is answered by a poll that began after it."""
    broker, topic, poller = FakeBroker(), FakeQuestions(), FakePoller("d0")
    async with working(tmp_path, broker, lambda: fleet(2), settings=SELDOM, poller=poller, hear=topic.hear):
        topic.ask(question("d0"))
        await until(lambda: poller.begun["d0"] == 1)
        topic.ask(question("d0"), question("d1"))
        await until(lambda: bool(broker.of("d1")))
        assert poller.begun["d0"] == 1
        poller.hanging.clear()
        poller.released.set()
        await until(lambda: len(broker.of("d0")) == 2)
        assert poller.begun["d0"] == 3  # silent, asked again, and once more for the second question


async def test_questions_that_are_not_asked_are_counted_by_reason(tmp_path: Path) -> None:
    """Old ones, and those about devices of somebody else."""
    broker, topic, poller = FakeBroker(), FakeQuestions(), FakePoller()
    async with working(tmp_path, broker, lambda: fleet(2), settings=SELDOM, poller=poller, hear=topic.hear) as at_work:
        topic.ask(question("d0", 60), question("elsewhere"), question("d1"))
        await until(lambda: bool(broker.polls))
        assert at_work.metric("assure_questions_total", reason="too-old") == 1
        assert at_work.metric("assure_questions_total", reason="unknown-device") == 1
    assert set(poller.begun) == {"d1"}


async def test_a_storm_of_questions_is_no_storm_of_polls(tmp_path: Path) -> None:
    """Fifty devices, asked about a hundred times each at once: each is polled once."""
    broker, topic, poller = FakeBroker(), FakeQuestions(), FakePoller()
    settings = replace(SELDOM, question_pause_s=60.0)
    async with working(tmp_path, broker, lambda: fleet(50), settings=settings, poller=poller, hear=topic.hear) as at_work:
        for _ in range(100):
            topic.ask(*(question(f"d{number}") for number in range(50)))
        await until(lambda: at_work.metric("assure_polls_on_suspicion_total") == 50)
        taken = ("asked", "already-waiting")
        await until(lambda: sum(at_work.metric("assure_questions_total", reason=reason) for reason in taken) >= 4950)
    assert max(poller.begun.values()) == 1


async def test_without_the_broker_the_schedule_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions that cannot be heard are no trouble; they are heard as soon as they can be."""
    monkeypatch.setattr("collectors.poll.collector.HEAR_AGAIN_S", 0.01)
    broker, topic = FakeBroker(), FakeQuestions(away=True)
    async with working(tmp_path, broker, lambda: fleet(2), poller=FakePoller(), hear=topic.hear) as at_work:
        await until(lambda: all(len(broker.of(name)) >= 3 for name in ("d0", "d1")))
        assert (at_work.collector.trouble(), at_work.metric("assure_questions_heard")) == ("", 0)
        topic.away = False
        await until(lambda: at_work.metric("assure_questions_heard") == 1)
    assert not any(poll.on_suspicion for poll in broker.polls)


async def test_questions_are_heard_from_the_broker_from_now_on(tmp_path: Path) -> None:
    """What was asked before is history; a message that is no question is passed over; a topic that is not there is not made."""
    node = BrokerProcess(tmp_path)
    node.start()
    heard: list[Question] = []
    try:
        await bus.wait_until_up(node.bootstrap, within_s=30)
        with pytest.raises(LookupError, match="questions"):
            await anext(kafka_questions(node.bootstrap))
        assert not await bus.has_topic(node.bootstrap, Topic.QUESTIONS)
        await bus.create_topics(node.bootstrap, partitions=PARTITIONS, replication=1)
        new = [question(f"d{number}") for number in range(PARTITIONS)]
        async with bus.producer(node.bootstrap) as producer, asyncio.timeout(60):
            await producer.send_and_wait(Topic.QUESTIONS.value, wire.encode([question("old")]), partition=0)
            listening = kafka_questions(node.bootstrap)
            assert await anext(listening) == Heard(partitions=frozenset(range(PARTITIONS)))
            await producer.send_and_wait(Topic.QUESTIONS.value, b"\xff", partition=0)
            for number, each in enumerate(new):
                await producer.send_and_wait(Topic.QUESTIONS.value, wire.encode([each]), partition=number)
            async for each in listening:
                heard.extend(each.questions)
                if len(heard) == len(new):
                    break
            await listening.aclose()  # type: ignore[attr-defined]  # an async generator
    finally:
        node.stop()
    assert sorted(heard, key=lambda each: each.device) == new


async def test_only_the_devices_of_our_partitions_are_polled(tmp_path: Path) -> None:
    """From the moment it is told; what is known of the others is dropped, and they come back when they are given back."""
    broker, topic, poller = FakeBroker(), FakeQuestions(), FakePoller()
    async with working(tmp_path, broker, lambda: fleet(12), poller=poller, hear=topic.hear) as at_work:
        await until(lambda: len(poller.begun) == 12)
        topic.assign(0, 2)
        ours = {device for device in fleet(12).devices if bus.partition_of(device, PARTITIONS) in {0, 2}}
        await until(lambda: poller.kept == ours)
        assert at_work.metric("assure_poll_devices") == len(ours) < 12
        assert at_work.metric("assure_poll_partitions") == 2
        before = poller.begun.copy()
        await until(lambda: all(poller.begun[name] >= before[name] + 4 for name in ours))
        assert all(poller.begun[name] <= before[name] + 1 for name in set(poller.begun) - ours)
        topic.assign(0, 1, 2, 3)
        await until(lambda: all(poller.begun[name] >= before[name] + 3 for name in fleet(12).devices))


async def test_without_the_broker_a_collector_keeps_its_devices(tmp_path: Path) -> None:
    """Over a restart too: the last word holds until there is another."""
    broker, topic = FakeBroker(), FakeQuestions()
    topic.assign(1)
    ours = {device for device in fleet(12).devices if bus.partition_of(device, PARTITIONS) == 1}
    async with working(tmp_path, broker, lambda: fleet(12), poller=FakePoller(), hear=topic.hear) as at_work:
        await until(lambda: at_work.metric("assure_poll_devices") == len(ours))
    poller = FakePoller()
    async with working(tmp_path, broker, lambda: fleet(12), poller=poller, hear=FakeQuestions(away=True).hear):
        await until(lambda: sum(poller.begun.values()) >= 3 * len(ours))
    assert set(poller.begun) == ours


async def test_a_collector_without_devices_of_its_own_is_in_no_trouble(tmp_path: Path) -> None:
    """There are more collectors than partitions: it waits for one to die."""
    topic = FakeQuestions()
    topic.assign()
    async with working(tmp_path, FakeBroker(), lambda: fleet(3), poller=FakePoller(), hear=topic.hear) as at_work:
        await until(lambda: at_work.metric("assure_questions_heard") == 1 and at_work.metric("assure_poll_devices") == 0)
        assert at_work.collector.trouble() == ""
