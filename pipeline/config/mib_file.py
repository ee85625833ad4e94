"""MIB knowledge on disk: the compact index that ``pipeline.mib`` writes, and the table of facts of standard modules.

The index is JSON: ``{"format": 2, "modules": [...]}``, each module with its vendor, its digest and its entries, one entry a line. The same
knowledge gives the same bytes. Modules of the standard come first, so that their names and OIDs hold.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.decode import Decoder
from pipeline.config.problem import ConfigError, Problem, Problems, did_you_mean
from pipeline.config.yaml_source import read_text, read_yaml
from pipeline.core.mib import STANDARD, MibEntry, MibIndex, MibModule, MibNode, MibNotification, MibObject, Syntax

INDEX_NAME = "index.json"
FORMAT = 2
_REMEDY = "write it again: assure mibs compile"


@dataclass(frozen=True, slots=True)
class RowForm:
    """A row of a table; ``index`` names the objects of its INDEX clause, or of the row that it augments."""

    name: str
    oid: str
    index: tuple[str, ...]
    implied: bool = False


@dataclass(frozen=True, slots=True)
class ModuleForm:
    """The facts of one module, as ``mibs/standard.yaml`` writes them."""

    objects: tuple[MibObject, ...] = ()
    rows: tuple[RowForm, ...] = ()
    notifications: tuple[MibNotification, ...] = ()


@dataclass(frozen=True, slots=True)
class FactsForm:
    """The whole table of facts. ``vendors`` are names for numbers that IANA gave to enterprises (1.3.6.1.4.1.N)."""

    modules: dict[str, ModuleForm] = field(default_factory=dict)
    vendors: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known without any source: modules of the standard, and the names of vendors by enterprise number."""

    modules: tuple[MibModule, ...] = ()
    vendors: dict[int, str] = field(default_factory=dict)

    @property
    def index(self) -> MibIndex:
        """The modules, to look up in."""
        return MibIndex.of_modules(self.modules)


def load_mib_index(*paths: Path) -> MibIndex:
    """Read one index or several (a file, or a folder that holds ``index.json``); of two entries for one OID the first path's holds.

    Raises:
        ConfigError: when one is missing, or is not an index of this version.
    """
    return MibIndex.of_modules(module for path in paths for module in read_modules(path))


