"""A column of values, packed: no Python object for a value, from the wire to the arrays that folds work on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Cell = int | float | str | None
Floats = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[np.uint64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

UNSIGNED = "u"
FLOAT = "f"
TEXT = "s"


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one kind, one for each row; a row may have none.

    ``kind`` is ``u`` (unsigned, 64 bits), ``f`` (64-bit floating point) or ``s`` (text). ``data`` are the numbers, little-endian.
    ``missing`` is one byte for each row, 1 where there is no value, and empty when every row has one. ``text`` is for kind ``s`` alone.
    """

    kind: str = UNSIGNED
    data: bytes = b""
    missing: bytes = b""
    text: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Sequence[Cell]) -> "Column":
        """Pack values: text when one is text, floating point when one is so or negative, unsigned otherwise."""
        missing = bytes(value is None for value in values)
        gaps = missing if any(missing) else b""
        if any(isinstance(value, str) for value in values):
            return cls(TEXT, missing=gaps, text=tuple("" if value is None else str(value) for value in values))
        numbers = [value or 0 for value in values if not isinstance(value, str)]
        if any(isinstance(value, float) or value < 0 for value in numbers):
            return cls(FLOAT, np.array(numbers, dtype="<f8").tobytes(), gaps)
        return cls(UNSIGNED, np.array(numbers, dtype="<u8").tobytes(), gaps)

    @classmethod
    def of_floats(cls, values: Floats) -> "Column":
        """Pack numbers; NaN is no value."""
        missing = np.isnan(values)
        return cls(FLOAT, values.astype("<f8").tobytes(), missing.tobytes() if missing.any() else b"")

    def __len__(self) -> int:
        return len(self.text) if self.kind == TEXT else len(self.data) // 8

    def values(self) -> tuple[Cell, ...]:
        """The values as Python's own, ``None`` where there is none."""
        found: Sequence[Cell] = self.text if self.kind == TEXT else self._packed().tolist()
        if not self.missing:
            return tuple(found)
        return tuple(None if gone else value for value, gone in zip(found, self.missing, strict=True))

    def texts(self) -> tuple[str, ...]:
        """The values as text, empty where there is none."""
        return self.text if self.kind == TEXT else tuple("" if value is None else str(value) for value in self.values())

    def numbers(self) -> Floats:
        """The values as floating point, NaN where there is none. Unsigned ones above 2^53 lose their last digits: no use for counters."""
        if self.kind == TEXT:
            return np.full(len(self.text), np.nan)
        found = self._packed().astype(np.float64)
        if self.missing:
            found[~self.present()] = np.nan
        return found

    def counts(self) -> Counts:
        """The values of an unsigned column, exactly; 0 where there is none. Another kind gives zeroes."""
        return self._packed().astype(np.uint64) if self.kind == UNSIGNED else np.zeros(len(self), np.uint64)

    def present(self) -> Flags:
        """Which rows have a value."""
        if not self.missing:
            return np.ones(len(self), np.bool_)
        found: Flags = np.frombuffer(self.missing, np.uint8) == 0
        return found

    def _packed(self) -> np.ndarray[Any, Any]:
        return np.frombuffer(self.data, "<f8" if self.kind == FLOAT else "<u8")
