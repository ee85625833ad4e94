"""A notification becomes an event on the finest resource it names; what no rule or no inventory knows becomes one too, never silence."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.mib_file import load_mib_index
from pipeline.config.rule_files import load_rules
from pipeline.core.directory import Directory
from pipeline.core.event import Condition, EventSource, Severity, Signal
from pipeline.core.inventory import Device, Interface, Inventory
from pipeline.core.normalize import MAX_ATTRIBUTES, normalize
from pipeline.core.raw import RawTrap, SnmpVersion, ValueType, VarBind
from pipeline.core.resource import device_of

ROOT = Path(__file__).resolve().parents[2]
MIBS = load_mib_index(ROOT / "mibs")
RULES = load_rules(ROOT / "rules", MIBS)
PE1 = Device("pe1", "ams", "192.0.2.1", domain="west", interfaces=(Interface("ge-0/0/1", 1, 1000),))
DIRECTORY = Directory.of(Inventory("v", devices={"pe1": PE1}))
LINK_DOWN = RawTrap(
    collector="trap-1",
    sequence=42,
    received_at=1_700_000_000_000_000_000,
    source="192.0.2.1",
    version=SnmpVersion.V2C,
    trap_oid="1.3.6.1.6.3.1.1.5.3",
    varbinds=(
        VarBind("1.3.6.1.2.1.2.2.1.1.1", ValueType.INTEGER, 1),
        VarBind("1.3.6.1.2.1.2.2.1.7.1", ValueType.INTEGER, 1),
        VarBind("1.3.6.1.2.1.2.2.1.8.1", ValueType.INTEGER, 2),
    ),
)


def test_a_known_notification_is_an_event_with_its_evidence() -> None:
    (event,) = normalize(LINK_DOWN, RULES, DIRECTORY, MIBS)
    assert (event.id, event.collector, event.sequence) == ("trap-1:42:0", "trap-1", 42)
    assert event.occurred_at == LINK_DOWN.received_at
    assert (event.resource, event.device, event.domain) == ("interface/pe1/ge-0/0/1", "pe1", "west")
    assert (event.alarm_type, event.signal, event.severity) == ("link-down", Signal.RAISE, Severity.MAJOR)
    assert (event.condition, event.source, event.authenticated) == (Condition.DOWN, EventSource.TRAP, False)
    assert event.rule == "if-link-down"
    assert event.attributes == {"ifIndex": "1", "ifAdminStatus": "up(1)", "ifOperStatus": "down(2)"}


def test_the_same_notification_is_the_same_event_at_every_replay() -> None:
    assert normalize(LINK_DOWN, RULES, DIRECTORY, MIBS) == normalize(LINK_DOWN, RULES, DIRECTORY, MIBS)


def test_rules_work_without_any_mib_and_names_become_numbers() -> None:
    (event,) = normalize(LINK_DOWN, RULES, DIRECTORY)
    assert (event.resource, event.signal) == ("interface/pe1/ge-0/0/1", Signal.RAISE)
    assert event.attributes["1.3.6.1.2.1.2.2.1.8.1"] == "2"


def test_an_unknown_notification_keeps_its_number_and_what_it_carried() -> None:
    trap = replace(LINK_DOWN, trap_oid="1.3.6.1.4.1.9.9.7", varbinds=(VarBind("1.3.6.1.4.1.9.1.5", ValueType.OCTET_STRING, b"hot\x1b[m"),))
    (event,) = normalize(trap, RULES, DIRECTORY, MIBS)
    assert (event.resource, event.alarm_type, event.signal) == ("device/pe1", "unknown-notification", Signal.NOTIFY)
    assert event.attributes == {"snmpTrapOID": "1.3.6.1.4.1.9.9.7", "1.3.6.1.4.1.9.1.5": "68:6f:74:1b:5b:6d"}
    assert event.qualifier == "1.3.6.1.4.1.9.9.7"
    assert event.text == "pe1 sent 1.3.6.1.4.1.9.9.7, which no rule knows"


def test_an_unknown_sender_is_a_resource_of_its_own_and_takes_nothing_down() -> None:
    """It claims that a declared path is down; the claim stays words in the qualifier."""
    trap = replace(LINK_DOWN, source="203.0.113.9", trap_oid="1.3.6.1.4.1.8072.9999.9999.42.0.1")
    trap = replace(trap, varbinds=(VarBind("1.3.6.1.4.1.8072.9999.9999.42.1.1.0", ValueType.OCTET_STRING, b"ams-rtm-a"),))
    (event,) = normalize(trap, RULES, DIRECTORY, MIBS)
    assert (event.resource, event.qualifier) == ("unknown/203.0.113.9", "lsp/ams-rtm-a")
    assert (event.condition, event.device, event.domain) == (Condition.NONE, "203.0.113.9", "default")


def test_an_unknown_notification_of_an_unknown_sender_is_an_event_too() -> None:
    (event,) = normalize(replace(LINK_DOWN, source="203.0.113.9", trap_oid="1.3.6.1.4.1.9.9.7"), RULES, DIRECTORY, MIBS)
    assert (event.resource, event.alarm_type) == ("unknown/203.0.113.9", "unknown-notification")


def test_two_interfaces_of_an_unknown_sender_are_two_alarms() -> None:
    other = tuple(
        replace(varbind, oid=varbind.oid[:-1] + "2", value=2 if place == 0 else varbind.value)
        for place, varbind in enumerate(LINK_DOWN.varbinds)
    )
    events = [
        normalize(replace(LINK_DOWN, source="203.0.113.9", varbinds=each), RULES, DIRECTORY, MIBS)[0]
        for each in (LINK_DOWN.varbinds, other)
    ]
    assert [event.qualifier for event in events] == ["interface/203.0.113.9/if1", "interface/203.0.113.9/if2"]


def test_a_v3_notification_stays_authenticated() -> None:
    (event,) = normalize(replace(LINK_DOWN, version=SnmpVersion.V3, authenticated=True), RULES, DIRECTORY, MIBS)
    assert event.authenticated


def test_an_interface_that_somebody_shut_is_no_fault() -> None:
    varbinds = (LINK_DOWN.varbinds[0], replace(LINK_DOWN.varbinds[1], value=2), LINK_DOWN.varbinds[2])
    (event,) = normalize(replace(LINK_DOWN, varbinds=varbinds), RULES, DIRECTORY, MIBS)
    assert (event.alarm_type, event.signal, event.severity, event.condition) == (
        "link-disabled",
        Signal.NOTIFY,
        Severity.WARNING,
        Condition.NONE,
    )


def test_the_same_object_twice_keeps_both_values() -> None:
    varbinds = (*LINK_DOWN.varbinds, VarBind("1.3.6.1.2.1.2.2.1.8.7", ValueType.INTEGER, 1))
    (event,) = normalize(replace(LINK_DOWN, varbinds=varbinds), RULES, DIRECTORY, MIBS)
    assert (event.attributes["ifOperStatus"], event.attributes["ifOperStatus[ifIndex=7]"]) == ("down(2)", "up(1)")


def test_ten_thousand_varbinds_are_counted_not_shown() -> None:
    varbinds = tuple(VarBind(f"1.3.9.{number}", ValueType.INTEGER, number) for number in range(10_000))
    (event,) = normalize(replace(LINK_DOWN, varbinds=varbinds), RULES, DIRECTORY, MIBS)
    assert len(event.attributes) == MAX_ATTRIBUTES + 1
    assert event.attributes["more"] == str(10_000 - MAX_ATTRIBUTES)


_VALUES = st.one_of(
    st.tuples(st.sampled_from([ValueType.INTEGER, ValueType.COUNTER64, ValueType.TIME_TICKS]), st.integers()),
    st.tuples(st.sampled_from([ValueType.OCTET_STRING, ValueType.OPAQUE]), st.binary(max_size=300)),
    st.tuples(st.just(ValueType.NULL), st.none()),
)
_OIDS = st.one_of(
    st.sampled_from([*MIBS.objects]),
    st.sampled_from([*MIBS.objects]).flatmap(lambda base: st.integers(0, 2**32 - 1).map(lambda index: f"{base}.{index}")),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20).map(lambda arcs: "1.3." + ".".join(map(str, arcs))),
)


@pytest.mark.parametrize("trap_oid", [*RULES.by_oid, "1.3.6.1.4.1.1"])
@given(st.lists(st.tuples(_OIDS, _VALUES), max_size=6), st.sampled_from(["192.0.2.1", "203.0.113.9", "2001:db8::9"]))
def test_whatever_a_notification_carries_it_becomes_one_event_of_its_sender(
    trap_oid: str, content: list[tuple[str, tuple[ValueType, int | bytes | None]]], source: str
) -> None:
    varbinds = tuple(VarBind(oid, kind, value) for oid, (kind, value) in content)
    (event,) = normalize(replace(LINK_DOWN, source=source, trap_oid=trap_oid, varbinds=varbinds), RULES, DIRECTORY, MIBS)
    assert event.resource.isprintable()
    assert event.text.isprintable()
    assert all(value.isprintable() for value in event.attributes.values())
    if source == "192.0.2.1":
        assert device_of(event.resource) in {"pe1", None}
    else:
        assert event.resource == f"unknown/{source}"
