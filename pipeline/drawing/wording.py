"""What stands above a picture."""

from collections.abc import Mapping
from typing import Any

from pipeline.core.inventory import Inventory
from pipeline.core.topology import Topology

Words = tuple[str, str]


def map_words(inventory: Inventory, when: str) -> Words:
    """Title and subtitle of a map; ``when`` is which time it is of, if not now."""
    counts = (_count(len(inventory.sites), "site"), _count(len(inventory.devices), "device"), _count(len(inventory.links), "link"))
    return f"Network of {', '.join(counts[:-1])} and {counts[-1]}", _beside(inventory, when)


def resource_words(graph: Topology, focus: int, inventory: Inventory, when: str) -> Words:
    """Title and subtitle of what one resource needs."""
    needs, needed = len(graph.ancestors(focus)), len(graph.descendants(focus))
    return f"What {graph.names[focus]} needs, and what needs it", f"needs {needs}, is needed by {needed}; {_beside(inventory, when)}"


def incident_words(incident: Mapping[str, Any]) -> str:
    """``Incident 8d7876c1: fibre/f1 (open, critical)``, with how many services feel it."""
    states = [impact["state"] for impact in incident["impacts"]]
    felt = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    about = f"Incident {incident['id'][:8]}: {incident['root_cause']} ({incident['state']}, {incident['severity']})"
    return f"{about}; services: {felt}" if felt else about


def _beside(inventory: Inventory, when: str) -> str:
    return f"inventory {inventory.version}{', ' + when if when else ''}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else noun + 's'}"
