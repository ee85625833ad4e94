"""Datagrams gone wrong: seeds of every kind that arrives at a trap port, and seeded changes of their bytes and of their BER structure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.core.mib import WIRE_TYPE, MibIndex, MibNotification, MibObject, Syntax
from pipeline.core.rule import RuleBook
from tests.support.datagrams import (
    ADDRESS,
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    OPAQUE,
    SNMP_TRAP_OID,
    SYS_UPTIME,
    TICKS,
    Var,
    link_down,
    message,
    number,
    tlv,
    v1_trap,
    v2_trap,
    varbinds,
)
from tests.support.edge_path import OUR_ENGINE
from tests.support.usm import Sender

ENTERPRISE = "1.3.6.1.4.1.8072.9999"
SNMP_TRAP_ADDRESS = "1.3.6.1.6.3.18.1.3.0"
MAX_UDP = 65_507
DEEPEST = 200

HOSTILE_TEXT = (
    b"",
    b"\0",
    b"ge-0/0/1\0\0\0",
    b"\xff\xfe\xc3\x28\xed\xa0\x80",
    b"\x1b[2J\x1b]0;owned\x07",
    "\u202eetar eruces\u2066".encode(),
    b"a\nERROR forged line\r\n",
    b"<script>alert(1)</script>@everyone [x](javascript:1)",
    b"=cmd|' /C calc'!A0",
    b"%s%n{0.__class__}{{7*7}}${jndi:ldap://x}",
    "\U0001f525é\ufeff\u0000".encode(),
    b"\\x41\\\\",
    bytes(range(256)),
    b"\x07\xea\x0b\x17\x0e\x05\x29\x07+\x0e\x5a",
    b"A" * 300,
    "é".encode() * 200,
)
"""What a device may say where text is expected: NUL, no UTF-8, escapes, direction overrides, forged lines, markup, dates that are none."""

INTEGER_CONTENTS = (
    b"",
    b"\x00",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\x00\xff\xff\xff\xff",
    b"\x01\x00\x00\x00\x00",
    b"\x7f" + b"\xff" * 7,
    b"\x00" + b"\xff" * 8,
    b"\x00" * 9,
    b"\x01" + bytes(8),
    b"\xff" * 9,
    bytes(10),
    b"\x7f" * 1_000,
)
OID_CONTENTS = (
    b"",
    b"\x2b",
    b"\x2b\x80\x01",
    b"\x2b\x06\x01\x04\x01\xff\xff\xff\xff\x7f",
    b"\x2b\x8f\xff\xff\xff\x7f",
    b"\x2b\x90\x80\x80\x80\x00",
    b"\xff" * 6,
    b"\x2b" + b"\x01" * 127,
    b"\x2b" + b"\x01" * 126,
    b"\x88\x37",
    b"\x7f",
    b"\x2b\x06",
)
TAGS = (
    0x02,
    0x04,
    0x05,
    0x06,
    0x30,
    0x40,
    0x41,
    0x42,
    0x43,
    0x44,
    0x46,
    0x47,
    0x80,
    0x81,
    0x82,
    0xA0,
    0xA2,
    0xA4,
    0xA6,
    0xA7,
    0xA8,
    0x1F,
    0x24,
)
WANDERERS = tuple(bytes.fromhex("80001f88046c6f737430") + bytes((place,)) for place in range(4))
NUMBERS = (0, 1, 150, 1_000, 2**31 - 2, 2**31 - 1)
BYTES = (0, 1, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x88, 0xFF)

Tree = tuple[int, "bytes | tuple[Tree, ...]"]
"""A BER element: its tag, and its content as bytes or, when constructed, as elements."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A datagram to begin with. ``sender`` is set for a v3 message that can be put together, and signed, again around ``inner``."""

    payload: bytes
    inner: bytes = b""
    sender: Sender | None = None


def seeds(rules: RuleBook, mibs: MibIndex) -> list[Seed]:
    """One notification for each the rules and MIBs know, and every other shape that there is, large ones last."""
    known = [_notification(found, mibs) for found in mibs.notifications.values()]
    ruled = [v2_trap(trap_oid) for trap_oid in rules.by_oid]
    return [Seed(payload) for payload in (*known, *ruled, *_plain(), *odd())] + _v3()


def _notification(found: MibNotification, mibs: MibIndex) -> bytes:
    objects = [mibs.objects[place] for name in found.objects if (place := mibs.oid_of(name)) in mibs.objects]
    return v2_trap(found.oid, [_plausible(known) for known in objects], inform=len(objects) % 2 == 1)


