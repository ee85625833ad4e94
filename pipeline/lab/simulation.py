"""The lab in motion: a UDP socket for each device, commands that change the network, notifications that leave when they are due."""

import asyncio
import errno
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

from pipeline.core.inventory import Device, Inventory
from pipeline.lab.agent import answer
from pipeline.lab.command import Command, Done, parse
from pipeline.lab.config import LabConfig, LabError, numeric_address
from pipeline.lab.control import serve_control
from pipeline.lab.delivery import Fate, admit
from pipeline.lab.mib import DeviceMib, Moment, object_id
from pipeline.lab.network import Change, Network, NetworkState, apply, begin, expand
from pipeline.lab.notification import Notification, authentication_failure, traps_for
from pipeline.lab.plant import Plant
from pipeline.lab.snmp import MalformedError, decode_request, encode_trap_v1, encode_trap_v2

log = logging.getLogger(__name__)

V1_VENDORS = frozenset({"lab-classic"})
"""Vendors whose devices send SNMPv1 traps."""
_APART_S = 0.001
_REMEDIES = {
    errno.EADDRINUSE: "something listens there already, perhaps another lab: stop it, or give the devices other ports",
    errno.EADDRNOTAVAIL: "this machine has no such address; Linux has all of 127.0.0.0/8, elsewhere add it to the loopback interface first",
    errno.EACCES: "this user may not listen there; give the devices ports from 1024",
}


class _Agent(asyncio.DatagramProtocol):
    """A device's socket."""

    def __init__(self, device: Device, ask: Callable[[Device, bytes], bytes | None]) -> None:
        self._device, self._ask = device, ask
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        response = self._ask(self._device, data)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)

    def error_received(self, exc: Exception) -> None:
        """Say that a peer is not there: real devices do not learn it, so nothing else happens."""
        log.debug("%s: %s", self._device.name, exc)


