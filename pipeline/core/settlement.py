"""Settling a contract: its outages folded by service, evaluated when a month ends (or when somebody asks), credits proposed once.

What was issued for a period is part of the state: a later evaluation of the same period proposes only the difference, as a new revision
(facts of late data become adjustments, an entry is never changed).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pipeline.core.claim import Claim, ClaimRow, by_service, is_whole
from pipeline.core.credit import propose
from pipeline.core.effect import Effect
from pipeline.core.evaluation import METRIC, Evaluation
from pipeline.core.exclusion import Exclusion, ExclusionRow
from pipeline.core.inventory import Contract, Customer, Inventory, MaintenanceWindow, Service
from pipeline.core.outage import Outage
from pipeline.core.period import NANOSECONDS, month_of
from pipeline.core.plan import Plan, version_at
from pipeline.core.saying import told
from pipeline.core.sla import evaluate_all, with_claims, with_revision
from pipeline.core.window import WindowRow

LATE_SECONDS = 3600
"""How long after a month's end it is settled, so that what was under way when it ended has arrived."""

LASTING = 2**63 - 1
"""The end of what has not ended."""

KEEP_MONTHS_NS = 100 * 86_400 * 1_000_000_000
"""How long an ended outage stays in the state: the months that late data may still reopen."""

KEEP_CLAIMABLE_NS = 400 * 86_400 * 1_000_000_000
"""How long after its end a month that pays on claim can be claimed at most, also where the plan has no limit."""