def _plausible(known: MibObject) -> Var:
    tag = WIRE_TYPE[known.syntax].value
    value: int | bytes | str = b"text"
    if known.syntax is Syntax.OBJECT_IDENTIFIER:
        value = "1.3.6.1.2.1.2.2.1.1.5"
    elif known.syntax is Syntax.IP_ADDRESS:
        value = "192.0.2.1"
    elif known.syntax not in {Syntax.OCTET_STRING, Syntax.OPAQUE, Syntax.BITS}:
        value = next(iter(known.enumeration), 5)
    return Var(f"{known.oid}.5", tag, value)


EVERY_TYPE = [
    Var("1.3.6.1.4.1.1", COUNTER64, 2**64 - 1),
    Var("1.3.6.1.4.1.2", OPAQUE, b"\x9f\x78\x04" + bytes(4)),
    Var("1.3.6.1.4.1.3", OID, "2.100.3.4294967295"),
    Var("1.3.6.1.4.1.4", ADDRESS, "10.0.0.1"),
    Var("1.3.6.1.4.1.5", 0x82, None),
    Var("1.3.6.1.4.1.6", 0x81, None),
    Var("1.3.6.1.4.1.7", 0x80, None),
    Var("1.3.6.1.4.1.8", NULL, None),
    Var("1.3.6.1.4.1.9", GAUGE32, 2**32 - 1),
    Var("1.3.6.1.4.1.10", COUNTER32, 0),
    Var("1.3.6.1.4.1.11", TICKS, 1),
    Var("1.3.6.1.4.1.12", INTEGER, -(2**31)),
]


def _plain() -> list[bytes]:
    forwarded = [Var(SNMP_TRAP_ADDRESS, ADDRESS, "192.0.2.77"), Var("1.3.6.1.6.3.18.1.4.0", OCTETS, b"public")]
    generic = [v1_trap("1.3.6.1.4.1.9.1", kind, variables=[Var("1.3.6.1.2.1.2.2.1.1.2", INTEGER, 2)]) for kind in range(6)]
    return [
        link_down(1),
        link_down(70_000, inform=True),
        *generic,
        v1_trap(ENTERPRISE, 6, 3, [Var("1.3.6.1.4.1.9.1", OCTETS, b"text" * 50)]),
        v1_trap("1.3.6.1.6.3.1.1.5", 6, 2**31 - 1, forwarded),
        v2_trap(variables=forwarded),
        v2_trap(f"{ENTERPRISE}.0.1", EVERY_TYPE),
        *(v2_trap(f"{ENTERPRISE}.0.2", [Var(f"{ENTERPRISE}.1", OCTETS, text)]) for text in HOSTILE_TEXT),
    ]


def odd() -> list[bytes]:
    """What no device should send, from nothing at all to as much as UDP carries."""
    many = [Var(f"1.3.6.1.2.1.2.2.1.1.{place}", INTEGER, place) for place in range(1_022)]
    nest = b"\x05\x00"
    for _ in range(DEEPEST):
        nest = tlv(0x30, nest)
    listed = varbinds([Var(SYS_UPTIME, TICKS, 1), Var(SNMP_TRAP_OID, OID, "1.3.6.1.6.3.1.1.5.3")])[2:]
    ten_thousand = tlv(0xA7, number(1) + number(0) + number(0) + tlv(0x30, listed + tlv(0x30, b"\x06\x01\x2b\x05\x00") * 9_000))
    return [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        message(1, b"\xff" * 300, tlv(0xA7, b"")),
        message(1, b"public", tlv(0xA0, number(1) + number(0) + number(0) + varbinds([Var(SYS_UPTIME, NULL, None)]))),
        v2_trap(variables=[Var("1.3.6.1", 0x30, nest)]),
        nest,
        v2_trap(variables=many),
        message(1, b"public", ten_thousand),
        v2_trap(variables=[Var("1.3.6.1", OCTETS, b"\xc3" * 65_000)]),
        v2_trap(variables=[Var("1.3.6.1.2.1.31.1.1.1.1.5", OCTETS, b"\0\x1b" * 32_000)]),
        v2_trap(variables=[Var("1.3.6.1", INTEGER, b"\x7f" * 65_000)]),
        v2_trap(variables=[Var("1.3.6.1", OID, b"\x81\x01" * 310)] * 90),
        v2_trap(variables=[Var(f"1.3.6.1.4.1.{place}", OCTETS, b"\x80" * 1_000) for place in range(60)]),
        b"\x30\x82\xff\x00" * 16_000,
        b"\x30" * MAX_UDP,
    ]


