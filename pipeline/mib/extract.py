"""What decoding needs, out of pysmi's documents: names, OIDs, syntax, labels, hints, units, indexes, notification objects in order.

Everything else in them stays out of the index, above all pysmi's ``meta``, which tells host, user, path and time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.mib import MibModule, MibNode, MibNotification, MibObject, Syntax

Documents = Mapping[str, Mapping[str, Any]]
"""pysmi's JSON by module name."""

_BASE: dict[str, Syntax] = {
    "INTEGER": Syntax.INTEGER,
    "Integer32": Syntax.INTEGER,
    "OCTET STRING": Syntax.OCTET_STRING,
    "OBJECT IDENTIFIER": Syntax.OBJECT_IDENTIFIER,
    "IpAddress": Syntax.IP_ADDRESS,
    "NetworkAddress": Syntax.IP_ADDRESS,
    "Counter": Syntax.COUNTER32,
    "Counter32": Syntax.COUNTER32,
    "Gauge": Syntax.GAUGE32,
    "Gauge32": Syntax.GAUGE32,
    "Unsigned32": Syntax.GAUGE32,
    "TimeTicks": Syntax.TIME_TICKS,
    "Opaque": Syntax.OPAQUE,
    "Counter64": Syntax.COUNTER64,
    "BITS": Syntax.BITS,
    "Bits": Syntax.BITS,
}
_MAX_STEPS = 32
_KEYWORD = "_pysmi_"
"""What pysmi puts before names that are words of Python."""
_OCTETS = frozenset({Syntax.OCTET_STRING, Syntax.BITS, Syntax.OPAQUE})
_NODE_CLASSES = frozenset({"objectidentity", "moduleidentity", "agentcapabilities"})


@dataclass(slots=True)
class _Type:
    """A type, followed to its base: the first labels, hint and size on the way hold; ``names`` are the conventions that were met."""

    base: Syntax = Syntax.OCTET_STRING
    labels: dict[int, str] = field(default_factory=dict)
    hint: str = ""
    size: int = 0
    names: tuple[str, ...] = ()


def module_of(module: str, vendor: str, documents: Documents, digest: str) -> MibModule:
    """A module out of the documents of it and of what it imports."""
    objects = tuple(_objects(module, vendor, documents))
    return MibModule(
        module, vendor, objects, tuple(_notifications(module, vendor, documents)), tuple(_nodes(module, vendor, documents)), digest
    )


def _entries(module: str, documents: Documents) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in documents[module].values() if isinstance(entry, dict) and "oid" in entry)


def _objects(module: str, vendor: str, documents: Documents) -> Iterator[MibObject]:
    """The scalars and columns of a module, each InetAddress with the object that tells its type."""
    leaves = [
        each for each in _entries(module, documents) if each.get("class") == "objecttype" and each.get("nodetype") in {"scalar", "column"}
    ]
    typed = [(entry, _resolve(entry.get("syntax", {}), module, documents)) for entry in leaves]
    types = [entry["oid"] for entry, known in typed if "InetAddressType" in known.names]
    for entry, known in typed:
        is_address = "InetAddress" in known.names and known.base is Syntax.OCTET_STRING and not known.hint
        yield MibObject(
            _own_name(entry),
            entry["oid"],
            Syntax.INET_ADDRESS if is_address else known.base,
            module,
            known.labels,
            known.hint,
            entry.get("units", ""),
            vendor,
            known.size if known.base in _OCTETS else 0,
            _address_type(entry["oid"], types) if is_address else "",
        )


def _address_type(oid: str, types: list[str]) -> str:
    """The InetAddressType nearest before an InetAddress among its siblings (RFC 4001 section 3), else the nearest at all, else none."""
    parent, _, own = oid.rpartition(".")
    arcs = [int(other.rpartition(".")[2]) for other in types if other.rpartition(".")[0] == parent]
    nearest = max((arc for arc in arcs if arc < int(own)), default=min(arcs, default=0))
    return f"{parent}.{nearest}" if nearest else ""


def _own_name(entry: Mapping[str, Any]) -> str:
    name: str = entry["name"]
    return name.removeprefix(_KEYWORD)


def _notifications(module: str, vendor: str, documents: Documents) -> Iterator[MibNotification]:
    """The notifications of a module; a v1 TRAP-TYPE's OID is already that of RFC 3584 section 3.1 (enterprise.0.specific)."""
    for entry in _entries(module, documents):
        if entry.get("class") == "notificationtype":
            objects = tuple(each["object"].removeprefix(_KEYWORD) for each in entry.get("objects", ()))
            yield MibNotification(_own_name(entry), entry["oid"], module, objects, vendor)


def _nodes(module: str, vendor: str, documents: Documents) -> Iterator[MibNode]:
    """Named places without a value, and rows with their index."""
    for entry in _entries(module, documents):
        if entry.get("class") in _NODE_CLASSES or entry.get("nodetype") == "table":
            yield MibNode(_own_name(entry), entry["oid"], module, vendor)
        elif entry.get("nodetype") == "row":
            index, implied = _index(entry, documents)
            yield MibNode(_own_name(entry), entry["oid"], module, vendor, index, implied)


def _index(row: Mapping[str, Any], documents: Documents) -> tuple[tuple[str, ...], bool]:
    """The OIDs of a row's index and whether the last is IMPLIED; AUGMENTS leads to the base row. Nothing where one is not to be found."""
    for _ in range(_MAX_STEPS):
        augmented = row.get("augmention")  # so spelled by pysmi
        if not augmented:
            break
        base = _entry_of(augmented["object"], augmented["module"], documents)
        if base is None:
            return (), False
        row = base
    found = [(_entry_of(each["object"], each["module"], documents), bool(each.get("implied"))) for each in row.get("indices", ())]
    oids = tuple(entry["oid"] for entry, _ in found if entry is not None)
    return (oids, found[-1][1]) if found and len(oids) == len(found) else ((), False)


def _entry_of(name: str, module: str, documents: Documents) -> Mapping[str, Any] | None:
    _, entry = _definition(name, module, documents)
    return entry if entry is not None and "oid" in entry else None


def _resolve(syntax: Mapping[str, Any], module: str, documents: Documents) -> _Type:
    """Follow textual conventions, through imports, to the base type."""
    known = _Type()
    for _ in range(_MAX_STEPS):
        constraints = syntax.get("constraints", {})
        known.labels = known.labels or _labels(constraints.get("enumeration") or syntax.get("bits"))
        known.hint = known.hint or syntax.get("displayhint", "")
        known.size = known.size or constraints.get("fixed", 0)
        name = syntax.get("type", "")
        if name in _BASE:
            known.base = _BASE[name]
            return known
        known.names = (*known.names, name)
        module, definition = _definition(name, module, documents)
        if definition is None:
            known.base = Syntax.INTEGER if known.labels else Syntax.OCTET_STRING
            return known
        known.hint = known.hint or definition.get("displayhint", "")
        syntax = definition.get("type", {}) if isinstance(definition.get("type"), dict) else definition
    return known


def _definition(name: str, module: str, documents: Documents) -> tuple[str, Mapping[str, Any] | None]:
    for _ in range(_MAX_STEPS):
        document = documents.get(module, {})
        if name in document and name != "imports":
            return module, document[name]
        home = [origin for origin, names in document.get("imports", {}).items() if isinstance(names, list) and name in names]
        if not home or home[0] == module:
            return module, None
        module = home[0]
    return module, None


def _labels(enumeration: Mapping[str, Any] | None) -> dict[int, str]:
    return {int(number): label for label, number in (enumeration or {}).items()}
