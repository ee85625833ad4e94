"""A small inventory of one device and its polls: short to write, plain to read."""

from dataclasses import replace

from pipeline.core.directory import Directory
from pipeline.core.inventory import Device, Interface, Inventory
from pipeline.core.raw import PollOutcome, RawPoll

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


def poll_of(
    seconds: float = 0.0, *, indexes: tuple[int, ...] = (1, 2), uptime_s: float | None = None, **columns: tuple[int | None, ...]
) -> RawPoll:
    """An answered poll of ``pe1`` so many seconds after the first; its agent has run for a day unless told otherwise."""
    uptime = 86_400 + seconds if uptime_s is None else uptime_s
    rows = len(indexes)
    defaults = {"oper_status": (1,) * rows, "admin_status": (1,) * rows, "discontinuity_ticks": (0,) * rows}
    return RawPoll(
        collector="poll-1",
        sequence=1 + int(seconds),
        polled_at=BEGIN + int(seconds * SECOND),
        device="pe1",
        outcome=PollOutcome.ANSWERED,
        uptime_ticks=int(uptime * 100),
        indexes=indexes,
        columns=defaults | columns,
        round_trip_ms=1.5,
    )


def unanswered(seconds: float = 0.0, outcome: PollOutcome = PollOutcome.TIMEOUT) -> RawPoll:
    """A poll of ``pe1`` that brought nothing."""
    return replace(poll_of(seconds), outcome=outcome, uptime_ticks=None, indexes=(), columns={}, round_trip_ms=0.0)
