"""Who sent it, and that nobody changed it: a truncated HMAC over the whole message (RFC 3414 sections 6 and 7, RFC 7860)."""

import hmac
from typing import NamedTuple

from pipeline.config.settings import AuthProtocol


class Digest(NamedTuple):
    """A hash by its name in hashlib, and how many bytes of the HMAC travel with the message."""

    hash_name: str
    size: int


DIGESTS = {
    AuthProtocol.MD5: Digest("md5", 12),
    AuthProtocol.SHA1: Digest("sha1", 12),
    AuthProtocol.SHA224: Digest("sha224", 16),
    AuthProtocol.SHA256: Digest("sha256", 24),
    AuthProtocol.SHA384: Digest("sha384", 32),
    AuthProtocol.SHA512: Digest("sha512", 48),
}
"""RFC 3414 sections 6.1 and 7.1, RFC 7860 section 4.1."""


class Authentication:
    """One user's authentication on one engine; ``key`` is localized."""

    __slots__ = ("_hash_name", "_key", "size")

    def __init__(self, protocol: AuthProtocol, key: bytes) -> None:
        self._hash_name, self.size = DIGESTS[protocol]
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """The digest of a message whose own place for it holds zeros."""
        return hmac.digest(self._key, message, self._hash_name)[: self.size]

    def holds(self, message: bytes, at: int, end: int) -> bool:
        """Whether the digest at ``message[at:end]`` is right, to its exact length; the time this takes tells nothing about it."""
        if end - at != self.size:
            return False
        return hmac.compare_digest(self.sign(message[:at] + bytes(self.size) + message[end:]), message[at:end])
