"""The last whole answer of each source, in a file of its own: written at once or not at all, and kept when a later fetch fails."""

import contextlib
import os
import time
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from pipeline.config.decode import shape_of
from pipeline.config.moment import nanoseconds
from pipeline.core.inventory import Interface
from pipeline.core.inventory_merge import Entries, Part
from pipeline.inventory.form import SECTIONS, Section
from pipeline.inventory.mapping import Notice

FORMAT = 1
SNAPSHOT_SUFFIX = ".json"
STATE_SUFFIX = ".state"
_LIST_SEPARATOR = ";"
_NANOSECONDS = 1_000_000_000
_INTERFACES = "interfaces"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a source said at ``fetched_at`` (UTC nanoseconds), and what of it could not be taken as it is.

    ``ids`` are what its own ids mean, ``interface/pe1/ge-0/0/1``: other sources refer to them.
    """

    source: str
    kind: str
    fetched_at: int
    entries: Entries
    notices: tuple[Notice, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)

    def part(self, confidence: float = 1.0) -> Part:
        """It as a part of the inventory."""
        return Part(self.source, self.entries, confidence)


class State(msgspec.Struct, frozen=True):
    """How it goes with a source: when it last gave a whole answer and when it was last asked (UTC nanoseconds), and why it failed then."""

    fetched_at: int = 0
    tried_at: int = 0
    took_s: float = 0.0
    error: str = ""


class SnapshotError(Exception):
    """A snapshot's file that cannot be read, with the remedy."""


class _Written(msgspec.Struct):
    format: int
    source: str
    kind: str
    fetched_at: str
    entries: dict[str, msgspec.Raw]
    notices: list[Notice] = msgspec.field(default_factory=list)
    ids: dict[str, str] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The folder of all sources' snapshots. Raises ``OSError`` where files cannot be written."""

    folder: Path

    def path(self, source: str) -> Path:
        """The file of a source."""
        return self.folder / f"{source}{SNAPSHOT_SUFFIX}"

    def read(self, source: str) -> Snapshot | None:
        """The last whole answer; ``None`` when there never was one. Raises ``SnapshotError``."""
        try:
            written = msgspec.json.decode(self.path(source).read_bytes(), type=_Written)
            if written.format != FORMAT:
                raise SnapshotError(f"{self.path(source)} has format {written.format}, not {FORMAT}; fetch it again")
            entries = {section: _decoded(section, raw) for section, raw in written.entries.items() if section in SECTIONS}
            return Snapshot(source, written.kind, nanoseconds(written.fetched_at), entries, tuple(written.notices), written.ids)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, ValueError, OSError) as error:
            raise SnapshotError(f"{self.path(source)} is no snapshot ({error}); `assure topology fetch {source}` writes it anew") from None

    def write(self, snapshot: Snapshot, took_s: float) -> bool:
        """Keep it, and that it came; what says the same as the one before is not written again, so that nobody reads it again.

        Answers whether anything in it is new.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        before = None
        with contextlib.suppress(SnapshotError):
            before = self.read(snapshot.source)
        changed = before is None or (before.entries, before.notices, before.ids) != (snapshot.entries, snapshot.notices, snapshot.ids)
        if changed:
            _replace(self.path(snapshot.source), _encoded(snapshot))
        self._write_state(snapshot.source, State(snapshot.fetched_at, snapshot.fetched_at, round(took_s, 3)))
        return changed

    def failed(self, source: str, tried_at: int, error: str) -> State:
        """Keep that it failed, beside the last whole answer, and answer how it goes now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self.state(source)
        now = State(before.fetched_at, tried_at, before.took_s, error)
        self._write_state(source, now)
        return now

    def state(self, source: str) -> State:
        """How it goes with a source; nothing but zeros for one that was never asked."""
        try:
            return msgspec.json.decode((self.folder / f"{source}{STATE_SUFFIX}").read_bytes(), type=State)
        except (OSError, msgspec.MsgspecError):
            return State()

    def _write_state(self, source: str, state: State) -> None:
        _replace(self.folder / f"{source}{STATE_SUFFIX}", msgspec.json.encode(state))


