"""What the running pipeline knows follows its files: MIBs that are added, replaced or removed while it runs."""

from pathlib import Path

import pytest

from pipeline import knowing
from pipeline.config.mib_file import INDEX_NAME
from pipeline.config.settings import Settings
from pipeline.knowing import FileKnowledge
from pipeline.lab.config import inventory_dir
from pipeline.mib.library import Library

PACKAGED = Path(__file__).resolve().parents[1] / "mibs"
FAN_OID = "1.3.6.1.4.1.4711.1"


def module(name: str, arc: int) -> str:
    return (
        f"{name} DEFINITIONS ::= BEGIN\nacme OBJECT IDENTIFIER ::= {{ enterprises 4711 }}\n"
        f'acme{arc} OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= {{ acme {arc} }}\nEND\n'
    )


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library with one module in it; every question looks at the files, however soon it comes."""
    monkeypatch.setattr(knowing, "LOOK_EVERY_S", -1.0)
    library = Library(tmp_path / "mibs", PACKAGED)
    add(library, module("ACME-POWER-MIB", 2))
    return library


def add(library: Library, text: str) -> None:
    given = library.folder.parent / "given.txt"
    given.write_text(text)
    assert not library.add([given], "", 60).failures


def test_a_module_that_is_added_or_removed_is_known_without_a_restart(library: Library, tmp_path: Path) -> None:
    known = FileKnowledge(Settings(tmp_path / "data", Path(inventory_dir()), mibs_dir=library.folder))
    assert known.current().mibs.named(f"{FAN_OID}.7") == f"{FAN_OID}.7"
    add(library, module("ACME-FAN-MIB", 1))
    assert known.current().mibs.named(f"{FAN_OID}.7") == "acme1.7"
    assert known.current().mibs.oid_of("linkDown") == "1.3.6.1.6.3.1.1.5.3"
    library.remove(["ACME-FAN-MIB"], 60)
    assert known.current().mibs.named(f"{FAN_OID}.7") == f"{FAN_OID}.7"


def test_a_broken_index_leaves_what_was_known(library: Library, tmp_path: Path) -> None:
    known = FileKnowledge(Settings(tmp_path / "data", Path(inventory_dir()), mibs_dir=library.folder))
    before = known.current()
    (library.folder / INDEX_NAME).write_text('{"format": 2, "modules": [')
    assert known.current() is before
    assert "not a MIB index" in known.problem
