"""An element's vector is made of whatever its poll told, and of good values alone."""

import numpy as np
import pytest

from pipeline.config.rule_set import load_kpis
from pipeline.core.kpi import DEVICE_KPIS, KpiBatch, Quality, packed
from pipeline.core.resource import ResourceId
from pipeline.core.vector import FEATURES, KPIS, Form, told, vectors
from pipeline.resources import data_dir
from tests.support.element_history import INDEX


def batch(device: str, sequence: int, columns: dict[str, list[float]], bad: dict[str, list[Quality]] | None = None) -> KpiBatch:
    rows = len(next(iter(columns.values())))
    quality = {name: bad.get(name, [Quality.GOOD] * rows) if bad else [Quality.GOOD] * rows for name in columns}
    values = {name: (np.array(column), np.array([int(each) for each in quality[name]], np.uint8)) for name, column in columns.items()}
    resources = tuple(ResourceId(f"interface/{device}/{row}") for row in range(rows))
    return KpiBatch(device, 1_000 * sequence, "poll-1", sequence, resources, *packed(values))


def test_a_poll_s_batches_are_one_vector_in_the_order_of_polls() -> None:
    told_apart = [
        batch("pe1", 1, {"round_trip_ms": [2.0]}),
        batch("pe2", 7, {"round_trip_ms": [3.0]}),
        batch("pe1", 1, {"in_utilisation": [0.2, 0.6], "oper_up": [1, 0]}),
        batch("pe1", 2, {"in_utilisation": [0.1, 0.1]}),
    ]
    found = vectors(told_apart)
    assert [(each.device, each.sequence, each.at) for each in found] == [("pe1", 1, 1_000), ("pe2", 7, 7_000), ("pe1", 2, 2_000)]
    first = found[0].values
    assert first[INDEX["round_trip"]] == 2
    assert first[INDEX["in_utilisation_mean"]] == pytest.approx(0.4)
    assert first[INDEX["in_utilisation_highest"]] == 0.6
    assert first[INDEX["up"]] == 0.5
    assert np.isnan(first[INDEX["cpu_mean"]])


def test_values_that_do_not_count_are_not_in_it() -> None:
    bad = {"in_utilisation": [Quality.RESET, Quality.GOOD]}
    [one] = vectors([batch("pe1", 1, {"in_utilisation": [0.9, 0.1], "out_utilisation": [np.nan, 0.3]}, bad)])
    assert one.values[INDEX["in_utilisation_highest"]] == 0.1
    assert one.values[INDEX["out_utilisation_mean"]] == 0.3


def test_a_device_that_did_not_answer_has_no_vector() -> None:
    assert vectors([batch("pe1", 1, {"answered": [0.0], "round_trip_ms": [np.nan]})]) == []


def test_features_have_names_of_their_own_and_a_spread_that_matters() -> None:
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert all(feature.least > 0 for feature in FEATURES)


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.8123, Form.SHARE, "81.2 %"),
        (3.5, Form.DECIBEL, "3.5 dB"),
        (0.25, Form.RATE, "0.25/s"),
        (-17.25, Form.POWER, "-17.2 dBm"),
        (41, Form.CELSIUS, "41 °C"),
        (3.456, Form.MILLISECOND, "3.46 ms"),
    ],
)
def test_values_are_told_with_their_unit(value: float, form: Form, text: str) -> None:
    assert told(value, form) == text


def test_every_feature_is_of_an_indicator_that_there_is() -> None:
    """A KPI that is renamed in rules/kpis must be renamed here."""
    assert set(KPIS) <= {rule.name for rule in load_kpis(data_dir("rules"))} | set(DEVICE_KPIS)
