"""The trap collector accounts for every datagram: in the journal before anything reads it, published in order, refused with a reason."""

import asyncio
import errno
import os
import socket
from ipaddress import ip_network
from pathlib import Path

import pytest

from collectors.journal import JournalFailedError, JournalLockedError, JournalReader, writer
from collectors.publish import PublishLimits
from collectors.trap import quarantine
from collectors.trap.address import AllowList, endpoint, plain
from collectors.trap.conservation import conservation
from collectors.trap.receiver import Listener, ListenError
from pipeline import bus
from pipeline.core.raw import SnmpVersion
from tests.support.collecting import Collecting, FakeBroker, collecting, until
from tests.support.datagrams import LINK_DOWN, link_down, message, tlv, v1_trap, v2_trap

GARBAGE = (b"", b"\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x30" * 1_000, os.urandom(300), link_down(1)[:-3], message(3, b"", tlv(0x30, b"")))


def sums_hold(running: Collecting, folder: Path, *, sent: int) -> None:
    """The sums of design.md, from live counters and from the disk."""
    count = running.count
    received = count("datagrams_received_total")
    assert sent == received + count("datagrams_dropped_total")
    assert received == count("datagrams_journaled_total") + running.refused()
    told = conservation(folder)
    assert told["journaled"] == told["published"] + told["absorbed"] + told["quarantined"] + told["waiting"]
    assert told["journaled"] == count("journal_last_sequence")
    assert told["acknowledged"] == count("journal_acknowledged_sequence")


