"""The detector's memory of each device's series: large, changed by every poll, and written only now and then.

What must be exact (whose alarm stands) is in the device's own row with every turn. The memory may be a quarter of an hour old after a
crash: its series then take the polls between for a gap, and are otherwise as they were.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from pipeline.core.anomaly_alarm import AnomalyState
from pipeline.core.anomaly_state import UnknownVersionError
from pipeline.stream.rows import Keyed
from pipeline.stream.turn import Turn

log = logging.getLogger(__name__)

SAVE_EVERY_NS = 900_000_000_000
FORGET_AFTER_S = 14 * 86_400
"""A series of which nothing came for so long is of an interface that is gone."""


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """A device's memory as it was at a time (UTC nanoseconds)."""

    saved_at: int
    data: bytes


@dataclass(slots=True)
class _Held:
    state: AnomalyState
    saved_at: int


class Memories:
    """The memories of the devices of the partitions that this worker owns; read from their rows when first needed."""

    def __init__(self) -> None:
        self._held: dict[int, dict[str, _Held]] = {}
        self._rows = Keyed(MemoryRow)

    def of(self, turn: Turn, partition: int, device: str, standing: Mapping[str, bytes]) -> AnomalyState:
        """A device's memory; ``standing`` are the alarms of its that stand, as its own row has them."""
        held = self._held.setdefault(partition, {})
        if device not in held:
            row: MemoryRow | None = self._rows.get(turn, _key(device))
            state = recalled(row.data, device) if row is not None else AnomalyState()
            state.stand_as(standing)
            held[device] = _Held(state, row.saved_at if row is not None else 0)
        return held[device].state

    def keep(self, turn: Turn, partition: int, device: str, now: int) -> None:
        """Write the memory if it is time; devices are spread over the time between two writings."""
        held = self._held[partition][device]
        if not held.saved_at:
            held.saved_at = now - _offset(device)
        if abs(now - held.saved_at) >= SAVE_EVERY_NS:
            held.state = held.state.without(now // 1_000_000_000 - FORGET_AFTER_S)
            held.saved_at = now
            self._rows.put(turn, _key(device), MemoryRow(now, held.state.to_bytes()))

    def forget(self, partition: int) -> None:
        """Drop the memories of a partition's devices; the rows have what was last written."""
        self._held.pop(partition, None)

    def forget_all(self) -> None:
        """Drop all memories."""
        self._held.clear()


def recalled(data: bytes, of: str) -> AnomalyState:
    """A memory from its bytes; a new one, and a word about it, when this version cannot read them."""
    if not data:
        return AnomalyState()
    try:
        return AnomalyState.from_bytes(data)
    except UnknownVersionError as error:
        log.warning("what is usual for %s is learnt anew: %s", of, error)
        return AnomalyState()


def _key(device: str) -> str:
    return f"memory|{device}"


def _offset(device: str) -> int:
    return int.from_bytes(blake2b(device.encode(), digest_size=8).digest()) % SAVE_EVERY_NS
