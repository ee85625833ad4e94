"""`assure topology path`: how two resources hang together, by what they need and over which links."""

from collections.abc import Iterator
from typing import Any

import click
from rich.text import Text

from pipeline.cli.output import console, json_option, plural, print_json, styled, table
from pipeline.cli.topology_tree import tree
from pipeline.cli.topology_view import Asked, find, view_options
from pipeline.core.inventory import Inventory
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from pipeline.core.topology_path import MOST_DISJOINT, LinkPath, Network, Shared, Ways, devices_of, effect, shared, shortest_ways

Json = dict[str, Any]
MOST_SHARED = 12
MOST_SHOWN = 6
"""Ways over links that a person is shown; JSON has them all."""


@click.command()
@click.argument("a")
@click.argument("b")
@view_options
@json_option
def path(*, a: str, b: str, asked: Asked, as_json: bool) -> None:
    """How A and B hang together.

    If one needs the other: all shortest ways by which it does, and what happens to it if the other fails. Else what both need. If both are
    at devices (a device, an interface, a site, a link): also all shortest ways over links between these, how many ways there are without a
    common link, and what parts them if it fails alone.

    \b
    assure topology path service/nsx-vpn-1 fibre/f-ams-rtm-1
    assure topology path ams-pe1 lon-pe1
    assure topology path service/hmc-vpn-1 service/dzr-vpn-1 --at 1d
    """
    seen = asked.view()
    graph = Topology.of(seen.inventory)
    one, other = find(graph, a), find(graph, b)
    lower, upper = (one, other) if other not in graph.descendants(one) else (other, one)
    ways = shortest_ways(graph.parents.__getitem__, lower, upper) if lower != upper else Ways()
    common = [] if ways.ways or one == other else shared(graph, one, other)
    links = _links(seen.inventory, graph, one, other)
    if as_json:
        print_json({**_json(graph, one, other, ways, common, links), **seen.json})
        return
    out = console()
    if seen.words:
        out.print(Text(seen.words, style="dim"))
    for part in (_dependency(graph, lower, upper, ways, (one, other), common), _over_links(links)):
        for each in part:
            out.print(each)


def _links(inventory: Inventory, graph: Topology, one: int, other: int) -> LinkPath | None:
    """The ways over links; ``None`` where one of the two is at no device, or both are at the same."""
    from_, to = (devices_of(inventory, graph.names[node]) for node in (one, other))
    if not from_ or not to or set(from_) & set(to):
        return None
    return Network(inventory, graph).path(from_, to)


def _dependency(graph: Topology, lower: int, upper: int, ways: Ways, asked: tuple[int, int], common: list[Shared]) -> Iterator[object]:
    names = [graph.names[node] for node in asked]
    if asked[0] == asked[1]:
        yield Text(f"{names[0]} is one and the same resource.")
    elif ways.ways:
        yield from _needs(graph, lower, upper, ways)
    elif not common:
        yield Text.assemble((names[0], "bold"), " and ", (names[1], "bold"), ": neither needs the other, and nothing is needed by both.")
    else:
        yield Text.assemble((names[0], "bold"), " and ", (names[1], "bold"), ": neither needs the other; both need")
        rows = [(each.resource, _state(each.a), _state(each.b)) for each in common]
        yield table(("if it fails", names[0], names[1]), rows[:MOST_SHARED])
        if len(rows) > MOST_SHARED:
            yield Text(f"and {len(rows) - MOST_SHARED} more: --json", style="dim")


def _needs(graph: Topology, lower: int, upper: int, ways: Ways) -> Iterator[object]:
    on_way = {node for way in ways.ways for node in way}
    more = " or more" if ways.is_cut else ""
    count = f"{plural(len(ways.ways), 'way')}{more} of {plural(ways.steps, 'step')}"
    yield Text.assemble((graph.names[lower], "bold"), " needs ", (graph.names[upper], "bold"), f", by {count}.")
    state = effect(graph, upper, lower)
    told = {
        ServiceState.DOWN: "takes it down",
        ServiceState.REDUNDANCY_LOST: "leaves it up, with redundancy lost",
        None: "leaves it as it is",
    }[state]
    yield Text.assemble(f"If {graph.names[upper]} fails alone, that ", (told, "bold red" if state is ServiceState.DOWN else "bold"), ".")
    yield ""
    yield tree(
        graph, lower, lambda node: [parent for parent in graph.parents[node] if parent in on_way], ways.steps, "needs", with_gates=True
    )


def _over_links(found: LinkPath | None) -> Iterator[object]:
    if found is None:
        return
    yield ""
    if not found.ways:
        yield Text("No way over links leads from one to the other.")
        return
    first, last = found.ways[0][0].a, found.ways[0][-1].b
    disjoint = f"{found.disjoint}{' or more' if found.disjoint == MOST_DISJOINT else ''}"
    ways = f"{plural(len(found.ways), 'shortest way')}{' or more' if found.is_cut else ''} of {plural(len(found.ways[0]), 'link')}"
    yield Text.assemble("From ", (first, "bold"), " to ", (last, "bold"), f": {ways}; {disjoint} without a common link.")
    if found.cut_by:
        yield Text.assemble("Any of these parts them if it fails alone: ", (", ".join(found.cut_by), "bold red"))
    else:
        yield Text("Nothing on the way parts them if it fails alone.")
    yield ""
    rows = [
        (str(number) if not step else "", hop.a, hop.b, ", ".join(hop.links))
        for number, way in enumerate(found.ways[:MOST_SHOWN], 1)
        for step, hop in enumerate(way)
    ]
    yield table(("way", "from", "to", "link"), rows)
    if len(found.ways) > MOST_SHOWN:
        yield Text(f"and {len(found.ways) - MOST_SHOWN} more: --json", style="dim")


def _state(state: ServiceState | None) -> Text:
    return styled(state.value) if state else Text("goes on", style="dim")


def _json(graph: Topology, one: int, other: int, ways: Ways, common: list[Shared], links: LinkPath | None) -> Json:
    names: list[list[ResourceId]] = [[graph.names[node] for node in way] for way in ways.ways]
    found: Json = {"a": graph.names[one], "b": graph.names[other], "ways": names, "is_cut": ways.is_cut}
    if names:
        found["effect"] = effect(graph, ways.ways[0][-1], ways.ways[0][0])
    found["shared"] = [{"resource": each.resource, "a": each.a, "b": each.b} for each in common]
    if links is not None:
        hops = [[{"from": hop.a, "to": hop.b, "links": hop.links} for hop in way] for way in links.ways]
        found["links"] = {"ways": hops, "is_cut": links.is_cut, "disjoint": links.disjoint, "cut_by": links.cut_by}
    return found
