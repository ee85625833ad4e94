"""What a network said before and does not say now: an outage must not take its own topology away.

A device that is down does not answer, and a link that is down has no LLDP neighbours. So what was found before stays, as long as nothing
that is found now says otherwise.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.inventory_merge import Entries, Fields


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is found now with what stays from before; ``devices`` and ``links`` are the names of what stays."""

    entries: Entries
    devices: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


def remember(now: Entries, before: Entries, asked: Collection[str]) -> Remembered:
    """Keep the devices that were ``asked`` (addresses) and are silent, and the links at whose ends nothing else is found."""
    found, known = now.get("devices", {}), before.get("devices", {})
    there = {told.get("address") for told in found.values()}
    silent = {
        name: told
        for name, told in known.items()
        if name not in found and told.get("address") in asked and told.get("address") not in there
    }
    devices = {**found, **silent}
    taken = {end for link in now.get("links", {}).values() for end in (link.get("a"), link.get("b"))}
    links = {
        name: link
        for name, link in before.get("links", {}).items()
        if not {link.get("a"), link.get("b")} & taken and all(_has(devices, link.get(end)) for end in ("a", "b"))
    }
    lags = {name: lag for name, lag in before.get("lags", {}).items() if name.partition("/")[0] in silent}
    sites = {name: site for name, site in before.get("sites", {}).items() if any(told.get("site") == name for told in silent.values())}
    made: dict[str, Mapping[str, Fields]] = {**now, "devices": devices}
    for section, kept in (("sites", sites), ("links", links), ("lags", lags)):
        if kept:
            made[section] = {**kept, **now.get(section, {})}
    entries = {section: dict(sorted(named.items())) for section, named in made.items() if named}
    return Remembered(entries, tuple(sorted(silent)), tuple(sorted(links)))


def _has(devices: Mapping[str, Fields], end: Any) -> bool:
    """Whether an end of a link, ``device/interface``, is an interface that is known."""
    device, _, port = str(end).partition("/")
    return port in devices.get(device, {}).get("interfaces", {})
