"""SNMPv3 messages as bytes: written by the tests' own means and cryptography's ciphers, so that the collector is not held to itself."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from collectors.journal import Journal, JournalRecord
from collectors.trap.ber import DecodeError
from collectors.trap.decode import TrapDecoder
from collectors.trap.usm.security import UserSecurity
from pipeline.config.secret import Secret
from pipeline.config.settings import AuthProtocol, PrivProtocol, SnmpUserSettings
from pipeline.core.raw import RawTrap
from pipeline.core.reason import Reason
from tests.support.datagrams import INTEGER, LINK_DOWN, OCTETS, OID, SNMP_TRAP_OID, SYS_UPTIME, TICKS, Var, number, tlv, varbinds

AUTH_PASSWORD, PRIV_PASSWORD = "auth-password", "priv-password"
ENGINE = bytes.fromhex("80001f8804aabbccdd")
NOW = 1_700_000_000_000_000_000
TRUNCATED = {"sha1": 12, "md5": 12, "sha256": 24, "sha512": 48}


def user(name: str = "noc", auth: str = "sha256", priv: str | None = "aes128", **more: object) -> SnmpUserSettings:
    """A user with the passwords of these tests."""
    settings = SnmpUserSettings(
        name,
        AuthProtocol(auth),
        Secret(AUTH_PASSWORD),
        PrivProtocol(priv or "aes128"),
        Secret(PRIV_PASSWORD if priv else ""),
        allow_weak=True,
    )
    return replace(settings, **more)  # type: ignore[arg-type]  # fields by name


@cache
def key(password: str, engine: bytes, name: str) -> bytes:
    """RFC 3414 A.2, fed as its reference code feeds it: 64 bytes at a time."""
    digest = hashlib.new(name)
    text = password.encode() * (1_048_576 // len(password) + 1)
    for at in range(0, 1_048_576, 64):
        digest.update(text[at : at + 64])
    stretched = digest.digest()
    return hashlib.new(name, stretched + engine + stretched).digest()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, with what boots and time. ``auth`` is a hash's name, empty for none; ``priv`` says whether AES-128 is used."""

    user: str = "noc"
    auth: str = "sha256"
    priv: bool = True
    engine: bytes = ENGINE
    boots: int = 3
    time: int = 1_000
    auth_password: str = AUTH_PASSWORD
    priv_password: str = PRIV_PASSWORD
    reportable: bool = False
    model: int = 3
    more: dict[str, bytes] = field(default_factory=dict)

    def send(self, pdu: bytes, message_id: int = 77) -> bytes:
        """The message with this PDU."""
        return self.protect(self.scoped(pdu), message_id)

    def scoped(self, pdu: bytes) -> bytes:
        """The ScopedPDU with this PDU."""
        return tlv(0x30, tlv(OCTETS, self.engine) + tlv(OCTETS, b"") + pdu)

    def protect(self, content: bytes, message_id: int = 77) -> bytes:
        """The message around what should be a ScopedPDU."""
        salt = b""
        if self.priv:
            salt = message_id.to_bytes(8)
            start = self.boots.to_bytes(4) + self.time.to_bytes(4) + salt
            cipher = Cipher(AES(key(self.priv_password, self.engine, self.auth)[:16]), CFB(start))
            content = tlv(OCTETS, cipher.encryptor().update(content))
        blank = bytes(TRUNCATED[self.auth]) if self.auth else b""
        message = self._framed(message_id, blank, self.more.get("salt", salt), self.more.get("content", content))
        if not self.auth:
            return message
        made = hmac.new(key(self.auth_password, self.engine, self.auth), message, self.auth).digest()[: len(blank)]
        return self._framed(message_id, self.more.get("digest", made), self.more.get("salt", salt), self.more.get("content", content))

    def _framed(self, message_id: int, digest: bytes, salt: bytes, content: bytes) -> bytes:
        flags = bool(self.auth) | 2 * self.priv | 4 * self.reportable
        flagged = self.more.get("flags", bytes((flags,)))
        head = tlv(0x30, number(message_id) + number(65_507) + tlv(OCTETS, flagged) + number(self.model))
        told = tlv(OCTETS, self.engine) + number(self.boots) + number(self.time) + tlv(OCTETS, self.user.encode())
        return tlv(0x30, number(3) + head + tlv(OCTETS, tlv(0x30, told + tlv(OCTETS, digest) + tlv(OCTETS, salt))) + content)


def pdu(index: int = 1, *, tag: int = 0xA7, uptime: int = 4711, request_id: int = 1, trap_oid: str = LINK_DOWN) -> bytes:
    """The PDU of a linkDown with four variable bindings, or of another notification with the same."""
    listed = [
        Var(SYS_UPTIME, TICKS, uptime),
        Var(SNMP_TRAP_OID, OID, trap_oid),
        Var(f"1.3.6.1.2.1.2.2.1.1.{index}", INTEGER, index),
        Var(f"1.3.6.1.2.1.2.2.1.7.{index}", INTEGER, 1),
        Var(f"1.3.6.1.2.1.2.2.1.8.{index}", INTEGER, 2),
        Var(f"1.3.6.1.2.1.31.1.1.1.1.{index}", OCTETS, b"ge-0/0/%d" % index),
    ]
    return tlv(tag, number(request_id) + number(0) + number(0) + varbinds(listed))


def link_down(index: int = 1, sender: Sender | None = None, *, message_id: int = 77) -> bytes:
    """A linkDown trap as :class:`Sender` protects it."""
    return (sender or Sender()).send(pdu(index), message_id)


@contextmanager
def securing(folder: Path, *users: SnmpUserSettings, now: int = NOW) -> Iterator["Securing"]:
    """A decoder with user-based security, over an empty journal in ``folder``."""
    with Journal(folder, segment_bytes=65_536, journal_bytes=1_048_576) as journal:
        security = UserSecurity(users or (user(),), folder)
        security.start(journal, now)
        yield Securing(security, TrapDecoder("trap-1", security=security))
        security.stop(journal.acknowledged)


class Securing:
    """Decodes datagrams as the records of a journal, one after the other."""

    def __init__(self, security: UserSecurity, decoder: TrapDecoder) -> None:
        self.security = security
        self.decoder = decoder
        self.sequence = 0

    def record(self, payload: bytes, *, after_s: float = 0, source: str = "127.20.0.1") -> JournalRecord:
        """The next record, received so long after the start."""
        self.sequence += 1
        return JournalRecord(self.sequence, NOW + round(after_s * 1e9), source, payload)

    def take(self, payload: bytes, *, after_s: float = 0, source: str = "127.20.0.1") -> RawTrap:
        """The trap in a datagram. Raises ``DecodeError``."""
        return self.decoder.decode(self.record(payload, after_s=after_s, source=source))

    def refuse(self, payload: bytes, *, after_s: float = 0, source: str = "127.20.0.1") -> Reason:
        """Why a datagram is not taken."""
        with pytest.raises(DecodeError) as caught:
            self.take(payload, after_s=after_s, source=source)
        assert caught.value.detail
        return caught.value.reason
