"""A collector that is killed, or whose disk is full, keeps what it promised; net-snmp's programs and a real broker agree."""

import asyncio
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.journal import JournalReader
from collectors.trap.collector import run
from collectors.trap.conservation import conservation
from collectors.trap.usm import message
from pipeline import bus, wire
from pipeline.config.settings import BrokerSettings, Settings, TrapSettings
from pipeline.core.raw import RawTrap, SecurityLevel, SnmpVersion, ValueType, VarBind
from tests.support import usm
from tests.support.collecting import FakeBroker, collecting, until
from tests.support.datagrams import link_down
from tests.support.embedded import embedded_broker, free_port

DEADLINE_S = 30.0
DISCOVERY = usm.Sender(user="", auth="", priv=False, engine=b"", boots=0, time=0, reportable=True).send(usm.pdu(tag=0xA0))
SNMPTRAP = shutil.which("snmptrap") or "snmptrap"


class Child:
    """A collector process: ``port``, ``inform`` that waits for the answer, ``kill``, ``stop`` that gives its counters."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.support.trap_child", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def stop(self) -> dict[str, float]:
        self.process.terminate()
        assert self.process.stdout is not None
        counts: dict[str, float] = json.loads(self.process.stdout.readline())
        assert self.process.wait(DEADLINE_S) == 0
        return counts


@contextmanager
def child(*arguments: str) -> Iterator[Child]:
    running = Child(*arguments)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait(DEADLINE_S)
        assert running.process.stdout is not None
        running.process.stdout.close()


def wait(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def answered(sender: socket.socket) -> set[int]:
    """The request-ids answered so far; the test's informs have request-ids of two bytes or more at one place."""
    found: set[int] = set()
    while select.select([sender], [], [], 0)[0]:
        match = re.search(rb"\xa2[\x00-\x7f\x81]\x81?.?\x02(.)", sender.recv(2_000), re.DOTALL)
        if match:
            size = match[1][0]
            found.add(int.from_bytes(match.string[match.end() : match.end() + size]))
    return found


def test_kill_9_under_load_loses_nothing_that_was_promised_and_no_sequence_is_used_twice(tmp_path: Path) -> None:
    """Whatever was answered is in the journal; what is in the journal stays; the next collector goes on behind it."""
    promised: set[int] = set()
    last, request = 0, 1_000
    for _ in range(4):
        with child(str(tmp_path)) as running, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", running.port))
            before = len(promised)
            deadline = time.monotonic() + DEADLINE_S
            while len(promised) < before + 300 and time.monotonic() < deadline:
                for _ in range(20):
                    request += 1
                    sender.send(link_down(request, request_id=request, inform=request % 2 == 0))
                promised |= answered(sender)
            running.kill()
            promised |= answered(sender)
            assert len(promised) >= before + 300
        records = list(JournalReader(tmp_path).read_from(1))
        assert [found.sequence for found in records] == list(range(1, len(records) + 1))
        assert len(records) > last
        last = len(records)
        kept = {found.payload for found in records}
        assert all(link_down(one, request_id=one, inform=True) in kept for one in promised)
    with child(str(tmp_path)) as running:
        assert running.stop()["assure_journal_last_sequence"] >= last


def test_a_full_disk_refuses_and_counts_and_recovers_when_there_is_room(tmp_path: Path) -> None:
    """The kernel's limit on a file's size stands for the full disk: writes fail half way, then room comes back."""
    with child(str(tmp_path)) as running, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", running.port))
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        sent = 0

        def send(count: int) -> None:
            nonlocal sent
            for _ in range(count):
                sender.send(link_down(1))
            sent += count

        def size() -> int:
            return JournalReader(tmp_path).bytes

        while size() < 9_000:
            send(5)
            wait(lambda: JournalReader(tmp_path).last_sequence == sent, "all are in the journal: the next ones must fit too")
        send(50)
        send(50)
        time_to_settle(running.port)
        assert size() <= 10_000
        full = size()
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        send(1)
        wait(lambda: size() > full, "taken again")
        counts = running.stop()
    records = list(JournalReader(tmp_path).read_from(1))
    assert [found.sequence for found in records] == list(range(1, len(records) + 1))
    assert counts["assure_datagrams_received_total"] == sent
    assert counts["assure_datagrams_journaled_total"] == len(records)
    assert counts["assure_datagrams_refused_total"] == sent - len(records) > 0


def time_to_settle(port: int) -> None:
    """Wait until the collector has read everything from its socket."""
    wait(lambda: queued(port) == 0, "the collector reads its socket")


def queued(port: int) -> int:
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}"):
            return int(fields[4].rpartition(":")[2], 16)
    return 0


