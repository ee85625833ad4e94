"""Datagrams become raw traps as the RFCs say and as pysnmp reads them; whatever else comes is refused with a reason."""

import contextlib
import random
import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder as pyasn1_decoder
from pysnmp.proto import api

from collectors.journal import JournalRecord
from collectors.trap import decode as decode_module
from collectors.trap.ber import DecodeError
from collectors.trap.decode import NotificationReader, TrapDecoder
from collectors.trap.inform import response
from collectors.trap.varbind import VarBindReader
from pipeline.core.raw import RawTrap, SnmpVersion, ValueType, VarBind
from pipeline.core.reason import Reason
from tests.support.datagrams import (
    ADDRESS,
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    LINK_DOWN,
    NULL,
    OCTETS,
    OID,
    OPAQUE,
    TICKS,
    Var,
    link_down,
    message,
    number,
    oid,
    tlv,
    v1_trap,
    v2_trap,
    varbinds,
)
from tests.support.pysnmp_oracle import oracle_v1, oracle_v2

ENTERPRISE = "1.3.6.1.4.1.8072.9999"


def record(payload: bytes, source: str = "127.20.0.1") -> JournalRecord:
    return JournalRecord(7, 1_700_000_000_000_000_000, source, payload)


def decode(payload: bytes, source: str = "127.20.0.1", **options: Any) -> RawTrap:
    return TrapDecoder("trap-1", **options).decode(record(payload, source))


def refusal(payload: bytes, **options: Any) -> Reason:
    with pytest.raises(DecodeError) as caught:
        decode(payload, **options)
    assert caught.value.detail
    return caught.value.reason


def test_a_link_down_becomes_a_raw_trap_with_its_place_in_the_journal() -> None:
    assert decode(link_down(3, uptime=99)) == RawTrap(
        collector="trap-1",
        sequence=7,
        received_at=1_700_000_000_000_000_000,
        source="127.20.0.1",
        version=SnmpVersion.V2C,
        trap_oid=LINK_DOWN,
        varbinds=(
            VarBind("1.3.6.1.2.1.2.2.1.1.3", ValueType.INTEGER, 3),
            VarBind("1.3.6.1.2.1.2.2.1.7.3", ValueType.INTEGER, 1),
            VarBind("1.3.6.1.2.1.2.2.1.8.3", ValueType.INTEGER, 2),
            VarBind("1.3.6.1.2.1.31.1.1.1.1.3", ValueType.OCTET_STRING, b"ge-0/0/3"),
        ),
        uptime_ticks=99,
    )


def test_an_inform_is_marked() -> None:
    assert decode(link_down(3, inform=True)).inform


@pytest.mark.parametrize(
    ("var", "value"),
    [
        (Var("1.3.6.1", INTEGER, -(2**31)), -(2**31)),
        (Var("1.3.6.1", OCTETS, b"\x00\xff'\n"), b"\x00\xff'\n"),
        (Var("1.3.6.1", NULL, None), None),
        (Var("1.3.6.1", OID, "2.999.4294967295.0"), b"2.999.4294967295.0"),
        (Var("1.3.6.1", ADDRESS, "192.0.2.255"), b"192.0.2.255"),
        (Var("1.3.6.1", COUNTER32, 2**32 - 1), 2**32 - 1),
        (Var("1.3.6.1", GAUGE32, 2**31), 2**31),
        (Var("1.3.6.1", TICKS, 0), 0),
        (Var("1.3.6.1", OPAQUE, b"\x9f\x78\x04\x00\x00\x00\x00"), b"\x9f\x78\x04\x00\x00\x00\x00"),
        (Var("1.3.6.1", COUNTER64, 2**64 - 1), 2**64 - 1),
        (Var("1.3.6.1", 0x80, None), None),
        (Var("1.3.6.1", 0x81, None), None),
        (Var("1.3.6.1", 0x82, None), None),
    ],
    ids=lambda given: ValueType(given.tag).name if isinstance(given, Var) else "",
)
def test_every_type_of_the_smi_keeps_its_value(var: Var, value: int | bytes | None) -> None:
    assert decode(v2_trap(variables=[var])).varbinds == (VarBind("1.3.6.1", ValueType(var.tag), value),)


