"""When each device is asked: spread over the interval by a hash of its name, never twice at once. No clock, no I/O."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from typing import NamedTuple

NANOSECONDS = 1_000_000_000


def offset_of(device: str, interval_ns: int) -> int:
    """The device's place within the interval, in nanoseconds: the same in every process and after every restart."""
    return int.from_bytes(blake2b(device.encode(), digest_size=8).digest()) % interval_ns


def slot_after(device: str, interval_ns: int, now: int) -> int:
    """The device's first slot after ``now``, in the clock's nanoseconds."""
    offset = offset_of(device, interval_ns)
    return (now - offset) // interval_ns * interval_ns + interval_ns + offset


class Due(NamedTuple):
    """Devices to ask now, and those whose turn is lost because their last poll is still under way."""

    ready: tuple[str, ...]
    skipped: tuple[str, ...]


class Schedule:
    """A fold over time: the caller passes ``now`` (nanoseconds of one clock) and says when a poll is done.

    A slot that was missed is not made up. A device that left the inventory has no more slots; one that is being asked may finish.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_ns = max(1, int(interval_s * NANOSECONDS))
        self._slots: list[tuple[int, str]] = []
        self._devices: frozenset[str] = frozenset()
        self._busy: set[str] = set()

    @property
    def devices(self) -> frozenset[str]:
        """The devices that have slots."""
        return self._devices

    def set_devices(self, devices: Iterable[str], now: int) -> None:
        """Poll exactly these from now on; those known already keep their slots."""
        wanted = frozenset(devices)
        kept = [slot for slot in self._slots if slot[1] in wanted]
        self._slots = kept + [(slot_after(device, self._interval_ns, now), device) for device in wanted - self._devices]
        self._devices = wanted
        heapify(self._slots)

    def next_at(self) -> int | None:
        """When the next slot is; ``None`` without devices."""
        return self._slots[0][0] if self._slots else None

    def due(self, now: int) -> Due:
        """Everything whose slot has come. A device is ready at most once until :meth:`done` is told."""
        ready: list[str] = []
        skipped: list[str] = []
        while self._slots and self._slots[0][0] <= now:
            _, device = heappop(self._slots)
            heappush(self._slots, (slot_after(device, self._interval_ns, now), device))
            (skipped if device in self._busy else ready).append(device)
        self._busy.update(ready)
        return Due(tuple(ready), tuple(skipped))

    @property
    def busy(self) -> AbstractSet[str]:
        """The devices that are being asked."""
        return self._busy

    def claim(self, device: str) -> None:
        """A device is being asked out of turn; a slot that comes meanwhile is lost, as with any poll under way."""
        self._busy.add(device)

    def done(self, device: str) -> None:
        """The device's poll has ended, however."""
        self._busy.discard(device)
