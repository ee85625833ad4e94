"""What detectors ask of the history, and of the place where models are told of; ``pipeline.store`` answers, a test may."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Seen:
    """How much history an element has: minutes with values, and the first and last of them (UTC nanoseconds)."""

    minutes: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Vectors of one element, in order of time: ``values[i]`` has the features of :data:`pipeline.core.vector.FEATURES` at ``at[i]``."""

    device: str
    at: Integers
    values: Floats


class HistoryPort(Protocol):
    """Blocking; every method raises ``OSError`` when the history does not answer."""

    def seen(self, starts_at: int, ends_at: int) -> dict[str, Seen]:
        """Every element with values between two times."""

    def readings(self, devices: Sequence[str], starts_at: int, ends_at: int, one_in: int) -> Iterator[Readings]:
        """The vectors of elements between two times, of one minute in ``one_in``, the same ones every time; element after element."""

    def standing(self) -> frozenset[str]:
        """The elements whose alarm for their vector stands."""
