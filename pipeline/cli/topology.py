"""`assure topology`: what depends on what, and who would suffer; from the inventory alone, nothing needs to run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Group as Stack
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, console, fail, json_option, plural, print_json, styled, table
from pipeline.cli.sources import conflicts, fetch, sources
from pipeline.config.problem import did_you_mean
from pipeline.core.impact import felt_by
from pipeline.core.inventory import Inventory, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.resource import DERIVED, ResourceId, name_of
from pipeline.core.topology import Topology
from pipeline.inventory.files import load_inventory
from pipeline.inventory.present import load_present

Json = dict[str, Any]
WORST_FIRST = (ServiceState.DOWN, ServiceState.DEGRADED, ServiceState.REDUNDANCY_LOST)
TIERS = tuple(Tier)

inventory_option = click.option(
    "--inventory", type=click.Path(path_type=Path, exists=True, file_okay=False), help="This inventory folder instead of the settings' one."
)


@click.group(cls=Group)
def topology() -> None:
    """What depends on what, from the inventory: nothing needs to run.

    A resource is kind/name, as in alarms: fibre/f1, port/pe1/ge-0/0/1, service/acme-vpn-1. The name alone is enough where only one
    resource has it.

    \b
    assure topology show service/nsx-lowlat-1
    assure topology impact fibre/f-ams-rtm-1
    """


for command in (fetch, sources, conflicts):
    topology.add_command(command)


@topology.command()
@click.argument("resource")
@config_option
@inventory_option
@click.option("--depth", type=click.IntRange(1, 20), default=4, show_default=True, help="Levels to show; --depth 20 for all.")
@json_option
def show(*, resource: str, config: Path | None, inventory: Path | None, depth: int, as_json: bool) -> None:
    """What RESOURCE needs, and what needs it.

    \b
    assure topology show tunnel/t-ams-rtm
    assure topology show f-ams-rtm-1 --depth 20
    """
    graph = Topology.of(_inventory(config, inventory))
    node = find(graph, resource)
    if as_json:
        names = {"needs": graph.parents[node], "needed_by": graph.children[node]}
        print_json({"resource": graph.names[node], **{key: [graph.names[each] for each in nodes] for key, nodes in names.items()}})
        return
    needs = tree(graph, node, graph.parents.__getitem__, depth, "needs", with_gates=True)
    needed = tree(graph, node, graph.children.__getitem__, depth, "is needed by", with_gates=False)
    console().print(Stack(needs, "", needed))


@topology.command()
@click.argument("resources", nargs=-1, required=True, metavar="RESOURCE...")
@config_option
@inventory_option
@click.option("--degraded", is_flag=True, help="They work badly, rather than not at all.")
@json_option
def impact(*, resources: tuple[str, ...], config: Path | None, inventory: Path | None, degraded: bool, as_json: bool) -> None:
    """Which services suffer if the RESOURCEs fail.

    All fail at once; services are in order of their customers' tiers. Down: it fails. Redundancy-lost: it goes on, but the next
    failure takes it down. Assumes that all else works.

    \b
    assure topology impact fibre/f-ams-rtm-1
    assure topology impact fibre/f-ams-rtm-1 device/lon-p1
    """
    declared = _inventory(config, inventory)
    graph = Topology.of(declared)
    roots = [graph.names[find(graph, resource)] for resource in resources]
    found = impacts(declared, graph, roots, down=not degraded)
    if as_json:
        print_json([{"tier": i.tier, "customer": i.customer, "service": i.service, "state": i.state} for i in found])
        return
    verb = ("works" if len(roots) == 1 else "work") + " badly" if degraded else "fails" if len(roots) == 1 else "fail"
    out = console()
    out.print(Text.assemble("If ", (" and ".join(roots), "bold"), f" {verb}: {summary(found)}"))
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
        for service, state in felt_states.items():
            worst[service] = min(worst.get(service, state), state, key=WORST_FIRST.index)
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


def find(graph: Topology, resource: str) -> int:
    """The node of a resource by its id, or by its name where only one has it; ends with the nearest name when there is none."""
    node = graph.node(ResourceId(resource))
    if node is not None:
        return node
    named = [number for number, name in enumerate(graph.names) if name_of(name) == resource and graph.kinds[number] not in DERIVED]
    if len(named) == 1:
        return named[0]
    if named:
        fail(f"several resources are called {resource}: {', '.join(graph.names[number] for number in named)}", Exit.NOT_FOUND)
    near = did_you_mean(resource, graph.names) or did_you_mean(resource, map(name_of, graph.names))
    return fail(
        f"the inventory has no resource {resource}; {near or 'write it as kind/name: device/pe1, fibre/f1, service/s1'}", Exit.NOT_FOUND
    )


def tree(graph: Topology, node: int, edges: Callable[[int], Iterable[int]], depth: int, words: str, *, with_gates: bool) -> RenderableType:
    """Everything reached over ``edges``, each node opened once, ``depth`` levels deep."""
    if not list(edges(node)):
        return Text.assemble((graph.names[node], "bold"), f" {words} nothing")
    made = Tree(
        Text.assemble((graph.names[node], "bold"), f" {words}", (_gate(graph, node) if with_gates else "", "dim")), guide_style="dim"
    )
    opened = {node}

    def grow(branch: Tree, parent: int, left: int) -> None:
        for child in edges(parent):
            has_more = any(True for _ in edges(child))
            closed = has_more and (child in opened or left == 1)
            note = (" (see above)" if child in opened else " ...") if closed else _gate(graph, child) if with_gates else ""
            twig = branch.add(Text.assemble(str(graph.names[child]), (note, "dim")))
            if has_more and not closed:
                opened.add(child)
                grow(twig, child, left - 1)

    grow(made, node, depth)
    return made


def _gate(graph: Topology, node: int) -> str:
    """What a protected resource can do without: ``, 1 of 2 is enough``."""
    parents, need = len(graph.parents[node]), graph.need[node]
    return f", {parents - need + 1} of {parents} enough" if need > 1 else ""


def _inventory(config: Path | None, folder: Path | None) -> Inventory:
    return load_inventory(folder) if folder else load_present(read_settings(config))
