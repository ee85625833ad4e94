"""Several receivers share an address: each source is heard by one of them, whatever port it sends from; one dies, the others go on."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import pytest

from collectors.trap.conservation import conservation
from collectors.trap.receiver import Listener, ListenError, listeners_of
from collectors.trap.sharing import sharers
from pipeline import bus, wire
from pipeline.config.settings import Settings
from pipeline.config.settings_file import load_settings
from pipeline.core.inventory import Inventory
from pipeline.core.raw import RawTrap
from pipeline.doctoring import Verdict, total, watch
from pipeline.obligations import Obligations
from pipeline.store.client import StoreError
from pipeline.store.queries import Queries
from pipeline.vitals import Vitals
from tests.support.datagrams import link_down
from tests.support.embedded import embedded_broker
from tests.support.installation import free_ports

DEADLINE_S = 30.0
SOURCES = [f"127.{20 + place}.{place}.{1 + 3 * place}" for place in range(50)]
BUFFER = 262_144


def send(port: int, source: str, *payloads: bytes) -> None:
    """Each datagram from another port of its source: a hash over ports would tear them apart."""
    for payload in payloads:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((source, 0))
            sender.sendto(payload, ("127.0.0.1", port))


@contextmanager
def sharing(listen: str, receivers: int) -> Iterator[list[Listener]]:
    with ExitStack() as stack:
        listeners: list[Listener] = []
        for _ in range(receivers):
            text = f"{listen}:{listeners[0].address[1] if listeners else 0}"
            listeners.append(stack.enter_context(Listener(text, receive_buffer_bytes=BUFFER, receivers=receivers)))
        yield listeners


@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0", "[::]"])
def test_a_source_always_reaches_the_same_receiver_whatever_port_it_sends_from(listen: str) -> None:
    """Also IPv4 senders that an IPv6 socket hears; and each receiver gets a share."""
    with sharing(listen, 3) as listeners:
        for source in SOURCES:
            send(listeners[0].address[1], source, b"1", b"2", b"3", b"4")
        heard: dict[str, set[int]] = defaultdict(set)
        count = 0
        for place, listener in enumerate(listeners):
            into: list = []
            listener.drain(into, 10_000, time.monotonic() + DEADLINE_S)
            count += len(into)
            for datagram in into:
                heard[datagram.peer[0]].add(place)
    assert count == 4 * len(SOURCES)
    assert len(heard) == len(SOURCES)
    assert all(len(places) == 1 for places in heard.values())
    assert {place for places in heard.values() for place in places} == {0, 1, 2}


def test_another_installation_on_a_shared_address_is_refused() -> None:
    """The kernel would let it in, and half of the datagrams would go astray without a trace."""
    with sharing("127.0.0.1", 2) as listeners:
        taken = f"127.0.0.1:{listeners[0].address[1]}"
        with pytest.raises(ListenError, match=r"3 receivers share it, but traps\.processes is 2; stop the other installation"):
            Listener(taken, receive_buffer_bytes=BUFFER, receivers=2).__enter__()
        with pytest.raises(ListenError, match="stop what listens there"):
            Listener(taken, receive_buffer_bytes=BUFFER).__enter__()
        assert sharers(listeners[0]._socket) == 2


def test_both_wildcards_may_be_listed() -> None:
    """IPv6's then leaves IPv4 to the other, instead of being refused for it."""
    first = listeners_of(("0.0.0.0:0",), receive_buffer_bytes=BUFFER)[0]
    with first:
        port = first.address[1]
    with ExitStack() as stack:
        ipv4, ipv6 = (stack.enter_context(one) for one in listeners_of((f"0.0.0.0:{port}", f"[::]:{port}"), receive_buffer_bytes=BUFFER))
        send(port, "127.20.0.1", b"4")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"6", ("::1", port))
        for listener, payload in ((ipv4, b"4"), (ipv6, b"6")):
            into: list = []
            listener.drain(into, 10, time.monotonic() + DEADLINE_S)
            assert [datagram.payload for datagram in into] == [payload]


SETTINGS = """\
data_dir: data
inventory_dir: .
metrics_port: {metrics}
broker: {{bootstrap: "{bootstrap}", embedded: false}}
traps: {{processes: 2, listen: ["127.0.0.1:{port}"], allow: [127.0.0.0/8]}}
"""


class NoStore:
    """A history that does not answer."""

    def unique_traps(self) -> dict[str, int]:
        raise StoreError("there is no history in this test")


