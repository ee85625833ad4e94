"""Our own engine, to which INFORMs are sent: its engineID, made once, and its engineBoots, one more on disk before each start counts.

A record is judged by the engine as it was when the record came, so the file keeps the last starts, each with the journal sequence from
which it counts: a record that is read again after a restart meets the same engineBoots and engineTime as before.
"""

import secrets
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

import msgspec

from collectors.trap.usm import durable
from collectors.trap.usm.privacy import Moment

FILE = "engine.json"
KEPT_STARTS = 1_000
MAX_BOOTS = 2_147_483_647
"""RFC 3414 section 2.2.2: an engine that has come here is never in time again."""
MAX_TIME = 2_147_483_647
NANOSECONDS = 1_000_000_000

_PREFIX = bytes.fromhex("80001f8805")
"""RFC 3411 section 5, SnmpEngineID: an enterprise (net-snmp's, under which our lab's MIB lies as well), then octets of one's own making."""
_RANDOM_BYTES = 8


class EngineError(Exception):
    """The engine's file cannot be used; the text says what to do."""


class Start(NamedTuple):
    """One start of the engine: ``boots`` counts for records from ``first_sequence`` on; ``started_at`` is UTC nanoseconds."""

    boots: int
    first_sequence: int
    started_at: int


class _File(msgspec.Struct):
    engine_id: str
    starts: list[Start]


class Engine:
    """The engine of the collector whose state lies in ``directory``; it counts once :meth:`start` was called."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._starts: list[Start] = []
        self.engine_id = b""

    @property
    def boots(self) -> int:
        """How often it was started, engineBoots, as of now."""
        return self._starts[-1].boots if self._starts else 0

    def start(self, first_sequence: int, now: int) -> None:
        """Begin a boot for the records from ``first_sequence`` on, durably. Raises ``EngineError``."""
        kept = self._read()
        boots = kept.starts[-1].boots + 1 if kept.starts else 1
        if boots >= MAX_BOOTS:
            raise EngineError(f"{self._path}: engineBoots has come to its end; remove the file, and senders discover a new engine")
        kept.starts = [*kept.starts[1 - KEPT_STARTS :], Start(boots, first_sequence, now)]
        try:
            durable.replace(self._path, msgspec.json.encode(kept))
        except OSError as error:
            raise EngineError(f"{self._path} cannot be written: {error.strerror}; check the disk") from error
        self.engine_id = bytes.fromhex(kept.engine_id)
        self._starts = kept.starts

    def at(self, sequence: int, received_at: int) -> Moment:
        """Our engineBoots and engineTime when the record with this sequence came."""
        place = bisect_right(self._starts, sequence, key=lambda start: start.first_sequence) - 1
        start = self._starts[max(place, 0)]
        return Moment(start.boots, min(max(received_at - start.started_at, 0) // NANOSECONDS, MAX_TIME))

    def _read(self) -> _File:
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_File)
            bytes.fromhex(kept.engine_id)
        except FileNotFoundError:
            return _File((_PREFIX + secrets.token_bytes(_RANDOM_BYTES)).hex(), [])
        except OSError as error:
            raise EngineError(f"{self._path} cannot be read: {error.strerror}; give it back to this process") from error
        except ValueError as error:
            remedy = "put it back, or remove it: a new engine is made, which senders of INFORMs discover"
            raise EngineError(f"{self._path} is damaged: {error}; {remedy}") from error
        return kept
