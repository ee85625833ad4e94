"""Datagram -> :class:`RawTrap`: SNMP notifications of every version, without any MIB or rule. It refuses rather than guesses.

v3's protection is taken off in ``usm/``; what is in it is read here like v2c's.
"""

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from collectors.journal import JournalRecord
from collectors.trap.address import within
from collectors.trap.ber import INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, DecodeError, element, expect, integer, malformed, oid
from collectors.trap.usm.message import is_v3
from collectors.trap.usm.security import Opened, UserSecurity
from collectors.trap.varbind import INT32, READERS, UNSIGNED32, VarBindReader
from pipeline.core.raw import RawTrap, SnmpVersion, ValueType, VarBind
from pipeline.core.reason import Reason

MAX_DATAGRAM = 65_536
MAX_VARBINDS = 1_024

SNMP_TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
SNMP_TRAP_ENTERPRISE = "1.3.6.1.6.3.1.1.4.3.0"
SNMP_TRAP_ADDRESS = "1.3.6.1.6.3.18.1.3.0"
SNMP_TRAPS = "1.3.6.1.6.3.1.1.5"
"""Under it coldStart (1) to egpNeighborLoss (6), in the order of v1's generic traps."""

IP_ADDRESS = 0x40
TIME_TICKS = 0x43
V1_TRAP = 0xA4
INFORM = 0xA6
V2_TRAP = 0xA7
RESPONSE = 0xA2
ENTERPRISE_SPECIFIC = 6
UNSPECIFIED_ADDRESS = "0.0.0.0"  # noqa: S104  what a sender without an address puts into agent-addr

_TRAP_ADDRESS_NAME = bytes.fromhex("2b0601060312010300")
_NO_ERROR = bytes.fromhex("020100020100")
_UPTIME_NAME = bytes.fromhex("06082b06010201010300")


ERROR_STATUS = range(19)
ERROR_INDEX = range(1 << 31)
"""RFC 3416 section 3."""


class Header(NamedTuple):
    """What comes before the PDU's fields. ``pdu_at`` is where the PDU's tag stands, ``start`` its first content byte."""

    version: SnmpVersion
    community: bytes
    pdu: int
    pdu_at: int
    start: int
    end: int


class Notification(NamedTuple):
    """A notification in v2 form, as it stood in the datagram. ``agent_address`` is v1's agent-addr or snmpTrapAddress.0."""

    header: Header
    trap_oid: str
    uptime_ticks: int
    varbinds: tuple[VarBind, ...]
    agent_address: str | None
    request_id: int | None = None


def header(data: bytes) -> Header:
    """Read ``Message ::= SEQUENCE { version, community, data }`` (RFC 1157 section 4, RFC 1901 section 3) up to the PDU's content."""
    if len(data) > MAX_DATAGRAM:
        raise DecodeError(Reason.TOO_LARGE, f"{len(data)} bytes")
    at, end = expect(data, 0, len(data), SEQUENCE)
    if end != len(data):
        raise malformed(f"{len(data) - end} bytes after the message")
    start, at = expect(data, at, end, INTEGER)
    version = _version(integer(data, start, at))
    start, pdu_at = expect(data, at, end, OCTET_STRING)
    pdu, pdu_start, pdu_end = element(data, pdu_at, end)
    if pdu_end != end:
        raise malformed(f"{end - pdu_end} bytes after the PDU")
    return Header(version, data[start:pdu_at], pdu, pdu_at, pdu_start, pdu_end)


def _version(number: int) -> SnmpVersion:
    if number == SnmpVersion.V2C:
        return SnmpVersion.V2C
    if number == SnmpVersion.V1:
        return SnmpVersion.V1
    raise DecodeError(Reason.UNSUPPORTED_VERSION, f"version field {number}")


