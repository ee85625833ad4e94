"""An incident is as severe as what it does, tells the dearest customers first, and is continued rather than doubled."""

import pytest

from pipeline.core.event import Severity
from pipeline.core.incident import Impact, best_match, in_order, severity_of
from pipeline.core.inventory import Tier
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId

F1, D1 = ResourceId("fibre/f1"), ResourceId("duct/d1")


def impact(tier: Tier, state: ServiceState, name: str = "s", since: int = 0, share: float = 0.0) -> Impact:
    return Impact(name, "c", "k", tier, state, since, share)


@pytest.mark.parametrize(
    ("impacts", "alarms", "severity"),
    [
        ([impact(Tier.GOLD, ServiceState.DOWN)], [], Severity.CRITICAL),
        ([impact(Tier.BRONZE, ServiceState.DOWN)], [], Severity.MAJOR),
        ([impact(Tier.GOLD, ServiceState.DEGRADED)], [], Severity.MAJOR),
        ([impact(Tier.GOLD, ServiceState.REDUNDANCY_LOST)], [Severity.CRITICAL], Severity.MINOR),
        ([impact(Tier.BRONZE, ServiceState.REDUNDANCY_LOST)], [Severity.CRITICAL], Severity.WARNING),
        ([impact(Tier.BRONZE, ServiceState.REDUNDANCY_LOST), impact(Tier.SILVER, ServiceState.DOWN)], [], Severity.MAJOR),
        ([], [Severity.CRITICAL], Severity.MINOR),
        ([], [Severity.WARNING], Severity.WARNING),
        ([], [], Severity.INDETERMINATE),
    ],
)
def test_severity_follows_the_impact(impacts: list[Impact], alarms: list[Severity], severity: Severity) -> None:
    """A loud alarm that no service feels wakes nobody."""
    assert severity_of(impacts, alarms) == severity


@pytest.mark.parametrize(
    ("share", "gold", "bronze"),
    [
        (0.0, Severity.MAJOR, Severity.MINOR),
        (0.05, Severity.MINOR, Severity.WARNING),
        (0.1, Severity.MAJOR, Severity.MINOR),
        (0.49, Severity.MAJOR, Severity.MINOR),
        (0.5, Severity.CRITICAL, Severity.MAJOR),
    ],
)
def test_a_degraded_service_weighs_by_the_share_that_is_lost(share: float, gold: Severity, bronze: Severity) -> None:
    """One site of twenty wakes nobody, half of them is as bad as all. A share that is not known (0) is neither."""
    assert severity_of([impact(Tier.GOLD, ServiceState.DEGRADED, share=share)], []) == gold
    assert severity_of([impact(Tier.BRONZE, ServiceState.DEGRADED, share=share)], []) == bronze


def test_impacts_are_told_gold_first_and_worst_first() -> None:
    """By tier, then state, then the share lost, then time."""
    ordered = [
        impact(Tier.GOLD, ServiceState.DOWN, "b", 1),
        impact(Tier.GOLD, ServiceState.DOWN, "a", 2),
        impact(Tier.GOLD, ServiceState.DEGRADED, "c", 2, 0.4),
        impact(Tier.GOLD, ServiceState.DEGRADED, "d", 1, 0.2),
        impact(Tier.GOLD, ServiceState.REDUNDANCY_LOST),
        impact(Tier.BRONZE, ServiceState.DOWN),
    ]
    assert in_order(reversed(ordered)) == tuple(ordered)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], None),
        ([("i1", D1, {"z"})], None),
        ([("i1", D1, {"a"}), ("i2", D1, {"a", "b"})], "i2"),
        ([("i1", D1, {"a", "b"}), ("i2", F1, {"a"})], "i2"),
        ([("i2", D1, {"a"}), ("i1", D1, {"b"})], "i1"),
    ],
)
def test_a_cause_continues_the_incident_of_its_root_or_of_most_alarms(
    known: list[tuple[str, ResourceId, set[str]]], expected: str | None
) -> None:
    """Same root before overlap, larger overlap before smaller, and a fixed order between equals."""
    assert best_match(F1, {"a", "b"}, known) == expected
