"""SNMPv3 users as gufo-snmp wants them: of the settings' users, with keys that are made once."""

from dataclasses import dataclass
from functools import cached_property

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    DesKey,
    KeyExpansion,
    Md5Key,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    User,
)
from gufo.snmp.user import KeyType

from pipeline.config.settings import AuthProtocol, PrivProtocol, SnmpUserSettings

AUTH = {
    AuthProtocol.SHA224: Sha224Key,
    AuthProtocol.SHA256: Sha256Key,
    AuthProtocol.SHA384: Sha384Key,
    AuthProtocol.SHA512: Sha512Key,
    AuthProtocol.SHA1: Sha1Key,
    AuthProtocol.MD5: Md5Key,
}
PRIV = {
    PrivProtocol.AES128: Aes128Key,
    PrivProtocol.AES192: Aes192Key,
    PrivProtocol.AES256: Aes256Key,
    PrivProtocol.AES192_CISCO: Aes192Key,
    PrivProtocol.AES256_CISCO: Aes256Key,
    PrivProtocol.DES: DesKey,
}
CISCO = frozenset({PrivProtocol.AES192_CISCO, PrivProtocol.AES256_CISCO})


@dataclass(frozen=True)
class PollUser:
    """A user with the most protection that its passwords allow.

    The costly part of a key, the digest of a megabyte of password (RFC 3414 section A.2), is done with the first device.
    """

    settings: SnmpUserSettings

    @cached_property
    def gufo(self) -> User:
        """The user in gufo's form."""
        user = self.settings
        if not user.auth_password:
            return User(user.name)
        auth = AUTH[user.auth]
        auth_key = auth(auth.get_master_key(user.auth_password.reveal().encode()), KeyType.Master)
        if not user.priv_password:
            return User(user.name, auth_key=auth_key)
        priv_key = PRIV[user.priv](auth.get_master_key(user.priv_password.reveal().encode()), KeyType.Master)
        expansion = KeyExpansion.Cisco if user.priv in CISCO else KeyExpansion.Blumenthal
        return User(user.name, auth_key=auth_key, priv_key=priv_key, key_expansion=expansion)
