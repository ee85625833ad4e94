"""What the doctor sees: counters, readiness, the journal, the stores; what does not answer is a finding, never an error."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from collectors.journal import Journal
from collectors.trap.ber import DecodeError, Reason
from collectors.trap.metric import TrapMetrics
from collectors.trap.quarantine import Quarantine
from pipeline import auditing, bus, vitals
from pipeline.config.output_settings import WebhookSettings
from pipeline.config.settings import COMPONENTS, BrokerSettings, Settings
from pipeline.config.source_settings import InventorySettings, SourceKind, SourceSettings
from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.inventory import Device, Inventory
from pipeline.core.obligation import TicketLink
from pipeline.core.operation import Operation, OperationKind
from pipeline.doctoring import Counted, Finding, Journaled, Kept, Verdict
from pipeline.inventory.snapshot import Snapshot, Snapshots
from pipeline.obligations import Obligations
from pipeline.store.client import StoreError
from pipeline.store.queries import Queries
from pipeline.vitals import Vitals
from tests.support.embedded import embedded_broker, free_port

URL = "https://pager.example.net/"
SERVED = (*COMPONENTS, "traps-2")


class FakeQueries:
    """The history's answers."""

    def __init__(self) -> None:
        self.stored = {"trap-1": 5}
        self.oldest = (1, time.time_ns())
        self.dead_letters = 0
        self.polls = {"poll-1": (60, 60)}
        self.answer = 2
        self.down = False

    def _answer(self, value: Any) -> Any:
        if self.down:
            raise StoreError("ClickHouse at 127.0.0.1:1: Connection refused")
        return value

    def unique_traps(self) -> dict[str, int]:
        return cast("dict[str, int]", self._answer(self.stored))

    def oldest_trap(self, collector: str) -> tuple[int, int]:
        return self.oldest if collector == "trap-1" else (0, 0)

    def counts(self) -> dict[str, int]:
        return cast("dict[str, int]", self._answer({"dead_letter": self.dead_letters, "quarantine_message": 0}))

    def polls_stored(self) -> dict[str, tuple[int, int]]:
        return cast("dict[str, tuple[int, int]]", self._answer(self.polls))

    def answering(self) -> int:
        return int(self._answer(self.answer))


class Parts:
    """All parts of an installation on HTTP: ``ready[name]`` is what ``/readyz`` says, ``metrics[name]`` what ``/metrics`` does."""

    def __init__(self) -> None:
        self.ready = dict.fromkeys(SERVED, "ready")
        self.metrics = dict.fromkeys(SERVED, "")

    def handler(self, name: str) -> type[BaseHTTPRequestHandler]:
        parts = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = parts.metrics[name] if self.path == "/metrics" else parts.ready[name]
                self.send_response(200 if self.path == "/metrics" or text == "ready" else 503)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                return

        return Handler


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """A server for each part, at ports that were free."""
    parts = Parts()
    servers = {name: ThreadingHTTPServer(("127.0.0.1", 0), parts.handler(name)) for name in SERVED}
    threads = [Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}) for server in servers.values()]
    for thread in threads:
        thread.start()
    monkeypatch.setattr(Vitals, "_base", lambda _, name: f"http://127.0.0.1:{servers[name].server_port}")
    yield parts
    for server in servers.values():
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    broker = BrokerSettings(bootstrap=f"127.0.0.1:{free_port()}")
    hooks = (WebhookSettings("on-call", URL),)
    return Settings(data_dir=tmp_path, inventory_dir=tmp_path, metrics_port=free_port(), broker=broker, webhooks=hooks)


@pytest.fixture
def queries() -> FakeQueries:
    return FakeQueries()


@pytest.fixture
def store(settings: Settings) -> Iterator[Obligations]:
    with Obligations(settings.obligations_url()) as store:
        yield store


@pytest.fixture
def look_at(settings: Settings, queries: FakeQueries, store: Obligations) -> Callable[[], Vitals]:
    devices = {name: Device(name, "ams", "127.20.0.1") for name in ("pe1", "pe2")}
    return lambda: Vitals(settings, cast("Queries", queries), store, lambda: Inventory("v", devices=devices), "assure up")


def journal(settings: Settings, datagrams: int, quarantined: int, acknowledged: int, collector: str = "trap-1") -> None:
    """A trap collector's journal with datagrams, some of them in quarantine, published up to a sequence."""
    folder = settings.journal_dir(collector)
    with Journal(folder, segment_bytes=1 << 20, journal_bytes=1 << 22) as opened, Quarantine(folder, quarantine_bytes=1 << 22) as aside:
        opened.append_many([(1, "192.0.2.1", b"0") for _ in range(datagrams)])
        opened.sync()
        records = [record for record in opened.read_from(1) if record.sequence <= quarantined]
        aside.put([(record, DecodeError(Reason.HANDLER_FAILED, "test")) for record in records])
        opened.acknowledge(acknowledged)