def _v3() -> list[Seed]:
    """Every level of protection, traps of a sender's engine and INFORMs for ours; cipher text of nothing; discovery; empty frames."""
    trap, inform = _pdu_of(link_down(1)), _pdu_of(link_down(2, inform=True))
    levels: list[dict[str, Any]] = [{"auth": "", "priv": False}, {"priv": False}, {}]
    here: dict[str, Any] = {"engine": OUR_ENGINE, "boots": 1, "time": 0, "reportable": True}
    sendings = [(trap, Sender(**level)) for level in levels] + [(inform, Sender(**level, **here)) for level in levels]
    found = [Seed(who.send(pdu), who.scoped(pdu), who) for pdu, who in sendings]
    late = Sender(**{**here, "boots": 9})
    ciphers = (("noc", "sha256"), ("old", "md5"), ("long", "sha512"))
    nothing = [
        Sender(user, auth, more={"content": tlv(OCTETS, bytes(size)), "salt": bytes(salt)}).send(b"")
        for user, auth in ciphers
        for size, salt in ((0, 8), (7, 8), (64, 8), (1_000, 8), (64, 0), (64, 80))
    ]
    discovery = Sender("", "", priv=False, engine=b"", reportable=True).send(tlv(0xA6, number(1) + number(0) + number(0) + tlv(0x30, b"")))
    header = tlv(0x30, number(1) + number(65_507) + tlv(OCTETS, b"\7") + number(3))
    lonely = tlv(0x30, number(3) + header + tlv(OCTETS, b"") + tlv(OCTETS, b""))
    return [*found, *map(Seed, (late.send(inform), *nothing, discovery, lonely, message(3, b"", tlv(0x30, b""))))]


def _pdu_of(payload: bytes) -> bytes:
    (_, parts) = _tree(payload)
    assert isinstance(parts, tuple)
    return _encoded(parts[2])


@dataclass(slots=True)
class Mutator:
    """Makes packets, the same for one ``dice``. ``kept`` are packets worth changing further; :meth:`keep` adds one, within bounds."""

    dice: random.Random
    seeds: Sequence[Seed]
    max_changes: int = 6
    kept: list[Seed] = field(default_factory=list)
    _trees: dict[bytes, Tree | None] = field(default_factory=dict)

    MAX_KEPT = 2_000
    MAX_KEPT_BYTES = 4_096
    LARGE = 4_096

    def keep(self, payload: bytes) -> None:
        """Remember a packet as a seed; a random one goes when there are too many."""
        if len(payload) > self.MAX_KEPT_BYTES:
            return
        if len(self.kept) < self.MAX_KEPT:
            self.kept.append(Seed(payload))
        else:
            self.kept[self.dice.randrange(self.MAX_KEPT)] = Seed(payload)

    def packet(self) -> bytes:
        """A seed with one to ``max_changes`` changes, at most as long as a UDP datagram. Large seeds are taken one time in fifty."""
        dice = self.dice
        seed = dice.choice(self.kept) if self.kept and dice.random() < 0.35 else dice.choice(self.seeds)
        if len(seed.payload) > self.LARGE and dice.random() < 0.98:
            seed = dice.choice(self.seeds[:40])
        changes = dice.randint(1, dice.randint(1, self.max_changes))
        if seed.sender is not None and dice.random() < 0.5:
            return self._said_at(seed.sender).protect(self._changed(seed.inner, changes))[:MAX_UDP]
        return self._changed(seed.payload, changes)[:MAX_UDP]

    def _said_at(self, sender: Sender) -> Sender:
        """One time in ten an engine of which any boots and time are heard; it is another, so that the sender itself stays in time."""
        if self.dice.random() < 0.9:
            return sender
        return replace(sender, engine=self.dice.choice(WANDERERS), boots=self.dice.choice(NUMBERS), time=self.dice.choice(NUMBERS))

    def _changed(self, payload: bytes, changes: int) -> bytes:
        """Two times in three only the structure is changed, and lengths stay right; so what lies deep is reached."""
        tree = self._parsed(payload) if self.dice.random() < 0.75 else None
        if tree is not None:
            for _ in range(changes):
                tree = _grown(self.dice, tree)
            payload = _encoded(tree)
            if self.dice.random() < 0.9:
                return payload
        data = bytearray(payload)
        for _ in range(changes):
            _change_bytes(self.dice, data, self.seeds)
        return bytes(data)

    def _parsed(self, payload: bytes) -> Tree | None:
        if payload not in self._trees:
            if len(self._trees) > 2 * self.MAX_KEPT:
                self._trees.clear()
            self._trees[payload] = _tree_or_none(payload)
        return self._trees[payload]


