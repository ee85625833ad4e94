"""Files as one source among several: an entry may state some of its fields, and leave the rest to others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.decode import Decoder, shape_of
from pipeline.config.problem import ConfigError, Level, Path_, Problem, Problems, did_you_mean, path_text
from pipeline.config.settings_file import line_at
from pipeline.config.yaml_source import Fields, Items, Node, read_yaml
from pipeline.core.inventory import Interface
from pipeline.core.inventory_merge import Part
from pipeline.inventory.csv_source import read_csv_nodes
from pipeline.inventory.files import inventory_files
from pipeline.inventory.form import SECTIONS, Section

_INTERFACES = "interfaces"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in a file."""

    file: str
    path: Path_
    node: Node

    def problem(self, key: str, message: str, remedy: str, level: Level) -> Problem:
        """A problem at one of its keys."""
        return Problem(self.file, line_at(self.node, (key,)), path_text((*self.path, key)), message, remedy, level)


@dataclass(frozen=True, slots=True)
class FilePart:
    """What files state, and where each entry stands."""

    part: Part
    places: Mapping[tuple[str, str], Place]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read so far."""

    entries: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {key: {} for key in SECTIONS})
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)


def read_files(folder: Path, source: str, confidence: float = 1.0) -> FilePart:
    """Every YAML and CSV file of a folder as the part of one source. Raises ``ConfigError`` with every problem."""
    reading = _Reading()
    for path in inventory_files(folder):
        decoder = Decoder(str(path), path.parent, reading.problems)
        try:
            for section, nodes in _sections(path, decoder):
                _read_section(section, nodes, decoder, reading)
        except ConfigError as error:
            reading.problems.extend(error.problems)
    reading.problems.raise_if_any()
    for name, told in reading.entries["devices"].items():
        told.setdefault("name", name)  # of those that another source declares, and of which only interfaces stand here
    entries = {section: named for section, named in reading.entries.items() if named}
    return FilePart(Part(source, entries, confidence), reading.places)


def _sections(path: Path, decoder: Decoder) -> Iterable[tuple[Section, Iterable[Node]]]:
    """The sections of a file with the nodes of their entries."""
    if path.suffix == ".csv":
        section = SECTIONS.get(path.stem)
        if section is None:
            decoder.tell(0, (), f"'{path.stem}' is not a section", did_you_mean(path.stem, SECTIONS))
        else:
            yield section, read_csv_nodes(path, section, decoder.file).items
        return
    root = read_yaml(path)
    if not isinstance(root, Fields):
        decoder.tell(root, (), "expected sections", f"begin with one of: {', '.join(SECTIONS)}")
        return
    for key, node in root.fields.items():
        if key not in SECTIONS:
            decoder.tell(root.lines[key], (key,), f"'{key}' is not a section", did_you_mean(key, SECTIONS))
        elif not isinstance(node, Items):
            decoder.tell(node, (key,), "expected a list", f"write it as {key}: [{{name: …}}]")
        else:
            yield SECTIONS[key], node.items


def _read_section(section: Section, nodes: Iterable[Node], decoder: Decoder, reading: _Reading) -> None:
    for position, node in enumerate(nodes):
        path: Path_ = (section.key, position)
        told = _fields(node, shape_of(section.form).types, path, decoder)
        place = Place(decoder.file, path, node)
        if section.key == _INTERFACES:
            _join(told, place, reading)
        elif isinstance(told.get("name"), str):  # else it is told
            _keep(section.key, told, place, reading)


def _keep(section: str, told: dict[str, Any], place: Place, reading: _Reading) -> None:
    name = told["name"]
    first = reading.places.get((section, name))
    if first is not None and "name" in reading.entries[section].get(name, {}):
        message = f"'{name}' is declared already, at {first.file}:{first.node.line}"
        reading.problems.add(place.problem("name", message, "rename one", Level.ERROR))
        return
    reading.places[section, name] = place
    ports = reading.entries[section].get(name, {}).get(_INTERFACES, {})
    reading.entries[section][name] = {**told, **({_INTERFACES: {**told.get(_INTERFACES, {}), **ports}} if ports else {})}


def _join(told: dict[str, Any], place: Place, reading: _Reading) -> None:
    """An interface that stands apart from its device, as tables have it."""
    device, name = told.pop("device", None), told.pop("name", None)
    if not isinstance(device, str) or not isinstance(name, str):
        reading.problems.add(place.problem("device", "an interface needs its device and its name", "add both", Level.ERROR))
        return
    reading.places.setdefault(("devices", device), place)
    ports = reading.entries["devices"].setdefault(device, {}).setdefault(_INTERFACES, {})
    if name in ports:
        reading.problems.add(place.problem("name", f"two interfaces of {device} are called {name}", "give each its own", Level.ERROR))
    ports[name] = told


def _fields(node: Node, types: Mapping[str, Any], path: Path_, decoder: Decoder) -> dict[str, Any]:
    """The fields that an entry states, each of its type; what is wrong is told."""
    if not isinstance(node, Fields):
        decoder.tell(node, path, "expected a mapping", "write it as {name: …}")
        return {}
    if "name" not in node.fields:
        decoder.tell(node, path, "'name' is missing", "add name: …")
    made: dict[str, Any] = {}
    for key, child in node.fields.items():
        place = (*path, key)
        if key not in types:
            decoder.tell(node.lines[key], place, f"'{key}' is not a key here", did_you_mean(key, types))
        elif key == _INTERFACES:
            made[key] = _ports(child, place, decoder)
        else:
            value = decoder.read(child, types[key], place)
            if value is not None:
                made[key] = value
    return made


def _ports(node: Node, path: Path_, decoder: Decoder) -> dict[str, dict[str, Any]]:
    """A device's interfaces by name."""
    made: dict[str, dict[str, Any]] = {}
    if not isinstance(node, Items):
        decoder.tell(node, path, "expected a list", "write it as interfaces: [{name: …}]")
        return made
    for position, item in enumerate(node.items):
        told = _fields(item, shape_of(Interface).types, (*path, position), decoder)
        name = told.pop("name", None)
        if isinstance(name, str) and name in made:
            decoder.tell(item, (*path, position), f"two interfaces are called {name}", "give each its own name")
        elif isinstance(name, str):
            made[name] = told
    return made
