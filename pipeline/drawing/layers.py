"""What one resource needs, and what needs it, in layers: sites, power and fibres at the bottom, services at the top.

A layered drawing (Sugiyama, Tagawa and Toda, 1981): each kind has its lane, lines over several lanes run between the boxes of those in the
middle, boxes are put in the order in which the fewest lines cross, and as straight above what they need as there is room.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.core.resource import DERIVED, ResourceId, ResourceKind, kind_of, name_of
from pipeline.core.topology import Topology
from pipeline.core.topology_difference import gate
from pipeline.drawing.lane import THREAD, Node, lanes_of, order
from pipeline.drawing.legend import Item, framed, item
from pipeline.drawing.mark import LOOKS, ORDER, PLAIN, Mark, look
from pipeline.drawing.placing import in_row
from pipeline.drawing.scene import INK, MUTED, Box, Curve, Point, Scene, Shape, Stroke, Text, shortened, straight, width_of

FONT, SMALL = 12.0, 10.0
HEIGHT, LANE_GAP, ROW_GAP = 30.0, 44.0, 28.0
PADDING, GAP = 9.0, 16.0
WIDEST = 190.0
MOST_IN_LANE = 18
"""Boxes of one lane; the rest of it becomes one box that says how many they are."""
WIDEST_ROW = 1_450.0
"""Pixels from which on the boxes of a lane stand in two rows or more."""
_SETTLINGS = 30
_STEP, _ROW_STEP = 1_000, 100
"""Between the ranks of two lanes, and of two rows of one; things of one kind that need each other stand one apart."""
_LOOSE, _HALF, _STIFF = 1.0, 2.0, 6.0
"""How much a line wants to be upright: between boxes, from a box to a bend, between bends."""

LANES: tuple[dict[ResourceKind, str], ...] = (
    {ResourceKind.REGION: "regions"},
    {ResourceKind.SITE: "sites"},
    {ResourceKind.POWER: "power", ResourceKind.DUCT: "ducts"},
    {ResourceKind.SUPPLY: "supplies", ResourceKind.FIBRE: "fibres"},
    {ResourceKind.DEVICE: "devices"},
    {ResourceKind.CARD: "cards", ResourceKind.COMPONENT: "components"},
    {ResourceKind.PORT: "ports"},
    {ResourceKind.INTERFACE: "interfaces"},
    {ResourceKind.LINK: "links"},
    {ResourceKind.UPLINKS: "uplinks", ResourceKind.REACHABILITY: "reachability"},
    {ResourceKind.LSP: "LSPs", ResourceKind.PEER: "peers"},
    {ResourceKind.TUNNEL: "tunnels"},
    {ResourceKind.CIRCUIT: "circuits"},
    {ResourceKind.DEPENDENCY: "dependencies", ResourceKind.SYSTEM: "systems", ResourceKind.UNKNOWN: "others"},
    {ResourceKind.SERVICE: "services"},
    {ResourceKind.CUSTOMER: "customers"},
)
"""Lanes from the bottom up, with the kinds in each and their names."""
_LANE_OF = {kind: number for number, kinds in enumerate(LANES) for kind in kinds}
_FOCUS = Stroke(INK, 2.4)
_NEED, _SPARE = Stroke("#7b828c", 1.3), Stroke("#7b828c", 1.3, (5, 3))


@dataclass(frozen=True, slots=True)
class _Edge:
    """That the last of ``way`` needs the first, over the bends between; ``is_spare`` if it can do without."""

    way: tuple[int, ...]
    is_spare: bool
    confidence: float
    mark: Mark | None


def layers(graph: Topology, focus: int, marked: Mapping[ResourceId, Mark], title: str, subtitle: str) -> Scene:
    """Draw all that ``focus`` needs and all that needs it; those of an incident in its colours."""
    shown = _shown(graph, focus, marked)
    marked = _with_hidden(graph, shown, marked)
    needs = {node: _needs(graph, node, shown) for node in shown}
    merged, needs = _merged(graph, shown, needs, focus, marked)
    ranks = _ranks(graph, merged, needs)
    nodes, edges = _laid(graph, merged, ranks, needs, marked)
    lanes = lanes_of(nodes)
    order(nodes, lanes)
    if _in_rows(nodes, lanes, ranks, list(merged)):
        nodes, edges = _laid(graph, merged, ranks, needs, marked)
        lanes = lanes_of(nodes)
        order(nodes, lanes)
    _place(nodes, lanes)
    left = max(width_of(_lane_name(nodes, lane), SMALL, bold=True) for lane in lanes) + 26
    shapes = [*_lane_shapes(nodes, lanes, left), *_edge_shapes(nodes, edges), *_box_shapes(nodes, graph.names[focus], marked)]
    size = left + max(node.x + node.width / 2 for node in nodes), max(node.y for node in nodes) + HEIGHT
    return framed([_shifted(shape, left) for shape in shapes], size, title, subtitle, _legend(nodes, edges, marked))


# which resources are shown


def _shown(graph: Topology, focus: int, marked: Mapping[ResourceId, Mark]) -> set[int]:
    """All that hangs together with ``focus``, without what only says the same again: ports, ends of links, reachability."""
    around = {focus, *graph.ancestors(focus), *graph.descendants(focus)}
    below = {node: [child for child in graph.children[node] if child in around] for node in around}

    def hidden(node: int) -> bool:
        kind = graph.kinds[node]
        if node == focus or marked.get(graph.names[node]) is Mark.ROOT:
            return False
        if kind is ResourceKind.PORT:
            return graph.need[node] == 1
        if kind is ResourceKind.INTERFACE:
            return bool(below[node]) and all(graph.kinds[child] is ResourceKind.LINK for child in below[node])
        return kind is ResourceKind.REACHABILITY or (kind is ResourceKind.UPLINKS and all(hidden(child) for child in below[node]))

    return {node for node in around if not hidden(node)}


def _with_hidden(graph: Topology, shown: Collection[int], marked: Mapping[ResourceId, Mark]) -> dict[ResourceId, Mark]:
    """The marks, those of what is not shown told of what stands for it: the next thing above."""
    found = dict(marked)
    for name, mark in marked.items():
        node = graph.node(name)
        if node is None or node in shown:
            continue
        for child in _nearest(graph.children, node, shown):
            if graph.names[child] in marked:
                found[graph.names[child]] = min(mark, found[graph.names[child]], key=ORDER.index)
    return found


def _needs(graph: Topology, node: int, shown: Collection[int]) -> dict[int, float]:
    """What a node needs of what is shown, through what is not, and how sure that is."""
    found: dict[int, float] = {}
    for parent in graph.parents[node]:
        sure = graph.edge_confidence(parent, node)
        for other in [parent] if parent in shown else _nearest(graph.parents, parent, shown):
            found[other] = max(sure, found.get(other, 0.0))
    indirect = {above for other in found for above in graph.ancestors(other)}
    return {other: sure for other, sure in found.items() if other not in indirect or other in graph.parents[node]}


def _nearest(edges: Sequence[Iterable[int]], start: int, shown: Collection[int]) -> list[int]:
    found: dict[int, None] = {}
    seen, waiting = {start}, [start]
    while waiting:
        for other in edges[waiting.pop()]:
            if other in shown:
                found[other] = None
            elif other not in seen:
                seen.add(other)
                waiting.append(other)
    return list(found)


def _merged(
    graph: Topology, shown: Collection[int], needs: dict[int, dict[int, float]], focus: int, marked: Mapping[ResourceId, Mark]
) -> tuple[dict[int, str], dict[int, dict[int, float]]]:
    """The boxes with their labels, lanes that are too full cut: the rest of one becomes a box with a negative number."""
    by_lane: dict[int, list[int]] = {}
    for node in sorted(shown, key=lambda each: graph.names[each]):
        by_lane.setdefault(_LANE_OF[graph.kinds[node]], []).append(node)
    stands_for: dict[int, int] = {}
    labels: dict[int, str] = {}
    for lane, nodes in by_lane.items():
        ranked = sorted(nodes, key=lambda node: (node != focus, _weight(marked.get(graph.names[node])), -len(needs[node])))
        kept = set(ranked[: MOST_IN_LANE - 1] if len(ranked) > MOST_IN_LANE else ranked)
        several = len({graph.kinds[node] for node in nodes}) > 1
        for node in nodes:
            stands_for[node] = node if node in kept else -1 - lane
            if node in kept:
                labels[node] = _label(graph, node, with_kind=several or graph.kinds[node] in DERIVED)
        if len(kept) < len(nodes):
            labels[-1 - lane] = f"{len(nodes) - len(kept)} more"
    found: dict[int, dict[int, float]] = {node: {} for node in labels}
    for node, own in needs.items():
        for parent, sure in own.items():
            one, other = stands_for[node], stands_for[parent]
            if one != other:
                found[one][other] = max(sure, found[one].get(other, 0.0))
    return labels, found


def _weight(mark: Mark | None) -> int:
    return len(ORDER) if mark is None else ORDER.index(mark)


def _label(graph: Topology, node: int, *, with_kind: bool) -> str:
    return str(graph.names[node]) if with_kind else name_of(graph.names[node])


# lanes, order and places


def _laid(
    graph: Topology,
    labels: Mapping[int, str],
    ranks: Mapping[int, int],
    needs: Mapping[int, Mapping[int, float]],
    marked: Mapping[ResourceId, Mark],
) -> tuple[list[Node], list[_Edge]]:
    """Boxes and bends: the boxes first, in the order of ``labels``."""
    nodes: list[Node] = []
    number: dict[int, int] = {}
    for node, label in labels.items():
        number[node] = len(nodes)
        note = f"{gate(graph, node)} enough" if node >= 0 and graph.need[node] > 1 else ""
        short = shortened(label, FONT, WIDEST - 2 * PADDING)
        width = max(width_of(short, FONT), width_of(note, SMALL)) + 2 * PADDING
        nodes.append(Node(short, ranks[node], graph.names[node] if node >= 0 else None, note, width))
    levels = sorted(set(ranks.values()))
    edges = []
    for node, own in needs.items():
        for parent, sure in own.items():
            way = [number[parent]]
            for level in levels[levels.index(ranks[parent]) + 1 : levels.index(ranks[node])]:
                way.append(len(nodes))
                nodes.append(Node("", level))
            way.append(number[node])
            spare = node >= 0 and graph.need[node] > 1
            edges.append(_Edge(tuple(way), spare, sure, _edge_mark(graph, parent, node, marked)))
            if ranks[parent] < ranks[node]:
                for low, high in pairwise(way):
                    nodes[low].above.append(high)
                    nodes[high].below.append(low)
    return nodes, edges


def _edge_mark(graph: Topology, parent: int, node: int, marked: Mapping[ResourceId, Mark]) -> Mark | None:
    """A line by which a failure goes on, or by which redundancy is lost."""
    if parent < 0 or node < 0:
        return None
    above, below = marked.get(graph.names[parent]), marked.get(graph.names[node])
    return below if above is not None and below is not None and (above is not Mark.WEAKENED or below is Mark.WEAKENED) else None


def _ranks(graph: Topology, labels: Iterable[int], needs: Mapping[int, Mapping[int, float]]) -> dict[int, int]:
    """The lane of each box, raised above what it needs where that stands in the same lane or a higher one. A cycle is left as it is."""
    found: dict[int, int] = {}
    open_: set[int] = set()

    def rank(node: int) -> int:
        if node in found or node in open_:
            return found.get(node, 0)
        open_.add(node)
        lane = -1 - node if node < 0 else _LANE_OF[graph.kinds[node]]
        found[node] = max([lane * _STEP, *(rank(parent) + 1 for parent in needs[node])])
        open_.discard(node)
        return found[node]

    for node in labels:
        rank(node)
    return found


def _in_rows(nodes: Sequence[Node], lanes: Sequence[Sequence[int]], ranks: dict[int, int], boxes: Sequence[int]) -> bool:
    """Raise the ranks of boxes where a lane is too wide for one row, in turn as they stand; whether there was any."""
    is_any = False
    for lane in lanes:
        own = [node for node in lane if nodes[node].is_box]
        rows = math.ceil(sum(nodes[node].width + GAP for node in own) / WIDEST_ROW)
        for position, node in enumerate(own if rows > 1 else ()):
            ranks[boxes[node]] += position % rows * _ROW_STEP
            is_any = True
    return is_any


def _place(nodes: Sequence[Node], lanes: Sequence[Sequence[int]]) -> None:
    """Give each node its place: lanes above each other, in each lane in order, near its neighbours."""
    _raise(nodes, lanes)
    distances = [[_distance(nodes[one], nodes[other]) for one, other in pairwise(lane)] for lane in lanes]
    for lane, between in zip(lanes, distances, strict=True):
        for node, x in zip(lane, in_row([0.0] * len(lane), between), strict=True):
            nodes[node].x = x
    for settling in range(_SETTLINGS):
        turns = range(len(lanes)) if settling % 2 == 0 else range(len(lanes) - 1, -1, -1)
        for number in turns:
            wanted = [_wanted(nodes, node) for node in lanes[number]]
            xs = in_row([x for x, _ in wanted], distances[number], [weight for _, weight in wanted])
            for node, x in zip(lanes[number], xs, strict=True):
                nodes[node].x = x
    leftmost = min(node.x - node.width / 2 for node in nodes)
    for each in nodes:
        each.x -= leftmost


def _raise(nodes: Sequence[Node], lanes: Sequence[Sequence[int]]) -> None:
    """Put each lane above the one before."""
    height = 0.0
    for number, lane in enumerate(lanes):
        if number:
            height -= HEIGHT + (ROW_GAP if _same_lane(nodes, lanes[number - 1], lane) else LANE_GAP)
        for node in lane:
            nodes[node].y = height
    for each in nodes:
        each.y -= height


def _wanted(nodes: Sequence[Node], node: int) -> tuple[float, float]:
    """Where a node would stand best, and how much that matters."""
    weights = [(other, _stiffness(nodes[node], nodes[other])) for other in (*nodes[node].below, *nodes[node].above)]
    total = sum(weight for _, weight in weights)
    return (sum(nodes[other].x * weight for other, weight in weights) / total, total) if total else (nodes[node].x, _LOOSE)


def _stiffness(one: Node, other: Node) -> float:
    return (_STIFF, _HALF, _LOOSE)[one.is_box + other.is_box]


def _distance(one: Node, other: Node) -> float:
    """Between the middles of two neighbours."""
    return (one.width + other.width) / 2 + GAP if one.is_box or other.is_box else THREAD


def _same_lane(nodes: Sequence[Node], one: Sequence[int], other: Sequence[int]) -> bool:
    return nodes[one[0]].rank // _STEP == nodes[other[0]].rank // _STEP


# what is drawn


def _lane_name(nodes: Sequence[Node], lane: Sequence[int]) -> str:
    """``power and ducts``: the kinds of a lane that are there."""
    kinds = LANES[nodes[lane[0]].rank // _STEP]
    present = {kind_of(nodes[node].resource or ResourceId("")) for node in lane}
    return " and ".join(name for kind, name in kinds.items() if kind in present) or next(iter(kinds.values()))


def _shifted(shape: Shape, left: float) -> Shape:
    match shape:
        case Text(x, y, text, size, colour, bold, anchor, halo):
            return Text(x + left, y, text, size, colour, bold, anchor, halo)
        case Box(x, y, width, height, fill, stroke, radius, title):
            return Box(x + left, y, width, height, fill, stroke, radius, title)
        case Curve(points, stroke, title):
            return Curve(tuple((x + left, y) for x, y in points), stroke, title)


def _lane_shapes(nodes: Sequence[Node], lanes: Sequence[Sequence[int]], left: float) -> Iterator[Shape]:
    right = max(node.x + node.width / 2 for node in nodes)
    previous = None
    for number, lane in enumerate(lanes):
        if number and _same_lane(nodes, lanes[number - 1], lane):
            continue
        own = [node for other in lanes if _same_lane(nodes, lane, other) for node in other]
        top, bottom = min(nodes[node].y for node in own), max(nodes[node].y for node in own) + HEIGHT
        if previous is not None:
            yield Curve(straight((-left, (bottom + previous) / 2), (right, (bottom + previous) / 2)), Stroke("#e6e8ec", 1.0))
        yield Text(-left, (top + bottom) / 2 + SMALL * 0.36, _lane_name(nodes, own), SMALL, MUTED, bold=True)
        previous = top


def _edge_shapes(nodes: Sequence[Node], edges: Sequence[_Edge]) -> Iterator[Shape]:
    for edge in sorted(edges, key=lambda each: -_weight(each.mark)):
        base = _SPARE if edge.is_spare else _NEED
        stroke = base if edge.mark is None else Stroke(LOOKS[edge.mark].outline.colour, 1.9, base.dash)
        if edge.confidence < 1:
            stroke = Stroke(stroke.colour, stroke.width, (1.5, 3))
        yield Curve(_way([nodes[each] for each in edge.way]), stroke, _told(nodes, edge))


def _told(nodes: Sequence[Node], edge: _Edge) -> str:
    low, high = nodes[edge.way[0]].resource, nodes[edge.way[-1]].resource
    sure = f", confidence {edge.confidence:g}" if edge.confidence < 1 else ""
    return f"{high} needs {low}{' or another' if edge.is_spare else ''}{sure}" if low and high else ""


def _way(nodes: Sequence[Node]) -> tuple[Point, ...]:
    """From the top of the lowest to the bottom of the highest, upright in every lane."""
    stops: list[tuple[Point, Point]] = []
    for node in nodes:
        top, bottom = (node.x, node.y), (node.x, node.y + HEIGHT)
        stops.append((bottom, top) if node.is_box else ((node.x, node.y + HEIGHT), (node.x, node.y)))
    points: list[Point] = [stops[0][1]]
    for entered, left in stops[1:]:
        start, end = points[-1], entered
        reach = max((start[1] - end[1]) / 2, 14.0)
        points += [(start[0], start[1] - reach), (end[0], end[1] + reach), end]
        if (entered, left) != stops[-1]:
            points += [*straight(entered, left)[1:]]
    return tuple(points)


def _box_shapes(nodes: Sequence[Node], focus: ResourceId, marked: Mapping[ResourceId, Mark]) -> Iterator[Shape]:
    for node in nodes:
        if not node.is_box:
            continue
        seen = look(marked, node.resource) if node.resource else PLAIN
        outline = _FOCUS if node.resource == focus and node.resource not in marked else seen.outline
        about = str(node.resource or node.label)
        if node.resource and node.resource in marked:
            about += f": {marked[node.resource].value}"
        dash = Stroke(outline.colour, outline.width, (2, 3)) if node.resource is None else outline
        yield Box(node.x - node.width / 2, node.y, node.width, HEIGHT, seen.fill, dash, 5.0, about)
        is_bold = node.resource == focus
        size = FONT - 0.8 if is_bold else FONT
        yield Text(node.x, node.y + (13.5 if node.note else 19.3), node.label, size, anchor="middle", bold=is_bold)
        if node.note:
            yield Text(node.x, node.y + 24.5, node.note, SMALL - 0.5, MUTED, anchor="middle")


def _legend(nodes: Sequence[Node], edges: Sequence[_Edge], marked: Mapping[ResourceId, Mark]) -> list[Item]:
    present = {marked[node.resource] for node in nodes if node.resource and node.resource in marked}
    made = [item(mark.value, LOOKS[mark].fill, LOOKS[mark].outline) for mark in Mark if mark in present]
    made.append(item("needs", "", _NEED))
    if any(edge.is_spare for edge in edges):
        made.append(item("one of several needed", "", _SPARE))
    if any(edge.confidence < 1 for edge in edges):
        made.append(item("not sure", "", Stroke(_NEED.colour, _NEED.width, (1.5, 3))))
    return made
