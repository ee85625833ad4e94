"""A crash between any two of sending, keeping and committing: the same events again with the same ids, or nothing; never another."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pipeline import wire
from pipeline.bus import ConsumerRecord, TopicPartition
from pipeline.config.settings import DetectorSettings
from pipeline.core.event import Event
from pipeline.core.inventory import Inventory
from pipeline.core.oddness import OddRule
from pipeline.detectors import run
from pipeline.detectors.shelf import Shelf
from pipeline.detectors.standings import StandingFiles, Standings
from pipeline.detectors.training import Training, train
from pipeline.detectors.watch import Models, Watch
from pipeline.wire import Topic
from tests.support.element_history import INDEX, MadeHistory, S, batches

END = 1_795_442_400 * S
KEY = TopicPartition("kpis", 0)


class Broker:
    """One partition that gives again what was not committed, and keeps what is sent."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.messages, self.position, self.committed = messages, 0, 0
        self.sent: list[Event] = []
        self.failures: deque[str] = deque()

    def fail(self, what: str) -> None:
        if self.failures and self.failures[0] == what:
            self.failures.popleft()
            raise OSError(what)

    def assignment(self) -> set[TopicPartition]:
        return {KEY}

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        await asyncio.sleep(0)
        some = range(self.position, min(self.position + 3, len(self.messages)))
        self.position += len(some)
        return {KEY: [_record(offset, self.messages[offset]) for offset in some]} if some else {}

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.fail("commit")
        self.committed = offsets[KEY]

    async def send_and_wait(self, topic: str, value: bytes, *, partition: int) -> None:
        self.fail("send")
        if topic == Topic.EVENTS.value:
            self.sent += wire.decode(value)


def _record(offset: int, value: bytes) -> ConsumerRecord:
    return ConsumerRecord("kpis", 0, offset, 0, 0, None, value, None, len(value), len(value), ())


class Files(StandingFiles):
    """A disk that fails when the broker's list says so."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        super().__init__(folder)
        self.broker = broker

    def write(self, partition: int, standings: Standings) -> None:
        self.broker.fail("write")
        super().write(partition, standings)


@pytest.fixture(scope="module")
def made() -> MadeHistory:
    return MadeHistory(2, 4, END, step_s=120)


@pytest.fixture(scope="module")
def shelf(made: MadeHistory, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    found = Shelf(tmp_path_factory.mktemp("models"))
    assert train(made, found, "element", list(made.elements), Training(END)).runs
    return found


def messages(made: MadeHistory, pattern: str) -> list[bytes]:
    at, values = made.rows["pe1"]
    found = []
    for place, each in enumerate(pattern, start=1):
        vector = values[-30 + place % 30].copy()
        if each == "x":
            vector[[INDEX["cpu_mean"], INDEX["cpu_highest"]]] = 0.95, 0.99
        found.append(wire.encode(batches("pe1", int(at[-1]) + place * 60 * S, vector, place)))
    return found


async def judged(broker: Broker, shelf: Shelf, made: MadeHistory, folder: Path) -> None:
    """Run until everything is committed."""
    models = Models(shelf)
    watch = Watch(models, lambda: Inventory("v"), OddRule(0.001, 2, 2))
    detectors = run.Detectors(broker, broker, watch, models, Files(folder, broker), made, 4)
    stop = asyncio.Event()
    running = asyncio.create_task(detectors.run(DetectorSettings(score_every_s=0.01), stop))
    async with asyncio.timeout(60):
        while broker.committed < len(broker.messages):  # noqa: ASYNC110  # the fake has no event to wait for
            await asyncio.sleep(0.005)
    stop.set()
    await running


@pytest.mark.parametrize("failures", [[], ["send"], ["write"], ["commit"], ["send", "write", "commit", "write"], ["commit"] * 3])
async def test_what_fails_is_done_again_and_tells_nothing_else(
    failures: list[str], shelf: Shelf, made: MadeHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_PAUSE_S", 0.0)
    broker = Broker(messages(made, "..xxxx..xx.."))
    broker.failures.extend(failures)
    await judged(broker, shelf, made, tmp_path)
    assert not broker.failures
    told = {event.id: event for event in broker.sent}
    assert [(event.signal.value, event.sequence) for event in told.values()] == [("raise", 4), ("clear", 8), ("raise", 10), ("clear", 12)]
    assert all(event == told[event.id] for event in broker.sent)  # the same, however often


async def test_a_file_that_was_cut_short_is_as_good_as_none(
    shelf: Shelf, made: MadeHistory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kpis-0.json").write_bytes(b'{"pe1": {"at"')
    monkey = MadeHistory(1, 0.1, END)
    monkey.stands = frozenset({"pe1"})
    broker = Broker(messages(made, ".."))
    await judged(broker, shelf, monkey, tmp_path)
    assert "cannot be read" in caplog.text
    wanted = ["clear"] if run.partition_of("pe1", 4) == 0 else []
    assert [event.signal.value for event in broker.sent] == wanted


def test_standings_are_found_as_they_were_written(tmp_path: Path) -> None:
    files = StandingFiles(tmp_path / "new")
    assert files.read(3) is None
    standings: Standings = {"pe1": run.standing_of(["pe1"])["pe1"]}
    files.write(3, standings)
    assert files.read(3) == standings
    assert files.read(2) is None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["kpis-3.json"]
