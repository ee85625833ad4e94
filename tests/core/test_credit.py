"""A credit is proposed once for each contract, service, metric, period and revision, with its evidence."""

import json
from dataclasses import replace

import pytest

from pipeline.core.credit import evaluation_json, propose, summary_lines
from pipeline.core.effect import EffectKind
from pipeline.core.sla import Evaluation, evaluate
from tests.support.contracts import HOUR, bands, contract_of, customer_of, ns, outage_of, plan_of, service_of

START = ns("2026-11-01")
LATER = ns("2026-12-05")


@pytest.fixture
def missed() -> Evaluation:
    """An hour down in November: 99.86 % of 99.99 %, a tenth of 1000.00 EUR."""
    plan = plan_of(bands(("0", "99.99", "10"), ("99.99", None, "0")))
    return evaluate(contract_of(), plan, service_of(), customer_of(), [outage_of(START, START + HOUR)], START, LATER)


def test_missed_target_proposes_a_credit_to_the_ledger(missed: Evaluation) -> None:
    """The effect says how much, for what, why and on which evidence."""
    effect = propose(missed, LATER)
    assert effect is not None
    assert (effect.kind, effect.subject, effect.route, effect.decided_at, effect.reason) == (
        EffectKind.CREDIT,
        "c1",
        "ledger",
        LATER,
        "target-missed",
    )
    assert (effect.body["amount_minor"], effect.body["currency"], effect.body["period"]) == (10_000, "EUR", "2026-11")
    assert effect.body["evidence"] == {"evaluation": missed.id, "outages": ["o1"]}


def test_body_is_json_and_keeps_every_figure(missed: Evaluation) -> None:
    """The evidence survives JSON without a float."""
    effect = propose(missed, LATER)
    assert effect is not None
    body = json.loads(json.dumps(effect.body), parse_float=pytest.fail)
    assert body["evaluation"]["availability"] == str(missed.availability)
    assert set(body["evaluation"]) == set(Evaluation.__slots__)
    assert body["evaluation"] == evaluation_json(missed)


def test_key_is_the_decision_not_its_figures(missed: Evaluation) -> None:
    """The same period and revision have one key whatever the amount, so a second amount is found out; a new revision has its own."""
    keys = {propose(each, LATER).key for each in (missed, replace(missed, credit_minor=5, id="other"))}  # type: ignore[union-attr]  # both propose
    assert len(keys) == 1
    for field, value in {"contract": "c2", "service": "s2", "metric": "latency", "period": "2026-12", "revision": 2}.items():
        other = propose(replace(missed, **{field: value}), LATER)
        assert other is not None
        assert other.key not in keys


def test_key_is_stable() -> None:
    """The key of a decision is the same in every version of the program, or credits would be given twice."""
    plan = plan_of(bands(("0", "99.99", "10"), ("99.99", None, "0")))
    missed = evaluate(contract_of(), plan, service_of(), customer_of(), [outage_of(START, START + HOUR)], START, LATER)
    effect = propose(missed, 0)
    assert effect is not None
    assert effect.key == "e3e6bbf1-d376-5cdf-8a5d-0cb21b720408"


def test_nothing_owed_or_claim_only_proposes_nothing(missed: Evaluation) -> None:
    """No effect for a target met, and none where the customer must ask."""
    assert propose(replace(missed, credit_minor=0), LATER) is None
    assert propose(replace(missed, automatic=False), LATER) is None


@pytest.mark.parametrize(("issued", "amount"), [(4_000, 6_000), (12_500, -2_500), (10_000, None)])
def test_late_data_adjust_by_the_difference(missed: Evaluation, issued: int, amount: int | None) -> None:
    """A re-rated period proposes new minus issued, and nothing when that is nothing."""
    effect = propose(replace(missed, revision=2), LATER, issued_minor=issued)
    assert (effect.body["amount_minor"] if effect else None) == amount


def test_summary_is_for_people(missed: Evaluation) -> None:
    """One line of result, then the arithmetic."""
    lines = summary_lines(missed)
    assert lines[0] == "s1 (acme) 2026-11: 99.86111 % of 99.99 %, missed, credit 100.00 EUR"
    assert lines[-1] == "  credit: 10 % of 1000.00 EUR = 100.00 EUR"
