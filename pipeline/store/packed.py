"""Indicators on their way into the store as bytes: packed batches become a block of ClickHouse's Native format.

There is no Python object for a value. A block holds one row for each batch; the engine makes of it a row for each indicator
(``kpi_raw``), and the roll-ups. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.core.column import Floats
from pipeline.core.kpi import DEFAULT_PRECISION, KpiBatch
from pipeline.core.sample import Quality

INTAKE = "kpi_intake"
COLUMNS = ("device", "at", "resources", "kpis", "values", "qualities")
SAMPLES_PER_ROW = 32
"""A packed value takes about a thirty-second of the memory and of the time of a row of Python objects: so many count as one."""

_NS_PER_S = 1_000_000_000
_FULL_PRECISION = 53
_KNOWN = bytes(range(len(Quality)))
_SECONDS = range(2**32)
_ALL = np.uint64(2**64 - 1)
Counts = np.ndarray[tuple[int], np.dtype[np.uint64]]


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """One batch: ``resources`` and ``kpis`` as Native strings, how many they are, and the values of one indicator after the other.

    ``qualities`` are those of the indicators that ``rated`` says have any that is not good, ``at_s`` is Unix seconds.
    """

    device: bytes
    at_s: int
    resources: bytes
    size: int
    kpis: bytes
    rated: tuple[bool, ...]
    values: bytes
    qualities: bytes

    @property
    def samples(self) -> int:
        """How many values."""
        return self.size * len(self.rated)


@dataclass(frozen=True, slots=True)
class Packed:
    """Batches that are written together."""

    batches: list[PackedBatch]

    @property
    def samples(self) -> int:
        """How many values."""
        return sum(batch.samples for batch in self.batches)

    @property
    def weight(self) -> int:
        """As many rows of Python objects take as much room."""
        return -(-self.samples // SAMPLES_PER_ROW)

    def native(self) -> bytes:
        """One block of the Native format, columns as in :data:`COLUMNS`."""
        batches = self.batches
        sizes = np.array([batch.size for batch in batches], np.uint64)
        counts = np.array([len(batch.rated) for batch in batches], np.uint64)
        rated = np.array([flag for batch in batches for flag in batch.rated], np.uint64)
        sizes_of_kpis = np.repeat(sizes, counts.astype(np.int64))
        ends_of_kpis = _ends(counts)
        columns = (
            ("String", [batch.device for batch in batches]),
            ("DateTime('UTC')", [np.array([batch.at_s for batch in batches], "<u4").tobytes()]),
            ("Array(String)", [_ends(sizes), *(batch.resources for batch in batches)]),
            ("Array(String)", [ends_of_kpis, *(batch.kpis for batch in batches)]),
            ("Array(Array(Float64))", [ends_of_kpis, _ends(sizes_of_kpis), *(batch.values for batch in batches)]),
            ("Array(Array(UInt8))", [ends_of_kpis, _ends(sizes_of_kpis * rated), *(batch.qualities for batch in batches)]),
        )
        parts = [_length(len(COLUMNS)), _length(len(batches))]
        for name, (kind, data) in zip(COLUMNS, columns, strict=True):
            parts += [_text(name), _text(kind), *data]
        return b"".join(parts)


def pack(batch: KpiBatch, precision: Mapping[str, int]) -> PackedBatch:
    """A batch as bytes, each value rounded to ``precision`` significant binary digits, 12 for an indicator that is not named.

    A value that is no finite number becomes none. Raises ``ValueError`` for a ragged batch, a quality that is not known or a time that no
    column holds.
    """
    size, kpis = len(batch.resources), tuple(batch.columns)
    at_s = batch.at // _NS_PER_S
    if at_s not in _SECONDS:
        raise ValueError(f"kpi.at: {batch.at} does not fit {_SECONDS} seconds")
    qualities = [batch.quality.get(kpi, bytes((Quality.MISSING,)) * size) for kpi in kpis]
    for kpi, quality in zip(kpis, qualities, strict=True):
        if not len(batch.columns[kpi]) == 8 * len(quality) == 8 * size:
            raise ValueError(f"KPI {kpi!r} has {len(batch.columns[kpi])} bytes and {len(quality)} qualities for {size} resources")
        if quality.strip(_KNOWN):
            raise ValueError(f"KPI {kpi!r} has a quality that is no Quality: {max(quality)}")
    good = bytes(size)
    return PackedBatch(
        device=_text(batch.device),
        at_s=at_s,
        resources=_texts(batch.resources),
        size=size,
        kpis=_texts(kpis),
        rated=tuple(quality != good for quality in qualities),
        values=_rounded(np.frombuffer(b"".join(batch.columns.values()), "<f8"), _digits(kpis, precision, size)).tobytes(),
        qualities=b"".join(quality for quality in qualities if quality != good),
    )


def _digits(kpis: Sequence[str], precision: Mapping[str, int], size: int) -> Counts | np.uint64:
    if not precision:
        return np.uint64(DEFAULT_PRECISION)
    wanted = [min(max(precision.get(kpi, DEFAULT_PRECISION), 1), _FULL_PRECISION) for kpi in kpis]
    if len(set(wanted)) <= 1:
        return np.uint64(wanted[0] if wanted else DEFAULT_PRECISION)
    return np.repeat(np.array(wanted, np.uint64), size)


def _rounded(values: Floats, digits: Counts | np.uint64) -> Floats:
    """Values with so many significant binary digits, the nearest; the rest is zeros, which take no room."""
    spare = np.uint64(_FULL_PRECISION) - digits
    unit = np.left_shift(np.uint64(1), spare)
    bits = (values.view("<u8") + (unit >> np.uint64(1))) & (_ALL ^ (unit - np.uint64(1)))
    rounded: Floats = bits.view("<f8")
    return np.where(np.isfinite(values) & np.isfinite(rounded), rounded, np.nan)


def _ends(sizes: Counts) -> bytes:
    """Where each array ends, as the Native format tells the sizes of arrays."""
    return np.cumsum(sizes).astype("<u8").tobytes()


@lru_cache(maxsize=16_384)
def _texts(names: tuple[str, ...]) -> bytes:
    """Names one after the other; a device's are the same in every poll."""
    return b"".join(map(_text, names))


def _text(text: str) -> bytes:
    data = text.encode()
    return _length(len(data)) + data


def _length(number: int) -> bytes:
    """A number in sevens of bits, the lowest first (LEB128)."""
    if number < 0x80:  # noqa: PLR2004  # what seven bits hold
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:  # noqa: PLR2004  # as above
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
