"""An installation's own MIBs: added, told apart by vendor, compiled once, replaced, and removed when nothing needs them."""

from pathlib import Path

import pytest

from pipeline.config.mib_file import INDEX_NAME, load_mib_index
from pipeline.config.problem import ConfigError
from pipeline.core.mib import MibIndex
from pipeline.mib.compiling import CompileReport
from pipeline.mib.library import InUseError, Library

PACKAGED = Path(__file__).resolve().parents[2] / "mibs"
ROOT = "ACME-SMI DEFINITIONS ::= BEGIN\nacme OBJECT IDENTIFIER ::= { enterprises 4711 }\nEND\n"


def leaf(number: int = 1, module: str = "ACME-FAN-MIB") -> str:
    return (
        f"{module} DEFINITIONS ::= BEGIN\nIMPORTS acme FROM ACME-SMI;\n"
        f'acmeFan OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= {{ acme {number} }}\nEND\n'
    )


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "mibs", PACKAGED)


def add(library: Library, *texts: str, vendor: str = "") -> CompileReport:
    folder = library.folder.parent / "given"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for number, text in enumerate(texts):
        (folder / f"{number}.txt").write_text(text)
    return library.add([folder], vendor, timeout_s=60)


def fan(library: Library) -> str | None:
    return load_mib_index(library.folder).oid_of("acmeFan")


def test_what_is_added_is_in_the_index_beside_what_comes_along(library: Library) -> None:
    report = add(library, ROOT, leaf())
    assert not report.failures
    assert {each.identity for each in report.compiled} == {("enterprise-4711", "ACME-SMI"), ("enterprise-4711", "ACME-FAN-MIB")}
    index = load_mib_index(library.folder)
    assert index.oid_of("acmeFan") == "1.3.6.1.4.1.4711.1"
    assert index.oid_of("linkDown") == "1.3.6.1.6.3.1.1.5.3"
    assert (library.folder / "sources" / "enterprise-4711" / "ACME-FAN-MIB.txt").read_text() == leaf()


def test_what_a_module_misses_may_come_later(library: Library) -> None:
    """A failure keeps its source, so that nobody has to give it twice."""
    report = add(library, leaf(), vendor="acme")
    assert [failure.message for failure in report.failures] == ["it imports ACME-SMI, which is not among the sources"]
    assert fan(library) is None
    report = add(library, ROOT, vendor="acme")
    assert not report.failures
    assert fan(library) == "1.3.6.1.4.1.4711.1"


def test_what_did_not_change_is_not_compiled_again(library: Library) -> None:
    """A module whose import changed is: its meaning may have."""
    add(library, ROOT, leaf(), vendor="acme")
    again = add(library, ROOT, leaf(), vendor="acme")
    assert [each.fresh for each in again.compiled] == [False, False]
    before = (library.folder / INDEX_NAME).read_bytes()
    add(library, ROOT.replace("4711", "4712"), vendor="acme")
    assert fan(library) == "1.3.6.1.4.1.4712.1"
    assert (library.folder / INDEX_NAME).read_bytes() != before
    add(library, ROOT, vendor="acme")
    assert (library.folder / INDEX_NAME).read_bytes() == before


def test_a_broken_successor_leaves_the_one_before(library: Library) -> None:
    add(library, ROOT, leaf(), vendor="acme")
    report = add(library, leaf(2).replace("Integer32", "oops oops"), vendor="acme")
    assert [failure.remedy.endswith("; the one before stays") for failure in report.failures] == [True]
    assert fan(library) == "1.3.6.1.4.1.4711.1"
    assert library.sources()["acme", "ACME-FAN-MIB"].text == leaf()


def test_two_vendors_may_have_one_module_name(library: Library) -> None:
    """Each imports its own vendor's; an OID is never read by the other's."""
    add(library, ROOT, leaf(), vendor="acme")
    add(library, ROOT.replace("4711", "5000"), leaf(7), vendor="zenith")
    index = load_mib_index(library.folder)
    assert index.oid_of("acme/ACME-FAN-MIB::acmeFan") == "1.3.6.1.4.1.4711.1"
    assert index.oid_of("zenith/ACME-FAN-MIB::acmeFan") == "1.3.6.1.4.1.5000.7"
    assert index.qualified("1.3.6.1.4.1.5000.7") == "zenith/ACME-FAN-MIB::acmeFan"
    assert index.named("1.3.6.1.4.1.5000.7.0") == "acmeFan.0"


def test_of_two_texts_for_one_module_the_first_is_taken_and_the_second_told(library: Library) -> None:
    report = add(library, ROOT, leaf(1), leaf(2), vendor="acme")
    assert ["another text of acme's module of this name is in" in failure.message for failure in report.failures] == [True]
    assert fan(library) == "1.3.6.1.4.1.4711.1"


def test_an_index_that_the_rules_refuse_changes_nothing(library: Library) -> None:
    """Neither the index nor the sources."""
    add(library, ROOT, leaf(), vendor="acme")
    before = (library.folder / INDEX_NAME).read_bytes()

    def refuse(index: MibIndex) -> None:
        assert index.oid_of("acmeFan") == "1.3.6.1.4.1.4711.2"
        raise ConfigError([])

    (library.folder.parent / "given" / "0.txt").write_text(leaf(2))
    with pytest.raises(ConfigError):
        library.add([library.folder.parent / "given"], "acme", 60, accept=refuse)
    with pytest.raises(ConfigError):
        library.remove(["ACME-FAN-MIB"], 60, accept=lambda _: (_ for _ in ()).throw(ConfigError([])))
    assert (library.folder / INDEX_NAME).read_bytes() == before
    assert library.sources()["acme", "ACME-FAN-MIB"].text == leaf()


def test_a_module_is_removed_unless_another_imports_it(library: Library) -> None:
    add(library, ROOT, leaf(), vendor="acme")
    with pytest.raises(InUseError, match="acme/ACME-FAN-MIB imports ACME-SMI; remove both"):
        library.remove(["ACME-SMI"], 60)
    with pytest.raises(KeyError):
        library.remove(["ACME-FANN-MIB"], 60)
    assert library.remove(["acme/ACME-FAN-MIB", "ACME-SMI"], 60) == (("acme", "ACME-FAN-MIB"), ("acme", "ACME-SMI"))
    assert library.sources() == {}
    assert fan(library) is None
    assert load_mib_index(library.folder).oid_of("linkDown")


def test_the_index_can_be_made_anew_from_the_sources(library: Library) -> None:
    """After an update of the package, say; the bytes are the same."""
    add(library, ROOT, leaf())
    before = (library.folder / INDEX_NAME).read_bytes()
    (library.folder / INDEX_NAME).unlink()
    report = library.rebuild(60)
    assert all(each.fresh for each in report.compiled)
    assert (library.folder / INDEX_NAME).read_bytes() == before
