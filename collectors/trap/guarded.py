"""What the storm guard has done, on disk beside the journal's watermark: held back, absorbed, in a storm. It survives restarts.

Two files are written in turn, each whole and with a checksum, so a write that tears leaves the other good. As with the watermark they are
not synced: losing the newest one only publishes some records again, with the same identity.
"""

import os
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec

FILES = ("guarded-0", "guarded-1")
_CRC_BYTES = 4


class Guarded(msgspec.Struct, frozen=True, array_like=True):
    """Every record up to ``upto`` has been through the guard: ``absorbed`` of them in all, those ``held`` not published yet.

    ``held`` has sequences and how many older ones each stands for; ``storms`` the scopes and sources of the storms that stand. ``turn``
    numbers what is written.
    """

    turn: int = 0
    upto: int = 0
    absorbed: int = 0
    held: tuple[tuple[int, int], ...] = ()
    storms: tuple[tuple[str, str], ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Guarded).decode


def read(directory: Path) -> Guarded:
    """The newest good state; an empty one when there is none, as with a journal of a version that had no guard."""
    return max((_read(directory / name) for name in FILES), key=lambda found: found.turn)


def _read(path: Path) -> Guarded:
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        data = path.read_bytes()
        if int.from_bytes(data[:_CRC_BYTES], "little") == crc32(data[_CRC_BYTES:]):
            return _decode(data[_CRC_BYTES:])
    return Guarded()


class GuardedFile:
    """The state opened for writing in ``directory``, by the process that holds the journal's lock. ``last`` is what was written last."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.last = Guarded()

    def open(self) -> None:
        """Read what was left by the process before."""
        self.last = read(self._directory)

    def write(self, upto: int, absorbed: int, held: tuple[tuple[int, int], ...], storms: tuple[tuple[str, str], ...]) -> None:
        """Keep a new state, unless it says nothing new: with nothing held, the journal's watermark tells how far all is done."""
        before = self.last
        if not held and not before.held and (absorbed, storms) == (before.absorbed, before.storms):
            return
        self.last = Guarded(before.turn + 1, upto, absorbed, held, storms)
        body = _encode(self.last)
        file = os.open(self._directory / FILES[self.last.turn % 2], os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            data = crc32(body).to_bytes(_CRC_BYTES, "little") + body
            os.pwrite(file, data, 0)
            os.ftruncate(file, len(data))
        finally:
            os.close(file)
