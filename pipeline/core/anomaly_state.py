"""What the detector remembers of many series: one record of fixed size for each, packed to bytes with a version.

Everything is bounded, whatever comes: counts fade before they overflow, and a day's profile has a fixed number of slots.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

Integers = np.ndarray[Any, np.dtype[np.int64]]
Records = np.ndarray[Any, np.dtype[np.void]]

FEATURES = 4
SIDES = 2
BINS = 48
SLOTS = 96
NO_SLOT = 255

VERSION = 1
"""Raised with every change of ``_record`` or of what its fields mean; a state of another version is not read but begun anew."""

_HEADER = struct.Struct("<4sHHHI")
_MAGIC = b"anom"


def _record(drift_samples: int, ramp_samples: int) -> np.dtype[np.void]:
    """The fields of one series.

    ``count`` is how many samples the histograms stand for (it fades with them) and ``beat`` how many there ever were; ``seen_at`` the time
    of the last one in UTC seconds, and ``every_s`` how far samples are apart. ``mute`` counts the samples until the detector may speak.
    ``held`` is the refractory level. ``histogram`` and ``record`` hold, for each feature and side, how far out values were. ``season`` is
    the usual value of each quarter of an hour of the day, ``visits`` on how many days it was measured; ``visit_*`` are of the slot that is
    still going on. ``drift`` and ``ramp`` are the last residuals and values.
    """
    return np.dtype(
        [
            ("level", "<f8"),
            ("visit_sum", "<f8"),
            ("count", "<u4"),
            ("beat", "<u4"),
            ("seen_at", "<u4"),
            ("every_s", "<f4"),
            ("previous", "<f4"),
            ("held", "<f4"),
            ("scale", "<f4", (FEATURES,)),
            ("season_scale", "<f4"),
            ("mute", "<u2"),
            ("visit_count", "<u2"),
            ("slot", "u1"),
            ("spare", "u1", (3,)),
            ("record", "<f4", (FEATURES, SIDES)),
            ("histogram", "<u2", (FEATURES, SIDES, BINS)),
            ("season", "<f4", (SLOTS,)),
            ("visits", "u1", (SLOTS,)),
            ("drift", "<f4", (drift_samples,)),
            ("ramp", "<f4", (ramp_samples,)),
        ],
    )


class UnknownVersionError(ValueError):
    """Bytes that this program did not write; the series must begin anew, and somebody should be told so."""


@dataclass(frozen=True, slots=True)
class SeriesState:
    """The detector's memory of several series: ``records[i]`` is the i-th. The records are changed in place."""

    records: Records

    @classmethod
    def empty(cls, series: int, drift_samples: int, ramp_samples: int) -> "SeriesState":
        """Series of which nothing is known yet."""
        records: Records = np.zeros(series, _record(drift_samples, ramp_samples))
        records["slot"] = NO_SLOT
        return cls(records)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def bytes_per_series(self) -> int:
        """The size of one record."""
        return self.records.dtype.itemsize

    def take(self, rows: Integers) -> "SeriesState":
        """A copy of some series, in the order of ``rows``."""
        return SeriesState(self.records[rows].copy())

    def grown(self, series: int) -> "SeriesState":
        """The same series and so many more, of which nothing is known."""
        drift, ramp = self._rings()
        return SeriesState(np.concatenate([self.records, SeriesState.empty(series, drift, ramp).records]))

    def to_bytes(self) -> bytes:
        """Pack: a header with the version, then the records as they are (little-endian)."""
        drift, ramp = self._rings()
        return _HEADER.pack(_MAGIC, VERSION, drift, ramp, len(self)) + self.records.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "SeriesState":
        """Unpack. Raises ``UnknownVersionError`` for what another version wrote, or what is damaged."""
        if len(data) < _HEADER.size:
            raise UnknownVersionError(f"{len(data)} bytes are no state of series")
        magic, version, drift, ramp, series = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != VERSION:
            raise UnknownVersionError(
                f"a state of version {version}, this program reads {VERSION}" if magic == _MAGIC else "no state of series"
            )
        record = _record(drift, ramp)
        if len(data) != _HEADER.size + series * record.itemsize:
            raise UnknownVersionError(f"{len(data)} bytes where {series} series have {_HEADER.size + series * record.itemsize}")
        return cls(np.frombuffer(data, record, offset=_HEADER.size).copy())

    def _rings(self) -> tuple[int, int]:
        dtype = self.records.dtype
        return dtype["drift"].shape[0], dtype["ramp"].shape[0]
