"""The log keeps what was committed, numbers it without holes, and refuses what does not belong."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.embedded.broker import batch, idempotence
from pipeline.embedded.broker.batch import Batch
from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.errors import Error, RefusedError
from pipeline.embedded.broker.lock import AlreadyOpenError
from pipeline.embedded.broker.log import Job, Log, StorageError
from pipeline.embedded.broker.records import read
from pipeline.embedded.broker.storage import Bounds, Place
from tests.support.batches import build


def commit(log: Log, *jobs: Job, now_ms: int = 0) -> list[Any]:
    transaction, results = log.commit(jobs, now_ms)
    transaction.publish()
    return results


def make(log: Log, name: str = "t", partitions: int = 2) -> Place:
    (topic,) = commit(log, lambda t: t.create(name, partitions, {}))
    return topic.id, 0


def append(log: Log, at: Place, *values: bytes, producer: tuple[int, int, int] = (-1, -1, -1)) -> int | RefusedError:
    parsed = batch.parse(build([(b"k", v) for v in values], producer=producer))
    (result,) = commit(log, lambda t: t.append(at, parsed))
    return result


def values(log: Log, at: Place, offset: int = 0) -> list[bytes | None]:
    return [r.value for data in log.read(at, offset, 1 << 30) for r in read(data)]


def test_batches_follow_each_other_without_a_hole_and_are_read_from_any_offset(tmp_path: Path) -> None:
    with Log(BrokerConfig(tmp_path)) as log:
        at = make(log)
        assert [append(log, at, b"a", b"b"), append(log, at, b"c")] == [0, 2]
        assert log.bounds(at) == Bounds(0, 3)
        assert values(log, at) == [b"a", b"b", b"c"]
        assert values(log, at, 2) == [b"c"]


def test_what_was_committed_is_there_after_opening_again(tmp_path: Path) -> None:
    with Log(BrokerConfig(tmp_path)) as log:
        at = make(log)
        append(log, at, b"a")
        commit(log, lambda t: t.commit_offset("g", "t", 0, 1, "note"))
        boots = log.boots
    with Log(BrokerConfig(tmp_path)) as log:
        assert log.bounds(at) == Bounds(0, 1)
        assert log.offsets("g") == {("t", 0): (1, "note")}
        assert log.boots == boots + 1


def test_a_refusal_leaves_the_others_of_its_transaction_alone(tmp_path: Path) -> None:
    with Log(BrokerConfig(tmp_path)) as log:
        at = make(log)
        good = batch.parse(build([(b"k", b"v")]))
        first, refused, last = commit(log, lambda t: t.append(at, good), lambda t: t.create("t", 1, {}), lambda t: t.append(at, good))
        assert (first, last) == (0, 1)
        assert refused.code is Error.TOPIC_ALREADY_EXISTS


def test_a_full_disk_fails_the_transaction_and_harms_nothing(tmp_path: Path) -> None:
    with Log(BrokerConfig(tmp_path, max_bytes=400_000)) as log:
        at = make(log)
        append(log, at, b"small")
        large = batch.parse(build([(b"k", b"x" * 1_000_000)]))
        with pytest.raises(StorageError, match="full"):
            log.commit([lambda t: t.append(at, large)], 0)
        assert log.bounds(at) == Bounds(0, 1)
        assert append(log, at, b"after") == 1
        assert values(log, at) == [b"small", b"after"]


def test_a_topic_that_is_removed_and_made_again_starts_at_zero(tmp_path: Path) -> None:
    with Log(BrokerConfig(tmp_path)) as log:
        at = make(log)
        append(log, at, b"old")
        commit(log, lambda t: t.commit_offset("g", "t", 0, 1, None))
        commit(log, lambda t: t.delete("t"))
        again = make(log)
        assert again != at
        assert (log.bounds(again), log.offsets("g"), log.graves()) == (Bounds(0, 0), {}, [at[0]])
        assert commit(log, lambda t: t.sweep(at[0], 10)) == [True]
        assert log.graves() == []


def test_two_brokers_cannot_open_one_log(tmp_path: Path) -> None:
    """The message names the folder and the process, so that a person can act."""
    with Log(BrokerConfig(tmp_path)), pytest.raises(AlreadyOpenError, match=rf"{tmp_path}.*process \d+.*--data"):
        Log(BrokerConfig(tmp_path)).__enter__()
    with Log(BrokerConfig(tmp_path)):
        assert (tmp_path / "broker.sqlite3").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        BrokerConfig(Path("unused"), host=host)


CRASHING = """
import sys
from pathlib import Path
from pipeline.embedded.broker import batch
from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.log import Log
from tests.support.batches import build

