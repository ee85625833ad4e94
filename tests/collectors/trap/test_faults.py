"""The trap edge's rows of the table of faults: a kill between any two steps, a bug that one datagram meets, datagrams made to hurt."""

import asyncio
import signal
import socket
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from collectors.journal import JournalReader
from collectors.publish import RECORD_OVERHEAD, PublishLimits
from collectors.trap import quarantine
from collectors.trap.conservation import conservation
from collectors.trap.decode import NotificationReader
from pipeline.core.reason import Reason
from tests.support.collecting import FakeBroker, collecting, until
from tests.support.datagrams import link_down
from tests.support.dying_child import POINTS, published
from tests.support.mutation import odd

DEADLINE_S = 30.0
INFORM = link_down(5, request_id=77, inform=True)
ANSWER = INFORM.replace(b"\xa6", b"\xa2", 1)


@contextmanager
def child(journal: Path, *point: str) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """A collector's process, and a sender to it."""
    command = [sys.executable, "-m", "tests.support.dying_child", str(journal), *point]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.connect(("127.0.0.1", int(process.stdout.readline())))
                yield process, sender
        finally:
            process.kill()


def answer_to(sender: socket.socket, within_s: float) -> bytes:
    """The answer that came or comes; empty when there is none."""
    sender.settimeout(within_s)
    try:
        return sender.recv(2_000)
    except (TimeoutError, BlockingIOError, ConnectionRefusedError):
        return b""


KILLS = {
    # what had been done: (answered, sequences left in the journal, how often the first is on the topic in the end)
    "read": (False, 0, 1),
    "written": (False, 1, 1),
    "durable": (False, 1, 1),
    "answered": (True, 1, 1),
    "published": (True, 1, 2),
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_between_any_two_steps_an_inform_is_neither_lost_nor_answered_too_early(tmp_path: Path, point: str) -> None:
    """The sender asks again until it is answered; what a next life publishes has the sequence that it had in the life before."""
    answered, kept, copies = KILLS[point]
    with child(tmp_path, point) as (process, sender):
        sender.send(INFORM)
        assert process.wait(DEADLINE_S) == -signal.SIGKILL
        assert answer_to(sender, 0.0) == (ANSWER if answered else b"")
    assert JournalReader(tmp_path).last_sequence == kept
    with child(tmp_path) as (process, sender):
        if not answered:
            sender.send(INFORM)
            assert answer_to(sender, DEADLINE_S) == ANSWER
        sender.send(link_down(6, inform=True))
        assert answer_to(sender, DEADLINE_S)
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
    with child(tmp_path) as (process, sender):  # whatever waited at the end of the last life
        sender.send(link_down(7, inform=True))
        assert answer_to(sender, DEADLINE_S)
        asyncio.run(until(lambda: conservation(tmp_path)["waiting"] == 0, "everything published"))
    copies_of = Counter(trap.sequence for trap in published(tmp_path))
    indexes = {trap.varbinds[0].value for trap in published(tmp_path)}
    assert copies_of[1] == copies
    assert indexes == {5, 6, 7}


@pytest.mark.parametrize("inform", [False, True])
async def test_a_bug_that_one_datagram_meets_costs_that_datagram_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, inform: bool
) -> None:
    """No datagram does this today, as the fuzzing says. One that did would come again and again, if it was an INFORM."""
    read = NotificationReader.read
    poison = link_down(666, inform=inform)

    def buggy(reader: NotificationReader, data: bytes) -> Any:
        if data == poison:
            raise IndexError("index out of range")
        return read(reader, data)

    monkeypatch.setattr(NotificationReader, "read", buggy)
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        running.send(link_down(1), poison, link_down(2), poison, link_down(3))
        await until(lambda: conservation(tmp_path)["acknowledged"] == 5, "everything is done with")
        assert running.count("traps_quarantined_total", reason=Reason.HANDLER_FAILED.value) == 2
        assert running.count("informs_answered_total") == 0
    assert [trap.varbinds[0].value for trap in broker.traps()] == [1, 2, 3]
    assert [(kept.sequence, kept.payload, kept.detail) for kept in quarantine.read(tmp_path)] == [
        (place, poison, "IndexError('index out of range')") for place in (2, 4)
    ]


async def test_datagrams_made_to_hurt_are_events_or_in_quarantine_and_their_neighbours_arrive(tmp_path: Path) -> None:
    """10,000 bindings, numbers and names of 64 KiB, nesting, NUL, what is no text: each beside a good one, through real sockets."""
    broker, hostile = FakeBroker(), odd()
    async with collecting(tmp_path, broker, segment_bytes=1_048_576) as running:
        for place, payload in enumerate(hostile, start=1):
            running.send(payload, link_down(place))
            await until(lambda place=place: running.count("datagrams_journaled_total") == 2 * place, "both journaled")
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "everything is done with")
        told = conservation(tmp_path)
        assert told["published"] + told["quarantined"] == 2 * len(hostile)
        assert running.count("datagrams_dropped_total") == 0
    traps = {trap.sequence: trap for trap in broker.traps()}
    kept = {one.sequence: one for one in quarantine.read(tmp_path)}
    assert [traps[2 * place].varbinds[0].value for place in range(1, len(hostile) + 1)] == list(range(1, len(hostile) + 1))
    for place, payload in enumerate(hostile, start=1):
        sequence = 2 * place - 1
        assert (sequence in traps) != (sequence in kept), place
        assert sequence in traps or (kept[sequence].payload == payload and kept[sequence].reason is not Reason.HANDLER_FAILED)
    assert 3 <= len(traps) - len(hostile) < len(hostile)


async def test_what_the_bound_on_memory_says_is_what_records_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the broker away, a storm stays within a little more than ``memory_bytes``: the rest waits in the journal alone."""
    broker = FakeBroker()
    broker.up = False
    limits = PublishLimits(memory_bytes=2_000_000, retry_s=60.0)
    storm = [link_down(place + 1) for place in range(100)]
    async with collecting(tmp_path, broker, limits=limits, segment_bytes=1_048_576) as running:
        running.send(*storm)
        await until(lambda: running.count("datagrams_journaled_total") == len(storm), "the first journaled")
        tracemalloc.start()
        try:
            for sent in range(2, 151):
                running.send(*storm)
                await until(lambda sent=sent: running.count("datagrams_journaled_total") == sent * len(storm), "journaled")
            taken, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        bound = limits.memory_bytes
        held_back = running.count("traps_held_back_total")
        with capsys.disabled():
            print(f"\n15000 traps, broker away: {taken} bytes, at most {most}; bound {bound}; {held_back} in the journal alone")  # noqa: T201
        assert held_back >= 15_000 - bound // RECORD_OVERHEAD
        assert 0.5 * bound < taken < 1.5 * bound
        assert most < 2 * bound
        assert "15000 records wait" in running.collector.trouble()
