"""Asking the stream to settle: one message for each partition of ``outages``."""

import time

from pipeline import bus, wire
from pipeline.config.settings import Settings
from pipeline.core.settle import Settle


async def request_settlement(settings: Settings, request: str, at: int | None = None) -> int:
    """Ask for an evaluation of every contract as if its month ended at ``at`` (UTC nanoseconds; now by default). Answers that instant."""
    moment = time.time_ns() if at is None else at
    async with bus.producer(settings.broker.bootstrap) as producer:
        for partition in range(settings.broker.partitions):
            await producer.send_and_wait(wire.Topic.OUTAGES.value, wire.encode([Settle(moment, request)]), partition=partition)
    return moment
