"""The index of a row is read back from an instance's arcs; arcs that do not fit give nothing, and never an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.mib import MibIndex, MibNode, MibObject, Syntax
from pipeline.core.mib_instance import index_values
from pipeline.core.normalize import normalize
from pipeline.core.raw import RawTrap, SnmpVersion, ValueType, VarBind
from tests.core.test_normalize import DIRECTORY, RULES

NUMBER = MibObject("number", "1.1", Syntax.INTEGER, enumeration={2: "down"})
ADDRESS = MibObject("address", "1.2", Syntax.IP_ADDRESS)
NAME = MibObject("name", "1.3", Syntax.OCTET_STRING, hint="255a")
MAC = MibObject("mac", "1.4", Syntax.OCTET_STRING, hint="1x:", size=6)
KIND = MibObject("kind", "1.5", Syntax.INTEGER, enumeration={1: "ipv4", 2: "ipv6"})
INET = MibObject("inet", "1.6", Syntax.INET_ADDRESS, address_type="1.5")
OID = MibObject("oid", "1.7", Syntax.OBJECT_IDENTIFIER)


def read(objects: list[MibObject], arcs: str, *, implied: bool = False) -> list[tuple[str, str]]:
    return [(part.known.name, part.text) for part in index_values(objects, arcs, lambda oid: f"<{oid}>", implied=implied)]


@pytest.mark.parametrize(
    ("objects", "arcs", "implied", "values"),
    [
        ([NUMBER], "7", False, [("number", "7")]),
        ([NUMBER], "2", False, [("number", "down(2)")]),
        ([NUMBER, NUMBER], "1.2", False, [("number", "1"), ("number", "down(2)")]),
        ([ADDRESS], "192.0.2.1", False, [("address", "192.0.2.1")]),
        ([NAME, NUMBER], "3.97.98.99.5", False, [("name", "abc"), ("number", "5")]),
        ([NUMBER, NAME], "5.97.98.99", True, [("number", "5"), ("name", "abc")]),
        ([NAME], "0", False, [("name", "")]),
        ([MAC], "0.17.34.51.68.255", False, [("mac", "00:11:22:33:44:ff")]),
        ([KIND, INET], "1.4.192.0.2.9", False, [("kind", "ipv4(1)"), ("inet", "192.0.2.9")]),
        ([KIND, INET], "2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1", False, [("kind", "ipv6(2)"), ("inet", "2001:db8::1")]),
        ([OID], "3.1.3.6", False, [("oid", "<1.3.6>")]),
        ([OID], "1.3.6", True, [("oid", "<1.3.6>")]),
    ],
)
def test_an_index_is_read_by_the_rules_of_rfc_2578(
    objects: list[MibObject], arcs: str, implied: bool, values: list[tuple[str, str]]
) -> None:
    assert read(objects, arcs, implied=implied) == values


@pytest.mark.parametrize(
    ("objects", "arcs"),
    [
        ([NUMBER], ""),
        ([NUMBER], "1.2"),
        ([NUMBER, NUMBER], "1"),
        ([ADDRESS], "192.0.2"),
        ([ADDRESS], "192.0.2.256"),
        ([NAME], "4.97.98.99"),
        ([NAME], "2.97.98.99"),
        ([NAME], "1.300"),
        ([MAC], "1.2.3.4.5"),
        ([NUMBER], "x"),
    ],
)
def test_arcs_that_do_not_fit_give_nothing(objects: list[MibObject], arcs: str) -> None:
    assert read(objects, arcs) == []


@given(
    st.lists(st.sampled_from([NUMBER, ADDRESS, NAME, MAC, KIND, INET, OID]), max_size=4),
    st.lists(st.integers(min_value=0, max_value=1 << 32), max_size=24),
    st.booleans(),
)
def test_any_arcs_give_all_parts_or_none(objects: list[MibObject], arcs: list[int], implied: bool) -> None:
    values = read(objects, ".".join(map(str, arcs)), implied=implied)
    assert len(values) in {0, len(objects)}
    assert all(text.isprintable() for _, text in values)


PEERS = MibIndex.of(
    [
        MibObject("peerAddressType", "1.9.1.1", Syntax.INTEGER, enumeration={1: "ipv4"}),
        MibObject("peerAddress", "1.9.1.2", Syntax.INET_ADDRESS, address_type="1.9.1.1"),
        MibObject("peerState", "1.9.1.3", Syntax.INTEGER, enumeration={1: "idle", 6: "established"}),
        MibObject("peerNextHop", "1.9.1.4", Syntax.INET_ADDRESS, address_type="1.9.1.1"),
    ],
    nodes=[MibNode("peerEntry", "1.9.1", index=("1.9.1.1", "1.9.1.2"))],
)


def attributes_of(*varbinds: VarBind) -> dict[str, str]:
    trap = RawTrap("c", 1, 1, "192.0.2.250", SnmpVersion.V2C, "1.3.99", varbinds, 0, authenticated=False, inform=False)
    (event,) = normalize(trap, RULES, DIRECTORY, PEERS)
    return dict(event.attributes)


def test_what_is_only_in_an_index_is_told_too() -> None:
    """A notification that carries one column says its row: which peer it is, though no varbind has the address."""
    told = attributes_of(VarBind("1.9.1.3.1.4.192.0.2.7", ValueType.INTEGER, 1))
    assert told["peerState"] == "idle(1)"
    assert told["peerAddress"] == "192.0.2.7"
    assert told["peerAddressType"] == "ipv4(1)"


def test_an_inet_address_is_read_by_the_type_in_its_index() -> None:
    told = attributes_of(VarBind("1.9.1.4.1.4.192.0.2.7", ValueType.OCTET_STRING, bytes((10, 0, 0, 1))))
    assert told["peerNextHop"] == "10.0.0.1"


def test_two_rows_of_one_column_are_told_apart_by_their_index() -> None:
    told = attributes_of(
        VarBind("1.9.1.3.1.4.192.0.2.7", ValueType.INTEGER, 1),
        VarBind("1.9.1.3.1.4.192.0.2.8", ValueType.INTEGER, 6),
    )
    assert told["peerState"] == "idle(1)"
    assert told["peerState[peerAddressType=ipv4(1),peerAddress=192.0.2.8]"] == "established(6)"


def test_an_index_that_does_not_fit_leaves_numbers() -> None:
    told = attributes_of(VarBind("1.9.1.3.1.5.192.0.2.7", ValueType.INTEGER, 1))
    assert told["peerState"] == "idle(1)"
    assert "peerAddress" not in told
