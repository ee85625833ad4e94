"""A network is asked and what was found is held against the inventory: the wiring behind `assure discover`."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from collectors.discover.asker import Asked, Asker, Place
from collectors.discover.credential import Credential
from collectors.discover.pace import Pace
from collectors.discover.sweep import sweep
from collectors.discover.walk import Limits
from collectors.poll.user import PollUser
from collectors.publish import kafka_sender, pack
from pipeline.bus import partition_of
from pipeline.config.mib_file import load_facts
from pipeline.config.secret import Secret
from pipeline.config.settings import BrokerSettings, SnmpUserSettings
from pipeline.core.directory import DEFAULT_DOMAIN, canonical
from pipeline.core.discovery import DiscoveredDevice, Discovery
from pipeline.core.event import AlarmType, Event, EventSource, Signal
from pipeline.core.inventory import AgentVersion, Inventory
from pipeline.core.inventory_difference import Comparison, Difference, DifferenceKind, compare
from pipeline.core.network_discovery import discover
from pipeline.inventory.writer import Remarks
from pipeline.resources import data_dir
from pipeline.wire import Topic

COLLECTOR = "discover"
"""Who says so, in events."""
ALARM_TYPE = "topology-changed"
PUBLIC = Credential("public", Secret("public"))


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try: so many devices at once, questions a second over all (0: no bound), and limits for a question and a device."""

    jobs: int = 32
    per_s: float = 500.0
    limits: Limits = field(default_factory=Limits)
    limit_s: float = 60.0


def vendor_names() -> dict[int, str]:
    """Vendors by enterprise number, as the MIBs that come along know them."""
    return load_facts(data_dir("mibs") / "standard.yaml").vendors


def places_of(
    addresses: Iterable[str],
    port: int,
    credentials: Sequence[Credential],
    declared: Inventory | None,
    secret: Callable[[str], Secret] = Secret,
    users: Iterable[SnmpUserSettings] = (),
) -> tuple[Place, ...]:
    """Where to ask: a declared device at its declared port, first as it is declared; then by ``credentials`` (none: community public).

    As declared is by its community, which ``secret`` knows by its name, or as the one of ``users`` that it names.
    """
    known = {user.name: Credential(user.name, user=PollUser(user)) for user in users}
    devices = {canonical(device.address): device for device in declared.devices.values()} if declared else {}
    places = []
    for address in addresses:
        device = devices.get(canonical(address))
        if device is None:
            places.append(Place(address, port, tuple(credentials) or (PUBLIC,)))
            continue
        by_user = device.snmp_version is AgentVersion.V3
        is_v1 = device.snmp_version is AgentVersion.V1
        own = known.get(device.user) if by_user else Credential(device.community, secret(device.community), is_v1=is_v1)
        tried = tuple(dict.fromkeys((*([own] if own else ()), *credentials)))
        places.append(Place(address, device.port, tried or (PUBLIC,)))
    return tuple(places)


def ask(places: Sequence[Place], effort: Effort, tell: Callable[[Asked], None]) -> tuple[Asked, ...]:
    """Ask them all; ``tell`` hears of each as it ends."""
    asker = Asker(effort.limits, effort.limit_s, Pace(effort.per_s))
    return asyncio.run(sweep(places, asker, effort.jobs, tell))


@dataclass(frozen=True, slots=True)
class Found:
    """A whole discovery: what became of each address, what was found, and how it differs from what is declared, if that was compared."""

    asked: tuple[Asked, ...]
    discovery: Discovery
    comparison: Comparison | None


def found_of(asked: Sequence[Asked], declared: Inventory | None) -> Found:
    """Make sense of answers, and hold them against the inventory if there is one."""
    discovery = discover((each.answers for each in asked if each.answers is not None), declared, vendor_names())
    comparison = compare(declared, discovery, (each.address for each in asked)) if declared is not None else None
    return Found(tuple(asked), discovery, comparison)


