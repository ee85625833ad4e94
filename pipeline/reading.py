"""What people read: history, obligations and inventory joined; the same answers for the terminal, the console and scripts."""

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from pipeline.config.settings import Settings
from pipeline.core.inventory import Inventory
from pipeline.core.obligation import TicketLink
from pipeline.evidence import Evidence, credit_value
from pipeline.inventory.files import InventorySource
from pipeline.obligations import Obligations
from pipeline.store.queries import Queries

Json = dict[str, Any]


class Reader:
    """Reads the stores of one installation. Values are JSON-ready, times UTC nanoseconds, ids may be given by their beginning.

    Methods raise ``OSError`` when a store does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inventory = InventorySource(settings.inventory_dir)
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
        tickets = self._obligations.tickets_of([incident["id"] for incident in found])
        return [self._joined(incident, tickets.get(incident["id"])) for incident in found]

    def incident(self, incident_id: str) -> Json | None:
        """One incident, by its id or a beginning that is of no other incident."""
        found = self._queries.incident(incident_id)
        if found is None and incident_id:
            named = [row["id"] for row in self._queries.named(incident_id) if row["kind"] == "incident"]
            found = self._queries.incident(named[0]) if len(named) == 1 else None
        return self._joined(found, self._obligations.ticket_of(found["id"])) if found else None

    def alarms(self, *, standing: bool = True, limit: int = 500) -> list[Json]:
        """Alarms, worst first; those that stand, or all."""
        return self._queries.alarms(standing=standing, limit=limit)

    def outages(self, incident: str | None = None, service: str | None = None, limit: int = 500, *, lasting: bool = False) -> list[Json]:
        """Outages, newest first: of one incident, of one service, or all; ``lasting`` keeps those that have not ended."""
        return self._queries.outages(incident, service, limit, lasting=lasting)

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

    # agreements

    def services(self) -> list[str]:
        """Names of the services under a contract."""
        known = self._known()
        return [service.name for service in known.services.values() if service.contract in known.contracts]

    def evaluations(self, evaluated_at: int | None = None, limit: int = 1000) -> list[Json]:
        """The latest evaluation of each service and period, or those of one settlement."""
        return self._queries.evaluations(evaluated_at, limit)

    def credits(self) -> list[Json]:
        """The latest entries of the ledger (at most 1000), newest first."""
        return [credit_value(entry) for entry in self._obligations.credits()]

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

    def _known(self) -> Inventory:
        return self._inventory.current()

    def _joined(self, incident: Json, link: TicketLink | None) -> Json:
        customers = self._known().customers
        impacts = [
            {
                **impact,
                "customer_name": customers[impact["customer"]].display_name if impact["customer"] in customers else impact["customer"],
            }
            for impact in incident["impacts"]
        ]
        return {**incident, "impacts": impacts, "alarm_count": len(incident["alarms"]), "ticket": _ticket(link)}


def _ticket(link: TicketLink | None) -> Json | None:
    return {"number": link.remote_id, "status": link.status} if link else None
