"""What matters most comes first: whom it hits, how many of them, how soon a contract is missed."""

import random
from typing import Any

import pytest

from pipeline.ranking import suffers, tightest, urgency

Json = dict[str, Any]


def impact(tier: str = "gold", state: str = "down", share: float = 0.0) -> Json:
    return {"tier": tier, "state": state, "share": share or (1.0 if state == "down" else 0.0)}


def incident(name: str, *impacts: Json, missed_at: int = 0, left_s: int | None = None, **changes: Any) -> Json:
    known = None if left_s is None else {"missed_at": missed_at, "left_s": left_s, "service": "s"}
    about = {"severity": "major", "started_at": 1, "planned": "", "shelved": "", "tightest": known}
    return {"name": name, "impacts": list(impacts), **about, **changes}


LOST = impact(state="redundancy-lost")
ORDERED = [
    incident("two of gold down", impact(), impact()),
    incident("one of gold down, missed soonest", impact(), missed_at=100, left_s=60),
    incident("one of gold down, missed later", impact(), missed_at=200, left_s=10),
    incident("one of gold down, and silver", impact(), impact("silver"), left_s=5),
    incident("one of gold down, older", impact(), started_at=1),
    incident("one of gold down, newer", impact(), started_at=2),
    incident("most of one of gold", impact(state="degraded", share=0.6)),
    incident("little of one of gold", impact(state="degraded", share=0.1)),
    incident("ten of silver down", *[impact("silver")] * 10),
    incident("one of bronze down, and redundancy of gold", impact("bronze"), LOST),
    incident("redundancy of two of gold", LOST, LOST),
    incident("redundancy of gold", LOST),
    incident("redundancy of silver", impact("silver", "redundancy-lost")),
    incident("nobody feels it, major"),
    incident("nobody feels it, minor", severity="minor"),
    incident("planned", impact(), impact(), planned="mw-1"),
    incident("shelved", impact(), shelved="known", started_at=5),
]


@pytest.mark.parametrize("seed", range(5))
def test_open_incidents_are_in_order_of_what_matters_most(seed: int) -> None:
    """Tier, then how much of it, then the clock of the contract; whatever nobody is to be woken for comes last."""
    mixed = list(ORDERED)
    random.Random(seed).shuffle(mixed)
    assert [each["name"] for each in sorted(mixed, key=urgency)] == [each["name"] for each in ORDERED]


def test_a_severity_or_tier_of_a_later_version_is_no_crash() -> None:
    assert min([incident("odd", impact("platinum"), severity="fatal"), ORDERED[0]], key=urgency) is ORDERED[0]


def budget(service: str, left_s: int, missed_at: int = 0) -> Json:
    return {"service": service, "left_s": left_s, "missed_at": missed_at}


def test_the_tightest_budget_is_the_one_that_is_missed_first() -> None:
    """One that runs down before one that has less left but does not; of several that stand still the least; none of none."""
    running, low, high = budget("a", 500, 9), budget("b", 3), budget("c", 900)
    assert tightest([high, low, None, running]) is running
    assert tightest([high, low]) is low
    assert tightest([None]) is None


def test_only_what_is_down_or_degraded_suffers() -> None:
    assert [suffers(impact(state=state)) for state in ("down", "degraded", "redundancy-lost", "up")] == [True, True, False, False]
