"""An agent answers GET, GETNEXT and GETBULK as RFC 3416 says, over objects that tell the network's state."""

import pytest
from pyasn1.codec.ber import decoder
from pysnmp.proto import api, rfc1905

from pipeline.core.raw import ValueType
from pipeline.lab.agent import MAX_MESSAGE, answer
from pipeline.lab.command import parse
from pipeline.lab.mib import IF_COLUMNS, IFX_COLUMNS, DeviceMib, Moment
from pipeline.lab.mib_discovery import discovery_objects
from pipeline.lab.network import Network, NetworkState, apply, begin
from pipeline.lab.plant import Plant
from pipeline.lab.snmp import Oid, Pdu, Request, dotted
from pipeline.lab.traffic import NANOSECONDS
from tests.support.lab import lab_inventory

NETWORK = Network(Plant.of(lab_inventory()), seed=7)
DEVICE = lab_inventory().devices["ams-p1"]
HEALTH = 1 + 2 * 6 + 7 * (1 + 2 * len(DEVICE.interfaces))
FOUND = len(discovery_objects(NETWORK.plant, DEVICE))
"""A processor, two rows of hrStorageTable, and sensors with a name and six columns: one of temperature, two of light for each port."""
PEERS = sum(name.startswith("ams-p1/") for name in NETWORK.plant.peers)
MIB = DeviceMib(NETWORK, DEVICE)
START = 1_795_000_000 * NANOSECONDS
V2 = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
UPTIME, OPER, HC_OUT = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.31.1.1.1.10"
BGP_PEER = "1.3.6.1.2.1.15.3.1"
END, MISSING = rfc1905.EndOfMibView, rfc1905.NoSuchInstance


def ask(
    pdu: Pdu,
    *names: str,
    bulk: tuple[int, int] = (0, 0),
    state: NetworkState | None = None,
    after_s: float = 0,
) -> list[tuple[str, object]]:
    request = Request(1, b"public", pdu, 1, *bulk, tuple(dotted(name) for name in names))
    data = answer(request, MIB, Moment(state or begin(NETWORK, START), START + int(after_s * NANOSECONDS)))
    assert len(data) <= MAX_MESSAGE
    message, _ = decoder.decode(data, asn1Spec=V2.Message())
    response = V2.apiMessage.get_pdu(message)
    assert int(V2.apiPDU.get_error_status(response)) == 0
    return [(str(name), value) for name, value in V2.apiPDU.get_varbinds(response)]


def value(name: str, state: NetworkState | None = None, after_s: float = 0) -> object:
    return ask(Pdu.GET, name, state=state, after_s=after_s)[0][1]


def after(*texts: str) -> NetworkState:
    state = begin(NETWORK, START)
    for second, text in enumerate(texts, 1):
        state, _ = apply(NETWORK, state, parse(NETWORK.plant, text), START + second * NANOSECONDS)
    return state


def test_the_system_group_names_the_device() -> None:
    assert str(value("1.3.6.1.2.1.1.5.0")) == "ams-p1"
    assert str(value("1.3.6.1.2.1.1.2.0")) == "1.3.6.1.4.1.8072.9999.9999.42.3.1"
    assert int(value("1.3.6.1.2.1.2.1.0")) == len(DEVICE.interfaces)
    assert int(value(UPTIME, after_s=10)) - int(value(UPTIME)) == 1000


def test_the_peer_table_tells_which_session_is_established() -> None:
    """Both ends of a failed session say so, and no other; a peer's row is indexed by its address (RFC 4273)."""
    down = after("fail-peer ams-p1/127.20.0.2")
    rows = ask(Pdu.GET_BULK, f"{BGP_PEER}.2", bulk=(0, PEERS), state=down)
    assert {name: int(found) for name, found in rows} == {
        f"{BGP_PEER}.2.{name.removeprefix('ams-p1/')}": 1 if name == "ams-p1/127.20.0.2" else 6
        for name in NETWORK.plant.peers
        if name.startswith("ams-p1/")
    }
    assert down.condition.sessions_down == {"ams-p1/rtm-p1", "rtm-p1/ams-p1"}
    assert int(value(f"{BGP_PEER}.3.127.20.0.2", down)) == 2
    assert int(value(f"{BGP_PEER}.2.127.20.0.2", after("fail-peer ams-p1/127.20.0.2", "restore-peer ams-p1/127.20.0.2"))) == 6


