"""What people did, in the history: the audit trail, and what an incident carries of it through the engine's own views."""

from dataclasses import replace

from pipeline.backtest.recorded import said_by_others
from pipeline.core.operation import Comment, OperationKind
from pipeline.store.client import Connection, StoreClient
from pipeline.store.past import PastQueries
from pipeline.store.queries import Queries
from tests.support.history import HistoryProcess, keep
from tests.support.history_samples import NOW, S, answer, incident


async def test_an_incident_keeps_who_has_it_and_what_was_said(history: HistoryProcess, client: StoreClient) -> None:
    """Through the materialized view and through the view for analysts too, though both are older than these columns."""
    told = replace(
        incident(2),
        acknowledged_by="bob",
        acknowledged_at=NOW + 5 * S,
        comments=(Comment(NOW + S, "alice", "on my way"), Comment(NOW + 2 * S, "bob", "<b>there</b>")),
        escalation=3,
        shelved="known",
    )
    keep(Connection.writer(history.settings), incident(1), told)
    with Queries.of(history.settings) as queries:
        found = queries.incident("in-1")
    assert found is not None
    assert (found["acknowledged_by"], found["acknowledged_at"], found["escalation"], found["shelved"]) == ("bob", NOW + 5 * S, 3, "known")
    assert found["comments"] == [
        {"at": NOW + S, "operator": "alice", "text": "on my way"},
        {"at": NOW + 2 * S, "operator": "bob", "text": "<b>there</b>"},
    ]
    (row,) = await client.rows("SELECT acknowledged_by, escalation FROM incident_current")
    assert row == {"acknowledged_by": "bob", "escalation": 3}


async def test_the_audit_trail_is_newest_first_and_one_row_for_each_domain(history: HistoryProcess, client: StoreClient) -> None:
    window = {"kind": OperationKind.WINDOW_ADD, "target": "mw-1", "until": NOW + 9 * S, "starts_at": NOW, "resources": ("site/ams",)}
    keep(
        Connection.writer(history.settings),
        answer(),
        answer(),
        answer("op-2", at=NOW + S, **window),
        answer("op-2", at=NOW + S, domain="b", **window),
    )
    with Queries.of(history.settings) as queries:
        found = queries.operations()
        of_one = queries.operations("in-1")
    assert [(row["id"], row["domain"], row["kind"]) for row in found] == [
        ("op-2", "b", "window-add"),
        ("op-2", "default", "window-add"),
        ("op-1", "default", "ack"),
    ]
    assert (found[0]["until"], found[0]["resources"], of_one[0]["until"], of_one[0]["outcome"]) == (NOW + 9 * S, ["site/ams"], 0, "done")


async def test_a_replay_gets_what_people_did_then_and_what_lasts_from_before(history: HistoryProcess, client: StoreClient) -> None:
    """Windows and shelves of earlier times still hold; an acknowledgement of before does not matter. They come back as they were given."""
    window = {"kind": OperationKind.WINDOW_ADD, "target": "mw-1", "until": NOW + 9 * S, "starts_at": NOW, "resources": ("site/ams",)}
    given = [answer("op-1"), answer("op-2", **window), answer("op-3", at=NOW + 100 * S)]
    later = replace(given[2], answered_at=NOW + 101 * S)
    keep(Connection.writer(history.settings), *given[:2], later)
    with PastQueries.of(history.settings) as queries:
        found = [(at, item) for at, _, _, item in said_by_others(queries, NOW + 50 * S, NOW + 200 * S)]
        assert [(at, item) for at, _, _, item in said_by_others(queries, NOW + 50 * S, NOW + 60 * S)] == found[:1]
    assert found == [(NOW + 50 * S, given[1].operation), (NOW + 101 * S, later.operation)]
