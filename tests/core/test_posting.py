"""The life of a credit is one table: who may say what, when, and what it does."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.ledger import SWITCH, Link, Step, StepEntry, StepKind, chain, chain_step, first_broken
from pipeline.core.posting import (
    LIFECYCLE,
    CreditState,
    NotAllowedError,
    begin,
    follow,
    mermaid,
    paused_by,
    standing_of,
    take,
)
from tests.support.crediting import a_credit, approval

CREDIT = a_credit()
SWITCHES = {StepKind.PAUSE, StepKind.RESUME}


def step(kind: StepKind, person: str = "ann") -> Step:
    return Step(CREDIT.key, kind, person)


@pytest.mark.parametrize(("state", "kind"), list(product(CreditState, sorted(set(StepKind) - SWITCHES))))
def test_every_step_in_every_state_is_in_the_table_or_refused(state: CreditState, kind: StepKind) -> None:
    standing = replace(begin(replace(CREDIT, dry_run=kind is StepKind.ADOPT)), state=state)
    if (state, kind) in LIFECYCLE:
        assert take(standing, step(kind)).state is LIFECYCLE[state, kind]
    else:
        with pytest.raises(NotAllowedError, match=f"it is {state}"):
            take(standing, step(kind))


def test_no_way_leads_to_the_customer_past_an_approval() -> None:
    before_posting = {state for (state, _), after in LIFECYCLE.items() if after is CreditState.POSTING}
    assert before_posting == {CreditState.APPROVED, CreditState.FAILED}
    assert {state for (state, _), after in LIFECYCLE.items() if after is CreditState.APPROVED} == {
        CreditState.COMPUTED,
        CreditState.APPROVED,
    }


def test_one_person_is_enough_when_one_is_needed() -> None:
    assert standing_of(CREDIT, [approval(CREDIT)]).state is CreditState.APPROVED


def test_two_different_people_are_needed_above_the_limit() -> None:
    first = standing_of(CREDIT, [approval(CREDIT, "ann", 2)])
    assert (first.state, first.approvers, first.needed) == (CreditState.COMPUTED, ("ann",), 2)
    assert take(first, approval(CREDIT, "bob", 2)).state is CreditState.APPROVED


@pytest.mark.parametrize("again", ["ann", "Ann", " ANN ", "\uff41nn"])
def test_one_person_under_two_spellings_is_one_person(again: str) -> None:
    with pytest.raises(NotAllowedError, match="another person's"):
        standing_of(CREDIT, [approval(CREDIT, "ann", 2), approval(CREDIT, again, 2)])


def test_the_most_people_that_were_ever_needed_are_needed() -> None:
    lowered = standing_of(CREDIT, [approval(CREDIT, "ann", 2), approval(CREDIT, "bob", 1)])
    assert (lowered.state, lowered.needed) == (CreditState.APPROVED, 2)


def test_who_proposed_a_reversal_does_not_approve_it() -> None:
    reversal = replace(CREDIT, amount_minor=-5_000, revision=-1, evidence={"proposed_by": "Ann", "reverses": "k"})
    with pytest.raises(NotAllowedError, match="another person"):
        standing_of(reversal, [approval(reversal, "ann")])
    assert standing_of(reversal, [approval(reversal, "bob")]).state is CreditState.APPROVED


def test_a_dry_run_is_posted_only_after_somebody_adopted_it() -> None:
    rehearsed = replace(CREDIT, dry_run=True)
    approved = standing_of(rehearsed, [approval(rehearsed)])
    with pytest.raises(NotAllowedError, match="dry run"):
        take(approved, step(StepKind.POSTING))
    adopted = take(approved, step(StepKind.ADOPT))
    assert take(adopted, step(StepKind.POSTING)).state is CreditState.POSTING
    with pytest.raises(NotAllowedError, match="nothing to adopt"):
        take(adopted, step(StepKind.ADOPT))


def test_what_failed_is_confirmed_by_a_person_who_did_it_by_hand_and_not_by_billing() -> None:
    tried = [step(kind, "billing:kill-bill") for kind in (StepKind.POSTING, StepKind.FAILED)]
    failed = standing_of(CREDIT, [approval(CREDIT), *tried])
    with pytest.raises(NotAllowedError, match="a person says"):
        take(failed, step(StepKind.CONFIRMED, "billing:kill-bill"))
    done = take(failed, replace(step(StepKind.CONFIRMED, "ann"), comment="taken back by hand", remote_id="INV-7"))
    assert (done.state, done.remote_id, done.said) == (CreditState.CONFIRMED, "INV-7", "taken back by hand")


def test_a_step_that_could_not_have_been_is_named_although_its_hashes_hold() -> None:
    entry = chain(CREDIT, Link(), 1)
    forged = chain_step(step(StepKind.POSTING, "billing:stripe"), Link(1, entry.entry_hash), 2)
    assert first_broken([entry, forged]) is None
    _, broken = follow([entry, forged])
    assert broken is not None
    assert (broken.sequence, "it is computed" in broken.why) == (2, True)


def test_a_step_about_nothing_is_named() -> None:
    _, broken = follow([chain_step(step(StepKind.APPROVE), Link(), 1)])
    assert broken is not None
    assert "does not have" in broken.why


@given(st.lists(st.sampled_from([StepKind.PAUSE, StepKind.RESUME])))
def test_the_last_switch_holds(kinds: list[StepKind]) -> None:
    entries = [StepEntry(number, Step(SWITCH, kind, "ann"), number, "", "") for number, kind in enumerate(kinds)]
    assert (paused_by(entries) is not None) == (bool(kinds) and kinds[-1] is StepKind.PAUSE)


def test_the_readme_shows_the_table() -> None:
    assert mermaid() in Path("pipeline/core/README.md").read_text()
