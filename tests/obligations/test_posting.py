"""Approvals and postings: chained with the credits, allowed once, claimed by one, held back by caps that no two can pass together."""

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from pipeline.core.approval import Limits
from pipeline.core.ledger import SWITCH, Step, StepKind
from pipeline.core.posting import CreditState, NotAllowedError, Standing, UnknownCreditError
from pipeline.obligations import Obligations, StoreError
from pipeline.obligations.engine import writing
from tests.support.approving import approve_and_die
from tests.support.crediting import LIMITS, NOW, a_credit, approval
from tests.support.forked import Forked

BILLING = "billing:stripe"
SECOND = 1_000_000_000


def entered(store: Obligations, number: int = 1, *people: str, **changes: object) -> str:
    """A credit that these people approved."""
    credit = a_credit(number, **changes)
    store.enter_credit(credit, NOW)
    for person in people:
        store.step_credit(approval(credit, person, 1), NOW)
    return credit.key


def claimed(store: Obligations, at: int = NOW, limits: dict[str, Limits] = LIMITS) -> list[str]:
    return [each.entry.key for each in store.claim_credits(BILLING, limits, at, at + 60 * SECOND, 10)]


def state(store: Obligations, key: str) -> CreditState:
    found = store.stored_credit(key)
    assert found is not None
    return found.standing.state


def test_a_credit_goes_its_way_and_the_chain_tells_it(store: Obligations) -> None:
    key = entered(store, 1, "ann")
    assert claimed(store) == [key]
    store.step_credit(Step(key, StepKind.POSTED, BILLING, remote_id="cbtxn_1"), NOW)
    assert [each.entry.key for each in store.claim_posted(NOW, NOW + SECOND, 10)] == [key]
    store.step_credit(Step(key, StepKind.CONFIRMED, BILLING), NOW)
    found = store.stored_credit(key)
    assert found is not None
    assert (found.standing.state, found.standing.remote_id) == (CreditState.CONFIRMED, "cbtxn_1")
    assert [(each.sequence, each.step.kind.value, each.step.person) for each in found.steps] == [
        (2, "approve", "ann"),
        (3, "posting", BILLING),
        (4, "posted", BILLING),
        (5, "confirmed", BILLING),
    ]
    assert store.verify() is None


def test_the_same_person_speaks_once_and_only_on_a_credit_that_exists(store: Obligations) -> None:
    key = entered(store, 1, "ann")
    with pytest.raises(NotAllowedError, match="approved it already"):
        store.step_credit(Step(key, StepKind.APPROVE, "Ann"), NOW)
    with pytest.raises(UnknownCreditError):
        store.step_credit(Step("unknown", StepKind.APPROVE, "ann"), NOW)
    assert store.verify() is None


def test_four_at_once_claim_each_credit_once(store: Obligations) -> None:
    keys = [entered(store, number, "ann") for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: claimed(store), range(4)))
    assert sorted(key for each in found for key in each) == sorted(keys)
    assert store.verify() is None


def test_four_at_once_do_not_pass_a_cap_together(store: Obligations) -> None:
    for number in range(8):
        entered(store, number, "ann")
    limits = {"EUR": Limits(two_people_over=10_000, per_day=12_000)}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: claimed(store, limits=limits), range(4)))
    assert len([key for each in found for key in each]) == 2
    held = store.stored_credits(state="approved")
    assert {each.detail for each in held} == {"day-cap: 150.00 EUR for all of today would be over the cap of 120.00 EUR"}
    tomorrow = NOW + 86_400 * SECOND
    assert len(claimed(store, tomorrow, limits)) >= 2


def test_a_posting_that_was_cut_off_comes_again_after_its_lease_and_nothing_else_does(store: Obligations) -> None:
    key = entered(store, 1, "ann")
    assert claimed(store) == [key]
    assert claimed(store) == []
    assert claimed(store, NOW + 61 * SECOND) == [key]
    found = store.stored_credit(key)
    assert found is not None
    assert [each.step.kind for each in found.steps].count(StepKind.POSTING) == 1
    assert found.attempts == 2


