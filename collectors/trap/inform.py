"""Answering INFORMs (RFC 3416 section 4.2.7): the request with its PDU made a Response, so never longer than what was asked."""

from collectors.trap.ber import DecodeError
from collectors.trap.decode import INFORM, RESPONSE, TrapDecoder

_EARLIEST_PDU = 7
"""SEQUENCE, version and an empty community come first."""


def may_be_inform(payload: bytes) -> bool:
    """Cheap and never wrong about an INFORM; wrong about others at times, which costs a second look."""
    return payload.find(INFORM, _EARLIEST_PDU, 300) >= 0


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
