"""What a stretch's outages cost, by the same folds as the settlement's: each service's months that the stretch has a part in."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipeline.backtest.past import Owed, Stretch
from pipeline.core.evaluation import Evaluation
from pipeline.core.inventory import Inventory
from pipeline.core.outage import Outage
from pipeline.core.period import Period, month_of
from pipeline.core.plan import Plan
from pipeline.core.saying import standing
from pipeline.core.settlement import ContractState, PlannedWork, Terms, record, settle, terms_of
from pipeline.core.window import announced


def owed(
    inventory: Inventory, plans: dict[str, Plan], outages: Iterable[Outage], stretch: Stretch, planned: PlannedWork
) -> dict[tuple[str, str, str], Owed]:
    """What each service's months come to as of the stretch's end, with these outages, by (contract, service, period).

    ``planned`` is the work that people planned at run time, and what they said should not count.
    """
    if planned.windows:
        inventory = replace(inventory, windows=announced(inventory.windows, planned.windows))
    by_contract: dict[str, list[Outage]] = defaultdict(list)
    for outage in outages:
        by_contract[outage.contract].append(outage)
    said = standing(planned.exclusions.values()), standing(planned.claims.values())
    found = (
        _of(evaluation, month)
        for name, terms in terms_of(inventory, plans, *said).items()
        for month in months(stretch, terms.customer.timezone)
        for evaluation in _evaluated(name, terms, by_contract[name], month, stretch)
    )
    together: dict[tuple[str, str, str], Owed] = {}
    for one in found:
        key = (one.contract, one.service, one.period)
        before = together.get(key)  # availability comes first; what other promises owe is added to it
        together[key] = one if before is None else replace(before, amount_minor=before.amount_minor + one.amount_minor)
    return together


def months(stretch: Stretch, timezone: str) -> Iterator[Period]:
    """The calendar months that a stretch has a part in, oldest first; where a month was over before the end, all of it."""
    at = stretch.starts_at
    while at < stretch.ends_at:
        month = month_of(at, timezone)
        yield Period(month.label, timezone, month.starts_at, month.ends_at, cut=month.ends_at > stretch.ends_at)
        at = month.ends_at


def _evaluated(name: str, terms: Terms, outages: list[Outage], month: Period, stretch: Stretch) -> tuple[Evaluation, ...]:
    return settle(record(ContractState(name), outages), terms, month.starts_at, stretch.ends_at).evaluations


def _of(evaluation: Evaluation, month: Period) -> Owed:
    return Owed(
        contract=evaluation.contract,
        service=evaluation.service,
        customer=evaluation.customer,
        period=evaluation.period,
        amount_minor=evaluation.credit_minor,
        currency=evaluation.currency,
        counted_s=evaluation.counted_s,
        is_over=not month.cut,
    )
