"""Sources of the inventory are asked, and what they say is kept: the wiring behind `assure topology fetch`, and what runs by schedule."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter, Gauge

from collectors.discover.credential import Credential
from collectors.discover.target import TargetError, addresses_of
from collectors.poll.user import PollUser
from pipeline.config.problem import ConfigError
from pipeline.config.secret import Secret
from pipeline.config.secret_source import SecretError, find_secret
from pipeline.config.settings import Settings
from pipeline.config.source_settings import SourceKind, SourceSettings
from pipeline.core.discovered_inventory import inventory_of
from pipeline.core.inventory import Inventory
from pipeline.core.inventory_memory import Remembered, remember
from pipeline.core.inventory_merge import Entries, counts
from pipeline.discovering import Effort, ask, found_of, places_of
from pipeline.inventory.call import Caller, FetchError
from pipeline.inventory.entries import entries_of_inventory
from pipeline.inventory.mapping import Notice
from pipeline.inventory.netbox import entries_of
from pipeline.inventory.netbox_api import read_netbox
from pipeline.inventory.present import read_present
from pipeline.inventory.snapshot import Snapshot, SnapshotError, Snapshots, age_text, typed
from pipeline.inventory.tmf import Words, resources_of
from pipeline.inventory.tmf_api import read_tmf
from pipeline.inventory.tmf_service import services_of

log = logging.getLogger(__name__)

NANOSECONDS = 1_000_000_000
Tell = Callable[[str, int, int], None]
"""Hears of what is read, how many of it there are, and of how many."""
FETCHES = Counter("assure_inventory_fetches_total", "Times that a source of the inventory was asked", ["source", "outcome"])
ENTRIES = Gauge("assure_inventory_source_entries", "Entries in a source's last whole answer", ["source", "section"])
FETCHED = Gauge("assure_inventory_source_fetched_seconds", "When a source last gave a whole answer (Unix time)", ["source"])
STALE = Gauge("assure_inventory_source_stale", "1 while a source's last whole answer is too old", ["source"])
_LEAST_TO_GUARD = 20
_MOST_LOST = 0.5
_ORDER = (SourceKind.NETBOX, SourceKind.TMF639, SourceKind.DISCOVERY, SourceKind.TMF638)
"""Services refer to resources, so they are asked for last."""
LOOK_S = 5.0
"""How often it is looked at what is due."""
_MOST_LOGGED = 20
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of asking one source: ``error`` is empty when it gave a whole answer, and ``is_new`` when that says something new."""

    source: str
    at: int
    took_s: float
    entries: Mapping[str, int] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    is_new: bool = False
    error: str = ""
    kept_from: int = 0


def in_order(sources: Iterable[SourceSettings]) -> list[SourceSettings]:
    """Sources as they are asked: what others refer to comes first."""
    return sorted(sources, key=lambda source: _ORDER.index(source.kind))


def fetch(source: SourceSettings, settings: Settings, tell: Tell = lambda *_: None, *, takes_loss: bool = False) -> Fetched:
    """Ask one source, and keep what it says; a failure keeps what it said before.

    An answer that lost more than half of its entries is a failure too, unless ``takes_loss``: a token whose rights were cut looks so. A
    network that is asked also keeps what it said before and does not say now, unless ``takes_loss``: what is down does not answer.
    """
    snapshots, begun, at = Snapshots(settings.snapshot_dir), time.monotonic(), time.time_ns()
    try:
        said = _say(source, settings, snapshots, tell, forgets=takes_loss)
        snapshot = Snapshot(source.name, source.kind.value, at, said.entries, said.notices, said.ids)
        if not takes_loss:
            _refuse_loss(snapshot, snapshots)
        took_s = time.monotonic() - begun
        is_new = snapshots.write(snapshot, took_s)
    except (FetchError, ConfigError, SecretError, TargetError, OSError) as error:
        state = snapshots.failed(source.name, at, str(error))
        FETCHES.labels(source.name, "failed").inc()
        return Fetched(source.name, at, time.monotonic() - begun, error=str(error), kept_from=state.fetched_at)
    FETCHES.labels(source.name, "fetched").inc()
    return Fetched(source.name, at, took_s, dict(counts(snapshot.entries)), snapshot.notices, is_new)


@dataclass(frozen=True, slots=True)
class _Said:
    """A source's answer in the inventory's words."""

    entries: Entries
    notices: tuple[Notice, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)


def _say(source: SourceSettings, settings: Settings, snapshots: Snapshots, tell: Tell, *, forgets: bool) -> _Said:
    if source.kind is SourceKind.DISCOVERY:
        before = None if forgets else _before(source.name, snapshots)
        return _said(*_discovered(source, settings, before.entries if before else {}, tell))
    caller = Caller(source)
    try:
        if source.kind is SourceKind.NETBOX:
            return _said(*entries_of(read_netbox(source, caller, tell), source.fields))
        items, words = read_tmf(source, caller, tell), Words(source.types, source.fields)
    finally:
        caller.close()
    if source.kind is SourceKind.TMF639:
        found = resources_of(items, words)
        return _said(found.entries, found.notices, found.ids)
    return _said(*services_of(items, words, _known_ids(settings, snapshots)))


def _said(entries: Mapping[str, Any], notices: Sequence[Notice], ids: Mapping[str, str] | None = None) -> _Said:
    kept, further = typed(entries)
    return _Said(kept, (*notices, *further), ids or {})


