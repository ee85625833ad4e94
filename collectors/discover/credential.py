"""How a device is spoken to: SNMPv2c (or v1) with a community, or SNMPv3 as a user."""

from dataclasses import dataclass, field

from gufo.snmp import SnmpVersion
from gufo.snmp.policer import BasePolicer

from collectors.poll.user import PollUser
from collectors.snmp import SafeSession
from pipeline.config.secret import Secret
from pipeline.core.inventory import AgentVersion


@dataclass(frozen=True)
class Credential:
    """A community, or with ``user`` an SNMPv3 user. ``name`` is how an inventory calls it: not the secret itself, where that has a name."""

    name: str
    community: Secret = field(default_factory=Secret)
    user: PollUser | None = None
    is_v1: bool = False

    @property
    def version(self) -> AgentVersion:
        """Which SNMP is spoken."""
        return AgentVersion.V3 if self.user else AgentVersion.V1 if self.is_v1 else AgentVersion.V2C

    def session(self, address: str, port: int, timeout_s: float, policer: BasePolicer | None) -> SafeSession:
        """A session with one agent; nothing is sent yet."""
        if self.user is None:
            version = SnmpVersion.v1 if self.is_v1 else SnmpVersion.v2c
            community = self.community.reveal()
            return SafeSession(address, port=port, community=community, version=version, timeout=timeout_s, policer=policer)
        return SafeSession(address, port=port, user=self.user.gufo, timeout=timeout_s, policer=policer)
