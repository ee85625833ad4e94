"""The network as a fold: what each command changes, and that its opposite undoes it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.lab.command import Target, targets
from pipeline.lab.command import parse as parse_command
from pipeline.lab.network import Change, Fact, Network, NetworkState, apply, begin
from pipeline.lab.plant import Plant
from pipeline.lab.traffic import NANOSECONDS
from tests.support.lab import lab_inventory

NETWORK = Network(Plant.of(lab_inventory()), seed=7)
START = 1_795_000_000 * NANOSECONDS
LINK = "ams-p1/et-0/0/0"


def at(second: float) -> int:
    return START + int(second * NANOSECONDS)


def play(*steps: tuple[float, str]) -> tuple[NetworkState, list[tuple[Change, ...]]]:
    state, story = begin(NETWORK, START), []
    for second, text in steps:
        state, changes = apply(NETWORK, state, parse_command(NETWORK.plant, text), at(second))
        story.append(changes)
    return state, story


def facts(changes: tuple[Change, ...], fact: Fact) -> set[str]:
    return {change.name for change in changes if change.fact is fact}


def octets_out(state: NetworkState, interface: str, second: float) -> int:
    return state.meters[interface].octets_out.read(at(second))


def test_a_cut_darkens_drops_and_tells_in_the_order_in_which_a_network_notices() -> None:
    _, (changes,) = play((0, "cut f-ams-rtm-1"))
    assert [change.fact for change in changes] == sorted((change.fact for change in changes), key=list(Fact).index)
    assert not any(change.up for change in changes)
    assert facts(changes, Fact.SESSION) == {
        *("ams-p1/rtm-p1", "rtm-p1/ams-p1"),
        *("ams-pe1/ley-ac1", "ley-ac1/ams-pe1"),
        *("ams-pe1/dft-ac1", "dft-ac1/ams-pe1"),
    }
    assert facts(changes, Fact.SERVICE) == {"nsx-lowlat-1", "dzr-vpn-1", "slg-eline-1", "slb-internet-1"}


def test_cutting_what_is_cut_changes_nothing() -> None:
    _, (_, again) = play((0, "cut f-ams-rtm-1"), (1, "cut f-ams-rtm-1"))
    assert again == ()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("false-raise interface/ams-p1/et-0/0/0", Change(Fact.INTERFACE, "ams-p1/et-0/0/0", up=False)),
        ("false-clear peer/ams-p1/127.20.0.2", Change(Fact.SESSION, "ams-p1/rtm-p1", up=True)),
        ("false-raise device/ams-p1", Change(Fact.POWER, "ams-p1", up=False)),
    ],
)
def test_what_is_untrue_is_said_and_changes_nothing(command: str, told: Change) -> None:
    """The device's notification goes out; what it would answer to a question stays as it was."""
    state, (changes,) = play((0, command))
    assert changes == (told,)
    assert state.condition == begin(NETWORK, START).condition
    assert state.changed_at == begin(NETWORK, START).changed_at


REVERSES = [
    ("fail-peer ams-p1/127.20.0.2", "restore-peer ams-p1/127.20.0.2"),
    ("cut f-ams-rtm-1", "mend f-ams-rtm-1"),
    ("cut d-rtm-bru", "mend d-rtm-bru"),
    (f"fail-port {LINK}", f"restore-port {LINK}"),
    ("fail-power ams-p1", "restore-power ams-p1"),
    ("cut f-fra-mai-1", "mend-all"),
]


@pytest.mark.parametrize(("fault", "remedy"), REVERSES)
def test_the_remedy_reverses_every_change(fault: str, remedy: str) -> None:
    state, (down, up) = play((0, fault), (60, remedy))
    assert down
    assert set(up) == {replace(change, up=True) for change in down}
    assert state.condition == begin(NETWORK, START).condition


def test_a_mended_fibre_helps_nothing_while_its_duct_is_cut() -> None:
    _, (_, _, mended) = play((0, "cut f-rtm-bru-1"), (1, "cut d-rtm-bru"), (2, "mend f-rtm-bru-1"))
    assert mended == ()


