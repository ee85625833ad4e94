"""Several receivers on one address (SO_REUSEPORT): a filter in the kernel sends each source always to the same one.

By itself the kernel spreads by address *and port* of the sender, and an agent may send each trap from another port; then two traps of one
device could be published in the wrong order by two processes. The filter looks at the source address alone. When a receiver is killed, the
kernel spreads what was its share over the others until it is back.
"""

import ctypes
import logging
import socket
import struct
from pathlib import Path

log = logging.getLogger(__name__)

SO_ATTACH_REUSEPORT_CBPF = 51
"""Linux 4.5, socket(7)."""
_NETWORK_HEADER = 0xFFF00000
"""Classic BPF's SKF_NET_OFF: positions from here on count from the first byte of the IP header."""
_IPV4_SOURCE = 12
"""RFC 791 section 3.1."""
_IPV6_SOURCE = (8, 12, 16, 20)
"""RFC 8200 section 3."""
_GOLDEN = 0x9E3779B1
"""2^32 divided by the golden ratio: neighbours in one subnet are spread evenly by multiplying with it."""

_LOAD_WORD, _LOAD_BYTE, _TO_X, _XOR_X = 0x20, 0x30, 0x07, 0xAC
_MULTIPLY, _SHIFT_RIGHT, _MODULO = 0x24, 0x74, 0x94
_JUMP, _JUMP_UNLESS_EQUAL, _RETURN = 0x05, 0x15, 0x16

Instruction = tuple[int, int, int]
"""Code, how far to jump when a comparison fails, operand."""


def program(receivers: int) -> list[Instruction]:
    """Classic BPF that gives the place of the receiver for a datagram: a hash of its source address, modulo their number."""
    ipv4: list[Instruction] = [(_LOAD_WORD, 0, _NETWORK_HEADER + _IPV4_SOURCE)]
    ipv6: list[Instruction] = [(_LOAD_WORD, 0, _NETWORK_HEADER + _IPV6_SOURCE[0])]
    for position in _IPV6_SOURCE[1:]:
        ipv6 += [(_TO_X, 0, 0), (_LOAD_WORD, 0, _NETWORK_HEADER + position), (_XOR_X, 0, 0)]
    return [
        (_LOAD_BYTE, 0, _NETWORK_HEADER),
        (_SHIFT_RIGHT, 0, 4),
        (_JUMP_UNLESS_EQUAL, len(ipv4) + 1, 4),  # the version
        *ipv4,
        (_JUMP, 0, len(ipv6)),
        *ipv6,
        (_MULTIPLY, 0, _GOLDEN),
        (_SHIFT_RIGHT, 0, 16),
        (_MODULO, 0, receivers),
        (_RETURN, 0, 0),
    ]


def share_by_source(bound: socket.socket, receivers: int) -> None:
    """Have the kernel choose among the receivers of this socket's address by source. Where it cannot, it goes by address and port."""
    instructions = b"".join(struct.pack("=HBBI", code, 0, unless, operand) for code, unless, operand in program(receivers))
    held = ctypes.create_string_buffer(instructions)
    filter_ = struct.pack("@HL", len(instructions) // 8, ctypes.addressof(held))
    try:
        bound.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, filter_)
    except OSError as error:
        log.warning("the kernel takes no filter by source (%s): datagrams of one device may reach several receivers", error.strerror)


def sharers(bound: socket.socket) -> int:
    """How many sockets of this machine are bound to the very same address and port; 1 where the kernel does not tell."""
    host, port, *_ = bound.getsockname()
    table, packed = ("udp6", socket.inet_pton(socket.AF_INET6, host)) if ":" in host else ("udp", socket.inet_aton(host))
    words = "".join(packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4))
    try:
        lines = Path("/proc/net", table).read_text().splitlines()[1:]
    except OSError:
        return 1
    return sum(line.split()[1] == f"{words}:{port:04X}" for line in lines) or 1