def read_modules(path: Path) -> tuple[MibModule, ...]:
    """The modules of an index, in its order. Raises ``ConfigError`` when it is missing or not an index of this version."""
    file = path if path.suffix == ".json" else path / INDEX_NAME
    if not file.exists():
        raise ConfigError(
            [Problem(str(file), 0, "$", "there is no MIB index", "make one: assure mibs add FILE..., or assure mibs compile")]
        )
    text = read_text(file)
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ConfigError([Problem(str(file), 0, "$.format", f"format {document['format']}, this program reads {FORMAT}", _REMEDY)])
        return tuple(_module(entry) for entry in document["modules"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError([Problem(str(file), 0, "$", f"not a MIB index: {error}", _REMEDY)]) from error


def _module(entry: dict[str, Any]) -> MibModule:
    name, vendor = entry["module"], entry["vendor"]
    objects = tuple([_object(each, name, vendor) for each in entry.get("objects", ())])
    notifications = tuple([_notification(each, name, vendor) for each in entry.get("notifications", ())])
    nodes = tuple([_node(each, name, vendor) for each in entry.get("nodes", ())])
    return MibModule(name, vendor, objects, notifications, nodes, entry.get("digest", ""))


def _object(entry: dict[str, Any], module: str, vendor: str) -> MibObject:
    get = entry.get
    labels = get("enumeration")
    enumeration = {int(number): label for number, label in labels.items()} if labels else {}
    syntax = _SYNTAX[entry["syntax"]]
    size, address_type = get("size", 0), get("address_type", "")
    return MibObject(
        entry["name"], entry["oid"], syntax, module, enumeration, get("hint", ""), get("units", ""), vendor, size, address_type
    )


def _notification(entry: dict[str, Any], module: str, vendor: str) -> MibNotification:
    return MibNotification(entry["name"], entry["oid"], module, tuple(entry.get("objects", ())), vendor)


def _node(entry: dict[str, Any], module: str, vendor: str) -> MibNode:
    return MibNode(entry["name"], entry["oid"], module, vendor, tuple(entry.get("index", ())), entry.get("implied", False))


_SYNTAX = {syntax.value: syntax for syntax in Syntax}


def in_order(modules: Iterable[MibModule]) -> tuple[MibModule, ...]:
    """Modules by precedence: those of the standard, compiled before facts, and then vendors by name."""
    return tuple(sorted(modules, key=lambda module: (module.vendor != STANDARD, module.vendor, not module.digest, module.name)))


def index_text(modules: Iterable[MibModule]) -> str:
    """An index as JSON, one entry a line, in order of precedence and of OID; the same knowledge gives the same bytes."""
    body = ",\n".join(_module_text(module) for module in in_order(modules))
    return f'{{"format": {FORMAT}, "modules": [\n{body}\n]}}\n'


def _module_text(module: MibModule) -> str:
    head: dict[str, str] = {"module": module.name, "vendor": module.vendor}
    if module.digest:
        head["digest"] = module.digest
    lists: dict[str, tuple[MibEntry, ...]] = {
        "objects": module.objects,
        "notifications": module.notifications,
        "nodes": module.nodes,
    }
    parts = [json.dumps(head)[:-1]]
    parts += [f'"{key}": [\n{_lines(entries)}\n]' for key, entries in lists.items() if entries]
    return ",\n".join(parts) + "}"


def _lines(entries: Iterable[MibEntry]) -> str:
    return ",\n".join(json.dumps(_entry(known)) for known in sorted(entries, key=lambda known: (_arcs(known.oid), known.name)))


def _entry(known: MibEntry) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": known.name, "oid": known.oid}
    optional: dict[str, Any]
    if isinstance(known, MibNotification):
        optional = {"objects": known.objects}
    elif isinstance(known, MibNode):
        optional = {"index": known.index, "implied": known.implied}
    else:
        entry["syntax"] = known.syntax.value
        labels = {str(number): label for number, label in sorted(known.enumeration.items())}
        optional = {"enumeration": labels, "hint": known.hint, "units": known.units, "size": known.size, "address_type": known.address_type}
    return {**entry, **{key: value for key, value in optional.items() if value}}


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(int(arc) for arc in oid.split("."))


def load_facts(path: Path) -> Facts:
    """Read a table of facts (``mibs/standard.yaml``). Raises ``ConfigError`` with every problem."""
    problems = Problems()
    decoder = Decoder(str(path), path.parent, problems)
    node = read_yaml(path)
    form = decoder.read(node, FactsForm)
    problems.raise_if_any()
    assert form is not None
    oids = {known.name: known.oid for module in form.modules.values() for known in module.objects}
    for name, module in form.modules.items():
        for row in module.rows:
            for part in row.index:
                if part not in oids:
                    message = f"'{part}', an index of {row.name}, is not an object of this table"
                    decoder.tell(node.line, ("modules", name, "rows"), message, did_you_mean(part, oids) or "add it to the objects")
    problems.raise_if_any()
    return Facts(tuple(_facts_module(name, module, oids) for name, module in form.modules.items()), form.vendors)


def _facts_module(name: str, form: ModuleForm, oids: dict[str, str]) -> MibModule:
    objects = tuple(_standard_object(known, name, oids) for known in form.objects)
    notifications = tuple(MibNotification(known.name, known.oid, name, known.objects, STANDARD) for known in form.notifications)
    rows = tuple(MibNode(row.name, row.oid, name, STANDARD, tuple(oids[part] for part in row.index), row.implied) for row in form.rows)
    return MibModule(name, STANDARD, objects, notifications, rows)


def _standard_object(known: MibObject, module: str, oids: dict[str, str]) -> MibObject:
    address_type = oids.get(known.address_type, known.address_type)
    hint, units, size = known.hint, known.units, known.size
    return MibObject(known.name, known.oid, known.syntax, module, known.enumeration, hint, units, STANDARD, size, address_type)
