"""SNMPv3 messages with the user-based security model (RFC 3412 section 6, RFC 3414 section 2.4), made by the tests' own encoder."""

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache

from tests.support.datagrams import OCTETS, number, tlv

AUTHENTICATED, PRIVATE, REPORTABLE = 1, 2, 4
DIGEST_BYTES = 24
"""RFC 7860 section 4.1: usmHMAC192SHA256AuthProtocol."""
ENGINE = bytes.fromhex("80001f88047465737431")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends. An empty ``password`` is noAuth; with a ``salt`` (privParameters) what is sent has the form of cipher text."""

    user: bytes = b""
    password: bytes = b""
    engine: bytes = ENGINE
    boots: int = 3
    time: int = 1_000
    salt: bytes = b""


@cache
def localized_key(password: bytes, engine: bytes) -> bytes:
    """RFC 3414 appendix A.2 with SHA-256: a megabyte of the password, then the engine's own."""
    whole = hashlib.sha256((password * (1_048_576 // len(password) + 1))[:1_048_576]).digest()
    return hashlib.sha256(whole + engine + whole).digest()


def scoped_pdu(pdu: bytes, engine: bytes = ENGINE, context: bytes = b"") -> bytes:
    return tlv(0x30, tlv(OCTETS, engine) + tlv(OCTETS, context) + pdu)


def v3_message(scoped: bytes, sender: Sender, *, flags: int | None = None, message_id: int = 7) -> bytes:
    """The message around ``scoped``, signed when the sender has a password; ``flags`` as they should be unless told."""
    signed = bool(sender.password)
    bits = (AUTHENTICATED if signed else 0) | (PRIVATE if sender.salt else 0) if flags is None else flags
    unsigned = _message(scoped, sender, bits, message_id, bytes(DIGEST_BYTES if signed else 0))
    if not signed:
        return unsigned
    digest = hmac.digest(localized_key(sender.password, sender.engine), unsigned, "sha256")[:DIGEST_BYTES]
    return _message(scoped, sender, bits, message_id, digest)


def _message(scoped: bytes, sender: Sender, bits: int, message_id: int, digest: bytes) -> bytes:
    header = tlv(0x30, number(message_id) + number(65_507) + tlv(OCTETS, bytes((bits,))) + number(3))
    security = tlv(OCTETS, sender.engine) + number(sender.boots) + number(sender.time) + tlv(OCTETS, sender.user)
    parameters = tlv(0x30, security + tlv(OCTETS, digest) + tlv(OCTETS, sender.salt))
    body = tlv(OCTETS, scoped) if sender.salt else scoped
    return tlv(0x30, number(3) + header + tlv(OCTETS, parameters) + body)
