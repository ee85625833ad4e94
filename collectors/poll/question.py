"""Which devices are asked back now, out of turn: merged, paced and bounded, so that a storm of traps is never a storm of polls.

No clock, no I/O.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.core.reason import Reason
from pipeline.core.reconcile import DOUBT_NS, MARGIN_NS

NANOSECONDS = 1_000_000_000

AFTER_NS = MARGIN_NS + 50_000_000
"""A device is asked so long after the trap came: an answer read earlier could confirm the claim, and not contradict it."""


class Ready(NamedTuple):
    """Devices to ask now, and those that are not asked any more, by reason."""

    devices: tuple[str, ...]
    dropped: tuple[tuple[str, Reason], ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """When to ask, the latest that further claims may move that to, and when asking has no point any more."""

    due: int
    latest: int
    until: int


class Questions:
    """A fold over time: the caller passes ``now`` (nanoseconds of one monotonic clock).

    A device is asked back at most once in ``pause_s``. All devices together are asked back ``per_s`` times a second, and as many at once
    after a quiet second; 0 asks none. A question whose turn has not come within ten seconds is dropped: the schedule will answer it.
    """

    def __init__(self, pause_s: float, per_s: float) -> None:
        self._pause_ns = int(pause_s * NANOSECONDS)
        self._per_s = max(0.0, per_s)
        self._most = max(1.0, self._per_s)
        self._tokens = self._most
        self._filled_at: int | None = None
        self._waiting: dict[str, _Waiting] = {}
        self._asked_at: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, device: str, age_ns: int, now: int) -> Reason:
        """One question about a device, whose trap came ``age_ns`` ago (less than 0 when its clock is ahead); what becomes of it.

        Claims that come while a device waits are answered by the same poll: it waits for them too, a second longer at most.
        """
        if not self._per_s:
            return Reason.OVER_BUDGET
        if abs(age_ns) > DOUBT_NS:
            return Reason.TOO_OLD
        wanted = max(now + AFTER_NS - age_ns, now)
        waiting = self._waiting.get(device)
        if waiting is not None:
            due = min(max(waiting.due, wanted), waiting.latest)
            self._waiting[device] = _Waiting(due, waiting.latest, waiting.until)
            return Reason.ALREADY_WAITING
        asked_at = self._asked_at.get(device)
        due = wanted if asked_at is None else max(wanted, asked_at + self._pause_ns)
        self._waiting[device] = _Waiting(due, due + MARGIN_NS, due + DOUBT_NS)
        return Reason.ASKED

    def ready(self, now: int, busy: AbstractSet[str]) -> Ready:
        """Everything whose time has come, the first asked first. A device that is being asked already waits for the end of that."""
        self._fill(now)
        asked: list[str] = []
        dropped: list[tuple[str, Reason]] = []
        for device, waiting in list(self._waiting.items()):
            if waiting.due > now:
                continue
            if device not in busy and self._tokens >= 1:
                self._tokens -= 1
                self._asked_at[device] = now
                asked.append(device)
            elif waiting.until > now:
                continue
            else:
                dropped.append((device, Reason.TOO_OLD if device in busy else Reason.OVER_BUDGET))
            del self._waiting[device]
        self._forget(now)
        return Ready(tuple(asked), tuple(dropped))

    def begun(self, device: str, now: int) -> bool:
        """The schedule asks a device by itself; whether that answers a question about it that was due."""
        waiting = self._waiting.get(device)
        if waiting is None or waiting.due > now:
            return False
        del self._waiting[device]
        return True

    def next_at(self, busy: AbstractSet[str]) -> int | None:
        """When :meth:`ready` has something new, at the earliest; ``None`` when nothing waits."""
        if not self._waiting:
            return None
        token_at = 0
        if self._tokens < 1 and self._filled_at is not None:
            token_at = self._filled_at + int((1 - self._tokens) / self._per_s * NANOSECONDS) + 1
        return min(
            waiting.until if device in busy else min(max(waiting.due, token_at), waiting.until) for device, waiting in self._waiting.items()
        )

    def _fill(self, now: int) -> None:
        if self._filled_at is not None:
            self._tokens = min(self._most, self._tokens + (now - self._filled_at) / NANOSECONDS * self._per_s)
        self._filled_at = now

    def _forget(self, now: int) -> None:
        """Drop the memory of devices that may be asked again anyway, once it is larger than what a pause can hold."""
        if len(self._asked_at) > self._pause_ns / NANOSECONDS * self._per_s + self._most:
            self._asked_at = {device: at for device, at in self._asked_at.items() if at + self._pause_ns > now}