class Lab:
    """A simulated operator on the wire, as an async context manager.

    After entering, ``ports`` maps each device to the UDP port of its agent and ``control`` is the control server's ``host:port``.
    Entering raises :class:`LabError` that names the address and the remedy when one cannot be had.
    """

    def __init__(self, inventory: Inventory, config: LabConfig | None = None, clock: Callable[[], int] = time.time_ns) -> None:
        self.config = config or LabConfig()
        self.ports: dict[str, int] = {}
        self.control = ""
        self._inventory = inventory
        self._network = Network(Plant.of(inventory), self.config.seed)
        self._mibs = {name: DeviceMib(self._network, device) for name, device in inventory.devices.items()}
        self._clock = clock
        self._target = numeric_address(self.config.trap_target)
        self._state: NetworkState | None = None
        self._sockets: dict[str, asyncio.DatagramTransport] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._due: dict[str, float] = {}
        self._counts: Counter[str] = Counter()
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._state = begin(self._network, self._clock())
        async with AsyncExitStack() as stack:
            stack.callback(self._stop)
            for device in self._inventory.devices.values():
                await self._open(device)
            if self.config.control:
                self.control = await stack.enter_async_context(serve_control(self.config.control, self.do, self.report))
            self._exit = stack.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._exit.aclose()

    @property
    def state(self) -> NetworkState:
        """The network as it is now. Raises :class:`LabError` before the lab is entered."""
        if self._state is None:
            raise LabError("the lab has not started; enter it with 'async with'")
        return self._state

    def do(self, text: str) -> Done:
        """Do one command, as :func:`pipeline.lab.command.parse` reads it; a script's later steps follow in their time.

        Raises :class:`pipeline.lab.command.CommandError` and does nothing when it cannot be read.
        """
        command = parse(self._network.plant, text)
        now, later = expand(command)[0], expand(command)[1:]
        changes = self._apply(now[1])
        for delay_s, step in later:
            self._after(delay_s, partial(self._apply, step))
        log.info("lab: %s (%d changes)", command, len(changes))
        return Done(str(command), len(changes))

    def report(self) -> dict[str, Any]:
        """All that is broken, what follows from it, and what was sent and asked; ready for JSON. ``pending`` counts what is still due."""
        state = self.state
        condition = {name: sorted(names) for name, names in asdict(state.condition).items()}
        faults = {name: sorted(names) for name, names in asdict(state.faults).items()}
        return {
            "seed": self.config.seed,
            "faults": faults | {"loads": state.loads, "dirt": state.dirt},
            **condition,
            "counts": dict(sorted(self._counts.items())),
            "pending": len(self._timers),
            "trap_target": self.config.trap_target,
            "devices": {name: f"{device.address}:{self.ports[name]}" for name, device in self._inventory.devices.items()},
        }

    async def _open(self, device: Device) -> None:
        port = device.port if self.config.port_override is None else self.config.port_override
        try:
            transport = await _listen(device, port, self._ask)
        except OSError as error:
            remedy = _REMEDIES.get(error.errno or 0, "see whether the address is one of this machine's")
            where = f"udp {device.address}:{port}"
            raise LabError(f"the lab's device {device.name} cannot listen on {where} ({error.strerror}): {remedy}") from error
        self._sockets[device.name] = transport
        self.ports[device.name] = transport.get_extra_info("sockname")[1]

    def _stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for transport in self._sockets.values():
            transport.close()
        self._sockets.clear()

    def _apply(self, command: Command) -> tuple[Change, ...]:
        at = self._clock()
        self._state, changes = apply(self._network, self.state, command, at)
        for change in changes:
            for notification in traps_for(self._network, self._state, change, at):
                self._schedule(notification)
        return changes

    def _schedule(self, notification: Notification) -> None:
        """Send when due, but never before what was said earlier of the same resource: its last notification tells its state."""
        loop = asyncio.get_running_loop()
        earliest = self._due.get(notification.resource, 0.0) + _APART_S
        due = max(loop.time() + notification.delay_ms / 1000 / self.config.haste, earliest)
        self._due[notification.resource] = due
        self._after(due - loop.time(), partial(self._send, notification))

    def _after(self, delay_s: float, step: Callable[[], object]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            step()

        timer = asyncio.get_running_loop().call_later(delay_s, run)
        self._timers.add(timer)

    def _send(self, notification: Notification) -> None:
        self._state, fate = admit(self.state, notification)
        self._counts[f"notifications_{fate}"] += 1
        if fate is Fate.SENT:
            self._sockets[notification.device].sendto(self._encode(notification), self._target)
        else:
            log.debug("lab: %s from %s on %s is lost: %s", notification.trap_oid, notification.device, notification.resource, fate)

    def _encode(self, notification: Notification) -> bytes:
        device = self._inventory.devices[notification.device]
        community = self.config.community.encode()
        uptime = Moment(self.state, self._clock()).uptime_ticks(device.name)
        if device.vendor in V1_VENDORS:
            return encode_trap_v1(community, object_id(device), device.address, uptime, notification.trap_oid, notification.varbinds)
        number = self._counts["notifications_sent"] & 0x7FFFFFFF
        return encode_trap_v2(community, number, uptime, notification.trap_oid, notification.varbinds)

    def _ask(self, device: Device, data: bytes) -> bytes | None:
        """One question to a device. Nobody answers what cannot reach it, what is malformed, or what has the wrong community."""
        if device.name in self.state.condition.unreachable:
            self._counts["requests_unreachable"] += 1
            return None
        try:
            request = decode_request(data)
        except MalformedError as error:
            log.debug("%s: refused a datagram of %d octets: %s", device.name, len(data), error)
            self._counts["requests_malformed"] += 1
            return None
        if request.community != self.config.community.encode():
            self._send(authentication_failure(device.name))
            self._counts["requests_wrong_community"] += 1
            return None
        self._counts["requests_answered"] += 1
        return answer(request, self._mibs[device.name], Moment(self.state, self._clock()))


async def _listen(device: Device, port: int, ask: Callable[[Device, bytes], bytes | None]) -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(partial(_Agent, device, ask), local_addr=(device.address, port))
    return transport


async def run_lab(inventory: Inventory, config: LabConfig, stop: asyncio.Event) -> None:
    """Run a lab until ``stop`` is set. Raises :class:`LabError` when an address cannot be had."""
    async with Lab(inventory, config) as lab:
        log.info("lab: %d devices answer, notifications go to %s, commands at http://%s", len(lab.ports), config.trap_target, lab.control)
        await stop.wait()


def on_free_ports(trap_target: str, seed: int = 1, haste: float = 1.0) -> LabConfig:
    """A lab whose agents and control server take free ports: several can run side by side."""
    return replace(LabConfig(), trap_target=trap_target, control="127.0.0.1:0", seed=seed, haste=haste, port_override=0)
