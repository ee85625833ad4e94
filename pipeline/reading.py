"""What people read: history, obligations and inventory joined; the same answers for the terminal, the console and scripts."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from pipeline.caring import felt_by
from pipeline.config.settings import Settings
from pipeline.core.inventory import Customer, Inventory
from pipeline.core.obligation import TicketLink
from pipeline.evidence import Evidence, credit_value
from pipeline.inventory.present import PresentInventory
from pipeline.obligations import Obligations
from pipeline.store.queries import Queries

Json = dict[str, Any]
Customers = Mapping[str, Customer]

MOST_LASTING = 10_000
"""Outages that last, read for what customers feel now. More than these at once is an outage of everything."""
MOST_OF_ONE = 100


class Reader:
    """Reads the stores of one installation. Values are JSON-ready, times UTC nanoseconds, ids may be given by their beginning.

    Methods raise ``OSError`` when a store does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inventory = PresentInventory(settings)
        self._queries = Queries.of(settings.history)
        self._obligations = Obligations(settings.obligations_url())
        self._evidence = Evidence(self, self._queries, self._obligations, settings)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._obligations)
        self._open.enter_context(self._queries)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    # incidents and alarms

    def incidents(self, state: str | None = None, limit: int = 100) -> list[Json]:
        """Incidents, newest first, each with its ticket and its customers' names."""
        found = self._queries.incidents(state, limit)
        tickets = self._tickets(incident["id"] for incident in found)
        customers = self._known().customers
        return [_joined(incident, tickets.get(incident["id"]), customers) for incident in found]

    def incident(self, incident_id: str) -> Json | None:
        """One incident, by its id or a beginning that is of no other incident."""
        found = self._queries.incident(incident_id)
        if found is None and incident_id:
            named = [row["id"] for row in self._queries.named(incident_id) if row["kind"] == "incident"]
            found = self._queries.incident(named[0]) if len(named) == 1 else None
        return _joined(found, self._tickets([found["id"]]).get(found["id"]), self._known().customers) if found else None

    def alarms(self, *, standing: bool = True, limit: int = 500) -> list[Json]:
        """Alarms, worst first; those that stand, or all."""
        return self._queries.alarms(standing=standing, limit=limit)

    def alarms_of(self, ids: Iterable[str]) -> list[Json]:
        """These alarms as of their last change, in this order; those that are not known are left out."""
        return self._queries.alarms_by_id(ids)

    def outages(self, incident: str | None = None, service: str | None = None, limit: int = 500, *, lasting: bool = False) -> list[Json]:
        """Outages, newest first: of one incident, of one service, or all, with the customers' names and tiers.

        ``lasting`` keeps those that have not ended.
        """
        customers = self._known().customers
        return [_called(outage, customers) for outage in self._queries.outages(incident, service, limit, lasting=lasting)]

    def tickets(self, limit: int = 100) -> list[Json]:
        """Tickets with the incident of each."""
        return [
            {
                "number": link.remote_id,
                "status": link.status,
                "system": link.system,
                "incident": link.incident,
                "linked_at": link.linked_at,
                "updated_at": link.updated_at,
            }
            for link in self._obligations.tickets(limit)
        ]

    def receipts(self, subject: str) -> list[Json]:
        """What was done for one incident or contract: tickets, webhooks, ledger entries."""
        return [
            {
                "kind": receipt.kind.value,
                "route": receipt.route,
                "outcome": receipt.outcome.value,
                "remote_id": receipt.remote_id,
                "at": receipt.at,
            }
            for receipt in self._obligations.receipts(subject)
        ]

    # customers

    def customers(self) -> list[Json]:
        """What every customer feels now, in order of tier: see :func:`pipeline.caring.felt_by`."""
        lasting = self._queries.outages(limit=MOST_LASTING, lasting=True)
        return felt_by(self._known(), lasting, self._tickets(outage["incident"] for outage in lasting))

    def customer(self, name: str) -> Json | None:
        """What one customer feels now, and besides the latest ``outages`` (each with its ticket) and ``credits``, newest first."""
        lasting = self._queries.outages(limit=MOST_LASTING, customer=name, lasting=True)
        outages = self._queries.outages(limit=MOST_OF_ONE, customer=name)
        tickets = self._tickets(outage["incident"] for outage in (*lasting, *outages))
        found = next((each for each in felt_by(self._known(), lasting, tickets) if each["name"] == name), None)
        if found is None:
            return None
        credited = [credit_value(entry) for entry in self._obligations.credits(name, limit=MOST_OF_ONE)]
        return {**found, "outages": [{**each, "ticket": tickets.get(each["incident"])} for each in outages], "credits": credited}

    # agreements

    def services(self) -> list[str]:
        """Names of the services under a contract."""
        known = self._known()
        return [service.name for service in known.services.values() if service.contract in known.contracts]

    def evaluations(self, evaluated_at: int | None = None, limit: int = 1000) -> list[Json]:
        """The latest evaluation of each service and period, or those of one settlement, with the customers' names and tiers."""
        customers = self._known().customers
        return [_called(evaluation, customers) for evaluation in self._queries.evaluations(evaluated_at, limit)]

    def credits(self) -> list[Json]:
        """The latest entries of the ledger (at most 1000), newest first, with the customers' names and tiers."""
        customers = self._known().customers
        return [_called(credit_value(entry), customers) for entry in self._obligations.credits()]

    def verify_ledger(self) -> tuple[int, str]:
        """How many entries the ledger has, and what is wrong with its first bad one (empty: nothing)."""
        broken = self._obligations.verify()
        return self._obligations.credit_count(), f"entry {broken.sequence} ({broken.key}): {broken.why}" if broken else ""

    # evidence and health

    def explain(self, name: str) -> Json | None:
        """The chain of evidence behind a credit, evaluation, outage, incident or alarm: nodes of kind, title, lines, children."""
        return self._evidence.explain(name)

    def answering(self) -> tuple[int, int]:
        """How many devices are declared, and how many answered their last poll."""
        return len(self._known().devices), self._queries.answering()

    def why_not_ready(self) -> str:
        """Empty when both stores answer."""
        try:
            self._queries.counts()
            self._obligations.ping()
        except OSError as error:
            return str(error)
        return ""

    def _tickets(self, incidents: Iterable[str]) -> dict[str, Json]:
        return {name: _ticket(link) for name, link in self._obligations.tickets_of(set(incidents)).items()}

    def _known(self) -> Inventory:
        return self._inventory.current()


def _joined(incident: Json, ticket: Json | None, customers: Customers) -> Json:
    impacts = [{**impact, "customer_name": _display_name(impact["customer"], customers)} for impact in incident["impacts"]]
    return {**incident, "impacts": impacts, "alarm_count": len(incident["alarms"]), "ticket": ticket}


def _called(value: Json, customers: Customers) -> Json:
    """A value with its customer's name for people, and tier (empty for one that is no longer declared)."""
    known = customers.get(value["customer"])
    return {**value, "customer_name": _display_name(value["customer"], customers), "tier": known.tier.value if known else ""}


def _display_name(customer: str, customers: Customers) -> str:
    return customers[customer].display_name if customer in customers else customer


def _ticket(link: TicketLink) -> Json:
    return {"number": link.remote_id, "status": link.status}
