"""One poll -> what it saw of the states of a device's interfaces and peers: evidence that confirms alarms and settles lost traps."""

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from pipeline.core.column import Cell
from pipeline.core.directory import Directory
from pipeline.core.event import StateReport
from pipeline.core.profile import BGP_PEERS
from pipeline.core.raw import INTERFACES, PollOutcome, RawPoll, RawTable
from pipeline.core.resource import ResourceId, ResourceKind, resource_id
from pipeline.core.row_plan import interface_rows

IF_NAME = "if_name"

ADMIN_UP = 1
UP = 1
DOWN = frozenset({2, 6, 7})
"""ifOperStatus down, notPresent and lowerLayerDown (RFC 2863). Testing, unknown and dormant are neither up nor down."""

PEER_START = 2
PEER_ESTABLISHED = 6
ADDRESSES = 65_536
"""Addresses of peers that are known again without being read again."""
PEER_STATES = frozenset(range(1, 7))
"""bgpPeerState idle, connect, active, opensent, openconfirm, established (RFC 4273); bgpPeerAdminStatus stop 1, start 2."""


def state_report(poll: RawPoll, directory: Directory, peers_seen_up: Collection[str] = (), restarted_at: int = 0) -> StateReport:
    """What a poll proves. What is administratively down or of unknown state is in neither list, nor are interfaces that nobody declared.

    A device is unreachable when it did not answer (the collector has asked again before it says so). A malformed answer proves that the
    device is there, and nothing of its interfaces. ``peers_seen_up`` are the addresses of peers that an earlier poll saw established.
    """
    answered = poll.outcome is PollOutcome.ANSWERED
    seen = list(_operating(poll, directory)) if answered else []
    peers = peer_states(poll) if answered else {}
    down = [address for address, is_up in peers.items() if not is_up]
    return StateReport(
        device=poll.device,
        polled_at=poll.polled_at,
        collector=poll.collector,
        sequence=poll.sequence,
        reachable=poll.outcome is not PollOutcome.TIMEOUT,
        domain=directory.domain_of(poll.device),
        up=(*(resource for resource, state in seen if state == UP), *_peers(poll, (one for one, is_up in peers.items() if is_up))),
        down=(*(resource for resource, state in seen if state in DOWN), *_peers(poll, down)),
        never_up=tuple(_peers(poll, (address for address in down if address not in peers_seen_up))),
        restarted_at=restarted_at,
        on_suspicion=poll.on_suspicion,
    )


def peer_states(poll: RawPoll) -> dict[str, bool]:
    """Whether each BGP peer that is administratively started is established, by its address. Rows that are no peer's are left out."""
    table = poll.table(BGP_PEERS)
    admin, state = _cells(table, "peer_admin_status"), _cells(table, "peer_state")
    started = ((address, now) for address, wanted, now in zip(table.indexes, admin, state, strict=True) if wanted == PEER_START)
    return {address: now == PEER_ESTABLISHED for address, now in started if now in PEER_STATES and _is_ipv4(address)}


def _cells(table: RawTable, name: str) -> tuple[Cell, ...]:
    """A column's cells; ``None`` in every row of a column that was not read."""
    column = table.columns.get(name)
    return column.values() if column is not None else (None,) * len(table.indexes)


@lru_cache(ADDRESSES)
def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _peers(poll: RawPoll, addresses: Iterable[str]) -> Iterator[ResourceId]:
    """Peers as the trap rules of BGP name them: by device and remote address."""
    return (resource_id(ResourceKind.PEER, f"{poll.device}/{address}") for address in addresses)


def _operating(poll: RawPoll, directory: Directory) -> list[tuple[ResourceId, Cell]]:
    """The declared interfaces that are administratively up, each with its ifOperStatus; found as the rows of KPIs are."""
    device = directory.device_by_name.get(poll.device)
    table = poll.table(INTERFACES)
    declared = device.interfaces if device is not None else ()
    admin, oper, names = _cells(table, "admin_status"), _cells(table, "oper_status"), _cells(table, IF_NAME)
    labels = [str(name or f"if{index}") for name, index in zip(names, table.indexes, strict=True)]
    return [
        (resource_id(ResourceKind.INTERFACE, f"{poll.device}/{port.name}"), oper[row])
        for port, row in zip(declared, interface_rows(table, labels, declared), strict=True)
        if row >= 0 and admin[row] == ADMIN_UP
    ]
