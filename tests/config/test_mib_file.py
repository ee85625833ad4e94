"""The MIB index on disk: the same knowledge gives the same bytes, and what is no index is refused with the remedy."""

from pathlib import Path

import pytest

from pipeline.config.mib_file import index_text, load_facts, load_mib_index, read_modules
from pipeline.config.problem import ConfigError
from pipeline.core.mib import MibIndex, MibModule, MibNode, MibNotification, MibObject, Syntax

MODULE = MibModule(
    "M",
    "acme",
    (
        MibObject("b", "1.3.10.1.1", Syntax.INTEGER, "M", {2: "two", -1: "minus"}, "d-1", "V", "acme"),
        MibObject("a", "1.3.9", Syntax.BITS, "M", vendor="acme", size=2),
        MibObject("c", "1.3.10.1.2", Syntax.INET_ADDRESS, "M", vendor="acme", address_type="1.3.10.1.1"),
    ),
    (MibNotification("n", "1.3.1", "M", ("a", "b"), "acme"),),
    (MibNode("row", "1.3.10.1", "M", "acme", ("1.3.10.1.1", "1.3.10.1.2"), implied=True), MibNode("product", "1.3.11", "M", "acme")),
    "0123",
)
FACTS = MibModule("F", objects=(MibObject("f", "1.3.12", Syntax.INTEGER, "F", vendor="standard"),))


def test_what_is_written_is_read_again_and_the_same_knowledge_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(index_text([MODULE, FACTS]))
    modules = read_modules(tmp_path)
    assert [module.identity for module in modules] == [("standard", "F"), ("acme", "M")]
    assert index_text(modules) == index_text([FACTS, MODULE]) == index_text([MODULE, FACTS])
    assert load_mib_index(tmp_path / "index.json").objects == MibIndex.of_modules([MODULE, FACTS]).objects
    assert load_mib_index(tmp_path).nodes == MibIndex.of_modules([MODULE]).nodes
    text = index_text([MODULE])
    assert text.index('"1.3.9"') < text.index('"1.3.10.1.1"')


def test_of_several_indexes_the_first_holds(tmp_path: Path) -> None:
    mine = MibModule("X", "x", (MibObject("mine", "1.3.9", Syntax.INTEGER, "X", vendor="x"),))
    (tmp_path / "mine.json").write_text(index_text([mine]))
    (tmp_path / "index.json").write_text(index_text([MODULE]))
    merged = load_mib_index(tmp_path / "mine.json", tmp_path)
    assert merged.objects["1.3.9"].name == "mine"
    assert merged.oid_of("n") == "1.3.1"
    assert merged.oid_of("acme/M::a") == "1.3.9"


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"format": 1}', '{"format": 2}', '{"format": 2, "modules": [{"module": "M", "vendor": "v", "objects": [{"name": 1}]}]}'],
)
def test_what_is_no_index_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ConfigError, match="write it again: assure mibs compile"):
        load_mib_index(tmp_path)


def test_where_no_index_is_the_remedy_is_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"index.json: .*there is no MIB index; make one: assure mibs add FILE"):
        load_mib_index(tmp_path)


def test_a_mistake_in_the_facts_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("modules:\n  M:\n    objects:\n      - {name: a, oid: 1.3, syntax: integr}\n")
    with pytest.raises(
        ConfigError, match=r"s.yaml:4: \$.modules.M.objects\[0\].syntax: 'integr' is not a syntax; did you mean 'integer'\?"
    ):
        load_facts(tmp_path / "s.yaml")


def test_facts_name_the_rows_of_tables_by_their_index(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "vendors: {9: cisco}\nmodules:\n  M:\n    objects:\n      - {name: a, oid: 1.3.5.1.1, syntax: integer}\n"
        "    rows:\n      - {name: row, oid: 1.3.5.1, index: [a]}\n"
    )
    facts = load_facts(tmp_path / "s.yaml")
    assert facts.vendors == {9: "cisco"}
    assert facts.index.nodes["1.3.5.1"].index == ("1.3.5.1.1",)
    assert facts.index.objects["1.3.5.1.1"].vendor == "standard"


def test_an_index_that_is_no_object_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "modules:\n  M:\n    objects:\n      - {name: ifIndex, oid: 1.3, syntax: integer}\n"
        "    rows:\n      - {name: row, oid: 1.3.5.1, index: [ifIndx]}\n"
    )
    with pytest.raises(ConfigError, match="'ifIndx', an index of row, is not an object of this table; did you mean 'ifIndex'"):
        load_facts(tmp_path / "s.yaml")
