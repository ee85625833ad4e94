"""Publishes polls of many simulated devices at a rate, as a poll collector would: packed columns, a message for each poll.

``python -m tests.bench.kpi_sender BOOTSTRAP PARTITIONS DEVICES INTERFACES SAMPLES_PER_POLL RATE SECONDS``; says in JSON what it did.
"""

import asyncio
import json
import sys
import time

import numpy as np

from pipeline import bus, wire
from pipeline.core.column import TEXT, UNSIGNED, Column
from pipeline.core.raw import INTERFACES, PollOutcome, RawPoll, RawTable
from pipeline.wire import Topic

SPEED_MBPS = 10_000
TICK_NS = 10_000_000


def device_name(number: int) -> str:
    """The name of a simulated device."""
    return f"kpi-{number:04d}"


def interface_name(number: int) -> str:
    """The ifName of a device's interface."""
    return f"xe-{number // 48}/0/{number % 48}"


class Fleet:
    """Devices whose counters go on with plausible traffic: a level of its own for each interface, with noise."""

    def __init__(self, devices: int, interfaces: int) -> None:
        self._random = np.random.default_rng(7)
        self._names = Column(TEXT, text=tuple(map(interface_name, range(interfaces))))
        self._indexes = tuple(str(number + 1) for number in range(interfaces))
        self._ones = self._packed(np.ones(interfaces))
        self._speed = self._packed(np.full(interfaces, SPEED_MBPS))
        self._zeros = self._packed(np.zeros(interfaces))
        self._levels = self._random.uniform(0.02, 0.6, (devices, 2, interfaces)) * SPEED_MBPS * 125_000
        self._octets = np.zeros((devices, 2, interfaces))
        self._seen_at = [0] * devices
        self._boot = time.time_ns() - 86_400_000_000_000

    @staticmethod
    def _packed(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Column:
        return Column(UNSIGNED, values.astype("<u8").tobytes())

    def poll(self, device: int, sequence: int, at: int) -> RawPoll:
        """What a device answers at a time (UTC nanoseconds)."""
        elapsed = (at - self._seen_at[device]) / 1e9 if self._seen_at[device] else 0.0
        self._seen_at[device] = at
        levels = self._levels[device]
        self._octets[device] += levels * elapsed * self._random.normal(1.0, 0.05, levels.shape).clip(0.5, 1.5)
        received, sent = self._octets[device]
        columns = {
            "oper_status": self._ones,
            "admin_status": self._ones,
            "if_name": self._names,
            "speed": self._speed,
            "in_octets": self._packed(received),
            "out_octets": self._packed(sent),
            "in_unicast": self._packed(received / 700),
            "out_unicast": self._packed(sent / 700),
            "in_errors": self._zeros,
            "out_errors": self._zeros,
            "in_discards": self._zeros,
            "out_discards": self._zeros,
        }
        return RawPoll(
            collector="bench",
            sequence=sequence,
            polled_at=at,
            device=device_name(device),
            outcome=PollOutcome.ANSWERED,
            uptime_ticks=(at - self._boot) // TICK_NS % (1 << 32),
            round_trip_ms=3.0,
            profile="generic",
            tables={INTERFACES: RawTable(self._indexes, columns)},
        )


async def publish(
    bootstrap: str, partitions: int, devices: int, interfaces: int, per_poll: int, rate: float, seconds: float
) -> dict[str, float]:
    """Publish so many samples a second, poll after poll in turn; what was done."""
    fleet = Fleet(devices, interfaces)
    where = [bus.partition_of(device_name(number), partitions) for number in range(devices)]
    polls, began, used = 0, time.monotonic(), time.process_time()
    base = time.time_ns() // 1_000_000  # a number that no earlier run gave
    async with bus.producer(bootstrap) as producer:
        while (elapsed := time.monotonic() - began) < seconds:
            due = int(elapsed * rate / per_poll)
            while polls < due:
                device = polls % devices
                message = wire.encode([fleet.poll(device, base + polls, time.time_ns())])
                await producer.send(Topic.RAW_POLLS.value, message, partition=where[device])
                polls += 1
            await asyncio.sleep(0.005)
        await producer.flush()
    return {"polls": polls, "seconds": time.monotonic() - began, "cpu_s": time.process_time() - used}


if __name__ == "__main__":
    numbers = [float(word) for word in sys.argv[2:]]
    told = asyncio.run(publish(sys.argv[1], *map(int, numbers[:4]), *numbers[4:]))
    print(json.dumps(told))
