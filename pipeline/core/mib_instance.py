"""A row's index, read back from the arcs of an instance (RFC 2578 section 7.7). Arcs that do not fit give nothing, never an exception."""

from collections.abc import Callable, Sequence

from pipeline.core.mib_object import WIRE_TYPE, IndexValue, MibObject, Syntax
from pipeline.core.mib_text import number_text, octets_text

_ONE_ARC = frozenset({Syntax.INTEGER, Syntax.COUNTER32, Syntax.GAUGE32, Syntax.TIME_TICKS})
_MAX_OCTET = 255
_IP_ARCS = 4


def index_values(objects: Sequence[MibObject], index: str, named: Callable[[str], str], *, implied: bool = False) -> tuple[IndexValue, ...]:
    """The value of each object of an INDEX clause, or nothing when the arcs of ``index`` do not make exactly these.

    A number is one arc, an IpAddress four. Octets and OIDs of varying length come after their length, except the last when ``implied``.
    """
    arcs = index.split(".")
    if not all(arc.isdecimal() for arc in arcs):
        return ()
    rest = [int(arc) for arc in arcs]
    values: list[IndexValue] = []
    numbers: dict[str, int] = {}
    for known in objects:
        taken = _length(known, rest, implied=implied and known is objects[-1])
        if taken is None:
            return ()
        skip, length = taken
        own, rest = rest[skip : skip + length], rest[skip + length :]
        value = _value(known, own, numbers, named)
        if value is None:
            return ()
        values.append(value)
        if isinstance(value.value, int):
            numbers[known.oid] = value.value
    return () if rest else tuple(values)


def _length(known: MibObject, rest: Sequence[int], *, implied: bool) -> tuple[int, int] | None:
    """How many arcs say the length (none or one), and how many are the value; ``None`` when there are not so many."""
    if known.syntax in _ONE_ARC:
        skip, length = 0, 1
    elif known.syntax is Syntax.IP_ADDRESS:
        skip, length = 0, _IP_ARCS
    elif known.size:
        skip, length = 0, known.size
    elif implied:
        skip, length = 0, len(rest)
    elif rest:
        skip, length = 1, rest[0]
    else:
        return None
    return (skip, length) if skip + length <= len(rest) else None


def _value(known: MibObject, arcs: Sequence[int], numbers: dict[str, int], named: Callable[[str], str]) -> IndexValue | None:
    if known.syntax in _ONE_ARC:
        return IndexValue(known, arcs[0], number_text(arcs[0], WIRE_TYPE[known.syntax], known))
    if known.syntax is Syntax.OBJECT_IDENTIFIER:
        dotted = ".".join(map(str, arcs))
        return IndexValue(known, dotted.encode(), named(dotted) if dotted else "")
    if any(arc > _MAX_OCTET for arc in arcs):
        return None
    octets = bytes(arcs)
    if known.syntax is Syntax.IP_ADDRESS:
        dotted = ".".join(map(str, arcs))
        return IndexValue(known, dotted.encode(), dotted)
    return IndexValue(known, octets, octets_text(octets, known, numbers.get(known.address_type)))
