"""The frame of an SNMPv3 message (RFC 3412 section 6, RFC 3414 section 2.4), read and written; what it protects stays closed here."""

from typing import NamedTuple

from collectors.trap.ber import INTEGER, OCTET_STRING, SEQUENCE, DecodeError, element, expect, integer, malformed, number, wrap
from collectors.trap.usm.authentication import Authentication
from collectors.trap.usm.privacy import Moment, Privacy
from pipeline.core.raw import SecurityLevel
from pipeline.core.reason import Reason

AUTH, PRIV, REPORTABLE = 1, 2, 4
"""Bits of msgFlags (RFC 3412 section 6.4)."""
USER_BASED = 3
"""msgSecurityModel of USM (RFC 3411 section 5)."""
MAX_DATAGRAM = 65_507
LEAST_SIZE = 484
"""RFC 3412 section 6.3: what every engine can take."""
LIMIT = 1 << 31
"""Above every number of the frame."""

_VERSION_3 = number(3)
_LONG_FORM = 0x80


class Frame(NamedTuple):
    """A message without its content. ``auth_at:auth_end`` is the place of the digest, ``data_at:data_end`` that of the content."""

    message_id: int
    reportable: bool
    level: SecurityLevel
    engine_id: bytes
    moment: Moment
    user: bytes
    auth_at: int
    auth_end: int
    salt: bytes
    data_at: int
    data_end: int


_LEVELS = {0: SecurityLevel.NO_AUTH_NO_PRIV, AUTH: SecurityLevel.AUTH_NO_PRIV, AUTH | PRIV: SecurityLevel.AUTH_PRIV}
_FLAGS = {level: flags for flags, level in _LEVELS.items()}


def is_v3(payload: bytes) -> bool:
    """Whether the datagram says that it is version 3: cheap, for everything that comes passes here."""
    if len(payload) < 2:  # noqa: PLR2004  a tag and a length
        return False
    length = payload[1]
    return payload.startswith(_VERSION_3, 2 if length < _LONG_FORM else 2 + (length & 0x7F))


def read(data: bytes) -> Frame:
    """The frame of an SNMPv3 message. Raises ``DecodeError``.

    ``data_at`` is the content of the encrypted string, or the whole ScopedPDU with its tag when it is in plain text.
    """
    if len(data) > MAX_DATAGRAM:
        raise DecodeError(Reason.TOO_LARGE, f"{len(data)} bytes")
    at, end = expect(data, 0, len(data), SEQUENCE)
    if end != len(data):
        raise malformed(f"{len(data) - end} bytes after the message")
    _, at = expect(data, at, end, INTEGER)
    start, at = expect(data, at, end, SEQUENCE)
    message_id, flags = _global_data(data, start, at)
    start, at = expect(data, at, end, OCTET_STRING)
    engine_id, moment, user, auth_at, auth_end, salt = _security_parameters(data, start, at)
    tag, data_at, data_end = element(data, at, end)
    encrypted = bool(flags & PRIV)
    if tag != (OCTET_STRING if encrypted else SEQUENCE) or data_end != end:
        raise malformed(f"tag 0x{tag:02x} at {at} holds the content, ending at {data_end} of {end}")
    level = _LEVELS.get(flags & (AUTH | PRIV))
    if level is None:
        raise malformed("encrypted without authentication")
    place = data_at if encrypted else at
    return Frame(message_id, bool(flags & REPORTABLE), level, engine_id, moment, user, auth_at, auth_end, salt, place, data_end)


def _global_data(data: bytes, at: int, end: int) -> tuple[int, int]:
    """What is wanted, msgID and msgFlags, of ``SEQUENCE { msgID, msgMaxSize, msgFlags, msgSecurityModel }``."""
    message_id, at = _whole(data, at, end)
    size, at = _whole(data, at, end)
    if size < LEAST_SIZE:
        raise malformed(f"msgMaxSize {size}")
    start, at = expect(data, at, end, OCTET_STRING)
    if at - start != 1:
        raise malformed(f"msgFlags of {at - start} bytes")
    model, at = _whole(data, at, end)
    if model != USER_BASED:
        raise DecodeError(Reason.UNSUPPORTED_VERSION, f"security model {model}")
    _ends(at, end)
    return message_id, data[start]


