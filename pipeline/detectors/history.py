"""What detectors ask of the history, and of the place where models are told of; ``pipeline.store`` answers, a test may."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from pipeline.core.vector import Readings, Seen


class HistoryPort(Protocol):
    """Blocking; every method raises ``OSError`` when the history does not answer."""

    def seen(self, starts_at: int, ends_at: int) -> dict[str, Seen]:
        """Every element with values between two times."""

    def readings(self, devices: Sequence[str], starts_at: int, ends_at: int, one_in: int) -> Iterator[Readings]:
        """The vectors of elements between two times, of one minute in ``one_in``, the same ones every time; element after element."""

    def standing(self) -> frozenset[str]:
        """The elements whose alarm for their vector stands."""
