"""What people read: history, obligations and inventory joined; the same answers for the terminal, the console and scripts."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from msgspec import convert

from pipeline.budgeting import Budgets, Lasting
from pipeline.caring import felt_by
from pipeline.claiming import MOST_CLAIMS, claim_values
from pipeline.config.rule_set import load_plans
from pipeline.config.settings import Settings
from pipeline.core.evaluation import Evaluation
from pipeline.core.explanation import Explanation
from pipeline.core.incident import Impact
from pipeline.core.inventory import Customer, Inventory
from pipeline.core.ledger import Credit
from pipeline.core.obligation import TicketLink
from pipeline.core.operation import CLAIM_KINDS, EXCLUSION_KINDS, WINDOW_KINDS
from pipeline.core.outage import ServiceState
from pipeline.core.plan import Plan
from pipeline.core.points import Point, points
from pipeline.core.trace import way
from pipeline.core.wording import state_text, tiers_of
from pipeline.crediting import credit_value
from pipeline.drawing.pictures import Pictures
from pipeline.evidence import Evidence
from pipeline.inventory.present import PresentInventory
from pipeline.obligations import Obligations
from pipeline.observing import Asked, Observed, observed_month
from pipeline.planning import operation_value, windows_of
from pipeline.ranking import suffers, tightest, urgency
from pipeline.rerating import Chosen, rated_month
from pipeline.resources import data_dir
from pipeline.revising import history
from pipeline.store.observation import ObservationQueries
from pipeline.store.queries import Queries
from pipeline.viewing import Views

Json = dict[str, Any]
Customers = Mapping[str, Customer]

MOST_LASTING = 10_000
"""Outages that last, read for what customers feel now. More than these at once is an outage of everything."""
MOST_OF_ONE = 100
MOST_OPEN = 1000
"""Open incidents that are put in order of what matters most."""
OPEN, RESOLVED = "open", "resolved"
MOST_DRAWN = 50
MOST_ENTERED = 1_000_000
_ALL = Chosen()


class Reader:
    """Reads the stores of one installation. Values are JSON-ready, times UTC nanoseconds, ids may be given by their beginning.

    Methods raise ``OSError`` when a store does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inventory = PresentInventory(settings)
        self._queries = Queries.of(settings.history)
        self._obligations = Obligations(settings.obligations_url())
        self._rules = settings.rules_dir or data_dir("rules")
        self._budgets = Budgets(self._queries, self._obligations, self._inventory.current, self._rules)
        self._evidence = Evidence(self, self._queries, self._obligations, settings)
        self._pictures = Pictures()
        self._views = Views(self._queries, self._obligations, self._inventory.current, self._budgets, self._rules)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._obligations)
        self._open.enter_context(self._queries)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    # incidents and alarms

    def incidents(self, state: str | None = None, limit: int = 100) -> list[Json]:
        """Incidents, each as :meth:`incident`: open ones first, what matters most before the rest; then resolved ones, newest first.

        Of open ones only services that are down or degraded have a ``budget``, of resolved ones none.
        """
        standing = self._queries.incidents(OPEN, MOST_OPEN) if state in {None, OPEN} else []
        budgets = self._budgets.of({name: each for one in standing for name, each in _suffering(one, suffers).items()})
        ended = self._queries.incidents(RESOLVED, limit - len(standing)) if state != OPEN and len(standing) < limit else []
        tickets = self._tickets(incident["id"] for incident in (*standing, *ended))
        customers = self._known().customers
        told = [_joined(incident, tickets.get(incident["id"]), customers, budgets) for incident in standing]
        rest = [_joined(incident, tickets.get(incident["id"]), customers, {}) for incident in ended]
        return [*sorted(told, key=urgency), *rest][:limit]

    def incident(self, incident_id: str) -> Json | None:
        """One incident, by its id or a beginning that is of no other incident.

        Besides what the history has of it: its ``ticket``; ``points``, the explanation as label and text; ``customers`` by tier; of each
        impact ``by``, the way on which the failure reaches it, and ``budget``, what its month still bears; ``tightest`` of these budgets.
        """
        found = self._queries.incident(incident_id)
        if found is None and incident_id:
            named = [row["id"] for row in self._queries.named(incident_id) if row["kind"] == "incident"]
            found = self._queries.incident(named[0]) if len(named) == 1 else None
        if found is None:
            return None
        budgets = self._budgets.of(_suffering(found))
        return _joined(found, self._tickets([found["id"]]).get(found["id"]), self._known().customers, budgets)

    def history(self, incident_id: str) -> list[Json] | None:
        """What each revision of an incident changed, oldest first: see :func:`pipeline.revising.history`. ``None`` for no such incident."""
        found = self.incident(incident_id)
        return history(self._queries.incident_revisions(found["id"])) if found else None

    def budgets(self, services: Mapping[str, Lasting | None]) -> dict[str, Json]:
        """What the months of services still bear; see :class:`pipeline.budgeting.Budgets`."""
        return self._budgets.of(services)

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
                "number": link.called,
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

    # what people did, and planned work

    def named(self, beginning: str, kinds: Iterable[str]) -> list[Json]:
        """Incidents and alarms whose id begins so, each with ``kind``, ``id``, ``domain`` and ``title``; an exact id is the only one."""
        wanted = frozenset(kinds)
        found = [row for row in self._queries.named(beginning) if row["kind"] in wanted] if beginning else []
        exact = [row for row in found if row["id"] == beginning]
        return [shown for row in exact or found if (shown := self._titled(row)) is not None]

    def _titled(self, row: Json) -> Json | None:
        if row["kind"] == "incident":
            incident = self._queries.incident(row["id"])
            return {**row, "domain": incident["domain"], "title": incident["root_cause"]} if incident else None
        alarms = self._queries.alarms_by_id([row["id"]])
        title = f"{alarms[0]['alarm_type']} on {alarms[0]['resource']}" if alarms else ""
        return {**row, "domain": alarms[0]["domain"], "title": title} if alarms else None

    def operations(self, target: str = "", limit: int = 100) -> list[Json]:
        """What people did, newest first, with what became of it; of one incident, alarm, resource or window, or all."""
        return [operation_value(stored) for stored in self._obligations.operations(target, limit=limit)]

    def operations_of(self, beginning: str, limit: int = 100) -> list[Json]:
        """The same of what a beginning names: an operation, an incident, an alarm, or else a target as it is written."""
        one = self._obligations.operation(beginning)
        if one is not None:
            return [operation_value(one)]
        latest = self._obligations.operations(limit=MOST_LASTING)
        mine = [stored for stored in latest if stored.operation.target.startswith(beginning) or stored.operation.id.startswith(beginning)]
        return [operation_value(stored) for stored in mine[:limit]]

    def windows(self, at: int, *, everything: bool = False) -> list[Json]:
        """Maintenance windows of the inventory and those declared at run time, by start; those that are over only with ``everything``."""
        stored = self._obligations.operations(kinds=WINDOW_KINDS, limit=MOST_LASTING)
        found = windows_of(self._known().windows, stored, at)
        return [window for window in found if everything or window["state"] not in {"over", "cancelled"}]

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
        credited = [credit_value(each) for each in self._obligations.stored_credits(name, limit=MOST_OF_ONE)]
        return {**found, "outages": [{**each, "ticket": tickets.get(each["incident"])} for each in outages], "credits": credited}

    def view(self, name: str, now: int) -> Json | None:
        """What one customer may see at ``now``, in its language: see :func:`pipeline.viewing.view_of`. ``None`` for an unknown customer."""
        return self._views.of(name, now)

    def topology(self, resource: str | None = None) -> Json | None:
        """The network as a picture, or what one resource (by its id) hangs together with; ``None`` for an unknown resource.

        Open ``incidents`` (the latest :data:`MOST_DRAWN`) are coloured; the picture is ``svg``, for a page ``inline``.
        """
        incidents = self.incidents("open", MOST_DRAWN)
        alarms = {alarm["id"]: alarm for alarm in self._queries.alarms_by_id(each for one in incidents for each in one["alarms"])}
        return self._pictures.with_incidents(self._known(), incidents, alarms, resource)

    # agreements

    def services(self) -> list[str]:
        """Names of the services under a contract."""
        known = self._known()
        return [service.name for service in known.services.values() if service.contract in known.contracts]

    def evaluations(self, evaluated_at: int | None = None, limit: int = 1000) -> list[Json]:
        """The latest evaluation of each service and period, or those of one settlement, with the customers' names and tiers."""
        customers = self._known().customers
        return [_called(evaluation, customers) for evaluation in self._queries.evaluations(evaluated_at, limit)]

    def rated(self, label: str, now: int, chosen: Chosen = _ALL, plan: Plan | None = None) -> list[Evaluation]:
        """A month rated again from the history, by each contract's plan or by another: see :func:`pipeline.rerating.rated_month`."""
        plans = load_plans(self._rules)
        other = None if plan is None else (lambda _: plan)
        return rated_month(self._known(), plans, self._queries, self._obligations, label, now, chosen, other)

    def observed(self, asked: Asked) -> list[Observed]:
        """For how long nobody looked in a month: see :func:`pipeline.observing.observed_month`."""
        polls = ObservationQueries(self._queries.connection)
        return observed_month(self._known(), load_plans(self._rules), polls, self._queries, self._obligations, asked)

    def entered(self, label: str) -> list[Credit]:
        """What the ledger has for a month (``2026-11``)."""
        return [entry.credit for entry in self._obligations.credits(period=label, limit=MOST_ENTERED)]

    def customer_names(self) -> dict[str, str]:
        """What people call each customer."""
        return {name: customer.display_name for name, customer in self._known().customers.items()}

    def exclusions(self, limit: int = 1000) -> list[Json]:
        """What people said should not count, newest first, each with ``withdrawn``."""
        given = [operation_value(each) for each in self._obligations.operations(kinds=EXCLUSION_KINDS, limit=limit)]
        gone = {each["target"] for each in given if each["kind"] == "include"}
        return [{**each, "withdrawn": each["id"] in gone} for each in given if each["kind"] == "exclude"]

    def claims(self, month: str = "", limit: int = 1000) -> list[Json]:
        """What customers claimed, newest first, and how each claim stands: see :func:`pipeline.claiming.claim_values`."""
        stored = self._obligations.operations(kinds=CLAIM_KINDS, limit=MOST_CLAIMS)
        return claim_values(stored, self._known(), self._rated_of, self._entered_of, month)[:limit]

    def _rated_of(self, label: str, services: Collection[str]) -> list[Evaluation]:
        """A month of some services."""
        known, plans = self._known(), load_plans(self._settings.rules_dir or data_dir("rules"))
        few = replace(known, services={name: service for name, service in known.services.items() if name in services})
        return rated_month(few, plans, self._queries, self._obligations, label, time.time_ns(), _ALL)

    def _entered_of(self, label: str) -> dict[tuple[str, str], int]:
        """What the ledger has for a month, by service and month."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for credit in self.entered(label):
            sums[credit.service, credit.period] += credit.amount_minor
        return sums

    def credits(self) -> list[Json]:
        """The latest entries of the ledger (at most 1000), newest first, with the customers' names and tiers."""
        customers = self._known().customers
        return [_called(credit_value(each), customers) for each in self._obligations.stored_credits()]

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