def _security_parameters(data: bytes, at: int, end: int) -> tuple[bytes, Moment, bytes, int, int, bytes]:
    """``SEQUENCE { engineID, engineBoots, engineTime, userName, digest, salt }``, of the digest its place."""
    at, stop = expect(data, at, end, SEQUENCE)
    _ends(stop, end)
    start, at = expect(data, at, end, OCTET_STRING)
    engine_id = data[start:at]
    boots, at = _whole(data, at, end)
    time, at = _whole(data, at, end)
    start, at = expect(data, at, end, OCTET_STRING)
    user = data[start:at]
    auth_at, auth_end = expect(data, at, end, OCTET_STRING)
    start, at = expect(data, auth_end, end, OCTET_STRING)
    _ends(at, end)
    return engine_id, Moment(boots, time), user, auth_at, auth_end, data[start:at]


def _whole(data: bytes, at: int, end: int) -> tuple[int, int]:
    """``INTEGER (0..2147483647)``, and where it ends."""
    start, at = expect(data, at, end, INTEGER)
    value = integer(data, start, at)
    if not 0 <= value < LIMIT:
        raise malformed(f"{value} where 0 to {LIMIT - 1} may be")
    return value, at


def _ends(at: int, end: int) -> None:
    if at != end:
        raise malformed(f"{end - at} bytes too many at {at}")


def scoped_pdu(data: bytes, at: int, spare: int = 0) -> tuple[int, int]:
    """Where the PDU begins and ends in ``ScopedPDU ::= SEQUENCE { contextEngineID, contextName, data }``; ``spare`` bytes may follow it."""
    at, end = expect(data, at, len(data), SEQUENCE)
    if len(data) - end > spare:
        raise malformed(f"{len(data) - end} bytes after the ScopedPDU")
    for _ in ("contextEngineID", "contextName"):
        _, at = expect(data, at, end, OCTET_STRING)
    return at, end


class Outgoing(NamedTuple):
    """A message to write: ``scoped`` is the whole ScopedPDU, ``serial`` a number that no other message of this engine has."""

    message_id: int
    engine_id: bytes
    moment: Moment
    user: bytes
    scoped: bytes
    serial: int


def write(message: Outgoing, authentication: Authentication | None = None, privacy: Privacy | None = None) -> bytes:
    """The message, protected by what is given. It answers, so it asks for no report itself."""
    level = SecurityLevel.NO_AUTH_NO_PRIV
    content, salt, digest = message.scoped, b"", b""
    if authentication is not None:
        level, digest = SecurityLevel.AUTH_NO_PRIV, bytes(authentication.size)
        if privacy is not None:
            level = SecurityLevel.AUTH_PRIV
            encrypted, salt = privacy.encrypt(message.scoped, message.serial, message.moment)
            content = wrap(OCTET_STRING, encrypted)
    flags = bytes((_FLAGS[level],))
    head = wrap(SEQUENCE, number(message.message_id) + number(MAX_DATAGRAM) + wrap(OCTET_STRING, flags) + number(USER_BASED))
    tail = wrap(OCTET_STRING, digest) + wrap(OCTET_STRING, salt)
    engine = wrap(OCTET_STRING, message.engine_id) + number(message.moment.boots) + number(message.moment.time)
    parameters = wrap(OCTET_STRING, wrap(SEQUENCE, engine + wrap(OCTET_STRING, message.user) + tail))
    whole = wrap(SEQUENCE, _VERSION_3 + head + parameters + content)
    if authentication is None:
        return whole
    at = len(whole) - len(content) - len(tail) + 2
    return whole[:at] + authentication.sign(whole) + whole[at + authentication.size :]