with Log(BrokerConfig(Path(sys.argv[1]))) as log:
    topic = log.topics.get("t")
    if topic is None:
        transaction, (topic,) = log.commit([lambda t: t.create("t", 1, {})], 0)
        transaction.publish()
    while True:
        number = log.bounds((topic.id, 0)).end
        one = batch.parse(build([(b"k", b"%d" % number)]))
        transaction, _ = log.commit([lambda t: t.append((topic.id, 0), one)], 0)
        transaction.publish()
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_has_lost_nothing_it_acknowledged(tmp_path: Path) -> None:
    """Ten deaths at different points of its work; each next life goes on behind the last."""
    acknowledged = -1
    for life in range(10):
        writer = subprocess.Popen([sys.executable, "-c", CRASHING, str(tmp_path)], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        for _ in range(7 * life + 1):
            writer.stdout.readline()
        writer.kill()
        tail = [int(line) for line in writer.stdout.read().split(b"\n")[:-1]]
        writer.stdout.close()
        writer.wait()
        with Log(BrokerConfig(tmp_path)) as log:
            at = (log.topics["t"].id, 0)
            end = log.bounds(at).end
            assert values(log, at) == [b"%d" % i for i in range(end)]
            acknowledged = max([acknowledged, *tail])
            assert end > acknowledged
            acknowledged = end - 1
    assert acknowledged >= 10


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda b: b[:30], Error.CORRUPT_MESSAGE),
        (lambda b: b[:-1], Error.CORRUPT_MESSAGE),
        (lambda b: b[:-1] + bytes([b[-1] ^ 1]), Error.CORRUPT_MESSAGE),
        (lambda b: b + b, Error.INVALID_RECORD),
        (lambda b: b[:16] + b"\x01" + b[17:], Error.UNSUPPORTED_FOR_MESSAGE_FORMAT),
        (lambda b: b[:8] + b"\x00\x00\x00\x01" + b[12:], Error.CORRUPT_MESSAGE),
        (lambda _: b"", Error.CORRUPT_MESSAGE),
    ],
    ids=["a stump", "cut short", "a flipped bit", "two batches", "an old format", "a false length", "nothing"],
)
def test_a_damaged_batch_is_refused(damage: Any, expected: Error) -> None:
    with pytest.raises(RefusedError) as refused:
        batch.parse(damage(build([(b"k", b"v")])))
    assert refused.value.code is expected


@given(st.binary(max_size=200))
def test_bytes_that_are_no_batch_are_refused(data: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        batch.parse(data)
    assert refused.value.code in {Error.CORRUPT_MESSAGE, Error.INVALID_RECORD, Error.UNSUPPORTED_FOR_MESSAGE_FORMAT}


def test_a_repeated_batch_is_stored_once_also_after_opening_again(tmp_path: Path) -> None:
    """An idempotent producer resends what it has no answer for; it is told the offset of the first time."""
    with Log(BrokerConfig(tmp_path)) as log:
        at = make(log)
        sent = [append(log, at, b"%d" % i, producer=(7, 0, i)) for i in range(5)]
        assert append(log, at, b"1", producer=(7, 0, 1)) == sent[1]
    with Log(BrokerConfig(tmp_path)) as log:
        assert append(log, at, b"4", producer=(7, 0, 4)) == sent[4]
        assert append(log, at, b"5", producer=(7, 0, 5)) == 5
        assert values(log, at) == [b"%d" % i for i in range(6)]


@pytest.mark.parametrize(
    ("producer", "expected"),
    [
        ((7, 1, 4), Error.OUT_OF_ORDER_SEQUENCE_NUMBER),
        ((7, 0, 3), Error.INVALID_PRODUCER_EPOCH),
        ((7, 2, 1), Error.OUT_OF_ORDER_SEQUENCE_NUMBER),
        ((7, 1, 3), 3),
        ((7, 2, 0), 3),
        ((8, 0, 42), 3),
    ],
    ids=["a hole", "an older incarnation", "a new one not at zero", "the next", "a new incarnation", "a producer unknown"],
)
def test_a_producers_sequence_is_held_to(tmp_path: Path, producer: tuple[int, int, int], expected: Error | int) -> None:
    with Log(BrokerConfig(tmp_path)) as log:
        at = make(log)
        for i in range(3):
            append(log, at, b"x", producer=(7, 1, i))
        result = append(log, at, b"y", producer=producer)
        assert (result.code if isinstance(result, RefusedError) else result) == expected


@given(st.lists(st.integers(1, 4), min_size=1, max_size=20), st.integers(0, 2**31 - 1))
def test_the_memory_of_a_producer_survives_its_bytes_and_the_wrap_of_its_numbers(counts: Sequence[int], start: int) -> None:
    history: idempotence.History = ()
    sequence, offset = start, 0
    for count in counts:
        one = Batch(b"", count, 0, 7, 0, sequence, 0)
        assert idempotence.find_repeat(history, one) is None
        history = idempotence.unpack(idempotence.pack(idempotence.remember(history, one, offset)))
        assert idempotence.find_repeat(history, one) == offset
        sequence, offset = (sequence + count) % 2**31, offset + count
    assert len(history) == min(len(counts), idempotence.REMEMBERED)
