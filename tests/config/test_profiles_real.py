"""What net-snmp's agent really sends is what the profile of its hosts says that it sends."""

import re
import subprocess
from pathlib import Path

import pytest

from pipeline.config.profile_proof import fitting, rows_of
from pipeline.config.rule_set import load_profiles
from pipeline.core.column import Cell
from pipeline.core.profile import ColumnType, Profile
from pipeline.core.profile_book import choose
from tests.support.agents import snmpd

ROOT = Path(__file__).resolve().parents[2]
WIRE_TYPES = {
    ColumnType.COUNTER32: {"Counter32"},
    ColumnType.COUNTER64: {"Counter64"},
    ColumnType.GAUGE: {"Gauge32", "INTEGER", "Timeticks"},
    ColumnType.GAUGE64: {"Counter64"},
    ColumnType.INTEGER: {"INTEGER"},
    ColumnType.TEXT: {"STRING", "Hex-STRING", '""'},
    ColumnType.NUMBER_TEXT: {"STRING"},
    ColumnType.OID: {"OID"},
}
_LINE = re.compile(r'\.(?P<oid>[0-9.]+) = (?:(?P<type>[A-Za-z0-9-]+): (?P<value>.*)|"")')


def walk(port: int, oid: str) -> dict[str, tuple[str, str]]:
    """What net-snmp's own client reads below an OID: type and value by instance. Waits for an agent that has only begun."""
    command = ["snmpwalk", "-v2c", "-cpublic", "-Onet", "-m", "", "-t", "1", "-r", "20", f"127.0.0.1:{port}", oid]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    found = {}
    for line in _LINE.finditer(text):
        found[line["oid"]] = (line["type"] or '""', (line["value"] or "").strip('"').removeprefix("."))
    return found


def cells(port: int, profile: Profile) -> dict[str, Cell]:
    """The agent's answers to all that a profile asks for, each held to its column's type."""
    answers: dict[str, Cell] = {}
    for table in profile.tables:
        for column in table.columns:
            for oid, (wire_type, value) in walk(port, column.oid).items():
                assert wire_type in WIRE_TYPES[column.type], f"{table.name}.{column.name} is {wire_type}"
                cell = fitting(column.type, value if column.type.is_text else int(value))
                assert cell is not None, f"{table.name}.{column.name} has {value}"
                answers[oid] = cell
    return answers


@pytest.mark.needs_netsnmp
def test_net_snmps_agent_sends_what_the_profile_of_its_hosts_says(tmp_path: Path) -> None:
    """Its types are the columns', each table of this machine has rows, and what is derived is in bounds."""
    profiles = load_profiles(ROOT / "rules")
    with snmpd(tmp_path) as port:
        system = walk(port, "1.3.6.1.2.1.1")
        chosen = choose(profiles, system["1.3.6.1.2.1.1.2.0"][1], system["1.3.6.1.2.1.1.1.0"][1])
        assert chosen.name == "net-snmp"
        answers = cells(port, chosen)
    found = {table.name: rows_of(table, answers) for table in chosen.tables}
    assert "lo" in found["interfaces"]
    assert all(isinstance(row["in_octets"], int) and row["oper_status"] in range(1, 8) for row in found["interfaces"].values())
    assert all(0 <= number(row["busy"]) <= 100 for row in found["cpus"].values())  # there are none in the agent's first minute
    memory = found["memory"]["system"]
    assert 0 < number(memory["used"]) < number(memory["total"])
    assert set(found["load"]) == {"Load-1", "Load-5", "Load-15"}
    assert all(number(row["load"]) >= 0 for row in found["load"].values())
    assert number(found["cpu_time"]["system"]["idle"]) >= 0


def number(cell: Cell) -> float:
    """A cell that must be a number."""
    assert isinstance(cell, (int, float))
    return float(cell)
