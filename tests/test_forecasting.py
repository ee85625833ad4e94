"""The capacity forecast as it is written: from the history's busy hours to table `forecast`, most urgent first, and due once a day."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.settings import Settings
from pipeline.core.inventory import Customer, Device, Interface, Inventory, Link, Service, Tier
from pipeline.core.kpi import KpiBatch, packed
from pipeline.core.resource import ResourceId
from pipeline.forecasting import forecast_due_in_s, forecast_paths, write_forecast
from pipeline.store.client import Connection
from pipeline.store.element import ElementHistory
from tests.support.element_history import DAY, S, insert
from tests.support.history import HistoryProcess, embedded_history

TODAY = time.time_ns() // DAY * DAY
PORTS = tuple(Interface(name, number, 1000) for number, name in enumerate(("eth1", "eth2"), start=1))
INVENTORY = Inventory(
    "v",
    devices={name: Device(name, "", "", interfaces=PORTS) for name in ("a", "b")},
    links={"a--b": Link("a--b", "a/eth1", "b/eth1"), "spare": Link("spare", "a/eth2", "b/eth2")},
    services={"net": Service("net", "acme", "k", "internet", ("interface/b/eth1",))},
    customers={"acme": Customer("acme", "Acme", Tier.GOLD)},
)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    """Forty days: out of a/eth1 grows by one point a day from 40 %, at 20 o'clock; the spare link stands still at 10 %; b is not polled."""
    with embedded_history(tmp_path_factory.mktemp("history")) as running:
        connection = Connection.writer(running.settings)
        insert(connection, [_poll(hour) for hour in range(40 * 24) if hour // 24 != 17 or hour % 24 < 6])  # one day is known in part
        connection.close()
        yield running


def _poll(hour: int) -> KpiBatch:
    out = 0.4 + 0.01 * (hour // 24) - 0.2 * (hour % 24 != 20)
    columns = {"in_utilisation": np.array([0.2, 0.1]), "out_utilisation": np.array([out, 0.1])}
    good = {kpi: (values, np.zeros(2, np.uint8)) for kpi, values in columns.items()}
    at = TODAY - 40 * DAY + hour * 3_600 * S
    return KpiBatch("a", at, "poll-1", hour, (ResourceId("interface/a/eth1"), ResourceId("interface/a/eth2")), *packed(good))


def test_each_link_has_the_outlook_of_its_fuller_direction(history: HistoryProcess) -> None:
    with ElementHistory.of(history.settings) as reads:
        first, second = forecast_paths(reads, INVENTORY, 0.9, TODAY + 3_600 * S)
    assert (first.path.name, first.resource, first.kpi) == ("a--b", "interface/a/eth1", "out_utilisation")
    assert first.path.customers == ("acme",)
    assert first.forecast.days == pytest.approx(10, abs=0.5)  # 80 % today
    assert first.forecast.history_days == 40
    assert (second.path.name, second.forecast.outlook) == ("spare", "never")


def test_a_day_known_in_part_has_no_busy_hour(history: HistoryProcess) -> None:
    """Its busy hour may be missing."""
    with ElementHistory.of(history.settings) as reads:
        found = reads.busy_hours(["interface/a/eth1"], TODAY - 40 * DAY, TODAY)["interface/a/eth1", "out_utilisation"]
    assert len(found) == 39
    assert TODAY // DAY - 40 + 17 not in dict(found)
    assert found[0] == (TODAY // DAY - 40, pytest.approx(0.4, rel=1e-3))


def test_it_is_written_once_a_day_for_dashboards_to_read(history: HistoryProcess, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, inventory_dir=tmp_path, history=history.settings)
    with ElementHistory.of(history.settings) as reads:
        assert forecast_due_in_s(settings, reads) == pytest.approx(180)  # never written: soon after the start
        assert write_forecast(settings, reads, lambda: INVENTORY) == "2 links, 1 of them will pass 80% or have"
        assert forecast_due_in_s(settings, reads) == pytest.approx(86_400, abs=120)
    connection = Connection.viewer(history.settings)
    rows = connection.rows("SELECT name, customers, outlook, days, reason FROM forecast_current ORDER BY name")
    connection.close()
    assert [(row["name"], row["customers"], row["days"] is None) for row in rows] == [("a--b", ["acme"], False), ("spare", [], True)]
    assert rows[0]["reason"].startswith("out of a/eth1: its busy hour is at")


def test_a_history_that_is_down_is_asked_again_soon(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, inventory_dir=tmp_path)
    with ElementHistory.of(settings.history) as reads:
        assert forecast_due_in_s(settings, reads) == pytest.approx(180)
        with pytest.raises(OSError, match="ClickHouse"):
            write_forecast(settings, reads, lambda: INVENTORY)
