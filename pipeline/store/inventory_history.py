"""What was declared at every time: the inventory, recorded whenever it changes, and read back as it was known at any moment.

A recording holds only what differs from the one it follows. Its entries are written first and its row in ``inventory_version`` last, so one
that was cut short does not count, and the next begins again. Sections, their values and their fields are those of
:class:`pipeline.core.inventory.Inventory`: a new one needs nothing here. Secrets are not recorded.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from itertools import islice
from typing import Any

import msgspec

from pipeline.core.declaration import SECRETS, entries, sections, told, with_entries
from pipeline.core.inventory import Inventory
from pipeline.store.client import Columns, Connection, StoreError
from pipeline.store.reader import Reader

log = logging.getLogger(__name__)

BATCH = 10_000
"""Entries of one insert: a few megabytes."""
_DIGEST_BYTES = 8

_RECORDINGS = (
    "SELECT toUnixTimestamp64Nano(recorded_at) AS recorded_at, toUnixTimestamp64Nano(follows) AS follows, version, entries, changed"
    " FROM inventory_version FINAL ORDER BY inventory_version.recorded_at"
)
_OF_RECORDINGS = (
    " FROM inventory_entry AS e WHERE e.recorded_at IN (SELECT recorded_at FROM inventory_version"
    " WHERE toUnixTimestamp64Nano(recorded_at) <= {last:Int64} AND NOT has({beside:Array(Int64)}, toUnixTimestamp64Nano(recorded_at)))"
)
_SETTINGS = " SETTINGS optimize_aggregation_in_order = 1"
_DIGESTS = (
    "SELECT e.name AS name, argMax(reinterpretAsUInt64(substring(SHA256(e.content), 1, 8)), e.recorded_at) AS digest,"
    " argMax(e.is_deleted, e.recorded_at) AS gone"
    f"{_OF_RECORDINGS} AND e.section = {{section:String}} GROUP BY name HAVING NOT gone ORDER BY name{_SETTINGS}"
)
_CONTENTS = (
    "SELECT e.name AS name, argMax(e.content, e.recorded_at) AS content, argMax(e.is_deleted, e.recorded_at) AS gone"
    f"{_OF_RECORDINGS} AND e.section = {{section:String}} GROUP BY name HAVING NOT gone ORDER BY name{_SETTINGS}"
)


class StoppedError(Exception):
    """A recording was given up half way; nothing of it counts."""


@dataclass(frozen=True, slots=True)
class Recording:
    """An inventory as it was known at ``recorded_at`` (UTC nanoseconds); ``follows`` is the recording it changes, 0 for the first."""

    recorded_at: int
    follows: int
    version: str
    entries: int
    changed: int


@dataclass(frozen=True, slots=True)
class _Chain:
    """The recordings that led to one, which is the ``last``; ``beside`` are others of that time that it does not follow."""

    last: Recording
    beside: tuple[int, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        return {"last": self.last.recorded_at, "beside": list(self.beside)}


def recordings(connection: Connection) -> list[Recording]:
    """Every recording, oldest first. Raises ``StoreError``."""
    return [Recording(**{**row, "follows": row["follows"] or 0}) for row in connection.rows(_RECORDINGS)]


def record(connection: Connection, inventory: Inventory, at: int, is_over: Callable[[], bool] = lambda: False) -> Recording | None:
    """Record an inventory as known at ``at`` (UTC nanoseconds) unless the last recording is of the same version; what was recorded.

    Only entries that differ are written, section by section as they are compared, so a large inventory takes no more memory than it has
    already. Should another process record meanwhile, the differences are taken anew from what that one left. Raises ``StoreError``, after
    which nothing of it counts, or ``StoppedError`` when ``is_over`` says so.
    """
    known = recordings(connection)
    while True:
        if known and known[-1].version == inventory.version:
            return None
        base = _chain(known, known[-1]) if known else None
        own_at = max(at, known[-1].recorded_at + 1) if known else at
        changed = 0
        for columns in _batches(connection, inventory, base, own_at):
            if is_over():
                raise StoppedError(inventory.version)
            connection.insert("inventory_entry", columns)
            changed += len(columns["name"])
        now_known = recordings(connection)
        if now_known == known:
            break
        known = now_known
    count = sum(len(getattr(inventory, section)) for section in sections())
    made = Recording(own_at, base.last.recorded_at if base else 0, inventory.version, count, changed)
    row = {name: [getattr(made, name)] for name in ("recorded_at", "version", "entries", "changed")}
    connection.insert("inventory_version", row | {"follows": [made.follows or None]})
    log.info("inventory %s is recorded: %d of %d entries differ from what was known", made.version, changed, count)
    return made


def inventory_at(connection: Connection, at: int) -> Inventory | None:
    """The inventory as it was known at ``at`` (UTC nanoseconds), secrets blank; ``None`` when none was recorded by then.

    What of it held in the network at a time: :func:`pipeline.core.validity.as_of`. Raises ``StoreError``.
    """
    known = [each for each in recordings(connection) if each.recorded_at <= at]
    return _read(connection, _chain(known, known[-1])) if known else None


def inventory_of(connection: Connection, version: str) -> Inventory | None:
    """The inventory of a version, as its last recording has it; ``None`` when it was never recorded. Raises ``StoreError``."""
    known = recordings(connection)
    last = next((each for each in reversed(known) if each.version == version), None)
    return _read(connection, _chain(known, last)) if last else None


class InventoryHistory(Reader):
    """The same questions, for those who only read."""

    def recordings(self) -> list[Recording]:
        """As :func:`recordings`."""
        return recordings(self._connection)

    def known_at(self, at: int) -> Inventory | None:
        """As :func:`inventory_at`."""
        return inventory_at(self._connection, at)

    def of_version(self, version: str) -> Inventory | None:
        """As :func:`inventory_of`."""
        return inventory_of(self._connection, version)


def content(entry: Any) -> bytes:
    """An entry as JSON, without what has its default (so that a new field makes no difference) and with secrets blank."""
    return msgspec.json.encode(_given(entry), order="sorted")


def _given(value: Any) -> Any:
    if is_dataclass(value):
        own = told(value)
        given = {each.name: _given(own[each.name]) for each in fields(value) if each.name in own and own[each.name] != _default(each)}
        return given | {each.name: "" for each in fields(value) if each.name in SECRETS}
    if isinstance(value, tuple):
        return [_given(part) for part in value]
    return value


def _default(each: Field[Any]) -> Any:
    return each.default_factory() if each.default_factory is not MISSING else each.default


def _chain(known: list[Recording], last: Recording) -> _Chain:
    by_time = {each.recorded_at: each for each in known}
    followed, at = set(), last.recorded_at
    while at in by_time:
        followed.add(at)
        at = by_time[at].follows
    return _Chain(last, tuple(at for at in by_time if at <= last.recorded_at and at not in followed))


def _batches(connection: Connection, inventory: Inventory, base: _Chain | None, at: int) -> Iterator[Columns]:
    """The rows of what differs from ``base``, some at a time."""
    for section in sections():
        rows = connection.stream(_DIGESTS, {**base.parameters, "section": section}) if base else iter(())
        changes = _changes(entries(inventory, section), ((name, digest) for name, digest, _ in rows))
        while batch := list(islice(changes, BATCH)):
            yield _columns(section, batch, inventory.version, at)


def _changes(own_entries: Mapping[str, Any], known: Iterable[tuple[str, int]]) -> Iterator[tuple[str, Any, bytes]]:
    """Both in order of name, side by side: what is new or different with its content, and names that are gone with ``None``."""
    rows = iter(known)
    name, digest = next(rows, (None, 0))
    for own in sorted(own_entries, key=str.encode):
        while name is not None and name.encode() < own.encode():
            yield name, None, b""
            name, digest = next(rows, (None, 0))
        text = content(own_entries[own])
        if name == own:
            if _digest(text) != digest:
                yield own, own_entries[own], text
            name, digest = next(rows, (None, 0))
        else:
            yield own, own_entries[own], text
    while name is not None:
        yield name, None, b""
        name, digest = next(rows, (None, 0))


def _digest(text: bytes) -> int:
    return int.from_bytes(hashlib.sha256(text).digest()[:_DIGEST_BYTES], "little")


def _columns(section: str, batch: list[tuple[str, Any, bytes]], version: str, at: int) -> Columns:
    told_of = [entry for _, entry, _ in batch]
    return {
        "section": [section] * len(batch),
        "name": [name for name, _, _ in batch],
        "content": [text.decode() for _, _, text in batch],
        "source": [getattr(entry, "source", "") for entry in told_of],
        "confidence": [float(getattr(entry, "confidence", 1.0)) for entry in told_of],
        "valid_from": [getattr(entry, "valid_from", 0) or None for entry in told_of],
        "valid_until": [getattr(entry, "valid_until", 0) or None for entry in told_of],
        "recorded_at": [at] * len(batch),
        "is_deleted": [entry is None for entry in told_of],
        "version": [version] * len(batch),
    }


def _read(connection: Connection, chain: _Chain) -> Inventory:
    found: dict[str, dict[str, Any]] = {}
    for section, kind in sections().items():
        decoder = msgspec.json.Decoder(kind)
        rows = connection.stream(_CONTENTS, {**chain.parameters, "section": section})
        try:
            found[section] = {name: decoder.decode(text) for name, text, _ in rows}
        except msgspec.DecodeError as error:
            raise StoreError(f"the inventory {chain.last.version} has {section} that this program cannot read: {error}") from error
    return with_entries(chain.last.version, found)
