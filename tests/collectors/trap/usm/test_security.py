"""What passes is opened and says who sent it; whatever does not is refused with the first reason that RFC 3414 section 3.2 finds."""

import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.journal import Journal
from collectors.trap.ber import DecodeError
from collectors.trap.decode import TrapDecoder
from collectors.trap.usm.message import is_v3
from collectors.trap.usm.security import UserSecurity
from pipeline.config.secret import Secret
from pipeline.core.raw import RawTrap, SecurityLevel, SnmpVersion, ValueType, VarBind
from pipeline.core.reason import Reason
from tests.support import datagrams
from tests.support.datagrams import LINK_DOWN, tlv
from tests.support.usm import ENGINE, NOW, Securing, Sender, link_down, pdu, securing, user


def test_a_trap_is_opened_and_says_who_sent_it_and_how_protected(tmp_path: Path) -> None:
    with securing(tmp_path) as running:
        assert running.take(link_down(3)) == RawTrap(
            collector="trap-1",
            sequence=1,
            received_at=NOW,
            source="127.20.0.1",
            version=SnmpVersion.V3,
            trap_oid=LINK_DOWN,
            varbinds=(
                VarBind("1.3.6.1.2.1.2.2.1.1.3", ValueType.INTEGER, 3),
                VarBind("1.3.6.1.2.1.2.2.1.7.3", ValueType.INTEGER, 1),
                VarBind("1.3.6.1.2.1.2.2.1.8.3", ValueType.INTEGER, 2),
                VarBind("1.3.6.1.2.1.31.1.1.1.1.3", ValueType.OCTET_STRING, b"ge-0/0/3"),
            ),
            uptime_ticks=4711,
            authenticated=True,
            user="noc",
            security_level=SecurityLevel.AUTH_PRIV,
        )


LEVELS = {
    SecurityLevel.NO_AUTH_NO_PRIV: Sender(auth="", priv=False),
    SecurityLevel.AUTH_NO_PRIV: Sender(priv=False),
    SecurityLevel.AUTH_PRIV: Sender(),
}


@pytest.mark.parametrize("least", SecurityLevel)
@pytest.mark.parametrize("sent", SecurityLevel)
def test_less_protection_than_asked_for_is_refused(tmp_path: Path, least: SecurityLevel, sent: SecurityLevel) -> None:
    order = list(SecurityLevel)
    with securing(tmp_path, user(level=least)) as running:
        message = LEVELS[sent].send(pdu())
        if order.index(sent) < order.index(least):
            assert running.refuse(message) is Reason.UNSUPPORTED_SECURITY_LEVEL
        else:
            trap = running.take(message)
            assert (trap.security_level, trap.authenticated) == (sent, sent is not SecurityLevel.NO_AUTH_NO_PRIV)


def test_more_protection_than_the_user_has_passwords_for_is_refused(tmp_path: Path) -> None:
    with securing(tmp_path, user(priv=None)) as running:
        assert running.refuse(link_down()) is Reason.UNSUPPORTED_SECURITY_LEVEL
        assert running.take(Sender(priv=False).send(pdu())).security_level is SecurityLevel.AUTH_NO_PRIV


def tampered(message: bytes, at: int) -> bytes:
    changed = bytearray(message)
    changed[at] ^= 1
    return bytes(changed)


WHOLE = link_down()
OTHER_ENGINE = bytes.fromhex("80001f88040102030405")

