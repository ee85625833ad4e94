"""An inventory walked section by section, whatever sections there are: for what treats every declaration alike."""

import typing
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from pipeline.core.inventory import Inventory

SECRETS = frozenset({"community"})
"""Fields, in whatever section, that are nobody's business: neither recorded nor compared."""


@cache
def sections() -> dict[str, type[Any]]:
    """Every section of an inventory with the type of its entries."""
    hints = {name: hint for name, hint in typing.get_type_hints(Inventory).items() if typing.get_args(hint)}
    return {name: next(kind for kind in typing.get_args(hint) if kind is not str) for name, hint in hints.items()}


def entries(inventory: Inventory, section: str) -> Mapping[str, Any]:
    """The entries of a section by name."""
    found = getattr(inventory, section)
    return found if isinstance(found, dict) else {entry.name: entry for entry in found}


def with_entries(version: str, found: Mapping[str, Mapping[str, Any]]) -> Inventory:
    """An inventory of these entries, by section and name."""
    empty = Inventory(version)
    kept: dict[str, Any] = {
        section: dict(own) if isinstance(getattr(empty, section), dict) else tuple(own.values()) for section, own in found.items()
    }
    return Inventory(version=version, **kept)


def told(entry: Any) -> dict[str, Any]:
    """The fields of an entry with their values; secrets left out."""
    return {each.name: getattr(entry, each.name) for each in fields(entry) if each.name not in SECRETS}
