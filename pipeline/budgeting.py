"""How much downtime the months of services still bear: the agreements and plans of the files, held against the outages of the history.

This is computed where it is read. The fold of a correlation domain forgets outages an hour after their incident, and a contract's outages
are settled in another partition, so neither knows a whole month; the history does. What it may not have yet, an outage that has just begun,
is known by the incident that asks.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from pipeline.config.problem import ConfigError
from pipeline.config.rule_set import PlanSource
from pipeline.core.budget import Budget, budget
from pipeline.core.exclusion import Exclusion, recorded
from pipeline.core.inventory import Inventory, MaintenanceWindow
from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import EXCLUSION_KINDS, WINDOW_KINDS, OperationKind
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.period import NANOSECONDS, month_of
from pipeline.core.plan import Plan
from pipeline.core.settlement import Terms
from pipeline.core.wording import budget_text
from pipeline.planning import announced_of

Json = dict[str, Any]

EARLIER_NS = 86_400 * NANOSECONDS
"""How long before its month outages are read: one may be joined over the month's edge to one within."""

MOST = 500
"""Services that are looked at at once; a list of more is answered for the first."""

MOST_WINDOWS = 10_000
"""Operations on maintenance windows that are read: all of several years."""

_OUTAGE = tuple(field.name for field in fields(Outage))


@dataclass(frozen=True, slots=True)
class Lasting:
    """What a service suffers now, as an incident tells it: its state, since when (UTC nanoseconds), and the planned work that covers it."""

    state: ServiceState
    since_at: int
    excluded: str = ""


class OutageQueries(Protocol):
    """Reads outages from the history."""

    def outages_of(self, services: Iterable[str], since: int) -> list[Json]:
        """Outages of these services that last or ended after an instant."""
        ...


class OperationQueries(Protocol):
    """Reads what people did from the obligations."""

    def operations(self, target: str = "", kinds: Collection[OperationKind] = (), limit: int = 100) -> list[StoredOperation]:
        """The latest operations, newest first."""
        ...


class Budgets:
    """Asks the history for the months of services. Raises ``OSError`` when it does not answer; without plans there are no budgets."""

    def __init__(
        self,
        queries: OutageQueries,
        operations: OperationQueries,
        inventory: Callable[[], Inventory],
        rules: Path,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._queries = queries
        self._operations = operations
        self._inventory = inventory
        self._plans = PlanSource(rules)
        self._clock = clock

    def of(self, services: Mapping[str, Lasting | None]) -> dict[str, Json]:
        """The budget of each service that has an agreement: the fields of :class:`Budget`, ``left_s``, and ``told`` in words.

        ``services`` are told with what they suffer now; ``None`` for nothing that is known.
        """
        now, known, plans = self._clock(), self._inventory(), self._known_plans()
        windows, exclusions = excused(known, self._operations) if services else ((), ())
        agreed = {name: terms for name in list(services)[:MOST] if (terms := _terms(known, plans, windows, exclusions, name)) is not None}
        if not agreed:
            return {}
        since = min(month_of(now, terms.customer.timezone).starts_at for terms in agreed.values()) - EARLIER_NS
        outages: dict[str, list[Outage]] = {name: [] for name in agreed}
        for row in self._queries.outages_of(agreed, since):
            outages[row["service"]].append(outage_of(row))
        found = {}
        for name, terms in agreed.items():
            suffered = [*outages[name], *_begun(name, services[name], outages[name])]
            found[name] = _shown(budget(terms, terms.services[0], suffered, now), now)
        return found

    def _known_plans(self) -> dict[str, Plan]:
        try:
            return self._plans.current()
        except ConfigError:  # `assure check` tells what is wrong there; what is read here is told without budgets
            return {}


def excused(known: Inventory, operations: OperationQueries) -> tuple[tuple[MaintenanceWindow, ...], tuple[Exclusion, ...]]:
    """Every maintenance window as agreements count it, and every exclusion that stands, by what people did."""
    windows = announced_of(known.windows, operations.operations(kinds=WINDOW_KINDS, limit=MOST_WINDOWS))
    said = (stored.operation for stored in operations.operations(kinds=EXCLUSION_KINDS, limit=MOST_WINDOWS) if stored.outcome != "refused")
    return windows, recorded(said)


def _terms(
    known: Inventory, plans: Mapping[str, Plan], windows: tuple[MaintenanceWindow, ...], exclusions: tuple[Exclusion, ...], name: str
) -> Terms | None:
    """What was agreed for one service, if its contract, plan and customer are all known."""
    service = known.services.get(name)
    contract = known.contracts.get(service.contract) if service else None
    customer = known.customers.get(contract.customer) if contract else None
    plan = plans.get(contract.plan) if contract else None
    if service is None or contract is None or customer is None or plan is None:
        return None
    return Terms(contract, plan, customer, (service,), windows, exclusions)


def outage_of(row: Json) -> Outage:
    """An outage from the history's row."""
    return Outage(**{name: row[name] for name in _OUTAGE} | {"state": ServiceState(row["state"])})


def _begun(service: str, lasting: Lasting | None, known: Iterable[Outage]) -> Iterable[Outage]:
    """The outage that an incident tells of and that has not reached the history."""
    if lasting is None or any(not outage.ended_at and outage.state is lasting.state for outage in known):
        return ()
    return (Outage("", service, "", "", lasting.state, "", "", lasting.since_at, excluded=lasting.excluded),)


def _shown(found: Budget, now: int) -> Json:
    return {**asdict(found), "left_s": found.left_s, "told": budget_text(found, now)}
