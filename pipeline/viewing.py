"""Reads what a customer's view is made of, each part for that customer alone."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from pipeline.budgeting import MOST_WINDOWS, Budgets, OperationQueries, excused
from pipeline.config.message_check import MessageSource
from pipeline.config.message_form import MessageFile
from pipeline.core.impact import felt_by
from pipeline.core.inventory import Customer, Inventory, MaintenanceWindow
from pipeline.core.notice import FALLBACK, routes_of, stage_of
from pipeline.core.obligation import StoredCredit
from pipeline.core.operation import WINDOW_KINDS
from pipeline.core.outage import ServiceState
from pipeline.core.period import month_of
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from pipeline.core.window import effective, planned
from pipeline.crediting import credit_value
from pipeline.customer_view import Known, Told, Work, states_told, view_of
from pipeline.resources import data_dir

Json = dict[str, Any]

MOST = 100
"""Messages and credits that are read; a view is of now, not of years."""


class OutageQueries(Protocol):
    """Reads outages from the history."""

    def outages_of(self, services: Iterable[str], since: int) -> list[Json]:
        """Outages of these services that last or ended after an instant."""
        ...


class ObligationQueries(OperationQueries, Protocol):
    """Reads what people did, what customers were told, and what they are given."""

    def messages_told(self, routes: tuple[str, ...], limit: int = 100) -> list[tuple[str, str, int]]:
        """Key, incident and time of the latest messages of these routes that went to a contact."""
        ...

    def stored_credits(self, customer: str = "", period: str = "", state: str = "", limit: int = 1000) -> list[StoredCredit]:
        """The latest credits, newest first."""
        ...


class Views:
    """Answers customers' views. Raises ``OSError`` when a store does not answer, ``ConfigError`` for messages that were never right.

    A language that ``rules`` does not have is taken from those that come with the product.
    """

    def __init__(
        self, queries: OutageQueries, obligations: ObligationQueries, inventory: Callable[[], Inventory], budgets: Budgets, rules: Path
    ) -> None:
        self._queries = queries
        self._obligations = obligations
        self._inventory = inventory
        self._budgets = budgets
        self._messages = MessageSource(rules)
        self._own = MessageSource(data_dir("rules"))
        self._topology: Topology | None = None

    def of(self, name: str, now: int) -> Json | None:
        """The view of a customer at ``now`` (UTC nanoseconds); ``None`` for one that the inventory does not have."""
        inventory = self._inventory()
        customer = inventory.customers.get(name)
        if customer is None:
            return None
        services = [each for each in inventory.services.values() if each.customer == name]
        names = [each.name for each in services]
        since = month_of(now, customer.timezone).starts_at
        known = Known(
            customer=customer,
            services=services,
            states=states_told(customer, self._messages.current().notices),
            outages=self._queries.outages_of(names, since),
            exclusions=excused(inventory, self._obligations)[1],
            budgets=self._budgets.of(dict.fromkeys(names)),
            works=self._works(inventory, now),
            told=self._told(name),
            credits=[credit_value(each) for each in self._obligations.stored_credits(name, limit=MOST)],
        )
        return view_of(known, self._language(customer), now)

    def _language(self, customer: Customer) -> MessageFile:
        have = {**self._own.current().languages, **self._messages.current().languages}
        return have.get(customer.language) or have[FALLBACK]

    def _told(self, name: str) -> list[Told]:
        return [Told(incident, stage_of(key), at) for key, incident, at in self._obligations.messages_told(routes_of(name), MOST)]

    def _works(self, inventory: Inventory, now: int) -> list[Work]:
        """Planned work that is not over, with what each would do to services if all that it names were down at once."""
        done = self._obligations.operations(kinds=WINDOW_KINDS, limit=MOST_WINDOWS)
        rows = planned(inventory.windows, (stored.operation for stored in done if stored.outcome != "refused"))
        ahead = [window for window in effective(inventory, rows) if window.ends_at > now]
        return [Work(window, _felt(self._topology_of(inventory), window)) for window in ahead]

    def _topology_of(self, inventory: Inventory) -> Topology:
        """Made once for a version of the inventory: of a large one that takes seconds."""
        if self._topology is None or self._topology.version != inventory.version:
            self._topology = Topology.of(inventory)
        return self._topology


def _felt(topology: Topology, window: MaintenanceWindow) -> dict[str, ServiceState]:
    named = dict.fromkeys((each.partition("/")[2] for each in window.resources if each.startswith("service/")), ServiceState.DOWN)
    failures = [(str(place), ResourceId(resource), True) for place, resource in enumerate(window.resources)]
    for losses in felt_by(topology, failures).values():
        for service, loss in losses.items():
            named[service] = ServiceState.DOWN if ServiceState.DOWN in {loss.state, named.get(service)} else loss.state
    return named
