"""For how long nobody looked, for each service under an agreement: the inventory and agreements held against the polls of the history.

What a service depends on is what the present inventory says; agreements, months and outages are those of :mod:`pipeline.rerating`. Nothing
is written, and no evaluation changes by it: only what a person records as an exclusion does that.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from pipeline.budgeting import OperationQueries, excused
from pipeline.core.exclusion import Exclusion
from pipeline.core.inventory import Inventory
from pipeline.core.observation import LONGER_THAN_NS, Observation, Polling, Stretch, beside, observe, unobserved
from pipeline.core.outage import ServiceState
from pipeline.core.period import Period, cut_at, month_named
from pipeline.core.plan import Plan
from pipeline.core.resource import ResourceKind, name_of, resource_id
from pipeline.core.settlement import terms_of
from pipeline.core.span import Span, Spans, clip, subtract, union
from pipeline.core.topology import Topology
from pipeline.rerating import Chosen, OutageQueries

Json = dict[str, Any]
_FELT = {ServiceState.DOWN.value, ServiceState.DEGRADED.value}


class PollQueries(Protocol):
    """Reads from the history when devices were polled."""

    def polling(
        self, devices: Collection[str], starts_at: int, ends_at: int, now: int, longer_than: int = LONGER_THAN_NS, also: Iterable[Span] = ()
    ) -> Polling:
        """When devices were polled between two times, by the minute within ``also``."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose month is asked for: ``label`` (``2026-11``) of the chosen agreements, up to ``now``, pauses ``longer_than`` (nanoseconds)."""

    label: str
    now: int
    chosen: Chosen = Chosen()  # noqa: RUF009  # frozen
    longer_than: int = LONGER_THAN_NS


@dataclass(frozen=True, slots=True)
class Observed:
    """One service's month; ``open`` are stretches since the first poll, at an outage, that no exclusion covers: for people to decide."""

    observation: Observation
    open: tuple[Stretch, ...] = ()


def observed_month(
    inventory: Inventory, plans: Mapping[str, Plan], polls: PollQueries, outages: OutageQueries, operations: OperationQueries, asked: Asked
) -> list[Observed]:
    """Every chosen service's month as far as it is past, by customer and service.

    Raises ``ValueError`` for what is no month, ``OSError`` when a store does not answer.
    """
    _, exclusions = excused(inventory, operations)
    agreed = [terms for terms in terms_of(inventory, dict(plans)).values() if asked.chosen.has(terms)]
    months = {zone: cut_at(month_named(asked.label, zone), asked.now) for zone in {"UTC", *(terms.customer.timezone for terms in agreed)}}
    starts_at, ends_at = min(month.starts_at for month in months.values()), max(month.ends_at for month in months.values())
    if not agreed or starts_at >= asked.now:
        return []
    suffered = _suffered(outages.outages_within(starts_at, ends_at), asked.now)
    hangs_on = _Dependence(inventory)
    wanted = [
        (months[terms.customer.timezone], service.name, terms)
        for terms in agreed
        for service in terms.services
        if asked.chosen.service in {"", service.name} and months[terms.customer.timezone].starts_at < asked.now
    ]
    devices = {device for _, service, _ in wanted for device in hangs_on.of(service)}
    during = [span for _, service, _ in wanted for span in suffered.get(service, ())]
    polling = polls.polling(devices, starts_at, ends_at, asked.now, asked.longer_than, during)
    blind = _Blind(polling, asked.longer_than)
    found = []
    for month, service, terms in wanted:
        who = (service, terms.customer.name, terms.contract.name)
        seen = observe(month, who, {name: blind.at(name, month) for name in hangs_on.of(service)}, polling, hangs_on.since)
        polled = [each for each in seen.stretches if each.starts_at >= (seen.first_at or 0)]
        near = beside(polled, suffered.get(service, ()), asked.longer_than)
        found.append(Observed(seen, tuple(each for each in near if not _is_excluded(each, service, exclusions))))
    return sorted(found, key=lambda each: (each.observation.customer, each.observation.service))


class _Dependence:
    """The devices that are polled among all that a service depends on, on every path; ``since`` when each is a device at all."""

    def __init__(self, inventory: Inventory) -> None:
        self.since = {name: device.valid_from for name, device in inventory.devices.items() if device.address}
        self._topology = Topology.of(inventory)
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, service: str) -> tuple[str, ...]:
        if service not in self._known:
            node = self._topology.node(resource_id(ResourceKind.SERVICE, service))
            above = self._topology.upstream(node) if node is not None else ()
            names = (self._topology.names[each] for each in above if self._topology.kinds[each] is ResourceKind.DEVICE)
            self._known[service] = tuple(sorted(name for name in map(name_of, names) if name in self.since))
        return self._known[service]


class _Blind:
    """When nobody looked at each device, worked out once for all services."""

    def __init__(self, polling: Polling, longer_than: int) -> None:
        self._polling = polling
        self._longer_than = longer_than
        self._known: dict[tuple[str, Period], Spans] = {}

    def at(self, device: str, month: Period) -> Spans:
        key = (device, month)
        if key not in self._known:
            polled = self._polling.devices.get(device)
            self._known[key] = unobserved(polled, month.starts_at, month.ends_at, self._polling.until, self._longer_than)
        return self._known[key]


def observed_value(found: Observed) -> Json:
    """For JSON: the share as an exact fraction and in words, times in UTC nanoseconds."""
    seen = found.observation
    return {
        "service": seen.service,
        "customer": seen.customer,
        "contract": seen.contract,
        "period": seen.period.label,
        "timezone": seen.period.timezone,
        "starts_at": seen.period.starts_at,
        "ends_at": seen.period.ends_at,
        "observed": str(seen.share),
        "told": seen.told,
        "first_polled_at": seen.first_at,
        "by_the_hour": seen.is_coarse,
        "devices": list(seen.devices),
        "stretches": [{**asdict(each), "devices": list(each.devices), "beside_outage": each in found.open} for each in seen.stretches],
    }


def _suffered(rows: Sequence[Json], now: int) -> dict[str, list[Span]]:
    """The outages of each service; one that lasts, until now."""
    found: dict[str, list[Span]] = defaultdict(list)
    for row in rows:
        if row["state"] in _FELT:
            found[row["service"]].append(Span(row["started_at"], row["ended_at"] or now))
    return found


def _is_excluded(stretch: Stretch, service: str, exclusions: Iterable[Exclusion]) -> bool:
    """Whether people said of all of it that it should not count."""
    said = union(Span(each.starts_at, each.ends_at) for each in exclusions if each.service == service)
    return not subtract((stretch.span,), clip(said, *stretch.span))
