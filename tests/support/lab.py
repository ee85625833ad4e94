"""A lab on free ports for tests, and a receiver of what its devices send, decoded by pysnmp rather than by code of ours."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pyasn1.codec.ber import decoder
from pysnmp.proto import api

from pipeline.core.inventory import Inventory
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import inventory_dir
from pipeline.lab.simulation import Lab, on_free_ports

TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
UPTIME = "1.3.6.1.2.1.1.3.0"
_STANDARD = "1.3.6.1.6.3.1.1.5"


@cache
def lab_inventory() -> Inventory:
    """The lab's operator, as the product loads it."""
    return load_inventory(inventory_dir())


@dataclass(frozen=True, slots=True)
class Seen:
    """A notification as it arrived; v1 in v2 form. ``values`` are pysnmp's pretty texts by dotted name."""

    source: str
    version: int
    trap_oid: str
    uptime_ticks: int
    values: dict[str, str]


def decode_notification(data: bytes, source: str) -> Seen:
    """Read a v1 or v2c trap with pysnmp; raises when it holds anything that pysnmp does not take for one."""
    version = int(api.decodeMessageVersion(data))
    proto = api.PROTOCOL_MODULES[version]
    message, rest = decoder.decode(data, asn1Spec=proto.Message())
    assert not rest
    assert bytes(proto.apiMessage.get_community(message)) == b"public"
    pdu = proto.apiMessage.get_pdu(message)
    if version == api.SNMP_VERSION_1:
        return _seen_v1(proto.apiTrapPDU, pdu, source)
    values = {str(name): value.prettyPrint() for name, value in proto.apiPDU.get_varbinds(pdu)}
    return Seen(source, version, values.pop(TRAP_OID), int(values.pop(UPTIME)), values)


def _seen_v1(form: Any, pdu: Any, source: str) -> Seen:
    """Map v1 to v2 form (RFC 3584 section 3.1)."""
    assert form.get_agent_address(pdu).prettyPrint() == source
    generic, specific = int(form.get_generic_trap(pdu)), int(form.get_specific_trap(pdu))
    trap_oid = f"{form.get_enterprise(pdu)}.0.{specific}" if generic == 6 else f"{_STANDARD}.{generic + 1}"
    values = {str(name): value.prettyPrint() for name, value in form.get_varbinds(pdu)}
    return Seen(source, 0, trap_oid, int(form.get_timestamp(pdu)), values)


@dataclass
class Catcher(asyncio.DatagramProtocol):
    """Keeps what arrives, in order."""

    seen: list[Seen] = field(default_factory=list)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.seen.append(decode_notification(data, addr[0]))

    def of(self, trap_oid: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.trap_oid == trap_oid]


@asynccontextmanager
async def running_lab(inventory: Inventory | None = None, seed: int = 1) -> AsyncIterator[tuple[Lab, Catcher]]:
    """A lab on free ports whose notifications a catcher receives; its devices speak ten times as soon as real ones."""
    loop = asyncio.get_running_loop()
    transport, catcher = await loop.create_datagram_endpoint(Catcher, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        async with Lab(inventory or lab_inventory(), on_free_ports(f"127.0.0.1:{port}", seed, haste=10)) as lab:
            yield lab, catcher
    finally:
        transport.close()


async def until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait for something to hold. Raises ``TimeoutError`` when it does not come to hold in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not hold within {within_s} s")
        await asyncio.sleep(0.01)


async def quiet(lab: Lab, catcher: Catcher) -> None:
    """Wait until everything that was due is sent and has arrived."""
    await until(lambda: lab.report()["pending"] == 0 and len(catcher.seen) == lab.report()["counts"].get("notifications_sent", 0))
