"""A month rated again from the history: what every service owes under its plan, or what it would under another.

Nothing is written. The outages are those of the history, the agreements and planned work those of the files and of people, as a settlement
has them; so a month that was settled comes out the same unless something was heard since.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pipeline.budgeting import MOST_WINDOWS, OperationQueries, excused, outage_of
from pipeline.core.claim import Claim, recorded
from pipeline.core.evaluation import Evaluation
from pipeline.core.inventory import Inventory
from pipeline.core.operation import CLAIM_KINDS
from pipeline.core.outage import Outage
from pipeline.core.period import month_named
from pipeline.core.plan import Plan
from pipeline.core.settlement import KEEP_MONTHS_NS, Terms, evaluations_of, terms_of

Json = dict[str, Any]


class OutageQueries(Protocol):
    """Reads outages from the history."""

    def outages_within(self, starts_at: int, ends_at: int) -> list[Json]:
        """Outages that have a part between two instants, as of their last revision."""
        ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which agreements are meant, each by its name; empty is all."""

    customer: str = ""
    contract: str = ""
    service: str = ""
    plan: str = ""

    def has(self, terms: Terms) -> bool:
        """Whether a contract is among them, its services aside."""
        wanted = ((self.customer, terms.customer.name), (self.contract, terms.contract.name), (self.plan, terms.plan.name))
        return all(word in {"", name} for word, name in wanted)


def rated_month(
    inventory: Inventory,
    plans: Mapping[str, Plan],
    queries: OutageQueries,
    operations: OperationQueries,
    label: str,
    now: int,
    chosen: Chosen,
    other: Callable[[Plan], Plan] | None = None,
) -> list[Evaluation]:
    """Every promise to the chosen services for one calendar month (``2026-11``), each cut where the customer lives, up to ``now``.

    ``other`` gives the plan to rate by in the place of each. Raises ``ValueError`` for what is no month, ``OSError`` when a store does not
    answer.
    """
    windows, exclusions = excused(inventory, operations)
    everyone = terms_of(replace(inventory, windows=windows), dict(plans), exclusions, claimed(operations))
    agreed = {name: terms for name, terms in everyone.items() if chosen.has(terms)}
    months = {zone: month_named(label, zone) for zone in {"UTC", *(terms.customer.timezone for terms in agreed.values())}}
    starts_at = min(month.starts_at for month in months.values()) - KEEP_MONTHS_NS // 2
    ends_at = max(month.ends_at for month in months.values())
    outages = _by_contract(queries.outages_within(starts_at, ends_at)) if agreed else {}
    found: list[Evaluation] = []
    for name, terms in agreed.items():
        services = tuple(service for service in terms.services if chosen.service in {"", service.name})
        rating = replace(terms, services=services, plan=terms.plan if other is None else other(terms.plan))
        month = months[terms.customer.timezone]
        if month.starts_at < now:
            found += evaluations_of(outages.get(name, ()), rating, month.starts_at, now)
    return found


def claimed(operations: OperationQueries) -> tuple[Claim, ...]:
    """Every claim that stands, by what people did."""
    stored = operations.operations(kinds=CLAIM_KINDS, limit=MOST_WINDOWS)
    return recorded(each.operation for each in stored if each.outcome != "refused")


def _by_contract(rows: Iterable[Json]) -> dict[str, list[Outage]]:
    found: dict[str, list[Outage]] = defaultdict(list)
    for row in rows:
        found[row["contract"]].append(outage_of(row))
    return found
