"""`assure topology`: what depends on what, and who would suffer; now, or as it was at any time that the history knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Group as Stack
from rich.text import Text

from pipeline.cli.group import Group
from pipeline.cli.output import console, json_option, plural, print_json, styled, table
from pipeline.cli.sources import conflicts, fetch, sources
from pipeline.cli.topology_diff import diff
from pipeline.cli.topology_draw import draw
from pipeline.cli.topology_path import path
from pipeline.cli.topology_tree import tree
from pipeline.cli.topology_view import Asked, View, declared, facts, find, view_options
from pipeline.core.impact import felt_by
from pipeline.core.inventory import Inventory, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from pipeline.core.topology_difference import gate

Json = dict[str, Any]
WORST_FIRST = (ServiceState.DOWN, ServiceState.DEGRADED, ServiceState.REDUNDANCY_LOST)
TIERS = tuple(Tier)


@click.group(cls=Group)
def topology() -> None:
    """What depends on what, from the inventory: nothing needs to run.

    A resource is kind/name, as in alarms: fibre/f1, port/pe1/ge-0/0/1, service/acme-vpn-1. The name alone is enough where only one
    resource has it. With --at the inventory as it was then is asked of the history, which needs the store.

    \b
    assure topology show service/nsx-lowlat-1
    assure topology impact fibre/f-ams-rtm-1 --at 2h
    assure topology path ams-pe1 lon-pe1
    assure topology diff --from 1d
    assure topology draw --out network.svg
    """


for command in (path, diff, draw, fetch, sources, conflicts):
    topology.add_command(command)


@topology.command()
@click.argument("resource")
@view_options
@click.option("--depth", type=click.IntRange(1, 20), default=4, show_default=True, help="Levels to show; --depth 20 for all.")
@json_option
def show(*, resource: str, asked: Asked, depth: int, as_json: bool) -> None:
    """What RESOURCE needs, and what needs it.

    \b
    assure topology show tunnel/t-ams-rtm
    assure topology show f-ams-rtm-1 --depth 20
    assure topology show f-ams-rtm-1 --at 2026-11-23T10:00:00Z
    """
    seen = asked.view()
    graph = Topology.of(seen.inventory)
    node = find(graph, resource)
    if as_json:
        print_json(shown(seen, graph, node))
        return
    needs = tree(graph, node, graph.parents.__getitem__, depth, "needs", with_gates=True)
    needed = tree(graph, node, graph.children.__getitem__, depth, "is needed by", with_gates=False)
    about = ", ".join(filter(None, (facts(seen.inventory, graph.names[node]), seen.words)))
    if about:
        console().print(Text(f"{graph.names[node]}: {about}\n", style="dim"))
    console().print(Stack(needs, "", needed))


def shown(seen: View, graph: Topology, node: int) -> Json:
    """A resource for scripts: with its neighbours, how sure each edge is, and where it is from."""
    entry = declared(seen.inventory, graph.names[node])
    own = {key: getattr(entry, key, None) for key in ("source", "confidence", "valid_from", "valid_until")}
    needs = {graph.names[each]: graph.edge_confidence(each, node) for each in graph.parents[node]}
    needed = {graph.names[each]: graph.edge_confidence(node, each) for each in graph.children[node]}
    doubtful = {"needs": needs, "needed_by": needed}
    return {
        "resource": graph.names[node],
        "needs": list(needs),
        "needed_by": list(needed),
        "enough": gate(graph, node),
        "doubtful": {key: {name: sure for name, sure in found.items() if sure < 1} for key, found in doubtful.items()},
        **own,
        **seen.json,
    }


@topology.command()
@click.argument("resources", nargs=-1, required=True, metavar="RESOURCE...")
@view_options
@click.option("--degraded", is_flag=True, help="They work badly, rather than not at all.")
@json_option
def impact(*, resources: tuple[str, ...], asked: Asked, degraded: bool, as_json: bool) -> None:
    """Which services suffer if the RESOURCEs fail.

    All fail at once; services are in order of their customers' tiers. Down: it fails. Redundancy-lost: it goes on, but the next
    failure takes it down. Assumes that all else works.

    \b
    assure topology impact fibre/f-ams-rtm-1
    assure topology impact fibre/f-ams-rtm-1 device/lon-p1
    assure topology impact power/ams-a --at 1d
    """
    seen = asked.view()
    graph = Topology.of(seen.inventory)
    roots = [graph.names[find(graph, resource)] for resource in resources]
    found = impacts(seen.inventory, graph, roots, down=not degraded)
    if as_json:
        print_json([{"tier": i.tier, "customer": i.customer, "service": i.service, "state": i.state} for i in found])
        return
    verb = ("works" if len(roots) == 1 else "work") + " badly" if degraded else "fails" if len(roots) == 1 else "fail"
    out = console()
    told = f" ({seen.words})" if seen.words else ""
    out.print(Text.assemble("If ", (" and ".join(roots), "bold"), f" {verb}: {summary(found)}{told}"))
    if found:
        out.print(
            table(("tier", "customer", "service", "state"), ((styled(i.tier), i.customer, i.service, styled(i.state)) for i in found))
        )


@dataclass(frozen=True, slots=True)
class Suffers:
    """A service that would feel a failure, with its customer's display name and tier."""

    tier: str
    customer: str
    service: str
    state: str


def impacts(inventory: Inventory, graph: Topology, roots: Sequence[ResourceId], *, down: bool) -> list[Suffers]:
    """The services that would feel it, by tier, then the worst first. What a service loses to several roots counts once, as the worst."""
    felt = felt_by(graph, [(root, root, down) for root in roots])
    worst: dict[str, ServiceState] = {}
    for felt_states in felt.values():
        for service, loss in felt_states.items():
            worst[service] = min(worst.get(service, loss.state), loss.state, key=WORST_FIRST.index)
    found = [_suffers(inventory, service, state) for service, state in worst.items()]
    order = [state.value for state in WORST_FIRST]
    return sorted(found, key=lambda i: (TIERS.index(Tier(i.tier)), order.index(i.state), i.customer, i.service))


def _suffers(inventory: Inventory, service: str, state: ServiceState) -> Suffers:
    customer = inventory.customers.get(inventory.services[service].customer)
    if customer is None:
        return Suffers(TIERS[-1].value, inventory.services[service].customer, service, state.value)
    return Suffers(customer.tier.value, customer.display_name, service, state.value)


def summary(found: Sequence[Suffers]) -> str:
    """``2 services down, 5 redundancy-lost, of 4 customers``."""
    counts = [(state.value, sum(i.state == state.value for i in found)) for state in WORST_FIRST]
    told = ", ".join(f"{count} {state}" for state, count in counts if count)
    return f"services {told}, of {plural(len({i.customer for i in found}), 'customer')}" if told else "no service feels it"