async def test_a_trap_is_published_with_its_place_in_the_journal_on_its_devices_partition(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        for device in range(1, 9):
            running.send(link_down(device), source=f"127.20.0.{device}")
        await until(lambda: len(broker.traps()) == 8, "eight traps published")
        sums_hold(running, tmp_path, sent=8)
    for trap in broker.traps():
        kept = JournalReader(tmp_path).get(trap.sequence)
        assert kept is not None
        assert (kept.source, kept.received_at, kept.payload) == (trap.source, trap.received_at, link_down(int(trap.source[-1])))
        assert (trap.collector, trap.trap_oid, trap.version, trap.authenticated) == ("trap-1", LINK_DOWN, SnmpVersion.V2C, False)
    for messages in broker.rounds:
        for sent in messages:
            partitions = {bus.partition_of(trap.source, 4) for trap in broker.traps() if trap in bus_values(sent.value)}
            assert partitions == {sent.partition}


def bus_values(data: bytes) -> list[object]:
    from pipeline import wire  # noqa: PLC0415  one use

    return wire.decode(data)


async def test_a_storm_is_published_whole_and_in_order(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        for batch in range(30):
            running.send(*[link_down(place + 1) for place in range(batch * 100, batch * 100 + 100)])
            await asyncio.sleep(0)
        await until(lambda: len(broker.traps()) == 3_000, "all traps published")
        sums_hold(running, tmp_path, sent=3_000)
    assert [trap.sequence for trap in broker.traps()] == list(range(1, 3_001))
    assert [trap.varbinds[0].value for trap in broker.traps()] == list(range(1, 3_001))


async def test_garbage_costs_nothing_but_itself_and_is_kept_with_its_reason(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        for number, payload in enumerate(GARBAGE):
            running.send(payload, link_down(number + 1))
        await until(lambda: len(broker.traps()) == len(GARBAGE), "the good ones published")
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "everything acknowledged")
        sums_hold(running, tmp_path, sent=2 * len(GARBAGE))
        assert running.count("traps_quarantined_total", reason="malformed") == len(GARBAGE) - 1
        assert running.count("traps_quarantined_total", reason="unsupported-version") == 1
        assert conservation(tmp_path)["quarantined"] == len(GARBAGE)
    kept = list(quarantine.read(tmp_path))
    assert [one.payload for one in kept] == list(GARBAGE)
    assert all(one.detail and one.source == "127.20.0.1" for one in kept)
    assert [JournalReader(tmp_path).get(one.sequence).payload for one in kept] == list(GARBAGE)  # type: ignore[union-attr]  # a miss fails too


async def test_what_is_in_quarantine_goes_there_once(tmp_path: Path) -> None:
    """A crash between quarantine and acknowledgement reads the same records again."""
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        running.send(link_down(1), b"garbage")
        await until(lambda: conservation(tmp_path)["acknowledged"] == 2, "everything acknowledged")
    (tmp_path / "acknowledged").unlink()
    assert conservation(tmp_path) | {"bytes": 0} == {
        "journaled": 2, "acknowledged": 0, "published": 0, "absorbed": 0, "quarantined": 0, "waiting": 2, "kept_from": 1, "bytes": 0,
    }  # fmt: skip
    async with collecting(tmp_path, broker) as running:
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "everything acknowledged")
        assert running.count("traps_quarantined_total", reason="malformed") == 0
    assert conservation(tmp_path)["quarantined"] == 1


async def test_senders_that_are_not_listed_are_counted_and_not_journaled(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker, allow=("127.20.0.0/24",)) as running:
        running.send(link_down(1), link_down(2, inform=True), source="127.21.0.1")
        running.send(link_down(3), source="127.20.0.9")
        await until(lambda: running.count("datagrams_received_total") == 3, "three received")
        await until(lambda: len(broker.traps()) == 1, "the listed one published")
        assert running.count("datagrams_refused_total", reason="not-allowed") == 2
        assert running.count("informs_answered_total") == 0
        sums_hold(running, tmp_path, sent=3)
    assert [trap.source for trap in broker.traps()] == ["127.20.0.9"]


async def test_a_community_that_is_not_listed_goes_to_quarantine(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker, communities=("secret",)) as running:
        running.send(link_down(1), v2_trap(community=b"secret"))
        await until(lambda: len(broker.traps()) == 1, "the right community published")
        await until(lambda: running.count("traps_quarantined_total", reason="not-allowed") == 1, "the other in quarantine")


async def test_an_inform_is_answered_only_when_the_journal_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unanswered INFORM is sent again by its sender; one answered too early would be lost for good."""
    synced: list[int] = []
    sync = writer._sync_file
    monkeypatch.setattr(writer, "_sync_file", lambda file: (sync(file), synced.append(JournalReader(tmp_path).last_sequence)))
    async with collecting(tmp_path, FakeBroker()) as running:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.bind(("127.20.0.1", 0))
            await loop.sock_sendto(sender, link_down(5, request_id=77, inform=True), ("127.0.0.1", running.port))
            answer = await asyncio.wait_for(loop.sock_recv(sender, 2_000), 10)
        assert 1 in synced
        assert answer == link_down(5, request_id=77, inform=True).replace(b"\xa6", b"\xa2", 1)


async def test_with_the_broker_down_the_journal_grows_and_then_drains_in_order_without_a_gap(tmp_path: Path) -> None:
    broker = FakeBroker()
    limits = PublishLimits(batch_records=64, memory_bytes=50_000, retry_s=0.01, retry_cap_s=0.02)
    broker.up = False
    async with collecting(tmp_path, broker, limits=limits) as running:
        for batch in range(20):
            running.send(*[link_down(batch * 50 + place + 1) for place in range(50)])
            await asyncio.sleep(0)
        await until(lambda: running.count("datagrams_journaled_total") == 1_000, "all in the journal")
        await until(lambda: "no broker in this test; 1000 records wait" in running.collector.trouble(), "readiness says so")
        assert running.collector.publisher._memory_bytes <= 50_000
        assert running.count("traps_held_back_total") > 500
        broker.up = True
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "drained")
        assert running.collector.trouble() == ""
        running.send(link_down(1_001))
        await until(lambda: len(broker.traps()) == 1_001, "the next goes straight on")
        sums_hold(running, tmp_path, sent=1_001)
    assert [trap.varbinds[0].value for trap in broker.traps()] == list(range(1, 1_002))


async def test_a_connection_that_breaks_in_the_middle_of_a_round_repeats_it_with_the_same_identities(tmp_path: Path) -> None:
    broker = FakeBroker()
    broker.fail_after = 1
    async with collecting(tmp_path, broker) as running:
        for device in range(1, 9):
            running.send(link_down(device), source=f"127.20.0.{device}")
        await until(lambda: conservation(tmp_path)["waiting"] == 0 and len(broker.traps()) >= 8, "drained")
        assert running.count("traps_published_total") == 8
    assert broker.sequences() == list(range(1, 9))


async def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        running.send(*[link_down(place + 1) for place in range(20)])
        await until(lambda: len(broker.traps()) == 20, "published")
        broker.up = False
        running.send(*[link_down(place + 21) for place in range(20)])
        await until(lambda: running.count("datagrams_journaled_total") == 40, "journaled")
    broker.up = True
    async with collecting(tmp_path, broker) as running:
        running.send(link_down(41))
        await until(lambda: len(broker.traps()) == 41, "the rest published")
    assert [(trap.sequence, trap.varbinds[0].value) for trap in broker.traps()] == [(place, place) for place in range(1, 42)]


async def test_what_waits_in_the_socket_at_the_end_is_journaled_still(tmp_path: Path) -> None:
    async with collecting(tmp_path, FakeBroker()) as running:
        running.send(*[link_down(place + 1) for place in range(100)])
    assert JournalReader(tmp_path).last_sequence == 100


async def test_a_full_journal_refuses_counts_and_recovers(tmp_path: Path) -> None:
    """Nothing that waits to be published is overwritten; an INFORM that is refused is not answered."""
    broker = FakeBroker()
    broker.up = False
    async with collecting(tmp_path, broker, journal_bytes=32_768, segment_bytes=8_192) as running:
        sent = 0
        while running.count("datagrams_refused_total", reason="journal-full") == 0:
            running.send(link_down(sent + 1), link_down(sent + 2, request_id=sent, inform=True))
            sent += 2
            await until(lambda sent=sent: running.count("datagrams_received_total") == sent, "received")
        assert "bring the broker back" in running.collector.trouble()
        held = running.count("datagrams_journaled_total")
        broker.up = True
        await until(lambda: len(broker.traps()) == held, "drained")
        running.send(link_down(sent + 1))
        await until(lambda: len(broker.traps()) == held + 1, "taken again")
        assert running.collector.trouble() == ""
        sums_hold(running, tmp_path, sent=sent + 1)
    assert broker.sequences() == list(range(1, held + 2))


async def test_a_failing_disk_ends_the_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async def collect() -> None:
        async with collecting(tmp_path, FakeBroker()) as running:
            monkeypatch.setattr(writer, "_sync_file", fail)
            running.send(link_down(1))
            await until(lambda: running.collector.journal._failed, "the sync failed")

    with pytest.raises(JournalFailedError, match="check the disk"):
        await collect()
    assert JournalReader(tmp_path).acknowledged == 0


async def test_damage_in_the_journal_is_counted_and_left_behind(tmp_path: Path) -> None:
    broker = FakeBroker()
    broker.up = False
    async with collecting(tmp_path, broker, segment_bytes=4_096) as running:
        for place in range(100):
            running.send(link_down(place + 1))
            await until(lambda place=place: running.count("datagrams_journaled_total") == place + 1, "journaled")
    first, second, *_ = JournalReader(tmp_path).segments
    data = bytearray(first.path.read_bytes())
    data[len(data) // 2] ^= 1
    first.path.write_bytes(data)
    broker.up = True
    async with collecting(tmp_path, broker) as running:
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "drained")
        lost = running.count("traps_unreadable_total")
    read = broker.sequences()
    assert read == [*range(1, second.first_sequence - lost), *range(second.first_sequence, 101)]
    assert 0 < lost < second.first_sequence


async def test_a_taken_port_is_told_with_its_address_and_the_remedy(tmp_path: Path) -> None:
    async with collecting(tmp_path / "one", FakeBroker()) as running:
        taken = f"127.0.0.1:{running.port}"
        with pytest.raises(ListenError, match=rf"cannot listen on {taken}: .*stop what listens there, or set another address"):
            async with collecting(tmp_path / "two", FakeBroker(), listen=(taken,)):
                pass
    async with collecting(tmp_path / "two", FakeBroker()) as running:
        assert running.port


async def test_two_collectors_of_one_name_are_told_apart(tmp_path: Path) -> None:
    async with collecting(tmp_path, FakeBroker()):
        with pytest.raises(JournalLockedError, match="in use by another collector"):
            async with collecting(tmp_path, FakeBroker()):
                pass


@pytest.mark.parametrize("text", ["nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "somehost:162"])
def test_an_address_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ListenError, match="write it as"), Listener(text, receive_buffer_bytes=1):
        pass


async def test_ipv6_senders_are_heard(tmp_path: Path) -> None:
    broker = FakeBroker()
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with collecting(tmp_path, broker, listen=("[::1]:0",), allow=("::1/128",)) as running:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(v1_trap("1.3.6.1.4.1.1", 0), ("::1", running.port))
        await until(lambda: len(broker.traps()) == 1, "published")
    assert broker.traps()[0].source == "::1"


def test_the_kernels_drops_are_known_exactly() -> None:
    """The default buffer overflows at a few hundred datagrams; what is missing is what the kernel says it dropped."""
    with Listener("127.0.0.1:0", receive_buffer_bytes=4_096) as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        if not listener.drops_known:
            pytest.skip("this kernel does not tell its drops")
        for _ in range(1_000):
            sender.sendto(bytes(500), listener.address)
        read: list[object] = []
        listener.drain(read, 2_000, float("inf"))  # type: ignore[arg-type]  # a list of anything is asked for its length here
        assert 0 < len(read) < 1_000
        assert listener.new_drops() == 1_000 - len(read)
        assert listener.new_drops() == 0


def test_the_buffer_that_was_granted_is_told() -> None:
    with Listener("127.0.0.1:0", receive_buffer_bytes=200_000) as listener:
        assert listener.granted_bytes >= 200_000


@pytest.mark.parametrize(
    ("host", "source"),
    [("127.20.0.1", "127.20.0.1"), ("127.21.0.1", None), ("::ffff:127.20.0.1", "127.20.0.1"), ("fe80::1%eth0", "fe80::1"), ("::1", None)],
)
def test_the_allow_list_takes_what_it_lists_and_nothing_else(host: str, source: str | None) -> None:
    allow = AllowList([ip_network("127.20.0.0/16"), ip_network("fe80::/10")], capacity=2)
    for _ in range(3):
        assert allow.source(host) == source
        allow.source("10.0.0.1")
        allow.source("10.0.0.2")
    assert AllowList([]).source(host) is None


def test_addresses_are_read_in_both_families() -> None:
    assert endpoint("127.0.0.1:162") == ("127.0.0.1", 162)
    assert endpoint("[::1]:0") == ("::1", 0)
    assert plain("::FFFF:10.0.0.1") == "10.0.0.1"
