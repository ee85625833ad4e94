"""The product's inventory of a network, as its operator would declare it."""

from typing import Any

from pipeline.core.inventory import Customer, Device, Fibre, Interface, Inventory, Link, Lsp, Service, Site, Tier, Tunnel
from tests.bench.zoo.network import Network

TIERS = tuple(Tier)


def inventory_of(network: Network) -> Inventory:
    """Everything declared. Routers are managed out of band, access devices through their uplinks."""
    return Inventory(
        version=f"zoo-{network.name}",
        sites={name: Site(name) for name in network.sites},
        devices=_devices(network),
        fibres=_fibres(network),
        links={name: Link(name, line.a, line.b, line.fibres) for name, line in network.lines.items()},
        lsps={name: Lsp(name, path.head, path.links) for name, path in network.paths.items()},
        tunnels={name: Tunnel(name, lsps) for name, lsps in network.tunnels.items()},
        services={
            name: Service(name, sold.customer, "", "l2vpn", (f"tunnel/{sold.tunnel}", f"interface/{sold.a}", f"interface/{sold.b}"))
            for name, sold in network.services.items()
        },
        customers={
            sold.customer: Customer(sold.customer, sold.customer, TIERS[int(sold.customer[1:]) % len(TIERS)])
            for sold in network.services.values()
        },
        **_power(network),
    )


IS_RICH = "power" in Device.__dataclass_fields__


def _devices(network: Network) -> dict[str, Device]:
    found: dict[str, Device] = {}
    for place, (name, box) in enumerate(network.boxes.items()):
        ports = tuple(
            Interface(port, index, 10_000, **({"card": card} if IS_RICH else {})) for index, (port, card) in enumerate(box.ports.items(), 1)
        )
        found[name] = Device(
            name,
            box.site,
            f"10.{place >> 16}.{place >> 8 & 255}.{place & 255}",
            interfaces=ports,
            uplinks=box.uplinks,
            **({"power": box.feeds} if IS_RICH else {}),
        )
    return found


def _fibres(network: Network) -> dict[str, Fibre]:
    return {name: Fibre(name, ducts=ducts) if IS_RICH else Fibre(name, (*ducts, "")[0]) for name, ducts in network.fibres.items()}


def _power(network: Network) -> dict[str, Any]:
    if not IS_RICH:
        return {}
    from pipeline.core.inventory import Duct, Power  # noqa: PLC0415 - until the inventory has them

    return {
        "power": {feed: Power(feed, site) for site, feeds in network.sites.items() for feed in feeds},
        "ducts": {duct: Duct(duct) for ducts in network.fibres.values() for duct in ducts},
    }
