"""Which declarations hold when: the inventory as it is at one time, and when that changes next.

Only the network's entries end like this. Contracts, customers and maintenance windows stay: what is owed for a month that is over, or what
was planned, is asked after their time.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pipeline.core.inventory import NETWORK, Entry, Inventory

SECOND_NS = 1_000_000_000


def holds(entry: Entry, at: int) -> bool:
    """Whether an entry is valid at a time (UTC ns): from ``valid_from`` on, no more at ``valid_until``; 0 is open."""
    return entry.valid_from <= at and (not entry.valid_until or at < entry.valid_until)


def as_of(inventory: Inventory, at: int) -> Inventory:
    """The inventory as it is at a time (UTC ns): without the entries that are not valid then.

    The same object where all are. Else its version tells since when it has been so (``3f2a90c1d7e4@2026-11-26T09:00:00Z``), so that one
    text always names one topology, whenever it is asked for. What refers to a dropped entry stays.
    """
    kept: dict[str, Any] = {
        section: {name: entry for name, entry in _entries(inventory, section) if holds(entry, at)} for section in NETWORK
    }
    if all(len(kept[section]) == len(getattr(inventory, section)) for section in NETWORK):
        return inventory
    since = max((boundary for boundary in _boundaries(inventory) if boundary <= at), default=0)
    return replace(inventory, version=f"{inventory.version}@{moment_text(since)}", **kept)


def next_change(inventory: Inventory, after: int) -> int:
    """The first time later than ``after`` at which an entry begins or ends (UTC ns); 0 if none will."""
    return min((boundary for boundary in _boundaries(inventory) if boundary > after), default=0)


def _entries(inventory: Inventory, section: str) -> Iterator[tuple[str, Entry]]:
    yield from getattr(inventory, section).items()


def _boundaries(inventory: Inventory) -> Iterator[int]:
    """Every time at which an entry begins or ends."""
    for section in NETWORK:
        for _, entry in _entries(inventory, section):
            if entry.valid_from:
                yield entry.valid_from
            if entry.valid_until:
                yield entry.valid_until


def moment_text(at: int) -> str:
    """UTC nanoseconds as RFC 3339."""
    seconds, rest = divmod(at, SECOND_NS)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{rest:09d}Z" if rest else f"{moment}Z"
