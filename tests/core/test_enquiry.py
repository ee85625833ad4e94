"""A cause in doubt asks the devices that could settle it, and nobody else."""

from dataclasses import replace

import pytest

from pipeline.core.correlation import Alternative, Evidence, Hypothesis, correlate
from pipeline.core.enquiry import settling
from pipeline.core.event import StateReport
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from tests.support.network import inventory_of

GRAPH = Topology.of(inventory_of(["a/1 b/1 f1 d1", "a/2 c/1 f2 d1", "b/2 c/2 f3"]))
SECOND = 1_000_000_000


def cause(*alarms: str) -> Hypothesis:
    """The one cause behind these alarms."""
    nodes = [GRAPH.node(ResourceId(alarm)) for alarm in alarms]
    (found,) = correlate(GRAPH, Evidence(frozenset(node for node in nodes if node is not None)))
    return found


def report(device: str, polled_at: int) -> StateReport:
    return StateReport(device, polled_at, "poll-1", 1, reachable=True)


IN_DOUBT = cause("interface/a/1")


def test_an_alarm_of_one_end_asks_the_other() -> None:
    """Fibre, port or interface: the far end tells, and the near one has told."""
    asked = settling(GRAPH, IN_DOUBT, {}, since=5 * SECOND, at=7 * SECOND)
    assert "b" in {question.device for question in asked}
    assert all(question.reason is Reason.DOUBTED_CAUSE and question.asked_at == 7 * SECOND for question in asked)
    assert all(question.resource.startswith(f"interface/{question.device}/") for question in asked)


def test_a_device_that_answered_since_is_not_asked_again() -> None:
    """What it could say it has said; an answer from before the trouble says nothing."""
    old, new = ({"b": report("b", at * SECOND)} for at in (5, 9))
    assert "b" in {question.device for question in settling(GRAPH, IN_DOUBT, old, since=5 * SECOND, at=10 * SECOND)}
    assert "b" not in {question.device for question in settling(GRAPH, IN_DOUBT, new, since=5 * SECOND, at=10 * SECOND)}


@pytest.mark.parametrize(
    "sure",
    [replace(IN_DOUBT, probability=0.95), replace(IN_DOUBT, is_grouping=True), replace(IN_DOUBT, alternatives=())],
    ids=["probable", "only grouped", "without rivals"],
)
def test_what_is_sure_or_cannot_be_told_apart_asks_nobody(sure: Hypothesis) -> None:
    assert settling(GRAPH, sure, {}, since=0, at=1) == ()


def test_at_most_three_are_asked() -> None:
    """A duct of many fibres in doubt does not become a storm of polls."""
    links = [f"a/{n} x{n}/1 f{n} d1" for n in range(1, 8)]
    graph = Topology.of(inventory_of(links))
    nodes = frozenset(node for name in ("interface/a/1", "interface/x1/1") if (node := graph.node(ResourceId(name))) is not None)
    (found,) = correlate(graph, Evidence(nodes))
    doubted = replace(found, probability=0.5, alternatives=(Alternative(ResourceId("duct/d1"), 0.5),))
    assert len(settling(graph, doubted, {}, since=0, at=1)) == 3
