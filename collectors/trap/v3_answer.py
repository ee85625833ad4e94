"""Answering v3 senders of INFORMs: a Report that lets them find our engine and its time, then a Response, protected as the INFORM was.

Nothing else is answered: who sends with a wrong password, or as a user that is not there, learns nothing.
"""

import secrets
from typing import NamedTuple

from prometheus_client import Counter

from collectors.journal import JournalRecord
from collectors.trap.ber import DecodeError
from collectors.trap.decode import INFORM, RESPONSE, TrapDecoder
from collectors.trap.metric import TrapMetrics
from collectors.trap.usm.allowance import Allowance
from collectors.trap.usm.message import Frame, Outgoing, read, write
from collectors.trap.usm.report import NOT_IN_TIME_WINDOWS, UNKNOWN_ENGINE_IDS, report, request_id
from collectors.trap.usm.security import Opened, UserSecurity
from pipeline.core.raw import SecurityLevel
from pipeline.core.reason import Reason


class Answer(NamedTuple):
    """What to send back, and the counter that grows when it was sent."""

    payload: bytes
    counted_by: Counter


class V3Answers:
    """Finds the answer to a v3 message; ``decoder`` must decode with the same ``security``."""

    def __init__(self, decoder: TrapDecoder, security: UserSecurity, metrics: TrapMetrics, allowance: Allowance | None = None) -> None:
        self._decoder = decoder
        self._security = security
        self._metrics = metrics
        self._allowance = allowance or Allowance()
        self._serial = secrets.randbits(62)
        """Goes into the salts (RFC 3826 section 3.1.2.1): it begins anywhere, and no number is used twice."""
        self._counters = {UNKNOWN_ENGINE_IDS: 0, NOT_IN_TIME_WINDOWS: 0}

    def answer(self, record: JournalRecord) -> Answer | None:
        """The answer to a durable record, or ``None`` for what gets none."""
        try:
            frame = read(record.payload)
        except DecodeError:
            return None
        if not frame.reportable:  # traps are not, so this is all that most messages cost
            return None
        if frame.engine_id != self._security.engine.engine_id:
            return self._report(record, frame, Reason.DISCOVERY, UNKNOWN_ENGINE_IDS)
        try:
            opened, notification = self._decoder.open(record)
        except DecodeError as error:
            late = error.reason is Reason.NOT_IN_TIME_WINDOW
            return self._report(record, frame, error.reason, NOT_IN_TIME_WINDOWS) if late else None
        if notification.header.pdu != INFORM:
            return None
        return Answer(self._response(record, opened, notification.header.pdu_at), self._metrics.answered)

    def _response(self, record: JournalRecord, opened: Opened, pdu_at: int) -> bytes:
        """RFC 3416 section 4.2.7: the INFORM with its PDU made a Response."""
        scoped = bytearray(opened.data[opened.scoped_at : opened.end])
        scoped[pdu_at - opened.scoped_at] = RESPONSE
        secret = opened.keys is not None and opened.frame.level is SecurityLevel.AUTH_PRIV
        return write(
            self._outgoing(record, opened.frame, bytes(scoped)),
            opened.keys.authentication if opened.keys else None,
            opened.keys.privacy if opened.keys and secret else None,
        )

    def _report(self, record: JournalRecord, frame: Frame, reason: Reason, counter: bytes) -> Answer | None:
        """RFC 3414 section 3.2: in plain text about our engine (step 3), authenticated about our time (step 7)."""
        if not self._allowance.take(record.source, record.received_at):
            self._metrics.reports_withheld.inc()
            return None
        self._counters[counter] += 1
        engine_id = self._security.engine.engine_id
        scoped = report(engine_id, request_id(record.payload, frame), counter, self._counters[counter])
        keys = self._security.keys_for(frame) if counter is NOT_IN_TIME_WINDOWS else None
        message = write(self._outgoing(record, frame, scoped), keys.authentication if keys else None)
        return Answer(message, self._metrics.reports.labels(reason.value))

    def _outgoing(self, record: JournalRecord, frame: Frame, scoped: bytes) -> Outgoing:
        self._serial += 1
        moment = self._security.engine.at(record.sequence, record.received_at)
        return Outgoing(frame.message_id, self._security.engine.engine_id, moment, frame.user, scoped, self._serial)