class NotificationReader:
    """Reads notifications; one for each thread, since it remembers what it has read."""

    def __init__(self) -> None:
        self._varbind = VarBindReader()

    def read(self, data: bytes) -> Notification:
        """The notification in a datagram's payload. Raises ``DecodeError`` and nothing else."""
        head = header(data)
        if head.pdu in (V2_TRAP, INFORM) and head.version is SnmpVersion.V2C:
            return self._v2(data, head)
        if head.pdu == V1_TRAP and head.version is SnmpVersion.V1:
            return self._v1(data, head)
        raise DecodeError(Reason.NOT_ALLOWED, f"PDU 0x{head.pdu:02x} of {head.version.name} is no notification")

    def pdu(self, data: bytes, at: int, end: int) -> Notification:
        """The notification in v3's PDU at ``data[at:end]``. Raises ``DecodeError`` and nothing else."""
        tag, start, stop = element(data, at, end)
        if stop != end:
            raise malformed(f"{end - stop} bytes after the PDU")
        if tag not in (V2_TRAP, INFORM):
            raise DecodeError(Reason.NOT_ALLOWED, f"PDU 0x{tag:02x} of V3 is no notification")
        return self._v2(data, Header(SnmpVersion.V3, b"", tag, at, start, stop))

    def _v2(self, data: bytes, head: Header) -> Notification:
        """RFC 3416 sections 4.2.6 and 4.2.7: sysUpTime.0 and snmpTrapOID.0 are the first two variable bindings."""
        end = head.end
        start, at = expect(data, head.start, end, INTEGER)
        request_id = _number(data, start, at)
        at = _errors(data, at, end)
        uptime, at, end = self._uptime(data, at, end)
        varbinds = self._varbinds(data, at, end, MAX_VARBINDS - 1)
        if not varbinds or varbinds[0].oid != SNMP_TRAP_OID or varbinds[0].type is not ValueType.OBJECT_IDENTIFIER:
            raise malformed("the second variable binding is not snmpTrapOID.0")
        trap_oid = varbinds.pop(0).dotted
        address = _trap_address(varbinds) if _TRAP_ADDRESS_NAME in data else None
        return Notification(head, trap_oid, uptime, tuple(varbinds), address, request_id)

    def _uptime(self, data: bytes, at: int, end: int) -> tuple[int, int, int]:
        """sysUpTime.0's value, where the second variable binding begins, and the end of the list. It always differs: not remembered."""
        at, stop = expect(data, at, end, SEQUENCE)
        if stop != end:
            raise malformed(f"{end - stop} bytes after the variable bindings")
        start, after = expect(data, at, stop, SEQUENCE)
        value_at = start + len(_UPTIME_NAME)
        if data[start:value_at] != _UPTIME_NAME:
            raise malformed("the first variable binding is not sysUpTime.0")
        start, end_of_value = expect(data, value_at, after, TIME_TICKS)
        if end_of_value != after:
            raise malformed(f"{after - end_of_value} bytes after sysUpTime.0")
        return _ticks(data, start, after), after, stop

    def _v1(self, data: bytes, head: Header) -> Notification:
        """RFC 1157 section 4.1.6, mapped by RFC 3584 section 3.1: address and enterprise follow the bindings unless they are there."""
        start, at = expect(data, head.start, head.end, OBJECT_IDENTIFIER)
        enterprise = oid(data[start:at])
        start, at = expect(data, at, head.end, IP_ADDRESS)
        address = _address(data[start:at])
        start, at = expect(data, at, head.end, INTEGER)
        generic = integer(data, start, at)
        start, at = expect(data, at, head.end, INTEGER)
        specific = _number(data, start, at)
        start, at = expect(data, at, head.end, TIME_TICKS)
        uptime = _ticks(data, start, at)
        at, stop = expect(data, at, head.end, SEQUENCE)
        if stop != head.end:
            raise malformed(f"{head.end - stop} bytes after the variable bindings")
        varbinds = self._varbinds(data, at, stop, MAX_VARBINDS)
        names = {varbind.oid for varbind in varbinds}
        mapped = (
            VarBind(SNMP_TRAP_ADDRESS, ValueType.IP_ADDRESS, address.encode()),
            VarBind(SNMP_TRAP_ENTERPRISE, ValueType.OBJECT_IDENTIFIER, enterprise.encode()),
        )
        varbinds += [varbind for varbind in mapped if varbind.oid not in names]
        return Notification(head, _v2_oid(enterprise, generic, specific), uptime, tuple(varbinds), address)

    def _varbinds(self, data: bytes, at: int, end: int, limit: int) -> list[VarBind]:
        varbinds: list[VarBind] = []
        known, read = self._varbind.known, self._varbind.read
        while at < end:
            start, at = expect(data, at, end, SEQUENCE)
            content = data[start:at]
            varbinds.append(known(content) or read(content))
            if len(varbinds) > limit:
                raise DecodeError(Reason.TOO_LARGE, f"more than {MAX_VARBINDS} variable bindings")
        return varbinds


def _errors(data: bytes, at: int, end: int) -> int:
    """Where error-status and error-index end; a notification has 0 in both."""
    if data.startswith(_NO_ERROR, at):
        return at + len(_NO_ERROR)
    for valid in (ERROR_STATUS, ERROR_INDEX):
        start, at = expect(data, at, end, INTEGER)
        _number(data, start, at, valid)
    return at