def typed(entries: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> tuple[dict[str, dict[str, dict[str, Any]]], tuple[Notice, ...]]:
    """Entries with each field of the type that the inventory asks for; a field that cannot be is left out, and told.

    Text becomes a number or a list (members between ``;``) where one is asked for.
    """
    made: dict[str, dict[str, dict[str, Any]]] = {}
    notices: list[Notice] = []
    for section, named in entries.items():
        types = shape_of(SECTIONS[section].form).types
        made[section] = {name: _typed(section, name, told, types, notices) for name, told in named.items()}
    return made, tuple(notices)


def _typed(section: str, name: str, told: Mapping[str, Any], types: Mapping[str, Any], notices: list[Notice]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in told.items():
        if key == _INTERFACES:
            ports = shape_of(Interface).types
            kept[key] = {port: _typed(section, name, fields, ports, notices) for port, fields in value.items()}
            continue
        if key not in types:
            notices.append(Notice(section, name, f"'{key}' is no field of {section}", f"take {section}.{key} out of fields"))
            continue
        try:
            kept[key] = msgspec.convert(_listed(value, types[key]), types[key], strict=False)
        except msgspec.ValidationError:
            notices.append(
                Notice(section, name, f"'{value}' cannot be its {key}", "mend it at the source, or take it from elsewhere (fields)")
            )
    return kept


def _listed(value: Any, kind: Any) -> Any:
    is_list = typing.get_origin(kind) is tuple
    return [part.strip() for part in value.split(_LIST_SEPARATOR) if part.strip()] if is_list and isinstance(value, str) else value


def _encoded(snapshot: Snapshot) -> bytes:
    entries = {section: [_listed_ports(told) for told in named.values()] for section, named in snapshot.entries.items()}
    written = {
        "format": FORMAT,
        "source": snapshot.source,
        "kind": snapshot.kind,
        "fetched_at": text_of(snapshot.fetched_at),
        "entries": entries,
        "notices": snapshot.notices,
        "ids": snapshot.ids,
    }
    return msgspec.json.format(msgspec.json.encode(written), indent=1)


def text_of(at: int) -> str:
    """UTC nanoseconds as RFC 3339, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // _NANOSECONDS))


def age_text(nanoseconds: int) -> str:
    """An age for people: ``12 s``, ``40 min``, ``3 h``, ``5 d``."""
    seconds = nanoseconds / _NANOSECONDS
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _listed_ports(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """A device's interfaces are a list in files, each with its name."""
    if _INTERFACES not in told:
        return told
    return {**told, _INTERFACES: [{"name": name, **fields} for name, fields in told[_INTERFACES].items()]}


def _decoded(section: str, raw: msgspec.Raw) -> dict[str, dict[str, Any]]:
    found: Sequence[dict[str, Any]] = msgspec.json.decode(raw, type=_list_type(section))
    for told in found:
        if _INTERFACES in told:
            told[_INTERFACES] = {port.pop("name"): port for port in told[_INTERFACES]}
    return {told["name"]: told for told in found}


@cache
def _list_type(section: str) -> Any:
    """A list of entries of a section that may state any of their fields, and must state their name."""
    return list[partial_type(SECTIONS[section])]  # type: ignore[misc]  # made at run time


def partial_type(section: Section) -> Any:
    """The type of an entry that states some of its fields."""
    types = dict(shape_of(section.form).types)
    if _INTERFACES in types:
        types[_INTERFACES] = list[_partial("Interface", shape_of(Interface).types)]  # type: ignore[misc]  # as above
    return _partial(section.form.__name__, types)


def _partial(name: str, types: Mapping[str, Any]) -> Any:
    make: Any = typing.TypedDict
    return make(f"{name}Part", {key: typing.Required[kind] if key == "name" else kind for key, kind in types.items()}, total=False)


def _replace(path: Path, content: bytes) -> None:
    """Write a file at once: whoever reads it has the old one or the new one, also after a crash. Only its owner may read it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123  # a mode from its first byte on
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
