"""The lab's BER is held to pysnmp: what pysnmp asks is read, what the lab answers and sends pysnmp reads as it was meant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api, rfc1902, rfc1905

from pipeline.core.raw import ValueType, VarBind
from pipeline.lab import snmp
from tests.support.lab import decode_notification

V2 = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
ENTERPRISE = snmp.dotted("1.3.6.1.4.1.8072.9999.9999.42.3.1")

arcs = st.lists(st.integers(0, 2**32 - 1), max_size=12).map(lambda tail: (1, 3, *tail))
UNSIGNED = [
    (ValueType.COUNTER32, rfc1902.Counter32, 32),
    (ValueType.GAUGE32, rfc1902.Gauge32, 32),
    (ValueType.TIME_TICKS, rfc1902.TimeTicks, 32),
    (ValueType.COUNTER64, rfc1902.Counter64, 64),
]


def question(pdu: object, first: int, second: int, oids: list[tuple[int, ...]], version: int = 1) -> bytes:
    form = V2.apiBulkPDU if isinstance(pdu, rfc1905.GetBulkRequestPDU) else V2.apiPDU
    form.set_defaults(pdu)
    form.set_request_id(pdu, 4711)
    if isinstance(pdu, rfc1905.GetBulkRequestPDU):
        form.set_non_repeaters(pdu, first)
        form.set_max_repetitions(pdu, second)
    form.set_varbinds(pdu, [(oid, V2.Null("")) for oid in oids])
    message = V2.Message()
    V2.apiMessage.set_defaults(message)
    message.setComponentByPosition(0, version)
    V2.apiMessage.set_community(message, "public")
    V2.apiMessage.set_pdu(message, pdu)
    return encoder.encode(message)


@pytest.mark.parametrize(
    ("pdu", "kind"),
    [
        (rfc1905.GetRequestPDU, snmp.Pdu.GET),
        (rfc1905.GetNextRequestPDU, snmp.Pdu.GET_NEXT),
        (rfc1905.GetBulkRequestPDU, snmp.Pdu.GET_BULK),
    ],
)
@settings(max_examples=30, deadline=None)
@given(st.lists(arcs, min_size=1, max_size=20), st.integers(0, 5), st.integers(0, 100))
def test_what_pysnmp_asks_is_read(pdu: type, kind: snmp.Pdu, oids: list[tuple[int, ...]], first: int, second: int) -> None:
    request = snmp.decode_request(question(pdu(), first, second, oids))
    assert (request.community, request.pdu, request.request_id, list(request.oids)) == (b"public", kind, 4711, oids)
    assert (request.first, request.second) == ((first, second) if kind is snmp.Pdu.GET_BULK else (0, 0))


@given(st.integers(-(2**31), 2**31 - 1))
def test_an_integer_is_read_by_pyasn1_and_no_octet_longer_than_it_must_be(value: int) -> None:
    """X.690 section 8.3.2: the first nine bits are neither all ones nor all zeros."""
    encoded = snmp.integer(value)
    first_nine_bits = int.from_bytes(encoded[2:4], "big") >> 7
    assert decoder.decode(encoded)[0] == value
    assert len(encoded) == 3 or first_nine_bits not in {0, 0x1FF}


@pytest.mark.parametrize(("tag", "form", "bits"), UNSIGNED)
@given(st.data())
def test_an_unsigned_number_is_encoded_as_by_pyasn1(tag: ValueType, form: type, bits: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, 2**bits - 1))
    assert snmp.integer(value, tag) == encoder.encode(form(value))


@given(arcs)
def test_an_object_identifier_is_encoded_as_by_pyasn1_and_read_back(oid: tuple[int, ...]) -> None:
    encoded = snmp.oid(oid)
    assert encoded == encoder.encode(rfc1902.ObjectIdentifier(oid))
    assert snmp.oid_of(encoded[2:] if encoded[1] < 0x80 else encoded[3:]) == oid


@pytest.mark.parametrize("value", [bytes(size) for size in (0, 1, 127, 128, 255, 256, 65_535, 70_000)], ids=len)
def test_an_octet_string_of_any_length_is_read_by_pyasn1(value: bytes) -> None:
    encoded, rest = decoder.decode(snmp.text(value))
    assert (bytes(encoded), rest) == (value, b"")


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(arcs, st.integers(0, 2**64 - 1), max_size=20))
def test_pysnmp_reads_the_response(values: dict[tuple[int, ...], int]) -> None:
    request = snmp.Request(1, b"public", snmp.Pdu.GET, 4711, 0, 0, ())
    body = b"".join(snmp.varbind(oid, snmp.integer(value, ValueType.COUNTER64)) for oid, value in values.items())
    message, rest = decoder.decode(snmp.encode_response(request, body), asn1Spec=V2.Message())
    pdu = V2.apiMessage.get_pdu(message)
    assert rest == b""
    assert int(V2.apiPDU.get_request_id(pdu)) == 4711
    assert {tuple(oid): int(value) for oid, value in V2.apiPDU.get_varbinds(pdu)} == values


VARBINDS = (
    VarBind("1.3.6.1.2.1.2.2.1.1.7", ValueType.INTEGER, 7),
    VarBind("1.3.6.1.2.1.31.1.1.1.1.7", ValueType.OCTET_STRING, b"et-0/0/6"),
    VarBind("1.3.6.1.2.1.15.3.1.7.127.20.0.2", ValueType.IP_ADDRESS, b"127.20.0.2"),
    VarBind("1.3.6.1.2.1.1.2.0", ValueType.OBJECT_IDENTIFIER, b"1.3.6.1.4.1.8072"),
)
READ = {
    "1.3.6.1.2.1.2.2.1.1.7": "7",
    "1.3.6.1.2.1.31.1.1.1.1.7": "et-0/0/6",
    "1.3.6.1.2.1.15.3.1.7.127.20.0.2": "127.20.0.2",
    "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.8072",
}
TRAPS = ["1.3.6.1.6.3.1.1.5.1", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.5", "1.3.6.1.2.1.15.0.2", "1.3.6.1.4.1.8072.9999.9999.42.0.5"]


@pytest.mark.parametrize("trap_oid", TRAPS)
def test_pysnmp_reads_the_same_trap_from_both_versions(trap_oid: str) -> None:
    """RFC 3584: a v1 trap, mapped back, names the notification that it was made from."""
    v2 = decode_notification(snmp.encode_trap_v2(b"public", 1, 12345, trap_oid, VARBINDS), "127.20.0.9")
    v1 = decode_notification(snmp.encode_trap_v1(b"public", ENTERPRISE, "127.20.0.9", 12345, trap_oid, VARBINDS), "127.20.0.9")
    assert (v2.version, v1.version) == (1, 0)
    assert v2.trap_oid == v1.trap_oid == trap_oid
    assert v2.uptime_ticks == v1.uptime_ticks == 12345
    assert v2.values == v1.values == READ


GOOD = question(rfc1905.GetRequestPDU(), 0, 0, [(1, 3, 6, 1, 2, 1, 1, 3, 0)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x84",
        b"\x30\x05\x02\x01\x01",
        question(rfc1905.GetRequestPDU(), 0, 0, [], version=0),
        question(rfc1905.SetRequestPDU(), 0, 0, []),
    ],
    ids=["empty", "one octet", "half a length", "too short", "v1", "set"],
)
def test_what_is_no_v2c_question_is_refused(data: bytes) -> None:
    with pytest.raises(snmp.MalformedError):
        snmp.decode_request(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255), st.integers(0, len(GOOD)))
def test_a_mutated_question_is_read_or_refused_and_nothing_else(place: int, octet: int, length: int) -> None:
    data = bytearray(GOOD)
    data[place] = octet
    try:
        request = snmp.decode_request(bytes(data[:length]))
    except snmp.MalformedError:
        return
    assert request.pdu in snmp.Pdu


@pytest.mark.parametrize(
    "content", [b"", b"\x2b\x86", b"\x2b" * 129, b"\xff" * 60_000 + b"\x01"], ids=["empty", "half an arc", "too many", "too long"]
)
def test_an_object_identifier_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(snmp.MalformedError):
        snmp.oid_of(content)
