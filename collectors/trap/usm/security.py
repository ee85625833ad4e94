"""The model: what RFC 3414 section 3.2 asks of every message that comes, in its order. What passes is opened; the rest has a reason."""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from collectors.journal import Journal, JournalCorruptError, JournalRecord
from collectors.journal.watermark import FILE as WATERMARK
from collectors.trap.ber import DecodeError
from collectors.trap.guarded import FILES as GUARDED
from collectors.trap.usm.engine import MAX_BOOTS, Engine, EngineError
from collectors.trap.usm.message import Frame, read, scoped_pdu
from collectors.trap.usm.user import LocalizedKeys, User, Users
from collectors.trap.usm.window import CAPACITY, WINDOW_S, Windows, told_late
from pipeline.config.settings import SnmpUserSettings
from pipeline.core.raw import SecurityLevel
from pipeline.core.reason import Reason

log = logging.getLogger(__name__)

FOLDER = "usm"
CATCH_UP_RECORDS = 100_000
"""As many journal records are folded again at a start, at most; a saved state is never further behind unless v3 was switched off."""
STEP_BACK_NS = 60_000_000_000
"""A clock that steps back by less leaves every INFORM within its window of 150 s."""
ENGINE_ID_BYTES = range(1, 33)
PADDING = 15
"""Bytes that may follow an encrypted ScopedPDU: ciphers work in blocks, and the digest covers them."""


class Opened(NamedTuple):
    """A message that passed: in ``data`` its ScopedPDU reaches from ``scoped_at`` to ``end``, and the PDU in it begins at ``pdu_at``.

    ``ours`` says that it was meant for our engine, as INFORMs are; ``relaxed`` that it was taken outside of its time window; ``keys`` are
    ``None`` for one that was not authenticated.
    """

    frame: Frame
    ours: bool
    relaxed: bool
    keys: LocalizedKeys | None
    data: bytes
    scoped_at: int
    pdu_at: int
    end: int


