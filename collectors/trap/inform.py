"""Answering INFORMs, and knowing one again that its sender repeats because the answer was lost or late.

The answer (RFC 3416 section 4.2.7) is the request with its PDU made a Response, so never longer than what was asked.
"""

from hashlib import blake2b

import msgspec

from collectors.trap.ber import DecodeError
from collectors.trap.decode import INFORM, RESPONSE, TrapDecoder
from pipeline.core.raw import RawTrap

_LONG_FORM = 0x80
REPEATED_WITHIN_NS = 300 * 10**9
INFORMS_MAX = 65_536
"""INFORMs that are remembered at most, the newest."""

_encode = msgspec.msgpack.Encoder().encode


def may_be_inform(payload: bytes) -> bool:
    """Whether the PDU's tag is an INFORM's: cheap, for everything that comes passes here, and never wrong about an INFORM.

    A frame that writes its short lengths the long way gets a second look.
    """
    try:
        at = 2 + (payload[1] & 0x7F if payload[1] & _LONG_FORM else 0)
        for _ in ("version", "community"):
            if payload[at + 1] & _LONG_FORM:
                return True
            at += 2 + payload[at + 1]
        return payload[at] == INFORM
    except IndexError:  # cut short
        return False


def response(payload: bytes, decoder: TrapDecoder) -> bytes | None:
    """The answer to a well-formed INFORM of a community that is ours; ``None`` for anything else, which gets no answer."""
    if not may_be_inform(payload):
        return None
    try:
        head = decoder.admit(payload).header
    except DecodeError:
        return None
    if head.pdu != INFORM:
        return None
    answer = bytearray(payload)
    answer[head.pdu_at] = RESPONSE
    return bytes(answer)


class RepeatedInforms:
    """Knows an INFORM that was there within the last five minutes: of one source, request-id, sysUpTime, notification and variables.

    A sender repeats the PDU as it was (RFC 3416 section 4.2.7 leaves when to it): net-snmp's ``snmptrap -Ci`` repeats the very bytes with
    v2c, and with v3 the same request in a message of its own. Time is that of the journal, so the same records give the same answers.
    """

    def __init__(self) -> None:
        self._received: dict[bytes, int] = {}

    def is_repeated(self, trap: RawTrap) -> bool:
        """Whether this notification is an INFORM that was there already; an INFORM is remembered."""
        if not trap.inform:
            return False
        key = _key(trap)
        before = self._received.get(key)
        if before is not None and trap.received_at - before <= REPEATED_WITHIN_NS:
            return True
        self._received.pop(key, None)
        self._received[key] = trap.received_at
        if len(self._received) > INFORMS_MAX:
            del self._received[next(iter(self._received))]
        return False


def _key(trap: RawTrap) -> bytes:
    told = (trap.source, trap.request_id, trap.uptime_ticks, trap.trap_oid, trap.varbinds)
    return blake2b(_encode(told), digest_size=16).digest()
