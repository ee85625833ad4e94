"""The audit trail: an operation is kept once, before it is published; the first answer of each domain stands."""

from dataclasses import replace

from pipeline.core.operation import Answer, Operation, OperationKind, Outcome
from pipeline.core.reason import Reason
from pipeline.obligations import Obligations


def operation(name: str = "op-1", at: int = 10, **fields: object) -> Operation:
    given = {"kind": OperationKind.ACK, "operator": "alice", "target": "in-1", "domain": "", "via": "cli", **fields}
    return Operation(name, at=at, **given)  # type: ignore[arg-type]  # by field name


def answer(of: Operation, domain: str, outcome: Outcome = Outcome.DONE, reason: Reason = Reason.ACKNOWLEDGED) -> Answer:
    return Answer(replace(of, domain=domain), outcome, reason, f"said by {domain}", 20)


def test_an_operation_is_kept_once_by_its_id_and_read_back_as_it_was(store: Obligations) -> None:
    window = operation(
        "op-2", kind=OperationKind.WINDOW_ADD, target="mw-1", text="power; '--", until=9, starts_at=5, resources=("site/ams", "link/a")
    )
    kept = store.put_operation(window, ["east", "west"])
    again = store.put_operation(replace(window, text="something else"), ["north"])
    assert kept == again
    assert (kept.operation, kept.domains, kept.answers, kept.is_published, kept.outcome) == (window, ("east", "west"), (), False, "waiting")


def test_it_waits_until_every_domain_has_answered_and_one_refusal_is_told(store: Obligations) -> None:
    given = operation()
    store.put_operation(given, ["east", "west"])
    store.answer_operations([answer(given, "east")])
    assert store.operation("op-1").outcome == "waiting"  # type: ignore[union-attr]  # it was kept
    refusal = answer(given, "west", Outcome.REFUSED, Reason.LATE)
    store.answer_operations([refusal, answer(given, "east", Outcome.REFUSED)])
    found = store.operation("op-1")
    assert found is not None
    assert (found.outcome, found.verdict, len(found.answers)) == ("partly", refusal, 2)


def test_what_was_not_published_is_found_in_the_order_in_which_it_was_kept(store: Obligations) -> None:
    """And not what is so young that whoever kept it may be publishing it."""
    for name, at in (("op-1", 10), ("op-2", 5), ("op-3", 100)):
        store.put_operation(operation(name, at), ["default"])
    assert [one.operation.id for one in store.unpublished_operations(50, 10)] == ["op-1", "op-2"]
    store.mark_operations_published(["op-1"])
    assert [one.operation.id for one in store.unpublished_operations(200, 10)] == ["op-2", "op-3"]


def test_the_trail_is_newest_first_of_a_target_or_of_kinds(store: Obligations) -> None:
    store.put_operation(operation("op-1", 10), ["default"])
    store.put_operation(operation("op-2", 20, kind=OperationKind.SHELVE, target="al-1"), ["default"])
    store.put_operation(operation("op-3", 30, kind=OperationKind.COMMENT), ["default"])
    assert [one.operation.id for one in store.operations()] == ["op-3", "op-2", "op-1"]
    assert [one.operation.id for one in store.operations("in-1", limit=1)] == ["op-3"]
    assert [one.operation.id for one in store.operations(kinds=[OperationKind.SHELVE, OperationKind.ACK])] == ["op-2", "op-1"]
    assert store.operation("op-9") is None
