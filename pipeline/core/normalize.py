"""A notification becomes events: what happened, on which resource. What no rule knows becomes an event too, never silence."""

from collections.abc import Callable, Mapping

from pipeline.core.directory import DEFAULT_DOMAIN, Directory, canonical
from pipeline.core.event import Condition, Event, EventSource, Signal
from pipeline.core.inventory import Device
from pipeline.core.mib import IndexValue, Instance, MibIndex, MibObject, value_text
from pipeline.core.raw import RawTrap, VarBind
from pipeline.core.resource import OF_A_DEVICE, ResourceId, ResourceKind, resource_id
from pipeline.core.rule import By, Locator, RuleBook, TrapRule, find_varbind
from pipeline.core.text import shown

MAX_ATTRIBUTES = 64
"""Varbinds beyond this many are counted in the attribute ``more``, not shown; the journal has them all."""

_NO_MIBS = MibIndex()


def normalize(trap: RawTrap, rules: RuleBook, directory: Directory, mibs: MibIndex | None = None) -> tuple[Event, ...]:
    """The events of one notification; at least one.

    The first rule for the OID whose conditions hold decides. Without one, the event is a stateless ``unknown-notification`` that keeps the
    OID and the varbinds. A sender that is not in the inventory gets the resource ``unknown/<address>``, and what it says of other resources
    stays words: it can name no declared service or path. Pure: the same notification gives the same events with the same ids.
    """
    names = mibs or _NO_MIBS
    device = directory.device_at(trap.source)
    attributes = attributes_of(trap.varbinds, names)
    if trap.repeats:
        attributes["repeats"] = str(trap.repeats)
    rule = rule_for(trap, rules)
    if rule is None:
        return (_unknown_event(trap, rules, device, attributes, names),)
    return (_event(trap, rule, device, directory, attributes, names),)


def rule_for(trap: RawTrap, rules: RuleBook) -> TrapRule | None:
    """The rule that decides: of those for the OID the first whose conditions hold; ``None`` when none does."""
    for rule in rules.by_oid.get(trap.trap_oid, ()):
        if not rule.conditions or rule.holds(trap.varbinds):
            return rule
    return None


def attributes_of(varbinds: tuple[VarBind, ...], mibs: MibIndex) -> dict[str, str]:
    """Varbinds by object name, and after them the parts of their indexes that are no varbinds themselves.

    A second instance of one object has its index in the name (``ifOperStatus[ifIndex=7]``), an unknown object is its numbers.
    """
    attributes: dict[str, str] = {}
    rows: list[tuple[IndexValue, ...]] = []
    for varbind in varbinds[:MAX_ATTRIBUTES]:
        found = mibs.instance(varbind.oid)
        known, _, index = found
        name = varbind.oid if known is None else known.name
        if name in attributes:
            name = _instance_name(name, found, attributes, varbind.oid)
        address_type = _address_type(known, found, varbinds) if known is not None and known.address_type else None
        attributes[name] = value_text(varbind, known, mibs, address_type)
        if index and (not rows or index is not rows[-1]):
            rows.append(index)
    for index in rows:
        for part in index:
            attributes.setdefault(part.known.name, part.text)
    if len(varbinds) > MAX_ATTRIBUTES:
        attributes["more"] = str(len(varbinds) - MAX_ATTRIBUTES)
    return attributes


def _instance_name(name: str, found: Instance, taken: Mapping[str, str], oid: str) -> str:
    index = ",".join(f"{part.known.name}={part.text}" for part in found.values)
    longer = f"{name}[{index}]" if index else f"{name}.{found.arcs}"
    return shown(longer) if shown(longer) not in taken else oid


def _address_type(known: MibObject, found: Instance, varbinds: tuple[VarBind, ...]) -> int | None:
    """The InetAddressType that goes with an InetAddress: of the same row, sent beside it or a part of its index."""
    for part in found.values:
        if part.known.oid == known.address_type:
            return part.value if isinstance(part.value, int) else None
    beside = f"{known.address_type}.{found.arcs}"
    value = next((varbind.value for varbind in varbinds if varbind.oid == beside), None)
    return value if isinstance(value, int) else None


