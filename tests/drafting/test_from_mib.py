"""A MIB's notifications become rules to start from: pairs, states, severities and places are guessed, and each guess says why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.core.event import Severity, Signal
from pipeline.core.mib import MibIndex
from pipeline.core.resource import ResourceKind
from pipeline.drafting.draft import Draft, DraftRule, Names, Taken
from pipeline.drafting.from_mib import draft_module
from pipeline.drafting.proof import Ground, ground, prove
from pipeline.mib.compiling import compile_mibs
from pipeline.mib.describe import describe
from pipeline.mib.source import find_sources

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLANT = HERE / "ACME-PLANT-MIB.txt"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> MibIndex:
    report = compile_mibs([PLANT], tmp_path_factory.mktemp("mibs"), 60, ROOT / "mibs" / "standard.yaml")
    assert report.failures == ()
    return report.index.merged(load_mib_index(ROOT / "mibs"))


@pytest.fixture(scope="module")
def on(index: MibIndex) -> Iterator[Ground]:
    with ground(ROOT / "rules", index, ()) as place:
        yield place


@pytest.fixture(scope="module")
def drafted(on: Ground) -> Draft:
    taken = Taken(Names(on.book.alarm_types), Names(rule.name for found in on.book.by_oid.values() for rule in found))
    return draft_module("ACME-PLANT-MIB", on.mibs, on.book, taken, describe(find_sources([PLANT])[0]))


def rule(drafted: Draft, name: str) -> DraftRule:
    return {each.form.name: each for each in drafted.rules}[name]


def test_names_that_differ_by_their_last_word_are_raise_and_clear(drafted: Draft) -> None:
    down, up = rule(drafted, "acme-tunnel-down"), rule(drafted, "acme-tunnel-up")
    assert (down.form.signal, up.form.signal) == (Signal.RAISE, Signal.CLEAR)
    assert down.form.alarm_type == up.form.alarm_type == "acme-tunnel-down"
    assert (down.form.resource.kind, down.form.resource.varbind) == (ResourceKind.INTERFACE, "ifIndex")
    assert down.checks == ("acmeTunnelUp ends acmeTunnelDown: their names differ by the word 'up'",)
    assert rule(drafted, "acme-mirror-begin").form.signal is Signal.RAISE
    assert rule(drafted, "acme-mirror-end").form.signal is Signal.CLEAR


def test_states_and_severities_make_a_rule_for_each_side(drafted: Draft) -> None:
    bad, good = rule(drafted, "acme-fan-state-change-raised"), rule(drafted, "acme-fan-state-change-cleared")
    assert (bad.form.when, good.form.when) == ({"acmeFanState": ["failed", "absent"]}, {"acmeFanState": "ok"})
    assert bad.form.resource.kind is ResourceKind.CARD
    levels = {each.form.severity for each in drafted.rules if each.form.notification == "acmeAlarm" and each.form.signal is Signal.RAISE}
    assert levels >= {Severity.CRITICAL, Severity.MAJOR, Severity.MINOR, Severity.WARNING}
    assert [each.form.signal for each in drafted.rules if each.form.when == {"acmeAlarmSeverity": "cleared"}] == [Signal.CLEAR]


def test_what_neither_raises_nor_clears_is_only_told(drafted: Draft) -> None:
    assert rule(drafted, "acme-licence-expired").form.signal is Signal.NOTIFY
    changed = rule(drafted, "acme-config-changed")
    assert (changed.form.signal, changed.form.alarm_type) == (Signal.NOTIFY, "configuration-changed")  # one that is there already


def test_new_alarm_types_have_their_type_and_cause_from_words(drafted: Draft) -> None:
    types = {each.form.name: each for each in drafted.types}
    assert types["acme-fan-state-change"].form.probable_cause == "x733/heating-or-ventilation-or-cooling-system-problem"
    assert types["acme-tunnel-down"].form.description == "A tunnel's interface went down."
    assert all(each.checks for each in drafted.types)


def test_what_is_written_loads_and_every_rule_reads_its_own_example(drafted: Draft, on: Ground) -> None:
    proof = prove([drafted], "drafted", on, Path("out"))
    assert (proof.problems, proof.unread) == ((), ())
    assert proof.tests == len(drafted.rules) + len(drafted.types)


def test_notifications_that_have_a_rule_are_left_alone(on: Ground) -> None:
    taken = Taken(Names(), Names())
    again = draft_module("IF-MIB", on.mibs, on.book, taken)
    assert again.rules == ()
    assert {each.kind for each in again.refusals} == {"ruled"}
