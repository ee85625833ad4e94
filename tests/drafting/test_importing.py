"""What OpenNMS and snmptt know becomes rules that load and read their own examples; what does not is told with file, line and reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.event import Severity, Signal
from pipeline.drafting import from_opennms, from_snmptt
from pipeline.drafting.draft import Draft, DraftRule, Names, Taken
from pipeline.drafting.eventconf import read_eventconf
from pipeline.drafting.proof import Ground, ground, prove

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EVENTS, SNMPTT = HERE / "acme.events.xml", HERE / "snmptt.conf"


@pytest.fixture
def on() -> Iterator[Ground]:
    """The rules and the MIB index that come along."""
    from pipeline.config.mib_file import load_mib_index  # noqa: PLC0415  # for this fixture alone

    with ground(ROOT / "rules", load_mib_index(ROOT / "mibs"), ()) as place:
        yield place


def taken(on: Ground) -> Taken:
    return Taken(Names(on.book.alarm_types), Names(rule.name for found in on.book.by_oid.values() for rule in found))


def opennms(on: Ground, *files: Path) -> list[Draft]:
    return from_opennms.read_and_draft(files, on.mibs, on.book, taken(on))


def snmptt(on: Ground, *files: Path) -> list[Draft]:
    return from_snmptt.read_and_draft(files, on.mibs, on.book, taken(on))


def by_name(drafts: list[Draft]) -> dict[str, DraftRule]:
    return {rule.form.name: rule for draft in drafts for rule in draft.rules}


def told(drafts: list[Draft], *, lost: bool = False) -> dict[str, str]:
    found = [each for draft in drafts for each in (draft.losses if lost else draft.refusals)]
    return {each.kind: str(each) for each in found}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def event(uei: str, specific: int, more: str = "", *, severity: str = "Major", mask: str = "") -> str:
    parts = {"id": ".1.3.6.1.4.1.4711.5", "generic": "6", "specific": str(specific)}
    elements = "".join(f"<maskelement><mename>{key}</mename><mevalue>{value}</mevalue></maskelement>" for key, value in parts.items())
    return (
        f"<event><mask>{elements}{mask}</mask><uei>uei.acme.example/{uei}</uei><event-label>{uei}</event-label>"
        f'<logmsg dest="logndisplay">{uei} %parm[#1]%</logmsg><severity>{severity}</severity>{more}</event>'
    )


def events(folder: Path, *found: str, head: str = "") -> Path:
    return write(folder, "x.events.xml", f"{head}<events>{''.join(found)}</events>")


def test_reduction_and_clear_keys_become_raise_and_clear_of_one_alarm(on: Ground) -> None:
    """With what the key adds to the sender as the qualifier, and the condition on a varbind as `when`."""
    rules = by_name(opennms(on, EVENTS))
    failed, well = rules["fan-failed"].form, rules["fan-ok"].form
    assert (failed.signal, well.signal) == (Signal.RAISE, Signal.CLEAR)
    assert failed.alarm_type == well.alarm_type == "fan-failed"
    assert failed.qualifier == well.qualifier == "{#1}"
    assert failed.when == {"#2": [2, 3]}
    assert failed.text == "Fan {#1} of {device} failed with state {#2}."
    assert "2 is slow, 3 is stopped" in " ".join(rules["fan-failed"].notes)


def test_a_clear_key_that_nothing_raises_is_told(on: Ground) -> None:
    drafts = opennms(on, EVENTS)
    assert "no event of these files has the reduction key 'uei.acme.example/traps/neverRaised'" in told(drafts, lost=True)["dangling-clear"]
    assert by_name(drafts)["lonely-clear"].form.signal is Signal.NOTIFY


def test_what_starts_a_command_is_never_carried_over(on: Ground) -> None:
    assert "it starts a command" in told(opennms(on, EVENTS), lost=True)["autoaction"]
    assert "it starts a command" in told(snmptt(on, SNMPTT), lost=True)["EXEC"]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (event("a", 1, mask="<varbind><vbnumber>1</vbnumber><vbvalue>~a+b</vbvalue></varbind>"), "varbind-regex"),
        (event("a", 1).replace(">6<", ">~6<"), "mask-regex"),
        (event("a", 1).replace("4711.5<", "4711.%<"), "mask-wildcard"),
        (event("a", 1).replace('"logndisplay"', '"discardtraps"'), "discarded"),
        ("<event><uei>uei.x/y</uei><logmsg dest='logonly'>x</logmsg><severity>Major</severity></event>", "no-mask"),
        (event("a", 1) + event("b", 1), "same-mask"),
        (event("a", 1).replace("<mename>id</mename>", "<mename>nodeid</mename>"), "mask-element"),
    ],
)
def test_what_has_no_counterpart_is_refused_with_file_line_and_reason(tmp_path: Path, on: Ground, given: str, kind: str) -> None:
    refused = told(opennms(on, events(tmp_path, given)))
    assert kind in refused, refused
    assert f"{tmp_path / 'x.events.xml'}:1: " in refused[kind]


def test_keys_are_the_same_wherever_their_placeholders_mean_the_same(tmp_path: Path, on: Ground) -> None:
    """Another file, another order of events, another way to name the sender: the clear finds its raise."""
    clear = '<alarm-data reduction-key="%uei%:%nodeid%:%parm[#1]%" alarm-type="2" clear-key="uei.acme.example/bad:%nodeid%:%parm[#1]%"/>'
    raised = '<alarm-data reduction-key="%uei%:%dpname%:%nodeid%:%parm[#1]%" alarm-type="1"/>'
    first = write(tmp_path, "first.events.xml", f"<events>{event('good', 2, clear, severity='Cleared')}</events>")
    second = write(tmp_path, "second.events.xml", f"<events>{event('bad', 1, raised)}</events>")
    rules = by_name(opennms(on, first, second))
    assert (rules["bad"].form.signal, rules["good"].form.signal) == (Signal.RAISE, Signal.CLEAR)
    assert rules["bad"].form.alarm_type == rules["good"].form.alarm_type


def test_an_event_with_half_of_anothers_mask_is_for_the_other_half(tmp_path: Path, on: Ground) -> None:
    """SMIv2's and SMIv1's form of one notification: an id that ends in .0 beside the same id without it (RFC 3584 section 3)."""
    first = event("new", 1).replace("4711.5<", "4711.5.0<")
    drafts = opennms(on, events(tmp_path, first, event("old", 1)))
    assert by_name(drafts)["new"].form.enterprise == "1.3.6.1.4.1.4711.5.0"
    assert by_name(drafts)["old"].form.oid == "1.3.6.1.4.1.4711.5.1"
    assert "as 1.3.6.1.4.1.4711.5.1 only" in told(drafts, lost=True)["half-mask"]
    proof = prove(drafts, "imported", on, Path("out"))
    assert (proof.problems, proof.unread) == ((), ())


RAISED = '<alarm-data reduction-key="%uei%:%nodeid%" alarm-type="1"/>'
CLEARED = '<alarm-data reduction-key="%uei%:%nodeid%" alarm-type="2" clear-key="uei.acme.example/a:%nodeid%"/>'


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (event("a", 1, RAISED).replace("logndisplay", "donotpersist") + event("b", 2, CLEARED), "no-alarm"),
        (event("a", 1, '<alarm-data reduction-key="%uei%:%nodeid%" alarm-type="2"/>'), "no-clear-key"),
        (event("a", 1, RAISED), "never-cleared"),
    ],
)
def test_an_alarm_that_cannot_be_one_here_is_told_and_becomes_a_notify(tmp_path: Path, on: Ground, given: str, kind: str) -> None:
    drafts = opennms(on, events(tmp_path, given))
    assert kind in told(drafts, lost=True)
    assert {rule.form.signal for rule in by_name(drafts).values()} == {Signal.NOTIFY}


def test_a_varbind_may_be_named_as_older_files_do(tmp_path: Path, on: Ground) -> None:
    drafts = opennms(on, events(tmp_path, event("a", 1).replace("%parm[#1]%", "%parm2% of %parm0%")))
    assert by_name(drafts)["a"].form.text == "a {#2} of"
    assert "%parm0%" in told(drafts, lost=True)["text-token"]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "text",
    [
        f"{BOMB}<events><event><uei>&b;</uei></event></events>",
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><events><event><uei>&f;</uei></event></events>',
        "<events><event>",
        "no xml",
        "<events></events>",
        "<a>" * 5_000,
    ],
)
def test_hostile_and_broken_files_are_told_and_cost_only_themselves(tmp_path: Path, on: Ground, text: str) -> None:
    bad = write(tmp_path, "bad.events.xml", text)
    found, refusals = read_eventconf(bad)
    assert (found, [each.kind for each in refusals]) == ([], ["unreadable"])
    assert "fan-failed" in by_name(opennms(on, bad, EVENTS))


def test_texts_cannot_carry_markup_control_characters_or_templates_of_ours(tmp_path: Path, on: Ground) -> None:
    given = event("a", 1).replace("a %parm[#1]%", "&lt;b&gt;{device}&lt;/b&gt;&#27;[2J %parm[#1]% %unknown% %nodelabel%")
    drafts = opennms(on, events(tmp_path, given.replace("&#27;", "")))
    assert by_name(drafts)["a"].form.text.startswith("(device)")
    assert by_name(drafts)["a"].form.text.endswith("{device}")
    assert "%unknown%" in told(drafts, lost=True)["text-token"]


def test_snmptt_s_events_become_rules_with_guessed_pairs_marked(on: Ground) -> None:
    rules = by_name(snmptt(on, SNMPTT))
    failed, well, hot = (rules[name] for name in ("acme-fan-failed", "acme-fan-ok", "acme-temp"))
    assert (failed.form.signal, well.form.signal, hot.form.signal) == (Signal.RAISE, Signal.CLEAR, Signal.NOTIFY)
    assert failed.form.alarm_type == well.form.alarm_type
    assert any("acmeFanOk ends acmeFanFailed" in check for check in failed.checks)
    assert hot.form.when == {"#2": {"from": 70, "to": 100}}
    assert failed.form.text == "Fan {#1} of {device} failed, state {#2}"


def test_snmptt_s_wildcards_are_refused_with_their_line(on: Ground) -> None:
    assert "snmptt.conf:12: acmeAny: a wildcard OID" in told(snmptt(on, SNMPTT))["wildcard"]


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ('EVENT a .1.3.6.1.4.1.4711.8.0.1 "x" Major\nFORMAT x\nMATCH $1: (a+b)\n', "match-regex"),
        ('EVENT a .1.3.6.1.4.1.4711.8.0.1 "x" Major\nFORMAT x\nMATCH $s: (a)\n', "match"),
        ('EVENT a .1.3.6.1.4.1.4711.8.0.1 "x" Major\nFORMAT x\nNODES 192.0.2.7\n', "nodes"),
        ('EVENT a .1.3.6.1.4.1.4711.8.0.1 "IGNORE" Major\nFORMAT x\n', "ignored"),
        ('EVENT a not-an-oid "x" Major\nFORMAT x\n', "unknown-name"),
        ("EVENT a .1.3.6.1.4.1.4711.8.0.1\n", "unreadable"),
    ],
)
def test_what_snmptt_has_beyond_our_rules_is_refused_with_its_line(tmp_path: Path, on: Ground, lines: str, kind: str) -> None:
    drafts = snmptt(on, write(tmp_path, "x.conf", lines))
    assert list(told(drafts)) == [kind]
    assert f"{tmp_path / 'x.conf'}:1: " in told(drafts)[kind]
    assert by_name(drafts) == {}


def test_snmptt_s_line_ends_in_a_text_are_spaces(tmp_path: Path, on: Ground) -> None:
    drafts = snmptt(on, write(tmp_path, "x.conf", 'EVENT a .1.3.6.1.4.1.4711.8.0.1 "x" Major\nFORMAT disk $2,\\nrack $1\n'))
    assert by_name(drafts)["a"].form.text == "disk {#2}, rack {#1}"


@pytest.mark.parametrize("read", [opennms, snmptt], ids=["opennms", "snmptt"])
def test_what_is_written_loads_and_every_rule_reads_its_own_example(on: Ground, read: object) -> None:
    drafts = opennms(on, EVENTS) if read is opennms else snmptt(on, SNMPTT)
    proof = prove(drafts, "imported", on, Path("out"))
    assert (proof.problems, proof.unread) == ((), ())
    assert proof.tests == sum(len(draft.rules) + len(draft.types) for draft in drafts) > 0
    assert any("tests:" in text for text in proof.files.values())


def test_severities_are_carried_over(tmp_path: Path, on: Ground) -> None:
    raised = '<alarm-data reduction-key="%uei%:%nodeid%" alarm-type="1"/>'
    for word, severity in (("Critical", Severity.CRITICAL), ("Minor", Severity.MINOR), ("Warning", Severity.WARNING)):
        drafts = opennms(on, events(tmp_path, event("a", 1, raised, severity=word)))
        (new,) = (each for draft in drafts for each in draft.types)
        assert new.form.severity is severity
