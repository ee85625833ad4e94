"""A KPI: a network indicator with a unit, computed from samples whose quality is known; a poll and the poll before give a device's KPIs."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.core.directory import Directory
from pipeline.core.inventory import Interface
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.core.resource import ResourceId, ResourceKind, resource_id
from pipeline.core.sample import Qualities, Quality, Samples, Values, sample

__all__ = ["DEVICE_KPIS", "INTERFACE_KPIS", "KpiBatch", "Quality", "kpis"]

INTERFACE_KPIS = ("in_bps", "out_bps", "in_utilisation", "out_utilisation", "in_errors_per_s", "out_errors_per_s", "oper_up")
"""Bits a second, share of the declared speed (0 to 1), errored packets a second (IF-MIB), and 1 for up or 0 for any other state."""

DEVICE_KPIS = ("answered", "round_trip_ms")
"""1 when the device answered the poll or 0, and how long the answer took."""

OPER_UP = 1
OPER_UNKNOWN = 4
_BITS = 8.0
Column = tuple[Values, Qualities]


@dataclass(frozen=True, slots=True)
class KpiBatch:
    """All KPIs of one device at one time, columnar: ``columns[kpi][i]`` belongs to ``resources[i]``; ``None`` where there is no value.

    ``quality[kpi][i]`` is a :class:`Quality` number. ``(collector, sequence)`` is the poll it came from. ``at`` is UTC nanoseconds.
    """

    device: str
    at: int
    collector: str
    sequence: int
    resources: tuple[ResourceId, ...]
    columns: dict[str, tuple[float | None, ...]]
    quality: dict[str, tuple[int, ...]]


def kpis(poll: RawPoll, previous: RawPoll | None, directory: Directory) -> tuple[KpiBatch, ...]:
    """The KPIs of one poll: a batch for the device, and one for its interfaces unless it is not declared or has none.

    ``previous`` is the last *answered* poll of the device, if any. A device that did not answer gives 0 for ``answered`` and, for every
    declared interface, a row whose quality is blind: the hole is on record. Answered rows of interfaces that are not declared are left out.
    """
    device = directory.device_by_name.get(poll.device)
    known = device.interfaces if device else ()
    if poll.outcome is not PollOutcome.ANSWERED:
        return _batches(poll, known, dict.fromkeys(INTERFACE_KPIS, ((None,) * len(known), (int(Quality.BLIND),) * len(known))))
    row_of = {index: row for row, index in enumerate(poll.indexes)}
    speeds = {port.index: port.speed_mbps for port in known}
    rows = [row_of.get(port.index, -1) for port in known]
    return _batches(poll, known, _interface_columns(poll, sample(previous, poll, speeds), known, rows))


def _batches(poll: RawPoll, known: tuple[Interface, ...], columns: dict[str, Column]) -> tuple[KpiBatch, ...]:
    device = _batch(poll, (resource_id(ResourceKind.DEVICE, poll.device),), _device_columns(poll))
    if not known:
        return (device,)
    return device, _batch(poll, tuple(resource_id(ResourceKind.INTERFACE, f"{poll.device}/{port.name}") for port in known), columns)


def _batch(poll: RawPoll, resources: tuple[ResourceId, ...], columns: dict[str, Column]) -> KpiBatch:
    return KpiBatch(
        device=poll.device,
        at=poll.polled_at,
        collector=poll.collector,
        sequence=poll.sequence,
        resources=resources,
        columns={name: values for name, (values, _) in columns.items()},
        quality={name: quality for name, (_, quality) in columns.items()},
    )


def _device_columns(poll: RawPoll) -> dict[str, Column]:
    answered = poll.outcome is PollOutcome.ANSWERED
    trip = ((poll.round_trip_ms,), (int(Quality.GOOD),)) if answered else ((None,), (int(Quality.BLIND),))
    return {"answered": ((float(answered),), (int(Quality.GOOD),)), "round_trip_ms": trip}


def _interface_columns(poll: RawPoll, samples: Samples, known: tuple[Interface, ...], rows: list[int]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for way in ("in", "out"):
        columns[f"{way}_bps"] = bits = _scaled(samples, f"{way}_octets", rows, lambda octets: octets * _BITS)
        columns[f"{way}_utilisation"] = _shares(bits, known)
        columns[f"{way}_errors_per_s"] = _scaled(samples, f"{way}_errors", rows, float)
    columns["oper_up"] = _ups(poll, rows)
    return columns


def _scaled(samples: Samples, name: str, rows: list[int], scale: Callable[[float], float]) -> Column:
    """A column of rates in the order of the declared interfaces; an interface that the device did not show is missing."""
    rates, quality = samples.rates[name], samples.quality[name]
    values = [rates[row] if row >= 0 else None for row in rows]
    return tuple(None if value is None else scale(value) for value in values), tuple(
        quality[row] if row >= 0 else int(Quality.MISSING) for row in rows
    )


def _shares(bits: Column, known: tuple[Interface, ...]) -> Column:
    """Rates as a share of the declared speed, at most 1; missing where no speed is declared."""
    capacities = [port.speed_mbps * 1e6 for port in known]
    values = tuple(None if rate is None or not full else min(rate / full, 1.0) for rate, full in zip(bits[0], capacities, strict=True))
    return values, tuple(good if full else int(Quality.MISSING) for good, full in zip(bits[1], capacities, strict=True))


def _ups(poll: RawPoll, rows: list[int]) -> Column:
    """ifOperStatus: up(1) is 1, unknown(4) is no value, everything else 0 (RFC 2863)."""
    states = poll.columns.get("oper_status", (None,) * len(poll.indexes))
    values = [_up(states[row]) if row >= 0 else None for row in rows]
    return tuple(values), tuple(int(Quality.MISSING if value is None else Quality.GOOD) for value in values)


def _up(state: int | None) -> float | None:
    return None if state is None or state == OPER_UNKNOWN else float(state == OPER_UP)
