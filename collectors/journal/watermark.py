"""How far a journal has been published: one sequence that survives restarts.

Two slots of ``sequence u64, crc u32`` are written in turn and in place, so a write that tears leaves the other slot good. It is not
synced: losing the newest value only publishes some records again, with the same identity.
"""

import os
from pathlib import Path
from struct import Struct
from zlib import crc32

FILE = "acknowledged"
_SLOT = Struct("<QI")


def read(directory: Path) -> int:
    """The highest sequence in a good slot; 0 when there is none."""
    try:
        data = (directory / FILE).read_bytes()
    except FileNotFoundError:
        return 0
    return max((_slot(data, at) for at in (0, _SLOT.size)), default=0)


def _slot(data: bytes, at: int) -> int:
    if len(data) < at + _SLOT.size:
        return 0
    sequence, crc = _SLOT.unpack_from(data, at)
    return int(sequence) if crc32(data[at : at + 8]) == crc else 0


class Watermark:
    """The watermark opened for writing in ``directory``, by the process that holds the journal's lock."""

    def __init__(self, directory: Path) -> None:
        self.sequence = read(directory)
        self._file = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._file).st_size < 2 * _SLOT.size:
            os.pwrite(self._file, _pack(self.sequence) * 2, 0)
        self._turn = 0

    def advance(self, sequence: int) -> None:
        """Remember ``sequence`` when it is higher than what is remembered."""
        if sequence <= self.sequence:
            return
        os.pwrite(self._file, _pack(sequence), self._turn * _SLOT.size)
        self._turn = 1 - self._turn
        self.sequence = sequence

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _pack(sequence: int) -> bytes:
    return _SLOT.pack(sequence, crc32(sequence.to_bytes(8, "little")))
