"""A device's processor, memory, temperature and light are read as any agent's, and do what they are told."""

import pytest

from pipeline.lab.command import parse
from pipeline.lab.mib import DeviceMib, Moment
from pipeline.lab.network import Network, NetworkState, apply, begin
from pipeline.lab.plant import Plant
from pipeline.lab.snmp import Oid
from tests.support.lab import lab_inventory

AT = 1_795_435_200 * 10**9
NETWORK = Network(Plant.of(lab_inventory()))
DEVICE = NETWORK.plant.inventory.devices["ams-p1"]
MIB = DeviceMib(NETWORK, DEVICE)
BUSY: Oid = (1, 3, 6, 1, 2, 1, 25, 3, 3, 1, 2, 1)
USED: Oid = (1, 3, 6, 1, 2, 1, 25, 2, 3, 1, 6, 1)
VALUE: Oid = (1, 3, 6, 1, 2, 1, 99, 1, 1, 1, 4)


def read(state: NetworkState, name: Oid, at: int = AT) -> int:
    """An object's number."""
    value = MIB.get(name, Moment(state, at))
    assert value is not None
    return int.from_bytes(value[2:], signed=True)


@pytest.mark.parametrize(
    ("command", "name", "low", "high", "end"),
    [
        ("burden ams-p1 90", BUSY, 89, 91, "unburden ams-p1"),
        ("heat ams-p1 25", (*VALUE, 1), 480, 560, "cool ams-p1"),
        ("dim ams-p1/et-0/0/0 10", (*VALUE, 1001), 385, 411, "brighten ams-p1/et-0/0/0"),  # ten-thousandths of a milliwatt
    ],
)
def test_a_device_can_be_made_unwell_and_well(command: str, name: Oid, low: int, high: int, end: str) -> None:
    """Each command moves one value to where it says, and its counterpart moves it back."""
    begun = begin(NETWORK, AT)
    everyday = read(begun, name)
    unwell, _ = apply(NETWORK, begun, parse(NETWORK.plant, command), AT)
    assert low <= read(unwell, name) <= high
    assert not low <= everyday <= high
    for mend in (end, "mend-all"):
        assert read(apply(NETWORK, unwell, parse(NETWORK.plant, mend), AT)[0], name) == everyday


def test_everyday_values_move_a_little_and_stay_plausible() -> None:
    """Over a day: never the same for long, never beyond what a healthy router shows."""
    state = begin(NETWORK, AT)
    hours = [AT + hour * 3_600 * 10**9 for hour in range(24)]
    busy = [read(state, BUSY, at) for at in hours]
    inlet = [read(state, (*VALUE, 1), at) / 10 for at in hours]
    assert 1 <= min(busy) < max(busy) <= 30
    assert 22 <= min(inlet) < max(inlet) <= 32
    assert all(0 < read(state, USED, at) < 4_194_304 for at in hours)


def test_a_dark_port_receives_nothing() -> None:
    """A cut fibre takes all of the light, and what the port sends stays."""
    cut, _ = apply(NETWORK, begin(NETWORK, AT), parse(NETWORK.plant, "cut f-ams-rtm-1"), AT)
    dark = next(port for port in DEVICE.interfaces if f"ams-p1/{port.name}" in cut.condition.dark)
    assert read(cut, (*VALUE, 1000 + dark.index)) == 0
    assert read(cut, (*VALUE, 2000 + dark.index)) > 7000
