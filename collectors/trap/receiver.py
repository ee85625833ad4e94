"""UDP sockets: bind, ask for a large receive buffer and read back what was granted, drain in batches, know what the kernel dropped."""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from collectors.trap.address import endpoint

log = logging.getLogger(__name__)

MAX_DATAGRAM = 65_535
SO_RCVBUFFORCE = 33
"""Linux, socket(7): above net.core.rmem_max, with CAP_NET_ADMIN."""
SO_MEMINFO = 55
"""Linux 4.12: sk_meminfo. Its drop counter is the one that SO_RXQ_OVFL sends along with a datagram, readable at any moment."""
_MEMINFO = struct.Struct("=9I")
_DROPS = 8
_U32 = 0xFFFFFFFF


class ListenError(Exception):
    """An address cannot be listened on; the text names it and the remedy."""


class Datagram(NamedTuple):
    """One datagram as it came: ``peer`` is where an answer would go, ``peer[0]`` the sender's address."""

    payload: bytes
    peer: tuple[str, int]
    listener: "Listener"


class Listener:
    """One bound UDP socket; a context manager. ``listen`` is ``address:port`` (port 0: any free one)."""

    def __init__(self, listen: str, *, receive_buffer_bytes: int) -> None:
        self.listen = listen
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
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise _listen_error(self.listen, error) from error
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
        receive = self._socket.recvfrom
        try:
            while len(into) < limit:
                for _ in range(min(64, limit - len(into))):
                    payload, peer = receive(MAX_DATAGRAM)
                    into.append(Datagram(payload, peer, self))
                if now() > until:
                    return
        except BlockingIOError:
            return

    def answer(self, payload: bytes, peer: tuple[str, int]) -> bool:
        """Send one datagram back; false when the kernel would not take it (the sender asks again)."""
        try:
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
