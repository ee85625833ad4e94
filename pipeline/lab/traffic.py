"""What runs over an interface: a day's curve with a ripple, integrated in closed form, so that a counter needs no ticking."""

import math
from dataclasses import dataclass, replace
from random import Random

NANOSECONDS = 1_000_000_000
DAY_S = 86_400.0
RIPPLE_S = 420.0


@dataclass(frozen=True, slots=True)
class Curve:
    """A rate in units (octets, packets) per second: ``mean * (1 + swing * day + ripple * minutes)``.

    ``swing + ripple`` stays below 1, so the rate is positive and its integral grows. Phases are radians.
    """

    mean: float = 0.0
    swing: float = 0.0
    ripple: float = 0.0
    phase: float = 0.0

    def rate(self, at: int) -> float:
        """Units per second at a time (UTC nanoseconds)."""
        seconds = at / NANOSECONDS
        day = math.sin(math.tau * seconds / DAY_S + self.phase)
        minutes = math.sin(math.tau * seconds / RIPPLE_S + self.phase)
        return self.mean * (1 + self.swing * day + self.ripple * minutes)

    def total(self, start: int, end: int) -> int:
        """Whole units between two times (UTC nanoseconds): the exact integral of :meth:`rate`, rounded down."""
        seconds = (end - start) / NANOSECONDS
        day = self.swing * DAY_S * self._wave(DAY_S, start, end)
        minutes = self.ripple * RIPPLE_S * self._wave(RIPPLE_S, start, end)
        return max(0, int(self.mean * (seconds + day + minutes)))

    def _wave(self, period_s: float, start: int, end: int) -> float:
        first, last = (math.cos(math.tau * at / NANOSECONDS / period_s + self.phase) for at in (start, end))
        return (first - last) / math.tau


SILENCE = Curve()


@dataclass(frozen=True, slots=True)
class Meter:
    """A counter that a curve has been turning since ``since`` (UTC nanoseconds), when it stood at ``count``."""

    count: int
    since: int
    curve: Curve

    def read(self, at: int) -> int:
        """The count at a time; a time before ``since`` reads as ``since``."""
        return self.count + (self.curve.total(self.since, at) if at > self.since else 0)

    def turn(self, curve: Curve, at: int) -> "Meter":
        """Go on from here with another curve; the same curve leaves the meter as it is."""
        return self if curve == self.curve else replace(self, count=self.read(at), since=max(at, self.since), curve=curve)


def daily(seed: int, sender: str, capacity: float) -> Curve:
    """The everyday load that ``sender`` puts on a medium of ``capacity`` octets a second: 8 to 30 % on average, at most 51 %."""
    random = Random(f"{seed}/{sender}")  # noqa: S311 - a plausible network needs no secret randomness
    return Curve(
        mean=capacity * random.uniform(0.08, 0.30),
        swing=random.uniform(0.35, 0.6),
        ripple=random.uniform(0.02, 0.1),
        phase=random.uniform(0.0, 0.8) + math.pi,
    )


def steady(rate: float) -> Curve:
    """The same rate, all day."""
    return Curve(mean=rate)