REFUSED: dict[str, tuple[bytes, Reason]] = {
    "another user": (link_down(1, Sender(user="nobody")), Reason.UNKNOWN_USER),
    "no user": (link_down(1, Sender(user="")), Reason.UNKNOWN_USER),
    "no engine": (link_down(1, Sender(engine=b"")), Reason.UNKNOWN_ENGINE),
    "an engineID of 33 bytes": (link_down(1, Sender(engine=bytes(33))), Reason.UNKNOWN_ENGINE),
    "another auth password": (link_down(1, Sender(auth_password="something else")), Reason.WRONG_DIGEST),
    "another hash": (link_down(1, Sender(auth="sha512")), Reason.WRONG_DIGEST),
    "a shorter digest": (link_down(1, Sender(more={"digest": bytes(12)})), Reason.WRONG_DIGEST),
    "no digest": (link_down(1, Sender(more={"digest": b""})), Reason.WRONG_DIGEST),
    "a changed digest": (tampered(WHOLE, WHOLE.index(b"noc") + 10), Reason.WRONG_DIGEST),
    "a changed body": (tampered(WHOLE, len(WHOLE) - 1), Reason.WRONG_DIGEST),
    "a changed time": (tampered(WHOLE, WHOLE.index(b"noc") - 3), Reason.WRONG_DIGEST),
    "another priv password": (link_down(1, Sender(priv_password="something else")), Reason.DECRYPTION_FAILED),
    "a salt of 7 bytes": (link_down(1, Sender(more={"salt": bytes(7)})), Reason.DECRYPTION_FAILED),
    "nothing encrypted": (link_down(1, Sender(more={"content": tlv(4, b"")})), Reason.DECRYPTION_FAILED),
    "encrypted without authentication": (link_down(1, Sender(more={"flags": b"\x02"})), Reason.MALFORMED),
    "two bytes of flags": (link_down(1, Sender(more={"flags": b"\x03\x03"})), Reason.MALFORMED),
    "encrypted, says that it is not": (link_down(1, Sender(more={"flags": b"\x01"})), Reason.MALFORMED),
    "not encrypted, says that it is": (Sender(priv=False, more={"flags": b"\x03"}).send(pdu()), Reason.MALFORMED),
    "another security model": (link_down(1, Sender(model=2)), Reason.UNSUPPORTED_VERSION),
    "boots at their end": (link_down(1, Sender(boots=2**31 - 1)), Reason.NOT_IN_TIME_WINDOW),
    "boots above 31 bits": (link_down(1, Sender(priv=False, boots=2**31)), Reason.MALFORMED),
    "an INFORM for an engine that is not ours": (Sender().send(pdu(tag=0xA6)), Reason.UNKNOWN_ENGINE),
    "a GET": (Sender().send(pdu(tag=0xA0)), Reason.NOT_ALLOWED),
    "a Response": (Sender().send(pdu(tag=0xA2)), Reason.NOT_ALLOWED),
    "a Report": (Sender().send(pdu(tag=0xA8)), Reason.NOT_ALLOWED),
    "a v1 trap within": (Sender().send(pdu(tag=0xA4)), Reason.NOT_ALLOWED),
    "discovery": (Sender(user="", auth="", priv=False, engine=b"", reportable=True).send(pdu(tag=0xA0)), Reason.DISCOVERY),
    "bytes after the message": (WHOLE + b"\0", Reason.MALFORMED),
    "a truncated message": (WHOLE[:-1], Reason.MALFORMED),
    "above 64 KiB": (tlv(0x30, b"\x02\x01\x03" + bytes(65_600)), Reason.TOO_LARGE),
}


