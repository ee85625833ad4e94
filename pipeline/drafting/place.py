"""Where a notification's resource may be found: by the index of its objects' table, or by an object that names it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.config.rule_form import ResourceForm
from pipeline.core.mib import MibIndex, MibObject, Syntax
from pipeline.core.resource import ResourceKind
from pipeline.core.rule import By
from pipeline.drafting.word import words_of

IF_INDEX = "1.3.6.1.2.1.2.2.1.1"
_IF_TABLES = ("1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1.")
_SYSTEM = "1.3.6.1.2.1.1."
_TEXT = frozenset({Syntax.OCTET_STRING})
_WHOLE = frozenset({Syntax.INTEGER, Syntax.GAUGE32})
_NAMING = frozenset({"index", "idx", "id", "name", "descr", "description", "number", "num", "slot", "label"})
_KINDS: tuple[tuple[ResourceKind, frozenset[str]], ...] = (
    (ResourceKind.PEER, frozenset({"peer", "neighbor", "neighbour", "nbr", "adjacency", "session", "bgp", "ospf", "bfd"})),
    (ResourceKind.PORT, frozenset({"port", "optical", "transceiver", "sfp", "laser"})),
    (ResourceKind.CARD, frozenset({"fan", "power", "psu", "card", "module", "slot", "board", "sensor", "disk", "cpu", "fru"})),
)
MAX_NAMING = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A resource, the qualifier where that is needed beside it, and the reasons of both guesses."""

    resource: ResourceForm
    qualifier: str = ""
    checks: tuple[str, ...] = ()


def is_column(known: MibObject, mibs: MibIndex) -> bool:
    """Whether an object is a column. Without its row in the index it is guessed: that is arc 1 of a table (RFC 2578 section 7.10)."""
    row = mibs.nodes.get(_parent(known))
    if row is not None:
        return bool(row.index)
    return known.oid.startswith(_IF_TABLES) or (_parent(known).endswith(".1") and not known.oid.startswith(_SYSTEM))


def index_of(known: MibObject, mibs: MibIndex) -> tuple[MibObject, ...]:
    """The index objects of a column, in order; nothing for a scalar, and for a column whose row the index does not know."""
    row = mibs.nodes.get(_parent(known))
    return tuple(mibs.objects.get(oid) or MibObject(oid, oid, Syntax.INTEGER) for oid in row.index) if row is not None else ()


def columns_of(objects: Iterable[MibObject], mibs: MibIndex) -> dict[str, tuple[MibObject, ...]]:
    """The columns among objects, by name, each with its index objects."""
    return {known.name: index_of(known, mibs) for known in objects if is_column(known, mibs)}


def _parent(known: MibObject) -> str:
    return known.oid.rpartition(".")[0]


def place_of(words: Sequence[str], objects: Sequence[MibObject], mibs: MibIndex) -> Place:
    """Where the resource of a notification is found; ``words`` are those of its name, ``objects`` what it carries, in order."""
    return _interface(objects, mibs) or _path(words, objects) or _row(words, objects, mibs) or _device(objects)


def _interface(objects: Sequence[MibObject], mibs: MibIndex) -> Place | None:
    name = "ifName" if mibs.oid_of("ifName") in mibs.objects else ""
    exact = next((each for each in objects if each.oid == IF_INDEX), None)
    if exact is not None:
        return Place(ResourceForm(ResourceKind.INTERFACE, By.IF_INDEX, exact.name, name))
    like = next((each for each in objects if words_of(each.name)[-2:] == ("if", "index") and each.syntax in _WHOLE), None)
    if like is not None:
        check = f"the interface by {like.name}, taken for an ifIndex because of its name"
        return Place(ResourceForm(ResourceKind.INTERFACE, By.IF_INDEX, like.name, name), checks=(check,))
    text = next((each for each in objects if each.oid.startswith(_IF_TABLES) and each.syntax in _TEXT), None)
    if text is not None:
        check = f"the interface by the index of {text.name}, a column of the interface table"
        return Place(ResourceForm(ResourceKind.INTERFACE, By.IF_INDEX, text.name, name), checks=(check,))
    return None


def _path(words: Sequence[str], objects: Sequence[MibObject]) -> Place | None:
    for kind in (ResourceKind.LSP, ResourceKind.TUNNEL):
        for each in objects:
            said = words_of(each.name)
            if kind.value in {*words, *said} and said[-1] == "name" and each.syntax in _TEXT:
                check = f"the {kind.value} that {each.name} names; the inventory must call it so"
                return Place(ResourceForm(kind, By.NAME, each.name), checks=(check,))
    return None


def _row(words: Sequence[str], objects: Sequence[MibObject], mibs: MibIndex) -> Place | None:
    column = next((each for each in objects if is_column(each, mibs)), None)
    if column is None:
        return None
    kind, word = _kind([*words, *words_of(column.name)])
    why = (
        f"taken for a {kind.value} because of the word '{word}'" if word else f"taken for a {kind.value}, since it is a part of the device"
    )
    index = index_of(column, mibs)
    if index:
        check = f"the row by its index ({', '.join(each.name for each in index)}), {why}"
    else:
        check = f"{column.name} looks like a column by its OID; its row by the index, {why}"
    return Place(ResourceForm(kind, By.INDEX, index_of=column.name), checks=(check,))


def _kind(words: Sequence[str]) -> tuple[ResourceKind, str]:
    for kind, known in _KINDS:
        said = [word for word in words if word in known]
        if said:
            return kind, said[0]
    return ResourceKind.CARD, ""


def _device(objects: Sequence[MibObject]) -> Place:
    naming = [
        each.name
        for each in objects
        if words_of(each.name)[-1:] and words_of(each.name)[-1] in _NAMING and not each.oid.startswith(_SYSTEM)
    ]
    qualifier = " ".join(f"{{{name}}}" for name in naming[:MAX_NAMING])
    check = (
        f"the device itself, told apart by {' and '.join(naming[:MAX_NAMING])}"
        if naming
        else "the device itself: no object names a part of it"
    )
    return Place(ResourceForm(ResourceKind.DEVICE), qualifier, (check,))