def verdict(findings: tuple[Finding, ...], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def test_the_collectors_own_counters_are_read(parts: Parts, look_at: Callable[[], Vitals]) -> None:
    """As the trap collector itself exposes them, refusals by reason."""
    registry = CollectorRegistry()
    metrics = TrapMetrics(registry)
    metrics.received.inc(100)
    metrics.journaled.inc(97)
    metrics.refused.labels("not-allowed").inc(2)
    metrics.refused.labels("journal-full").inc(1)
    metrics.dropped.inc(4)
    metrics.drops_known.labels("127.0.0.1:162").set(1)
    parts.metrics["traps"] = generate_latest(registry).decode()
    counted = Counted(100, 97, {"not-allowed": 2, "journal-full": 1}, dropped=4)
    assert look_at().looks()["trap-1"].counted == counted
    metrics.drops_known.labels("[::1]:162").set(0)
    parts.metrics["traps"] = generate_latest(registry).decode()
    assert look_at().looks()["trap-1"].counted == replace(counted, drops_known=False)


def test_the_journal_is_read_from_disk(settings: Settings, look_at: Callable[[], Vitals]) -> None:
    """No collector needs to run for it."""
    assert look_at().looks()["trap-1"].journal is None
    journal(settings, datagrams=10, quarantined=2, acknowledged=7)
    assert look_at().looks()["trap-1"].journal == Journaled(journaled=10, published=5, quarantined=2, waiting=3)


def test_each_receiver_of_traps_is_looked_at(settings: Settings, queries: FakeQueries, parts: Parts, look_at: Callable[[], Vitals]) -> None:
    """With its own journal and its own rows, and as a part of its own."""
    object.__setattr__(settings.traps, "processes", 2)
    queries.stored["trap-1.2"] = 3
    journal(settings, datagrams=10, quarantined=2, acknowledged=7)
    journal(settings, datagrams=4, quarantined=1, acknowledged=4, collector="trap-1.2")
    looks = look_at().looks()
    assert {name: (look.kept, look.journal) for name, look in looks.items()} == {
        "trap-1": (Kept(5), Journaled(10, 5, 2, 3)),
        "trap-1.2": (Kept(3), Journaled(4, 3, 1, 0)),
    }
    parts.ready["traps-2"] = "degraded: no broker"
    assert (verdict(look_at().parts(), "traps").detail, verdict(look_at().parts(), "traps-2").detail) == ("ready", "degraded: no broker")


def test_a_journal_without_a_receiver_that_holds_something_back_is_told(settings: Settings, look_at: Callable[[], Vitals]) -> None:
    """After traps.processes was lowered: nobody would publish what waits there."""
    journal(settings, datagrams=4, quarantined=0, acknowledged=4, collector="trap-1.3")
    assert not [finding for finding in look_at().parts() if finding.name == "journal trap-1.3"]
    journal(settings, datagrams=4, quarantined=0, acknowledged=4, collector="trap-1.3")
    found = verdict(look_at().parts(), "journal trap-1.3")
    assert (found.verdict, found.detail) == (Verdict.BROKEN, "4 datagrams wait, and it has no receiver")
    assert "raise traps.processes to 3" in found.remedy


def test_buffers_are_told_as_asked_for_and_as_got(settings: Settings, parts: Parts, look_at: Callable[[], Vitals]) -> None:
    """With the command that makes room, and no verdict of loss: the first sum tells of that."""
    metrics = TrapMetrics(registry := CollectorRegistry())
    for listen, granted in (("127.0.0.1:162", 16_777_216), ("[::1]:162", 425_984)):
        metrics.buffer.labels(listen).set(granted)
    parts.metrics["traps"] = generate_latest(registry).decode()
    found = verdict(look_at().parts(), "receive buffer")
    assert found.verdict is Verdict.HOLDS
    assert found.detail == (
        "8.4 MB asked for, 426.0 kB got for each of 2 sockets; for more: sysctl -w net.core.rmem_max=8388608, then start traps again"
    )


SNMP = "Tcp: A B\nTcp: 1 2\nUdp: InDatagrams NoPorts InErrors RcvbufErrors InCsumErrors MemErrors\nUdp: 100 7 9 5 3 1\n"


@pytest.mark.parametrize(("snmp6", "drops"), [(None, 9), ("Ip6InReceives 4\nUdp6RcvbufErrors 2\nUdp6InErrors 9\n", 11)])
def test_the_host_counts_what_no_socket_read(tmp_path: Path, snmp6: str | None, drops: int) -> None:
    """IPv4 and IPv6, whatever the kernel's columns are; nothing where it does not tell."""
    assert auditing.host_drops(tmp_path) is None
    (tmp_path / "snmp").write_text(SNMP)
    if snmp6:
        (tmp_path / "snmp6").write_text(snmp6)
    assert auditing.host_drops(tmp_path) == drops


def test_the_host_is_a_witness_that_may_say_more_but_not_less() -> None:
    """Its count has other sockets' drops in it."""
    assert auditing.beside_the_host(12, 9).verdict is Verdict.HOLDS
    assert auditing.beside_the_host(8, 9).verdict is Verdict.BROKEN


def test_how_far_back_a_journal_goes_is_told(settings: Settings, look_at: Callable[[], Vitals]) -> None:
    """Beside its bound; a clock that was set back is said."""
    folder = settings.journal_dir("trap-1")
    with Journal(folder, segment_bytes=1 << 20, journal_bytes=1 << 22) as opened:
        opened.append_many([(at * 10**9, "192.0.2.1", b"0") for at in (100, 3 * 86_400)])
        assert verdict(look_at().parts(), "journal trap-1").detail == "goes back 2 days: 78 bytes of 4.3 GB"
        opened.append_many([(10 * 10**9, "192.0.2.1", b"0")])
        detail = verdict(look_at().parts(), "journal trap-1").detail
        assert detail == "goes back 90 s: 113 bytes of 4.3 GB; the clock was set back meanwhile"


def test_the_store_is_asked_for_unique_rows(settings: Settings, queries: FakeQueries, look_at: Callable[[], Vitals]) -> None:
    """With what it had and keeps no more, once its oldest row is as old as it keeps any."""
    journal(settings, datagrams=10, quarantined=2, acknowledged=10)
    assert look_at().looks()["trap-1"].kept == Kept(5)
    queries.oldest = (4, time.time_ns() - vitals._TRAPS_KEPT_NS - 10**9)
    assert look_at().looks()["trap-1"].kept == Kept(5, expired=1)
    queries.down = True
    assert look_at().looks()["trap-1"].kept is None


def test_all_parts_that_work_are_fine(parts: Parts, settings: Settings, look_at: Callable[[], Vitals], tmp_path: Path) -> None:
    """With a real broker, on which nobody is behind."""
    with embedded_broker(tmp_path / "broker") as broker:
        object.__setattr__(settings.broker, "bootstrap", broker.bootstrap)
        found = look_at().parts()
    assert [finding for finding in found if finding.verdict is not Verdict.HOLDS] == []
    assert {"broker", "history", *COMPONENTS, "the host's count", "devices", "outbox", "operations", "disk"} == {
        finding.name for finding in found
    }


def test_nothing_running_is_told_part_by_part(settings: Settings, queries: FakeQueries, look_at: Callable[[], Vitals]) -> None:
    """Each with what starts it; no error ends the look."""
    queries.down = True
    found = look_at().parts()
    down = [finding for finding in found if finding.verdict is Verdict.BROKEN]
    assert {"broker", "history", *COMPONENTS} == {finding.name for finding in down}
    assert all("assure up" in finding.remedy for finding in down)
    assert verdict(found, "devices").verdict is Verdict.UNKNOWN


def test_a_part_that_is_not_ready_says_why(parts: Parts, look_at: Callable[[], Vitals]) -> None:
    """And where its log is."""
    parts.ready["worker"] = "joining the consumer group"
    found = verdict(look_at().parts(), "worker")
    assert (found.verdict, found.detail) == (Verdict.BROKEN, "joining the consumer group")
    assert "worker.log" in found.remedy


def test_a_sink_that_is_far_behind_is_told_with_the_topic(parts: Parts, look_at: Callable[[], Vitals]) -> None:
    """Its own gauge, summed over partitions."""
    lines = [f'assure_sink_lag_messages{{partition="{place}",topic="kpis"}} 3000.0' for place in range(2)]
    parts.metrics["sink"] = "\n".join(["# TYPE assure_sink_lag_messages gauge", *lines, ""])
    found = verdict(look_at().parts(), "sink")
    assert (found.verdict, found.detail) == (Verdict.BROKEN, "ready; 6000 messages behind")
    assert "kpis" in found.remedy


def test_what_was_given_up_is_told(parts: Parts, store: Obligations, queries: FakeQueries, look_at: Callable[[], Vitals]) -> None:
    """Dead letters inside, dead effects outside, a receiver that is gone, no device that answers: each with the command that helps."""
    store.put_effects([Effect("k", EffectKind.NOTIFY, "in-1", "on-call", 1, "route-matches")], 1)
    store.finish(Receipt("k", EffectKind.NOTIFY, "in-1", "on-call", Outcome.DEAD, 2))
    store.disable_endpoint("on-call", URL, 1, "410 Gone")
    store.put_operation(Operation("op-1", OperationKind.ACK, 1, "alice", "in-1", ""), ["default"])
    queries.dead_letters, queries.answer = 3, 0
    found = look_at().parts()
    remedies = {name: verdict(found, name) for name in ("history", "outbox", "operations", "webhook on-call", "devices")}
    assert {finding.verdict for finding in remedies.values()} == {Verdict.BROKEN}
    assert "assure topic tail dead.letters" in remedies["history"].remedy
    assert "assure effects dead" in remedies["outbox"].remedy
    assert "assure audit" in remedies["operations"].remedy
    assert "assure webhooks enable on-call" in remedies["webhook on-call"].remedy
    assert remedies["devices"].detail == "0 of 2 answered their last poll"


def test_a_device_that_is_down_is_no_trouble_of_ours(parts: Parts, queries: FakeQueries, look_at: Callable[[], Vitals]) -> None:
    """It is an alarm; the doctor only counts it."""
    queries.answer = 1
    found = verdict(look_at().parts(), "devices")
    assert (found.verdict, found.detail) == (Verdict.HOLDS, "1 of 2 answered their last poll")


def test_a_full_disk_is_told(parts: Parts, look_at: Callable[[], Vitals], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it refuses datagrams."""
    monkeypatch.setattr(vitals, "LEAST_FREE_BYTES", 1 << 62)
    assert verdict(look_at().parts(), "disk").verdict is Verdict.BROKEN


def test_obligations_exist_once(store: Obligations, look_at: Callable[[], Vitals]) -> None:
    """Tickets by incident, credits by decision, the ledger's chain."""
    store.put_link(TicketLink("in-1", "tmf621", "TT-1", "acknowledged", linked_at=1, updated_at=1))
    found = look_at().obligations()
    assert [finding.verdict for finding in found] == [Verdict.HOLDS] * 3
    assert found[0].detail == "1 for 1 incidents"


async def test_a_group_is_behind_by_what_it_has_not_committed(tmp_path: Path) -> None:
    """Topic by topic; a group that never committed has no lag, a broker that is not there is an error that names it."""
    with embedded_broker(tmp_path / "broker") as broker:
        await bus.create_topics(broker.bootstrap, partitions=2, replication=1)
        assert await bus.lag(broker.bootstrap, "sink") == {}
        async with bus.producer(broker.bootstrap) as producer, bus.consumer(broker.bootstrap, "sink", [bus.Topic.EVENTS]) as reader:
            for number in range(5):
                await producer.send_and_wait(bus.Topic.EVENTS.value, b"x", partition=number % 2)
            await reader.getone()
            await reader.commit({bus.TopicPartition(bus.Topic.EVENTS.value, 0): 2, bus.TopicPartition(bus.Topic.EVENTS.value, 1): 2})
        assert await bus.lag(broker.bootstrap, "sink") == {"events": 1}
    with pytest.raises(ConnectionError, match=broker.bootstrap):
        await bus.lag(broker.bootstrap, "sink")


def test_a_poll_that_is_not_stored_is_told_with_its_collector(look_at: Callable[[], Vitals], queries: FakeQueries) -> None:
    """Journals number without a gap, so that one in the store is a loss."""
    assert look_at().polls().verdict is Verdict.HOLDS
    queries.polls = {"poll-1": (60, 60), "poll-2": (50, 47)}
    finding = look_at().polls()
    assert (finding.verdict, finding.detail) == (Verdict.BROKEN, "110 = 107 in the last hour")
    assert "3 are missing, most of poll-2" in finding.remedy
    queries.down = True
    assert look_at().polls().verdict is Verdict.UNKNOWN


def test_sources_of_the_inventory_are_looked_at(settings: Settings, parts: Parts, look_at: Callable[[], Vitals]) -> None:
    """Broken is one that never gave a whole answer, or whose last is too old; a failure alone is not."""
    names = ("fresh", "failing", "old", "never")
    sources = tuple(SourceSettings(name, SourceKind.DISCOVERY) for name in names)
    object.__setattr__(settings, "inventory", InventorySettings(sources, stale_after_s=3_600.0))
    kept, now = Snapshots(settings.snapshot_dir), time.time_ns()
    for name, hours in (("fresh", 0), ("failing", 0), ("old", 5)):
        kept.write(Snapshot(name, "discovery", now - hours * 3_600 * 10**9, {}), 0)
    kept.failed("failing", now, "nobody answers")
    kept.failed("old", now, "nobody answers")
    found = {each.name: each for each in look_at().parts() if each.name.startswith("source ")}
    assert {name: found[f"source {name}"].verdict for name in names} == {
        "fresh": Verdict.HOLDS,
        "failing": Verdict.HOLDS,
        "old": Verdict.BROKEN,
        "never": Verdict.BROKEN,
    }
    assert (found["source old"].detail, found["source old"].remedy) == ("its last whole answer is 5 h old", "nobody answers")
    assert found["source never"].remedy == "ask it: assure topology fetch never"
