"""IPv4 and IPv6, on one address or on all: senders are told apart by their plain address, and answered from the address that they asked."""

import socket
from pathlib import Path

import pytest

from collectors.journal import JournalReader
from tests.support.collecting import FakeBroker, collecting, until
from tests.support.datagrams import link_down, v2_trap

DEADLINE_S = 20.0


def ipv6_works() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine has no IPv6 loopback")
WAYS = [
    pytest.param("127.0.0.1:0", "127.0.0.1", "127.20.0.1", id="one IPv4 address"),
    pytest.param("0.0.0.0:0", "127.9.8.7", "127.20.0.1", id="all of IPv4, by one that is not the first"),
    pytest.param("[::1]:0", "::1", "::1", id="one IPv6 address", marks=needs_ipv6),
    pytest.param("[::]:0", "::1", "::1", id="all, by IPv6", marks=needs_ipv6),
    pytest.param("[::]:0", "127.9.8.7", "127.20.0.1", id="all, by IPv4: the kernel maps the sender", marks=needs_ipv6),
]


@pytest.mark.parametrize(("listen", "asked", "source"), WAYS)
async def test_traps_are_heard_and_informs_answered_from_the_address_that_was_asked(
    tmp_path: Path, listen: str, asked: str, source: str
) -> None:
    """A connected socket takes an answer from the address it sent to and from no other, as many agents do."""
    broker = FakeBroker()
    allow = ("127.20.0.0/16", "::1/128")
    async with collecting(tmp_path, broker, listen=(listen,), allow=allow) as running:
        with socket.socket(socket.AF_INET6 if ":" in asked else socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((source, 0))
            sender.connect((asked, running.port))
            sender.setblocking(False)
            sender.send(link_down(1))
            sender.send(link_down(2, request_id=77, inform=True))
            await until(lambda: running.count("informs_answered_total") == 1, "the INFORM is answered")
            sender.settimeout(DEADLINE_S)
            answer = sender.recv(2_000)
        await until(lambda: len(broker.traps()) == 2, "both are published")
    assert b"\xa2" in answer
    assert answer.replace(b"\xa2", b"\xa6", 1) == link_down(2, request_id=77, inform=True)  # RFC 3416 section 4.2.7: the same bindings
    assert [(trap.source, trap.inform) for trap in broker.traps()] == [(source, False), (source, True)]
    assert {found.source for found in JournalReader(tmp_path).read_from(1)} == {source}


@needs_ipv6
async def test_who_is_allowed_by_ipv4_is_so_as_a_mapped_sender_and_nobody_else_is(tmp_path: Path) -> None:
    """An allow-list of IPv4 networks means the same on a listener for both families."""
    broker = FakeBroker()
    async with collecting(tmp_path, broker, listen=("[::]:0",), allow=("127.20.0.0/16",)) as running:
        running.send(v2_trap(), source="127.21.0.1")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(v2_trap(), ("::1", running.port))
        running.send(v2_trap(), source="127.20.0.1")
        await until(lambda: len(broker.traps()) == 1, "published")
        await until(lambda: running.count("datagrams_received_total") == 3, "all were read")
        assert running.count("datagrams_refused_total", reason="not-allowed") == 2
    assert [trap.source for trap in broker.traps()] == ["127.20.0.1"]
