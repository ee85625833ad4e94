"""How many answers a sender may have that proves nothing: a bucket for each, so that nobody is flooded through us."""

from typing import NamedTuple

NANOSECONDS = 1_000_000_000


class _Bucket(NamedTuple):
    left: float
    at: int


class Allowance:
    """``per_s`` answers a second for each sender, ``burst`` at once. At most ``capacity`` senders are remembered."""

    def __init__(self, per_s: float = 20.0, burst: float = 100.0, capacity: int = 65_536) -> None:
        self._per_ns = per_s / NANOSECONDS
        self._burst = burst
        self._capacity = capacity
        self._buckets: dict[str, _Bucket] = {}

    def take(self, source: str, now: int) -> bool:
        """Whether this sender may have one more answer at ``now`` (nanoseconds)."""
        left, at = self._buckets.get(source) or _Bucket(self._burst, now)
        left = min(left + max(now - at, 0) * self._per_ns, self._burst)
        if source not in self._buckets and len(self._buckets) >= self._capacity:
            self._buckets.clear()
        self._buckets[source] = _Bucket(left - 1 if left >= 1 else left, now)
        return left >= 1
