"""Pictures: everything that they show is there, nothing covers a name, hostile names stay text, and marks are those of the incident."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.cli.picture import write_picture
from pipeline.core.inventory import Circuit, Device, Interface, Inventory, Link, Service, Site
from pipeline.core.resource import ResourceId, ResourceKind
from pipeline.core.topology import Topology
from pipeline.drawing.incident import case_of
from pipeline.drawing.layers import MOST_IN_LANE, layers
from pipeline.drawing.mark import LOOKS, Case, Mark, marks
from pipeline.drawing.network_map import network_map
from pipeline.drawing.scene import Box, Curve, Scene, Text, shortened, width_of
from pipeline.drawing.svg import svg
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import inventory_dir
from tests.support.mesh import grid

LAB = load_inventory(inventory_dir())
GRAPH = Topology.of(LAB)
CUT = Case("1", (ResourceId("fibre/f-ams-rtm-1"),), frozenset({ResourceId("interface/ams-p1/et-0/0/0"), ResourceId("lsp/ams-rtm-a")}))
CUT_MARKS = marks(GRAPH, [CUT])


def node(graph: Topology, name: str) -> int:
    found = graph.node(ResourceId(name))
    assert found is not None
    return found


def boxes(scene: Scene, height: float) -> list[Box]:
    """Boxes that have a name and are of this height: those of devices or of resources."""
    return [shape for shape in scene.shapes if isinstance(shape, Box) and shape.title and shape.height == height]


def overlapping(shapes: Iterable[Box]) -> list[tuple[str, str]]:
    found = list(shapes)
    return [
        (one.title, other.title)
        for number, one in enumerate(found)
        for other in found[number + 1 :]
        if one.x < other.x + other.width and other.x < one.x + one.width and one.y < other.y + other.height and other.y < one.y + one.height
    ]


def texts_are_in(scene: Scene, box: Box) -> bool:
    """Whether a text whose middle is in a box is wholly in it."""
    inside = [
        text
        for text in scene.shapes
        if isinstance(text, Text) and text.anchor == "middle" and box.x < text.x < box.x + box.width and box.y < text.y < box.y + box.height
    ]
    halves = [width_of(text.text, text.size, bold=text.bold) / 2 for text in inside]
    return bool(inside) and all(
        box.x <= text.x - half and text.x + half <= box.x + box.width for text, half in zip(inside, halves, strict=True)
    )


NETWORKS = {"lab": LAB, "grid": grid(7, 7), "places": grid(7, 7, coordinates=True), "one": grid(1, 1)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_map_has_every_device_and_link_and_covers_none(name: str) -> None:
    """Each device's box with its name in it; sites apart; all within the picture."""
    inventory = NETWORKS[name]
    scene = network_map(inventory, {}, "Network", "")
    chips = boxes(scene, 22.0)
    assert {chip.title.partition(",")[0] for chip in chips} == set(inventory.devices)
    assert overlapping(chips) == []
    sites = [shape for shape in scene.shapes if isinstance(shape, Box) and shape.title.startswith("site ")]
    assert len(sites) == len({device.site for device in inventory.devices.values()})
    assert overlapping(sites) == []
    assert all(texts_are_in(scene, chip) for chip in chips)
    links = [shape for shape in scene.shapes if isinstance(shape, Curve) and shape.title.startswith("link ")]
    assert len(links) == len(inventory.links)
    assert all(box.x >= 0 and box.x + box.width <= scene.width and box.y >= 0 and box.y + box.height <= scene.height for box in sites)


def test_a_map_by_coordinates_has_the_north_above() -> None:
    """And the west on the left."""
    scene = network_map(LAB, {}, "Network", "")
    at = {chip.title.partition(",")[0]: chip for chip in boxes(scene, 22.0)}
    assert at["ams-p1"].y < at["rtm-p1"].y < at["bru-p1"].y < at["fra-p1"].y
    assert at["slo-ac1"].x < at["lon-p1"].x < at["rtm-p1"].x < at["fra-p1"].x


