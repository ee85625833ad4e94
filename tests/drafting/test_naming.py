"""Two vendors that publish the same names: each rule means the objects of its own vendor, and says so in names that lead to them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.core.event import Signal
from pipeline.core.mib import MibIndex, MibModule, MibNode, MibNotification, MibObject, Syntax
from pipeline.drafting import from_opennms, from_snmptt
from pipeline.drafting.draft import Draft, Names, Taken
from pipeline.drafting.from_mib import draft_module
from pipeline.drafting.proof import Ground, ground, prove

ROOT = Path(__file__).resolve().parents[2]
ACME, ZENITH = "1.3.6.1.4.1.4711", "1.3.6.1.4.1.4712"


def module(vendor: str, root: str, labels: dict[int, str]) -> MibModule:
    about = {"module": "FAN-MIB", "vendor": vendor}
    state = MibObject("fanState", f"{root}.1.1.1.2", Syntax.INTEGER, enumeration=labels, **about)
    number = MibObject("fanNumber", f"{root}.1.1.1.1", Syntax.INTEGER, **about)
    row = MibNode("fanEntry", f"{root}.1.1.1", index=(number.oid,), **about)
    return MibModule(
        "FAN-MIB", vendor, (number, state), (MibNotification("fanChange", f"{root}.0.1", objects=("fanState",), **about),), (row,)
    )


@pytest.fixture
def on() -> Iterator[Ground]:
    both = (module("acme", ACME, {1: "ok", 2: "failed"}), module("zenith", ZENITH, {4: "lost", 7: "normal"}))
    with ground(ROOT / "rules", MibIndex.of_modules(both).merged(load_mib_index(ROOT / "mibs")), ()) as place:
        yield place


def taken(on: Ground) -> Taken:
    return Taken(Names(on.book.alarm_types), Names(rule.name for found in on.book.by_oid.values() for rule in found))


def proved(drafts: list[Draft], on: Ground) -> Draft:
    proof = prove(drafts, "drafted", on, Path("out"))
    assert (proof.problems, proof.unread) == ((), ())
    return drafts[0]


def test_a_draft_names_each_vendor_s_own_objects(on: Ground) -> None:
    rules = proved([draft_module("FAN-MIB", on.mibs, on.book, taken(on))], on).rules
    assert [(rule.form.notification, rule.form.signal, dict(rule.form.when)) for rule in rules] == [
        ("acme/FAN-MIB::fanChange", Signal.RAISE, {"acme/FAN-MIB::fanState": "failed"}),
        ("acme/FAN-MIB::fanChange", Signal.CLEAR, {"acme/FAN-MIB::fanState": "ok"}),
        ("zenith/FAN-MIB::fanChange", Signal.RAISE, {"zenith/FAN-MIB::fanState": "lost"}),
        ("zenith/FAN-MIB::fanChange", Signal.CLEAR, {"zenith/FAN-MIB::fanState": "normal"}),
    ]
    assert {rule.form.resource.index_of for rule in rules} == {"acme/FAN-MIB::fanState", "zenith/FAN-MIB::fanState"}


def test_what_is_imported_means_the_vendor_of_its_number(on: Ground, tmp_path: Path) -> None:
    event = tmp_path / "fan.events.xml"
    event.write_text(
        "<events><event><mask>"
        f"<maskelement><mename>id</mename><mevalue>{ZENITH}</mevalue></maskelement>"
        "<maskelement><mename>generic</mename><mevalue>6</mevalue></maskelement>"
        "<maskelement><mename>specific</mename><mevalue>1</mevalue></maskelement>"
        "<varbind><vbnumber>1</vbnumber><vbvalue>7</vbvalue></varbind></mask>"
        "<uei>uei.zenith.example/fan</uei><event-label>fan</event-label>"
        "<logmsg dest='logndisplay'>fan is %parm[#1]%</logmsg><severity>Minor</severity></event></events>"
    )
    conf = tmp_path / "fan.conf"
    conf.write_text(f'EVENT fan .{ZENITH}.0.1 "Status Events" Minor\nFORMAT fan is $1\nMATCH $1: 7\n')
    for drafts in (
        from_opennms.read_and_draft([event], on.mibs, on.book, taken(on)),
        from_snmptt.read_and_draft([conf], on.mibs, on.book, taken(on)),
    ):
        (rule,) = proved(drafts, on).rules
        assert rule.form.notification == "zenith/FAN-MIB::fanChange"
        assert dict(rule.form.when) == {f"{ZENITH}.1.1.1.2": "normal"}
        assert rule.form.text == f"fan is {{{ZENITH}.1.1.1.2}}"


def test_a_qualified_name_leads_to_one_thing_alone(on: Ground) -> None:
    """The first vendor's too: MODULE::name would be refused, since it may mean either."""
    assert on.mibs.qualified(f"{ACME}.0.1") == "acme/FAN-MIB::fanChange"
    assert on.mibs.meanings("acme/FAN-MIB::fanChange") == ()
    assert on.mibs.qualified("1.3.6.1.2.1.2.2.1.1") == "IF-MIB::ifIndex"
