"""Claims for a month's credit: what a person's claim is held to before it is kept, and how each stands, told alike everywhere."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.config.problem import did_you_mean
from pipeline.core.claim import deadline, is_whole, last_day, name_of_claim, service_of
from pipeline.core.evaluation import Evaluation
from pipeline.core.inventory import Inventory
from pipeline.core.money import money_text
from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import Operation, OperationError, OperationKind
from pipeline.core.period import Period, date_of, month_named
from pipeline.core.plan import Plan, version_at
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceKind

Json = dict[str, Any]
Entered = Mapping[tuple[str, str], int]
"""What the ledger has by service and month, in minor units."""

MOST_CLAIMS = 10_000
"""Claims among which one is looked up."""


def claim_of(given: Operation, inventory: Inventory, plans: Mapping[str, Plan], before: Sequence[StoredOperation]) -> Operation:
    """A claim as it is kept: its service and month are known, its time is, and until when it could be made (``until``).

    ``given.starts_at`` is when the customer asked, 0 for now. ``before`` are the claims and withdrawals that are kept: the same claim again
    is answered as the one that stands. Raises ``OperationError`` for what cannot be claimed.
    """
    name = given.target.removeprefix(f"{ResourceKind.SERVICE}/")
    plan, month = _agreed(name, given.period, inventory, plans)
    claimed_at = given.starts_at or given.at
    if month.starts_at > given.at:
        raise OperationError(f"{month.label} has not begun where the customer lives ({month.timezone})")
    if claimed_at > given.at:
        raise OperationError("the customer cannot have asked later than now (--at)")
    if claimed_at < month.starts_at:
        raise OperationError(f"the customer cannot have asked for {month.label} before it began: {date_of(claimed_at, month.timezone)}")
    mine = [each for each in _claims(before) if (service_of(each.operation), each.operation.period) == (name, month.label)]
    for each in _left(mine, before):
        if each.outcome != "refused" or each.operation.starts_at == claimed_at:
            return each.operation
    earlier = [each.operation.id for each in mine]
    return replace(
        given,
        id=name_of_claim(name, month.label, earlier),
        target=f"{ResourceKind.SERVICE}/{name}",
        period=month.label,
        starts_at=claimed_at,
        until=deadline(plan, month),
    )


def _agreed(name: str, label: str, inventory: Inventory, plans: Mapping[str, Plan]) -> tuple[Plan, Period]:
    """The plan of a service and the month, if such a month is paid on claim."""
    service = inventory.services.get(name)
    if service is None:
        remedy = did_you_mean(name, inventory.services) or "names are as acme-vpn-1"
        raise OperationError(f"there is no service '{name}'; {remedy}", Reason.UNKNOWN_TARGET)
    contract, customer = inventory.contracts.get(service.contract), inventory.customers.get(service.customer)
    newest = plans.get(contract.plan) if contract else None
    if contract is None or customer is None or newest is None:
        raise OperationError(f"{name} has no agreement whose plan and customer are known: `assure check` tells what is missing")
    try:
        month = month_named(label, customer.timezone)
    except ValueError as error:
        raise OperationError(str(error)) from None
    plan = version_at(newest, month.starts_at)
    if plan is None:
        raise OperationError(f"no version of plan {newest.name} is for {month.label}")
    if plan.automatic:
        raise OperationError(f"plan {plan.name} pays by itself: nothing has to be claimed for {name}")
    return plan, month


def withdrawal_of(given: Operation, before: Sequence[StoredOperation]) -> Operation:
    """A withdrawal with the whole id of its claim. Raises ``OperationError`` when there is no such claim, or it does not stand."""
    named = [each for each in _claims(before) if given.target and each.operation.id.startswith(given.target)]
    if len(named) != 1:
        how_many = "several claims begin" if named else "there is no claim whose id begins"
        raise OperationError(f"{how_many} with '{given.target}'; ids: assure sla claims", Reason.UNKNOWN_TARGET)
    if named[0].outcome == "refused":
        raise OperationError("that claim was refused: there is nothing to take back")
    return replace(given, target=named[0].operation.id)


def _claims(stored: Iterable[StoredOperation]) -> list[StoredOperation]:
    return [each for each in stored if each.operation.kind is OperationKind.CLAIM]


def withdrawn(stored: Iterable[StoredOperation]) -> set[str]:
    """The ids of claims that were taken back."""
    return {each.operation.target for each in stored if each.operation.kind is OperationKind.WITHDRAW and each.outcome != "refused"}


def _left(claims: Iterable[StoredOperation], stored: Iterable[StoredOperation]) -> list[StoredOperation]:
    gone = withdrawn(stored)
    return [each for each in claims if each.operation.id not in gone]


def claim_values(
    stored: Sequence[StoredOperation],
    inventory: Inventory,
    rated: Callable[[str, Collection[str]], Iterable[Evaluation]],
    entered: Callable[[str], Entered],
    period: str = "",
) -> list[Json]:
    """Claims as they stand, in the order in which they come: ``state`` is a word, ``told`` the same for people.

    ``rated`` answers what services' months come to, by a month and their names; ``entered`` what the ledger has for a month. Only claims
    for ``period``, unless it is empty. Times are UTC nanoseconds.
    """
    claims = [each for each in _claims(stored) if period in {"", each.operation.period}]
    gone = withdrawn(stored)
    services: dict[str, set[str]] = defaultdict(set)
    for each in claims:
        services[each.operation.period].add(service_of(each.operation))
    found: dict[tuple[str, str], list[Evaluation]] = defaultdict(list)
    ledger: dict[tuple[str, str], int] = {}
    for label, names in services.items():
        for evaluation in rated(label, names):
            found[evaluation.service, label].append(evaluation)
        ledger |= entered(label)
    return [_value(each, inventory, found, ledger, is_withdrawn=each.operation.id in gone) for each in claims]


def _value(
    stored: StoredOperation,
    inventory: Inventory,
    found: Mapping[tuple[str, str], list[Evaluation]],
    ledger: Entered,
    *,
    is_withdrawn: bool,
) -> Json:
    operation = stored.operation
    name = service_of(operation)
    service = inventory.services.get(name)
    customer = inventory.customers.get(service.customer) if service else None
    zone = customer.timezone if customer else "UTC"
    evaluations = found.get((name, operation.period), [])
    owed = sum(each.credit_minor for each in evaluations)
    currency = evaluations[0].currency if evaluations else ""
    in_ledger = ledger.get((name, operation.period), 0)
    state, told = _standing(stored, evaluations, in_ledger, is_withdrawn=is_withdrawn)
    return {
        "id": operation.id,
        "service": name,
        "customer": customer.name if customer else "",
        "contract": service.contract if service else "",
        "month": operation.period,
        "timezone": zone,
        "claimed_at": operation.starts_at,
        "claimed_on": date_of(operation.starts_at, zone).isoformat(),
        "claim_until": operation.until,
        "last_day": last_day(operation.until, zone),
        "recorded_at": operation.at,
        "operator": operation.operator,
        "via": operation.via,
        "text": operation.text,
        "outcome": stored.outcome,
        "state": state,
        "told": told,
        "owed_minor": owed,
        "in_ledger_minor": in_ledger,
        "currency": currency,
    }


def _standing(stored: StoredOperation, found: Sequence[Evaluation], in_ledger: int, *, is_withdrawn: bool) -> tuple[str, str]:
    """How a claim stands, as a word and for people."""
    verdict = stored.verdict
    if stored.outcome == "refused":
        return "refused", verdict.detail if verdict else "refused"
    if is_withdrawn:
        return "withdrawn", "taken back"
    if stored.outcome == "waiting":
        return "waiting", "kept, and not answered yet"
    return _worth(found, in_ledger)


def _worth(found: Sequence[Evaluation], in_ledger: int) -> tuple[str, str]:
    """What a claim that stands comes to."""
    if not found:
        return "unknown", "the service has no agreement any more that says anything of the month"
    if not is_whole(found[0]):
        return "month-not-over", "waits for the end of the month"
    owed = sum(each.payable_minor for each in found)
    if not owed and not in_ledger:
        missed = any(each.violated for each in found)
        return "nothing-owed", f"nothing is owed: {'the target was missed, by too little' if missed else 'what was promised was met'}"
    text = money_text(owed, found[0].currency)
    return ("proposed", f"{text}, in the ledger") if in_ledger == owed else ("owed", f"{text}, not in the ledger yet")