def _event(trap: RawTrap, rule: TrapRule, device: Device | None, directory: Directory, attributes: dict[str, str], mibs: MibIndex) -> Event:
    address = canonical(trap.source) if device is None else ""
    reporter = device.name if device else address
    located = locate(rule.locator, trap.varbinds, reporter, directory)
    lookup = lookup_of(trap, reporter, located, attributes, mibs)
    qualifier = rule.qualifier.render(lookup) if rule.qualifier else ""
    return Event(
        id=f"{trap.collector}:{trap.sequence}:0",
        occurred_at=trap.received_at,
        resource=located if device else resource_id(ResourceKind.UNKNOWN, address),
        alarm_type=rule.alarm_type.name,
        signal=rule.signal,
        severity=rule.severity,
        text=rule.text.render(lookup),
        source=EventSource.TRAP,
        device=reporter,
        collector=trap.collector,
        sequence=trap.sequence,
        domain=device.domain if device else DEFAULT_DOMAIN,
        qualifier=qualifier if device else "|".join(filter(None, (located, qualifier))),
        rule=rule.name,
        condition=rule.alarm_type.condition if device else Condition.NONE,
        authenticated=trap.authenticated,
        attributes=attributes,
    )


Lookup = Callable[[str], str | None]


def lookup_of(trap: RawTrap, reporter: str, located: ResourceId, attributes: Mapping[str, str], mibs: MibIndex) -> Lookup:
    """What a placeholder of a rule stands for: an attribute, something of the event's own, or a varbind by its number."""
    special = {"device": reporter, "source": trap.source, "resource": located}
    return lambda name: attributes.get(name) or special.get(name) or _by_number(name, trap.varbinds, mibs)


def _by_number(name: str, varbinds: tuple[VarBind, ...], mibs: MibIndex) -> str | None:
    """What a varbind says that is named by its place (``#2``) or by an object's OID, as an unknown MIB's must be."""
    found = find_varbind(varbinds, name) if name[0] in "#012" else None
    return value_text(found, mibs.split(found.oid)[0], mibs) if found else None


def _unknown_event(trap: RawTrap, rules: RuleBook, device: Device | None, attributes: dict[str, str], mibs: MibIndex) -> Event:
    kind = rules.unknown
    address = canonical(trap.source)
    reporter = device.name if device else address
    return Event(
        id=f"{trap.collector}:{trap.sequence}:0",
        occurred_at=trap.received_at,
        resource=resource_id(ResourceKind.DEVICE if device else ResourceKind.UNKNOWN, reporter),
        alarm_type=kind.name,
        signal=Signal.NOTIFY,
        severity=kind.severity,
        text=f"{reporter} sent {mibs.named(trap.trap_oid)}, which no rule knows",
        source=EventSource.TRAP,
        device=reporter,
        collector=trap.collector,
        sequence=trap.sequence,
        domain=device.domain if device else DEFAULT_DOMAIN,
        qualifier=trap.trap_oid,
        condition=kind.condition,
        authenticated=trap.authenticated,
        attributes={"snmpTrapOID": trap.trap_oid, **attributes},
    )


def locate(locator: Locator, varbinds: tuple[VarBind, ...], device: str, directory: Directory) -> ResourceId:
    """The resource that a notification of ``device`` is about; the device itself when the varbind that names it is missing."""
    kind = locator.kind
    if locator.by is By.DEVICE:
        return resource_id(kind, device)
    if locator.by is By.IF_INDEX:
        part = _interface_part(locator, varbinds, device, directory)
    elif locator.by is By.NAME:
        part = _text_of(find_varbind(varbinds, locator.oid))
    else:
        part = _index_of(find_varbind(varbinds, locator.oid), locator)
    if not part:
        return resource_id(ResourceKind.DEVICE, device)
    return resource_id(kind, f"{device}/{part}" if kind in OF_A_DEVICE else part)


def _interface_part(locator: Locator, varbinds: tuple[VarBind, ...], device: str, directory: Directory) -> str:
    name = _text_of(find_varbind(varbinds, locator.name_oid)) if locator.name_oid else ""
    found = find_varbind(varbinds, locator.oid)
    index: int | None = None
    if found is not None:
        last = found.oid.rpartition(".")[2]
        index = found.value if isinstance(found.value, int) else int(last) if found.oid != locator.oid and last.isdigit() else None
    return directory.interface_name(device, name, index)


def _index_of(found: VarBind | None, locator: Locator) -> str:
    index = found.oid[len(locator.oid) + 1 :] if found else ""
    return ".".join(index.split(".")[: locator.arcs]) if locator.arcs else index


def _text_of(found: VarBind | None) -> str:
    if found is None or found.value is None:
        return ""
    return shown(found.value) if isinstance(found.value, bytes) else str(found.value)
