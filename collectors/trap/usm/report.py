"""Reports (RFC 3412 section 7.1, RFC 3414 section 3.2): how a sender of INFORMs learns our engineID, and then our time."""

from collectors.trap.ber import INTEGER, OCTET_STRING, SEQUENCE, DecodeError, element, expect, number, wrap
from collectors.trap.usm.message import Frame, scoped_pdu
from pipeline.core.raw import SecurityLevel

REPORT = 0xA8
COUNTER32 = 0x41

NOT_IN_TIME_WINDOWS = bytes.fromhex("2b060106030f01010200")
"""usmStatsNotInTimeWindows.0, 1.3.6.1.6.3.15.1.1.2.0, as it is written."""
UNKNOWN_ENGINE_IDS = bytes.fromhex("2b060106030f01010400")
"""usmStatsUnknownEngineIDs.0, 1.3.6.1.6.3.15.1.1.4.0, as it is written."""

_NAME = 0x06
_NO_ERROR = number(0) + number(0)


def report(engine_id: bytes, request_id: bytes, counter: bytes, count: int) -> bytes:
    """The ScopedPDU of a Report: which counter a message made grow, and to what. ``request_id`` is an encoded integer."""
    variable = wrap(SEQUENCE, wrap(_NAME, counter) + number(count % (1 << 32), COUNTER32))
    pdu = wrap(REPORT, request_id + _NO_ERROR + wrap(SEQUENCE, variable))
    return wrap(SEQUENCE, wrap(OCTET_STRING, engine_id) + wrap(OCTET_STRING, b"") + pdu)


def request_id(payload: bytes, frame: Frame) -> bytes:
    """The request-id of a message, as it is encoded there, or that of 0 when it cannot be read without decrypting."""
    if frame.level is SecurityLevel.AUTH_PRIV:
        return number(0)
    try:
        pdu_at, end = scoped_pdu(payload, frame.data_at)
        _, at, end = element(payload, pdu_at, end)
        _, stop = expect(payload, at, end, INTEGER)
    except DecodeError:
        return number(0)
    return payload[at:stop]
