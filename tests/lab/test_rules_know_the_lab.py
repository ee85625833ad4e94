"""The rules that come with the package understand all that the lab's devices send: each notification is an event on its own resource."""

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.config.rule_files import load_rules
from pipeline.core.directory import Directory
from pipeline.core.event import Event, Signal
from pipeline.core.normalize import normalize
from pipeline.core.raw import RawTrap, SnmpVersion
from pipeline.core.rule import RuleBook
from pipeline.lab.network import Change, Fact, Network, begin
from pipeline.lab.notification import Notification, authentication_failure, traps_for
from pipeline.lab.plant import Plant
from pipeline.resources import data_dir
from tests.support.lab import lab_inventory

NETWORK = Network(Plant.of(lab_inventory()))
EXAMPLES = {
    Fact.LIGHT: ("ams-p1/et-0/0/0", "optical-loss-of-signal"),
    Fact.INTERFACE: ("ams-p1/et-0/0/0", "link-down"),
    Fact.SESSION: ("ams-p1/rtm-p1", "peer-down"),
    Fact.LSP: ("ams-rtm-a", "lsp-down"),
    Fact.SERVICE: ("nsx-lowlat-1", "service-oam-down"),
    Fact.POWER: ("ams-p1", "power-failure"),
}


@pytest.fixture(scope="module")
def rules() -> RuleBook:
    return load_rules(data_dir("rules"), load_mib_index(data_dir("mibs")))


def events_of(notification: Notification, rules: RuleBook) -> tuple[Event, ...]:
    source = lab_inventory().devices[notification.device].address
    trap = RawTrap("trap-1", 1, 0, source, SnmpVersion.V2C, notification.trap_oid, notification.varbinds)
    return normalize(trap, rules, Directory.of(lab_inventory()))


@pytest.mark.parametrize("up", [False, True], ids=["raise", "clear"])
@pytest.mark.parametrize("fact", EXAMPLES)
def test_a_change_raises_and_clears_one_alarm_of_its_resource(fact: Fact, up: bool, rules: RuleBook) -> None:
    name, alarm_type = EXAMPLES[fact]
    for notification in traps_for(NETWORK, begin(NETWORK, 0), Change(fact, name, up), 0):
        (event,) = events_of(notification, rules)
        assert (event.resource, event.alarm_type) == (notification.resource, alarm_type)
        assert event.signal is (Signal.CLEAR if up else Signal.RAISE)


def test_a_start_and_a_wrong_community_are_known_and_open_nothing(rules: RuleBook) -> None:
    (boot,) = traps_for(NETWORK, begin(NETWORK, 0), Change(Fact.BOOT, "ams-p1", up=True), 0)
    events = [event for notification in (boot, authentication_failure("ams-p1")) for event in events_of(notification, rules)]
    assert [(event.alarm_type, event.signal) for event in events] == [
        ("cold-start", Signal.NOTIFY),
        ("authentication-failure", Signal.NOTIFY),
    ]
