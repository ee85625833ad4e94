"""What is known of a device from poll to poll: its profile, how much it bears, and how long it has been silent. No clock, no I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from zlib import crc32

from collectors.poll.walk import Stride
from pipeline.core.inventory import Device
from pipeline.core.profile import Profile, ProfileTable

IDENTITY_S = 3600.0
"""How long an agent's sysObjectID and sysDescr are taken to hold, unless it restarts."""

STATE_COLUMNS = frozenset({"if_name", "admin_status", "oper_status", "peer_state", "peer_admin_status"})
"""What a poll on suspicion asks for: it tells of states only."""


@dataclass(slots=True)
class Memory:
    """One device. ``silent`` counts polls without an answer, one after the other; ``late`` are tables that were cut off last time."""

    device: Device
    profile: Profile | None = None
    identified_at: float = 0.0
    uptime_ticks: int | None = None
    polls: int = 0
    silent: int = 0
    stride: Stride = field(default_factory=Stride)
    late: set[str] = field(default_factory=set)
    trouble: str = ""

    def is_of(self, device: Device) -> bool:
        """Whether it is of the device as it is declared now: asked at the same place in the same way."""
        return _target(self.device) == _target(device)

    def wants_identity(self, now: float) -> bool:
        """Whether the device should be asked what it is."""
        return self.profile is None or now - self.identified_at >= IDENTITY_S

    def saw(self, uptime_ticks: int | None) -> bool:
        """Take note of sysUpTime; whether the agent restarted since (or its clock wrapped, which makes no difference here)."""
        restarted = self.uptime_ticks is not None and uptime_ticks is not None and uptime_ticks < self.uptime_ticks
        self.uptime_ticks = uptime_ticks if uptime_ticks is not None else self.uptime_ticks
        return restarted

    def learn(self, profile: Profile, now: float) -> None:
        """The device is polled by this profile from now on."""
        if self.profile != profile:
            self.polls = 0
        self.profile, self.identified_at = profile, now

    def answered(self) -> None:
        """A poll was answered."""
        self.silent = 0

    def heard_nothing(self) -> None:
        """A poll was not answered."""
        self.silent += 1

    def tables(self) -> list[ProfileTable]:
        """What this turn of the schedule asks for, what was cut off last time at the end, so that it holds up nothing else.

        A table with ``every`` n is asked for in the first poll, and then in each n-th at a place of the device's own.
        """
        if self.profile is None:
            return []
        due = [table for table in self.profile.tables if table.columns and self._is_due(table)]
        return sorted(due, key=lambda table: table.name in self.late)

    def state_tables(self) -> list[ProfileTable]:
        """What a poll on suspicion asks for."""
        return list(_states(self.profile.tables)) if self.profile is not None else []

    def _is_due(self, table: ProfileTable) -> bool:
        if table.every <= 1 or not self.polls:
            return True
        return (self.polls + crc32(f"{self.device.name} {table.name}".encode())) % table.every == 0


def _states(tables: Iterable[ProfileTable]) -> Iterable[ProfileTable]:
    for table in tables:
        first, *others = table.columns or (None,)
        if first is not None and any(column.name in STATE_COLUMNS for column in table.columns):
            yield ProfileTable(table.name, (first, *(column for column in others if column and column.name in STATE_COLUMNS)))


def _target(device: Device) -> tuple[object, ...]:
    return device.address, device.port, device.snmp_version, device.community, device.user
