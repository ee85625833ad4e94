"""A small inventory of one device and its polls: short to write, plain to read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.config.rule_set import load_kpis, load_profiles
from pipeline.core.column import Cell, Column
from pipeline.core.directory import Directory
from pipeline.core.inventory import Device, Interface, Inventory
from pipeline.core.kpi import KpiBatch, Quality, packed
from pipeline.core.measure import Measuring
from pipeline.core.profile import GENERIC, ProfileBook
from pipeline.core.raw import INTERFACES, PollOutcome, RawPoll, RawTable
from pipeline.core.resource import ResourceId

RULES = Path(__file__).parents[2] / "rules"
SECOND = 1_000_000_000
BEGIN = 1_790_000_000 * SECOND


def device_of(*, name: str = "pe1", address: str = "127.0.0.1", port: int = 161, speeds: tuple[int, ...] = (1000, 1000)) -> Device:
    """A device with interfaces ``ge-1``, ``ge-2``… whose ifIndex is 1, 2…"""
    interfaces = tuple(Interface(f"ge-{index}", index, speed) for index, speed in enumerate(speeds, start=1))
    return Device(name, "ams", address, port=port, interfaces=interfaces)


def inventory_of(*devices: Device, version: str = "1") -> Inventory:
    """An inventory of these devices."""
    return Inventory(version, devices={device.name: device for device in devices})


DIRECTORY = Directory.of(inventory_of(device_of()))


INTERFACE_TABLE = next(table for table in GENERIC.tables if table.name == INTERFACES)
KPIS = load_kpis(RULES)
PROFILES = ProfileBook(load_profiles(RULES))
MEASURING = Measuring(PROFILES, KPIS)


def table_of(indexes: Sequence[int | str], **columns: Sequence[Cell]) -> RawTable:
    """A table of these rows."""
    return RawTable(tuple(map(str, indexes)), {name: Column.of(values) for name, values in columns.items()})


def poll_of(
    seconds: float = 0.0, *, indexes: tuple[int, ...] = (1, 2), uptime_s: float | None = None, **columns: Sequence[Cell]
) -> RawPoll:
    """An answered poll of ``pe1`` so many seconds after the first; its agent has run for a day unless told otherwise."""
    uptime = 86_400 + seconds if uptime_s is None else uptime_s
    rows = len(indexes)
    defaults: dict[str, Sequence[Cell]] = {"oper_status": (1,) * rows, "admin_status": (1,) * rows, "discontinuity_ticks": (0,) * rows}
    return RawPoll(
        collector="poll-1",
        sequence=1 + int(seconds),
        polled_at=BEGIN + int(seconds * SECOND),
        device="pe1",
        outcome=PollOutcome.ANSWERED,
        uptime_ticks=int(uptime * 100),
        round_trip_ms=1.5,
        profile=GENERIC.name,
        tables={INTERFACES: table_of(indexes, **(defaults | columns))},
    )


def unanswered(seconds: float = 0.0, outcome: PollOutcome = PollOutcome.TIMEOUT) -> RawPoll:
    """A poll of ``pe1`` that brought nothing."""
    return replace(poll_of(seconds), outcome=outcome, uptime_ticks=None, tables={}, round_trip_ms=0.0, profile="")


def batch_of(
    resources: Sequence[str], at: int = BEGIN, device: str = "pe1", sequence: int = 1, **columns: Sequence[float | None]
) -> KpiBatch:
    """A batch of KPIs; a value that is ``None`` is missing, the others are good."""
    arrays = {name: np.array([np.nan if value is None else value for value in values]) for name, values in columns.items()}
    packed_columns = packed({name: (values, np.isnan(values).astype(np.uint8)) for name, values in arrays.items()})
    return KpiBatch(device, at, "poll-1", sequence, tuple(map(ResourceId, resources)), *packed_columns)


def cells(batch: KpiBatch, kpi: str) -> list[tuple[float | None, Quality]]:
    """One column of a batch, each value with its quality."""
    rows = zip(batch.values(kpi).tolist(), batch.qualities(kpi).tolist(), strict=True)
    return [(None if np.isnan(value) else value, Quality(quality)) for value, quality in rows]
