"""Small inventories and events for tests of the core: short to write, plain to read."""

from collections.abc import Iterable

from pipeline.core.event import AlarmType, Condition, Event, EventSource, Severity, Signal, StateReport
from pipeline.core.inventory import Contract, Customer, Device, Fibre, Interface, Inventory, Link, Lsp, Service, Site, Tier, Tunnel
from pipeline.core.resource import ResourceId

SECOND = 1_000_000_000
START = 1_795_435_200 * SECOND

TYPES = {
    name: AlarmType(name, "communications-alarm", "x733/test", Severity.MAJOR, will_clear, condition)
    for name, will_clear, condition in (
        ("link-down", True, Condition.DOWN),
        ("lsp-down", True, Condition.DOWN),
        ("service-oam-down", True, Condition.DOWN),
        ("device-unreachable", True, Condition.DOWN),
        ("power-failure", True, Condition.DEGRADED),
        ("optical-loss-of-signal", True, Condition.NONE),
        ("temperature-high", True, Condition.NONE),
        ("peer-down", True, Condition.NONE),
        ("cold-start", False, Condition.NONE),
    )
}


def at(seconds: float) -> int:
    """Seconds after the start, as UTC nanoseconds."""
    return START + round(seconds * 1000) * (SECOND // 1000)


def event(
    resource: str = "interface/a/1",
    signal: Signal = Signal.RAISE,
    when: float = 0,
    sequence: int | None = None,
    alarm_type: str = "link-down",
    **fields: object,
) -> Event:
    """A trap's event ``when`` seconds after the start; its sequence is its millisecond unless given."""
    number = round(when * 1000) if sequence is None else sequence
    collector = str(fields.pop("collector", "trap-1"))
    values: dict[str, object] = {
        "severity": Severity.MAJOR,
        "text": f"{alarm_type} on {resource}",
        "source": EventSource.TRAP,
        "device": resource.split("/")[1],
        "condition": TYPES[alarm_type].condition,
    }
    return Event(  # type: ignore[misc]  # keyword pass-through of a test
        id=f"{collector}:{number}:0",
        occurred_at=at(when),
        resource=ResourceId(resource),
        alarm_type=alarm_type,
        signal=signal,
        collector=collector,
        sequence=number,
        **(values | fields),  # type: ignore[arg-type]  # as above
    )


def report(device: str, when: float, up: Iterable[str] = (), down: Iterable[str] = (), *, reachable: bool = True) -> StateReport:
    """A poll of a device; interfaces by name."""
    ups, downs = (tuple(ResourceId(f"interface/{device}/{name}") for name in names) for names in (up, down))
    return StateReport(device, at(when), "poll-1", round(when * 1000), reachable, up=ups, down=downs)


def inventory_of(
    links: Iterable[str],
    lsps: dict[str, list[str]] | None = None,
    tunnels: dict[str, tuple[int, list[str]]] | None = None,
    services: dict[str, list[str]] | None = None,
    sites: dict[str, str] | None = None,
    uplinks: dict[str, list[str]] | None = None,
) -> Inventory:
    """An inventory from links written ``a/1 b/1 fibre[+fibre] [duct]``; a link is named ``a-b`` after its devices (``a-b-fibre`` if taken).

    ``lsps`` are names of links, ``tunnels`` are (needs, LSPs), ``services`` are needs, all gold and of one customer.
    """
    ports: dict[str, list[str]] = {}
    fibres: dict[str, Fibre] = {}
    made: dict[str, Link] = {}
    for text in links:
        a, b, carried, *duct = text.split()
        for end in (a, b):
            device, _, port = end.partition("/")
            ports.setdefault(device, []).append(port)
        names = tuple(carried.split("+"))
        fibres |= {name: Fibre(name, duct[0] if duct else "") for name in names}
        plain = f"{a.split('/')[0]}-{b.split('/')[0]}"
        name = plain if plain not in made else f"{plain}-{carried}"
        made[name] = Link(name, a, b, names)
    for needs in (services or {}).values():
        for need in needs:
            kind, _, rest = need.partition("/")
            device, _, port = rest.partition("/")
            if kind == "interface" and port not in ports.get(device, []):
                ports.setdefault(device, []).append(port)
    devices = {
        name: Device(
            name,
            (sites or {}).get(name, f"site-{name}"),
            "",
            interfaces=tuple(Interface(port, place, 1000) for place, port in enumerate(own, 1)),
            uplinks=tuple((uplinks or {}).get(name, ())),
        )
        for name, own in ports.items()
    }
    return Inventory(
        version="v1",
        sites={device.site: Site(device.site) for device in devices.values()},
        devices=devices,
        fibres=fibres,
        links=made,
        lsps={name: Lsp(name, made[over[0]].a.split("/")[0], tuple(over)) for name, over in (lsps or {}).items()},
        tunnels={name: Tunnel(name, tuple(over), needs) for name, (needs, over) in (tunnels or {}).items()},
        services={name: Service(name, "acme", "acme-gold", "l3vpn", tuple(needs)) for name, needs in (services or {}).items()},
        customers={"acme": Customer("acme", "Acme Trading", Tier.GOLD)},
        contracts={"acme-gold": Contract("acme-gold", "acme", "plan", "EUR", {})},
    )