@pytest.mark.parametrize(("generic", "trap_oid"), [(generic, f"1.3.6.1.6.3.1.1.5.{generic + 1}") for generic in range(6)])
def test_generic_v1_traps_become_the_standard_notifications(generic: int, trap_oid: str) -> None:
    """RFC 3584 section 3.1 (2)."""
    assert decode(v1_trap(ENTERPRISE, generic, 99)).trap_oid == trap_oid


def test_a_specific_v1_trap_becomes_enterprise_0_specific_and_keeps_where_it_came_from() -> None:
    """RFC 3584 section 3.1 (3) and (4); the community is not carried on, it is a password."""
    trap = decode(v1_trap(ENTERPRISE, 6, 42, [Var("1.3.6.1.9", INTEGER, 5)], agent="192.0.2.9", uptime=17))
    assert (trap.trap_oid, trap.uptime_ticks, trap.version) == (f"{ENTERPRISE}.0.42", 17, SnmpVersion.V1)
    assert (trap.source, trap.agent_address) == ("127.20.0.1", "192.0.2.9")
    assert trap.varbinds == (
        VarBind("1.3.6.1.9", ValueType.INTEGER, 5),
        VarBind("1.3.6.1.6.3.18.1.3.0", ValueType.IP_ADDRESS, b"192.0.2.9"),
        VarBind("1.3.6.1.6.3.1.1.4.3.0", ValueType.OBJECT_IDENTIFIER, ENTERPRISE.encode()),
    )


FORWARDED = v2_trap(variables=[Var("1.3.6.1.6.3.18.1.3.0", ADDRESS, "192.0.2.77")])


@pytest.mark.parametrize(
    ("payload", "forwarders", "source"),
    [
        (FORWARDED, ["127.20.0.0/16"], "192.0.2.77"),
        (FORWARDED, ["127.99.0.0/16"], "127.20.0.1"),
        (FORWARDED, [], "127.20.0.1"),
        (v1_trap(ENTERPRISE, 2, agent="192.0.2.9"), ["127.20.0.1/32"], "192.0.2.9"),
        (v1_trap(ENTERPRISE, 2, agent="0.0.0.0"), ["127.20.0.1/32"], "127.20.0.1"),
        (v2_trap(variables=[Var("1.3.6.1.6.3.18.1.3.0", OCTETS, b"192.0.2.77")]), ["127.20.0.1/32"], "127.20.0.1"),
        (link_down(1), ["127.20.0.1/32"], "127.20.0.1"),
    ],
)
def test_only_listed_forwarders_are_believed_about_the_source(payload: bytes, forwarders: Sequence[str], source: str) -> None:
    assert decode(payload, forwarders=[ip_network(text) for text in forwarders]).source == source


def test_a_community_that_is_not_listed_is_not_heard() -> None:
    assert decode(link_down(1), communities=[b"public", b"other"]).trap_oid == LINK_DOWN
    assert refusal(link_down(1), communities=[b"other"]) is Reason.NOT_ALLOWED


def v2_pdu(listed: bytes, *, tag: int = 0xA7, request: bytes = number(1)) -> bytes:
    return message(1, b"public", tlv(tag, request + number(0) + number(0) + listed))


UPTIME = Var("1.3.6.1.2.1.1.3.0", TICKS, 1)
TRAP_OID = Var("1.3.6.1.6.3.1.1.4.1.0", OID, LINK_DOWN)
LONG_OID = "1.3" + ".1" * 127
MANY = [Var("1.3.6.1", NULL, None)] * 1_023

