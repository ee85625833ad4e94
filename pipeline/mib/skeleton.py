"""Skeletons of the standard base modules: enough of their names, types and places for other modules to compile against.

The modules' texts belong to their publishers and are not part of this product. What stands here are facts (RFC 2578, RFC 2579, RFC 2863 and
others): which name has which OID, what base type and display hint a textual convention has. A module that a person brings replaces its
skeleton.
"""

from collections.abc import Mapping

from pipeline.core.mib import MibIndex, MibNotification, MibObject

_ROOTS: dict[str, str] = {
    "org": "iso 3",
    "dod": "org 6",
    "internet": "dod 1",
    "directory": "internet 1",
    "mgmt": "internet 2",
    "mib-2": "mgmt 1",
    "transmission": "mib-2 10",
    "experimental": "internet 3",
    "private": "internet 4",
    "enterprises": "private 1",
    "security": "internet 5",
    "snmpV2": "internet 6",
    "snmpDomains": "snmpV2 1",
    "snmpProxys": "snmpV2 2",
    "snmpModules": "snmpV2 3",
}
_TYPES: dict[str, str] = {
    "Integer32": "INTEGER (-2147483648..2147483647)",
    "IpAddress": "[APPLICATION 0] IMPLICIT OCTET STRING (SIZE (4))",
    "Counter32": "[APPLICATION 1] IMPLICIT INTEGER (0..4294967295)",
    "Gauge32": "[APPLICATION 2] IMPLICIT INTEGER (0..4294967295)",
    "Unsigned32": "[APPLICATION 2] IMPLICIT INTEGER (0..4294967295)",
    "TimeTicks": "[APPLICATION 3] IMPLICIT INTEGER (0..4294967295)",
    "Opaque": "[APPLICATION 4] IMPLICIT OCTET STRING",
    "Counter64": "[APPLICATION 6] IMPLICIT INTEGER (0..18446744073709551615)",
}
_CONVENTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "SNMPv2-TC": {
        "AutonomousType": ("", "OBJECT IDENTIFIER"),
        "DateAndTime": ("2d-1d-1d,1d:1d:1d.1d,1a1d:1d", "OCTET STRING (SIZE (8 | 11))"),
        "DisplayString": ("255a", "OCTET STRING (SIZE (0..255))"),
        "InstancePointer": ("", "OBJECT IDENTIFIER"),
        "MacAddress": ("1x:", "OCTET STRING (SIZE (6))"),
        "PhysAddress": ("1x:", "OCTET STRING"),
        "RowPointer": ("", "OBJECT IDENTIFIER"),
        "RowStatus": ("", "INTEGER { active(1), notInService(2), notReady(3), createAndGo(4), createAndWait(5), destroy(6) }"),
        "StorageType": ("", "INTEGER { other(1), volatile(2), nonVolatile(3), permanent(4), readOnly(5) }"),
        "TAddress": ("", "OCTET STRING (SIZE (1..255))"),
        "TDomain": ("", "OBJECT IDENTIFIER"),
        "TestAndIncr": ("", "INTEGER (0..2147483647)"),
        "TimeInterval": ("", "INTEGER (0..2147483647)"),
        "TimeStamp": ("", "TimeTicks"),
        "TruthValue": ("", "INTEGER { true(1), false(2) }"),
        "VariablePointer": ("", "OBJECT IDENTIFIER"),
    },
    "IF-MIB": {
        "InterfaceIndex": ("d", "INTEGER (1..2147483647)"),
        "InterfaceIndexOrZero": ("d", "INTEGER (0..2147483647)"),
        "OwnerString": ("255a", "OCTET STRING (SIZE (0..255))"),
    },
    "HCNUM-TC": {
        "CounterBasedGauge64": ("", "Counter64"),
        "ZeroBasedCounter64": ("", "Counter64"),
    },
    "SNMP-FRAMEWORK-MIB": {
        "SnmpAdminString": ("255t", "OCTET STRING (SIZE (0..255))"),
        "SnmpEngineID": ("", "OCTET STRING (SIZE (5..32))"),
    },
    "INET-ADDRESS-MIB": {
        "InetAddress": ("", "OCTET STRING (SIZE (0..255))"),
        "InetAddressPrefixLength": ("d", "INTEGER (0..2040)"),
        "InetAddressType": ("", "INTEGER { unknown(0), ipv4(1), ipv6(2), ipv4z(3), ipv6z(4), dns(16) }"),
        "InetPortNumber": ("d", "INTEGER (0..65535)"),
    },
}
_EMPTY = ("SNMPv2-CONF", "RFC-1212", "RFC-1215")
BASES = frozenset({"SNMPv2-SMI", "SNMPv2-TC", "RFC1155-SMI", *_EMPTY})
"""Modules that define the language and nothing else: whose they are is never a question, and a skeleton is as good as the text."""


def skeletons(facts: MibIndex) -> Mapping[str, str]:
    """Module name -> source text, for the base modules and for every module of which ``facts`` knows objects or notifications."""
    nodes: dict[str, dict[str, str]] = {"SNMPv2-SMI": dict(_ROOTS), "RFC1155-SMI": dict(_ROOTS)}
    entries: list[MibObject | MibNotification] = [*facts.objects.values(), *facts.notifications.values()]
    for known in entries:
        nodes.setdefault(known.module, {})[known.name] = f"iso {' '.join(known.oid.split('.')[1:])}"
    names = [*nodes, *_CONVENTIONS, *_EMPTY]
    return {name: _source(name, nodes.get(name, {}), _CONVENTIONS.get(name, {})) for name in dict.fromkeys(names)}


def _source(module: str, nodes: Mapping[str, str], conventions: Mapping[str, tuple[str, str]]) -> str:
    lines = [f"{module} DEFINITIONS ::= BEGIN"]
    if conventions:
        own = "" if module == "SNMPv2-TC" else " TEXTUAL-CONVENTION FROM SNMPv2-TC"
        lines.append(f"IMPORTS TimeTicks, Counter64 FROM SNMPv2-SMI{own};")
    if module in {"SNMPv2-SMI", "RFC1155-SMI"}:
        lines += [f"{name} ::= {syntax}" for name, syntax in _TYPES.items()]
    lines += [f"{name} OBJECT IDENTIFIER ::= {{ {place} }}" for name, place in nodes.items()]
    lines += [_convention(name, hint, syntax) for name, (hint, syntax) in conventions.items()]
    return "\n".join([*lines, "END", ""])


def _convention(name: str, hint: str, syntax: str) -> str:
    shown = f'DISPLAY-HINT "{hint}" ' if hint else ""
    return f'{name} ::= TEXTUAL-CONVENTION {shown}STATUS current DESCRIPTION "" SYNTAX {syntax}'