class UserSecurity:
    """User-based security for one collector. :meth:`start` makes it count, :meth:`stop` keeps what it learned.

    Everything is judged by the record alone, its ``received_at`` being the clock, and by what is kept of engines.
    """

    def __init__(self, users: Collection[SnmpUserSettings], journal_dir: Path) -> None:
        self.engine = Engine(journal_dir / FOLDER)
        self.outside: dict[bytes, str] = {}
        """Sending engines that stand outside of their time window, and the address of each."""
        self._users = Users(users)
        self._windows = Windows(journal_dir / FOLDER)
        self._watermarks = tuple(journal_dir / name for name in (WATERMARK, *GUARDED))
        self._now = 0

    def start(self, journal: Journal, now: int, handled: int | None = None) -> None:
        """A new boot of our engine, durable, and the windows as of record ``handled``, the last that will not be judged again.

        That is the journal's watermark, unless another is told. Raises ``EngineError``.
        """
        self.engine.start(journal.last_sequence + 1, now)
        log.info("our SNMP engine is 0x%s, boots %d", self.engine.engine_id.hex(), self.engine.boots)
        self._windows.load()
        self._catch_up(journal, journal.acknowledged if handled is None else handled)

    def follow(self, journal: Journal, now: int) -> None:
        """Before records of ``now`` are journaled: when the clock stepped back our engine boots anew, for engineTime never steps back."""
        before, self._now = self._now, now
        if now > before - STEP_BACK_NS:
            return
        try:
            self.engine.start(journal.last_sequence + 1, now)
        except EngineError as error:
            log.error("the clock stepped back, and: %s", error)  # noqa: TRY400  the trace says nothing more
        else:
            log.warning("the clock stepped back; our SNMP engine boots anew (%d), and senders of INFORMs follow it", self.engine.boots)

    def stop(self, handled: int) -> None:
        """Keep what was learned up to record ``handled``."""
        self.begin(handled + 1)
        self._windows.save(self._watermarks)

    def begin(self, first: int) -> None:
        """A round of records begins at sequence ``first``; those before it will not come again."""
        self._windows.begin(first, self._watermarks)

    def open(self, record: JournalRecord, *, again: bool = False) -> Opened:
        """Open the v3 message of a record. Raises ``DecodeError`` with the reason why it is not taken.

        One that is opened ``again`` was in its window, or was taken outside of it: the latter is assumed where the settings allow it.
        """
        frame = read(record.payload)
        user, keys = self._authentic(record, frame)
        ours = frame.engine_id == self.engine.engine_id
        if again:
            relaxed = keys is not None and not ours and user.has_relaxed_clock(record.source)
        else:
            relaxed = keys is not None and not ours and not self._in_time(record, frame, user)
        if keys is not None and ours:
            self._check_our_time(record, frame)
        if keys is None or frame.level is not SecurityLevel.AUTH_PRIV:
            return Opened(frame, ours, relaxed, keys, record.payload, frame.data_at, *scoped_pdu(record.payload, frame.data_at))
        return Opened(frame, ours, relaxed, keys, *_decrypted(record.payload, frame, keys))

    def _authentic(self, record: JournalRecord, frame: Frame) -> tuple[User, LocalizedKeys | None]:
        """The user, and the keys if the message was authenticated with them (steps 3 to 6)."""
        secured = frame.level is not SecurityLevel.NO_AUTH_NO_PRIV
        if not secured and frame.reportable and frame.engine_id != self.engine.engine_id:
            raise DecodeError(Reason.DISCOVERY, "a question for our engineID, which a Report answers")
        if len(frame.engine_id) not in ENGINE_ID_BYTES:
            raise DecodeError(Reason.UNKNOWN_ENGINE, f"an engineID of {len(frame.engine_id)} bytes")
        user = self._users.find(frame.user)
        if frame.engine_id != self.engine.engine_id and not user.sends_from(frame.engine_id):
            raise DecodeError(Reason.UNKNOWN_ENGINE, f"user '{user.name}' may not send from engine 0x{frame.engine_id.hex()}")
        user.check(frame.level)
        if not secured:
            return user, None
        keys = self._users.keys(user, frame.engine_id)
        if not keys.authentication.holds(record.payload, frame.auth_at, frame.auth_end):
            raise DecodeError(
                Reason.WRONG_DIGEST, f"user '{user.name}', engine 0x{frame.engine_id.hex()}: another password, or a changed message"
            )
        self._users.remember(user, frame.engine_id, keys)
        return user, keys

    def _in_time(self, record: JournalRecord, frame: Frame, user: User) -> bool:
        """Whether the sender is in time; false if it is not and need not be. Raises ``DecodeError`` if it has to be."""
        before = self._windows.seen(frame.engine_id)
        if self._windows.in_time(frame.engine_id, frame.moment, record.received_at):
            if self.outside.pop(frame.engine_id, None):
                log.info("%s (engine 0x%s) is in its time window again", record.source, frame.engine_id.hex())
            return True
        if user.has_relaxed_clock(record.source):
            return False
        late = told_late(before, frame.moment, record.received_at)
        if frame.engine_id not in self.outside:
            if len(self.outside) >= CAPACITY:
                self.outside.clear()
            self.outside[frame.engine_id] = record.source
            log.warning(
                "%s (engine 0x%s, user %r) is outside of its time window: %s. Its traps are refused: they may be replays. If it lost"
                " count of its boots, give the device a new engineID, or list its address under relaxed_clock of the user",
                *(record.source, frame.engine_id.hex(), user.name, late),
            )
        raise DecodeError(Reason.NOT_IN_TIME_WINDOW, f"engine 0x{frame.engine_id.hex()}: {late}")

    def _check_our_time(self, record: JournalRecord, frame: Frame) -> None:
        """RFC 3414 section 3.2 step 7 a: what was meant for us has to know our boots and our time."""
        now = self.engine.at(record.sequence, record.received_at)
        boots, time = frame.moment
        if boots != now.boots or boots == MAX_BOOTS or abs(time - now.time) > WINDOW_S:
            detail = f"boots {boots}, time {time} s where our engine had {now.boots}, {now.time} s; a Report tells it"
            raise DecodeError(Reason.NOT_IN_TIME_WINDOW, detail)

    def keys_for(self, frame: Frame) -> LocalizedKeys:
        """The keys of a frame's user on our engine. Raises ``DecodeError`` for an unknown user."""
        return self._users.keys(self._users.find(frame.user), self.engine.engine_id)

    def _catch_up(self, journal: Journal, handled: int) -> None:
        """Fold the records between the saved state and the last handled one once more: they were judged, but not saved yet."""
        done_to = self._windows.done_to
        if done_to >= handled:
            return
        first = max(done_to, handled - CATCH_UP_RECORDS) + 1
        self._windows.begin(first)
        try:
            for record in journal.read_from(first):
                if record.sequence > handled:
                    break
                self._learn(record)
        except JournalCorruptError as error:
            log.warning("senders' times are not as of the last record: %s", error)
        self._windows.begin(handled + 1)

    def _learn(self, record: JournalRecord) -> None:
        try:
            frame = read(record.payload)
            _, keys = self._authentic(record, frame)
        except DecodeError:
            return
        if keys is not None and frame.engine_id != self.engine.engine_id:
            self._windows.in_time(frame.engine_id, frame.moment, record.received_at)


def _decrypted(payload: bytes, frame: Frame, keys: LocalizedKeys) -> tuple[bytes, int, int, int]:
    """The plain ScopedPDU, where it begins, where its PDU begins, and where both end (step 8)."""
    try:
        data = keys.privacy.decrypt(payload[frame.data_at : frame.data_end], frame.salt, frame.moment)
        return data, 0, *scoped_pdu(data, 0, spare=PADDING)
    except (ValueError, DecodeError) as error:
        detail = error.detail if isinstance(error, DecodeError) else str(error)
        raise DecodeError(Reason.DECRYPTION_FAILED, f"another privacy password or protocol: {detail}") from error
