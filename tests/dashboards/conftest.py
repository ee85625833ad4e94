"""One embedded engine with a whole story in it: a fibre cut that is still open, one that was mended and settled, polls, what went wrong."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pipeline.core.credit import propose
from pipeline.core.effect import Effect, EffectKind, Receipt
from pipeline.core.event import Severity, Signal
from pipeline.core.incident import IncidentState
from pipeline.core.kpi import DEVICE_KPIS, KpiBatch, packed
from pipeline.core.outage import ServiceState
from pipeline.core.raw import PollOutcome
from pipeline.core.sample import Quality
from pipeline.core.sla import Evaluation
from pipeline.store.client import Connection
from pipeline.store.row import quarantine_rows
from tests.support import history_samples as sample
from tests.support.history import HistoryProcess, embedded_history, keep
from tests.support.history_samples import NOW, PORT, S
from tests.support.polls import batch_of

INTERFACE_KPIS = ("in_bps", "out_bps", "in_utilisation", "out_utilisation", "in_errors_per_s", "out_errors_per_s", "oper_up")
EARLIER = NOW - 1_200 * S


def credit(evaluation: Evaluation) -> Effect:
    effect = propose(evaluation, NOW)
    assert effect is not None
    return effect


def polled(at: int, used: float, up: float) -> list[KpiBatch]:
    """What one answered poll of one interface gives."""
    of_ports = dict(zip(INTERFACE_KPIS, (used * 1e10, 1e9, used, 0.1, 0.5, 0.0, up), strict=True))
    of_device = dict(zip(DEVICE_KPIS, (1.0, 1.25), strict=True))
    of_parts = {
        "component/pe1/cpu 0": {"cpu_utilisation": used},
        "component/pe1/memory": {"memory_utilisation": 0.5},
        "component/pe1/inlet": {"temperature_celsius": 41.0},
        "component/pe1//var": {"storage_utilisation": 0.25},
        "site/ams": {"site_in_bps": used * 1e10},
        "port/pe1/ge-0/0/1": {"rx_power_dbm": -7.5, "rx_margin_db": 6.5},
    }
    found = {PORT: of_ports, sample.ResourceId("device/pe1"): of_device} | {sample.ResourceId(name): own for name, own in of_parts.items()}
    return [batch_of((resource,), at, **{name: (value,) for name, value in values.items()}) for resource, values in found.items()]


def unanswered(at: int) -> KpiBatch:
    """What a poll without answer leaves of an interface."""
    columns = packed({"in_bps": (np.array([np.nan]), np.array([Quality.BLIND]))})
    return KpiBatch("pe1", at, "poll-1", 2, (PORT,), *columns)


DECLARED: dict[str, dict[str, list[object]]] = {
    "place": {
        "device": ["pe1", "pe2"],
        "site": ["ams", "rtm"],
        "region": ["west", "west"],
        "vendor": ["acme", "acme"],
        "role": ["pe", "pe"],
        "domain": ["default", "default"],
        "inventory": ["t1", "t1"],
        "written_at": [NOW // 1_000_000] * 2,
    },
    "service_resource": {
        "resource": [PORT],
        "service": ["acme-vpn-1"],
        "customer": ["acme"],
        "contract": ["acme-gold"],
        "tier": ["gold"],
        "inventory": ["t1"],
        "written_at": [NOW // 1_000_000],
    },
    "inventory_entry": {
        "section": ["devices", "devices"],
        "name": ["pe1", "pe2"],
        "content": ['{"name":"pe1","site":"ams"}', '{"name":"pe2","site":"rtm"}'],
        "confidence": [1.0, 1.0],
        "recorded_at": [NOW, NOW],
        "version": ["t1", "t1"],
    },
    "inventory_version": {"recorded_at": [NOW], "version": ["t1"], "entries": [2], "changed": [2]},
    "model": {
        "name": ["element"],
        "version": ["v1"],
        "trained_at": [NOW],
        "starts_at": [NOW - 86_400 * S],
        "held_from": [NOW - 3_600 * S],
        "ends_at": [NOW],
        "devices": [2],
        "rows": [2_880],
        "data_hash": ["d1"],
        "score": [0.91],
        "rival": [""],
        "rival_score": [None],
        "decision": ["runs: there was none before"],
        "is_running": [True],
        "recorded_at": [NOW // 1_000_000],
    },
    "forecast": {
        "made_at": [NOW],
        "name": ["ams-rtm-1"],
        "ends": [[PORT]],
        "customers": [["acme", "beta"]],
        "outlook": ["passes"],
        "threshold": [0.8],
        "value_now": [0.62],
        "slope_per_day": [0.004],
        "slope_low": [0.003],
        "slope_high": [0.005],
        "days": [45.0],
        "days_low": [36.0],
        "days_high": [60.0],
        "sure": ["high"],
        "history_days": [60],
        "reason": ["it grows by 0.4 percent of the speed a day"],
    },
}
"""What comes from the inventory and from the detectors, table by table."""


def story() -> list[object]:
    mended = replace(
        sample.incident(2, resolved=True, name="in-0"), started_at=EARLIER, opened_at=EARLIER + S, resolved_at=EARLIER + 600 * S
    )
    evaluation = sample.evaluation()
    met = replace(evaluation, id="ev-2", service="acme-vpn-2", violated=False, credit_minor=0, counted_s=0)
    unheard = sample.alarm_change(name="al-3")
    key = credit(evaluation).key
    ledger = Receipt(key, EffectKind.CREDIT, "acme-gold", "ledger", sample.receipt().outcome, NOW, "1", 1)
    return [
        *(sample.trap(number, NOW - number * S) for number in range(1, 30)),
        *(sample.poll(number, NOW - number * 3 * S) for number in range(1, 20)),
        sample.poll(20, NOW, PollOutcome.TIMEOUT),
        sample.event(),
        replace(sample.event(2), alarm_type="unknown-notification", signal=Signal.NOTIFY),
        sample.alarm_change(),
        replace(unheard, alarm=replace(unheard.alarm, confirmed_at=0, severity=Severity.WARNING)),
        sample.alarm_change(1, name="al-2", at=EARLIER),
        sample.alarm_change(2, is_cleared=True, name="al-2", at=EARLIER + 600 * S),
        sample.incident(),
        replace(mended, revision=1, state=IncidentState.OPEN, resolved_at=0),
        mended,
        sample.outage(),
        replace(sample.outage(name="ou-2"), service="acme-vpn-2", state=ServiceState.REDUNDANCY_LOST),
        replace(sample.outage(2, name="ou-0"), incident="in-0", started_at=EARLIER, ended_at=EARLIER + 600 * S),
        replace(sample.outage(2, name="ou-3"), incident="in-0", started_at=EARLIER + 60 * S, ended_at=EARLIER + 120 * S),
        *(batch for minute in range(10) for batch in polled(NOW - minute * 60 * S, 0.4 + minute / 20, up=min(minute, 1))),
        unanswered(NOW - 660 * S),
        sample.anomalies(NOW - 300 * S),
        sample.anomalies(NOW - 240 * S),
        evaluation,
        met,
        sample.effect(),
        credit(evaluation),
        sample.receipt(),
        ledger,
        sample.answer(),
        sample.dead_letter(),
    ]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    """The engine with the story in it."""

    with embedded_history(tmp_path_factory.mktemp("dashboards")) as running:
        writer = Connection.writer(running.settings)
        keep(writer, *story(), recorded_at_ms=NOW // 1_000_000)
        for table, columns in DECLARED.items():
            writer.insert(table, columns)
        for table, columns in quarantine_rows("events", 0, 9, NOW // 1_000_000, "undecodable", "unknown kind 'x'", b"\x00").items():
            writer.insert(table, columns)
        writer.close()
        yield running


@pytest.fixture
def viewer(told: HistoryProcess) -> Iterator[Connection]:
    """The user that Grafana and analysts come as."""
    connection = Connection.viewer(told.settings)
    yield connection
    connection.close()
