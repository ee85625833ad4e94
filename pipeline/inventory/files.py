"""An inventory from a folder of YAML and CSV files."""

import gc
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config.decode import Decoder
from pipeline.config.problem import ConfigError, Level, Problem, Problems, did_you_mean, path_text
from pipeline.config.reload import Reloading
from pipeline.config.settings_file import line_at
from pipeline.config.yaml_source import Fields, Items, Node, read_yaml
from pipeline.core.inventory import Interface, Inventory
from pipeline.core.validity import as_of, next_change
from pipeline.inventory.cross import findings
from pipeline.inventory.csv_source import read_csv
from pipeline.inventory.form import SECTIONS, Section

_log = logging.getLogger(__name__)
SUFFIXES = (".yaml", ".yml", ".csv")
_WHOLE = tuple(key for key in SECTIONS if key != "interfaces")
"""Sections as an inventory has them."""


def load_inventory(folder: Path) -> Inventory:
    """Read every YAML and CSV file of a folder as one inventory; a CSV file is called by its section (``services.csv``).

    Warnings are logged.

    Raises:
        ConfigError: with every problem of every file.
    """
    inventory, warnings = read_inventory(folder)
    for warning in warnings:
        _log.warning("%s", warning)
    return inventory


def read_inventory(folder: Path) -> tuple[Inventory, tuple[Problem, ...]]:
    """The inventory and its warnings. Its version is a hash of what is declared, whatever the files' layout. Raises ``ConfigError``."""
    with collector_paused():
        return _read_inventory(folder)


@contextmanager
def collector_paused() -> Iterator[None]:
    """A large inventory is millions of objects and no circle among them: to look for circles again and again costs a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_inventory(folder: Path) -> tuple[Inventory, tuple[Problem, ...]]:
    gathered = _Gathered()
    files = inventory_files(folder)
    if not files:
        gathered.problems.add(Problem(str(folder), 0, "$", "no inventory files here", "add .yaml or .csv files; see the lab's"))
    for path in files:
        try:
            _read_file(path, gathered)
        except ConfigError as error:
            gathered.problems.extend(error.problems)
    _join_interfaces(gathered)
    gathered.problems.raise_if_any()
    inventory = assemble(gathered.entries)
    for finding in findings(inventory):
        gathered.tell(finding.section, finding.name, finding.key, finding.message, finding.remedy, finding.level)
    gathered.problems.raise_if_any()
    return inventory, gathered.problems.warnings


class InventorySource(Reloading[Inventory]):
    """The inventory of a folder as it is now (by ``clock``, UTC nanoseconds), read again when its files change.

    A broken set is refused whole and the last good one stays.
    """

    def __init__(self, folder: Path, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__((folder,), SUFFIXES, lambda: load_inventory(folder), what="inventory")
        self._clock = clock
        self._declared: Inventory | None = None
        self._present: Inventory | None = None
        self._holds_until = 0

    def current(self) -> Inventory:
        """The newest good inventory, of it what holds now; the same object until that changes. Raises as :class:`Reloading` does."""
        declared, at = super().current(), self._clock()
        if self._present is None or declared is not self._declared or 0 < self._holds_until <= at:
            self._present, self._declared, self._holds_until = as_of(declared, at), declared, next_change(declared, at)
        return self._present


def inventory_files(folder: Path) -> tuple[Path, ...]:
    """The files of an inventory, in order of name; hidden ones are left out."""
    found = folder.rglob("*") if folder.is_dir() else ()
    return tuple(sorted(path for path in found if path.is_file() and path.suffix in SUFFIXES and not path.name.startswith(".")))


class _Mark(NamedTuple):
    """Where an entry stands: its file, its place in a section, and its node (for a row of a table the line)."""

    file: str
    section: str
    position: int
    node: Node | int

    @property
    def line(self) -> int:
        return self.node if isinstance(self.node, int) else self.node.line

    def problem(self, key: str, message: str, remedy: str, level: Level) -> Problem:
        line = self.node if isinstance(self.node, int) else line_at(self.node, (key,))
        return Problem(self.file, line, path_text((self.section, self.position, key)), message, remedy, level)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What was read so far: the entries of each section by name, where each stands, and the problems."""

    entries: dict[str, dict[str, Any]] = field(default_factory=lambda: {key: {} for key in SECTIONS})
    marks: dict[str, dict[str, _Mark]] = field(default_factory=lambda: {key: {} for key in SECTIONS})
    problems: Problems = field(default_factory=Problems)

    def tell(self, section: str, name: str, key: str, message: str, remedy: str, level: Level = Level.ERROR) -> None:
        self.problems.add(self.marks[section][name].problem(key, message, remedy, level))