REFUSED = {
    "nothing": (b"", Reason.MALFORMED),
    "no BER at all": (b"GET / HTTP/1.1\r\n\r\n", Reason.MALFORMED),
    "cut off": (link_down(1)[:-1], Reason.MALFORMED),
    "more behind it": (link_down(1) + b"\0", Reason.MALFORMED),
    "v3": (message(3, b"", tlv(0x30, b"")), Reason.UNSUPPORTED_VERSION),
    "a version that is none": (message(2, b"", tlv(0xA7, b"")), Reason.UNSUPPORTED_VERSION),
    "a GET": (v2_pdu(varbinds([UPTIME]), tag=0xA0), Reason.NOT_ALLOWED),
    "a v1 trap PDU in v2c": (message(1, b"public", tlv(0xA4, b"")), Reason.NOT_ALLOWED),
    "a v2 trap PDU in v1": (message(0, b"public", tlv(0xA7, b"")), Reason.NOT_ALLOWED),
    "a name that does not end": (
        v2_pdu(tlv(0x30, varbinds([UPTIME, TRAP_OID])[2:] + tlv(0x30, b"\x06\x03\x2b\x06\x81\x05\x00"))),
        Reason.MALFORMED,
    ),
    "an error-status above 18": (
        message(1, b"public", tlv(0xA7, number(1) + number(19) + number(0) + varbinds([UPTIME, TRAP_OID]))),
        Reason.MALFORMED,
    ),
    "no bindings": (v2_pdu(varbinds([])), Reason.MALFORMED),
    "no snmpTrapOID": (v2_pdu(varbinds([UPTIME])), Reason.MALFORMED),
    "the two in the wrong order": (v2_pdu(varbinds([TRAP_OID, UPTIME])), Reason.MALFORMED),
    "snmpTrapOID of another type": (v2_pdu(varbinds([UPTIME, Var(TRAP_OID.oid, OCTETS, b"x")])), Reason.MALFORMED),
    "uptime of another type": (v2_pdu(varbinds([Var(UPTIME.oid, INTEGER, 1), TRAP_OID])), Reason.MALFORMED),
    "a request-id above 32 bits": (v2_pdu(varbinds([UPTIME, TRAP_OID]), request=number(2**31)), Reason.MALFORMED),
    "an indefinite length": (b"\x30\x80" + link_down(1)[2:] + b"\0\0", Reason.MALFORMED),
    "a negative counter": (v2_trap(variables=[Var("1.3.6.1", COUNTER32, -1)]), Reason.MALFORMED),
    "a counter above 32 bits": (v2_trap(variables=[Var("1.3.6.1", COUNTER32, 2**32)]), Reason.MALFORMED),
    "a Counter64 above 64 bits": (v2_trap(variables=[Var("1.3.6.1", COUNTER64, 2**64)]), Reason.MALFORMED),
    "an integer of no bytes": (v2_trap(variables=[Var("1.3.6.1", INTEGER, b"")]), Reason.MALFORMED),
    "an integer of 60,000 bytes": (v2_trap(variables=[Var("1.3.6.1", INTEGER, b"\x7f" * 60_000)]), Reason.TOO_LARGE),
    "an address of five bytes": (v2_trap(variables=[Var("1.3.6.1", ADDRESS, b"12345")]), Reason.MALFORMED),
    "a NULL with content": (v2_trap(variables=[Var("1.3.6.1", NULL, b"x")]), Reason.MALFORMED),
    "a constructed string": (v2_trap(variables=[Var("1.3.6.1", 0x24, tlv(OCTETS, b"x"))]), Reason.MALFORMED),
    "a type of the future": (v2_trap(variables=[Var("1.3.6.1", 0x47, 5)]), Reason.MALFORMED),
    "a tag of several bytes": (v2_trap(variables=[Var("1.3.6.1", 0x1F, b"\x81\x01")]), Reason.MALFORMED),
    "129 arcs": (v2_trap(variables=[Var(LONG_OID, NULL, None)]), Reason.TOO_LARGE),
    "129 arcs in a value": (v2_trap(variables=[Var("1.3.6.1", OID, LONG_OID)]), Reason.TOO_LARGE),
    "an arc above 32 bits": (v2_trap(variables=[Var("1.3.4294967296", NULL, None)]), Reason.TOO_LARGE),
    "an arc of 60,000 bytes": (v2_trap(variables=[Var("1.3.6.1", OID, b"\x2b" + b"\xff" * 60_000 + b"\x7f")]), Reason.TOO_LARGE),
    "an OID that does not end": (v2_trap(variables=[Var("1.3.6.1", 0x06, b"\x2b\x86")]), Reason.MALFORMED),
    "an OID with a leading zero": (v2_trap(variables=[Var("1.3.6.1", 0x06, b"\x2b\x80\x01")]), Reason.MALFORMED),
    "a name with a leading zero": (
        v2_pdu(tlv(0x30, varbinds([UPTIME, TRAP_OID])[2:] + tlv(0x30, b"\x06\x03\x2b\x80\x01\x05\x00"))),
        Reason.MALFORMED,
    ),
    "an empty OID": (v2_trap(variables=[Var("1.3.6.1", 0x06, b"")]), Reason.MALFORMED),
    "1,025 bindings": (v2_trap(variables=MANY), Reason.TOO_LARGE),
    "a generic-trap of 7": (v1_trap(ENTERPRISE, 7), Reason.MALFORMED),
    "nesting": (tlv(0x30, tlv(0x30, tlv(0x30, tlv(0x30, b"")))), Reason.MALFORMED),
    "above 64 KiB": (v2_trap(variables=[Var("1.3.6.1", OCTETS, bytes(65_536))]), Reason.TOO_LARGE),
}


