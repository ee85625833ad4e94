"""Passwords -> keys (RFC 3414 appendix A.2): one key for each user, made to fit one engine, and made longer where a cipher asks for it."""

import hashlib

STRETCHED_BYTES = 1_048_576
"""RFC 3414 A.2.1: the password is repeated to a mebibyte before it is hashed. That takes milliseconds, so callers keep the result."""


def password_to_key(password: bytes, hash_name: str) -> bytes:
    """Ku: the user's key, the same for every engine. Raises ``ValueError`` for an empty password."""
    if not password:
        raise ValueError("an empty password makes no key")
    repeats = STRETCHED_BYTES // len(password) + 1
    return hashlib.new(hash_name, (password * repeats)[:STRETCHED_BYTES]).digest()


def localize(key: bytes, engine_id: bytes, hash_name: str) -> bytes:
    """Kul: the key that this user has on this engine alone (RFC 3414 section 2.6). Microseconds."""
    return hashlib.new(hash_name, key + engine_id + key).digest()


def extend_blumenthal(key: bytes, size: int, hash_name: str) -> bytes:
    """A localized key made ``size`` bytes long: the hash of all there is so far is appended (draft-blumenthal-aes-usm-04, 3.1.2.1)."""
    while len(key) < size:
        key += hashlib.new(hash_name, key).digest()
    return key[:size]


def extend_reeder(key: bytes, size: int, engine_id: bytes, hash_name: str) -> bytes:
    """As Cisco's devices do: the last key serves as the password of the next (draft-reeder-snmpv3-usm-3desede, 2.1). Milliseconds."""
    last = key
    while len(key) < size:
        last = localize(password_to_key(last, hash_name), engine_id, hash_name)
        key += last
    return key[:size]
