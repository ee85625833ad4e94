"""The collector that ``trap-ingest`` and ``trap-v3`` feed: a process of its own, whole but for the broker.

``python -m … FOLDER on|off [AUTH]``: with or without the storm guard; with the name of a digest it takes v3 as well, of the tests' user
with that and AES-128.
"""

import asyncio
import json
import mmap
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from prometheus_client import CollectorRegistry

from collectors.publish import Message, Sender
from collectors.trap.collector import TrapCollector
from pipeline.config.settings import GuardSettings, TrapSettings
from tests.support.usm import user


class Nowhere:
    """A broker that takes everything and keeps nothing."""

    async def send(self, messages: Sequence[Message]) -> None:
        await asyncio.sleep(0)


@asynccontextmanager
async def nowhere() -> AsyncIterator[Sender]:
    yield Nowhere()


async def collect(folder: Path, guard: str, auth: str = "") -> None:
    registry = CollectorRegistry()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    users = (user(auth=auth),) if auth else ()
    settings = TrapSettings(listen=("127.0.0.1:0",), users=users, guard=GuardSettings(enabled=guard == "on"))
    collector = TrapCollector(settings, folder / "journal", 4, nowhere, registry=registry)
    with (folder / "progress").open("w+b") as file:
        file.write(bytes(16))
        file.flush()
        with mmap.mmap(file.fileno(), 16) as progress:
            async with collector:
                print(collector.listeners[0].address[1], flush=True)
                before = time.process_time()
                telling = asyncio.create_task(tell(registry, collector, progress))
                await collector.run(stop)
                telling.cancel()
                cpu_s = time.process_time() - before
                print(json.dumps(counts(registry, collector) | {"cpu_us_per_trap": per_trap(cpu_s, registry)}), flush=True)


def value(registry: CollectorRegistry, name: str) -> int:
    return int(registry.get_sample_value(name) or 0)


def total(registry: CollectorRegistry, name: str) -> int:
    """A counter over all of its labels."""
    return sum(int(sample.value) for metric in registry.collect() for sample in metric.samples if sample.name == name)


def per_trap(cpu_s: float, registry: CollectorRegistry) -> float:
    """Microseconds of this process for each datagram received."""
    return round(1e6 * cpu_s / max(value(registry, "assure_datagrams_received_total"), 1), 2)


async def tell(registry: CollectorRegistry, collector: TrapCollector, progress: mmap.mmap) -> None:
    while True:
        taken = value(registry, "assure_datagrams_received_total") + value(registry, "assure_datagrams_dropped_total")
        lost = value(registry, "assure_datagrams_dropped_total")
        progress[:16] = taken.to_bytes(8, "little") + (collector.journal.acknowledged + lost).to_bytes(8, "little")
        await asyncio.sleep(0.003)


def counts(registry: CollectorRegistry, collector: TrapCollector) -> dict[str, int]:
    return {
        "received": value(registry, "assure_datagrams_received_total"),
        "dropped": value(registry, "assure_datagrams_dropped_total"),
        "refused": total(registry, "assure_datagrams_refused_total"),
        "journaled": value(registry, "assure_datagrams_journaled_total"),
        "decoded": value(registry, "assure_traps_published_total"),
        "absorbed": total(registry, "assure_traps_absorbed_total"),
        "quarantined": collector.quarantine.count,
        "last_sequence": collector.journal.synced_sequence,
        "receive_buffer_bytes": collector.listeners[0].granted_bytes,
        "pid": os.getpid(),
    }


if __name__ == "__main__":
    uvloop.run(collect(Path(sys.argv[1]), *sys.argv[2:]))
