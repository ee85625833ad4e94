"""What learned correlation reads of the history: raises, not what else happens to alarms."""

from pipeline.core.co_occurrence import Raise
from pipeline.core.resource import ResourceId
from pipeline.store.client import StoreClient
from pipeline.store.raises import Raises
from tests.support.history import HistoryProcess

S = 1_000_000_000
NOW = 1_790_000_000 * S


async def test_raises_are_read_in_order_and_nothing_else(client: StoreClient, history: HistoryProcess) -> None:
    rows = [
        (1, "raised", "first-raise", "link-down"),
        (2, "repeated", "repeated", "link-down"),
        (3, "cleared", "cleared", "link-down"),
        (5, "raised-again", "raised-after-clear", "link-down"),
        (4, "repeated", "stateless", "cold-start"),
        (6, "confirmed", "confirmed-by-poll", "link-down"),
        (99, "raised", "first-raise", "link-down"),
    ]
    for after_s, change, reason, alarm_type in rows:
        await client.command(
            "INSERT INTO alarm_change (at, change, reason, event, id, revision, resource, alarm_type, device, severity) VALUES"
            f" (fromUnixTimestamp64Nano({NOW + after_s * S}), '{change}', '{reason}', 'e{after_s}', 'a', {after_s},"
            f" 'interface/pe1/p1', '{alarm_type}', 'pe1', 5)"
        )
    with Raises.of(history.settings) as raises:
        found = raises.between(NOW, NOW + 10 * S)
        latest = raises.between(NOW, NOW + 10 * S, most=1)
    expected = [(1, "link-down"), (4, "cold-start"), (5, "link-down")]
    assert found == [Raise(NOW + at * S, kind, ResourceId("interface/pe1/p1"), "pe1") for at, kind in expected]
    assert latest == found[-1:]
