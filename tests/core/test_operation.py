"""What people do: the table is total, the same operation twice is one, and any order of arrival ends alike."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.chain import advance
from pipeline.core.context import Context
from pipeline.core.domain import ROW_TYPES, DomainState, Output
from pipeline.core.event import Tick
from pipeline.core.handling import _SAID
from pipeline.core.operation import (
    CLAIM_KINDS,
    COMMENTS_KEPT,
    EXCLUSION_KINDS,
    STANDINGS,
    VERDICTS,
    Comment,
    Handling,
    Operation,
    OperationKind,
    Outcome,
    with_comment,
)
from pipeline.core.reason import Reason
from pipeline.wire import pack, unpacker
from tests.support.timeline import SECOND, START, World, ns_of

READERS = {prefix: unpacker(row_type) for prefix, row_type in ROW_TYPES.items()}


def test_the_table_says_what_every_operation_does_to_every_standing() -> None:
    assert set(VERDICTS) == {(kind, standing) for kind, standings in STANDINGS.items() for standing in standings}
    assert set(STANDINGS) == set(OperationKind)


def test_every_verdict_is_told_in_words() -> None:
    """And so are the reasons that lie in times rather than in the table."""
    reasons = {verdict.reason for verdict in VERDICTS.values()} | {Reason.LATE, Reason.ENDS_IN_THE_PAST, Reason.NOT_LATER}
    assert set(_SAID) == reasons


def test_comments_are_kept_in_order_of_time_and_the_latest_only() -> None:
    handling = Handling()
    for number in reversed(range(COMMENTS_KEPT + 5)):
        handling = replace(handling, comments=with_comment(handling, Comment(number, "alice", f"remark {number}")))
        handling = replace(handling, comments=with_comment(handling, Comment(number, "alice", f"remark {number}")))
    assert [one.at for one in handling.comments] == list(range(5, COMMENTS_KEPT + 5))


def broken() -> World:
    """A cut fibre, told: one open incident."""
    world = World.of()
    world.until(ns_of("00:10"))
    for device in ("pe1", "pe2"):
        world.trap({"trap": "linkDown", "from": f"{device}/ge-0/0/1"})
    world.until(ns_of("00:20"))
    return world


BROKEN = broken()
(INCIDENT,) = BROKEN.incidents
ALARM = BROKEN.incidents[INCIDENT].alarms[0]
ROWS = {key: pack(row) for key, row in BROKEN.state.rows()}


def state_of(context: Context, rows: dict[str, bytes] = ROWS) -> DomainState:
    return DomainState.from_rows(context, ((key, READERS[key.partition("|")[0]](data)) for key, data in rows.items()))


def rows_of(state: DomainState) -> dict[str, bytes]:
    return {key: pack(row) for key, row in state.rows()}


def operation(number: int, kind: OperationKind, target: str, at_s: int, **fields: Any) -> Operation:
    return Operation(f"op-{number}", kind, START + at_s * SECOND, f"person-{number}", target, "default", **fields)


def run(operations: list[Operation], until_s: int = 1_000) -> tuple[DomainState, Output]:
    state, output = advance(BROKEN.context, state_of(BROKEN.context), [*operations, Tick(START + until_s * SECOND)])
    return state, output


contending = st.lists(
    st.builds(
        lambda kind, target, at_s, until_s: (kind, target, at_s, until_s),
        st.sampled_from([OperationKind.ACK, OperationKind.UNACK, OperationKind.COMMENT, OperationKind.SHELVE, OperationKind.UNSHELVE]),
        st.sampled_from([INCIDENT, ALARM, "interface/pe1/ge-0/0/1", "nobody"]),
        st.integers(30, 60),
        st.integers(100, 2_000),
    ),
    max_size=6,
)


def numbered(given: list[tuple[OperationKind, str, int, int]]) -> list[Operation]:
    return [
        operation(number, kind, target, at_s, until=START + until_s * SECOND) for number, (kind, target, at_s, until_s) in enumerate(given)
    ]


def people_decided(state: DomainState) -> Any:
    """What must not hang on the order of arrival: who has it, what was said, what lies on a shelf until when."""
    row = state.incidents[INCIDENT]
    shelved = {shelf.name: (shelf.until, shelf.operator) for shelf in state.shelves.values() if shelf.until > START + 60 * SECOND}
    return row.handling.acknowledged_by, row.handling.comments, shelved


@given(contending, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_any_order_of_arrival_ends_alike(given: list[tuple[OperationKind, str, int, int]], random: Any) -> None:
    in_order = sorted(numbered(given), key=lambda one: one.given)
    shuffled = in_order.copy()
    random.shuffle(shuffled)
    assert people_decided(run(shuffled, 70)[0]) == people_decided(run(in_order, 70)[0])


@given(contending)
@settings(max_examples=40, deadline=None)
def test_an_operation_that_comes_again_changes_nothing_and_is_answered_alike(given: list[tuple[OperationKind, str, int, int]]) -> None:
    operations = numbered(given)
    once, told = run(operations)
    state, again = advance(BROKEN.context, state_of(BROKEN.context, rows_of(once)), operations)
    assert again.answers == told.answers
    assert (again.incidents, again.alarm_changes, again.outages, again.escalations) == ((), (), (), ())
    assert rows_of(state) == rows_of(once)


@given(contending, st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_a_worker_that_dies_between_goes_on_from_its_rows(given: list[tuple[OperationKind, str, int, int]], cut: int) -> None:
    operations = numbered(given)
    straight, _ = run(operations)
    first, _ = advance(BROKEN.context, state_of(BROKEN.context), operations[:cut])
    second = state_of(BROKEN.context, rows_of(first))
    last, _ = advance(BROKEN.context, second, [*operations[cut:], Tick(START + 1_000 * SECOND)])
    assert rows_of(last) == rows_of(straight)


@pytest.mark.parametrize("kind", sorted(set(OperationKind) - EXCLUSION_KINDS - CLAIM_KINDS))
def test_nothing_that_is_asked_of_what_is_unknown_is_done_in_silence(kind: OperationKind) -> None:
    _, output = run([operation(1, kind, "nobody", 40)])
    (answer,) = output.answers
    assert (answer.outcome, bool(answer.detail)) == (Outcome.REFUSED, True)


def test_answered_operations_are_forgotten_with_everything_else() -> None:
    """An hour after the incident is over nothing is left of what people did to it but the history."""
    state, _ = run(
        [operation(1, OperationKind.ACK, INCIDENT, 40), operation(2, OperationKind.SHELVE, ALARM, 50, until=START + 90 * SECOND)]
    )
    assert {len(state.operations), len(state.shelves)} == {2, 1}
    state, _ = advance(BROKEN.context, state, [Tick(START + 3_700 * SECOND), Tick(START + 3_720 * SECOND)])
    assert (state.operations, state.shelves) == ({}, {})


def test_an_exclusion_is_told_to_the_contracts_once_and_changes_nothing_of_the_domain() -> None:
    """Whether its target is known was asked before; the domain answers for it and passes it on."""
    said = operation(1, OperationKind.EXCLUDE, "service/a", 40, until=START + 90 * SECOND, reason_kind="no-access", text="locked")
    back = operation(2, OperationKind.INCLUDE, said.id, 50)
    state, output = run([said, said, back])
    assert [(answer.outcome, answer.reason) for answer in output.answers] == [
        (Outcome.DONE, Reason.EXCLUSION_RECORDED),
        (Outcome.DONE, Reason.EXCLUSION_RECORDED),
        (Outcome.DONE, Reason.EXCLUSION_WITHDRAWN),
    ]
    first, second = output.exclusions
    assert (first.id, second.id, second.is_withdrawn) == (said.id, said.id, True)
    assert first.exclusion is not None
    assert (first.exclusion.service, first.exclusion.kind, first.exclusion.text) == ("a", "no-access", "locked")
    assert state.excluded == []


@pytest.mark.parametrize(
    ("late_by", "outcome", "reason", "told"),
    [
        (-1, Outcome.DONE, Reason.CLAIM_RECORDED, 1),
        (0, Outcome.REFUSED, Reason.CLAIM_TOO_LATE, 0),  # the first instant after the last day
    ],
)
def test_a_claim_in_time_is_told_to_the_contracts_and_a_late_one_is_refused(
    late_by: int, outcome: Outcome, reason: Reason, told: int
) -> None:
    """The refusal names the last day that would have done; what is refused changes nothing."""
    until = START + 86_400 * SECOND
    said = operation(1, OperationKind.CLAIM, "service/a", 40, starts_at=until + late_by, until=until, period="2026-11")
    _, output = run([said])
    (answer,) = output.answers
    assert (answer.outcome, answer.reason, len(output.claims)) == (outcome, reason, told)
    assert ("could be claimed until the end of" in answer.detail) == (reason is Reason.CLAIM_TOO_LATE)


def test_a_claim_that_is_taken_back_is_told_so() -> None:
    back = operation(2, OperationKind.WITHDRAW, "op-1", 50)
    _, output = run([back])
    assert [(row.id, row.is_withdrawn) for row in output.claims] == [("op-1", True)]
    assert output.answers[0].reason is Reason.CLAIM_WITHDRAWN
