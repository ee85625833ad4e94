"""A poll gives the KPIs of its device and of every declared interface, each with its quality."""

from dataclasses import replace

import pytest

from pipeline.core.directory import Directory
from pipeline.core.kpi import DEVICE_KPIS, KpiBatch, Quality
from pipeline.core.measure import Seen, measured
from pipeline.core.raw import PollOutcome, RawPoll
from tests.support.polls import DIRECTORY, KPIS, MEASURING, cells, device_of, inventory_of, poll_of, unanswered

INTERFACE_KPIS = tuple(rule.name for rule in KPIS if rule.table == "interfaces")
EXACT = ("in_bps", "out_bps", "in_utilisation", "out_utilisation", "in_errors_per_s", "out_errors_per_s", "oper_up")
FIRST = poll_of(0, in_octets=(0, 0), out_octets=(0, 0), in_errors=(0, 0), out_errors=(0, 0))
SECOND_POLL = poll_of(
    10, in_octets=(625_000_000, 0), out_octets=(1250, 0), in_errors=(50, 0), out_errors=(0, 10), oper_status=(1, 2), admin_status=(1, 1)
)


def kpis(poll: RawPoll, previous: RawPoll | None, directory: Directory) -> tuple[KpiBatch, ...]:
    """The KPIs of a poll, and of the poll before only what it must be remembered for."""
    seen: Seen = {} if previous is None else measured(previous, {}, directory, MEASURING)[1]
    return measured(poll, seen, directory, MEASURING)[0]


def of_interfaces(poll: RawPoll, previous: RawPoll | None, directory: Directory = DIRECTORY) -> KpiBatch:
    """The second batch: that of the interfaces."""
    return kpis(poll, previous, directory)[1]


def test_rates_become_bits_utilisation_and_errors() -> None:
    """625 MB in 10 s are 500 Mbit/s, half of a gigabit."""
    batch = of_interfaces(SECOND_POLL, FIRST)
    assert batch.resources == ("interface/pe1/ge-1", "interface/pe1/ge-2")
    assert {name: tuple(batch.values(name).tolist()) for name in INTERFACE_KPIS if name in EXACT} == {
        "in_bps": (500e6, 0.0),
        "out_bps": (1000.0, 0.0),
        "in_utilisation": (0.5, 0.0),
        "out_utilisation": (1e-6, 0.0),
        "in_errors_per_s": (5.0, 0.0),
        "out_errors_per_s": (0.0, 1.0),
        "oper_up": (1.0, 0.0),
    }
    assert {good for name in EXACT for good in batch.qualities(name).tolist()} == {Quality.GOOD}


def test_batch_names_the_poll_that_it_came_from() -> None:
    """Evidence leads back to the collector's journal."""
    for batch in kpis(SECOND_POLL, FIRST, DIRECTORY):
        assert (batch.device, batch.at, batch.collector, batch.sequence) == ("pe1", SECOND_POLL.polled_at, "poll-1", SECOND_POLL.sequence)


def test_device_answered_in_its_time() -> None:
    """The device has indicators of its own."""
    batch = kpis(SECOND_POLL, None, DIRECTORY)[0]
    assert (batch.resources, set(batch.columns)) == (("device/pe1",), set(DEVICE_KPIS))
    assert (cells(batch, "answered"), cells(batch, "round_trip_ms")) == ([(1.0, Quality.GOOD)], [(1.5, Quality.GOOD)])


@pytest.mark.parametrize("outcome", [PollOutcome.TIMEOUT, PollOutcome.MALFORMED])
def test_unanswered_poll_is_a_fact_not_a_hole(outcome: PollOutcome) -> None:
    """Every indicator of a silent device is there, and blind."""
    device, interfaces = kpis(unanswered(10, outcome), FIRST, DIRECTORY)
    assert cells(device, "answered") == [(0.0, Quality.GOOD)]
    assert cells(device, "round_trip_ms") == [(None, Quality.BLIND)]
    assert {kpi: cells(interfaces, kpi) for kpi in INTERFACE_KPIS} == {kpi: [(None, Quality.BLIND)] * 2 for kpi in INTERFACE_KPIS}