def test_parallel_links_are_seen_beside_each_other() -> None:
    """No two have the same way."""
    ports = tuple(Interface(name, number, 1) for number, name in enumerate("ab", 1))
    devices = {name: Device(name, "", f"192.0.2.{number}", interfaces=ports) for number, name in enumerate("pq", 1)}
    links = {end: Link(end, f"p/{end}", f"q/{end}") for end in "ab"}
    scene = network_map(Inventory("1", devices=devices, links=links), {}, "", "")
    ways = [shape.points for shape in scene.shapes if isinstance(shape, Curve) and shape.title.startswith("link ")]
    assert len(set(ways)) == 2


def test_an_empty_inventory_has_a_picture_that_says_so() -> None:
    """Rather than an error."""
    scene = network_map(Inventory("1"), {}, "Network", "")
    assert "the inventory has no devices" in {text.text for text in scene.shapes if isinstance(text, Text)}


def test_a_cut_fibre_is_seen_on_the_links_over_it() -> None:
    """Red, named; the device that can no longer be reached is marked too; the legend has what is there, and that only."""
    scene = network_map(LAB, CUT_MARKS, "Incident", "")
    red = {shape.title.partition(":")[0] for shape in scene.shapes if isinstance(shape, Curve) and shape.stroke == LOOKS[Mark.ROOT].line}
    over = {f"link {link.name}" for link in LAB.links.values() if "f-ams-rtm-1" in link.fibres}
    assert red == over
    told = {text.text for text in scene.shapes if isinstance(text, Text)}
    assert {"ams-p1--rtm-p1", Mark.ROOT, Mark.FOLLOWS} <= told
    assert Mark.MISSING not in told
    [cut_off] = [box for box in boxes(scene, 22.0) if box.title.startswith("ley-ac1")]
    assert cut_off.title.endswith(Mark.FOLLOWS)
    assert cut_off.fill == LOOKS[Mark.FOLLOWS].fill


@pytest.mark.parametrize(
    "name", ["service/nsx-vpn-1", "service/hmc-vpn-1", "fibre/f-ams-rtm-1", "device/ams-p1", "site/fra", "duct/d-rtm-bru"]
)
@pytest.mark.parametrize("marked", [{}, CUT_MARKS])
def test_layers_cover_nothing_and_go_up(name: str, marked: dict[ResourceId, Mark]) -> None:
    """No two boxes overlap, names are in them, and what needs something stands above it."""
    scene = layers(GRAPH, node(GRAPH, name), marked, name, "")
    found = boxes(scene, 30.0)
    assert overlapping(found) == []
    assert all(texts_are_in(scene, box) for box in found)
    at = {box.title.partition(":")[0]: box.y for box in found}
    assert name in at
    for above, y in at.items():
        number = GRAPH.node(ResourceId(above))
        for below in GRAPH.ancestors(number) if number is not None else ():
            assert y < at.get(GRAPH.names[below], y + 1)


def test_layers_leave_out_what_says_the_same_again() -> None:
    """No ports, no ends of links, no reachability; gates and the service's own interfaces are there."""
    scene = layers(GRAPH, node(GRAPH, "service/hmc-vpn-1"), {}, "", "")
    shown = {ResourceId(box.title) for box in boxes(scene, 30.0)}
    kinds = {GRAPH.kinds[node(GRAPH, name)] for name in shown}
    assert not kinds & {ResourceKind.PORT, ResourceKind.REACHABILITY}
    assert {"interface/dft-ac1/ge-0/1/0", "uplinks/dft-ac1", "tunnel/t-ams-rtm"} <= shown
    assert "interface/ams-p1/et-0/0/0" not in shown


