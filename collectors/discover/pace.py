"""How fast questions may leave, over all devices together, and how that time is not counted against a device."""

from collections.abc import Callable

from gufo.snmp.policer import BasePolicer

_NANOSECONDS = 1_000_000_000


class Pace:
    """So many questions a second at most, each in a slot of its own; 0 for no bound."""

    def __init__(self, per_s: float = 0.0) -> None:
        self._apart = int(_NANOSECONDS / per_s) if per_s else 0
        self._next = 0

    def wait_ns(self, now: int) -> int:
        """How long the next question must wait (nanoseconds), ``now`` being any clock that only goes forward."""
        slot = max(self._next, now)
        self._next = slot + self._apart
        return slot - now


class Paced(BasePolicer):  # type: ignore[misc]  # the library publishes no types to a checker that does not follow it
    """A device's place in the pace; ``waited`` hears how many seconds a question of its waits."""

    def __init__(self, pace: Pace, waited: Callable[[float], None]) -> None:
        self._pace = pace
        self._waited = waited

    def get_timeout(self, ts: int) -> int | None:
        """As the library asks it, before each question."""
        wait = self._pace.wait_ns(ts)
        if wait:
            self._waited(wait / _NANOSECONDS)
        return wait or None
