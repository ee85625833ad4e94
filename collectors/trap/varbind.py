"""One variable binding (RFC 3416 section 3): ``SEQUENCE { name OBJECT IDENTIFIER, value }`` with a value of the SMI."""

from collections.abc import Callable

from collectors.trap.ber import OBJECT_IDENTIFIER, element, expect, integer, malformed, oid
from pipeline.core.raw import ValueType, VarBind

INT32 = range(-(1 << 31), 1 << 31)
UNSIGNED32 = range(1 << 32)
UNSIGNED64 = range(1 << 64)


def _number(valid: range) -> Callable[[bytes], int]:
    def read(content: bytes) -> int:
        value = integer(content, 0, len(content))
        if value not in valid:
            raise malformed(f"{value} outside of {valid.start}..{valid.stop - 1}")
        return value

    return read


def _text(content: bytes) -> bytes:
    return content


def _oid(content: bytes) -> bytes:
    return oid(content).encode()


def _address(content: bytes) -> bytes:
    if len(content) != 4:  # noqa: PLR2004  RFC 2578 section 7.1.5
        raise malformed(f"an IpAddress of {len(content)} bytes")
    return b"%d.%d.%d.%d" % tuple(content)


def _nothing(content: bytes) -> None:
    if content:
        raise malformed(f"a value of {len(content)} bytes where none may be")


_unsigned32 = _number(UNSIGNED32)

READERS: dict[int, tuple[ValueType, Callable[[bytes], int | bytes | None]]] = {
    0x02: (ValueType.INTEGER, _number(INT32)),
    0x04: (ValueType.OCTET_STRING, _text),
    0x05: (ValueType.NULL, _nothing),
    0x06: (ValueType.OBJECT_IDENTIFIER, _oid),
    0x40: (ValueType.IP_ADDRESS, _address),
    0x41: (ValueType.COUNTER32, _unsigned32),
    0x42: (ValueType.GAUGE32, _unsigned32),
    0x43: (ValueType.TIME_TICKS, _unsigned32),
    0x44: (ValueType.OPAQUE, _text),
    0x46: (ValueType.COUNTER64, _number(UNSIGNED64)),
    0x80: (ValueType.NO_SUCH_OBJECT, _nothing),
    0x81: (ValueType.NO_SUCH_INSTANCE, _nothing),
    0x82: (ValueType.END_OF_MIB_VIEW, _nothing),
}
"""Every value that may stand in a variable binding, by its tag; any other tag is refused."""


MAX_QUICK_NAME = 64
"""Bytes. Under it no name can have too many arcs; above it the careful way is taken."""
MAX_QUICK_ARC = 4
"""Bytes. Under it no arc can be above 2^32-1."""


def _is_quick_arc(arc: bytes) -> bool:
    """Whether the arc is short, has no leading zero (X.690 8.19.2) and ends."""
    return len(arc) <= MAX_QUICK_ARC and arc[0] != 0x80 and arc[-1] < 0x80  # noqa: PLR2004  bit 8 says that the arc goes on


class VarBindReader:
    """Reads the content of variable bindings, remembering the short ones it has read: devices repeat themselves.

    Both memories hold at most ``capacity`` entries and start anew when full, so what they take is bounded whatever is sent.
    """

    MAX_REMEMBERED_BYTES = 96

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._prefixes: dict[bytes, str] = {}
        self._varbinds: dict[bytes, VarBind] = {}
        self.known = self._varbinds.get
        """The variable binding with this content if it is remembered, or ``None``: what is asked first, where speed counts."""

    def read(self, content: bytes) -> VarBind:
        """Read, and remember, the variable binding whose SEQUENCE has this content. Raises ``DecodeError``."""
        name_at, value_at = expect(content, 0, len(content), OBJECT_IDENTIFIER)
        tag, start, stop = element(content, value_at, len(content))
        if stop != len(content):
            raise malformed(f"{len(content) - stop} bytes after a variable binding's value")
        reader = READERS.get(tag)
        if reader is None:
            raise malformed(f"a value with tag 0x{tag:02x}")
        value_type, convert = reader
        varbind = VarBind(self._name(content[name_at:value_at]), value_type, convert(content[start:stop]))
        if len(content) <= self.MAX_REMEMBERED_BYTES:
            if len(self._varbinds) >= self._capacity:
                self._varbinds.clear()
            self._varbinds[content] = varbind
        return varbind

    def _name(self, content: bytes) -> str:
        """As :func:`oid`, remembering the part before the last arc: the columns of tables are few, their rows are many."""
        last = len(content) - 1
        while last > 0 and content[last - 1] & 0x80:
            last -= 1
        if last < 1 or len(content) > MAX_QUICK_NAME or not _is_quick_arc(content[last:]):
            return oid(content)
        prefix = self._prefixes.get(content[:last])
        if prefix is None:
            prefix = self._learn(content[:last])
        arc = 0
        for byte in content[last:]:
            arc = arc << 7 | byte & 0x7F
        return f"{prefix}.{arc}"

    def _learn(self, content: bytes) -> str:
        prefix = oid(content)
        if len(self._prefixes) >= self._capacity:
            self._prefixes.clear()
        self._prefixes[content] = prefix
        return prefix
