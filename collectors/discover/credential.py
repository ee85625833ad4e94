"""How a device is spoken to: SNMPv2c with a community, or SNMPv3 as a user."""

from dataclasses import dataclass, field

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
from gufo.snmp.aio import SnmpSession
from gufo.snmp.policer import BasePolicer

from pipeline.config.secret import Secret
from pipeline.config.settings import AuthProtocol, PrivProtocol, SnmpUserSettings

_AUTH = {
    AuthProtocol.SHA224: Sha224Key,
    AuthProtocol.SHA256: Sha256Key,
    AuthProtocol.SHA384: Sha384Key,
    AuthProtocol.SHA512: Sha512Key,
    AuthProtocol.SHA1: Sha1Key,
    AuthProtocol.MD5: Md5Key,
}
_PRIV = {
    PrivProtocol.AES128: Aes128Key,
    PrivProtocol.AES192: Aes192Key,
    PrivProtocol.AES256: Aes256Key,
    PrivProtocol.AES192_CISCO: Aes192Key,
    PrivProtocol.AES256_CISCO: Aes256Key,
    PrivProtocol.DES: DesKey,
}
_CISCO = frozenset({PrivProtocol.AES192_CISCO, PrivProtocol.AES256_CISCO})


@dataclass(frozen=True, slots=True)
class Credential:
    """A community, or with ``user`` an SNMPv3 user. ``name`` is how an inventory calls it, never the secret itself where there is one."""

    name: str
    community: Secret = field(default_factory=Secret)
    user: SnmpUserSettings | None = None

    def session(self, address: str, port: int, timeout_s: float, policer: BasePolicer | None) -> SnmpSession:
        """A session with one agent; nothing is sent yet."""
        if self.user is None:
            return SnmpSession(address, port=port, community=self.community.reveal(), timeout=timeout_s, policer=policer)
        return SnmpSession(address, port=port, user=user_of(self.user), timeout=timeout_s, policer=policer)


def user_of(settings: SnmpUserSettings) -> User:
    """The user as the SNMP library wants it."""
    auth = _AUTH[settings.auth](settings.auth_password.reveal().encode()) if settings.auth_password else None
    priv = _PRIV[settings.priv](settings.priv_password.reveal().encode()) if settings.priv_password else None
    expansion = KeyExpansion.Cisco if settings.priv in _CISCO else KeyExpansion.Blumenthal
    return User(settings.name, auth_key=auth, priv_key=priv, key_expansion=expansion)
