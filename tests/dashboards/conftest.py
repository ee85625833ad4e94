"""One embedded engine with a whole story in it: a fibre cut that is still open, one that was mended and settled, polls, what went wrong."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.core.credit import propose
from pipeline.core.effect import Effect, EffectKind, Receipt
from pipeline.core.event import Severity, Signal
from pipeline.core.incident import IncidentState
from pipeline.core.kpi import DEVICE_KPIS, KpiBatch
from pipeline.core.outage import ServiceState
from pipeline.core.raw import PollOutcome
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
    return [
        batch_of(resources, at, **{name: (value,) for name, value in values.items()})
        for resources, values in (((PORT,), of_ports), ((sample.ResourceId("device/pe1"),), of_device))
    ]


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
        evaluation,
        met,
        sample.effect(),
        credit(evaluation),
        sample.receipt(),
        ledger,
        sample.dead_letter(),
    ]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    """The engine with the story in it."""

    with embedded_history(tmp_path_factory.mktemp("dashboards")) as running:
        writer = Connection.writer(running.settings)
        keep(writer, *story(), recorded_at_ms=NOW // 1_000_000)
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
