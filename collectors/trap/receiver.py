"""UDP sockets: bind, ask for a large receive buffer and read back what was granted, drain in batches, know what the kernel dropped."""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from collectors.trap.address import endpoint
from collectors.trap.sharing import share_by_source, sharers

log = logging.getLogger(__name__)

MAX_DATAGRAM = 65_535
SO_RCVBUFFORCE = 33
"""Linux, socket(7): above net.core.rmem_max, with CAP_NET_ADMIN."""
SO_MEMINFO = 55
"""Linux 4.12: sk_meminfo. Its drop counter is the one that SO_RXQ_OVFL sends along with a datagram, readable at any moment."""
_MEMINFO = struct.Struct("=9I")
_DROPS = 8
_U32 = 0xFFFFFFFF
_IP_PKTINFO = 8
"""ip(7): interface, our address, the header's destination."""
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50
"""RFC 3542 section 6: our address, interface."""
_PKTINFO = {socket.AF_INET: struct.Struct("=i4s4s"), socket.AF_INET6: struct.Struct("=16si")}
_ASK_PKTINFO = {socket.AF_INET: (socket.IPPROTO_IP, _IP_PKTINFO), socket.AF_INET6: (socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO)}
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared, not bound
_LINK_LOCAL = b"\xfe\x80"


class ListenError(Exception):
    """An address cannot be listened on; the text names it and the remedy."""


class Datagram(NamedTuple):
    """One datagram as it came: ``peer`` is what :meth:`Listener.answer` needs, ``peer[0]`` the sender's address."""

    payload: bytes
    peer: tuple[Any, ...]
    listener: "Listener"


class Listener:
    """One bound UDP socket; a context manager. ``listen`` is ``address:port`` (port 0: any free one).

    ``receivers`` above 1 says how many processes share the address. ``only_ipv6`` leaves IPv4 to a listener of its own; otherwise ``[::]``
    hears both.
    """

    def __init__(self, listen: str, *, receive_buffer_bytes: int, receivers: int = 1, only_ipv6: bool = False) -> None:
        self.listen = listen
        self._receivers = receivers
        self._only_ipv6 = only_ipv6
        self._asks_address = False
        self.granted_bytes = 0
        self.drops_known = False
        self._asked_bytes = receive_buffer_bytes
        self._socket: socket.socket
        self._drops_seen = 0

    def __enter__(self) -> Self:
        """Bind. Raises ``ListenError``."""
        try:
            host, port = endpoint(self.listen)
        except ValueError as error:
            raise ListenError(f"{error}; write it as 127.0.0.1:16200 or [::1]:16200") from error
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._grow_buffer()
            self._bind(host, port)
        except OSError as error:
            self._socket.close()
            raise _listen_error(self.listen, error) from error
        except ListenError:
            self._socket.close()
            raise
        self._drops_seen = self._kernel_drops() or 0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the socket."""
        self._socket.close()

    @property
    def address(self) -> tuple[str, int]:
        """The bound address and port."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    def fileno(self) -> int:
        """The socket's descriptor, for the event loop."""
        return self._socket.fileno()

    def drain(self, into: list[Datagram], limit: int, until: float, now: Callable[[], float] = time.monotonic) -> None:
        """Read until nothing waits, ``into`` holds ``limit``, or the clock passes ``until``."""
        receive = self._receive if self._asks_address else self._socket.recvfrom
        try:
            while len(into) < limit:
                for _ in range(min(64, limit - len(into))):
                    payload, peer = receive(MAX_DATAGRAM)
                    into.append(Datagram(payload, peer, self))
                if now() > until:
                    return
        except BlockingIOError:
            return

    def answer(self, payload: bytes, peer: tuple[Any, ...]) -> bool:
        """Send one datagram back from the address that was asked; false when the kernel would not take it (the sender asks again)."""
        try:
            if self._asks_address:
                *sender, ancillary = peer
                self._socket.sendmsg([payload], _from_the_same(ancillary), 0, tuple(sender))
            else:
                self._socket.sendto(payload, peer)
        except OSError as error:
            log.warning("cannot answer %s: %s; it will ask again", peer[0], error)
            return False
        return True

    def new_drops(self) -> int:
        """Datagrams that the kernel dropped since the last call."""
        drops = self._kernel_drops()
        if drops is None:
            return 0
        new = (drops - self._drops_seen) & _U32
        self._drops_seen = drops
        return new

    def _kernel_drops(self) -> int | None:
        """The socket's drop counter (32 bits, wrapping); ``None`` where the kernel does not tell."""
        try:
            info = self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size)
        except OSError:
            return None
        self.drops_known = len(info) == _MEMINFO.size
        return int(_MEMINFO.unpack(info)[_DROPS]) if self.drops_known else None

    def _bind(self, host: str, port: int) -> None:
        if self._receivers > 1:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self._socket.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(self._only_ipv6))
        self._socket.bind((host, port))
        self._asks_address = host in _WILDCARDS
        if self._asks_address:
            self._socket.setsockopt(*_ASK_PKTINFO[self._socket.family], 1)
        if self._receivers > 1:
            share_by_source(self._socket, self._receivers)
            if (there := sharers(self._socket)) > self._receivers:
                raise ListenError(
                    f"cannot listen on {self.listen}: with this one {there} receivers share it, but traps.processes is {self._receivers}; "
                    "stop the other installation, or set another address (traps.listen)"
                )

    def _receive(self, size: int) -> tuple[bytes, tuple[Any, ...]]:
        """As ``recvfrom``, with the ancillary data that says which of our addresses was asked behind the sender's address."""
        payload, ancillary, _, peer = self._socket.recvmsg(size, _ANCILLARY_BYTES)
        return payload, (*peer, ancillary)

    def _grow_buffer(self) -> None:
        """Ask by force, then politely; Linux grants twice what is asked, for its own bookkeeping."""
        for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, option, self._asked_bytes)
                break
            except OSError:
                continue
        self.granted_bytes = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        if self.granted_bytes < self._asked_bytes:
            log.warning(
                "%s: asked for a receive buffer of %d bytes, got %d; raise it: sysctl net.core.rmem_max=%d",
                self.listen,
                self._asked_bytes,
                self.granted_bytes,
                self._asked_bytes,
            )