def test_interface_that_the_device_does_not_show_is_missing() -> None:
    """A declared interface is on record even when its row is gone; an undeclared row has no indicators."""
    batch = of_interfaces(poll_of(10, indexes=(2, 77), in_octets=(0, 0)), poll_of(0, indexes=(2, 77), in_octets=(0, 0)))
    assert cells(batch, "oper_up") == [(None, Quality.MISSING), (1.0, Quality.GOOD)]
    assert cells(batch, "in_bps") == [(None, Quality.MISSING), (0.0, Quality.GOOD)]


def test_utilisation_needs_a_declared_speed() -> None:
    """Bits are known without a speed, a share is not."""
    directory = Directory.of(inventory_of(device_of(speeds=(0, 1000))))
    batch = of_interfaces(SECOND_POLL, FIRST, directory)
    assert cells(batch, "in_bps")[0] == (500e6, Quality.GOOD)
    assert cells(batch, "in_utilisation")[0] == (None, Quality.MISSING)


def test_utilisation_never_exceeds_one() -> None:
    """A counter read a little late does not make a line wider."""
    busy = poll_of(10, in_octets=(1_300_000_000, 0))
    assert cells(of_interfaces(busy, FIRST), "in_utilisation")[0] == (1.0, Quality.GOOD)


@pytest.mark.parametrize(("state", "expected"), [(1, 1.0), (2, 0.0), (3, 0.0), (5, 0.0), (6, 0.0), (7, 0.0)])
def test_operational_state_is_one_or_zero(state: int, expected: float) -> None:
    """Only up(1) is up."""
    batch = of_interfaces(poll_of(10, oper_status=(state, state)), None)
    assert cells(batch, "oper_up") == [(expected, Quality.GOOD)] * 2


def test_unknown_operational_state_is_no_value() -> None:
    """unknown(4) is what it says."""
    assert cells(of_interfaces(poll_of(10, oper_status=(4, None)), None), "oper_up") == [(None, Quality.MISSING)] * 2


def test_reset_reaches_the_indicator() -> None:
    """A restarted agent leaves a gap in rates, not in states."""
    restarted = poll_of(10, uptime_s=2, in_octets=(5, 5))
    batch = of_interfaces(restarted, FIRST)
    assert cells(batch, "in_utilisation") == [(None, Quality.RESET)] * 2
    assert cells(batch, "oper_up") == [(1.0, Quality.GOOD)] * 2


def test_device_that_is_not_declared_has_only_its_own_indicators() -> None:
    """A poll that outlived its device in the inventory is not lost."""
    (batch,) = kpis(SECOND_POLL, FIRST, Directory.of(inventory_of()))
    assert batch.resources == ("device/pe1",)


def test_device_without_declared_interfaces_has_all_that_it_shows() -> None:
    """A device that nobody described in full is measured in full, each interface by the name that it gives itself."""
    directory = Directory.of(inventory_of(device_of(speeds=())))
    before = poll_of(0, if_name=("xe-0", "xe-1"), in_octets=(0, 0), speed=(10_000, None))
    batch = of_interfaces(poll_of(10, if_name=("xe-0", "xe-1"), in_octets=(1250, 2500), speed=(10_000, None)), before, directory)
    assert batch.resources == ("interface/pe1/xe-0", "interface/pe1/xe-1")
    assert cells(batch, "in_bps") == [(1000.0, Quality.GOOD), (2000.0, Quality.GOOD)]
    assert cells(batch, "in_utilisation") == [(1e-7, Quality.GOOD), (None, Quality.MISSING)]


def test_declared_names_win_over_indexes() -> None:
    """Renumbered interfaces stay themselves, and one that has another's old index is not taken for it."""
    before = poll_of(0, if_name=("ge-1", "ge-2"), in_octets=(0, 0))
    batch = of_interfaces(poll_of(10, indexes=(2, 5), if_name=("xe-9", "ge-1"), in_octets=(7, 1250)), before)
    assert cells(batch, "in_bps") == [(1000.0, Quality.GOOD), (None, Quality.MISSING)]


def test_blind_rows_are_those_of_the_last_answer() -> None:
    """Where nothing is declared, what was seen last is what nothing is known of now."""
    directory = Directory.of(inventory_of(device_of(speeds=())))
    _, interfaces = kpis(replace(unanswered(10), profile="generic"), poll_of(0, if_name=("xe-0", "xe-1")), directory)
    assert interfaces.resources == ("interface/pe1/xe-0", "interface/pe1/xe-1")
    assert cells(interfaces, "oper_up") == [(None, Quality.BLIND)] * 2
