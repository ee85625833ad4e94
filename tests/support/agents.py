"""SNMP agents for tests of the poller: net-snmp's snmpd, and scripted ones that misbehave on purpose."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pyasn1.codec.ber import decoder
from pysnmp.proto import api

from tests.support.datagrams import NULL, Var, message, number, tlv, varbinds

RESPONSE = 0xA2
NO_SUCH_INSTANCE = 0x81
END_OF_MIB_VIEW = 0x82
NO_SUCH_NAME, TOO_BIG, GEN_ERR = 2, 1, 5

Mib = Mapping[str, tuple[int, object]]
"""Type and value of each instance, by its name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as pysnmp reads it; ``number`` counts the questions to this agent from 1.

    ``repetitions`` are a GETBULK's, 1 for a GETNEXT and 0 for a GET.
    """

    number: int
    request_id: int
    oids: tuple[str, ...]
    repetitions: int = 0
    version: int = 1
    community: bytes = b"public"


Reply = tuple[float, bytes]
"""Seconds to wait, and the datagram to send then."""
Script = Callable[[Asked], list[Reply]]


def response(asked: Asked, variables: list[Var], *, request_id: int | None = None, error: int = 0, community: bytes = b"public") -> bytes:
    """A response PDU with these variables, to the question unless another request id is given."""
    answered = asked.request_id if request_id is None else request_id
    return message(asked.version, community, tlv(RESPONSE, number(answered) + number(error) + number(0) + varbinds(variables)))


def told(asked: Asked, mib: Mapping[str, tuple[int, object]]) -> bytes:
    """A correct answer from a table of (type, value) by OID; what is not in it does not exist (RFC 3416 section 4.2.1)."""
    return response(asked, [Var(oid, *mib.get(oid, (NO_SUCH_INSTANCE, None))) for oid in asked.oids])  # type: ignore[arg-type]  # values of a test


def refused(asked: Asked, error: int) -> bytes:
    """An error-status with the question's own variables."""
    return response(asked, [Var(oid, NULL, None) for oid in asked.oids], error=error)


def order(name: str) -> tuple[int, ...]:
    """The place of a name among others."""
    return tuple(map(int, name.split(".")))


def served(asked: Asked, mib: Mib, *, at_most: int = 40) -> bytes:
    """What a good agent answers: to a GET, and to a GETNEXT or GETBULK for one name, at most so many rows at a time.

    A v1 agent answers noSuchName for an instance that is not there (RFC 1157 section 4.1).
    """
    if not asked.repetitions:
        is_whole = asked.version or all(name in mib for name in asked.oids)
        return told(asked, mib) if is_whole else refused(asked, NO_SUCH_NAME)
    (after,) = asked.oids
    rest = sorted((name for name in mib if order(name) > order(after)), key=order)[: min(at_most, asked.repetitions)]
    if not rest and not asked.version:
        return refused(asked, NO_SUCH_NAME)
    return response(asked, [Var(name, *mib[name]) for name in rest] or [Var(after, END_OF_MIB_VIEW, None)])  # type: ignore[arg-type]  # values of a test


def serving(mib: Mib, *, at_most: int = 40) -> Script:
    """The script of a good agent."""
    return lambda asked: [(0, served(asked, mib, at_most=at_most))]


class _Agent(asyncio.DatagramProtocol):
    def __init__(self, script: Script) -> None:
        self._script = script
        self._transport: asyncio.DatagramTransport
        self.asked: list[Asked] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # CPython 3.11 does not derive its own from it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        version = int(api.decodeMessageVersion(data))
        proto = api.PROTOCOL_MODULES[version]
        question, _ = decoder.decode(data, asn1Spec=proto.Message())
        pdu = proto.apiMessage.get_pdu(question)
        is_bulk = version and isinstance(pdu, proto.GetBulkRequestPDU)
        repetitions = int(proto.apiBulkPDU.get_max_repetitions(pdu)) if is_bulk else int(isinstance(pdu, proto.GetNextRequestPDU))
        oids = tuple(str(name) for name, _ in proto.apiPDU.get_varbinds(pdu))
        self.asked.append(
            Asked(
                len(self.asked) + 1,
                int(proto.apiPDU.get_request_id(pdu)),
                oids,
                repetitions,
                version,
                bytes(proto.apiMessage.get_community(question)),
            )
        )
        for delay, datagram in self._script(self.asked[-1]):
            asyncio.get_running_loop().call_later(delay, self._send, datagram, addr)

    def _send(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(datagram, addr)


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[tuple[int, list[Asked]]]:
    """An agent on a free UDP port of loopback that answers as its script says; gives the port and what it was asked."""
    transport, agent = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Agent(script), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], agent.asked
    finally:
        transport.close()


def free_udp_port() -> int:
    """A UDP port of loopback that was free a moment ago."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def snmpd(folder: Path, *lines: str) -> Iterator[int]:
    """net-snmp's agent on loopback, with community ``public`` and more lines of configuration; gives its UDP port.

    It may need a moment until it answers.
    """
    program = shutil.which("snmpd") or "/usr/sbin/snmpd"
    port = free_udp_port()
    config = folder / "snmpd.conf"
    config.write_text("\n".join([f"agentaddress udp:127.0.0.1:{port}", "rocommunity public 127.0.0.1", *lines, ""]))
    command = [program, "-f", "-C", "-c", str(config), "-Lf", str(folder / "snmpd.log"), "-p", str(folder / "snmpd.pid")]
    process = subprocess.Popen(command, env=os.environ | {"SNMP_PERSISTENT_DIR": str(folder)})
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


def snmpget(port: int, oid: str) -> str:
    """What net-snmp's own client reads: the bare value."""
    command = ["snmpget", "-v2c", "-cpublic", "-Oqvt", "-m", "", f"127.0.0.1:{port}", oid]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
