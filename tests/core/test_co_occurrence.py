"""Learned correlation: what follows what is found in a history, and what only seems to is not."""

import math
from itertools import product

import pytest

from pipeline.core.co_occurrence import Limits, Raise, false_discovery, study, tail, wilson
from pipeline.core.correlation_rule import Relation, Relations, Spot
from pipeline.core.inventory import Device, Interface, Inventory, Link, Lsp
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from tests.support.alarm_history import alarm_history

S = 1_000_000_000
PORTS = (Interface("p1", 1, 1000), Interface("p2", 2, 1000))
INVENTORY = Inventory(
    "test",
    devices={name: Device(name, "", f"192.0.2.{place}", interfaces=PORTS) for place, name in enumerate(("a", "b", "c"))},
    links={"a-b": Link("a-b", "a/p1", "b/p1"), "b-c": Link("b-c", "b/p2", "c/p1")},
    lsps={"a-c": Lsp("a-c", "a", ("a-b", "b-c"))},
)
RELATIONS = Relations.of(INVENTORY, Topology.of(INVENTORY))


@pytest.mark.parametrize(
    ("cause", "effect", "relation"),
    [
        (("interface/a/p1", "a"), ("interface/a/p1", "a"), Relation.SAME_RESOURCE),
        (("interface/a/p1", "a"), ("peer/a/192.0.2.9", "a"), Relation.SAME_DEVICE),
        (("interface/a/p1", "b"), ("device/a", "a"), Relation.SAME_DEVICE),
        (("interface/b/p1", "b"), ("lsp/a-c", "a"), Relation.DOWNSTREAM),
        (("lsp/a-c", "a"), ("interface/c/p1", "c"), Relation.UPSTREAM),
        (("interface/a/p1", "a"), ("device/b", "b"), Relation.UPSTREAM),
        (("interface/a/p1", "a"), ("peer/b/192.0.2.9", "b"), Relation.NEIGHBOUR),
        (("device/a", "a"), ("device/c", "c"), None),
        (("unknown/192.0.2.77", "192.0.2.77"), ("device/c", "c"), None),
    ],
)
def test_two_alarms_have_one_relation_the_closest(cause: tuple[str, str], effect: tuple[str, str], relation: Relation | None) -> None:
    seen, other = (Spot.of(ResourceId(resource), device) for resource, device in (cause, effect))
    assert RELATIONS.between(seen, other) is relation


@pytest.mark.parametrize(("graph", "days"), [("Abilene", 60), ("Surfnet", 30)])
def test_planted_effects_are_found_and_nothing_else(graph: str, days: int) -> None:
    raises, relations = alarm_history(graph, days, seed=1)
    found = {(each.cause, each.effect, each.relation): each for each in study(raises, relations).findings}
    planted = {
        ("link-down", "optical-power-low", Relation.SAME_RESOURCE),
        ("link-down", "peer-down", Relation.SAME_DEVICE),
        ("link-down", "congestion", Relation.NEIGHBOUR),
    }
    assert planted <= found.keys()
    assert found.keys() - planted <= {("link-down", "congestion", Relation.SAME_DEVICE)}, "a neighbour of one end may be the other end"
    light = found["link-down", "optical-power-low", Relation.SAME_RESOURCE]
    assert light.low < 0.5 < light.high
    assert 1 < light.lag_s < 4
    assert light.lift > 100
    assert light.examples
    assert all(0 <= example.lag_s <= 300 for example in light.examples)


def test_chance_is_not_found() -> None:
    """Nothing follows anything in these histories, though it is noisy, evenings are busy, and storms go over whole networks."""
    studies = [study(*alarm_history(graph, 45, seed, planted=False)) for graph, seed in product(("Abilene", "Cesnet200706"), range(2))]
    assert sum(each.asked for each in studies) > 700
    assert sum(len(each.findings) for each in studies) == 0


def test_two_storms_that_coincide_once_are_one_occasion() -> None:
    storm = [Raise((1000 + place) * S, kind, ResourceId(f"device/{place}"), str(place)) for place in range(40) for kind in ("up", "down")]
    quiet = [Raise(day * 86_400 * S, kind, ResourceId("device/x"), "x") for day, kind in ((1, "up"), (9, "down"))]
    assert study([*storm, *quiet], RELATIONS).findings == ()


def test_a_flood_of_effects_proves_nothing() -> None:
    """An effect that comes every few minutes anyway comes after any cause."""
    flood = [Raise(at * S, "flood", ResourceId("device/a"), "a") for at in range(0, 86_400 * 5, 200)]
    causes = [Raise((3600 * hour + 17) * S, "cause", ResourceId("interface/a/p1"), "a") for hour in range(100)]
    assert study([*flood, *causes], RELATIONS).findings == ()


def test_what_only_goes_along_with_the_true_cause_is_left_out() -> None:
    """c follows b and b follows a each time: that c follows a as well explains no c that b does not explain."""
    raises = [
        Raise((day * 86_400 + lag) * S, kind, ResourceId("device/a"), "a")
        for day in range(30)
        for lag, kind in ((0, "a"), (50, "b"), (60, "c"))
    ]
    pairs = [(each.cause, each.effect) for each in study(raises, RELATIONS).findings]
    assert sorted(effect for _, effect in pairs) == ["b", "c"]


def test_few_occasions_are_no_rule() -> None:
    pairs = [(day * 86_400, day * 86_400 + 20) for day in range(5)]
    raises = [
        Raise(at * S, kind, ResourceId("device/a"), "a") for pair in pairs for at, kind in zip(pair, ("cause", "effect"), strict=True)
    ]
    assert len(study(raises, RELATIONS).findings) == 1
    assert study(raises, RELATIONS, Limits(occasions=6)).findings == ()


def test_a_history_of_nothing_has_nothing() -> None:
    assert study([], RELATIONS).findings == ()


@pytest.mark.parametrize(("hits", "trials", "expected"), [(5, 20, 1.0), (3, 10, 0.4), (30, 30, 15.0), (12, 400, 2.5)])
def test_the_tail_is_the_binomials(hits: int, trials: int, expected: float) -> None:
    share = expected / trials
    exact = sum(math.comb(trials, count) * share**count * (1 - share) ** (trials - count) for count in range(hits, trials + 1))
    assert tail(hits, trials, expected) == pytest.approx(exact, rel=1e-9)


def test_what_is_expected_is_no_evidence() -> None:
    assert tail(2, 10, 1.5) == 1.0
    assert tail(0, 0, 0.0) == 1.0


def test_wilsons_interval() -> None:
    """Of the textbooks: 8 of 10 is 0.49 to 0.943."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_false_discovery_rates_are_benjamini_and_hochbergs() -> None:
    assert false_discovery([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert false_discovery([]) == []
