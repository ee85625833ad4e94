"""Root cause: the right one when every alarm came, a sensible one when some did not, and always the reasons for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.correlation import Evidence, Hypothesis, correlate
from pipeline.core.resource import ResourceId, ResourceKind
from pipeline.core.topology import Closure, Topology
from tests.support.network import inventory_of

LINKS = ["a/1 b/1 f1 d1", "a/2 c/1 f2 d1", "b/2 c/2 f3", "b/3 e/1 f4 d2", "c/3 e/2 f5 d2", "a/3 e/3 f6 d2"]
GRAPH = Topology.of(inventory_of(LINKS, lsps={"ab": ["a-b"], "ac": ["a-c"], "be": ["b-e"], "abe": ["a-b", "b-e"]}))
ALARMING = (ResourceKind.INTERFACE, ResourceKind.LSP, ResourceKind.REACHABILITY)


def node(name: str) -> int:
    found = GRAPH.node(ResourceId(name))
    assert found is not None
    return found


def alarms_of(*roots: str) -> set[str]:
    """Every alarm that these failures bring, when none is lost: dead devices tell nothing."""
    closure = Closure(GRAPH)
    closure.add(node(root) for root in roots)
    told = (one for one in closure.down if GRAPH.kinds[one] in ALARMING and GRAPH.reporter[one] not in closure.down)
    return {GRAPH.names[one] for one in told}


def found(alarms: set[str], up: tuple[str, ...] = ()) -> tuple[Hypothesis, ...]:
    return correlate(GRAPH, Evidence(frozenset(map(node, alarms)), frozenset(map(node, up))))


def roots(alarms: set[str], up: tuple[str, ...] = ()) -> set[str]:
    return {hypothesis.root for hypothesis in found(alarms, up)}


@pytest.mark.parametrize("failed", [f"fibre/f{n}" for n in range(1, 7)] + [f"device/{name}" for name in "abce"] + ["duct/d1", "duct/d2"])
def test_one_failure_with_all_its_alarms_is_found(failed: str) -> None:
    """A fibre is likelier than two ports; a duct than two fibres; a device than all its links."""
    assert roots(alarms_of(failed)) == {failed}


@pytest.mark.parametrize(
    ("first", "second"), [("fibre/f1", "fibre/f3"), ("fibre/f1", "device/e"), ("device/a", "fibre/f3"), ("fibre/f3", "duct/d2")]
)
def test_two_failures_are_told_apart(first: str, second: str) -> None:
    """Neither is swallowed by the other, nor by something above both."""
    assert roots(alarms_of(first, second)) == {first, second}


def test_part_of_a_duct_is_its_fibres_once_the_third_is_seen_up() -> None:
    """Two of three fibres at one moment are the duct, its missing alarms named; a poll that sees the third up speaks against it."""
    part = alarms_of("fibre/f4", "fibre/f5")
    (duct,) = found(part)
    assert (duct.root, set(duct.missing)) == ("duct/d2", {"interface/a/3", "interface/e/3"})
    assert roots(part, up=("interface/a/3", "interface/e/3")) == {"fibre/f4", "fibre/f5"}


@pytest.mark.parametrize("lost", ["interface/a/1", "interface/b/1", "lsp/ab"])
def test_a_lost_alarm_is_named_and_does_not_mislead(lost: str) -> None:
    """The cause stays the fibre, and what was expected and did not come is said."""
    (hypothesis,) = found(alarms_of("fibre/f1") - {lost})
    assert hypothesis.root == "fibre/f1"
    assert hypothesis.missing == (lost,)


def test_known_up_weighs_more_than_silence() -> None:
    """A far end that is silent may have lost its trap; one that a poll saw up did not fail."""
    (silent,) = found({"interface/a/1"})
    (seen_up,) = found({"interface/a/1"}, up=("interface/b/1",))
    assert silent.root == "fibre/f1"
    assert silent.unsure
    assert seen_up.root == "interface/a/1"
    assert seen_up.probability > silent.probability
    assert "fibre/f1" not in {other.root for other in seen_up.alternatives if other.probability > 0.01}


def test_a_device_that_answers_is_not_dead() -> None:
    """Then its neighbours' alarms have causes of their own."""
    assert "device/a" not in roots(alarms_of("device/a") - {"reachability/a"}, up=("device/a", "reachability/a"))


def test_a_dead_device_told_nothing() -> None:
    """All links of a device fail and it says so itself: it lives."""
    fibres = ("fibre/f1", "fibre/f2", "fibre/f6")
    assert "device/a" not in roots(alarms_of(*fibres))


def test_silence_behind_the_cause_is_excused() -> None:
    """The dead device's own interfaces are not counted as missing."""
    (hypothesis,) = found(alarms_of("device/a"))
    assert hypothesis.missing == ()
    assert hypothesis.excused > 0


def test_what_fails_by_itself_stands_for_itself() -> None:
    """An LSP down while all it runs over is silent: no fibre is invented."""
    assert roots({"lsp/abe"}) == {"lsp/abe"}


def test_the_answer_says_what_else_it_could_be() -> None:
    """Alternatives with probabilities that, with the root's, are at most one."""
    (hypothesis,) = found(alarms_of("fibre/f1"))
    assert {"port/a/1", "port/b/1"} <= {other.root for other in hypothesis.alternatives}
    assert hypothesis.probability > max(other.probability for other in hypothesis.alternatives)
    assert hypothesis.probability + sum(other.probability for other in hypothesis.alternatives) <= 1 + 1e-9


def test_no_alarm_no_cause() -> None:
    """Nothing is answered with nothing."""
    assert found(set()) == ()


@given(st.sets(st.sampled_from([n for n in range(len(GRAPH.names)) if GRAPH.kinds[n] in ALARMING])))
def test_every_alarm_is_explained_exactly_once(alarmed: set[int]) -> None:
    """Whatever alarms come in whatever combination, none is swallowed and none is laid to two causes; asking again answers alike."""
    answer = correlate(GRAPH, Evidence(frozenset(alarmed)))
    explained = [name for hypothesis in answer for name in hypothesis.explained]
    assert sorted(explained) == sorted(GRAPH.names[one] for one in alarmed)
    assert answer == correlate(GRAPH, Evidence(frozenset(sorted(alarmed, reverse=True))))


def test_ports_that_tell_of_lost_light_work_so_it_is_the_fibre() -> None:
    """What lies between them is dark; a port that is known to work is a rival no more, though it explains the same."""
    (cause,) = found({"interface/a/1", "interface/b/1"}, up=("port/a/1", "port/b/1"))
    assert cause.root == "fibre/f1"
    assert cause.probability > 0.9
