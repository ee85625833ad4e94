"""MIB sources become one index; each that cannot is told with its line and what to do, and costs nobody else anything."""

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.core.mib import MibIndex, Syntax
from pipeline.mib import compiling
from pipeline.mib.compiling import CompileReport, compile_mibs
from pipeline.mib.source import modules_of

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT / "mibs" / "standard.yaml"
ACME = """\
ACME-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises FROM SNMPv2-SMI InterfaceIndex FROM IF-MIB;
-- published without importing half of what it uses
acme OBJECT IDENTIFIER ::= { enterprises 4711 }
acme_Level OBJECT-TYPE SYNTAX INTEGER { low-(1), high(2) } MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { acme 1 }
acmeFlags OBJECT-TYPE SYNTAX BITS { fan(0), power(5) } MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { acme 2 }
AcmeTenths ::= TEXTUAL-CONVENTION DISPLAY-HINT "d-1" STATUS current DESCRIPTION "" SYNTAX Integer32
acmeVolt OBJECT-TYPE SYNTAX AcmeTenths UNITS "V" MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { acme 3 }
acmeTruth OBJECT-TYPE SYNTAX TruthValue MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { acme 4 }
acmePort OBJECT-TYPE SYNTAX InterfaceIndex MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { acme 5 }
acmeWhen OBJECT-TYPE SYNTAX DateAndTime MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { acme 6 }
acmeAlert NOTIFICATION-TYPE OBJECTS { acmeVolt, acmeFlags } STATUS current DESCRIPTION "" ::= { acme 0 9 }
acmeOld TRAP-TYPE ENTERPRISE acme VARIABLES { acmeVolt } DESCRIPTION "" ::= 7
END
"""


BROKEN = """

BAD-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises FROM SNMPv2-SMI;
bad OBJECT IDENTIFIER ::= { enterprises 1 }
x OBJECT-TYPE oops
END
"""
ORPHAN = """\
ORPHAN-MIB DEFINITIONS ::= BEGIN
IMPORTS acmeRoot FROM ACME-SMI;
o OBJECT IDENTIFIER ::= { acmeRoot 1 }
END
"""
MINE = """\
IF-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises FROM SNMPv2-SMI;
mine OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { enterprises 8 }
END
"""
SECOND = """\
B-MIB DEFINITIONS ::= BEGIN
IMPORTS acme FROM ACME-MIB;
b OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "caf\xe9" ::= { acme 99 }
END
"""


def _compile(folder: Path, timeout_s: float = 60.0, **modules: str) -> CompileReport:
    sources = folder / "sources"
    sources.mkdir(exist_ok=True)
    for name, text in modules.items():
        (sources / f"{name}.mib").write_bytes(text.encode("latin-1"))
    return compile_mibs([sources], folder / "index.json", timeout_s, FACTS)


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> MibIndex:
    """The index of a module with mistakes, the file's name being no module's."""
    report = _compile(tmp_path_factory.mktemp("mibs"), whatever=ACME)
    assert report.failures == ()
    return report.index


def test_names_lead_to_oids_and_underscores_are_hyphens(acme: MibIndex) -> None:
    assert acme.oid_of("acmeVolt") == "1.3.6.1.4.1.4711.3"
    assert acme.oid_of("ACME-MIB::acmeFlags") == "1.3.6.1.4.1.4711.2"
    assert acme.oid_of("acme-Level") == "1.3.6.1.4.1.4711.1"


def test_types_are_followed_to_the_base_through_conventions_and_imports(acme: MibIndex) -> None:
    found = {known.name: known for known in acme.objects.values() if known.module == "ACME-MIB"}
    assert (found["acmeVolt"].syntax, found["acmeVolt"].hint, found["acmeVolt"].units) == (Syntax.INTEGER, "d-1", "V")
    assert (found["acmeFlags"].syntax, found["acmeFlags"].enumeration) == (Syntax.BITS, {0: "fan", 5: "power"})
    assert found["acmeTruth"].enumeration == {1: "true", 2: "false"}
    assert found["acmePort"].syntax is Syntax.INTEGER
    assert found["acmeWhen"].hint.startswith("2d-1d-1d")


def test_notifications_keep_their_objects_in_order_and_traps_have_the_number_of_rfc_3584(acme: MibIndex) -> None:
    alert, old = acme.notifications["1.3.6.1.4.1.4711.0.9"], acme.notifications["1.3.6.1.4.1.4711.0.7"]
    assert (alert.name, alert.objects) == ("acmeAlert", ("acmeVolt", "acmeFlags"))
    assert (old.name, old.objects) == ("acmeOld", ("acmeVolt",))


