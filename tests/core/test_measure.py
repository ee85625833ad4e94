"""Tables other than interfaces: each KPI for the rows that it makes sense for, blind ones as they were told last."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.core.column import Cell
from pipeline.core.kpi import KpiBatch, Quality
from pipeline.core.measure import measured
from pipeline.core.raw import RawPoll
from tests.support.polls import DIRECTORY, MEASURING, cells, poll_of, table_of, unanswered

LIGHT = {
    "reading": (3981, 7943),
    "sensor_type": (6, 6),
    "sensor_scale": (8, 8),
    "sensor_precision": (4, 4),
    "sensor_status": (1, 1),
    "sensor_units": ("Watts", "Watts"),
    "sensor_name": ("ge-1 receive power", "ge-1 transmit power"),
    "sensor_descr": ("", ""),
}


def sensing(seconds: float = 0, **columns: Sequence[Cell]) -> RawPoll:
    """A poll that read two sensors of light."""
    return replace(poll_of(seconds), tables={"optics": table_of((1, 2), **(LIGHT | columns))})


def told(batches: Sequence[KpiBatch], kpi: str) -> dict[str, tuple[float | None, Quality]]:
    """What the batches say of a KPI, by resource."""
    return {
        str(resource): cell
        for batch in batches
        if kpi in batch.columns
        for resource, cell in zip(batch.resources, cells(batch, kpi), strict=True)
    }


def test_a_kpi_is_told_of_the_rows_that_it_makes_sense_for() -> None:
    """A sensor of received light has no sent light: that is no gap."""
    batches, _ = measured(sensing(), {}, DIRECTORY, MEASURING)
    received, sent = told(batches, "rx_power_dbm"), told(batches, "tx_power_dbm")
    assert list(received) == ["component/pe1/ge-1 receive power"]
    assert list(sent) == ["component/pe1/ge-1 transmit power"]
    value, quality = received["component/pe1/ge-1 receive power"]
    assert value is not None
    assert (round(value, 2), quality) == (-4.0, Quality.GOOD)


def test_a_number_that_did_not_come_is_missing() -> None:
    """The same row without its reading is a gap, and on record."""
    batches, _ = measured(sensing(reading=(None, 7943)), {}, DIRECTORY, MEASURING)
    assert told(batches, "rx_power_dbm")["component/pe1/ge-1 receive power"] == (None, Quality.MISSING)


def test_what_was_told_last_is_blind_when_nothing_comes() -> None:
    """Each KPI of the rows that it was told of, and of no others."""
    _, seen = measured(sensing(), {}, DIRECTORY, MEASURING)
    blind, still = measured(replace(unanswered(30), profile="generic"), seen, DIRECTORY, MEASURING)
    assert told(blind, "rx_power_dbm") == {"component/pe1/ge-1 receive power": (None, Quality.BLIND)}
    assert told(blind, "tx_power_dbm") == {"component/pe1/ge-1 transmit power": (None, Quality.BLIND)}
    assert still == seen


def test_temperatures_leave_out_what_is_no_temperature() -> None:
    """Rows for which the profile's `where` does not hold are nobody's resources."""
    table = table_of(
        (1, 2),
        reading=(315, 3981),
        sensor_type=(8, 6),
        sensor_scale=(9, 8),
        sensor_precision=(1, 4),
        sensor_status=(1, 1),
        sensor_name=("Inlet", "ge-1 receive power"),
        sensor_descr=("", ""),
    )
    batches, _ = measured(replace(poll_of(), tables={"temperatures": table}), {}, DIRECTORY, MEASURING)
    assert told(batches, "temperature_celsius") == {"component/pe1/Inlet": (31.5, Quality.GOOD)}
