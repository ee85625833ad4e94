"""MIB knowledge on disk: the compact index that ``pipeline.mib`` writes, and the table of facts of standard modules."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.decode import Decoder
from pipeline.config.problem import ConfigError, Problem, Problems
from pipeline.config.yaml_source import read_text, read_yaml
from pipeline.core.mib import MibIndex, MibNotification, MibObject, Syntax

INDEX_NAME = "index.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class ModuleForm:
    """The facts of one module, as ``mibs/standard.yaml`` writes them."""

    objects: tuple[MibObject, ...] = ()
    notifications: tuple[MibNotification, ...] = ()


@dataclass(frozen=True, slots=True)
class FactsForm:
    """The whole table of facts."""

    modules: dict[str, ModuleForm] = field(default_factory=dict)


def load_mib_index(*paths: Path) -> MibIndex:
    """Read one index or several (a file, or a folder that holds ``index.json``); of two entries for one OID the first path's holds.

    Raises:
        ConfigError: when one is missing, or is not an index of this version.
    """
    index = MibIndex()
    for path in paths:
        index = index.merged(_read_index(path / INDEX_NAME if path.is_dir() else path))
    return index


def _read_index(path: Path) -> MibIndex:
    remedy = "write it again, as mibs/README.md says"
    try:
        document = json.loads(read_text(path))
        if document["format"] != FORMAT:
            raise ConfigError([Problem(str(path), 0, "$.format", f"format {document['format']}, this program reads {FORMAT}", remedy)])
        objects = [_object(entry) for entry in document["objects"]]
        notifications = [MibNotification(e["name"], e["oid"], e["module"], tuple(e.get("objects", ()))) for e in document["notifications"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError([Problem(str(path), 0, "$", f"not a MIB index: {error}", remedy)]) from error
    return MibIndex.of(objects, notifications)


def _object(entry: dict[str, Any]) -> MibObject:
    enumeration = {int(number): label for number, label in entry.get("enumeration", {}).items()}
    hint, units = entry.get("hint", ""), entry.get("units", "")
    return MibObject(entry["name"], entry["oid"], Syntax(entry["syntax"]), entry["module"], enumeration, hint, units)


def index_text(index: MibIndex) -> str:
    """An index as JSON, one entry a line, in order of OID; the same knowledge gives the same bytes."""
    objects = [_entry(known) for known in sorted(index.objects.values(), key=lambda known: _arcs(known.oid))]
    notifications = [_entry(known) for known in sorted(index.notifications.values(), key=lambda known: _arcs(known.oid))]
    lists = {"objects": objects, "notifications": notifications}
    body = ",\n".join(_list(key, entries) for key, entries in lists.items())
    return f'{{"format": {FORMAT},\n{body}}}\n'


def _list(key: str, entries: list[dict[str, Any]]) -> str:
    lines = ",\n".join(json.dumps(entry, ensure_ascii=True) for entry in entries)
    return f'"{key}": [\n{lines}\n]'


def _entry(known: MibObject | MibNotification) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": known.name, "oid": known.oid, "module": known.module}
    if isinstance(known, MibNotification):
        return {**entry, **({"objects": list(known.objects)} if known.objects else {})}
    entry["syntax"] = known.syntax.value
    labels = {str(number): label for number, label in sorted(known.enumeration.items())}
    optional = {"enumeration": labels, "hint": known.hint, "units": known.units}
    return {**entry, **{key: value for key, value in optional.items() if value}}


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(int(arc) for arc in oid.split("."))


def load_facts(path: Path) -> MibIndex:
    """Read a table of facts (``mibs/standard.yaml``). Raises ``ConfigError`` with every problem."""
    problems = Problems()
    facts = Decoder(str(path), path.parent, problems).read(read_yaml(path), FactsForm)
    problems.raise_if_any()
    assert facts is not None
    return _index_of(facts)


def _index_of(facts: FactsForm) -> MibIndex:
    objects = [
        MibObject(known.name, known.oid, known.syntax, module, known.enumeration, known.hint, known.units)
        for module, form in facts.modules.items()
        for known in form.objects
    ]
    notifications = [
        MibNotification(known.name, known.oid, module, known.objects)
        for module, form in facts.modules.items()
        for known in form.notifications
    ]
    return MibIndex.of(objects, notifications)