def test_the_index_holds_the_standard_facts_too(acme: MibIndex) -> None:
    assert acme.oid_of("linkDown") == "1.3.6.1.6.3.1.1.5.3"


def test_a_module_that_fails_is_told_with_its_line_and_the_others_compile(tmp_path: Path) -> None:
    report = _compile(tmp_path, a=ACME, b=BROKEN, c=ORPHAN)
    assert [compiled.module for compiled in report.compiled] == ["ACME-MIB"]
    told = {failure.module: failure for failure in report.failures}
    assert told["BAD-MIB"].line in {6, 7}
    assert told["BAD-MIB"].remedy == "mend the source at this line or just above it"
    assert told["ORPHAN-MIB"].message == "it imports ACME-SMI, which is not among the sources"
    assert told["ORPHAN-MIB"].remedy == "give its file too: ACME-SMI"
    assert load_mib_index(tmp_path).oid_of("acmeVolt")


def test_a_module_brought_along_replaces_its_skeleton(tmp_path: Path) -> None:
    report = _compile(tmp_path, ifmib=MINE)
    assert report.index.oid_of("IF-MIB::mine") == "1.3.6.1.4.1.8"


def test_several_modules_of_one_file_and_old_encodings_are_read(tmp_path: Path) -> None:
    report = _compile(tmp_path, both=ACME + SECOND)
    assert {compiled.module for compiled in report.compiled} == {"ACME-MIB", "B-MIB"}
    assert report.index.oid_of("b") == "1.3.6.1.4.1.4711.99"


def test_two_texts_of_one_vendors_module_are_told(tmp_path: Path) -> None:
    report = _compile(tmp_path, a=ACME, b=ACME.replace("acme 5", "acme 55"), c=ACME)
    (failure,) = report.failures
    assert "another text of enterprise-4711's module of this name is in" in failure.message
    assert failure.file.name == "b.mib"


def test_two_vendors_modules_of_one_name_both_live(tmp_path: Path) -> None:
    index = _compile(tmp_path, a=ACME, b=ACME.replace("4711", "4712").replace("low-(1)", "lower(1)")).index
    assert index.objects["1.3.6.1.4.1.4711.1"].enumeration[1] == "low"
    assert index.objects["1.3.6.1.4.1.4712.1"].enumeration[1] == "lower"
    assert index.oid_of("enterprise-4711/ACME-MIB::acmeVolt") == "1.3.6.1.4.1.4711.3"
    assert index.oid_of("enterprise-4712/ACME-MIB::acmeVolt") == "1.3.6.1.4.1.4712.3"
    assert index.meanings("acmeVolt") == ("1.3.6.1.4.1.4711.3", "1.3.6.1.4.1.4712.3")


def test_a_module_that_takes_too_long_is_ended_and_told(tmp_path: Path) -> None:
    (failure,) = _compile(tmp_path, timeout_s=0.01, a=ACME).failures
    assert failure.message == "not compiled within 0.01 s"
    assert failure.remedy == "allow it more time"


def test_a_compiler_that_crashes_takes_only_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(command: list[str], **_: object) -> None:
        raise subprocess.CalledProcessError(-11, command, stderr="first\nSegmentation fault\n")

    monkeypatch.setattr(compiling.subprocess, "run", crash)
    (failure,) = _compile(tmp_path, a=ACME).failures
    assert failure.message == "the compiler ended: Segmentation fault"


def test_what_is_no_mib_is_told_when_it_was_named(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    (tmp_path / "y.bin").write_bytes(b"\0\1")
    report = compile_mibs([tmp_path / "x.txt", tmp_path / "y.bin", tmp_path / "z"], tmp_path / "index.json", facts=FACTS)
    assert [failure.message for failure in report.failures] == [
        "no module begins in it (NAME DEFINITIONS ::= BEGIN)",
        "not a text file",
        "no such file",
    ]


def test_a_module_knows_the_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("\n" * 10 + ACME)
    (source,) = modules_of(tmp_path / "x")  # type: ignore[misc]  # it is readable
    assert source.line == 11


def test_the_packaged_index_is_what_its_sources_give_and_names_no_machine(tmp_path: Path) -> None:
    report = compile_mibs([ROOT / "mibs" / "ASSURE-LAB-MIB.txt"], tmp_path / "index.json", facts=FACTS, vendor="assure")
    assert report.failures == ()
    text = (ROOT / "mibs" / "index.json").read_text()
    assert (tmp_path / "index.json").read_text() == text
    assert set(json.loads(text)) == {"format", "modules"}
    assert "pysmi" not in text