_WORDS = {
    DifferenceKind.DEVICE_MISSING: "{resource} is declared at {declared}, but does not answer",
    DifferenceKind.DEVICE_NEW: "{resource} answers, but is not declared: {found}",
    DifferenceKind.DEVICE_NAME: "{resource} calls itself {found}",
    DifferenceKind.DEVICE_ADDRESS: "{resource} is declared at {declared}, but was found at {found}",
    DifferenceKind.INTERFACE_MISSING: "{resource} is declared, but the device has no such interface",
    DifferenceKind.INTERFACE_NEW: "{resource} is up, but not declared",
    DifferenceKind.INTERFACE_RENAMED: "{resource} is called {found} now",
    DifferenceKind.INTERFACE_RENUMBERED: "{resource} is declared as {declared}, but is {found}",
    DifferenceKind.INTERFACE_SPEED: "{resource} is declared with {declared}, but has {found}",
    DifferenceKind.LINK_MISSING: "{resource} is declared as {declared}, but neither end tells of it",
    DifferenceKind.LINK_NEW: "{resource} is not declared: {found}",
    DifferenceKind.LINK_MOVED: "{resource} is declared as {declared}, but is {found}",
}


def told(difference: Difference) -> str:
    """A difference as a sentence."""
    return _WORDS[difference.kind].format(resource=difference.resource, declared=difference.declared, found=difference.found)


def events_of(differences: Sequence[Difference], declared: Inventory, alarm_type: AlarmType, at: int) -> tuple[Event, ...]:
    """One stateless event for each difference, found ``at`` (UTC nanoseconds); the same difference found again is the same alarm again."""
    events = []
    for number, difference in enumerate(differences):
        device = declared.devices.get(difference.device)
        attributes = {"declared": difference.declared, "found": difference.found, "confidence": f"{difference.confidence:g}"}
        event = Event(
            id=f"{COLLECTOR}:{at}:{number}",
            occurred_at=at,
            resource=difference.resource,
            alarm_type=alarm_type.name,
            signal=Signal.NOTIFY,
            severity=alarm_type.severity,
            text=told(difference),
            source=EventSource.SYSTEM,
            device=difference.device,
            collector=COLLECTOR,
            sequence=at,
            domain=device.domain if device else DEFAULT_DOMAIN,
            qualifier=difference.kind.value,
            condition=alarm_type.condition,
            attributes={key: value for key, value in attributes.items() if value},
        )
        events.append(event)
    return tuple(events)


async def publish(events: Sequence[Event], broker: BrokerSettings) -> None:
    """Put events on their topic, each on the partition of its correlation domain. Raises ``SendError``."""
    by_partition: dict[int, list[Event]] = {}
    for event in events:
        by_partition.setdefault(partition_of(event.domain, broker.partitions), []).append(event)
    async with kafka_sender(broker.bootstrap, Topic.EVENTS) as sender:
        await sender.send([message for partition, batch in by_partition.items() for message in pack(partition, batch)])


def remarks_of(discovery: Discovery, inventory: Inventory) -> Remarks:
    """What the inventory's form has no key for, as remarks above the entries: what a device is, and what a link bundles."""
    made: dict[tuple[str, str], list[str]] = {("devices", device.name): list(_of_device(device)) for device in discovery.devices}
    names = {(device.name, row.index): f"{device.name}/{row.name}" for device in discovery.devices for row in device.interfaces}
    by_ends = {frozenset({link.a, link.b}): link.name for link in inventory.links.values()}
    for link in discovery.links:
        name = by_ends.get(frozenset({names[link.a], names[link.b]}))
        if name and link.members:
            members = ", ".join(f"{names[a]} - {names[b]}" for a, b in link.members)
            made["links", name] = [f"bundles {members}"]
    return made


def _of_device(device: DiscoveredDevice) -> Iterable[str]:
    what = {"model": device.model, "serial": device.serial, "software": device.software}
    known = ", ".join(f"{key} {value}" for key, value in what.items() if value)
    if known:
        yield known
    elif device.description:
        yield device.description
    if len(device.addresses) > 1:
        yield f"answers at {', '.join(device.addresses)}"


def unchosen_of(discovery: Discovery) -> list[str]:
    """The links that went into no inventory, as remarks to put after it."""
    names = {(device.name, row.index): f"{device.name}/{row.name}" for device in discovery.devices for row in device.interfaces}
    left = [link for link in discovery.links if not link.is_chosen]
    lines = [f"  {names[link.a]} - {names[link.b]}  ({link.source}, confidence {link.confidence:g})" for link in left]
    return ["Told of too, but less sure, or at an end that a surer link has:", *lines] if lines else []