KEEP_CLAIMS_NS = KEEP_CLAIMABLE_NS + 100 * 86_400 * 1_000_000_000
"""How long a claim is remembered: longer than any month that it may be for."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What earlier revisions of one service's month have proposed, in minor units."""

    revision: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ContractState:
    """One contract's outages by id, what was issued by ``service|period``, and the last month that was settled at its end.

    ``late_from`` and ``late_until`` bound what was newly heard since (UTC nanoseconds; 0: nothing): a month that was settled and has a part
    in it is settled again at ``late_due``. ``claimable`` are evaluations of settled months that pay on claim, under the same names as
    ``issued``: a claim is answered from them, also when the month's outages are forgotten.
    """

    contract: str
    outages: dict[str, Outage] = field(default_factory=dict)
    issued: dict[str, Issued] = field(default_factory=dict)
    settled_through: str = ""
    late_from: int = 0
    late_until: int = 0
    late_due: int = 0
    claimable: dict[str, Evaluation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """Maintenance windows that people declared or changed at run time, by name, and exclusions and claims that they recorded, by id."""

    windows: dict[str, WindowRow] = field(default_factory=dict)
    exclusions: dict[str, ExclusionRow] = field(default_factory=dict)
    claims: dict[str, ClaimRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a contract's evaluation needs: who bought what under which plan, planned work, what should not count, what was claimed."""

    contract: Contract
    plan: Plan
    customer: Customer
    services: tuple[Service, ...]
    windows: tuple[MaintenanceWindow, ...]
    exclusions: tuple[Exclusion, ...] = ()
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of settling: the new state, an evaluation for each service, the effects that pay."""

    state: ContractState
    evaluations: tuple[Evaluation, ...] = ()
    effects: tuple[Effect, ...] = ()


def terms_of(
    inventory: Inventory, plans: dict[str, Plan], exclusions: Iterable[Exclusion] = (), claims: Iterable[Claim] = ()
) -> dict[str, Terms]:
    """Terms by contract name; a contract whose plan or customer is not known, or of another currency than its plan's, has none.

    ``assure check`` names it.
    """
    services: dict[str, list[Service]] = defaultdict(list)
    for service in inventory.services.values():
        services[service.contract].append(service)
    recorded, claimed = tuple(exclusions), by_service(claims)
    return {
        contract.name: Terms(
            contract,
            plans[contract.plan],
            inventory.customers[contract.customer],
            tuple(services[contract.name]),
            inventory.windows,
            recorded,
            tuple(claim for service in services[contract.name] for claim in claimed.get(service.name, ())) if claimed else (),
        )
        for contract in inventory.contracts.values()
        if contract.plan in plans and contract.customer in inventory.customers and plans[contract.plan].currency in {"", contract.currency}
    }


def record(state: ContractState, outages: Iterable[Outage]) -> ContractState:
    """The state with newer revisions of outages; an older revision than the one known changes nothing."""
    known = dict(state.outages)
    late = state
    for outage in outages:
        before = known.get(outage.id)
        if before is None or outage.revision > before.revision:
            known[outage.id] = outage
            if state.settled_through:
                ends = [each.ended_at or LASTING for each in (outage, before) if each is not None]
                late = reopen(late, min(outage.started_at, before.started_at if before else outage.started_at), max(ends))
    return replace(late, outages=known)


def reopen(state: ContractState, starts_at: int, ends_at: int) -> ContractState:
    """The state with something newly heard of a stretch of time: what was settled of it will be looked at again."""
    first = min(state.late_from, starts_at) if state.late_from else starts_at
    return replace(state, late_from=first, late_until=max(state.late_until, ends_at))


def is_of(exclusion: Exclusion, state: ContractState, terms: Terms) -> bool:
    """Whether an exclusion speaks of a service of the contract, or of what an incident did to one."""
    if exclusion.service:
        return any(service.name == exclusion.service for service in terms.services)
    return any(outage.incident == exclusion.incident for outage in state.outages.values())


def plan(work: PlannedWork, row: WindowRow) -> PlannedWork:
    """The planned work with what was newly said of one window; several domains say it, and an older word changes nothing.

    What has been over for longer than any month can be reopened is forgotten.
    """
    known = work.windows.get(row.window.name)
    if known is not None and known.operated >= row.operated:
        return work
    kept = {name: each for name, each in work.windows.items() if each.forget_at > row.operated[0] - KEEP_MONTHS_NS}
    return replace(work, windows={**kept, row.window.name: row})


def exclude(work: PlannedWork, row: ExclusionRow) -> PlannedWork:
    """The planned work with what was newly said of one exclusion; what is too old for any month to be reopened is forgotten."""
    kept = {name: each for name, each in work.exclusions.items() if each.at > row.at - KEEP_MONTHS_NS}
    return replace(work, exclusions={**kept, row.id: told(work.exclusions.get(row.id), row)})


def claim(work: PlannedWork, row: ClaimRow) -> PlannedWork:
    """The planned work with what was newly said of one claim; what is too old to be claimed is forgotten."""
    kept = {name: each for name, each in work.claims.items() if each.at > row.at - KEEP_CLAIMS_NS}
    return replace(work, claims={**kept, row.id: told(work.claims.get(row.id), row)})


def settle(state: ContractState, terms: Terms, at: int, now: int) -> Settlement:
    """Evaluate each service for the customer's month that contains ``at``, cut at ``now``; propose what is not issued yet.

    A service that is declared for no moment of that month is left out; one that begins in it counts from then on. So is a month for which
    no version of the plan is. Settling the same facts again proposes nothing: what is owed equals what was issued.
    """
    return _proposed(state, evaluations_of(state.outages.values(), terms, at, now), now)


def _proposed(state: ContractState, found: Iterable[Evaluation], now: int) -> Settlement:
    """What is payable by these evaluations and was not issued yet is proposed; those that pay on claim are kept for one."""
    evaluations: list[Evaluation] = []
    effects: list[Effect] = []
    issued, claimable = dict(state.issued), dict(state.claimable)
    for evaluation in found:
        key = issue_key(evaluation)
        before = issued.get(key, Issued(0, 0))
        revised = with_revision(evaluation, before.revision + 1)
        effect = propose(revised, now, before.amount_minor)
        if effect is not None:
            issued[key] = Issued(revised.revision, revised.payable_minor)
            effects.append(effect)
        evaluations.append(revised)
        if not revised.automatic and is_whole(revised) and (revised.credit_minor or key in claimable):
            claimable[key] = revised
    return Settlement(replace(state, issued=issued, claimable=claimable), tuple(evaluations), tuple(effects))


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
            claims=terms.claims,
        )


def tick(state: ContractState, terms: Terms, now: int) -> Settlement:
    """Settle the month that ended last, once, ``LATE_SECONDS`` after its end; forget outages too old to matter.

    A state that has never settled begins with the month that it first sees end. What is heard of a settled month settles it again, as long
    after it was noticed: the difference is proposed as an adjustment. A claim for a settled month is answered at once.
    """
    settled = _settled(state, terms, now)
    asked = _claimed(settled.state, terms, now)
    return Settlement(asked.state, (*settled.evaluations, *asked.evaluations), (*settled.effects, *asked.effects))


def _claimed(state: ContractState, terms: Terms, now: int) -> Settlement:
    """What settled months come to by claims that were recorded, or taken back, since; nothing else about them is looked at again."""
    if not state.claimable:
        return Settlement(state)
    fresh = (each for each in state.claimable.values() if each.period_ends_at > now - KEEP_CLAIMABLE_NS)
    changed = [(each, with_claims(each, terms.claims)) for each in fresh]
    return _proposed(state, [replace(after, evaluated_at=now) for before, after in changed if after.claimed_at != before.claimed_at], now)


def _settled(state: ContractState, terms: Terms, now: int) -> Settlement:
    present = month_of(now - LATE_SECONDS * NANOSECONDS, terms.customer.timezone)
    ended = month_of(present.starts_at - 1, terms.customer.timezone)
    if not state.settled_through:
        return Settlement(replace(state, settled_through=ended.label))
    if state.settled_through >= ended.label:
        return _late(state, terms, now)
    settled = settle(state, terms, ended.starts_at, now)
    kept = {key: outage for key, outage in settled.state.outages.items() if not outage.ended_at or outage.ended_at > now - KEEP_MONTHS_NS}
    claimable = {key: each for key, each in settled.state.claimable.items() if each.period_ends_at > now - KEEP_CLAIMABLE_NS}
    after = replace(settled.state, outages=kept, claimable=claimable, settled_through=ended.label)
    if after.late_from >= ended.starts_at:  # what was heard late was heard in time for this month
        after = replace(after, late_from=0, late_until=0, late_due=0)
    return replace(settled, state=after)


def _late(state: ContractState, terms: Terms, now: int) -> Settlement:
    """Settle again what was settled and is touched by what was heard since, once it has been quiet; never what is forgotten in part."""
    if not state.late_from:
        return Settlement(state)
    if not state.late_due:
        return Settlement(replace(state, late_due=now + LATE_SECONDS * NANOSECONDS))
    if now < state.late_due:
        return Settlement(state)
    settlement = Settlement(replace(state, late_from=0, late_until=0, late_due=0))
    month = month_of(max(state.late_from, now - KEEP_MONTHS_NS), terms.customer.timezone)
    while month.label <= state.settled_through and month.starts_at < state.late_until:
        if month.starts_at > now - KEEP_MONTHS_NS:
            again = settle(settlement.state, terms, month.starts_at, now)
            settlement = Settlement(again.state, (*settlement.evaluations, *again.evaluations), (*settlement.effects, *again.effects))
        month = month_of(month.ends_at, terms.customer.timezone)
    return settlement