def test_a_missing_object_is_an_exception_in_its_place_not_an_error() -> None:
    answered = ask(Pdu.GET, UPTIME, f"{OPER}.99")
    assert [type(found) for _, found in answered][1] is MISSING
    assert answered[1][0] == f"{OPER}.99"


def test_getnext_walks_every_object_once_in_order_to_the_end() -> None:
    seen: list[Oid] = []
    name = "1.0"
    while True:
        name, found = ask(Pdu.GET_NEXT, name)[0]
        if isinstance(found, END):
            break
        seen.append(dotted(name))
    assert seen == sorted(set(seen))
    assert len(seen) == 8 + len(DEVICE.interfaces) * (len(IF_COLUMNS) + len(IFX_COLUMNS)) + 2 + 7 * PEERS + HEALTH + FOUND


def test_getbulk_gives_non_repeaters_once_then_rows() -> None:
    names = [name for name, _ in ask(Pdu.GET_BULK, "1.3.6.1.2.1.1.3", OPER, HC_OUT, bulk=(1, 3))]
    assert names == [UPTIME, *(f"{column}.{row}" for row in (1, 2, 3) for column in (OPER, HC_OUT))]


def test_getbulk_stops_where_the_message_is_full_or_the_view_ends() -> None:
    assert 20 < len(ask(Pdu.GET_BULK, "1.3", bulk=(0, 10_000))) < 100
    last = ask(Pdu.GET_BULK, "1.3.6.1.6.3", bulk=(0, 10))
    assert [isinstance(found, END) for _, found in last] == [False, True]


def test_a_get_that_does_not_fit_is_too_big() -> None:
    request = Request(1, b"public", Pdu.GET, 1, 0, 0, (dotted(UPTIME),) * 200)
    message, _ = decoder.decode(answer(request, MIB, Moment(begin(NETWORK, START), START)), asn1Spec=V2.Message())
    assert int(V2.apiPDU.get_error_status(V2.apiMessage.get_pdu(message))) == 1


def test_the_tables_have_the_types_of_the_standard() -> None:
    """RFC 2863: the tags on the wire of the columns that a poller computes with."""
    assert {column: IFX_COLUMNS[column][0] for column in (1, 6, 10, 15, 18, 19)} == {
        1: ValueType.OCTET_STRING,
        6: ValueType.COUNTER64,
        10: ValueType.COUNTER64,
        15: ValueType.GAUGE32,
        18: ValueType.OCTET_STRING,
        19: ValueType.TIME_TICKS,
    }
    assert {column: IF_COLUMNS[column][0] for column in (5, 8, 9, 10, 14, 19)} == {
        5: ValueType.GAUGE32,
        8: ValueType.INTEGER,
        9: ValueType.TIME_TICKS,
        10: ValueType.COUNTER32,
        14: ValueType.COUNTER32,
        19: ValueType.COUNTER32,
    }


def test_an_interface_goes_down_with_its_fibre_and_says_since_when() -> None:
    state = after("cut f-ams-rtm-1")
    assert (int(value(f"{OPER}.1")), int(value(f"{OPER}.1", state))) == (1, 2)
    assert int(value("1.3.6.1.2.1.2.2.1.7.1", state)) == 1
    assert int(value("1.3.6.1.2.1.2.2.1.9.1", state)) == int(value(UPTIME, state, after_s=1))
    assert int(value("1.3.6.1.2.1.2.2.1.9.2", state)) == 0


def test_a_fast_interface_tells_its_speed_where_32_bits_suffice() -> None:
    assert int(value("1.3.6.1.2.1.2.2.1.5.1")) == 2**32 - 1
    assert int(value("1.3.6.1.2.1.31.1.1.1.15.1")) == 100_000
    assert str(value("1.3.6.1.2.1.31.1.1.1.18.1")) == "ams-p1--rtm-p1"


@pytest.mark.parametrize("row", [1, 2, 5])
def test_the_32_bit_counter_is_the_64_bit_counter_turned_over(row: int) -> None:
    wide = int(value(f"{HC_OUT}.{row}", after_s=30))
    assert int(value(f"1.3.6.1.2.1.2.2.1.16.{row}", after_s=30)) == wide % 2**32
    assert wide > int(value(f"{HC_OUT}.{row}"))


def test_a_reboot_starts_uptime_and_counters_again() -> None:
    state = after("reboot ams-p1")
    assert int(value(UPTIME, state, after_s=3)) == 200
    assert 0 < int(value(f"{HC_OUT}.1", state, after_s=3)) < int(value(f"{HC_OUT}.1"))