def test_a_posting_begins_once_even_by_hand(store: Obligations) -> None:
    key = entered(store, 1, "ann")
    claimed(store)
    with pytest.raises(StoreError, match=r"(?i)unique"), writing(store._engine) as connection:
        connection.execute(
            text("INSERT INTO credit_step SELECT 99, key, kind, 'x', '', 0, '', 1, '', '' FROM credit_step WHERE kind = 'posting'")
        )
    assert state(store, key) is CreditState.POSTING


def test_a_paused_ledger_posts_nothing_until_it_is_resumed(store: Obligations) -> None:
    key = entered(store, 1, "ann")
    assert store.switch_posting(Step(SWITCH, StepKind.PAUSE, "ann", "wrong rates"), NOW)
    assert not store.switch_posting(Step(SWITCH, StepKind.PAUSE, "bob"), NOW)
    assert claimed(store) == []
    assert store.switch_posting(Step(SWITCH, StepKind.RESUME, "bob"), NOW)
    assert claimed(store) == [key]
    assert store.verify() is None


def test_dry_runs_and_what_is_not_approved_are_not_posted(store: Obligations) -> None:
    entered(store, 1)
    rehearsed = entered(store, 2, "ann", dry_run=True)
    assert claimed(store) == []
    store.step_credit(Step(rehearsed, StepKind.ADOPT, "bob"), NOW)
    assert claimed(store) == [rehearsed]


def test_an_adjustment_of_a_rehearsed_period_is_a_rehearsal_too(store: Obligations) -> None:
    first = a_credit(1, dry_run=True)
    store.enter_credit(first, NOW)
    later = store.enter_credit(a_credit(1, key="k2", revision=2, amount_minor=100), NOW)
    assert later.credit.dry_run
    store.step_credit(Step(first.key, StepKind.ADOPT, "ann"), NOW)
    assert store.enter_credit(later.credit, NOW) == later
    store.step_credit(Step("k2", StepKind.ADOPT, "ann"), NOW)
    assert not store.enter_credit(a_credit(1, key="k3", revision=3, amount_minor=7), NOW).credit.dry_run


def test_no_more_is_taken_back_than_was_posted(store: Obligations) -> None:
    entered(store, 1)
    back = entered(store, 1, "bob", key="k2", revision=2, amount_minor=-100)
    assert claimed(store) == []
    found = store.stored_credit(back)
    assert found is not None
    assert found.detail == "more-than-paid: it takes back 1.00 EUR, and 0.00 EUR was posted for that period"


def test_a_counter_entry_that_is_posted_makes_the_first_reversed(store: Obligations) -> None:
    key = entered(store, 1, "ann")
    claimed(store)
    store.step_credit(Step(key, StepKind.POSTED, BILLING), NOW)
    back = entered(store, 1, "bob", key="k2", revision=-1, amount_minor=-5_000, evidence={"proposed_by": "ann", "reverses": key})
    assert claimed(store) == [back]
    store.step_credit(Step(back, StepKind.POSTED, BILLING), NOW)
    assert (state(store, key), state(store, back)) == (CreditState.REVERSED, CreditState.POSTED)
    assert store.issued_minor("acme-gold", "vpn-1", "availability", "2026-11") == 0
    assert store.verify() is None


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ("UPDATE credit_step SET person = 'eve' WHERE kind = 'approve'", "content"),
        ("DELETE FROM credit_step WHERE kind = 'approve'", "missing"),
        ("UPDATE credit_step SET needed = 0 WHERE kind = 'approve'", "content"),
        ("UPDATE credit_step SET remote_id = 'other' WHERE kind = 'posted'", "content"),
        ("UPDATE credit_state SET state = 'approved'", "its steps make it posted"),
        ("UPDATE credit SET amount_minor = 500000", "content"),
    ],
)
def test_verify_names_what_was_edited_by_hand(store: Obligations, edit: str, why: str) -> None:
    key = entered(store, 1, "ann")
    claimed(store)
    store.step_credit(Step(key, StepKind.POSTED, BILLING), NOW)
    assert store.verify() is None
    with writing(store._engine) as connection:
        connection.execute(text(edit))
    broken = store.verify()
    assert broken is not None
    assert (broken.key, why in broken.why) == (key, True)


