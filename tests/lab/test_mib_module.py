"""ASSURE-LAB-MIB is a sound SMIv2 module: pysmi compiles it, net-snmp translates it, and both give the numbers that the lab sends.

The modules that it imports belong to others and are not ours to ship: stand-ins of the few lines that it needs take their place.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pysmi.codegen.jsondoc import JsonCodeGen
from pysmi.compiler import MibCompiler
from pysmi.parser.smi import SmiV2Parser
from pysmi.reader.localfile import FileReader
from pysmi.writer.callback import CallbackWriter

from pipeline.lab import notification
from pipeline.resources import data_dir

MODULE = "ASSURE-LAB-MIB"
NAMES = {
    "assureLab": "",
    "labLspDown": ".0.1",
    "labLspUp": ".0.2",
    "labOpticalLos": ".0.3",
    "labOpticalLosCleared": ".0.4",
    "labServiceDown": ".0.5",
    "labServiceUp": ".0.6",
    "labPowerFailed": ".0.7",
    "labPowerRestored": ".0.8",
    "labLspName": ".1.1",
    "labServiceName": ".1.2",
    "labOpticalRxPower": ".1.3",
    "assureLabCore": ".3.1",
}
STAND_INS = {
    "SNMPv2-SMI": """SNMPv2-SMI DEFINITIONS ::= BEGIN
        org OBJECT IDENTIFIER ::= { iso 3 }
        dod OBJECT IDENTIFIER ::= { org 6 }
        internet OBJECT IDENTIFIER ::= { dod 1 }
        mgmt OBJECT IDENTIFIER ::= { internet 2 }
        mib-2 OBJECT IDENTIFIER ::= { mgmt 1 }
        private OBJECT IDENTIFIER ::= { internet 4 }
        enterprises OBJECT IDENTIFIER ::= { private 1 }
        END""",
    "SNMPv2-CONF": "SNMPv2-CONF DEFINITIONS ::= BEGIN END",
    "SNMPv2-TC": "SNMPv2-TC DEFINITIONS ::= BEGIN END",
    "IF-MIB": """IF-MIB DEFINITIONS ::= BEGIN
        IMPORTS OBJECT-TYPE, mib-2, Integer32 FROM SNMPv2-SMI;
        ifIndex OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "Stand-in." ::= { mib-2 2 2 1 1 }
        ifName OBJECT-TYPE SYNTAX OCTET STRING MAX-ACCESS read-only STATUS current DESCRIPTION "Stand-in." ::= { mib-2 31 1 1 1 1 }
        END""",
}


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    for name, text in STAND_INS.items():
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / f"{MODULE}.txt").write_bytes((data_dir("mibs") / f"{MODULE}.txt").read_bytes())
    return tmp_path


@pytest.fixture
def compiled(modules: Path) -> dict[str, dict]:
    """The module's symbols as pysmi's JSON tells them."""
    documents: dict[str, str] = {}
    compiler = MibCompiler(SmiV2Parser(), JsonCodeGen(), CallbackWriter(lambda name, text, _: documents.__setitem__(name, text)))
    compiler.add_sources(FileReader(str(modules)))
    outcome = compiler.compile(MODULE, noDeps=False, genTexts=True)
    assert outcome[MODULE] == "compiled", {name: (str(status), getattr(status, "error", "")) for name, status in outcome.items()}
    return json.loads(documents[MODULE])


def test_pysmi_compiles_it_to_the_numbers_that_the_lab_sends(compiled: dict[str, dict]) -> None:
    assert {name: compiled[name]["oid"] for name in NAMES} == {name: notification.LAB + arcs for name, arcs in NAMES.items()}


def test_each_notification_lists_what_the_lab_puts_into_it(compiled: dict[str, dict]) -> None:
    listed = {name: [item["object"] for item in symbol.get("objects", [])] for name, symbol in compiled.items() if name.startswith("lab")}
    assert listed["labOpticalLos"] == listed["labOpticalLosCleared"] == ["ifIndex", "ifName", "labOpticalRxPower"]
    assert listed["labLspDown"] == listed["labLspUp"] == ["labLspName"]
    assert listed["labServiceDown"] == listed["labServiceUp"] == ["labServiceName"]
    assert listed["labPowerFailed"] == listed["labPowerRestored"] == []


@pytest.mark.needs_netsnmp
def test_net_snmp_translates_every_name(modules: Path) -> None:
    program = shutil.which("snmptranslate")
    assert program
    names = [f"{MODULE}::{name}" for name in NAMES]
    command = [program, "-On", "-M", str(modules), "-m", MODULE, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == [f".{notification.LAB}{arcs}" for arcs in NAMES.values()]
