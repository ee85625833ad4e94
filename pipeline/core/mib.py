"""What MIBs say, by OID and by name. The run time never parses a MIB; it looks up here."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.core.mib_instance import index_values
from pipeline.core.mib_object import (
    STANDARD,
    WIRE_TYPE,
    IndexValue,
    Instance,
    MibEntry,
    MibModule,
    MibNode,
    MibNotification,
    MibObject,
    Syntax,
)
from pipeline.core.mib_text import number_text, varbind_text
from pipeline.core.raw import VarBind

__all__ = [
    "STANDARD",
    "WIRE_TYPE",
    "IndexValue",
    "Instance",
    "MibEntry",
    "MibIndex",
    "MibModule",
    "MibNode",
    "MibNotification",
    "MibObject",
    "Syntax",
    "value_text",
]

_NOTHING = Instance(None, "", ())


@dataclass(frozen=True, slots=True)
class MibIndex:
    """All that is known, by OID and by name. OIDs alone decide how a notification is read: a name never stands for two of them.

    An unqualified name that two modules define means the first, and standard modules come first; ``MODULE::name`` is exact, and where two
    vendors publish one module name, ``VENDOR/MODULE::name``.
    """

    objects: dict[str, MibObject] = field(default_factory=dict)
    notifications: dict[str, MibNotification] = field(default_factory=dict)
    nodes: dict[str, MibNode] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _others: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _instances: dict[str, Instance] = field(default_factory=dict, compare=False, repr=False)
    _rows: dict[str, tuple[IndexValue, ...]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls, objects: Iterable[MibObject] = (), notifications: Iterable[MibNotification] = (), nodes: Iterable[MibNode] = ()
    ) -> "MibIndex":
        """Index what modules define; of two with one OID the first stays, and names lead to both."""
        by_oid: dict[str, MibObject] = {}
        traps: dict[str, MibNotification] = {}
        places: dict[str, MibNode] = {}
        names: dict[str, str] = {}
        others: dict[str, tuple[str, ...]] = {}
        for known in objects:
            by_oid.setdefault(known.oid, known)
            _name(known, names, others)
        for notification in notifications:
            traps.setdefault(notification.oid, notification)
            _name(notification, names, others)
        for node in nodes:
            places.setdefault(node.oid, node)
            _name(node, names, others)
        return cls(by_oid, traps, places, names, others)

    @classmethod
    def of_modules(cls, modules: Iterable[MibModule]) -> "MibIndex":
        """Index whole modules, in order."""
        kept = tuple(modules)
        return cls.of(
            (known for module in kept for known in module.objects),
            (known for module in kept for known in module.notifications),
            (known for module in kept for known in module.nodes),
        )

    def merged(self, other: "MibIndex") -> "MibIndex":
        """Both together; where they differ this one holds."""
        return MibIndex.of(
            (*self.objects.values(), *other.objects.values()),
            (*self.notifications.values(), *other.notifications.values()),
            (*self.nodes.values(), *other.nodes.values()),
        )

    def oid_of(self, name: str) -> str | None:
        """The OID of ``ifIndex``, ``IF-MIB::ifIndex`` or ``standard/IF-MIB::ifIndex``, or ``None``."""
        return self._names.get(name)

    def meanings(self, name: str) -> tuple[str, ...]:
        """The OIDs that a name may stand for, when there are several and none of them is standard's; else nothing."""
        found = self._others.get(name, ())
        first = self._names.get(name, "")
        entry = self.objects.get(first) or self.notifications.get(first) or self.nodes.get(first)
        return () if entry is None or not found or entry.vendor == STANDARD else (first, *found)

    def names(self) -> tuple[str, ...]:
        """Every unqualified name."""
        return tuple(name for name in self._names if "::" not in name)

    def entry(self, oid: str) -> MibEntry | None:
        """What stands at exactly this OID."""
        return self.notifications.get(oid) or self.objects.get(oid) or self.nodes.get(oid)

    def qualified(self, oid: str) -> str:
        """The name of an OID that leads back to it: ``IF-MIB::ifIndex``, with the vendor before it where that is needed."""
        entry = self.entry(oid)
        if entry is None:
            return oid
        name = f"{entry.module}::{entry.name}"
        return name if self._names.get(name) == oid and not self.meanings(name) else f"{entry.vendor}/{name}"

    def split(self, oid: str) -> tuple[MibObject | None, str]:
        """The object that an instance's OID belongs to and the index after it: ``1.3.6.1.2.1.2.2.1.1.5`` is ``(ifIndex, "5")``.

        ``(None, "")`` when no object is known.
        """
        found = self.instance(oid)
        return found.known, found.arcs

    def instance(self, oid: str) -> Instance:
        """What an instance's OID says, the index read too.

        Answers are kept, at most :data:`CACHED_OIDS` of them, since a device repeats its instances.
        """
        found = self._instances.get(oid)
        if found is None:
            found = self._find(oid)
            if len(oid) <= _CACHED_CHARACTERS:
                self._keep(oid, found)
        return found

    def _keep(self, oid: str, found: Instance) -> None:
        if len(self._instances) >= CACHED_OIDS:
            self._instances.clear()
            self._rows.clear()
        self._instances[oid] = found

    def _find(self, oid: str) -> Instance:
        base = oid
        while base:
            known = self.objects.get(base)
            if known is not None:
                index = oid[len(base) + 1 :]
                return Instance(known, index, self._index(base, index) if index else ())
            base = base.rpartition(".")[0]
        return _NOTHING

    def _index(self, column: str, index: str) -> tuple[IndexValue, ...]:
        row = column.rpartition(".")[0]
        node = self.nodes.get(row)
        if node is None or not node.index:
            return ()
        key = f"{row}.{index}"
        values = self._rows.get(key)
        if values is None:
            objects = [self.objects[oid] for oid in node.index if oid in self.objects]
            complete = len(objects) == len(node.index)
            values = index_values(objects, index, self.named, implied=node.implied) if complete else ()
            if len(self._rows) < CACHED_OIDS and len(key) <= _CACHED_CHARACTERS:
                self._rows[key] = values
        return values

    def named(self, oid: str) -> str:
        """An OID for people: ``ifIndex.5``, a notification's or a product's name, or the numbers."""
        entry = self.notifications.get(oid) or self.nodes.get(oid)
        if entry is not None:
            return entry.name
        known, index = self.split(oid)
        return oid if known is None else f"{known.name}.{index}" if index else known.name


def _name(entry: MibEntry, names: dict[str, str], others: dict[str, tuple[str, ...]]) -> None:
    for name in (entry.name, f"{entry.module}::{entry.name}", f"{entry.vendor}/{entry.module}::{entry.name}"):
        first = names.setdefault(name, entry.oid)
        if first != entry.oid and entry.oid not in others.get(name, ()):
            others[name] = (*others.get(name, ()), entry.oid)


CACHED_OIDS = 65_536
_CACHED_CHARACTERS = 100


def value_text(varbind: VarBind, known: MibObject | None, mibs: MibIndex, address_type: int | None = None) -> str:
    """A varbind's value for people, escaped: enumeration label, BITS names, display hint, OID name, or the plain value with its unit.

    ``address_type`` is the value of the object that tells an InetAddress's type, where that is known.
    """
    if isinstance(varbind.value, int):
        return number_text(varbind.value, varbind.type, known)
    return varbind_text(varbind, known, mibs.named, address_type)