def test_credits_are_listed_by_where_they_stand(store: Obligations) -> None:
    first, second = entered(store, 1), entered(store, 2, "ann")
    assert [each.entry.key for each in store.stored_credits()] == [second, first]
    assert [each.entry.key for each in store.stored_credits(state="computed")] == [first]
    assert [each.entry.key for each in store.stored_credits(state="approved", customer="acme", period="2026-11")] == [second]
    assert store.stored_credits(state="approved", customer="beta") == []


def test_an_unapproved_credit_of_much_money_waits_for_the_second_person(store: Obligations) -> None:
    credit = a_credit(1, amount_minor=10_001)
    store.enter_credit(credit, NOW)
    first = store.step_credit(replace(approval(credit), needed=2), NOW)
    assert (first.state, claimed(store)) == (CreditState.COMPUTED, [])
    assert store.step_credit(approval(credit, "bob", 2), NOW).state is CreditState.APPROVED
    assert claimed(store) == [credit.key]


def test_many_words_at_once_are_held_to_the_rules_one_by_one(store: Obligations) -> None:
    """One that this person may not approve stops no other, and each is as if it had been approved alone."""
    spoken, proposed, fresh, large = (
        a_credit(1),
        a_credit(2, evidence={"proposed_by": "Ann"}),
        a_credit(3),
        a_credit(4, amount_minor=25_000),
    )
    store.enter_credits([spoken, proposed, fresh, large], NOW)
    store.step_credit(approval(spoken, "ann", 2), NOW)
    rejected = entered(store, 5)
    store.step_credit(Step(rejected, StepKind.REJECT, "bob", "no"), NOW)
    given = [approval(each, "ann", 2 if each is large else 1) for each in (spoken, proposed, fresh, large)]
    answers = store.step_credits([*given, Step(rejected, StepKind.APPROVE, "ann"), Step("unknown", StepKind.APPROVE, "ann")], NOW)
    assert [answer.state if isinstance(answer, Standing) else type(answer) for answer in answers] == [
        NotAllowedError,
        NotAllowedError,
        CreditState.APPROVED,
        CreditState.COMPUTED,
        NotAllowedError,
        UnknownCreditError,
    ]
    assert [state(store, each.key) for each in (spoken, proposed, fresh, large)] == ["computed", "computed", "approved", "computed"]
    assert store.verify() is None
    assert store.step_credits([approval(large, "bob", 2)], NOW)[0].state is CreditState.APPROVED  # type: ignore[union-attr]
    assert claimed(store) == [fresh.key, large.key]
    assert store.step_credits([], NOW) == []


def test_many_words_at_once_leave_what_one_by_one_leaves(tmp_path: Path) -> None:
    """The same rows and hashes, to the last."""
    credits_ = [a_credit(number) for number in range(1, 8)]
    ends = []
    for many in (True, False):
        with Obligations(f"sqlite:///{tmp_path / str(many)}.db") as books:
            books.enter_credits(credits_, NOW)
            steps = [approval(each) for each in credits_]
            if many:
                books.step_credits(steps, NOW)
            else:
                for each in steps:
                    books.step_credit(each, NOW)
            assert books.verify() is None
            ends.append(books.stored_credits())
    assert ends[0] == ends[1]


@pytest.mark.parametrize("dies", ["chained", "kept", "committed"])
def test_killed_while_many_are_approved_whole_transactions_are_kept(tmp_path: Path, dies: str) -> None:
    """At the second of four: what is approved is a multiple of one transaction's, the chain holds, and the rest is approved afterwards."""
    credits_ = [a_credit(number) for number in range(1, 13)]
    with Obligations(f"sqlite:///{tmp_path}/obligations.db") as books:
        books.enter_credits(credits_, NOW)
    assert Forked(approve_and_die, tmp_path, dies).ended() == -signal.SIGKILL
    with Obligations(f"sqlite:///{tmp_path}/obligations.db") as books:
        assert books.verify() is None
        left = [each for each in books.stored_credits() if not each.standing.approvers]
        assert len(left) == (6 if dies == "committed" else 9)
        books.step_credits([approval(each.entry.credit) for each in left], NOW)
        assert books.verify() is None
        assert {each.standing.approvers for each in books.stored_credits()} == {("ann",)}