def _read_file(path: Path, gathered: _Gathered) -> None:
    decoder = Decoder(str(path), path.parent, gathered.problems)
    if path.suffix == ".csv":
        _read_csv_file(path, decoder, gathered)
        return
    root = read_yaml(path)
    if not isinstance(root, Fields):
        decoder.tell(root, (), "expected sections", f"begin with one of: {', '.join(SECTIONS)}")
        return
    for key, node in root.fields.items():
        if key not in SECTIONS:
            decoder.tell(root.lines[key], (key,), f"'{key}' is not a section", did_you_mean(key, SECTIONS))
        else:
            _read_section(node, SECTIONS[key], decoder, gathered)


def _read_csv_file(path: Path, decoder: Decoder, gathered: _Gathered) -> None:
    section = SECTIONS.get(path.stem)
    if section is None:
        decoder.tell(0, (), f"'{path.stem}' is not a section", did_you_mean(path.stem, SECTIONS))
        return
    for position, line, entry in read_csv(path, section, decoder):
        _keep(entry, section, _Mark(decoder.file, section.key, position, line), gathered)


def _read_section(node: Node, section: Section, decoder: Decoder, gathered: _Gathered) -> None:
    if not isinstance(node, Items):
        decoder.tell(node, (section.key,), "expected a list", f"write it as {section.key}: [{{name: …}}]")
        return
    for position, item in enumerate(node.items):
        path = (section.key, position)
        entry = decoder.read(item, section.form, path)
        if entry is not None:
            _keep(entry, section, _Mark(decoder.file, section.key, position, item), gathered)


def _keep(entry: Any, section: Section, mark: _Mark, gathered: _Gathered) -> None:
    try:
        value = section.finish(entry)
    except ValueError as error:
        gathered.problems.add(Problem(mark.file, mark.line, path_text((section.key, mark.position)), str(error)))
        return
    marks = gathered.marks[section.key]
    first = marks.setdefault(value.name, mark)
    if first is not mark:
        message = f"'{value.name}' is declared already, at {first.file}:{first.line}"
        gathered.problems.add(mark.problem("name", message, "rename one", Level.ERROR))
        return
    gathered.entries[section.key][value.name] = value


def _join_interfaces(gathered: _Gathered) -> None:
    """Give devices the interfaces that are told apart from them."""
    devices, joining = gathered.entries["devices"], dict[str, list[Interface]]()
    for placed in gathered.entries["interfaces"].values():
        if placed.device in devices:
            joining.setdefault(placed.device, []).append(placed.interface)
        else:
            remedy = did_you_mean(placed.device, devices) or "declare it, or take it out"
            gathered.tell("interfaces", placed.name, "device", f"'{placed.device}' is not a declared device", remedy)
    for name, interfaces in joining.items():
        devices[name] = replace(devices[name], interfaces=(*devices[name].interfaces, *interfaces))


def assemble(entries: Mapping[str, Mapping[str, Any]]) -> Inventory:
    """The inventory of entries by section and name, interfaces with their devices. Its version is a hash of what they declare."""
    content = hashlib.sha256()
    for key in _WHOLE:
        content.update(key.encode())
        for name in sorted(entries[key]):
            content.update(repr(entries[key][name]).encode())
    version = content.hexdigest()[:12]
    mappings: dict[str, Any] = {key: dict(entries[key]) for key in _WHOLE if key != "windows"}
    return Inventory(version=version, windows=tuple(entries["windows"].values()), **mappings)
