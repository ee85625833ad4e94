"""A credit: money owed for a missed target, proposed with its evidence. People approve it; the ledger keeps it."""

from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pipeline.core.downtime import Interval
from pipeline.core.effect import Effect, EffectKind
from pipeline.core.evaluation import PERCENT, Evaluation
from pipeline.core.ledger import Credit
from pipeline.core.money import money_text
from pipeline.core.reason import Reason

LEDGER = "ledger"
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:assurance-pipeline:credit")


def key_of(evaluation: Evaluation) -> str:
    """The idempotency key: UUIDv5 of contract, service, metric, period and revision. Same key, same decision, one entry."""
    return _key(evaluation.contract, evaluation.service, evaluation.metric, evaluation.period, evaluation.revision)


def _key(contract: str, service: str, metric: str, period: str, revision: int) -> str:
    return str(uuid5(_NAMESPACE, "|".join((contract, service, metric, period, str(revision)))))


def reversal_of(credit: Credit, person: str, why: str) -> Credit:
    """The counter-entry that takes a credit back: the same with the amount's and the revision's sign turned, proposed by a person."""
    return replace(
        credit,
        key=_key(credit.contract, credit.service, credit.metric, credit.period, -credit.revision),
        revision=-credit.revision,
        amount_minor=-credit.amount_minor,
        reason=Reason.REVERSED.value,
        dry_run=False,
        evidence={"proposed_by": person, "reverses": credit.key, "why": why, "summary": [f"takes back {credit.key}: {why}"]},
    )


def propose(evaluation: Evaluation, decided_at: int, issued_minor: int = 0) -> Effect | None:
    """The credit that an evaluation asks for, or ``None`` when nothing is owed or the customer must claim it first.

    ``issued_minor`` is what earlier revisions of this period already gave: late data make an adjustment (new minus issued, which may be
    negative), never a change of an entry. ``decided_at`` is UTC nanoseconds. The body is JSON-ready; amounts are integer minor units.
    """
    amount_minor = evaluation.payable_minor - issued_minor
    if amount_minor == 0:
        return None
    return Effect(
        key=key_of(evaluation),
        kind=EffectKind.CREDIT,
        subject=evaluation.contract,
        route=LEDGER,
        decided_at=decided_at,
        reason=evaluation.reason,
        body=_body(evaluation, amount_minor, issued_minor),
    )


def summary_lines(evaluation: Evaluation) -> tuple[str, ...]:
    """The evaluation for a person: one line of result, then the arithmetic."""
    verdict = "missed" if evaluation.violated else "met"
    owed = f", credit {money_text(evaluation.credit_minor, evaluation.currency)}" if evaluation.credit_minor else ""
    share = f"{evaluation.availability} % of {evaluation.target} %"
    if evaluation.unit != PERCENT:
        share = f"{evaluation.metric} {evaluation.figure} {evaluation.unit} of {evaluation.target}"
    head = f"{evaluation.service} ({evaluation.customer}) {evaluation.period}: {share}, {verdict}{owed}"
    return (head, *(f"  {line}" for line in evaluation.arithmetic))


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON-ready values: percentages as decimal text, times and money as integers."""
    written = {"availability", "target", "figure", "intervals", "arithmetic", "outages"}
    names = (name for name in Evaluation.__slots__ if name not in written)
    return {
        **{name: getattr(evaluation, name) for name in names},
        "availability": str(evaluation.availability),
        "target": str(evaluation.target),
        "figure": str(evaluation.figure),
        "intervals": [_interval_json(interval) for interval in evaluation.intervals],
        "arithmetic": list(evaluation.arithmetic),
        "outages": list(evaluation.outages),
    }


def _body(evaluation: Evaluation, amount_minor: int, issued_minor: int) -> dict[str, Any]:
    return {
        "contract": evaluation.contract,
        "service": evaluation.service,
        "customer": evaluation.customer,
        "metric": evaluation.metric,
        "period": evaluation.period,
        "revision": evaluation.revision,
        "amount_minor": amount_minor,
        "issued_minor": issued_minor,
        "currency": evaluation.currency,
        "plan": evaluation.plan,
        "plan_version": evaluation.plan_version,
        "summary": list(summary_lines(evaluation)),
        "evidence": {"evaluation": evaluation.id, "outages": list(evaluation.outages)},
        "evaluation": evaluation_json(evaluation),
    }


def _interval_json(interval: Interval) -> dict[str, Any]:
    return {name: getattr(interval, name) for name in Interval.__slots__}
