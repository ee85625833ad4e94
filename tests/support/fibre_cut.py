"""What the lab's devices say when a fibre is cut and mended, as datagrams; and what must come of it, by the folds alone."""

import socket
import time
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from collectors.journal import JournalReader, JournalRecord
from collectors.trap.decode import TrapDecoder
from pipeline.config.mib_file import load_mib_index
from pipeline.config.rule_set import load_rule_set
from pipeline.core.chain import advance
from pipeline.core.context import Context, Timing
from pipeline.core.directory import Directory
from pipeline.core.domain import DomainState
from pipeline.core.event import Tick
from pipeline.core.inventory import Device
from pipeline.core.normalize import normalize
from pipeline.core.raw import RawTrap
from pipeline.resources import data_dir
from tests.support.datagrams import INTEGER, OCTETS, Var, v1_trap, v2_trap
from tests.support.lab import lab_inventory

LAB = "1.3.6.1.4.1.8072.9999.9999.42"
LINK = "1.3.6.1.6.3.1.1.5"
SECOND = 1_000_000_000
TICK = SECOND // 4
CLASSIC = "lab-classic"
BURST = 25


@dataclass(frozen=True, slots=True)
class Sent:
    """One datagram and the device that sends it."""

    device: Device
    payload: bytes


def about_fibre(fibre: str, *, up: bool = False, uptime: int = 4711) -> list[Sent]:
    """What both ends of each link in the fibre say, and the heads of the label-switched paths over them."""
    inventory = lab_inventory()
    links = [link for link in inventory.links.values() if fibre in link.fibres]
    names = {link.name for link in links}
    said = [_link(end, up=up, uptime=uptime) for link in links for end in (link.a, link.b)]
    return said + [_lsp(lsp.head, lsp.name, up=up, uptime=uptime) for lsp in inventory.lsps.values() if names & set(lsp.links)]


def _link(end: str, *, up: bool, uptime: int) -> Sent:
    name, _, port = end.partition("/")
    device = lab_inventory().devices[name]
    interface = next(one for one in device.interfaces if one.name == port)
    index = interface.index
    status = 1 if up else 2
    variables = (
        Var(f"1.3.6.1.2.1.2.2.1.1.{index}", INTEGER, index),
        Var(f"1.3.6.1.2.1.2.2.1.7.{index}", INTEGER, 1),
        Var(f"1.3.6.1.2.1.2.2.1.8.{index}", INTEGER, status),
        Var(f"1.3.6.1.2.1.31.1.1.1.1.{index}", OCTETS, port.encode()),
    )
    if device.vendor == CLASSIC:
        return Sent(device, v1_trap(LINK, 3 if up else 2, 0, variables, agent=device.address, uptime=uptime))
    return Sent(device, v2_trap(f"{LINK}.{4 if up else 3}", variables, uptime=uptime))


def _lsp(head: str, name: str, *, up: bool, uptime: int) -> Sent:
    device = lab_inventory().devices[head]
    variables = (Var(f"{LAB}.1.1.0", OCTETS, name.encode()),)
    if device.vendor == CLASSIC:
        return Sent(device, v1_trap(LAB, 6, 2 if up else 1, variables, agent=device.address, uptime=uptime))
    return Sent(device, v2_trap(f"{LAB}.0.{2 if up else 1}", variables, uptime=uptime))


def storm(fibre: str, traps: int) -> list[Sent]:
    """At least so many notifications about one cut: each device says what it has to say again and again."""
    once = about_fibre(fibre)
    return [one for repeat in range(-(-traps // len(once))) for one in about_fibre(fibre, uptime=4711 + repeat)]


def send(said: Iterable[Sent], port: int) -> int:
    """Send from the devices' own addresses, in small bursts that a receive buffer of any size takes; how many."""
    sockets: dict[str, socket.socket] = {}
    count = 0
    try:
        for one in said:
            address = one.device.address
            if address not in sockets:
                sockets[address] = socket.socket(type=socket.SOCK_DGRAM)
                sockets[address].bind((address, 0))
            sockets[address].sendto(one.payload, ("127.0.0.1", port))
            count += 1
            if count % BURST == 0:
                time.sleep(0.002)  # between bursts, so that they are a storm and not one overrun
    finally:
        for each in sockets.values():
            each.close()
    return count


def decoded(said: Sequence[Sent], begins_at: int, *, first: int = 1) -> list[RawTrap]:
    """The same as the collector would journal and decode it, a millisecond apart; ``first`` is the first sequence."""
    decoder = TrapDecoder("trap-1")
    records = (JournalRecord(first + n, begins_at + n * SECOND // 1000, one.device.address, one.payload) for n, one in enumerate(said))
    return [decoder.decode(record) for record in records]


def journaled(reader: JournalReader, collector: str) -> Iterator[RawTrap]:
    """What the journal holds, decoded."""
    decoder = TrapDecoder(collector)
    return (decoder.decode(record) for record in reader.read_from(1))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is true in the end, as sets of facts: of the alarms how often each was raised, of the rest how many there are.

    Incidents that were absorbed by others, and outages that were withdrawn, are left out.
    """

    events: frozenset[str]
    facts: Counter[Hashable]

    def differs_from(self, other: "Outcome") -> str:
        """A few of the facts that only one of both has; empty when they are the same."""
        events = sorted(self.events ^ other.events)[:3]
        mine, others = self.facts - other.facts, other.facts - self.facts
        return "" if self == other else f"events {events}; only here {list(mine.items())[:6]}; only there {list(others.items())[:6]}"


@cache
def _context() -> tuple[Context, Directory]:
    inventory = lab_inventory()
    rules = load_rule_set(data_dir("rules"), load_mib_index(data_dir("mibs")))
    return Context.of(inventory, rules.book.alarm_types, Timing(settle_s=1.0), rules.book.version), Directory.of(inventory)


def outcome_of(traps: Sequence[RawTrap]) -> Outcome:
    """What one undisturbed chain makes of these notifications, once all has settled."""
    context, directory = _context()
    rules = load_rule_set(data_dir("rules"), load_mib_index(data_dir("mibs")))
    events = [event for trap in traps for event in normalize(trap, rules.book, directory, rules.mibs)]
    begins_at, ends_at = events[0].occurred_at, events[-1].occurred_at + 30 * SECOND
    ticks = [Tick(at) for at in range(begins_at, ends_at, TICK)]
    state, incidents, outages = DomainState.from_rows(context), {}, {}
    for item in sorted((*events, *ticks), key=lambda item: item.at if isinstance(item, Tick) else item.occurred_at):
        state, output = advance(context, state, [item])
        incidents |= {change.incident.id: change.incident for change in output.incidents}
        outages |= {outage.id: outage for outage in output.outages}
    facts = Counter[Hashable]()
    for row in state.alarms.values():
        facts["alarm", row.alarm.resource, row.alarm.alarm_type, row.alarm.is_cleared] = row.alarm.occurrences
    for incident in incidents.values():
        facts["incident", incident.root_cause, incident.state.value, len(incident.alarms)] += 1
    for outage in outages.values():
        if outage.ended_at != outage.started_at:
            facts["outage", outage.service, outage.state.value, outage.root_cause, bool(outage.ended_at)] += 1
    return Outcome(frozenset(event.id for event in events), facts)