def _change_bytes(dice: random.Random, data: bytearray, others: Sequence[Seed]) -> None:
    """Set, flip, cut, repeat, splice or truncate."""
    at = dice.randrange(len(data) + 1)
    match dice.randrange(6):
        case 0 if at < len(data):
            data[at] = dice.choice((*BYTES, dice.randrange(256)))
        case 1 if at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        case 2:
            del data[at : at + dice.randint(1, 8)]
        case 3:
            data[at:at] = data[at : at + dice.randint(1, 40)] * dice.randint(1, 30)
        case 4:
            other = dice.choice(others).payload
            start = dice.randrange(len(other) + 1)
            data[at:at] = other[start : start + dice.randint(1, 60)]
        case _:
            del data[max(at, 1) :]


def _grown(dice: random.Random, tree: Tree) -> Tree:
    """The tree with one element somewhere in it changed, doubled, dropped, moved or wrapped.

    It goes down at random, so its cost is small, and mostly to the last element: there a message has its PDU, and a PDU its bindings.
    """
    tag, content = tree
    if isinstance(content, bytes):
        return _leaf(dice, tag, content)
    if not content or dice.random() < 0.02:
        return dice.choice(TAGS), content
    downwards = not isinstance(content[-1][1], bytes) and dice.random() < 0.8
    place = len(content) - 1 if downwards and len(content) < 8 else dice.randrange(len(content))
    before, part, after = content[:place], content[place], content[place + 1 :]
    match dice.randrange(32):
        case 0:
            new: tuple[Tree, ...] = ()
        case 1:
            new = (part,) * dice.choice((2, 3, 40))
        case 2:
            new = (dice.choice(content),)
        case 3:
            new = ((0x30, (part,)),)
        case _:
            new = (_grown(dice, part),)
    return tag, before + new + after


def _leaf(dice: random.Random, tag: int, content: bytes) -> Tree:
    match dice.randrange(10):
        case 0:
            tag = dice.choice(TAGS)
        case 1 if content:
            place = dice.randrange(len(content))
            content = content[:place] + bytes((dice.choice((*BYTES, dice.randrange(256))),)) + content[place + 1 :]
        case 2:
            content = content[: dice.randrange(len(content) + 1)]
        case 3:
            content *= dice.choice((2, 3, 17))
        case 4 if dice.random() < 0.05:
            content = dice.randbytes(dice.choice((1_000, 9_000, 60_000)))
        case 5 | 6 | 7:
            content = _valid(dice, tag, content)
        case _:
            content = dice.choice({0x06: OID_CONTENTS, 0x04: HOSTILE_TEXT, 0x44: HOSTILE_TEXT}.get(tag, INTEGER_CONTENTS))
    return tag, content


def _valid(dice: random.Random, tag: int, content: bytes) -> bytes:
    """Another content that the type may have: a neighbour's instance, any number, any octets."""
    if tag == OID:
        return content[:-1] + bytes((dice.randrange(128),))
    if tag in {INTEGER, COUNTER32, GAUGE32, TICKS, COUNTER64}:
        return dice.randbytes(dice.randint(1, 4)) if tag == INTEGER else b"\0" + dice.randbytes(4)
    return dice.randbytes(len(content) if tag == ADDRESS else dice.choice((0, 1, 6, 8, 11, 16, 40)))


def _tree_or_none(payload: bytes) -> Tree | None:
    try:
        return _tree(payload)
    except (IndexError, RecursionError, ValueError):
        return None


def _tree(payload: bytes) -> Tree:
    """The element that ``payload`` is. Raises ``IndexError`` or ``ValueError`` for what is none."""
    tree, end = _element(payload, 0)
    if end != len(payload):
        raise ValueError("more behind the element")
    return tree


def _element(data: bytes, at: int) -> tuple[Tree, int]:
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(data[start : start + size]), start + size
    end = start + length
    if end > len(data):
        raise ValueError("cut off")
    if not tag & 0x20:
        return (tag, data[start:end]), end
    parts: list[Tree] = []
    while start < end:
        part, start = _element(data, start)
        parts.append(part)
    if start != end:
        raise ValueError("an element beyond its parent")
    return (tag, tuple(parts)), end


def _encoded(tree: Tree) -> bytes:
    tag, content = tree
    return tlv(tag, content if isinstance(content, bytes) else b"".join(map(_encoded, content)))
