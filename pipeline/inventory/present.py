"""The inventory as it is now: the files of ``inventory_dir``, and the last whole answer of every other source, merged.

Without further sources it is the files alone, and every mistake in them refuses them. With some, what others say never refuses the whole:
an entry that cannot be is left out, a reference that leads nowhere stays as it is, and both are told with the remedy.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from pipeline.config.decode import shape_of
from pipeline.config.problem import ConfigError, Level, Problem, Problems, did_you_mean
from pipeline.config.reload import Reloading
from pipeline.config.settings import Settings
from pipeline.config.source_settings import InventorySettings, SourceKind, SourceSettings
from pipeline.core.inventory import Interface, Inventory
from pipeline.core.inventory_merge import FILES, Conflict, Merged, Part, Precedence, merge
from pipeline.inventory.cross import Finding, findings
from pipeline.inventory.file_part import FilePart, Place, read_files
from pipeline.inventory.files import SUFFIXES, InventorySource, assemble, collector_paused, read_inventory
from pipeline.inventory.form import SECTIONS
from pipeline.inventory.snapshot import SNAPSHOT_SUFFIX, SnapshotError, Snapshots

_log = logging.getLogger(__name__)
_MOST_LOGGED = 20
_ROUNDS = 10
"""So often what cannot be is taken out; each round may leave something else without what it needs."""
_INTERFACES = "interfaces"


@dataclass(frozen=True, slots=True)
class Present:
    """The inventory, what is to be known about it, where its sources disagree, and who tells of what."""

    inventory: Inventory
    warnings: tuple[Problem, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    told_by: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


def load_present(settings: Settings) -> Inventory:
    """The inventory; warnings are logged, the first of many. Raises ``ConfigError`` with every problem."""
    present = read_present(settings)
    for warning in present.warnings[:_MOST_LOGGED]:
        _log.warning("%s", warning)
    if len(present.warnings) > _MOST_LOGGED:
        _log.warning("and %d more of the inventory's warnings: `assure check` tells them all", len(present.warnings) - _MOST_LOGGED)
    return present.inventory


def read_present(settings: Settings) -> Present:
    """The inventory and what is to be known about it. Raises ``ConfigError`` with every problem of what people write."""
    if not settings.inventory.sources:
        inventory, warnings = read_inventory(settings.inventory_dir)
        return Present(inventory, warnings)
    with collector_paused():
        return _merged(settings)


def _merged(settings: Settings) -> Present:
    problems = Problems()
    problems.extend(_strange(settings.inventory))
    parts, places = parts_of(settings, problems)
    merged = merge(parts, Precedence(settings.inventory.order, settings.inventory.precedence))
    made = _Made(merged, places, settings, problems)
    inventory = made.inventory()
    problems.raise_if_any()
    return Present(inventory, problems.warnings, merged.conflicts, merged.told_by)


class PresentInventory(InventorySource):
    """The inventory as it is now (by ``clock``, UTC nanoseconds), read again when a file or a source's snapshot changes.

    A broken set is refused whole and the last good one stays.
    """

    def __init__(self, settings: Settings, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__(settings.inventory_dir, clock)
        Reloading.__init__(self, watched(settings), (*SUFFIXES, SNAPSHOT_SUFFIX), lambda: load_present(settings), what="inventory")


def watched(settings: Settings) -> tuple[Path, ...]:
    """The folders that the inventory comes from."""
    if not settings.inventory.sources:
        return (settings.inventory_dir,)
    folders = (source.folder for source in settings.inventory.sources if source.folder is not None)
    return (settings.inventory_dir, settings.snapshot_dir, *folders)


def parts_of(settings: Settings, problems: Problems) -> tuple[list[Part], dict[tuple[str, str], Place]]:
    """What each source says; what was never fetched says nothing, and that is told."""
    files = _read(settings.inventory_dir, FILES, 1.0, problems)
    parts, places = [files.part], dict(files.places)
    snapshots = Snapshots(settings.snapshot_dir)
    for source in settings.inventory.sources:
        if source.kind is SourceKind.FILES:
            if source.folder is not None:
                further = _read(source.folder, source.name, source.confidence, problems)
                parts.append(further.part)
                places = {**further.places, **places}
            continue
        part = _fetched(source, snapshots, problems)
        if part is not None:
            parts.append(part)
    return parts, places


def _read(folder: Path, source: str, confidence: float, problems: Problems) -> FilePart:
    try:
        return read_files(folder, source, confidence)
    except ConfigError as error:
        problems.extend(error.problems)
        return FilePart(Part(source, {}), {})


def _fetched(source: SourceSettings, snapshots: Snapshots, problems: Problems) -> Part | None:
    place = str(snapshots.path(source.name))
    try:
        snapshot = snapshots.read(source.name)
    except SnapshotError as error:
        problems.add(Problem(place, 0, "$", str(error)))
        return None
    if snapshot is None:
        remedy = f"`assure topology fetch {source.name}` asks it"
        problems.add(Problem(place, 0, "$", f"the source '{source.name}' was never fetched", remedy, Level.WARNING))
        return None
    for notice in snapshot.notices:
        path = ".".join(filter(None, ("$", notice.section, notice.name)))
        problems.add(Problem(source.name, 0, path, notice.message, notice.remedy, Level.WARNING))
    return snapshot.part(source.confidence)


class _Made:
    """Entries become values; what cannot be is left out and told."""

    def __init__(self, merged: Merged, places: Mapping[tuple[str, str], Place], settings: Settings, problems: Problems) -> None:
        self._merged = merged
        self._places = places
        self._settings = settings
        self._problems = problems
        self._entries: dict[str, dict[str, Any]] = {key: {} for key in SECTIONS if key != _INTERFACES}

    def inventory(self) -> Inventory:
        contracts = self._contracts_of_services()
        for section, named in self._merged.entries.items():
            for name, told in named.items():
                self._value(section, name, self._completed(section, name, told, contracts))
        for _ in range(_ROUNDS):
            inventory = assemble(self._entries)
            if not self._take_out(list(findings(inventory))):
                break
        return inventory

    def _completed(self, section: str, name: str, told: Mapping[str, Any], contracts: Mapping[str, str]) -> dict[str, Any]:
        """An entry with what nobody states but the settings, or what follows from the rest."""
        made = dict(told)
        for key, text in self._settings.inventory.defaults.items():
            head, _, field_name = key.partition(".")
            if head == section and not made.get(field_name):
                made[field_name] = self._default(section, field_name, text)
        if section == "devices":
            made["interfaces"] = self._ports(name, told.get(_INTERFACES, {}))
        elif section == "services":
            if name in contracts:
                made.setdefault("contract", contracts[name])
            made.setdefault("kind", "service")
        elif section == "customers":
            made.setdefault("display_name", name)
        return made

    def _default(self, section: str, name: str, text: str) -> Any:
        kind = shape_of(SECTIONS[section].form).types.get(name, str)
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError as error:
            place = f"$.inventory.defaults.{section}.{name}"
            self._problems.add(Problem("settings", 0, place, f"'{text}' cannot be it ({error})", "write what it may be"))
            return None

    def _ports(self, device: str, ports: Mapping[str, Mapping[str, Any]]) -> tuple[Interface, ...]:
        """Interfaces; an ifIndex that two have is nobody's, one that nobody tells is 0."""
        seen: dict[int, str] = {}
        made = []
        for name, told in ports.items():
            index = int(told.get("index", 0))
            if index and index in seen:
                message = f"{name} and {seen[index]} have the ifIndex {index}, so {name} is known by its name alone"
                self._warn("devices", device, _INTERFACES, message, "ask the device again (kind: discovery)")
                index = 0
            seen.setdefault(index, name)
            made.append(Interface(**{"speed_mbps": 0, **told, "name": name, "index": index}))
        return tuple(made)

    def _contracts_of_services(self) -> dict[str, str]:
        """The contract that charges each service, for services of sources that know of no contracts."""
        contracts = self._merged.entries.get("contracts", {})
        return {service: name for name, told in contracts.items() for service in told.get("charges", {})}

    def _value(self, section: str, name: str, told: Mapping[str, Any]) -> None:
        form = SECTIONS[section]
        shape = shape_of(form.form)
        missing = [key for key in shape.required if key not in told]
        if missing:
            known = ", ".join(self._merged.told_by[section, name])
            message = f"nobody tells its {' and '.join(missing)} (told of by {known}), so it is left out"
            self._warn(section, name, missing[0], message, "add it there, or state it in a file")
            return
        try:
            given = {key: value for key, value in told.items() if key in shape.types}
            self._entries[section][name] = form.finish(form.form(**{**dict.fromkeys(shape.absent), **given}))
        except ValueError as error:
            self._refuse(section, name, "name", str(error), "mend it where it is written")

    def _take_out(self, found: Sequence[Finding]) -> bool:
        """Tell what disagrees, and take out entries of other sources that cannot be. Answers whether any was taken out."""
        taken = False
        for each in found:
            if each.level is Level.WARNING or each.is_missing:
                self._warn(each.section, each.name, each.key, each.message, each.remedy)
            elif self._entries[each.section].get(each.name) is not None:
                taken = self._refuse(each.section, each.name, each.key, f"{each.message}, so it is left out", each.remedy) or taken
        return taken

    def _refuse(self, section: str, name: str, key: str, message: str, remedy: str) -> bool:
        """Leave an entry out and tell; one that only people's files tell of is their mistake, and refuses the whole."""
        if self._merged.told_by[section, name] == (FILES,):
            self._tell(section, name, key, message.removesuffix(", so it is left out"), remedy, Level.ERROR)
            return False
        self._entries[section].pop(name, None)
        self._warn(section, name, key, message, remedy)
        return True

    def _warn(self, section: str, name: str, key: str, message: str, remedy: str) -> None:
        self._tell(section, name, key, message, remedy, Level.WARNING)

    def _tell(self, section: str, name: str, key: str, message: str, remedy: str, level: Level) -> None:
        place = self._places.get((section, name))
        if place is not None:
            self._problems.add(place.problem(key, message, remedy, level))
            return
        source = self._merged.told_by.get((section, name), ("inventory",))[0]
        self._problems.add(Problem(source, 0, f"$.{section}.{name}.{key}", message, remedy, level))


def counted(inventory: Inventory) -> dict[str, int]:
    """How many entries each section has, of those that have any."""
    sections = {each.name: getattr(inventory, each.name) for each in fields(inventory) if each.name != "version"}
    return {name: len(entries) for name, entries in sections.items() if entries}


def _strange(settings: InventorySettings) -> list[Problem]:
    """Keys of ``precedence`` and ``defaults`` that name no field of any section."""
    found = []
    for heading, keys in (("precedence", settings.precedence), ("defaults", settings.defaults)):
        for key in keys:
            section, _, name = key.partition(".")
            known = SECTIONS if section not in SECTIONS else shape_of(SECTIONS[section].form).types
            word = section if section not in SECTIONS else name.partition(".")[0]
            if word and word not in known and word != "ends":
                message = f"'{word}' is no {'section' if known is SECTIONS else f'field of {section}'}, so it does nothing"
                place = f"$.inventory.{heading}.{key}"
                found.append(Problem("settings", 0, place, message, did_you_mean(word, known), Level.WARNING))
    return found
