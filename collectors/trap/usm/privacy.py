"""What nobody else reads: AES in CFB mode (RFC 3826, and its longer keys) and DES in CBC mode (RFC 3414 section 8)."""

from typing import NamedTuple, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from collectors.trap.usm.keys import extend_blumenthal, extend_reeder
from pipeline.config.settings import PrivProtocol

SALT_BYTES = 8
DES_BLOCK = 8


class Moment(NamedTuple):
    """engineBoots and engineTime of the authoritative engine, as the message tells them."""

    boots: int
    time: int


class Privacy(Protocol):
    """One user's privacy on one engine. ``salt`` makes each message differ."""

    def decrypt(self, data: bytes, salt: bytes, moment: Moment) -> bytes:
        """The plain bytes. Raises ``ValueError`` for what cannot have been encrypted so."""

    def encrypt(self, data: bytes, serial: int, moment: Moment) -> tuple[bytes, bytes]:
        """The encrypted bytes and their salt; ``serial`` must differ from one message to the next."""


class AesCfb:
    """AES in CFB mode with feedback of a whole block (RFC 3826 section 3.1); the key's length makes it AES-128, -192 or -256."""

    __slots__ = ("_aes",)

    def __init__(self, key: bytes) -> None:
        self._aes = AES(key)

    def decrypt(self, data: bytes, salt: bytes, moment: Moment) -> bytes:
        """As :class:`Privacy`."""
        if len(salt) != SALT_BYTES:
            raise ValueError(f"a salt of {len(salt)} bytes")
        return Cipher(self._aes, CFB(_aes_start(salt, moment))).decryptor().update(data)

    def encrypt(self, data: bytes, serial: int, moment: Moment) -> tuple[bytes, bytes]:
        """As :class:`Privacy`."""
        salt = serial.to_bytes(SALT_BYTES)
        return Cipher(self._aes, CFB(_aes_start(salt, moment))).encryptor().update(data), salt


def _aes_start(salt: bytes, moment: Moment) -> bytes:
    """The initialisation vector (RFC 3826 section 3.1.2.1)."""
    return moment.boots.to_bytes(4) + moment.time.to_bytes(4) + salt


class DesCbc:
    """DES in CBC mode (RFC 3414 section 8.1.1): half of the 16-byte key is the key, the other half hides the initialisation vector."""

    __slots__ = ("_des", "_whitening")

    def __init__(self, key: bytes) -> None:
        self._des = TripleDES(key[:DES_BLOCK] * 3)  # three times one key is DES itself
        self._whitening = int.from_bytes(key[DES_BLOCK : 2 * DES_BLOCK])

    def decrypt(self, data: bytes, salt: bytes, _: Moment) -> bytes:
        """As :class:`Privacy`."""
        if len(salt) != SALT_BYTES or len(data) % DES_BLOCK:
            raise ValueError(f"{len(data)} bytes, a salt of {len(salt)}")
        return Cipher(self._des, self._mode(salt)).decryptor().update(data)

    def encrypt(self, data: bytes, serial: int, moment: Moment) -> tuple[bytes, bytes]:
        """As :class:`Privacy`; the last block is filled up."""
        salt = moment.boots.to_bytes(4) + (serial % (1 << 32)).to_bytes(4)
        padded = data + bytes(-len(data) % DES_BLOCK)
        return Cipher(self._des, self._mode(salt)).encryptor().update(padded), salt

    def _mode(self, salt: bytes) -> CBC:
        return CBC((self._whitening ^ int.from_bytes(salt)).to_bytes(DES_BLOCK))


AES_KEY_BYTES = {
    PrivProtocol.AES128: 16,
    PrivProtocol.AES192: 24,
    PrivProtocol.AES256: 32,
    PrivProtocol.AES192_CISCO: 24,
    PrivProtocol.AES256_CISCO: 32,
}


def privacy(protocol: PrivProtocol, key: bytes, engine_id: bytes, hash_name: str) -> Privacy:
    """The privacy of a user whose localized key this is; the user's authentication names the hash."""
    if protocol is PrivProtocol.DES:
        return DesCbc(key)
    size = AES_KEY_BYTES[protocol]
    if protocol in {PrivProtocol.AES192_CISCO, PrivProtocol.AES256_CISCO}:
        return AesCfb(extend_reeder(key, size, engine_id, hash_name))
    return AesCfb(extend_blumenthal(key, size, hash_name))
