"""A trap collector in a process of its own, to be killed: ``python -m tests.support.trap_child JOURNAL [BOOTSTRAP]`` prints its port.

It knows the tests' v3 user. Without a broker everything stays in the journal. It ends well at SIGTERM and prints its counters as JSON.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from collectors.publish import Sender, SendError, kafka_sender
from collectors.trap.collector import TrapCollector
from pipeline.config.settings import TrapSettings
from pipeline.wire import Topic
from tests.support.usm import user


@asynccontextmanager
async def no_broker() -> AsyncIterator[Sender]:
    raise SendError("this child has no broker")
    yield  # a generator is what the decorator wants


async def collect(journal: Path, bootstrap: str) -> None:
    stop = asyncio.Event()
    registry = CollectorRegistry()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = TrapSettings(listen=("127.0.0.1:0",), segment_bytes=1_048_576, users=(user(),))
    connect = (lambda: kafka_sender(bootstrap, Topic.RAW_TRAPS)) if bootstrap else no_broker
    async with TrapCollector(settings, journal, 4, connect, registry=registry) as collector:
        print(collector.listeners[0].address[1], flush=True)  # noqa: T201  the parent reads it
        await collector.run(stop)
    counts = {sample.name: sample.value for metric in registry.collect() for sample in metric.samples}
    print(json.dumps(counts), flush=True)  # noqa: T201  the parent reads it


if __name__ == "__main__":
    asyncio.run(collect(Path(sys.argv[1]), "".join(sys.argv[2:])))
