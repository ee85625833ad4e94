"""Profiles that extend others, made whole; and which of them a device is polled by. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from pipeline.core.profile import GENERIC, GENERIC_NAME, DerivedColumn, PollColumn, Profile, ProfileMatch, ProfileTable
from pipeline.core.resource import ResourceKind

Named = TypeVar("Named", PollColumn, DerivedColumn)
MAX_DESCR = 1024
"""Characters of sysDescr that are looked at; SNMPv2-MIB lets it have 255 octets."""


@dataclass(frozen=True, slots=True)
class TableLayer:
    """What a profile says of one table. ``None`` is as the parents have it; columns are added, or replace those of the same name."""

    name: str
    columns: tuple[PollColumn, ...] = ()
    derived: tuple[DerivedColumn, ...] = ()
    scalar: bool | None = None
    rows: ResourceKind | None = None
    label: str | None = None
    where: str | None = None
    every: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileLayer:
    """A profile as it is written: what it adds to the profiles that it extends. Tables in ``drop`` are taken from the parents' first."""

    name: str
    tables: tuple[TableLayer, ...] = ()
    match: ProfileMatch | None = None
    extends: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    description: str = ""


def flatten(layers: Mapping[str, ProfileLayer]) -> dict[str, Profile]:
    """Every profile with what it has from its parents.

    Layers lie on each other in the order of :func:`ancestry`: of two parents the later one holds where both say something, and a profile
    that is reached by two ways lies once, beneath both. Parents that do not exist, and ways round in a circle, are left out.
    """
    return {name: _laid(layer, [layers[each] for each in ancestry(name, layers)]) for name, layer in layers.items()}


def ancestry(name: str, layers: Mapping[str, ProfileLayer]) -> tuple[str, ...]:
    """A profile's ancestors and itself, each once, parents before children."""
    found: dict[str, None] = {}
    _ascend(name, layers, found, frozenset())
    return tuple(found)


def _ascend(name: str, layers: Mapping[str, ProfileLayer], found: dict[str, None], below: frozenset[str]) -> None:
    if name in found or name in below or name not in layers:
        return
    for parent in layers[name].extends:
        _ascend(parent, layers, found, below | {name})
    found[name] = None


def circles(layers: Mapping[str, ProfileLayer]) -> frozenset[str]:
    """The profiles that extend themselves, by whatever way."""
    return frozenset(name for name in layers if name in set(_above(name, layers)))


def _above(name: str, layers: Mapping[str, ProfileLayer]) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [*layers[name].extends]
    while waiting:
        parent = waiting.pop()
        yield parent
        if parent in layers and parent not in seen:
            seen.add(parent)
            waiting += layers[parent].extends


def _laid(top: ProfileLayer, layers: Iterable[ProfileLayer]) -> Profile:
    tables: dict[str, ProfileTable] = {}
    for layer in layers:
        tables = {name: table for name, table in tables.items() if name not in layer.drop}
        for table in layer.tables:
            tables[table.name] = _table(tables.get(table.name) or ProfileTable(table.name, ()), table)
    return Profile(top.name, tuple(tables.values()), top.match, top.extends, top.description)


def _table(below: ProfileTable, layer: TableLayer) -> ProfileTable:
    said = {key: value for key in ("scalar", "rows", "label", "where", "every") if (value := getattr(layer, key)) is not None}
    columns, derived = _joined(below.columns, layer.columns), _joined(below.derived, layer.derived)
    polled, computed = {column.name for column in layer.columns}, {column.name for column in layer.derived}
    return replace(
        below,
        columns=tuple(column for column in columns if column.name not in computed),
        derived=tuple(column for column in derived if column.name not in polled),
        **said,
    )


def _joined(below: tuple[Named, ...], above: tuple[Named, ...]) -> tuple[Named, ...]:
    """Both, in the parents' order; of two with one name the child's, in the parent's place."""
    found = {column.name: column for column in below}
    found.update({column.name: column for column in above})
    return tuple(found.values())


def choose(profiles: Mapping[str, Profile], sys_object_id: str, sys_descr: str) -> Profile:
    """The profile for a device, told by its sysObjectID and sysDescr.

    The longest sysObjectID that the device's begins with wins; of two alike the one that asks for a sysDescr; else the generic profile.
    """
    best: tuple[int, bool, Profile] | None = None
    for profile in profiles.values():
        depth = depth_of(profile.match, sys_object_id, sys_descr)
        rank = (depth, bool(profile.match and profile.match.sys_descr))
        if depth >= 0 and (best is None or rank > best[:2]):
            best = (*rank, profile)
    return best[2] if best else profiles.get(GENERIC_NAME) or GENERIC


def depth_of(match: ProfileMatch | None, sys_object_id: str, sys_descr: str) -> int:
    """How many numbers of a device's sysObjectID a match asks for; -1 when it is not for that device."""
    if match is None or not (match.sys_object_ids or match.sys_descr):
        return -1
    if match.sys_descr and not re.search(match.sys_descr, sys_descr[:MAX_DESCR]):
        return -1
    own = f"{sys_object_id}."
    depths = [oid.count(".") + 1 for oid in match.sys_object_ids if own.startswith(f"{oid}.")]
    return max(depths, default=-1) if match.sys_object_ids else 0
