"""Boxes in lanes above each other, in an order in which few of the lines between them cross (Sugiyama's method)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.core.resource import ResourceId

THREAD = 10.0
"""The width of a bend of a line, in points."""

_SWEEPS = 12


@dataclass(slots=True)
class Node:
    """A box, or with no label a bend of a line; ``below`` and ``above`` are its neighbours' places in the list of all."""

    label: str
    rank: int
    resource: ResourceId | None = None
    note: str = ""
    width: float = THREAD
    x: float = 0.0
    y: float = 0.0
    below: list[int] = field(default_factory=list)
    above: list[int] = field(default_factory=list)

    @property
    def is_box(self) -> bool:
        """Whether it is drawn as a box, rather than a bend of a line."""
        return bool(self.label)


def lanes_of(nodes: Sequence[Node]) -> list[list[int]]:
    """The places of the nodes of each rank, from the bottom up."""
    by_rank: dict[int, list[int]] = {}
    for place, node in enumerate(nodes):
        by_rank.setdefault(node.rank, []).append(place)
    return [by_rank[rank] for rank in sorted(by_rank)]


def order(nodes: Sequence[Node], lanes: list[list[int]]) -> None:
    """Order each lane by where its neighbours stand, up and down in turn; the order with the fewest crossings is kept."""
    best, fewest = [list(lane) for lane in lanes], _crossings(nodes, lanes)
    for sweep in range(_SWEEPS):
        upwards = sweep % 2 == 0
        for number in range(1, len(lanes)) if upwards else range(len(lanes) - 2, -1, -1):
            place = {node: position for position, node in enumerate(lanes[number - 1 if upwards else number + 1])}
            middle = {}
            for position, node in enumerate(lanes[number]):
                near = [place[other] for other in (nodes[node].below if upwards else nodes[node].above) if other in place]
                middle[node] = sum(near) / len(near) if near else float(position)
            lanes[number].sort(key=middle.__getitem__)
        crossings = _crossings(nodes, lanes)
        if crossings < fewest:
            best, fewest = [list(lane) for lane in lanes], crossings
    lanes[:] = best
    _swap(nodes, lanes)


def _swap(nodes: Sequence[Node], lanes: list[list[int]]) -> None:
    """Let neighbours change places while that leaves fewer crossings."""
    for _ in range(_SWEEPS):
        improved = False
        for number, lane in enumerate(lanes):
            near = lanes[max(number - 1, 0) : number] + lanes[number + 1 : number + 2]
            place = {node: position for other in near for position, node in enumerate(other)}
            for left in range(len(lane) - 1):
                one, other = lane[left], lane[left + 1]
                if _pair(nodes, place, other, one) < _pair(nodes, place, one, other):
                    lane[left], lane[left + 1] = other, one
                    improved = True
        if not improved:
            return


def _pair(nodes: Sequence[Node], place: Mapping[int, int], left: int, right: int) -> int:
    """How many lines of two neighbours cross."""
    count = 0
    for side in ("below", "above"):
        for one in getattr(nodes[left], side):
            count += sum(place[other] < place[one] for other in getattr(nodes[right], side) if other in place) if one in place else 0
    return count


def _crossings(nodes: Sequence[Node], lanes: Sequence[Sequence[int]]) -> int:
    count = 0
    for low, high in pairwise(lanes):
        place = {node: position for position, node in enumerate(low)}
        ends = [sorted(place[other] for other in nodes[node].below if other in place) for node in high]
        seen: list[int] = []
        for own in ends:
            count += sum(1 for end in own for other in seen if other > end)
            seen += own
    return count
