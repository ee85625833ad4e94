"""How an agent answers: GET, GETNEXT and GETBULK over one device's objects (RFC 3416 section 4.2). Pure."""

from collections.abc import Iterator

from pipeline.lab.mib import DeviceMib, Moment
from pipeline.lab.snmp import (
    END_OF_MIB_VIEW,
    NO_SUCH_INSTANCE,
    Encoded,
    ErrorStatus,
    Oid,
    Pdu,
    Request,
    encode_response,
    varbind,
)

MAX_MESSAGE = 1472
"""The largest response in octets: what fits an Ethernet frame over IPv4 and UDP, as most agents keep it."""
_HEADERS = 64


def answer(request: Request, mib: DeviceMib, moment: Moment) -> bytes:
    """The response. A GETBULK ends early when the message is full; another question that would not fit gets tooBig."""
    room = MAX_MESSAGE - _HEADERS - len(request.community)
    if request.pdu is Pdu.GET_BULK:
        return encode_response(request, b"".join(_fitting(_bulk(request, mib, moment), room)))
    step = _next if request.pdu is Pdu.GET_NEXT else _get
    body = b"".join(varbind(*step(mib, name, moment)) for name in request.oids)
    if len(body) > room:
        return encode_response(request, b"", ErrorStatus.TOO_BIG)
    return encode_response(request, body)


def _get(mib: DeviceMib, name: Oid, moment: Moment) -> tuple[Oid, Encoded]:
    return name, mib.get(name, moment) or NO_SUCH_INSTANCE


def _next(mib: DeviceMib, name: Oid, moment: Moment) -> tuple[Oid, Encoded]:
    """The object after a name; the name itself with endOfMibView when there is none."""
    following = mib.after(name)
    value = mib.get(following, moment) if following else None
    return (following, value) if following and value else (name, END_OF_MIB_VIEW)


def _bulk(request: Request, mib: DeviceMib, moment: Moment) -> Iterator[Encoded]:
    """Non-repeaters once, then the repeaters row by row until max-repetitions or until a row is all endOfMibView."""
    once = max(0, request.first)
    for name in request.oids[:once]:
        yield varbind(*_next(mib, name, moment))
    names = list(request.oids[once:])
    for _ in range(max(0, request.second) if names else 0):
        row = [_next(mib, name, moment) for name in names]
        yield from (varbind(name, value) for name, value in row)
        names = [name for name, _ in row]
        if all(value is END_OF_MIB_VIEW for _, value in row):
            return


def _fitting(varbinds: Iterator[Encoded], room: int) -> Iterator[Encoded]:
    for encoded in varbinds:
        room -= len(encoded)
        if room < 0:
            return
        yield encoded
