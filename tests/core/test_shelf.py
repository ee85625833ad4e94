"""What is hidden by policy: planned work covers what hangs on it, and flapping is counted within its window."""

import pytest

from pipeline.core.event import Signal
from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.lifecycle import apply
from pipeline.core.resource import ResourceId
from pipeline.core.shelf import covering, is_flapping
from pipeline.core.topology import Topology
from tests.support.network import TYPES, at, event, inventory_of

GRAPH = Topology.of(inventory_of(["a/1 b/1 f1", "a/2 c/1 f1+f2"], lsps={"ab": ["a-b"]}))


def window(resource: str) -> MaintenanceWindow:
    return MaintenanceWindow("mw", (resource,), at(10), at(20))


@pytest.mark.parametrize(
    ("named", "resource", "covered"),
    [
        ("device/a", "device/a", True),
        ("device/a", "interface/a/1", True),
        ("device/a", "interface/b/1", True),
        ("device/a", "device/b", False),
        ("link/a-b", "interface/b/1", True),
        ("link/a-b", "lsp/ab", True),
        ("link/a-b", "interface/a/2", False),
        ("link/a-b", "fibre/f1", False),
        ("fibre/f1", "interface/c/1", True),
        ("site/site-a", "lsp/ab", True),
        ("interface/x/9", "interface/x/9", True),
        ("device/a", "interface/x/9", False),
    ],
)
def test_a_window_covers_what_it_names_and_what_depends_on_it(named: str, resource: str, covered: bool) -> None:
    """Parents' windows cover their children; work on a link is work on its ends, not on a fibre that others share."""
    assert (covering([window(named)], GRAPH, ResourceId(resource), at(15)) is not None) is covered


@pytest.mark.parametrize(("when", "covered"), [(9.999, False), (10, True), (19.999, True), (20, False)])
def test_a_window_is_half_open(when: float, covered: bool) -> None:
    """From its start on, and not at its end."""
    assert (covering([window("device/a")], GRAPH, ResourceId("device/a"), at(when)) is not None) is covered


@pytest.mark.parametrize(("times", "flapping"), [([0, 10, 20, 30], False), ([0, 10, 20, 30, 40], True), ([0, 100, 200, 300, 400], False)])
def test_flapping_is_changes_within_a_window(times: list[int], flapping: bool) -> None:
    """Five changes in sixty seconds flap; four do not, nor do five in an hour."""
    alarm = None
    for place, when in enumerate(times):
        alarm = apply(alarm, event(signal=Signal.CLEAR if place % 2 else Signal.RAISE, when=when), TYPES["link-down"]).alarm
    assert alarm is not None
    assert is_flapping(alarm, at(times[-1]), 5, 60) is flapping
    assert not is_flapping(alarm, at(times[-1] + 60), 5, 60)
