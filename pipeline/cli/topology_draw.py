"""`assure topology draw`: the network as a map, or what one resource needs in layers, as SVG or PNG."""

from pathlib import Path
from typing import Any

import click

from pipeline.cli.output import Exit, clock, fail, plural
from pipeline.cli.picture import SUFFIXES, write_picture
from pipeline.cli.show import reader
from pipeline.cli.topology_view import Asked, View, find, view_options
from pipeline.core.topology import Topology
from pipeline.drawing.incident import case_of
from pipeline.drawing.layers import layers
from pipeline.drawing.mark import Case, marks
from pipeline.drawing.network_map import network_map
from pipeline.drawing.scene import Scene
from pipeline.drawing.wording import incident_words, map_words, resource_words

Json = dict[str, Any]
MOST_DEVICES = 400
"""A map of more is no picture."""


@click.command()
@click.argument("resource", required=False)
@click.option("-o", "--out", "out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write: .svg or .png.")
@click.option("--incident", "incident", help="Colour what this incident touches: its id, or the beginning of it.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@view_options
def draw(*, resource: str | None, out: Path, incident: str | None, force: bool, asked: Asked) -> None:
    """Draw the network, or what hangs together with RESOURCE.

    The network is a map of sites, devices and links: by the sites' coordinates, or else by how they are linked. What one resource needs
    stands in layers, sites and power at the bottom, services at the top. With --incident the root cause is red, alarms it explains
    orange, what is down without an alarm pale, and lost redundancy violet; it is drawn as the inventory was then, if that is known.

    \b
    assure topology draw --out network.svg
    assure topology draw service/nsx-vpn-1 --out vpn.png
    assure topology draw --incident 8d7876c1 --out incident.svg
    assure topology draw fibre/f-ams-rtm-1 --at 1d --out before.png
    """
    if out.suffix.lower() not in SUFFIXES:
        fail(f"{out.name} does not end in {' or '.join(SUFFIXES)}: the ending says what is written", Exit.USAGE)
    if out.exists() and not force:
        fail(f"{out} is there already; --force replaces it", Exit.USAGE)
    found, case = _incident(asked.config, incident) if incident else (None, None)
    seen = _seen(asked, found)
    scene = _scene(seen, resource, case, incident_words(found) if found else "")
    try:
        write_picture(scene, out)
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror or error}", Exit.USAGE)
    click.echo(f"{out}: {scene.title}")


def _incident(config: Path | None, incident: str) -> tuple[Json, Case]:
    """The incident, and as a picture shows it."""
    with reader(config) as read:
        found = read.incident(incident)
        alarms = read.alarms_of(found["alarms"]) if found else []
    if found is None:
        fail(f"there is no one incident that begins with {incident}; ids: `assure incidents`", Exit.NOT_FOUND)
    return found, case_of(found, alarms)


def _seen(asked: Asked, incident: Json | None) -> View:
    """The inventory that is asked for; for an incident the one that it names; when that is not known, with a word, the present one."""
    if incident is None or asked != Asked(asked.config):
        return asked.view()
    then = asked.view_of(incident.get("topology_version", ""), incident["started_at"])
    if then is None:
        click.echo(f"The inventory of {clock(incident['started_at'])} is not in the history: drawn as it is now.", err=True)
        return asked.view()
    return then


def _scene(seen: View, resource: str | None, case: Case | None, about: str) -> Scene:
    graph = Topology.of(seen.inventory)
    marked = marks(graph, [case] if case else [])
    if resource is not None:
        focus = find(graph, resource)
        title, subtitle = resource_words(graph, focus, seen.inventory, seen.words)
        return layers(graph, focus, marked, title, about or subtitle)
    if len(seen.inventory.devices) > MOST_DEVICES:
        count = plural(len(seen.inventory.devices), "device")
        fail(f"{count} are no picture: name a RESOURCE, whose surroundings are drawn", Exit.USAGE)
    title, subtitle = map_words(seen.inventory, seen.words)
    return network_map(seen.inventory, marked, about or title, subtitle)