def test_an_interface_that_is_down_counts_nothing_and_goes_on_when_up() -> None:
    state, _ = play((10, "cut f-ams-rtm-1"))
    assert octets_out(state, LINK, 10) == octets_out(state, LINK, 1000) > 0
    mended, _ = apply(NETWORK, state, parse_command(NETWORK.plant, "mend f-ams-rtm-1"), at(1000))
    assert octets_out(mended, LINK, 1001) > octets_out(mended, LINK, 1000) == octets_out(state, LINK, 10)


def test_what_one_end_sends_the_other_receives() -> None:
    state = begin(NETWORK, START)
    sent = octets_out(state, LINK, 30) - octets_out(state, LINK, 0)
    received = state.meters["rtm-p1/et-0/0/0"].octets_in
    assert abs(received.read(at(30)) - received.read(START) - sent) <= sent * 1e-6


def test_a_congested_interface_sends_what_is_offered_up_to_its_speed_and_discards_the_rest() -> None:
    state, _ = play((0, f"congest {LINK} 97"))
    assert octets_out(state, LINK, 10) - octets_out(state, LINK, 0) == pytest.approx(10 * 0.97 * 100e9 / 8, rel=1e-6)
    assert state.meters[LINK].discards_out.read(at(10)) == 0
    state, _ = play((0, f"congest {LINK} 120"))
    assert octets_out(state, LINK, 10) - octets_out(state, LINK, 0) == pytest.approx(10 * 100e9 / 8, rel=1e-6)
    assert state.meters[LINK].discards_out.read(at(10)) > 0
    received = state.meters["rtm-p1/et-0/0/0"].octets_in
    assert received.read(at(10)) - received.read(at(0)) == pytest.approx(10 * 100e9 / 8, rel=1e-6)


def test_a_dirty_interface_counts_errors_until_it_is_cleaned() -> None:
    state, _ = play((0, f"dirty {LINK} 50"), (10, f"clean {LINK}"))
    assert state.meters[LINK].errors_in.read(at(100)) == 500


def test_a_device_that_comes_back_booted_first_and_counts_from_zero() -> None:
    state, (down, up) = play((0, "fail-device lon-pe1"), (60, "restore-device lon-pe1"))
    assert Fact.BOOT not in {change.fact for change in down}
    assert up[0] == Change(Fact.BOOT, "lon-pe1", up=True)
    assert state.booted_at["lon-pe1"] == at(60)
    assert octets_out(state, "lon-pe1/et-0/0/0", 60) == 0
    assert octets_out(state, "lon-p1/et-0/0/2", 60) > 0


def test_a_reboot_resets_the_device_and_nothing_around_it() -> None:
    state, (changes,) = play((5, "reboot ams-p1"))
    assert changes == (Change(Fact.BOOT, "ams-p1", up=True),)
    assert octets_out(state, LINK, 5) == 0
    assert octets_out(state, LINK, 6) > 0


def test_a_dead_device_cannot_reboot() -> None:
    _, (_, reboot) = play((0, "fail-device ams-p1"), (1, "reboot ams-p1"))
    assert reboot == ()


def test_the_same_seed_begins_the_same_network() -> None:
    assert begin(NETWORK, START) == begin(NETWORK, START)
    assert begin(NETWORK, START) != begin(Network(NETWORK.plant, seed=8), START)


faults = st.one_of(
    st.sampled_from(sorted(targets(NETWORK.plant, Target.ROUTE))).map("cut {}".format),
    st.sampled_from(sorted(targets(NETWORK.plant, Target.DEVICE))).map("fail-device {}".format),
    st.sampled_from(sorted(targets(NETWORK.plant, Target.INTERFACE))).map("fail-port {}".format),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(faults, min_size=1, max_size=6))
def test_whatever_fails_every_fact_alternates_and_ends_up_when_all_is_mended(texts: list[str]) -> None:
    """Each fact goes down once before it comes up: nobody hears of an end without a beginning."""
    _, story = play(*enumerate([*texts, "mend-all"]))
    down: set[tuple[Fact, str]] = set()
    for change in (change for changes in story for change in changes if change.fact is not Fact.BOOT):
        key = (change.fact, change.name)
        assert (key in down) == change.up
        down ^= {key}
    assert not down
