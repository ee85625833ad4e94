"""An inventory as the entries of a source: what it states, without what are only defaults."""

from dataclasses import MISSING, fields
from typing import Any

from pipeline.core.inventory import NETWORK, Inventory
from pipeline.core.inventory_merge import Entries


def entries_of_inventory(inventory: Inventory) -> Entries:
    """The network's part of an inventory, entry by entry."""
    made = {section: {name: _stated(entry) for name, entry in getattr(inventory, section).items()} for section in NETWORK}
    return {section: named for section, named in made.items() if named}


def _stated(entry: Any) -> dict[str, Any]:
    """The fields that are not their defaults; interfaces by name."""
    found: dict[str, Any] = {}
    for each in fields(entry):
        value = getattr(entry, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if each.name == "interfaces":
            found[each.name] = {port.name: {key: told for key, told in _stated(port).items() if key != "name"} for port in value}
        elif value != default:
            found[each.name] = value
    return found
