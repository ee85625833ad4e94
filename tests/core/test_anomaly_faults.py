"""What a network's KPIs look like when something breaks is told by the shipped rules, and hardly anything else is.

Each case is eight days of ten series, polled every five minutes, then a fault of half an hour. The rules are the shipped ones.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.config.rule_set import load_rule_set
from pipeline.core.anomaly_alarm import AnomalyState, apply_all
from pipeline.core.anomaly_rule import Watching
from pipeline.core.event import Signal
from pipeline.core.kpi import KpiBatch, packed
from pipeline.core.resource import ResourceId

Array = np.ndarray[Any, Any]
ROOT = Path(__file__).resolve().parents[2]
BEGINS_AT = 1_735_689_600
EVERY_S = 300
DAY_S = 86_400
SERIES = 10
QUIET_SAMPLES = 8 * DAY_S // EVERY_S
FAULT_SAMPLES = 6
MOST_MISSED = 1
MOST_FALSE_ALARMS = 4
"""In a week of ten series, after the first day; that many only where the noise has a long tail."""

RESOURCES = tuple(ResourceId(f"interface/pe1/ge-{port}") for port in range(SERIES))


@pytest.fixture(scope="module")
def watching() -> Watching:
    return Watching(load_rule_set(ROOT / "rules").anomalies)


def traffic(day: float, noise: Array, _dice: np.random.Generator) -> Array:
    return np.clip(np.linspace(0.2, 0.6, SERIES) * (1 + 0.5 * day + 0.1 * noise), 0, 1)


def nothing(_day: float, _noise: Array, _dice: np.random.Generator) -> Array:
    return np.zeros(SERIES)


def temperature(day: float, noise: Array, _dice: np.random.Generator) -> Array:
    return 38 + 3 * day + 0.5 * noise


def light(_day: float, noise: Array, _dice: np.random.Generator) -> Array:
    return np.round(-6.2 + 0.1 * noise, 2)


def processor(day: float, noise: Array, dice: np.random.Generator) -> Array:
    return np.clip(0.3 + 0.1 * day + 0.05 * noise + 0.3 * (dice.random(SERIES) < 0.01), 0, 1)


def round_trip(_day: float, noise: Array, dice: np.random.Generator) -> Array:
    return 20 + 2 * np.abs(noise) + dice.exponential(2, SERIES)


@pytest.mark.parametrize(
    ("kpi", "usual", "fault"),
    [
        ("in_utilisation", traffic, lambda values: values * 0.1),
        ("in_utilisation", traffic, lambda values: values * 0),
        ("out_utilisation", traffic, lambda values: np.minimum(values * 1.9, 1)),
        ("in_errors_per_s", nothing, lambda values: values + 5),
        ("out_discards_per_s", nothing, lambda values: values + 50),
        ("temperature_celsius", temperature, lambda values: values + 12),
        ("rx_power_dbm", light, lambda values: values - 2),
        ("cpu_utilisation", processor, lambda values: values * 0 + 0.98),
        ("round_trip_ms", round_trip, lambda values: values * 5),
    ],
)
def test_a_fault_is_told_and_days_without_one_are_quiet(
    watching: Watching, kpi: str, usual: Callable[..., Array], fault: Callable[[Array], Array]
) -> None:
    state, dice, noise = AnomalyState(), np.random.default_rng(3), np.zeros(SERIES)
    raised: list[tuple[int, ResourceId]] = []
    for place in range(QUIET_SAMPLES + FAULT_SAMPLES):
        at = BEGINS_AT + EVERY_S * place
        noise = 0.9 * noise + math.sqrt(1 - 0.9**2) * dice.normal(0, 1, SERIES)  # what is high now is likely to be high in a while
        values = usual(math.sin(2 * math.pi * at / DAY_S), noise, dice)
        values = fault(values) if place >= QUIET_SAMPLES else values
        batch = KpiBatch("pe1", at * 10**9, "poll", place, RESOURCES, *packed({kpi: (values, np.zeros(SERIES, np.uint8))}))
        events, _ = apply_all(state, (batch,), watching)
        raised += [(place, event.resource) for event in events if event.signal is Signal.RAISE]
    told = {resource for place, resource in raised if place >= QUIET_SAMPLES}
    quiet = [place for place, _ in raised if DAY_S // EVERY_S <= place < QUIET_SAMPLES]
    assert len(told) >= SERIES - MOST_MISSED
    assert len(quiet) <= MOST_FALSE_ALARMS
