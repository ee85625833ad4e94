"""What pysnmp reads in a datagram, as our own values: the other opinion that the trap decoder is held to."""

from collections.abc import Sequence
from typing import Any

from pyasn1.codec.ber import decoder as pyasn1_decoder
from pysnmp.proto import api

from pipeline.core.raw import SnmpVersion, ValueType, VarBind

NUMBERS = {
    "Integer": ValueType.INTEGER,
    "Integer32": ValueType.INTEGER,
    "OctetString": ValueType.OCTET_STRING,
    "Null": ValueType.NULL,
    "UnSpecified": ValueType.NULL,
    "ObjectIdentifier": ValueType.OBJECT_IDENTIFIER,
    "IpAddress": ValueType.IP_ADDRESS,
    "NetworkAddress": ValueType.IP_ADDRESS,
    "Counter": ValueType.COUNTER32,
    "Counter32": ValueType.COUNTER32,
    "Gauge": ValueType.GAUGE32,
    "Gauge32": ValueType.GAUGE32,
    "Unsigned32": ValueType.GAUGE32,
    "TimeTicks": ValueType.TIME_TICKS,
    "Opaque": ValueType.OPAQUE,
    "Counter64": ValueType.COUNTER64,
    "NoSuchObject": ValueType.NO_SUCH_OBJECT,
    "NoSuchInstance": ValueType.NO_SUCH_INSTANCE,
    "EndOfMibView": ValueType.END_OF_MIB_VIEW,
}
"""pysnmp's class -> type on the wire."""


def oracle_v2(payload: bytes) -> tuple[bytes, int, str, list[VarBind]]:
    """Community, sysUpTime.0, snmpTrapOID.0 and the other variable bindings of a v2c notification.

    Raises what pysnmp raises, and ``AssertionError`` for another message.
    """
    told, rest = pyasn1_decoder.decode(payload, asn1Spec=api.v2c.Message())
    assert not rest
    assert int(told[0]) == SnmpVersion.V2C
    pdu = api.v2c.apiMessage.get_pdu(told)
    assert type(pdu).__name__ in {"SNMPv2TrapPDU", "InformRequestPDU"}
    (_, uptime), (_, trap_oid), *others = api.v2c.apiTrapPDU.get_varbinds(pdu)
    return bytes(api.v2c.apiMessage.get_community(told)), int(uptime), str(trap_oid), oracle_varbinds(others)


def oracle_v1(payload: bytes) -> tuple[bytes, int, str, str, list[VarBind]]:
    """Community, time-stamp, enterprise, agent-addr and variable bindings of a v1 trap. Raises as :func:`oracle_v2`."""
    told, rest = pyasn1_decoder.decode(payload, asn1Spec=api.v1.Message())
    assert not rest
    assert int(told[0]) == SnmpVersion.V1
    pdu, trap = api.v1.apiMessage.get_pdu(told), api.v1.apiTrapPDU
    address = trap.get_agent_address(pdu).prettyPrint()
    community = bytes(api.v1.apiMessage.get_community(told))
    return community, int(trap.get_timestamp(pdu)), str(trap.get_enterprise(pdu)), address, oracle_varbinds(trap.get_varbinds(pdu))


def oracle_varbinds(told: Sequence[tuple[Any, Any]]) -> list[VarBind]:
    return [VarBind(str(name), *oracle_value(value)) for name, value in told]


def oracle_value(value: Any) -> tuple[ValueType, int | bytes | None]:
    kind = NUMBERS[type(value).__name__]
    match kind:
        case ValueType.OCTET_STRING | ValueType.OPAQUE:
            return kind, bytes(value)
        case ValueType.OBJECT_IDENTIFIER:
            return kind, str(value).encode()
        case ValueType.IP_ADDRESS:
            return kind, ".".join(map(str, bytes(value))).encode()
        case ValueType.NULL | ValueType.NO_SUCH_OBJECT | ValueType.NO_SUCH_INSTANCE | ValueType.END_OF_MIB_VIEW:
            return kind, None
        case _:
            return kind, int(value)