def test_an_alarm_of_what_is_not_shown_is_seen_on_what_stands_for_it() -> None:
    """The end of a link alarmed: the link is marked as explained."""
    scene = layers(GRAPH, node(GRAPH, "service/hmc-vpn-1"), CUT_MARKS, "", "")
    titles = {box.title for box in boxes(scene, 30.0)}
    assert f"link/ams-p1--rtm-p1: {Mark.EXPLAINED}" in titles
    assert f"fibre/f-ams-rtm-1: {Mark.ROOT}" in titles
    assert f"tunnel/t-ams-rtm: {Mark.WEAKENED}" in titles


def test_a_root_cause_is_always_shown() -> None:
    """A port too."""
    marked = marks(GRAPH, [Case("1", (ResourceId("port/ams-p1/et-0/0/0"),))])
    titles = {box.title for box in boxes(layers(GRAPH, node(GRAPH, "service/hmc-vpn-1"), marked, "", ""), 30.0)}
    assert f"port/ams-p1/et-0/0/0: {Mark.ROOT}" in titles


def test_a_lane_that_is_too_full_is_cut() -> None:
    """What an incident touches stays; the rest is one box that counts it."""
    services = {f"s{number:02d}": Service(f"s{number:02d}", "c", "k", "ip", ("circuit/x",)) for number in range(50)}
    graph = Topology.of(Inventory("1", circuits={"x": Circuit("x")}, services=services))
    scene = layers(graph, node(graph, "circuit/x"), {ResourceId("service/s49"): Mark.FOLLOWS}, "", "")
    found = boxes(scene, 30.0)
    assert len(found) == MOST_IN_LANE + 1
    told = {text.text for text in scene.shapes if isinstance(text, Text)}
    assert f"{50 - MOST_IN_LANE + 1} more" in told
    assert "s49" in told


def test_a_circle_has_a_picture() -> None:
    """Two circuits that need each other are an error of the inventory, not of the drawing."""
    graph = Topology.of(Inventory("1", circuits={"a": Circuit("a", ("circuit/b",)), "b": Circuit("b", ("circuit/a",))}))
    assert len(boxes(layers(graph, node(graph, "circuit/a"), {}, "", ""), 30.0)) == 2


def test_marks_are_the_foremost_of_all_incidents() -> None:
    """Root before alarm before missing before what follows before lost redundancy; of two incidents too."""
    assert CUT_MARKS[ResourceId("fibre/f-ams-rtm-1")] is Mark.ROOT
    assert CUT_MARKS[ResourceId("lsp/ams-rtm-a")] is Mark.EXPLAINED
    assert CUT_MARKS[ResourceId("service/nsx-lowlat-1")] is Mark.FOLLOWS
    assert CUT_MARKS[ResourceId("service/hmc-vpn-1")] is Mark.WEAKENED
    assert ResourceId("service/vlg-internet-1") not in CUT_MARKS
    missing = replace(CUT, missing=frozenset({ResourceId("link/ams-p1--rtm-p1"), ResourceId("lsp/ams-rtm-a")}))
    both = marks(GRAPH, [missing, Case("2", (ResourceId("service/hmc-vpn-1"), ResourceId("unknown/x")))])
    assert both[ResourceId("link/ams-p1--rtm-p1")] is Mark.MISSING
    assert both[ResourceId("lsp/ams-rtm-a")] is Mark.EXPLAINED
    assert both[ResourceId("service/hmc-vpn-1")] is Mark.ROOT


def test_an_incident_becomes_a_case() -> None:
    """Its cause, the resources of its alarms, and what is missing if it says that."""
    made = case_of({"id": "8d7876c1-ffff", "root_cause": "fibre/f", "alarms": ["a"]}, [{"resource": "port/p/1"}])
    assert made == Case("8d7876c1", (ResourceId("fibre/f"),), frozenset({ResourceId("port/p/1")}))
    grounds = {"missing": {"first": ["lsp/x"], "total": 1}, "against": {"first": ["lsp/y"], "total": 1}, "weighed": True}
    told = case_of({"id": "1", "root_cause": "fibre/f", "grounds": grounds}, [])
    assert (told.missing, told.up) == ({"lsp/x"}, {"lsp/y"})


