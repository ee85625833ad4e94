"""What a discovery found, as tables for people and as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.text import Text

from collectors.discover.asker import Outcome
from pipeline.cli.output import console, plural, table
from pipeline.core.discovery import DiscoveredDevice, Discovery, End
from pipeline.core.inventory_difference import Comparison, Difference
from pipeline.discovering import Found, told

Json = dict[str, Any]
MOST_ALIKE = 5
"""So many differences of one kind on one device are listed; the rest is counted."""


def print_found(found: Found) -> None:
    """A summary, then what there is: devices, links, neighbours that did not answer, oddities, differences."""
    discovery, out = found.discovery, console()
    names = _names(discovery)
    out.print(summary(found))
    failed = [(each.address, each.why) for each in found.asked if each.outcome is Outcome.FAILED]
    if failed:
        out.print()
        out.print(table(("address", "why it could not be asked"), failed))
    if discovery.devices:
        out.print()
        out.print(table(("device", "address", "what", "interfaces", "neighbours"), map(_device, discovery.devices)))
    if discovery.links:
        rows = (
            (names[link.a], names[link.b], link.source, Text(f"{link.confidence:.1f}" + ("" if link.is_chosen else " (not taken)")))
            for link in discovery.links
        )
        out.print()
        out.print(table(("link from", "to", "source", "confidence"), rows))
    if discovery.strangers:
        strangers = (
            (_end(each.seen_by, each.if_index, names), each.name or each.chassis_id, ", ".join(each.addresses) or "-")
            for each in discovery.strangers
        )
        out.print()
        out.print(table(("seen at", "neighbour not found itself", "its addresses"), strangers))
    if discovery.findings:
        rows_odd = ((each.subject, each.kind.value, each.detail) for each in discovery.findings)
        out.print()
        out.print(table(("where", "oddity", "what"), rows_odd))
    if found.comparison is not None:
        _print_comparison(found.comparison)


def _print_comparison(comparison: Comparison) -> None:
    out = console()
    left = []
    if comparison.devices_not_asked:
        left.append(f"{plural(comparison.devices_not_asked, 'declared device')} not asked")
    if comparison.links_not_seen:
        left.append(f"{plural(comparison.links_not_seen, 'declared link')} that nobody can see")
    ending = f" ({', '.join(left)})" if left else ""
    if not comparison.differences:
        out.print()
        out.print(Text(f"Nothing differs from the inventory{ending}.", "green"))
        return
    out.print()
    out.print(f"Against the inventory: {plural(len(comparison.differences), 'difference')}{ending}")
    out.print(table(("difference", "what"), _told(comparison.differences)))


def _told(differences: Iterable[Difference]) -> Iterator[tuple[str, str]]:
    seen: Counter[tuple[str, str]] = Counter()
    for each in differences:
        seen[each.device, each.kind] += 1
        if seen[each.device, each.kind] <= MOST_ALIKE:
            yield each.kind.value, told(each)
    for (device, kind), count in seen.items():
        if count > MOST_ALIKE:
            yield kind, f"... and {count - MOST_ALIKE} more on {device} (--json lists all)"


def summary(found: Found) -> str:
    """``18 of 30 addresses answered (12 silent): 18 devices, 156 interfaces, 30 links``."""
    counts = Counter(each.outcome for each in found.asked)
    devices = found.discovery.devices
    others = [f"{counts[outcome]} {outcome}" for outcome in (Outcome.SILENT, Outcome.FAILED) if counts[outcome]]
    answered = f"{counts[Outcome.ANSWERED]} of {plural(len(found.asked), 'address', 'addresses')} answered"
    told_others = f" ({', '.join(others)})" if others else ""
    if not devices:
        remedy = "; is the community right (--community), the port (--port), and may this machine ask them?"
        return f"{answered}{told_others}{remedy}"
    interfaces = sum(len(device.interfaces) for device in devices)
    links = sum(link.is_chosen for link in found.discovery.links)
    return f"{answered}{told_others}: {plural(len(devices), 'device')}, {plural(interfaces, 'interface')}, {plural(links, 'link')}"


def _device(device: DiscoveredDevice) -> tuple[str, str, str, str, str]:
    up = sum(row.is_up for row in device.interfaces)
    what = " ".join(filter(None, (device.vendor, device.model))) or device.description[:40]
    return device.name, ", ".join(device.addresses), what, f"{len(device.interfaces)} ({up} up)", str(len(device.neighbours))


def _names(discovery: Discovery) -> dict[End, str]:
    return {(device.name, row.index): f"{device.name}/{row.name}" for device in discovery.devices for row in device.interfaces}


def _end(device: str, index: int | None, names: Mapping[End, str]) -> str:
    return device if index is None else names.get((device, index), f"{device} ifIndex {index}")


def to_json(found: Found) -> Json:
    """Everything, for scripts; links and strangers with the names of their interfaces."""
    discovery, names = found.discovery, _names(found.discovery)
    by_outcome = {outcome.value: [each.address for each in found.asked if each.outcome is outcome] for outcome in Outcome}
    made: Json = {
        **by_outcome,
        "failed": {each.address: each.why for each in found.asked if each.outcome is Outcome.FAILED},
        "devices": [asdict(device) for device in discovery.devices],
        "links": [
            {
                "a": names[link.a],
                "b": names[link.b],
                "source": link.source,
                "confidence": link.confidence,
                "members": [[names[a], names[b]] for a, b in link.members],
                "is_chosen": link.is_chosen,
            }
            for link in discovery.links
        ],
        "strangers": [asdict(each) | {"seen_at": _end(each.seen_by, each.if_index, names)} for each in discovery.strangers],
        "findings": [asdict(each) for each in discovery.findings],
    }
    if found.comparison is not None:
        made |= {
            "differences": [asdict(each) | {"text": told(each)} for each in found.comparison.differences],
            "devices_not_asked": found.comparison.devices_not_asked,
            "links_not_seen": found.comparison.links_not_seen,
        }
    return made
