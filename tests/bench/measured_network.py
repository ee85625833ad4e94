"""Indicators of a network as polls of it would give them: for benchmarks of the store.

Each device is polled once a minute, at a second of its own that wanders a little. Traffic has a day, noise from minute to minute, and idle
and dead ports; errors are rare; a processor reads in whole percent, a sensor in whole degrees, optics in hundredths of a decibel; memory
creeps. A poll in three hundred is not answered, and then everything is blind. The same seed gives the same values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.core.column import Bytes, Floats
from pipeline.core.kpi import KpiBatch
from pipeline.core.resource import ResourceId, ResourceKind, resource_id
from pipeline.core.sample import Quality

S = 1_000_000_000
POLL_S = 60
UNANSWERED = 1 / 300
CHUNK = 60
"""Polls of a device that are made at once."""

Columns = dict[str, Floats]
"""Indicator -> values, a row for each poll."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the network is: ``ports`` of each device, a quarter of which is optical."""

    devices: int
    ports: int = 48
    sites: int = 10

    @property
    def samples_a_minute(self) -> int:
        """Values of all indicators together."""
        optical = self.ports // 4
        return self.devices * (7 * self.ports + 3 * optical + 2 + 2 + 2 + 6 + 1)


class MeasuredDevice:
    """One device: what it has and how it is used."""

    def __init__(self, number: int, size: Size, seed: int) -> None:
        self.name = f"pe{number}.site{number % size.sites}"
        self._random = np.random.default_rng([seed, number])
        pick = self._random
        ports = size.ports
        self._phase_s = pick.uniform(0, POLL_S)
        self._speed = pick.choice([1e9, 1e10, 1e11], ports, p=[0.6, 0.35, 0.05])
        use = pick.choice([0.0, 1e-6, 1.0], ports, p=[0.15, 0.15, 0.7])
        self._level = self._speed * use * pick.beta(1.2, 5, ports)
        self._noisy = pick.random(ports) < 0.03
        self._asymmetry = pick.uniform(0.1, 1.0, ports)
        self._peak_at = pick.normal(20 * 3600, 3600)
        self._light = pick.uniform(-12, -2, ports // 4)
        self._heat = pick.uniform(28, 60, 6)
        self._memory = pick.uniform(0.3, 0.8)
        self._busy = pick.uniform(0.05, 0.5, 2)
        self.resources: dict[str, tuple[ResourceId, ...]] = {
            "device": (resource_id(ResourceKind.DEVICE, self.name),),
            "interfaces": tuple(resource_id(ResourceKind.INTERFACE, f"{self.name}/ge-0/0/{port}") for port in range(ports)),
            "optics": tuple(resource_id(ResourceKind.PORT, f"{self.name}/ge-0/0/{port}") for port in range(ports // 4)),
            "cpus": tuple(resource_id(ResourceKind.COMPONENT, f"{self.name}/cpu {slot}") for slot in range(2)),
            "memory": tuple(resource_id(ResourceKind.COMPONENT, f"{self.name}/memory {slot}") for slot in range(2)),
            "storage": (resource_id(ResourceKind.COMPONENT, f"{self.name}//var"),),
            "temperatures": tuple(resource_id(ResourceKind.COMPONENT, f"{self.name}/sensor {slot}") for slot in range(6)),
        }

    def polls(self, starts_s: int, count: int) -> Iterator[list[KpiBatch]]:
        """The batches of each of ``count`` polls, the first in the minute of ``starts_s`` (Unix seconds)."""
        wander = self._random.uniform(0, 1.5, count)
        at = starts_s + self._phase_s + POLL_S * np.arange(count) + wander
        tables = self._tables(at)
        silent = self._random.random(count) < UNANSWERED
        for poll in range(count):
            at_ns = int(at[poll] * S)
            yield [self._batch(name, columns, poll, at_ns, silent=bool(silent[poll])) for name, columns in tables.items()]

    def _batch(self, table: str, columns: Columns, poll: int, at_ns: int, *, silent: bool) -> KpiBatch:
        resources = self.resources[table]
        quality = np.full(len(resources), Quality.BLIND if silent else Quality.GOOD, np.uint8).tobytes()
        nothing = np.full(len(resources), np.nan).tobytes()
        packed = {name: nothing if silent else values[poll].tobytes() for name, values in columns.items()}
        qualities = dict.fromkeys(columns, quality)
        if table == "device" and silent:
            packed["answered"], qualities["answered"] = np.zeros(1).tobytes(), bytes(1)
        return KpiBatch(self.name, at_ns, "poll-1", at_ns // S, resources, packed, qualities)

    def _tables(self, at: Floats) -> dict[str, Columns]:
        count, pick = len(at), self._random
        day = 1 + 0.7 * np.cos(2 * np.pi * (at - self._peak_at) / 86_400)
        self._busy = np.clip(self._busy + pick.normal(0, 0.02, 2), 0.02, 0.95)
        self._memory = float(np.clip(self._memory + pick.normal(0, 0.002), 0.1, 0.97))
        self._heat = self._heat + pick.normal(0, 0.3, 6)
        light = np.round(self._light + pick.normal(0, 0.015, (count, len(self._light))), 2)
        return {
            "device": {"answered": np.ones((count, 1)), "round_trip_ms": np.exp(pick.normal(2.5, 0.3, (count, 1)))},
            "interfaces": self._interfaces(day, count),
            "optics": {
                "rx_power_dbm": light,
                "tx_power_dbm": np.round(pick.normal(-1.5, 0.01, light.shape), 2),
                "rx_margin_db": light + 14.0,
            },
            "cpus": {"cpu_utilisation": np.round(np.clip(self._busy * day[:, None] ** 0.5 + pick.normal(0, 0.03, (count, 2)), 0, 1), 2)},
            "memory": {"memory_utilisation": np.cumsum(pick.normal(0, 2e-4, (count, 2)), axis=0) + self._memory},
            "storage": {"storage_utilisation": np.full((count, 1), 0.413) + np.arange(count)[:, None] * 1e-7},
            "temperatures": {"temperature_celsius": np.round(self._heat + day[:, None] + pick.normal(0, 0.3, (count, 6)))},
        }

    def _interfaces(self, day: Floats, count: int) -> Columns:
        pick, shape = self._random, (count, len(self._speed))
        swing = np.exp(pick.normal(0, 0.08, shape))
        received = np.minimum(self._level * day[:, None] * swing, self._speed)
        sent = np.minimum(received * self._asymmetry * np.exp(pick.normal(0, 0.05, shape)), self._speed)
        return {
            "in_bps": received,
            "out_bps": sent,
            "in_utilisation": received / self._speed,
            "out_utilisation": sent / self._speed,
            "in_errors_per_s": self._errors(shape, 0.2),
            "out_errors_per_s": self._errors(shape, 0.05),
            "oper_up": np.broadcast_to((self._level > 0).astype(float), shape),
        }

    def _errors(self, shape: tuple[int, ...], share: float) -> Floats:
        """A few packets in some minutes of some ports, nothing elsewhere."""
        pick = self._random
        hit: Bytes = (pick.random(shape) < share) & self._noisy
        return np.where(hit, np.ceil(pick.gamma(1, 20, shape)) / POLL_S, 0.0)


def minutes(size: Size, starts_s: int, count: int, seed: int = 1) -> Iterator[list[KpiBatch]]:
    """All batches of all devices, poll after poll, in groups of a device's :data:`CHUNK` polls, so that memory stays small."""
    devices = [MeasuredDevice(number, size, seed) for number in range(size.devices)]
    for first in range(0, count, CHUNK):
        polled = [device.polls(starts_s + first * POLL_S, min(CHUNK, count - first)) for device in devices]
        for polls in zip(*polled, strict=True):
            yield [batch for batches in polls for batch in batches]