def receiver(settings_file: Path, process: str) -> subprocess.Popen[bytes]:
    with settings_file.with_name(f"{process}.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "pipeline", "run", process, "-c", str(settings_file)], stderr=log)


def wait_until_ready(vitals: Vitals, *processes: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    for process in processes:
        while vitals._get(process, "/readyz") != "ready":
            assert time.monotonic() < deadline, f"{process} is not ready"
            time.sleep(0.05)


async def published(bootstrap: str, count: int) -> list[RawTrap]:
    """The first ``count`` traps of ``raw.traps`` by identity, each partition in its order."""
    traps: dict[tuple[str, int], RawTrap] = {}
    async with bus.consumer(bootstrap, "test", [wire.Topic.RAW_TRAPS]) as client, asyncio.timeout(DEADLINE_S):
        while len(traps) < count:
            for messages in (await client.getmany(timeout_ms=200)).values():
                for message in messages:
                    for trap in wire.decode(message.value):
                        assert (trap.collector, trap.sequence) not in traps, "published twice without a failure"
                        traps[trap.collector, trap.sequence] = trap
    return list(traps.values())


async def test_two_receivers_take_everything_once_in_order_and_the_death_of_one_leaves_the_other(tmp_path: Path) -> None:
    """As ``assure up`` starts them; the doctor's sums hold over both, from the socket to the broker."""
    with embedded_broker(tmp_path / "broker") as server:
        await bus.create_topics(server.bootstrap, partitions=4, replication=1)
        port = free_ports(16)
        settings_file = tmp_path / "assure.yaml"
        settings_file.write_text(SETTINGS.format(metrics=port + 1, bootstrap=server.bootstrap, port=port))
        settings = load_settings(settings_file, {})
        settings.data_dir.mkdir()
        processes = [receiver(settings_file, name) for name in ("traps", "traps-2")]
        try:
            with Obligations(settings.obligations_url()) as store:
                vitals = Vitals(settings, cast("Queries", NoStore()), store, lambda: Inventory("v"))
                await asyncio.to_thread(wait_until_ready, vitals, "traps", "traps-2")
                for round_ in range(4):
                    for source in SOURCES:
                        send(port, source, link_down(5 * round_ + 1), *(link_down(5 * round_ + place) for place in range(2, 6)))
                traps = await published(server.bootstrap, 20 * len(SOURCES))
                assert_each_source_in_order(traps, settings)
                await sums_hold(vitals, sent=20 * len(SOURCES))

                processes[1].send_signal(signal.SIGKILL)
                processes[1].wait(DEADLINE_S)
                before = sum_of(vitals, "trap-1")
                for source in SOURCES:
                    send(port, source, link_down(21))
                await asyncio.to_thread(wait_for_journal, settings.journal_dir("trap-1"), before + len(SOURCES))

                processes[1] = receiver(settings_file, "traps-2")
                await asyncio.to_thread(wait_until_ready, vitals, "traps-2")
                for source in SOURCES:
                    send(port, source, link_down(22))
                await asyncio.to_thread(wait_for_both, settings, 22 * len(SOURCES))
                assert conservation(settings.journal_dir("trap-1.2"))["journaled"] > sum(trap.collector == "trap-1.2" for trap in traps)
        finally:
            for process in processes:
                process.kill()
                process.wait(DEADLINE_S)


def assert_each_source_in_order(traps: list[RawTrap], settings: Settings) -> None:
    by_source: dict[str, list[RawTrap]] = defaultdict(list)
    for trap in traps:
        by_source[trap.source].append(trap)
    assert set(by_source) == set(SOURCES)
    assert {trap.collector for trap in traps} == set(settings.trap_collectors.values())
    for heard in by_source.values():
        assert len({trap.collector for trap in heard}) == 1
        assert [trap.varbinds[0].value for trap in heard] == list(range(1, 21))


async def sums_hold(vitals: Vitals, *, sent: int) -> None:
    """All but the last, since there is no store here."""
    deadline = time.monotonic() + DEADLINE_S
    found = await asyncio.to_thread(watch, vitals.looks, lambda: time.monotonic() < deadline)
    assert [finding.verdict for finding in found] == [Verdict.HOLDS, Verdict.HOLDS, Verdict.HOLDS, Verdict.UNKNOWN], found
    look = total(vitals.looks().values())
    assert look.counted is not None
    assert look.counted.received + look.counted.dropped == sent


def sum_of(vitals: Vitals, collector: str) -> int:
    journal = vitals.looks()[collector].journal
    assert journal is not None
    return journal.journaled


def wait_for_journal(folder: Path, count: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while conservation(folder)["journaled"] < count:
        assert time.monotonic() < deadline, f"{conservation(folder)}; wanted {count}"
        time.sleep(0.02)
    assert conservation(folder)["journaled"] == count


def wait_for_both(settings: Settings, count: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while (journaled := sum(conservation(settings.journal_dir(name))["journaled"] for name in settings.trap_collectors.values())) < count:
        assert time.monotonic() < deadline, f"{journaled} of {count}"
        time.sleep(0.02)
    assert journaled == count
