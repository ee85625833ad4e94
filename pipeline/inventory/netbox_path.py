"""What a cable leads to: through patch panels and circuits, to the interface at the far end. Pure; from NetBox's own rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.inventory.netbox_row import NetBox

INTERFACE = "dcim.interface"
_FRONT = "dcim.frontport"
_REAR = "dcim.rearport"
_CIRCUIT = "circuits.circuittermination"
_LONGEST = 64
"""Cables of one path; a longer one goes in circles."""
_NOT_IN_USE = frozenset({"planned", "decommissioning"})

Place = tuple[str, int]
"""What a cable ends at: its type and its id."""


@dataclass(frozen=True, slots=True)
class Path:
    """A way from one interface: over cables (ids) and circuits (ids), to another one, or to nowhere known."""

    cables: tuple[int, ...]
    circuits: tuple[int, ...]
    end: int | None


@dataclass(slots=True)
class Cabling:
    """Where each cable leads, from rows that are read once."""

    cable_at: dict[Place, tuple[int, int]] = field(default_factory=dict)
    ends: dict[int, tuple[Sequence[Place], Sequence[Place]]] = field(default_factory=dict)
    behind: dict[int, tuple[int, int]] = field(default_factory=dict)
    before: dict[tuple[int, int], int] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    circuit_of: dict[int, int] = field(default_factory=dict)
    across: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, netbox: NetBox) -> "Cabling":
        """The cabling of a NetBox; what is planned only, or is being taken out, leads nowhere."""
        made = cls(positions={port.id: port.positions for port in netbox.rear_ports})
        for cable in netbox.cables:
            if cable.status is None or cable.status.value not in _NOT_IN_USE:
                sides = [[(end.object_type, end.object_id) for end in ends] for ends in (cable.a_terminations, cable.b_terminations)]
                made.ends[cable.id] = (sides[0], sides[1])
                made.cable_at.update((place, (cable.id, side)) for side, places in enumerate(sides) for place in places)
        for front in netbox.front_ports:
            if front.behind is not None:
                made.behind[front.id] = front.behind
                made.before[front.behind] = front.id
        sides_of: dict[int, list[int]] = {}
        for end in netbox.circuit_terminations:
            if end.circuit is not None:
                made.circuit_of[end.id] = end.circuit.id
                sides_of.setdefault(end.circuit.id, []).append(end.id)
        for both in sides_of.values():
            if len(both) == len(("A", "Z")):
                made.across |= {both[0]: both[1], both[1]: both[0]}
        return made

    def trace(self, interface: int) -> Path:
        """Follow the cable of an interface."""
        place: Place | None = (INTERFACE, interface)
        cables: list[int] = []
        circuits: list[int] = []
        held: list[int] = []
        while place is not None and len(cables) < _LONGEST:
            found = self.cable_at.get(place)
            if found is None:
                break
            cable, side = found
            cables.append(cable)
            near, far = self.ends[cable][side], self.ends[cable][1 - side]
            if len(near) != 1 or len(far) != 1:  # a breakout: only NetBox's own trace can tell
                break
            kind, number = far[0]
            if kind == INTERFACE:
                return Path(tuple(cables), tuple(circuits), number if number != interface else None)
            place = self._onward(kind, number, held, circuits)
        return Path(tuple(cables), tuple(circuits), None)

    def _onward(self, kind: str, number: int, held: list[int], circuits: list[int]) -> Place | None:
        """The place at the other side of a panel or a circuit; ``held`` are positions of rear ports that were gone into."""
        if kind == _FRONT and number in self.behind:
            rear, position = self.behind[number]
            held.append(position)
            return (_REAR, rear)
        if kind == _REAR:
            position = held.pop() if held else 1 if self.positions.get(number) == 1 else 0
            front = self.before.get((number, position))
            return (_FRONT, front) if front is not None else None
        if kind == _CIRCUIT and number in self.circuit_of:
            circuits.append(self.circuit_of[number])
            other = self.across.get(number)
            return (_CIRCUIT, other) if other is not None else None
        return None