def _v2_oid(enterprise: str, generic: int, specific: int) -> str:
    """RFC 3584 section 3.1 (2) and (3)."""
    if generic == ENTERPRISE_SPECIFIC:
        return f"{enterprise}.0.{specific}"
    if not 0 <= generic < ENTERPRISE_SPECIFIC:
        raise malformed(f"generic-trap {generic}")
    return f"{SNMP_TRAPS}.{generic + 1}"


def _trap_address(varbinds: list[VarBind]) -> str | None:
    """What a forwarder says the sender's address is (RFC 3584 section 3.1 (4))."""
    for varbind in varbinds:
        if varbind.oid == SNMP_TRAP_ADDRESS and varbind.type is ValueType.IP_ADDRESS:
            return varbind.dotted
    return None


def _number(data: bytes, start: int, stop: int, valid: range = INT32) -> int:
    value = integer(data, start, stop)
    if value not in valid:
        raise malformed(f"{value} where {valid.start} to {valid.stop - 1} may be")
    return value


def _ticks(data: bytes, start: int, stop: int) -> int:
    return _number(data, start, stop, UNSIGNED32)


def _address(content: bytes) -> str:
    value = READERS[IP_ADDRESS][1](content)
    assert isinstance(value, bytes)
    return value.decode()


class TrapDecoder:
    """Journal records -> raw traps, for one collector.

    ``communities`` are those taken (none listed: any); ``forwarders`` the networks whose word about the sender's address is believed;
    without ``security`` no v3 message is taken.
    """

    def __init__(
        self,
        collector: str,
        communities: Collection[bytes] = (),
        forwarders: Collection[IPv4Network | IPv6Network] = (),
        security: UserSecurity | None = None,
    ) -> None:
        self._collector = collector
        self._communities = frozenset(communities)
        self._forwarders = tuple(forwarders)
        self._security = security
        self._reader = NotificationReader()
        self._read = self._reader.read

    def decode(self, record: JournalRecord, *, again: bool = False) -> RawTrap:
        """The trap of one record. Raises ``DecodeError`` with the reason why there is none.

        ``again`` says that it was decoded before, so a v3 message was in its time window then.
        """
        if self._security is not None and is_v3(record.payload):
            return self._decode_v3(record, again=again)
        notification = self.admit(record.payload)
        head, trap_oid, uptime, varbinds, agent_address, request_id = notification
        inform = head.pdu == INFORM
        source = self._source(record.source, agent_address) if self._forwarders else record.source
        return RawTrap(
            self._collector,
            record.sequence,
            record.received_at,
            source,
            head.version,
            trap_oid,
            varbinds,
            uptime,
            False,  # communities authenticate nobody
            inform,
            agent_address,
            request_id=request_id if inform else None,
        )

    def _decode_v3(self, record: JournalRecord, *, again: bool) -> RawTrap:
        opened, (head, trap_oid, uptime, varbinds, agent_address, request_id) = self.open(record, again=again)
        inform = head.pdu == INFORM
        return RawTrap(
            self._collector,
            record.sequence,
            record.received_at,
            self._source(record.source, agent_address) if self._forwarders else record.source,
            SnmpVersion.V3,
            trap_oid,
            varbinds,
            uptime,
            opened.keys is not None and not opened.relaxed,
            inform,
            agent_address,
            opened.frame.user.decode(errors="replace"),
            opened.frame.level,
            opened.relaxed,
            request_id=request_id if inform else None,
        )

    def open(self, record: JournalRecord, *, again: bool = False) -> tuple[Opened, Notification]:
        """The v3 message of a record, and the notification in it. Raises ``DecodeError``."""
        assert self._security is not None
        opened = self._security.open(record, again=again)
        notification = self._reader.pdu(opened.data, opened.pdu_at, opened.end)
        if opened.ours != (notification.header.pdu == INFORM):  # RFC 3412 section 6.4: a trap is its sender's, an INFORM its receiver's
            kind = "a trap for our engine" if opened.ours else "an INFORM for an engine that is not ours"
            raise DecodeError(Reason.UNKNOWN_ENGINE, f"{kind}: 0x{opened.frame.engine_id.hex()}")
        return opened, notification

    def admit(self, payload: bytes) -> Notification:
        """The notification of a datagram whose community is one of ours. Raises ``DecodeError``."""
        notification = self._read(payload)
        if self._communities and notification.header.community not in self._communities:
            raise DecodeError(Reason.NOT_ALLOWED, "a community that is not listed")
        return notification

    def _source(self, sender: str, agent_address: str | None) -> str:
        believed = agent_address not in (None, UNSPECIFIED_ADDRESS) and within(sender, self._forwarders)
        return agent_address if believed and agent_address else sender
