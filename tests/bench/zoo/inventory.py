"""The product's inventory of a network, as its operator would declare it."""

from pipeline.core.inventory import Customer, Device, Duct, Fibre, Interface, Inventory, Link, Lsp, Power, Service, Site, Tier, Tunnel
from tests.bench.zoo.network import Box, Network

TIERS = tuple(Tier)


def inventory_of(network: Network) -> Inventory:
    """Everything declared. Routers are managed out of band, access devices through their uplinks."""
    return Inventory(
        version=f"zoo-{network.name}",
        sites={name: Site(name) for name in network.sites},
        power={feed: Power(feed, site) for site, feeds in network.sites.items() for feed in feeds},
        devices={name: _device(name, box, place) for place, (name, box) in enumerate(network.boxes.items())},
        ducts={duct: Duct(duct) for ducts in network.fibres.values() for duct in ducts},
        fibres={name: Fibre(name, ducts=ducts) for name, ducts in network.fibres.items()},
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
    )


def _device(name: str, box: Box, place: int) -> Device:
    ports = tuple(Interface(port, index, 10_000, card=card) for index, (port, card) in enumerate(box.ports.items(), 1))
    address = f"10.{place >> 16}.{place >> 8 & 255}.{place & 255}"
    return Device(name, box.site, address, interfaces=ports, uplinks=box.uplinks, power=box.feeds)
