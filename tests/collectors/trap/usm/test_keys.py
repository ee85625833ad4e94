"""Keys are those of the standards' examples, of pysnmp, and of the tests' second way to make them; ciphers undo themselves."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.type.univ import OctetString
from pysnmp.proto.secmod.rfc3414 import localkey

from collectors.trap.usm.authentication import DIGESTS, Authentication
from collectors.trap.usm.keys import extend_blumenthal, extend_reeder, localize, password_to_key
from collectors.trap.usm.privacy import AesCfb, DesCbc, Moment, Privacy, privacy
from pipeline.config.settings import AuthProtocol, PrivProtocol
from tests.support.usm import key

PASSWORD = b"maplesyrup"
ENGINE = bytes.fromhex("000000000000000000000002")
KEYS = {
    "md5": ("9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
    "sha1": ("9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"),
    "sha224": ("282a5867ee9aac639ad59df9572c7d3ac0fbc13a905b6df07dbbf00b", "0bd8827c6e29f8065e08e09237f177e410f69b90e1782be682075674"),
    "sha256": (
        "ab51014d1e077f6017df2b12bee5f5aa72993177e9bb569c4dff5a4ca0b4afac",
        "8982e0e549e866db361a6b625d84cccc11162d453ee8ce3a6445c2d6776f0f8b",
    ),
    "sha384": (
        "e06eccdf2c68a06ed034723c9c26e0db3b669e1e2efed49150b55377a2e98f383c86fb836857444654b287c93f51ff64",
        "3b298f16164a11184279d5432bf169e2d2a48307de02b3d3f7e2b4f36eb6f0455a53689a3937eea07319a633d2ccba78",
    ),
    "sha512": (
        "7e4396de5aadc77be853819b98c9406265b3a9c37cc3176569847a4e4f6fba63dd3a73d04924d31a63f95a601f9385af6be4ed1b37f87d040f7c6ed6f8d38a91",
        "22a5a36cedfcc085807a128d7bc6c2382167ad6c0dbc5fdff856740f3d84c099ad1ea87a8db096714d9788bd544047c9021e4229ce27e4c0a69250adfcffbb0b",
    ),
}
"""Ku and Kul of one password on one engine. MD5 and SHA-1: RFC 3414 A.3.1 and A.3.2. RFC 7860 makes the others in the same way and gives no
example; these are the figures on which independent implementations agree."""


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_those_of_the_standard(name: str) -> None:
    stretched, localized = KEYS[name]
    assert password_to_key(PASSWORD, name).hex() == stretched
    assert localize(bytes.fromhex(stretched), ENGINE, name).hex() == localized


@pytest.mark.parametrize("protocol", AuthProtocol)
def test_pysnmp_makes_the_same_keys(protocol: AuthProtocol) -> None:
    name = DIGESTS[protocol].hash_name
    function = getattr(hashlib, name)
    stretched = localkey.hash_passphrase(b"another password", function)
    assert bytes(stretched) == password_to_key(b"another password", name)
    assert bytes(localkey.localize_key(stretched, OctetString(ENGINE), function)) == localize(bytes(stretched), ENGINE, name)


@given(password=st.text(min_size=1, max_size=80), engine=st.binary(min_size=5, max_size=32))
def test_a_password_of_any_length_makes_the_key_that_the_reference_way_makes(password: str, engine: bytes) -> None:
    """The reference code feeds 64 bytes at a time; passwords whose length divides nothing show an error at the seam."""
    if len(password.encode()) == len(password):
        assert localize(password_to_key(password.encode(), "sha256"), engine, "sha256") == key(password, engine, "sha256")


def test_an_empty_password_makes_no_key() -> None:
    with pytest.raises(ValueError, match="empty password"):
        password_to_key(b"", "sha256")


def test_cisco_s_way_to_a_longer_key_is_that_of_the_draft() -> None:
    """The example of draft-reeder for SHA-1: 40 bytes from the key above."""
    long = extend_reeder(bytes.fromhex(KEYS["sha1"][1]), 40, ENGINE, "sha1")
    assert long.hex() == "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9cd2d5065547743fb5"


@given(st.binary(min_size=16, max_size=64), st.integers(1, 64))
def test_a_longer_key_begins_with_the_shorter_one_and_a_long_enough_one_is_only_cut(short: bytes, size: int) -> None:
    for long in (extend_blumenthal(short, size, "md5"), extend_reeder(short, min(size, len(short)), ENGINE, "md5")):
        assert long == (short + long[len(short) :])[: len(long)]
    assert len(extend_blumenthal(short, size, "md5")) == size


def test_the_two_ways_differ_when_the_digest_is_too_short() -> None:
    assert extend_blumenthal(bytes(20), 32, "sha1") != extend_reeder(bytes(20), 32, ENGINE, "sha1")


@given(message=st.binary(min_size=60, max_size=200), at=st.integers(0, 10), flip=st.integers(0, 8 * 60 - 1))
def test_one_changed_bit_is_noticed_wherever_it_is(message: bytes, at: int, flip: int) -> None:
    for protocol, (_, size) in DIGESTS.items():
        own = Authentication(protocol, bytes(range(20)))
        blank = message[:at] + bytes(size) + message[at:]
        signed = bytearray(blank[:at] + own.sign(blank) + blank[at + size :])
        assert own.holds(bytes(signed), at, at + size)
        signed[flip // 8] ^= 1 << flip % 8
        assert not own.holds(bytes(signed), at, at + size)


@pytest.mark.parametrize("protocol", AuthProtocol)
def test_a_digest_has_its_exact_length(protocol: AuthProtocol) -> None:
    """A shorter one, right as far as it goes, would be guessed sooner."""
    own = Authentication(protocol, bytes(20))
    size = own.size
    for shorter in (0, 1, size - 1):
        message = bytes(10 + shorter)
        good = own.sign(bytes(10 + size))[:shorter]
        assert not own.holds(message[:10] + good, 10, 10 + shorter)


CIPHERS: dict[PrivProtocol, Privacy] = {one: privacy(one, bytes(range(20)), ENGINE, "sha1") for one in PrivProtocol}
moments = st.builds(Moment, st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))


@given(data=st.binary(min_size=1, max_size=300), serial=st.integers(0, 2**63), moment=moments)
def test_what_was_encrypted_is_decrypted(data: bytes, serial: int, moment: Moment) -> None:
    for protocol, cipher in CIPHERS.items():
        encrypted, salt = cipher.encrypt(data, serial, moment)
        plain = cipher.decrypt(encrypted, salt, moment)
        assert plain[: len(data)] == data
        assert len(plain) - len(data) < (8 if protocol is PrivProtocol.DES else 1)
        assert encrypted != cipher.encrypt(data, serial + 1, moment)[0] or len(data) < 4


@pytest.mark.parametrize("cipher", [AesCfb(bytes(16)), DesCbc(bytes(16))], ids=["AES", "DES"])
@pytest.mark.parametrize("salt", [b"", bytes(7), bytes(9)])
def test_a_salt_has_eight_bytes(cipher: Privacy, salt: bytes) -> None:
    with pytest.raises(ValueError, match="salt"):
        cipher.decrypt(bytes(16), salt, Moment(1, 1))


def test_des_comes_in_whole_blocks() -> None:
    with pytest.raises(ValueError, match="15 bytes"):
        DesCbc(bytes(16)).decrypt(bytes(15), bytes(8), Moment(1, 1))