_ANCILLARY_BYTES = socket.CMSG_SPACE(20)
Ancillary = list[tuple[int, int, bytes]]


def _from_the_same(ancillary: Ancillary) -> Ancillary:
    """Ancillary data that makes an answer leave from the address that was asked; which interface it takes is the routing's choice."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            _, ours, _ = _PKTINFO[socket.AF_INET].unpack(data)
            return [(level, kind, _PKTINFO[socket.AF_INET].pack(0, ours, bytes(4)))]
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            ours, interface = _PKTINFO[socket.AF_INET6].unpack(data)
            return [(level, kind, _PKTINFO[socket.AF_INET6].pack(ours, interface if ours.startswith(_LINK_LOCAL) else 0))]
    return []


def listeners_of(listen: Sequence[str], *, receive_buffer_bytes: int, receivers: int = 1) -> list[Listener]:
    """A listener for each text; ``[::]`` leaves IPv4 to ``0.0.0.0`` when both are listed."""
    both = any(text.startswith("0.0.0.0:") for text in listen)
    return [
        Listener(text, receive_buffer_bytes=receive_buffer_bytes, receivers=receivers, only_ipv6=both and text.startswith("[::]:"))
        for text in listen
    ]


def _listen_error(listen: str, error: OSError) -> ListenError:
    if isinstance(error, PermissionError):
        remedy = "ports below 1024 need CAP_NET_BIND_SERVICE: grant it, or listen on another port (traps.listen)"
    else:
        remedy = "stop what listens there, or set another address (traps.listen)"
    return ListenError(f"cannot listen on {listen}: {error.strerror}; {remedy}")


async def readable(listeners: Sequence[Listener]) -> None:
    """Return when a datagram waits on one of the sockets."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    for listener in listeners:
        loop.add_reader(listener.fileno(), arrived.set)
    try:
        await arrived.wait()
    finally:
        for listener in listeners:
            loop.remove_reader(listener.fileno())