def _known_ids(settings: Settings, snapshots: Snapshots) -> dict[str, str]:
    """What ids of resources mean, by the last answers of the sources of resources; the first source wins."""
    known: dict[str, str] = {}
    for source in settings.inventory.sources:
        if source.kind is SourceKind.TMF639:
            try:
                snapshot = snapshots.read(source.name)
            except SnapshotError as error:
                raise FetchError(f"what {source.name} said cannot be read", str(error)) from None
            known = {**(snapshot.ids if snapshot else {}), **known}
    return known


def _refuse_loss(snapshot: Snapshot, snapshots: Snapshots) -> None:
    before = _before(snapshot.source, snapshots)
    had = sum(count for _, count in counts(before.entries)) if before else 0
    has = sum(count for _, count in counts(snapshot.entries))
    if had >= _LEAST_TO_GUARD and has < had * _MOST_LOST:
        message = f"it has {has} entries where it had {had}"
        remedy = f"may its token still read everything? `assure topology fetch {snapshot.source} --force` takes it as it is"
        raise FetchError(message, remedy)


def _before(source: str, snapshots: Snapshots) -> Snapshot | None:
    """What a source said last; nothing when that cannot be read, since it is about to be written anew."""
    try:
        return snapshots.read(source)
    except SnapshotError:
        return None


def _discovered(source: SourceSettings, settings: Settings, before: Entries, tell: Tell) -> tuple[Entries, tuple[Notice, ...]]:
    """The network's own word: what answers at the targets, or at the declared devices."""
    declared = _declared(settings)
    targets = source.targets or ([device.address for device in declared.devices.values()] if declared else ())
    if not targets:
        raise FetchError("there is nobody to ask", "name targets: [192.0.2.0/24], or declare devices")
    users = {user.name: user for user in settings.traps.users}
    own = (Credential(source.user, user=PollUser(users[source.user])),) if source.user else ()

    def secret(text: str) -> Secret:
        return find_secret(text, settings.inventory_dir, os.environ)[0]

    credentials = (*own, *(Credential(text, secret(text)) for text in source.communities))
    places = places_of(addresses_of(tuple(targets)), 161, credentials, declared, secret, settings.traps.users)
    heard = 0

    def hear(_: object) -> None:
        nonlocal heard
        heard += 1
        tell("addresses", heard, len(places))

    found = found_of(ask(places, Effort(), hear), declared)
    if not found.discovery.devices:
        raise FetchError(f"nobody answers at {len(places)} addresses", "are the targets and the communities right?")
    remembered = remember(entries_of_inventory(inventory_of(found.discovery)), before, {place.address for place in places})
    return remembered.entries, tuple(_of_silent(remembered, len(places) - len(found.discovery.devices)))


def _of_silent(remembered: Remembered, silent: int) -> Iterator[Notice]:
    forget = "--force forgets them"
    if silent > 0:
        yield Notice("devices", "", f"{silent} addresses did not answer, or are of a device that answered at another")
    for section, names in (("devices", remembered.devices), ("links", remembered.links)):
        if names:
            listed = ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
            yield Notice(section, "", f"{len(names)} not found now, so kept as they were: {listed}", forget)


def _declared(settings: Settings) -> Inventory | None:
    try:
        return read_present(settings).inventory
    except ConfigError:
        return None


async def follow(settings: Settings, stop: asyncio.Event) -> None:
    """Ask every source each ``inventory.fetch_every_s``, from when it was last asked; and tell of those that are stale. Until ``stop``."""
    own = settings.inventory
    if not own.fetched:
        return
    snapshots = Snapshots(settings.snapshot_dir)
    stale: set[str] = set()
    while not await _stopped(stop, LOOK_S):
        for source in in_order(own.fetched):
            if own.fetch_every_s and time.time_ns() - snapshots.state(source.name).tried_at >= own.fetch_every_s * NANOSECONDS:
                _log_fetched(await asyncio.to_thread(fetch, source, settings))
            _tell_stale(source.name, settings, snapshots, stale)


def _log_fetched(fetched: Fetched) -> None:
    if fetched.error:
        kept = f"what it said {age_text(fetched.at - fetched.kept_from)} ago stays in use" if fetched.kept_from else "it never answered yet"
        log.warning("inventory source %s: %s; %s", fetched.source, fetched.error, kept)
        return
    for section, count in fetched.entries.items():
        ENTRIES.labels(fetched.source, section).set(count)
    log.info("inventory source %s: %s, in %.1f s", fetched.source, "new" if fetched.is_new else "as before", fetched.took_s)
    for notice in fetched.notices[:_MOST_LOGGED] if fetched.is_new else ():
        log.warning("inventory source %s: %s", fetched.source, notice)


def _tell_stale(name: str, settings: Settings, snapshots: Snapshots, stale: set[str]) -> None:
    """Metrics of a source's age; a line once when it becomes stale, and once when it is well again."""
    state = snapshots.state(name)
    FETCHED.labels(name).set(state.fetched_at / NANOSECONDS)
    age = time.time_ns() - state.fetched_at
    is_stale = is_stale_at(age, settings)
    STALE.labels(name).set(int(is_stale))
    if is_stale and name not in stale:
        stale.add(name)
        told = f"its last whole answer is {age_text(age)} old" if state.fetched_at else "it never gave a whole answer"
        log.error("inventory source %s is stale: %s; %s", name, told, state.error or "is it asked at all?")
    elif not is_stale and name in stale:
        stale.discard(name)
        log.info("inventory source %s is up to date again", name)


def is_stale_at(age_ns: int, settings: Settings) -> bool:
    """Whether an answer of this age is too old."""
    return 0 < settings.inventory.stale_s * NANOSECONDS < age_ns


async def _stopped(stop: asyncio.Event, within_s: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), within_s)
    except TimeoutError:
        return False
    return True
