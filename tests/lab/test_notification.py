"""Who sends what about a change, when, and what becomes of it."""

import pytest

from pipeline.core.raw import ValueType, VarBind
from pipeline.lab.command import parse
from pipeline.lab.delivery import Fate, admit
from pipeline.lab.network import Change, Fact, Network, NetworkState, apply, begin
from pipeline.lab.notification import DELAYS_MS, Notification, traps_for
from pipeline.lab.plant import Plant
from tests.support.lab import lab_inventory

NETWORK = Network(Plant.of(lab_inventory()), seed=7)
LAB = "1.3.6.1.4.1.8072.9999.9999.42.0"
STANDARD = "1.3.6.1.6.3.1.1.5"


def state_after(*texts: str) -> NetworkState:
    state = begin(NETWORK, 0)
    for at, text in enumerate(texts):
        state, _ = apply(NETWORK, state, parse(NETWORK.plant, text), at)
    return state


def sent(change: Change, *texts: str) -> tuple[Notification, ...]:
    return traps_for(NETWORK, state_after(*texts), change, 0)


CONTENTS = [
    (Change(Fact.LIGHT, "ams-p1/et-0/0/0", up=False), f"{LAB}.3", "port/ams-p1/et-0/0/0", [1, b"et-0/0/0", -400]),
    (Change(Fact.LIGHT, "ams-p1/et-0/0/0", up=True), f"{LAB}.4", "port/ams-p1/et-0/0/0", [1, b"et-0/0/0", -32]),
    (Change(Fact.INTERFACE, "ams-p1/et-0/0/0", up=False), f"{STANDARD}.3", "interface/ams-p1/et-0/0/0", [1, 1, 2, b"et-0/0/0"]),
    (Change(Fact.INTERFACE, "ams-p1/et-0/0/0", up=True), f"{STANDARD}.4", "interface/ams-p1/et-0/0/0", [1, 1, 1, b"et-0/0/0"]),
    (Change(Fact.SESSION, "ams-p1/rtm-p1", up=False), "1.3.6.1.2.1.15.0.2", "peer/ams-p1/127.20.0.2", [b"127.20.0.2", b"\x04\x00", 1]),
    (Change(Fact.SESSION, "ams-p1/rtm-p1", up=True), "1.3.6.1.2.1.15.0.1", "peer/ams-p1/127.20.0.2", [b"127.20.0.2", b"\x04\x00", 6]),
    (Change(Fact.LSP, "ams-rtm-a", up=False), f"{LAB}.1", "lsp/ams-rtm-a", [b"ams-rtm-a"]),
    (Change(Fact.LSP, "ams-rtm-a", up=True), f"{LAB}.2", "lsp/ams-rtm-a", [b"ams-rtm-a"]),
    (Change(Fact.SERVICE, "nsx-vpn-1", up=False), f"{LAB}.5", "service/nsx-vpn-1", [b"nsx-vpn-1"]),
    (Change(Fact.SERVICE, "nsx-vpn-1", up=True), f"{LAB}.6", "service/nsx-vpn-1", [b"nsx-vpn-1"]),
    (Change(Fact.POWER, "ams-p1", up=False), f"{LAB}.7", "device/ams-p1", []),
    (Change(Fact.POWER, "ams-p1", up=True), f"{LAB}.8", "device/ams-p1", []),
    (Change(Fact.BOOT, "ams-p1", up=True), f"{STANDARD}.1", "device/ams-p1", []),
]


@pytest.mark.parametrize(("change", "trap_oid", "resource", "values"), CONTENTS, ids=lambda value: str(value)[:40])
def test_each_change_has_its_notification(change: Change, trap_oid: str, resource: str, values: list[int | bytes]) -> None:
    notification = sent(change)[0]
    assert (notification.trap_oid, notification.resource) == (trap_oid, resource)
    assert [varbind.value for varbind in notification.varbinds] == values
    assert notification.clears == (change.up and change.fact is not Fact.BOOT)


def test_the_contents_cover_every_kind_of_change() -> None:
    assert {(change.fact, change.up) for change, *_ in CONTENTS} == set(DELAYS_MS)


def test_a_link_notification_names_the_interface_by_number_and_by_name() -> None:
    down = sent(Change(Fact.INTERFACE, "rtm-p1/et-0/0/4", up=False))[0]
    assert down.varbinds[0] == VarBind("1.3.6.1.2.1.2.2.1.1.5", ValueType.INTEGER, 5)
    assert down.varbinds[3] == VarBind("1.3.6.1.2.1.31.1.1.1.1.5", ValueType.OCTET_STRING, b"et-0/0/4")


def test_a_path_is_reported_by_its_head_and_a_service_by_every_end() -> None:
    assert [n.device for n in sent(Change(Fact.LSP, "rtm-lon-a", up=False))] == ["rtm-pe1"]
    assert {n.device for n in sent(Change(Fact.SERVICE, "dzr-vpn-1", up=False))} == {"ams-pe1", "ley-ac1", "rtm-pe1"}


def test_the_dead_say_nothing() -> None:
    assert sent(Change(Fact.INTERFACE, "lon-pe1/et-0/0/0", up=False), "fail-device lon-pe1") == ()
    assert {n.device for n in sent(Change(Fact.SERVICE, "nsx-vpn-1", up=False), "fail-device lon-pe1")} == {"ams-pe1"}


@pytest.mark.parametrize(("change", "low_high"), [(change, DELAYS_MS[change.fact, change.up]) for change, *_ in CONTENTS])
def test_delays_are_jittered_within_their_bounds_and_repeat_for_the_same_seed(change: Change, low_high: tuple[int, int]) -> None:
    first = sent(change)
    assert first == sent(change)
    assert all(low_high[0] <= notification.delay_ms <= low_high[1] for notification in first)


def test_what_an_isolated_device_says_is_lost() -> None:
    state = state_after("cut f-ams-rtm-1")
    lost = traps_for(NETWORK, state, Change(Fact.INTERFACE, "ley-ac1/xe-0/0/0", up=False), 0)[0]
    assert admit(state, lost) == (state, Fate.UNREACHABLE)


def test_a_device_loses_its_next_notifications_whatever_they_say() -> None:
    """As many as asked, of that device alone, before losses of single resources are counted."""
    state = state_after("drop-traps ams-p1 2", "drop-clears interface/ams-p1/et-0/0/0")
    link = Change(Fact.INTERFACE, "ams-p1/et-0/0/0", up=True)
    fates = []
    for change in (link, link, Change(Fact.INTERFACE, "rtm-p1/et-0/0/0", up=True), link, link):
        state, fate = admit(state, traps_for(NETWORK, state, change, 0)[0])
        fates.append(fate)
    assert fates == [Fate.DROPPED, Fate.DROPPED, Fate.SENT, Fate.DROPPED, Fate.SENT]


def test_a_loss_that_was_asked_for_happens_as_often_as_asked_and_only_to_that_signal() -> None:
    state = state_after("drop-clears interface/ams-p1/et-0/0/0 2")
    down = sent(Change(Fact.INTERFACE, "ams-p1/et-0/0/0", up=False))[0]
    up = sent(Change(Fact.INTERFACE, "ams-p1/et-0/0/0", up=True))[0]
    fates = []
    for notification in (down, up, down, up, up):
        state, fate = admit(state, notification)
        fates.append(fate)
    assert fates == [Fate.SENT, Fate.DROPPED, Fate.SENT, Fate.DROPPED, Fate.SENT]