def _suffering(incident: Json, wanted: Callable[[Json], bool] = lambda _: True) -> dict[str, Lasting | None]:
    """The services of an incident, with what they suffer while it is open."""
    is_open = incident["state"] == OPEN
    return {
        impact["service"]: Lasting(ServiceState(impact["state"]), impact["since_at"], incident["planned"]) if is_open else None
        for impact in incident["impacts"]
        if wanted(impact)
    }


def _joined(incident: Json, ticket: Json | None, customers: Customers, budgets: Mapping[str, Json]) -> Json:
    impacts = [
        {
            **impact,
            "customer_name": _display_name(impact["customer"], customers),
            "by": way(impact["path"], impact["gate"], ServiceState(impact["state"])),
            "told": state_text(ServiceState(impact["state"]), impact["share"]),
            "budget": budgets.get(impact["service"]),
        }
        for impact in incident["impacts"]
    ]
    return {
        **incident,
        "impacts": impacts,
        "alarm_count": len(incident["alarms"]),
        "ticket": ticket,
        "points": _points(incident),
        "customers": tiers_of([convert(impact, Impact) for impact in incident["impacts"]]),
        "tightest": tightest(impact["budget"] for impact in impacts if suffers(impact)),
    }


def _points(incident: Json) -> list[Json]:
    """The explanation as label and text; that of an incident of an earlier version as the sentences that were kept."""
    told = points(convert(incident["grounds"], Explanation)) if incident["grounds"] else ()
    kept = [Point("why", line) for line in incident["explanation"]]
    return [{"label": point.label, "text": point.text} for point in told or kept]


def _called(value: Json, customers: Customers) -> Json:
    """A value with its customer's name for people, and tier (empty for one that is no longer declared)."""
    known = customers.get(value["customer"])
    return {**value, "customer_name": _display_name(value["customer"], customers), "tier": known.tier.value if known else ""}


def _display_name(customer: str, customers: Customers) -> str:
    return customers[customer].display_name if customer in customers else customer


def _ticket(link: TicketLink) -> Json:
    return {"number": link.called, "status": link.status}
