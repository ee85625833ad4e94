"""The varbinds of drafted tests: of every syntax there is, on a row that the table's index reads."""

import pytest

from pipeline.core.mib import MibIndex, MibNode, MibObject, Syntax
from pipeline.core.mib_instance import index_values
from pipeline.drafting.example import value_for, varbinds_of
from pipeline.drafting.place import index_of, is_column

ROW = "1.3.6.1.4.1.4711.1.1.1"
TYPE = MibObject("acmeType", f"{ROW}.1", Syntax.INTEGER, enumeration={0: "unknown", 1: "ipv4", 2: "ipv6"})
ADDRESS = MibObject("acmeAddress", f"{ROW}.2", Syntax.INET_ADDRESS, address_type=TYPE.oid)
NAME = MibObject("acmeName", f"{ROW}.3", Syntax.OCTET_STRING)
MAC = MibObject("acmeMac", f"{ROW}.4", Syntax.OCTET_STRING, size=6)
STATE = MibObject("acmeState", f"{ROW}.5", Syntax.INTEGER, enumeration={1: "up", 2: "down"})
SCALAR = MibObject("acmeScalar", "1.3.6.1.4.1.4711.2.1.4", Syntax.INTEGER)
GROUP = MibNode("acmeScalars", "1.3.6.1.4.1.4711.2.1")
INDEX = MibIndex.of(
    [TYPE, ADDRESS, NAME, MAC, STATE, SCALAR],
    nodes=[MibNode("acmeEntry", ROW, index=(TYPE.oid, ADDRESS.oid, NAME.oid, MAC.oid)), GROUP],
)


@pytest.mark.parametrize("syntax", Syntax)
def test_every_syntax_has_a_value(syntax: Syntax) -> None:
    assert value_for(MibObject("acmeAny", "1.3.6.1.4.1.4711.9", syntax)) not in ("", None)


def test_a_column_stands_on_a_row_that_its_table_s_index_reads() -> None:
    ((varbind, value),) = varbinds_of([STATE], {"acmeState": "down"}, {"acmeState": index_of(STATE, INDEX)}).items()
    name, _, arcs = varbind.partition(".")
    assert (name, value) == ("acmeState", "down")
    texts = [each.text for each in index_values(index_of(STATE, INDEX), arcs, INDEX.named)]
    assert texts == ["ipv4(1)", "192.0.2.9", "x", "xxxxxx"]


def test_the_index_tells_columns_from_scalars_and_a_guess_does_where_it_does_not() -> None:
    assert is_column(STATE, INDEX)
    assert not is_column(SCALAR, INDEX)
    assert is_column(SCALAR, MibIndex.of([SCALAR]))
    assert index_of(SCALAR, INDEX) == ()
