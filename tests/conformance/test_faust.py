"""Faust workers on the `fastkafka` transport lose nothing on any broker: tables come back from their changelogs, partitions move."""

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.target import DEADLINE_S, Item, Target
from tests.conformance.worker import Workers, faust_workers

pytestmark = pytest.mark.slow

KEYS = 8


async def send(target: Target, name: str, numbers: range) -> None:
    await target.produce(f"{name}-in", [Item(b"%d" % i, key=b"key-%d" % (i % KEYS)) for i in numbers])


class Outcome:
    """What the workers made of it: numbers passed on by worker, and rows as their changelog says."""

    def __init__(self) -> None:
        self.passed_on: defaultdict[str, set[int]] = defaultdict(set)
        self.rows: dict[bytes, set[int]] = {}

    def note(self, topic: str, key: bytes, value: bytes | None) -> None:
        if topic.endswith("-out"):
            self.passed_on[key.decode()].add(int(value or b""))
        elif value is not None:
            self.rows[key] = set(json.loads(value)[0])

    def done(self) -> set[int]:
        return set().union(*self.passed_on.values())

    def remembered(self) -> set[int]:
        return set().union(*self.rows.values())


@dataclass
class Watcher:
    """Reads output and changelog from their beginnings."""

    target: Target
    name: str
    workers: Workers

    async def until(self, outcome: Outcome, wanted: set[int], worker: str | None = None) -> None:
        """Read until all wanted numbers are in both (and that worker has passed one on)."""

        def holds() -> bool:
            self.workers.check()
            complete = wanted <= outcome.done() and wanted <= outcome.remembered()
            return complete and (worker is None or bool(outcome.passed_on[worker]))

        topics = (f"{self.name}-out", f"{self.name}-rows-changelog")
        async with self.target.consumer(*topics, auto_offset_reset="earliest", metadata_max_age_ms=500) as consumer:
            ends_at = time.monotonic() + DEADLINE_S
            while not holds():
                assert time.monotonic() < ends_at, f"missing: {sorted(wanted - (outcome.done() & outcome.remembered()))[:20]}"
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for r in records:
                        outcome.note(r.topic, r.key, r.value)


async def test_a_table_comes_back_from_its_changelog_after_kill_9(target: Target, name: str, tmp_path: Path) -> None:
    """The second worker starts with nothing on disk; its rows still hold what the first one wrote."""
    with faust_workers(target.bootstrap, name, tmp_path) as workers:
        watcher = Watcher(target, name, workers)
        workers.start("first")
        await target.create(f"{name}-in")
        await send(target, name, range(400))
        await watcher.until(Outcome(), set(range(400)))
        workers.kill("first")
        workers.start("second")
        await send(target, name, range(400, 440))
        outcome = Outcome()
        await watcher.until(outcome, set(range(440)), worker="second")
    assert outcome.rows == {b"key-%d" % k: set(range(k, 440, KEYS)) for k in range(KEYS)}


async def test_two_workers_share_and_one_killed_loses_nothing(target: Target, name: str, tmp_path: Path) -> None:
    await target.create(f"{name}-in")
    outcome = Outcome()
    with faust_workers(target.bootstrap, name, tmp_path) as workers:
        watcher = Watcher(target, name, workers)
        workers.start("stays")
        await send(target, name, range(200))
        await watcher.until(outcome, set(range(200)))
        workers.start("dies")
        sent = 200
        while not outcome.passed_on["dies"]:
            assert sent < 20_000, "the second worker never got a partition"
            await send(target, name, range(sent, sent + 40))
            sent += 40
            await watcher.until(outcome, set(range(sent)))
        await send(target, name, range(sent, sent + 200))
        workers.kill("dies")
        await send(target, name, range(sent + 200, sent + 400))
        await watcher.until(outcome, set(range(sent + 400)))
        assert workers.stop("stays") == 0
    assert outcome.passed_on["stays"]
    assert outcome.rows == {b"key-%d" % k: set(range(k, sent + 400, KEYS)) for k in range(KEYS)}


async def test_a_worker_goes_on_after_the_broker_was_killed(target: Target, name: str, tmp_path: Path) -> None:
    await target.create(f"{name}-in")
    outcome = Outcome()
    with faust_workers(target.bootstrap, name, tmp_path) as workers:
        watcher = Watcher(target, name, workers)
        workers.start("only")
        await send(target, name, range(200))
        await watcher.until(outcome, set(range(200)))
        target.broker.kill()
        target.broker.restart()
        await send(target, name, range(200, 400))
        await watcher.until(outcome, set(range(400)))
    assert outcome.rows == {b"key-%d" % k: set(range(k, 400, KEYS)) for k in range(KEYS)}
