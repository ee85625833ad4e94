"""Having something done: what is asked is checked and kept before it is sent, goes to every domain that it concerns, and is done once."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.settings import BrokerSettings
from pipeline.core.inventory import Device, Interface, Inventory, Site
from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import Answer, Operation, OperationError, OperationKind, Outcome
from pipeline.core.reason import Reason
from pipeline.obligations import Obligations
from pipeline.operating import LONGEST, Operating

NOW = 1_795_435_200_000_000_000
HOUR = 3_600_000_000_000
INVENTORY = Inventory(
    "v",
    sites={"ams": Site("ams", "west"), "ber": Site("ber", "east")},
    devices={
        "pe1": Device("pe1", "ams", "192.0.2.1", domain="west", interfaces=(Interface("ge-0/0/1", 1, 1000),)),
        "pe2": Device("pe2", "ber", "192.0.2.2", domain="east"),
    },
)


class Names:
    """Two incidents and an alarm whose ids begin alike."""

    ROWS = (
        {"kind": "incident", "id": "aa-1", "domain": "west"},
        {"kind": "incident", "id": "ab-2", "domain": "east"},
        {"kind": "alarm", "id": "ac-3", "domain": "east"},
    )

    def named(self, beginning: str, kinds: Iterable[str]) -> list[dict[str, Any]]:
        return [dict(row) for row in self.ROWS if row["kind"] in set(kinds) and row["id"].startswith(beginning)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Obligations]:
    with Obligations(f"sqlite:///{tmp_path / 'obligations.db'}") as opened:
        yield opened


@pytest.fixture
def operating(store: Obligations) -> Operating:
    """Without a broker: nobody listens on that port."""
    return Operating(BrokerSettings(bootstrap="127.0.0.1:1"), Names(), store, lambda: INVENTORY, clock=lambda: NOW)


def given(kind: OperationKind, target: str, **fields: Any) -> Operation:
    return Operation(**({"id": f"op-{kind}", "kind": kind, "at": NOW, "operator": "alice", "target": target, "domain": ""} | fields))


async def submit(operating: Operating, operation: Operation) -> StoredOperation:
    return await operating.submit(operation, wait_s=0)


async def test_what_cannot_be_sent_is_kept_and_waits(operating: Operating, store: Obligations) -> None:
    """The broker is gone: nothing is lost, and the outputs process finds it."""
    stored = await submit(operating, given(OperationKind.ACK, "aa"))
    assert (stored.operation.target, stored.domains, stored.outcome, stored.is_published) == ("aa-1", ("west",), "waiting", False)
    assert [one.operation.id for one in store.unpublished_operations(NOW + HOUR, 10)] == ["op-ack"]


async def test_an_answer_that_comes_is_told(operating: Operating, store: Obligations) -> None:
    operation = given(OperationKind.ACK, "aa-1")
    store.put_operation(operation, ["west"])
    store.answer_operations([Answer(replace(operation, domain="west"), Outcome.REFUSED, Reason.NOT_OPEN, "it is over", NOW)])
    store.mark_operations_published(["op-ack"])
    found = await operating.do(replace(operation, target="aa"), ("incident",))
    assert (found["outcome"], found["reason"], found["detail"]) == ("refused", "not-open", "it is over")


@pytest.mark.parametrize(
    ("operation", "domains"),
    [
        (given(OperationKind.SHELVE, "interface/pe1/ge-0/0/1", text="why", until=NOW + HOUR), ("west",)),
        (given(OperationKind.SHELVE, "ac", text="why", until=NOW + HOUR), ("east",)),
        (given(OperationKind.SHELVE, "site/ams", text="why", until=NOW + HOUR), ("east", "west")),
        (given(OperationKind.WINDOW_ADD, "mw", until=NOW + HOUR, starts_at=NOW, resources=("device/pe1",)), ("east", "west")),
        (given(OperationKind.WINDOW_ADD, "mw", until=NOW + HOUR, starts_at=NOW, resources=("region/east",)), ("east", "west")),
        (given(OperationKind.WINDOW_END, "mw"), ("east", "west")),
    ],
)
async def test_it_goes_to_every_domain_that_it_may_concern(operating: Operating, operation: Operation, domains: tuple[str, ...]) -> None:
    """What hangs on planned work may alarm in any domain; an alarm is of one."""
    assert (await submit(operating, operation)).domains == domains


@pytest.mark.parametrize(
    ("operation", "reason", "says"),
    [
        (given(OperationKind.ACK, "zz"), Reason.UNKNOWN_TARGET, "there is no incident or alarm"),
        (given(OperationKind.ACK, "a"), Reason.UNKNOWN_TARGET, "begins several"),
        (given(OperationKind.ACK, ""), Reason.UNKNOWN_TARGET, "several"),
        (given(OperationKind.ACK, "aa", operator=""), Reason.MALFORMED, "who you are"),
        (given(OperationKind.COMMENT, "aa", text=" "), Reason.MALFORMED, "says something"),
        (given(OperationKind.COMMENT, "aa", text="x" * 1_001), Reason.MALFORMED, "up to 1000"),
        (given(OperationKind.COMMENT, "aa", text="\x1b[2J"), Reason.MALFORMED, "printable"),
        (given(OperationKind.SHELVE, "ac", until=NOW + HOUR), Reason.MALFORMED, "why"),
        (given(OperationKind.SHELVE, "ac", text="why", until=NOW), Reason.MALFORMED, "in the future"),
        (given(OperationKind.SHELVE, "ac", text="why", until=NOW + LONGEST + 1), Reason.MALFORMED, "400 days"),
        (given(OperationKind.SHELVE, "device/pe3", text="why", until=NOW + HOUR), Reason.MALFORMED, "did you mean 'device/pe"),
        (given(OperationKind.WINDOW_ADD, "a b", until=NOW + HOUR, resources=("site/ams",)), Reason.MALFORMED, "no name"),
        (given(OperationKind.WINDOW_ADD, "mw", until=NOW + HOUR), Reason.MALFORMED, "at least one resource"),
        (
            given(OperationKind.WINDOW_ADD, "mw", until=NOW + HOUR, starts_at=NOW + HOUR, resources=("site/ams",)),
            Reason.MALFORMED,
            "before it begins",
        ),
        (
            given(OperationKind.WINDOW_ADD, "mw", until=NOW + HOUR, resources=("region/wets",)),
            Reason.MALFORMED,
            "did you mean 'region/west'",
        ),
    ],
)
async def test_what_cannot_be_asked_is_told_and_not_kept(
    operating: Operating, store: Obligations, operation: Operation, reason: Reason, says: str
) -> None:
    with pytest.raises(OperationError, match=says) as refusal:
        await submit(operating, operation)
    assert (refusal.value.reason, store.operations()) == (reason, [])


async def test_the_same_id_is_the_same_operation_or_none(operating: Operating, store: Obligations) -> None:
    first = await submit(operating, given(OperationKind.COMMENT, "aa", id="one", text="hello"))
    again = await submit(operating, given(OperationKind.COMMENT, "aa", id="one", text="hello", at=NOW + 1))
    assert (again.operation, len(store.operations())) == (first.operation, 1)
    with pytest.raises(OperationError, match="used for something else"):
        await submit(operating, given(OperationKind.COMMENT, "aa", id="one", text="goodbye"))