async def published(bootstrap: str, count: int) -> list[RawTrap]:
    """The first ``count`` different traps of ``raw.traps``, repeats left out."""
    traps: dict[int, RawTrap] = {}
    async with bus.consumer(bootstrap, "test", [wire.Topic.RAW_TRAPS]) as client:
        async with asyncio.timeout(DEADLINE_S):
            while len(traps) < count:
                for messages in (await client.getmany(timeout_ms=200)).values():
                    for message in messages:
                        traps |= {trap.sequence: trap for trap in wire.decode(message.value)}
    return [traps[sequence] for sequence in sorted(traps)]


def send_all(port: int, first: int, last: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        for place in range(first, last + 1):
            sender.send(link_down(place))


def asked(port: int, payload: bytes) -> bytes:
    """What a collector answers to one datagram. Raises ``TimeoutError``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(DEADLINE_S)
        sender.connect(("127.0.0.1", port))
        sender.send(payload)
        return sender.recv(2_000)


async def test_kill_9_raises_our_boots_by_one_and_every_v3_record_is_judged_by_the_boots_it_came_in(tmp_path: Path) -> None:
    """Three lives, each killed with an INFORM answered, and a trap of a device that reboots as often: all are taken at the end."""
    engines = set()
    for boots in (1, 2, 3):
        with child(str(tmp_path)) as running:
            found = message.read(asked(running.port, DISCOVERY))
            assert found.moment.boots == boots
            engines.add(found.engine_id)
            inform = usm.Sender(engine=found.engine_id, boots=boots, time=found.moment.time, reportable=True)
            response = message.read(asked(running.port, inform.send(usm.pdu(10 * boots, tag=0xA6))))
            assert (response.level, response.moment.boots) == (SecurityLevel.AUTH_PRIV, boots)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(usm.link_down(boots, usm.Sender(boots=boots)), ("127.0.0.1", running.port))
            wait(lambda boots=boots: conservation(tmp_path)["journaled"] == 3 * boots, "the trap is journaled")
            running.kill()
    assert len(engines) == 1
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=(usm.user(),)) as running:
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "drained")
        assert running.count("traps_quarantined_total", reason="discovery") == 3
    assert [
        (trap.varbinds[0].value, trap.inform, trap.authenticated) for trap in sorted(broker.traps(), key=lambda trap: trap.sequence)
    ] == [(value, inform, True) for boots in (1, 2, 3) for value, inform in ((10 * boots, True), (boots, False))]


async def test_a_broker_killed_and_started_again_gets_everything(tmp_path: Path) -> None:
    """The embedded broker, kill -9, journal growing meanwhile, then a collector killed too: every datagram arrives."""
    journal = tmp_path / "journal"
    with embedded_broker(tmp_path / "broker") as server:
        await bus.create_topics(server.bootstrap, partitions=4, replication=1)
        with child(str(journal), server.bootstrap) as running:
            send_all(running.port, 1, 200)
            await until(lambda: conservation(journal)["acknowledged"] == 200, "published")
            server.kill()
            send_all(running.port, 201, 500)
            await until(lambda: conservation(journal)["journaled"] == 500, "journaled while the broker is away")
            running.kill()
        server.restart()
        with child(str(journal), server.bootstrap) as running:
            send_all(running.port, 501, 600)
            await until(lambda: conservation(journal)["acknowledged"] == 600, "drained")
        traps = await published(server.bootstrap, 600)
    assert [trap.varbinds[0].value for trap in traps] == list(range(1, 601))


async def test_the_component_runs_from_settings_and_serves_its_health(tmp_path: Path) -> None:
    """As ``assure up`` starts it: settings in, traps on the topic, metrics and readiness over HTTP, a clean end at ``stop``."""
    with embedded_broker(tmp_path / "broker") as server:
        await bus.create_topics(server.bootstrap, partitions=4, replication=1)
        port, metrics_port = udp_port(), free_port()
        settings = Settings(
            data_dir=tmp_path,
            inventory_dir=tmp_path,
            metrics_port=metrics_port,
            broker=BrokerSettings(bootstrap=server.bootstrap),
            traps=TrapSettings(listen=(f"127.0.0.1:{port}",)),
        )
        stop = asyncio.Event()
        running = asyncio.create_task(run(settings, stop))
        await answers(metrics_port, "/readyz", "ready")
        send_all(port, 1, 10)
        assert len(await published(server.bootstrap, 10)) == 10
        await answers(metrics_port, "/metrics", "assure_traps_published_total 10.0")
        await answers(metrics_port, "/metrics", "assure_datagrams_journaled_total 10.0")
        stop.set()
        await asyncio.wait_for(running, DEADLINE_S)
    assert conservation(settings.journal_dir("trap-1"))["waiting"] == 0


def udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def answers(port: int, path: str, text: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if text in await get(port, path):
                return
            await asyncio.sleep(0.05)


async def get(port: int, path: str) -> str:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return ""
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def snmptrap(*arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        SNMPTRAP, "-m", "", *arguments, env={**os.environ, "MIBS": ""}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return await asyncio.wait_for(process.wait(), DEADLINE_S)


@pytest.mark.needs_netsnmp
async def test_net_snmps_traps_arrive_as_they_were_meant(tmp_path: Path) -> None:
    broker = FakeBroker()
    bindings = [
        "1.3.6.1.2.1.2.2.1.1.3", "i", "3",
        "1.3.6.1.2.1.31.1.1.1.1.3", "s", "ge-0/0/3",
        "1.3.6.1.4.1.8072.9999.1", "c", "4294967295",
        "1.3.6.1.4.1.8072.9999.2", "C", "18446744073709551615",
        "1.3.6.1.4.1.8072.9999.3", "a", "192.0.2.1",
        "1.3.6.1.4.1.8072.9999.4", "o", "1.3.6.1.4.1.9",
        "1.3.6.1.4.1.8072.9999.5", "x", "00ff",
        "1.3.6.1.4.1.8072.9999.6", "t", "12",
        "1.3.6.1.4.1.8072.9999.7", "u", "7",
    ]  # fmt: skip
    async with collecting(tmp_path, broker) as running:
        assert await snmptrap("-v2c", "-c", "public", f"127.0.0.1:{running.port}", "4711", "1.3.6.1.6.3.1.1.5.3", *bindings) == 0
        await until(lambda: len(broker.traps()) == 1, "published")
    [trap] = broker.traps()
    assert (trap.version, trap.trap_oid, trap.uptime_ticks, trap.inform) == (SnmpVersion.V2C, "1.3.6.1.6.3.1.1.5.3", 4_711, False)
    assert [(varbind.oid, varbind.type, varbind.value) for varbind in trap.varbinds] == [
        ("1.3.6.1.2.1.2.2.1.1.3", ValueType.INTEGER, 3),
        ("1.3.6.1.2.1.31.1.1.1.1.3", ValueType.OCTET_STRING, b"ge-0/0/3"),
        ("1.3.6.1.4.1.8072.9999.1", ValueType.COUNTER32, 4_294_967_295),
        ("1.3.6.1.4.1.8072.9999.2", ValueType.COUNTER64, 18_446_744_073_709_551_615),
        ("1.3.6.1.4.1.8072.9999.3", ValueType.IP_ADDRESS, b"192.0.2.1"),
        ("1.3.6.1.4.1.8072.9999.4", ValueType.OBJECT_IDENTIFIER, b"1.3.6.1.4.1.9"),
        ("1.3.6.1.4.1.8072.9999.5", ValueType.OCTET_STRING, b"\x00\xff"),
        ("1.3.6.1.4.1.8072.9999.6", ValueType.TIME_TICKS, 12),
        ("1.3.6.1.4.1.8072.9999.7", ValueType.GAUGE32, 7),
    ]


@pytest.mark.needs_netsnmp
async def test_net_snmps_v1_trap_is_mapped(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        bindings = ["1.3.6.1.4.1.8072.9999.1", "i", "5"]
        where = f"127.0.0.1:{running.port}"
        assert await snmptrap("-v1", "-c", "public", where, "1.3.6.1.4.1.8072.9999", "192.0.2.9", "6", "42", "99", *bindings) == 0
        await until(lambda: len(broker.traps()) == 1, "published")
    [trap] = broker.traps()
    assert (trap.version, trap.trap_oid) == (SnmpVersion.V1, "1.3.6.1.4.1.8072.9999.0.42")
    assert (trap.uptime_ticks, trap.agent_address) == (99, "192.0.2.9")
    assert trap.varbinds[0] == VarBind("1.3.6.1.4.1.8072.9999.1", ValueType.INTEGER, 5)


@pytest.mark.needs_netsnmp
async def test_net_snmps_inform_is_satisfied_with_the_answer(tmp_path: Path) -> None:
    """snmptrap -Ci ends with 0 only when a response came that it believes."""
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        where = f"127.0.0.1:{running.port}"
        assert await snmptrap("-v2c", "-Ci", "-r", "1", "-t", "5", "-c", "public", where, "1", "1.3.6.1.6.3.1.1.5.1") == 0
        await until(lambda: len(broker.traps()) == 1, "published")
        assert running.count("informs_answered_total") == 1
    assert broker.traps()[0].inform


@pytest.mark.needs_netsnmp
async def test_net_snmps_v3_trap_waits_in_quarantine(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        security = [
            "-v3",
            "-e",
            "0x8000000001020304",
            "-u",
            "noc",
            "-l",
            "authPriv",
            "-a",
            "SHA",
            "-A",
            "password1",
            "-x",
            "AES",
            "-X",
            "password2",
        ]
        assert await snmptrap(*security, f"127.0.0.1:{running.port}", "1", "1.3.6.1.6.3.1.1.5.1") == 0
        await until(lambda: running.count("traps_quarantined_total", reason="unsupported-version") == 1, "in quarantine")
    assert broker.traps() == []


def test_the_signal_that_ends_a_collector_is_the_usual_one(tmp_path: Path) -> None:
    with child(str(tmp_path)) as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(DEADLINE_S) == 0
