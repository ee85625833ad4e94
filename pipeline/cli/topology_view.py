"""Which inventory a question is about: the files, or what was known at some time; and of that, what held at some time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.moment import Moment
from pipeline.cli.output import Exit, clock, fail
from pipeline.config.moment import nanoseconds
from pipeline.config.problem import did_you_mean
from pipeline.core.declaration import entries
from pipeline.core.inventory import NETWORK, Inventory
from pipeline.core.resource import DERIVED, ResourceId, ResourceKind, device_of, kind_of, name_of
from pipeline.core.topology import Topology
from pipeline.core.validity import as_of
from pipeline.inventory.files import load_inventory
from pipeline.inventory.present import load_present
from pipeline.store.inventory_history import InventoryHistory

_SECTIONS = {
    ResourceKind.SITE: "sites",
    ResourceKind.POWER: "power",
    ResourceKind.DUCT: "ducts",
    ResourceKind.FIBRE: "fibres",
    ResourceKind.LINK: "links",
    ResourceKind.LSP: "lsps",
    ResourceKind.TUNNEL: "tunnels",
    ResourceKind.CIRCUIT: "circuits",
    ResourceKind.DEPENDENCY: "dependencies",
    ResourceKind.SERVICE: "services",
}


@dataclass(frozen=True, slots=True)
class View:
    """An inventory as it held at ``at`` (UTC nanoseconds), by what was known at ``known_at``; both 0 for the files as they hold now."""

    inventory: Inventory
    at: int = 0
    known_at: int = 0

    @property
    def words(self) -> str:
        """``as of 11-23 10:46, as known at 11-24 09:00``; empty for now."""
        told = f"as of {clock(self.at)}" if self.at else ""
        return f"{told}, as known at {clock(self.known_at)}" if self.known_at not in {0, self.at} else told

    @property
    def json(self) -> dict[str, Any]:
        """The same for scripts."""
        return {"version": self.inventory.version, "at": self.at, "known_at": self.known_at}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of :func:`view_options` say."""

    config: Path | None = None
    inventory: Path | None = None
    at: int | None = None
    known_at: int | None = None

    def view(self) -> View:
        """The inventory that they mean; ends with what to do when there is none."""
        now = time.time_ns()
        if self.inventory is not None and self.known_at is not None:
            fail("--known-at asks the history, --inventory a folder: leave one out", Exit.USAGE)
        if self.inventory is not None or (self.known_at is None and (self.at is None or self.at > now)):
            declared = load_inventory(self.inventory) if self.inventory else load_present(read_settings(self.config))
            return View(as_of(declared, self.at or now), self.at or 0)
        known = self.known_at if self.known_at is not None else self.at or now
        return View(as_of(known_inventory(self.config, known), self.at or known), self.at or known, known)

    def view_of(self, version: str, at: int) -> View | None:
        """The topology that an incident of ``at`` names by its version, or else what was known at that time.

        ``None`` when the history does not answer, or has neither.
        """
        recorded, _, since = version.partition("@")
        try:
            with InventoryHistory.of(read_settings(self.config).history) as history:
                named = history.of_version(recorded) if recorded else None
                found = named or history.known_at(at)
        except OSError:
            return None
        if found is None:
            return None
        if named is not None:
            return View(as_of(named, nanoseconds(since)) if since else named, at, at)
        return View(as_of(found, at), at, at)


def view_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config``, ``--inventory``, ``--at`` and ``--known-at`` to a command, which gets them as ``asked``."""

    @wraps(command)
    def wrapped(**options: Any) -> Any:
        own = {each.name: options.pop(each.name) for each in fields(Asked)}
        return command(asked=Asked(**own), **options)

    made: Callable[..., Any] = wrapped
    for option in (
        click.option("--known-at", type=Moment(), help="By what was known at this time; without --at, also as it was then."),
        click.option(
            "--at", type=Moment(), help="As it was then, by what was known then: 2026-11-23T10:46Z, 10:46 (today, UTC), 2h (ago)."
        ),
        click.option(
            "--inventory",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="This inventory folder instead of the settings' one; then --at asks what it says of that time.",
        ),
        config_option,
    ):
        made = option(made)
    return made


def known_inventory(config: Path | None, at: int) -> Inventory:
    """What was recorded by a time; ends when the store does not answer, or nothing was."""
    try:
        with InventoryHistory.of(read_settings(config).history) as history:
            found = history.known_at(at)
            first = next(iter(history.recordings()), None) if found is None else None
    except OSError as error:
        no_answer(str(error), config)
    if found is not None:
        return found
    begins = f"the history of the inventory begins at {clock(first.recorded_at)} UTC" if first else "no inventory was recorded yet"
    return fail(f"{begins}: nothing is known of {clock(at)}", Exit.NOT_FOUND)


def find(graph: Topology, resource: str) -> int:
    """The node of a resource by its id, or by its name where only one has it; ends with the nearest name when there is none."""
    node = graph.node(ResourceId(resource))
    if node is not None:
        return node
    named = [number for number, name in enumerate(graph.names) if name_of(name) == resource and graph.kinds[number] not in DERIVED]
    if len(named) == 1:
        return named[0]
    if named:
        fail(f"several resources are called {resource}: {', '.join(graph.names[number] for number in named)}", Exit.NOT_FOUND)
    near = did_you_mean(resource, graph.names) or did_you_mean(resource, map(name_of, graph.names))
    return fail(
        f"the inventory has no resource {resource}; {near or 'write it as kind/name: device/pe1, fibre/f1, service/s1'}", Exit.NOT_FOUND
    )


def declared(inventory: Inventory, resource: ResourceId) -> Any:
    """The entry that declares a resource (of a part of a device: the device's, or the LAG's); ``None`` if none does."""
    own = inventory.lags.get(name_of(resource)) or inventory.devices.get(device_of(resource) or "")
    if own is not None:
        return own
    section = _SECTIONS.get(kind_of(resource))
    return entries(inventory, section).get(name_of(resource)) if section in NETWORK else None


def facts(inventory: Inventory, resource: ResourceId) -> str:
    """``source netbox, confidence 0.9, valid from 11-23 10:46``; empty when there is nothing to say."""
    entry = declared(inventory, resource)
    if entry is None:
        return "" if kind_of(resource) in DERIVED else "used, but not declared"
    told = (
        f"source {entry.source}" if entry.source else "",
        f"confidence {entry.confidence:g}" if entry.confidence < 1 else "",
        f"valid from {clock(entry.valid_from)}" if entry.valid_from else "",
        f"valid until {clock(entry.valid_until)}" if entry.valid_until else "",
    )
    return ", ".join(filter(None, told))
