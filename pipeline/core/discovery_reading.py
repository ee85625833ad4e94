"""What an agent answered becomes a device. Nothing that it says can fail here: what does not fit is left out, and told as a finding."""

import re
from collections.abc import Mapping

from pipeline.core.discovery import Answers, Component, DiscoveredDevice, Finding, FindingKind
from pipeline.core.discovery_component import components_of, sensors_of
from pipeline.core.discovery_fact import fitting
from pipeline.core.discovery_interface import addresses_of, interfaces_of
from pipeline.core.discovery_neighbour import bgp_peers_of, chassis_id, lldp_ports_of, neighbours_of, ospf_neighbours_of
from pipeline.core.discovery_object import TABLES

_ENTERPRISES = "1.3.6.1.4.1."
_PLAYPEN = "1.3.6.1.4.1.8072.9999."
"""net-snmp's number for experiments: whoever uses it is not net-snmp."""
_NO_SERIALS = frozenset(
    {"", "0", "none", "n/a", "na", "unknown", "unspecified", "not available", "to be filled by o.e.m.", "default string"}
)


def read_device(answers: Answers, vendors: Mapping[int, str] | None = None) -> tuple[DiscoveredDevice, tuple[Finding, ...]]:
    """The device that answered, named by its sysName as it is, and what was odd. ``vendors`` are names by enterprise number."""
    facts = fitting(answers)
    interfaces = interfaces_of(facts)
    addresses = addresses_of(facts)
    components = components_of(facts)
    chassis = next((part for part in components if part.kind in {"stack", "chassis"} and part.model), None) or next(
        (part for part in components if part.kind == "chassis"), None
    )
    ports = lldp_ports_of(facts, interfaces)
    unread = _unread(answers)
    object_id = facts.dotted("sysObjectID").lstrip(".")
    device = DiscoveredDevice(
        name=facts.text("sysName"),
        address=answers.address,
        addresses=(answers.address,),
        port=answers.port,
        community=answers.community,
        snmp_version=answers.snmp_version,
        user=answers.user,
        system_name=facts.text("sysName"),
        description=facts.text("sysDescr"),
        object_id=object_id,
        location=facts.text("sysLocation"),
        contact=facts.text("sysContact"),
        uptime_ticks=facts.number("sysUpTime"),
        engine_id=facts.octets("snmpEngineID").hex(),
        chassis_id=chassis_id(facts.number("lldpLocChassisIdSubtype") or 0, facts.octets("lldpLocChassisId")),
        vendor=_vendor(object_id, chassis, vendors or {}),
        model=chassis.model if chassis else "",
        serial=_serial(chassis.serial if chassis else ""),
        software=next((part.software for part in components if part.software), ""),
        interfaces=interfaces,
        ip_addresses=addresses,
        components=components,
        sensors=sensors_of(facts, components),
        lldp_ports=ports,
        neighbours=neighbours_of(facts, ports, interfaces),
        peers=(*bgp_peers_of(facts), *ospf_neighbours_of(facts)),
        tells_neighbours=bool(ports or facts.column("lldpRemChassisId")) and "lldpRemTable" not in unread,
        unread=unread,
    )
    return device, (*answers.findings, *facts.findings)


_ENDED_EARLY = frozenset(
    {FindingKind.NO_ANSWER, FindingKind.REFUSED, FindingKind.ENDLESS_WALK, FindingKind.OID_NOT_INCREASING, FindingKind.TIME_LIMIT}
)


def _unread(answers: Answers) -> tuple[str, ...]:
    """Tables that were not read, or not to the end of each of their columns."""
    ended = {finding.about for finding in answers.findings if finding.kind in _ENDED_EARLY}
    return tuple(table.name for table in TABLES if next(iter(table.columns)) not in answers.columns or ended & table.columns.keys())


def _vendor(object_id: str, chassis: Component | None, vendors: Mapping[int, str]) -> str:
    """By the enterprise number of sysObjectID, else what the chassis names, as a word."""
    number = object_id.removeprefix(_ENTERPRISES).partition(".")[0]
    if object_id.startswith(_ENTERPRISES) and not object_id.startswith(_PLAYPEN) and number.isdecimal() and int(number) in vendors:
        return vendors[int(number)]
    return re.sub(r"[^a-z0-9]+", "-", chassis.vendor.lower()).strip("-") if chassis else ""


def _serial(text: str) -> str:
    return "" if text.strip().lower() in _NO_SERIALS else text.strip()
