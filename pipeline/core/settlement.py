"""Settling a contract: its outages folded by service, evaluated when a month ends (or when somebody asks), credits proposed once.

What was issued for a period is part of the state: a later evaluation of the same period proposes only the difference, as a new revision
(facts of late data become adjustments, an entry is never changed).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pipeline.core.credit import propose
from pipeline.core.effect import Effect
from pipeline.core.evaluation import METRIC, Evaluation
from pipeline.core.exclusion import Exclusion
from pipeline.core.inventory import Contract, Customer, Inventory, MaintenanceWindow, Service
from pipeline.core.outage import Outage
from pipeline.core.period import month_of
from pipeline.core.plan import Plan, version_at
from pipeline.core.sla import evaluate_all, with_revision
from pipeline.core.window import WindowRow

LATE_SECONDS = 3600
"""How long after a month's end it is settled, so that what was under way when it ended has arrived."""

KEEP_MONTHS_NS = 100 * 86_400 * 1_000_000_000
"""How long an ended outage stays in the state: the months that late data may still reopen."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What earlier revisions of one service's month have proposed, in minor units."""

    revision: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ContractState:
    """One contract's outages by id, what was issued by ``service|period``, and the last month that was settled at its end."""

    contract: str
    outages: dict[str, Outage] = field(default_factory=dict)
    issued: dict[str, Issued] = field(default_factory=dict)
    settled_through: str = ""


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """Maintenance windows that people declared or changed at run time, by name."""

    windows: dict[str, WindowRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a contract's evaluation needs: who bought what under which plan, the planned work, and what people said should not count."""

    contract: Contract
    plan: Plan
    customer: Customer
    services: tuple[Service, ...]
    windows: tuple[MaintenanceWindow, ...]
    exclusions: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of settling: the new state, an evaluation for each service, the effects that pay."""

    state: ContractState
    evaluations: tuple[Evaluation, ...] = ()
    effects: tuple[Effect, ...] = ()


def terms_of(inventory: Inventory, plans: dict[str, Plan], exclusions: Iterable[Exclusion] = ()) -> dict[str, Terms]:
    """Terms by contract name; a contract whose plan or customer is not known, or of another currency than its plan's, has none.

    ``assure check`` names it.
    """
    services: dict[str, list[Service]] = defaultdict(list)
    for service in inventory.services.values():
        services[service.contract].append(service)
    recorded = tuple(exclusions)
    return {
        contract.name: Terms(
            contract,
            plans[contract.plan],
            inventory.customers[contract.customer],
            tuple(services[contract.name]),
            inventory.windows,
            recorded,
        )
        for contract in inventory.contracts.values()
        if contract.plan in plans and contract.customer in inventory.customers and plans[contract.plan].currency in {"", contract.currency}
    }


def record(state: ContractState, outages: Iterable[Outage]) -> ContractState:
    """The state with newer revisions of outages; an older revision than the one known changes nothing."""
    known = dict(state.outages)
    for outage in outages:
        before = known.get(outage.id)
        if before is None or outage.revision > before.revision:
            known[outage.id] = outage
    return replace(state, outages=known)


def plan(work: PlannedWork, row: WindowRow) -> PlannedWork:
    """The planned work with what was newly said of one window; several domains say it, and an older word changes nothing.

    What has been over for longer than any month can be reopened is forgotten.
    """
    known = work.windows.get(row.window.name)
    if known is not None and known.operated >= row.operated:
        return work
    kept = {name: each for name, each in work.windows.items() if each.forget_at > row.operated[0] - KEEP_MONTHS_NS}
    return PlannedWork({**kept, row.window.name: row})


def settle(state: ContractState, terms: Terms, at: int, now: int) -> Settlement:
    """Evaluate each service for the customer's month that contains ``at``, cut at ``now``; propose what is not issued yet.

    A service that is declared for no moment of that month is left out; one that begins in it counts from then on. So is a month for which
    no version of the plan is. Settling the same facts again proposes nothing: what is owed equals what was issued.
    """
    evaluations: list[Evaluation] = []
    effects: list[Effect] = []
    issued = dict(state.issued)
    for evaluation in evaluations_of(state.outages.values(), terms, at, now):
        key = issue_key(evaluation)
        before = issued.get(key, Issued(0, 0))
        revised = with_revision(evaluation, before.revision + 1)
        effect = propose(revised, now, before.amount_minor)
        if effect is not None:
            issued[key] = Issued(revised.revision, revised.credit_minor)
            effects.append(effect)
        evaluations.append(revised)
    return Settlement(replace(state, issued=issued), tuple(evaluations), tuple(effects))


def issue_key(evaluation: Evaluation) -> str:
    """Under what a state keeps what was issued: service and period, and the metric unless it is availability."""
    key = f"{evaluation.service}|{evaluation.period}"
    return key if evaluation.metric == METRIC else f"{key}|{evaluation.metric}"


def evaluations_of(outages: Iterable[Outage], terms: Terms, at: int, now: int) -> Iterator[Evaluation]:
    """Every service of the contract against every promise of its plan, for the customer's month that contains ``at``, cut at ``now``."""
    month = month_of(at, terms.customer.timezone)
    plan = version_at(terms.plan, month.starts_at)
    if plan is None:
        return
    suffered: dict[str, list[Outage]] = defaultdict(list)
    for outage in outages:
        suffered[outage.service].append(outage)
    for service in terms.services:
        if service.valid_from >= month.ends_at or 0 < service.valid_until <= month.starts_at:
            continue
        yield from evaluate_all(
            terms.contract,
            plan,
            service,
            terms.customer,
            suffered[service.name],
            at,
            now,
            service.valid_from,
            windows=terms.windows,
            exclusions=terms.exclusions,
        )


def tick(state: ContractState, terms: Terms, now: int) -> Settlement:
    """Settle the month that ended last, once, ``LATE_SECONDS`` after its end; forget outages too old to matter.

    A state that has never settled begins with the month that it first sees end.
    """
    present = month_of(now - LATE_SECONDS * 1_000_000_000, terms.customer.timezone)
    ended = month_of(present.starts_at - 1, terms.customer.timezone)
    if not state.settled_through:
        return Settlement(replace(state, settled_through=ended.label))
    if state.settled_through >= ended.label:
        return Settlement(state)
    settled = settle(state, terms, ended.starts_at, now)
    kept = {key: outage for key, outage in settled.state.outages.items() if not outage.ended_at or outage.ended_at > now - KEEP_MONTHS_NS}
    return replace(settled, state=replace(settled.state, outages=kept, settled_through=ended.label))
