"""Collectors share the devices by partitions: each is polled by one of them, and by another when that one dies."""

import asyncio
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from collectors.poll.listener import Heard
from collectors.poll.ownership import FILE, Ownership
from pipeline import bus, wire
from pipeline.wire import Topic
from tests.support.embedded import BrokerProcess
from tests.support.poll_child import PARTITIONS

DEVICES = tuple(f"d{number}" for number in range(12))


def of(*partitions: int) -> set[str]:
    """The devices of these partitions."""
    return {device for device in DEVICES if bus.partition_of(device, PARTITIONS) in partitions}


def test_whoever_was_told_nothing_polls_everything(tmp_path: Path) -> None:
    """No broker has ever been there: better twice than never."""
    ownership = Ownership(tmp_path, PARTITIONS)
    ownership.recall()
    assert ownership.owned(DEVICES) == list(DEVICES)


def test_the_last_word_holds_over_a_restart(tmp_path: Path) -> None:
    """Without the broker, polling goes on as it was."""
    ownership = Ownership(tmp_path, PARTITIONS)
    assert ownership.take(frozenset({1, 3}))
    assert not ownership.take(frozenset({1, 3}))
    assert set(ownership.owned(DEVICES)) == of(1, 3)
    again = Ownership(tmp_path, PARTITIONS)
    again.recall()
    assert set(again.owned(DEVICES)) == of(1, 3)


@pytest.mark.parametrize("text", ["", "[1", '{"a": 1}', '["x"]', "7"])
def test_a_word_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    """Half a file, or something else in it."""
    (tmp_path / FILE).write_text(text)
    ownership = Ownership(tmp_path, PARTITIONS)
    ownership.recall()
    assert ownership.partitions == frozenset(range(PARTITIONS))


def test_a_collector_with_no_partition_polls_nothing(tmp_path: Path) -> None:
    """There are more collectors than partitions."""
    ownership = Ownership(tmp_path, PARTITIONS)
    ownership.take(frozenset())
    assert ownership.owned(DEVICES) == []


@contextmanager
def child(folder: Path, node: BrokerProcess, collector: str) -> "subprocess.Popen[bytes]":
    """A collector in its own process; killed at the end if not before."""
    command = [sys.executable, "-m", "tests.support.poll_child", str(folder), node.bootstrap, collector, *DEVICES]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@asynccontextmanager
async def watched(bootstrap: str) -> AsyncIterator[Callable[[], "asyncio.Future[dict[str, set[str]]]"]]:
    """Topic ``raw.polls``; a call waits for a second's worth of polls and tells which collectors polled each device in it."""
    async with bus.reader(bootstrap, Topic.RAW_POLLS, from_start=False) as client:

        async def look() -> dict[str, set[str]]:
            await client.seek_to_end()
            seen: defaultdict[str, set[str]] = defaultdict(set)
            ends_at = asyncio.get_running_loop().time() + 1.2
            while (left := ends_at - asyncio.get_running_loop().time()) > 0:
                for records in (await client.getmany(timeout_ms=int(1000 * left) + 1)).values():
                    for poll in (poll for record in records for poll in wire.decode(record.value)):
                        seen[poll.device].add(poll.collector)
            return dict(seen)

        yield look  # type: ignore[misc]


@pytest.mark.parametrize("end", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)])
async def test_two_collectors_share_the_devices_and_one_takes_over_from_the_other(tmp_path: Path, end: signal.Signals) -> None:
    """Each device has one collector; after kill -9 the survivor polls them all, and also from one that hangs, once its session is over."""
    node = BrokerProcess(tmp_path / "broker")
    node.start()
    try:
        await bus.wait_until_up(node.bootstrap, within_s=30)
        await bus.create_topics(node.bootstrap, partitions=PARTITIONS, replication=1)
        with child(tmp_path / "a", node, "poll-1"), child(tmp_path / "b", node, "poll-1.2") as second:
            async with watched(node.bootstrap) as look, asyncio.timeout(120):
                while True:
                    seen = await look()
                    alone = set(seen) == set(DEVICES) and all(len(who) == 1 for who in seen.values())
                    if alone and set().union(*seen.values()) == {"poll-1", "poll-1.2"}:  # the first to come owned them all for a while
                        break
                second.send_signal(end)
                while await look() != {device: {"poll-1"} for device in DEVICES}:
                    pass
            word = (tmp_path / "a" / "journal" / "poll-1" / FILE).read_text()
            assert word == "[0, 1, 2, 3]"
    finally:
        node.stop()


def test_a_word_may_be_empty() -> None:
    """What is heard is questions, partitions, or that it can be heard at all."""
    assert (Heard().questions, Heard().partitions) == ((), None)