@pytest.mark.parametrize(("payload", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_taken_has_its_reason(tmp_path: Path, payload: bytes, reason: Reason) -> None:
    with securing(tmp_path) as running:
        assert running.refuse(payload) is reason
        assert running.take(WHOLE).authenticated  # and it did no harm


@pytest.mark.parametrize("end", range(2, len(WHOLE), 7))
def test_a_message_cut_anywhere_is_malformed(tmp_path: Path, end: int) -> None:
    with securing(tmp_path) as running:
        assert running.refuse(WHOLE[:end]) is Reason.MALFORMED


def test_without_users_no_v3_message_is_taken() -> None:
    with pytest.raises(DecodeError, match="unsupported-version"):
        TrapDecoder("trap-1").decode(Securing(None, None).record(WHOLE))  # type: ignore[arg-type]  # only the record is wanted


def test_a_weak_protocol_that_the_settings_do_not_allow_is_refused(tmp_path: Path) -> None:
    """They do not load with one; a program that makes its own settings meets it here."""
    with securing(tmp_path, replace(user(auth="md5"), allow_weak=False)) as running:
        assert running.refuse(link_down(1, Sender(auth="md5"))) is Reason.WEAK_ALGORITHM


def test_a_user_may_be_narrowed_to_engines(tmp_path: Path) -> None:
    with securing(tmp_path, user(engine_ids=(f"0x{ENGINE.hex()}",))) as running:
        assert running.take(WHOLE).user == "noc"
        assert running.refuse(link_down(1, Sender(engine=OTHER_ENGINE))) is Reason.UNKNOWN_ENGINE


def test_a_trap_for_our_own_engine_is_refused(tmp_path: Path) -> None:
    """RFC 3412 section 6.4: a trap belongs to its sender's engine; only an INFORM to ours."""
    with securing(tmp_path) as running:
        own = Sender(engine=running.security.engine.engine_id, boots=1, time=0)
        assert running.refuse(link_down(1, own)) is Reason.UNKNOWN_ENGINE
        assert running.take(own.send(pdu(tag=0xA6))).inform


def test_an_inform_must_know_our_boots_and_our_time(tmp_path: Path) -> None:
    with securing(tmp_path) as running:
        own = Sender(engine=running.security.engine.engine_id, boots=1, time=0)

        def inform(**more: int) -> bytes:
            return replace(own, **more).send(pdu(tag=0xA6))  # type: ignore[arg-type]  # numbers by name

        assert running.take(inform(time=150)).inform
        assert running.refuse(inform(time=151)) is Reason.NOT_IN_TIME_WINDOW
        assert running.refuse(inform(), after_s=151) is Reason.NOT_IN_TIME_WINDOW
        assert running.refuse(inform(boots=2)) is Reason.NOT_IN_TIME_WINDOW
        assert running.refuse(inform(boots=0)) is Reason.NOT_IN_TIME_WINDOW
        assert running.security.outside == {}  # it is our clock that it has to learn: no alarm


def test_an_old_message_is_refused_and_its_sender_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with securing(tmp_path) as running, caplog.at_level(logging.INFO):
        old = link_down(1, Sender(time=1_000))
        assert running.take(old).authenticated
        assert running.take(old, after_s=100).authenticated
        running.take(link_down(2, Sender(time=1_300)), after_s=300)
        assert running.refuse(old, after_s=300) is Reason.NOT_IN_TIME_WINDOW
        assert running.refuse(old, after_s=301) is Reason.NOT_IN_TIME_WINDOW
        assert running.security.outside == {ENGINE: "127.20.0.1"}
        told = [record.message for record in caplog.records if "outside of its time window" in record.message]
        assert len(told) == 1
        assert f"127.20.0.1 (engine 0x{ENGINE.hex()}, user 'noc')" in told[0]
        assert "boots 3, time 1000 s where boots 3, time 1300 s would be" in told[0]
        running.take(link_down(3, Sender(time=1_302)), after_s=302)
        assert running.security.outside == {}
        assert "in its time window again" in caplog.text


def test_boots_that_fell_back_are_refused_until_they_are_more(tmp_path: Path) -> None:
    with securing(tmp_path) as running:
        running.take(link_down(1, Sender(boots=3)))
        assert running.refuse(link_down(1, Sender(boots=2, time=9_000))) is Reason.NOT_IN_TIME_WINDOW
        assert running.take(link_down(1, Sender(boots=4, time=0))).authenticated


def test_a_forged_message_moves_no_window(tmp_path: Path) -> None:
    """Boots far ahead, from somebody without the password: the device itself stays in time."""
    with securing(tmp_path) as running:
        running.take(link_down(1, Sender(boots=3)))
        assert running.refuse(link_down(1, Sender(boots=9, auth_password="guessed wrong"))) is Reason.WRONG_DIGEST
        assert running.take(link_down(1, Sender(boots=3, time=1_001))).authenticated


def test_a_relaxed_clock_takes_what_is_outside_and_does_not_hold_it_authentic(tmp_path: Path) -> None:
    with securing(tmp_path, user(relaxed_clock=("127.20.0.0/24",))) as running:
        first = running.take(link_down(1, Sender(boots=3)))
        assert (first.authenticated, first.relaxed_clock) == (True, False)
        late = running.take(link_down(1, Sender(boots=1)))
        assert (late.authenticated, late.relaxed_clock, late.security_level) == (False, True, SecurityLevel.AUTH_PRIV)
        assert running.refuse(link_down(1, Sender(boots=1)), source="127.20.1.1") is Reason.NOT_IN_TIME_WINDOW
        assert running.refuse(link_down(1, Sender(boots=1, auth_password="guessed wrong"))) is Reason.WRONG_DIGEST


def test_padding_behind_the_scoped_pdu_is_let_pass(tmp_path: Path) -> None:
    """Ciphers work in blocks; the digest covers the padding, and more than a block of it is none."""
    from cryptography.hazmat.decrepit.ciphers.modes import CFB  # noqa: PLC0415  one use
    from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415

    from tests.support.usm import PRIV_PASSWORD, key  # noqa: PLC0415

    def padded(size: int) -> bytes:
        sender = Sender()
        plain = tlv(0x30, tlv(4, ENGINE) + tlv(4, b"") + pdu()) + bytes(size)
        start = sender.boots.to_bytes(4) + sender.time.to_bytes(4) + bytes(8)
        cipher = Cipher(AES(key(PRIV_PASSWORD, ENGINE, "sha256")[:16]), CFB(start)).encryptor()
        return replace(sender, more={"salt": bytes(8), "content": tlv(4, cipher.update(plain))}).send(pdu())

    with securing(tmp_path) as running:
        assert running.take(padded(15)).authenticated
        assert running.refuse(padded(16)) is Reason.DECRYPTION_FAILED


def test_keys_are_kept_of_authentic_messages_only(tmp_path: Path) -> None:
    """Engines of somebody's invention must not push the devices' keys out."""
    with securing(tmp_path) as running:
        for place in range(50):
            forged = Sender(engine=b"\x80\0\0\0" + place.to_bytes(4), auth_password="guessed wrong")
            assert running.refuse(link_down(1, forged)) is Reason.WRONG_DIGEST
        assert running.security._users._keys == {}
        running.take(WHOLE)
        assert list(running.security._users._keys) == [("noc", ENGINE)]


def test_what_the_state_says_after_a_kill_is_folded_from_the_journal_again(tmp_path: Path) -> None:
    """A state that was saved and then not again: the records up to the watermark bring it up to date before the first is judged."""
    messages = [link_down(1, Sender(boots=boots, time=time)) for boots, time in ((1, 10), (1, 20), (4, 5), (4, 6), (3, 9_000), (4, 7))]
    with Journal(tmp_path, segment_bytes=65_536, journal_bytes=1_048_576) as journal:
        security = UserSecurity([user()], tmp_path)
        security.start(journal, NOW)
        journal.append_many([(NOW, "127.20.0.1", message) for message in messages])
        journal.sync()
        decoder = TrapDecoder("trap-1", security=security)
        security.begin(1)
        records = list(journal.read_from(1))
        decoder.decode(records[0])
        security.begin(2)
        security._windows.save()
        for record in records[1:4]:
            decoder.decode(record)
        journal.acknowledge(4)
    with Journal(tmp_path, segment_bytes=65_536, journal_bytes=1_048_576) as journal:  # killed: nothing was saved since
        security = UserSecurity([user()], tmp_path)
        security.start(journal, NOW)
        security.begin(5)
        decoder = TrapDecoder("trap-1", security=security)
        with pytest.raises(DecodeError, match="not-in-time-window"):
            decoder.decode(records[4])
        assert decoder.decode(records[5]).authenticated


CORPUS = [
    WHOLE,
    Sender(priv=False).send(pdu()),
    Sender(auth="", priv=False).send(pdu()),
    Sender(user="", auth="", priv=False, engine=b"", reportable=True).send(pdu(tag=0xA0)),
    link_down(1, Sender(auth="sha1", user="old")),
    datagrams.link_down(7),
]


def mutated(dice: random.Random) -> bytes:
    """One message with up to five changes."""
    data = bytearray(dice.choice(CORPUS))
    changes: tuple[Callable[[int], object], ...] = (
        lambda at: data.__setitem__(
            slice(at, at + 1), bytes((dice.choice((0, 1, 3, 4, 0x7F, 0x80, 0x81, 0x84, 0xFF, dice.randrange(256))),))
        ),
        lambda at: data.__delitem__(slice(at, at + dice.randint(1, 8))),
        lambda at: data.__setitem__(slice(at, at), data[at : at + dice.randint(1, 30)]),
        lambda at: data.__setitem__(slice(at, at), dice.choice(CORPUS)[at : at + dice.randint(1, 40)]),
    )
    for _ in range(dice.randint(1, 5)):
        dice.choice(changes)(dice.randrange(max(len(data), 1)))
    return bytes(data)


def test_whatever_comes_only_a_decode_error_comes_out(tmp_path: Path) -> None:
    """Ten thousand damaged messages, half of them with a digest that is right again: what passes it is read as carefully."""
    dice = random.Random(20_261_125)
    found: Counter[str] = Counter()
    with securing(tmp_path, user(level=SecurityLevel.NO_AUTH_NO_PRIV), user("old", auth="sha1")) as running:
        for _ in range(5_000):
            for payload in (mutated(dice), resigned(dice)):
                try:
                    running.take(payload)
                    found["taken"] += 1
                except DecodeError as error:
                    found[error.reason] += 1
    assert sum(found.values()) == 10_000
    assert found[Reason.MALFORMED] > 1_000
    assert found[Reason.WRONG_DIGEST] > 100
    assert found[Reason.DECRYPTION_FAILED] > 50
    assert found["taken"] > 50


def resigned(dice: random.Random) -> bytes:
    """A message whose content was damaged before it was authenticated."""
    sender = Sender(priv=dice.random() < 0.5)
    inner = bytearray(pdu())
    for _ in range(dice.randint(1, 4)):
        inner[dice.randrange(len(inner))] = dice.randrange(256)
    if sender.priv and dice.random() < 0.5:
        return replace(sender, more={"content": tlv(4, dice.randbytes(dice.randint(0, 90)))}).send(pdu())
    return sender.send(bytes(inner))


@pytest.mark.parametrize(
    ("payload", "claims"),
    [(WHOLE, True), (datagrams.link_down(1), False), (b"", False), (b"\x30", False), (b"\x30\x82\x01\x00\x02\x01\x03", True)],
)
def test_the_version_is_told_at_a_glance(payload: bytes, claims: bool) -> None:
    assert is_v3(payload) is claims


def test_a_password_is_in_no_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = "a password nobody sees"
    with securing(tmp_path, replace(user(), auth_password=Secret(secret))) as running:
        running.refuse(WHOLE)
        assert secret not in repr(user()) + caplog.text