def test_what_is_known_to_be_up_does_not_follow() -> None:
    """Though the cause would take it down."""
    up = ResourceId("service/nsx-lowlat-1")
    assert CUT_MARKS[up] is Mark.FOLLOWS
    assert up not in marks(GRAPH, [replace(CUT, up=frozenset({up}))])


def test_alarms_that_were_only_grouped_have_no_cause() -> None:
    """The device that they are grouped by has not failed."""
    grouped = case_of({"id": "1", "root_cause": "device/ams-p1", "grounds": {"weighed": False}}, [{"resource": "device/ams-p1"}])
    assert marks(GRAPH, [grouped]) == {ResourceId("device/ams-p1"): Mark.EXPLAINED}


def test_a_map_does_not_depend_on_the_order_of_declarations() -> None:
    """The history gives them by name, files as people wrote them: one network, one picture."""
    turned = replace(
        LAB,
        devices=dict(sorted(LAB.devices.items(), reverse=True)),
        links=dict(sorted(LAB.links.items(), reverse=True)),
        sites=dict(sorted(LAB.sites.items(), reverse=True)),
    )
    one, other = (svg(network_map(inventory, {}, "", "")).splitlines() for inventory in (LAB, turned))
    assert sorted(one) == sorted(other)


HOSTILE = '"><script>alert(1)&\u202e\x00'


@pytest.mark.parametrize("is_page", [True, False])
def test_hostile_names_stay_text(is_page: bool) -> None:
    """Names come from other systems: they can be neither markup nor attributes, and no style stands within."""
    devices = {HOSTILE: Device(HOSTILE, HOSTILE, "192.0.2.1", role=HOSTILE), "b": Device("b", "s", "192.0.2.2")}
    links = {HOSTILE: Link(HOSTILE, f"{HOSTILE}/1", "b/1")}
    scene = network_map(Inventory("1", sites={HOSTILE: Site(HOSTILE)}, devices=devices, links=links), {}, HOSTILE, HOSTILE)
    text = svg(scene, is_page=is_page)
    root = ET.fromstring(text)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "title", "rect", "path", "text"}
    assert not any(name in {"style", "href", "class"} or name.startswith("on") for element in root.iter() for name in element.attrib)
    assert root.get("aria-label", "").startswith('"><script>alert(1)&\ufffd\ufffd')


def test_both_formats_are_written(tmp_path: Path) -> None:
    """The same picture as SVG and PNG, also where a name holds what matplotlib takes for mathematics; another ending is refused."""
    scene = network_map(grid(2, 2, name="$x^"), {}, "$\\frac", "")
    for suffix in ("svg", "PNG"):
        write_picture(scene, tmp_path / f"map.{suffix}")
    assert (tmp_path / "map.PNG").read_bytes().startswith(b"\x89PNG")
    assert "$x^" in (tmp_path / "map.svg").read_text()
    with pytest.raises(ValueError, match=r"does not end in \.svg or \.png"):
        write_picture(scene, tmp_path / "map.pdf")


def test_widths_are_those_of_the_widest_font() -> None:
    """As matplotlib's DejaVu Sans measures them, to a hundredth of the size for each character."""
    from matplotlib.font_manager import FontProperties, findfont  # noqa: PLC0415  # a second to import
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415  # as above

    for bold in (False, True):
        font = FT2Font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
        font.set_size(100, 72)
        for text in ("ams-pe1/ge-0/1/0", "Network of 12 sites", "WWWiii", "f-ams-rtm-1"):
            font.set_text(text)
            measured = font.get_width_height()[0] / 64
            assert measured * 0.97 <= width_of(text, 100, bold=bold) <= measured * 1.12


def test_long_names_are_shortened_in_the_middle() -> None:
    """Beginning and end tell them apart."""
    short = shortened("a-very-long-name-of-a-device-in-amsterdam-1", 12, 120)
    assert width_of(short, 12) <= 120
    assert short.startswith("a-very")
    assert short.endswith("dam-1")
    assert shortened("short", 12, 120) == "short"
