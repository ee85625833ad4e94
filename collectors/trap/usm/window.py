"""Whether a message is in time (RFC 3414 section 3.2 step 7): each sending engine is remembered by its boots and its latest time.

What is remembered is a fold over the journal. A round of records may be read again, after a broken connection or a restart, and must be
judged as it was the first time: so there are two memories, one as of the last record that is done with, and one of the records since, which
is dropped when the round is read again.
"""

import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from collectors.trap.usm import durable
from collectors.trap.usm.engine import MAX_BOOTS, NANOSECONDS
from collectors.trap.usm.privacy import Moment

log = logging.getLogger(__name__)

WINDOW_S = 150
"""RFC 3414 section 2.2.3."""
FILE = "senders"
SAVE_EVERY_NS = 10 * NANOSECONDS
SAVE_EVERY_RECORDS = 50_000
CAPACITY = 65_536


class Seen(NamedTuple):
    """The latest a sending engine said of itself: its boots, its time in seconds, and our clock then (UTC nanoseconds)."""

    boots: int
    time: int
    at: int


def judge(seen: Seen | None, moment: Moment, at: int) -> tuple[Seen | None, bool]:
    """What is known of a sender after an authentic message, and whether the message is in time (RFC 3414 section 3.2 step 7 b).

    A sender that was never seen is believed. One that is ahead of what is known moves it; so an engine whose time stands still falls out
    of the window after 150 s, one whose boots fell back at once.
    """
    boots, time = moment
    if boots == MAX_BOOTS:
        return seen, False
    if seen is None or (boots, time) > (seen.boots, seen.time):
        return Seen(boots, time, at), True
    expected = seen.time + max(at - seen.at, 0) // NANOSECONDS
    return seen, boots == seen.boots and time >= expected - WINDOW_S


def told_late(seen: Seen | None, moment: Moment, at: int) -> str:
    """Why a message is not in time, for people."""
    if seen is None or moment.boots == MAX_BOOTS:
        return f"engineBoots {moment.boots} is the end of counting"
    expected = seen.time + max(at - seen.at, 0) // NANOSECONDS
    return f"boots {moment.boots}, time {moment.time} s where boots {seen.boots}, time {expected} s would be"


_Senders = dict[bytes, Seen]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, _Senders]).decode


def _packed(done_to: int, senders: _Senders) -> bytes:
    body = _encode((done_to, senders))
    return zlib.crc32(body).to_bytes(4, "little") + body


def _unpacked(data: bytes) -> tuple[int, _Senders]:
    """What :func:`_packed` packed. Raises ``ValueError``."""
    if zlib.crc32(data[4:]).to_bytes(4, "little") != data[:4]:
        raise ValueError("the checksum does not hold")
    return _decode(data[4:])


class Windows:
    """The windows of every sending engine. :meth:`begin` names the first record of a round before its messages are judged."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._done: _Senders = {}
        self._done_to = 0
        self._since: _Senders = {}
        self._saved_to = self._saved_at = 0

    @property
    def done_to(self) -> int:
        """The sequence up to which everything is in memory and will not be read again; 0 when nothing is known."""
        return self._done_to

    def load(self) -> None:
        """Read what was kept. A file that is missing or damaged leaves every sender unknown, which believes it once."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        try:
            self._done_to, self._done = _unpacked(data)
        except ValueError as error:
            log.warning("%s is damaged: %s; senders' times are learned anew", self._path, error)
        self._saved_to = self._done_to

    def begin(self, first: int, watermarks: Sequence[Path] = ()) -> None:
        """A round begins at record ``first``: all before it is done with. ``watermarks`` are the files that say so to the next process."""
        if first > self._done_to + 1:
            self._settle(first - 1)
            self._save_in_time(watermarks)
        elif first <= self._done_to:
            log.warning("records from %d on are read again, before what is kept of senders' times; they are learned anew", first)
            self._done, self._done_to = {}, first - 1
        self._since = {}

    def seen(self, engine_id: bytes) -> Seen | None:
        """What is known of a sender."""
        return self._since.get(engine_id) or self._done.get(engine_id)

    def in_time(self, engine_id: bytes, moment: Moment, at: int) -> bool:
        """Judge an authentic message, and remember what it says."""
        before = self.seen(engine_id)
        after, good = judge(before, moment, at)
        if after is not None and after is not before:
            self._since[engine_id] = after
        return good

    def save(self, watermarks: Sequence[Path] = ()) -> None:
        """Keep what is done with, never ahead of the watermarks, made durable first. A failing disk is logged, and tried again."""
        if self._done_to == self._saved_to:
            return
        try:
            for watermark in filter(Path.exists, watermarks):
                durable.sync(watermark)
            durable.replace(self._path, _packed(self._done_to, self._done))
        except OSError as error:
            log.warning("%s cannot be written: %s; it will be tried again", self._path, error)
        self._saved_to, self._saved_at = self._done_to, self._latest()

    def _settle(self, done_to: int) -> None:
        self._done |= self._since
        self._done_to = done_to
        while len(self._done) > CAPACITY:
            del self._done[next(iter(self._done))]

    def _save_in_time(self, watermarks: Sequence[Path]) -> None:
        """Now and then, by the records' clock and by count: what is missing is folded again at the next start."""
        waited = abs(self._latest() - self._saved_at)
        if waited > SAVE_EVERY_NS or self._done_to - self._saved_to > SAVE_EVERY_RECORDS:
            self.save(watermarks)

    def _latest(self) -> int:
        return max((seen.at for seen in self._since.values()), default=self._saved_at)