@pytest.mark.parametrize(("payload", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_notification_is_refused_with_its_reason(payload: bytes, reason: Reason) -> None:
    assert refusal(payload) is reason


@pytest.mark.parametrize(
    ("payload", "bindings"),
    [(v2_trap(variables=MANY[1:]), 1_022), (v2_trap(variables=[Var("1.3" + ".1" * 126, NULL, None)]), 1)],
    ids=["1,024 bindings", "128 arcs"],
)
def test_what_is_just_within_the_limits_is_taken(payload: bytes, bindings: int) -> None:
    assert len(decode(payload).varbinds) == bindings


def test_long_forms_of_short_lengths_are_taken() -> None:
    """X.690 8.1.3.5 note 2; net-snmp sends lengths in three bytes."""
    short = v2_pdu(varbinds([UPTIME, TRAP_OID]))
    at = short.index(varbinds([UPTIME, TRAP_OID]))
    content = short[at + 2 :]
    pdu = tlv(0xA7, number(1) + number(0) + number(0) + b"\x30\x82" + len(content).to_bytes(2) + content)
    assert decode(message(1, b"public", pdu)) == decode(short)


def test_an_inform_is_answered_with_its_own_bytes_as_a_response() -> None:
    """RFC 3416 section 4.2.7: same request-id, same bindings, no error; and no longer than the question."""
    asked = link_down(4, request_id=123_456, inform=True)
    answer = response(asked, TrapDecoder("trap-1"))
    assert answer is not None
    assert len(answer) == len(asked)
    told, _ = pyasn1_decoder.decode(answer, asn1Spec=api.v2c.Message())
    pdu = api.v2c.apiMessage.get_pdu(told)
    assert pdu.isSameTypeWith(api.v2c.ResponsePDU())
    assert int(api.v2c.apiPDU.get_request_id(pdu)) == 123_456
    assert len(api.v2c.apiPDU.get_varbinds(pdu)) == 6


@pytest.mark.parametrize(
    "payload",
    [link_down(4), link_down(4, inform=True)[:-1], b"\xa6" * 50, v2_trap(community=b"other", inform=True), v2_trap(community=b"\xa6")],
    ids=["a trap", "a cut inform", "noise", "another community", "a trap with the inform's tag in it"],
)
def test_nothing_but_a_good_inform_is_answered(payload: bytes) -> None:
    assert response(payload, TrapDecoder("trap-1", communities=[b"public", b"\xa6"])) is None


arcs = st.integers(0, 2**32 - 1)
dotted = st.builds(
    lambda first, rest: ".".join(map(str, (*first, *rest))),
    st.one_of(st.tuples(st.integers(0, 1), st.integers(0, 39)), st.tuples(st.just(2), st.integers(0, 1_000))),
    st.lists(arcs, min_size=1, max_size=30),
)
addresses = st.ip_addresses(v=4).map(str)
values: st.SearchStrategy[tuple[int, Any]] = st.one_of(
    st.tuples(st.just(INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from([COUNTER32, GAUGE32, TICKS]), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from([OCTETS, OPAQUE]), st.binary(max_size=300)),
    st.tuples(st.just(OID), dotted),
    st.tuples(st.just(ADDRESS), addresses),
    st.tuples(st.just(NULL), st.none()),
)
variables = st.lists(st.builds(lambda name, value: Var(name, *value), dotted, values), max_size=12)


@given(trap_oid=dotted, variables=variables, uptime=st.integers(0, 2**32 - 1), community=st.binary(max_size=40))
def test_v2_notifications_are_read_as_pysnmp_reads_them(trap_oid: str, variables: list[Var], uptime: int, community: bytes) -> None:
    payload = v2_trap(trap_oid, variables, uptime=uptime, community=community)
    read = NotificationReader().read(payload)
    assert (read.trap_oid, read.uptime_ticks, read.header.community) == (trap_oid, uptime, community)
    assert oracle_v2(payload) == (community, uptime, trap_oid, list(read.varbinds))


@given(
    enterprise=dotted,
    generic=st.integers(0, 6),
    specific=st.integers(0, 2**31 - 1),
    variables=variables.map(lambda listed: [var for var in listed if var.tag != COUNTER64]),
    agent=addresses,
)
def test_v1_traps_are_read_as_pysnmp_reads_them(enterprise: str, generic: int, specific: int, variables: list[Var], agent: str) -> None:
    payload = v1_trap(enterprise, generic, specific, variables, agent=agent)
    read = NotificationReader().read(payload)
    _, timestamp, told_enterprise, address, told = oracle_v1(payload)
    assert (read.uptime_ticks, read.agent_address, enterprise) == (timestamp, address, told_enterprise)
    assert list(read.varbinds)[: len(variables)] == told


CORPUS = [
    link_down(1),
    link_down(70_000, inform=True),
    v1_trap(ENTERPRISE, 6, 3, [Var("1.3.6.1.4.1.9.1", OCTETS, b"text" * 50)]),
    v1_trap(ENTERPRISE, 2),
    FORWARDED,
    v2_trap(
        f"{ENTERPRISE}.0.1",
        [
            Var("1.3.6.1.4.1.1", COUNTER64, 2**64 - 1),
            Var("1.3.6.1.4.1.2", OPAQUE, b"\x9f\x78\x04" + bytes(4)),
            Var("1.3.6.1.4.1.3", OID, "2.100.3.4294967295"),
            Var("1.3.6.1.4.1.4", ADDRESS, "10.0.0.1"),
            Var("1.3.6.1.4.1.5", 0x82, None),
        ],
    ),
]


def mutated(dice: random.Random) -> bytes:
    """One packet of the corpus with up to six changes: bytes set, bits flipped, pieces cut, repeated or spliced from another."""
    data = bytearray(dice.choice(CORPUS))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(6):
            case 0 if at < len(data):
                data[at] = dice.choice((0, 1, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x88, 0xFF, dice.randrange(256)))
            case 1 if at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            case 2:
                del data[at : at + dice.randint(1, 8)]
            case 3:
                data[at:at] = data[at : at + dice.randint(1, 40)] * dice.randint(1, 30)
            case 4:
                other = dice.choice(CORPUS)
                start = dice.randrange(len(other))
                data[at:at] = other[start : start + dice.randint(1, 60)]
            case _:
                del data[max(at, 1) :]
    return bytes(data)


OUR_CODE = str(Path(decode_module.__file__).parent)


def lines_of(work: Callable[[], object]) -> int:
    """How many lines of the trap collector's code run: a measure of work that no other process disturbs."""
    ran = 0
    ours: dict[CodeType, bool] = {}

    def on_line(_: FrameType, event: str, __: object) -> Any:
        nonlocal ran
        ran += event == "line"
        return on_line

    def on_call(frame: FrameType, *_: object) -> Any:
        code = frame.f_code
        if code not in ours:
            ours[code] = code.co_filename.startswith(OUR_CODE)
        return on_line if ours[code] else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        work()
    finally:
        sys.settrace(before)
    return ran


def test_the_measure_of_work_sees_the_work() -> None:
    assert lines_of(lambda: None) == 0
    assert lines_of(lambda: decode(link_down(1))) > 50


LINES_PER_BYTE = 10
LINES_PER_PACKET = 400


def test_20000_mutated_packets_are_taken_or_refused_and_none_costs_more_than_its_length() -> None:
    """At about 0.1 us a line, 64 KiB at this bound are under 50 ms of decoding untraced."""
    dice = random.Random(20_261_123)
    decoder = TrapDecoder("trap-1")
    outcomes = dict.fromkeys((RawTrap, *Reason), 0)

    def try_one(payload: bytes) -> None:
        try:
            outcomes[type(decoder.decode(record(payload)))] += 1
        except DecodeError as error:
            outcomes[error.reason] += 1

    for _ in range(20_000):
        payload = mutated(dice)
        assert lines_of(lambda payload=payload: try_one(payload)) <= LINES_PER_PACKET + LINES_PER_BYTE * len(payload), payload.hex()
    assert sum(outcomes.values()) == 20_000
    assert outcomes[RawTrap] > 500
    assert outcomes[Reason.MALFORMED] > 5_000


def test_whatever_mutated_packet_is_taken_pysnmp_reads_the_same() -> None:
    """A decoder that takes what another refuses is one that guesses."""
    dice = random.Random(3)
    reader = NotificationReader()
    compared = 0
    while compared < 400:
        payload = mutated(dice)
        try:
            read = reader.read(payload)
        except DecodeError:
            continue
        if read.header.version is SnmpVersion.V2C:
            assert oracle_v2(payload) == (read.header.community, read.uptime_ticks, read.trap_oid, list(read.varbinds)), payload.hex()
            compared += 1


EXPENSIVE = {
    "one binding of 64 KiB": v2_trap(variables=[Var("1.3.6.1", OCTETS, bytes(65_000))]),
    "an OID of 64 KiB": v2_trap(variables=[Var("1.3.6.1", 0x06, b"\x2b" * 65_000)]),
    "arcs of two bytes": v2_trap(variables=[Var("1.3.6.1", 0x06, b"\x81\x01" * 310)] * 100),
    "an integer of 64 KiB": v2_trap(variables=[Var("1.3.6.1", INTEGER, b"\x7f" * 65_000)]),
    "10,000 bindings": v2_pdu(tlv(0x30, varbinds([UPTIME, TRAP_OID])[2:] + b"\x30\x05\x06\x01\x2b\x05\x00" * 9_000)),
    "nesting all the way": b"\x30\x82\xff\x00" * 16_000,
    "30 all the way": b"\x30" * 65_507,
}


@pytest.mark.parametrize("payload", EXPENSIVE.values(), ids=EXPENSIVE)
def test_packets_made_to_be_expensive_are_not(payload: bytes) -> None:
    decoder = TrapDecoder("trap-1")

    def try_it() -> None:
        with contextlib.suppress(DecodeError):
            decoder.decode(record(payload))

    assert lines_of(try_it) <= LINES_PER_PACKET + LINES_PER_BYTE * 10_000


def test_what_is_remembered_is_bounded() -> None:
    """A million different interfaces leave no more behind than a thousand."""
    reader = VarBindReader(capacity=50)
    for index in range(1, 500):
        content = oid(f"1.3.6.{index}.1") + number(index)
        assert reader.read(content).value == index
        assert len(reader._varbinds) <= 50
        assert len(reader._prefixes) <= 50


def test_an_oid_is_the_same_by_the_quick_way_and_the_careful_one() -> None:
    for name in (
        "0.0",
        "0.39",
        "1.3",
        "2.0",
        "2.47",
        "2.48",
        "2.999.3",
        "1.3.6.1.127",
        "1.3.6.1.128",
        "1.3.4294967295.268435455.268435456",
    ):
        assert decode(v2_trap(variables=[Var(name, OID, name)])).varbinds == (VarBind(name, ValueType.OBJECT_IDENTIFIER, name.encode()),)
        assert oid(name)[0] == OID
