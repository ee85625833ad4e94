"""The way from a cause to a service is the shortest there is, in words that leave out what goes without saying."""

from pipeline.core.impact import Impacts, Loss
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link, Lsp, Service, Tunnel
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from pipeline.core.trace import Path, paths, way

SERVICES = {
    "vpn": Service("vpn", "c", "k", "vpn", ("tunnel/t",)),
    "line": Service("line", "c", "k", "line", ("lsp/p1", "interface/b/9")),
    "sites": Service("sites", "c", "k", "vpn", ("service/line", "tunnel/t"), keep=1, weights={"service/line": 0.4, "tunnel/t": 0.6}),
}
NETWORK = Topology.of(
    Inventory(
        "v",
        devices={name: Device(name, "", f"192.0.2.{n}", interfaces=(Interface("9", 9, 10),)) for n, name in enumerate("ab")},
        fibres={"f1": Fibre("f1", "d1"), "f2": Fibre("f2")},
        links={"l1": Link("l1", "a/1", "b/1", ("f1",)), "l2": Link("l2", "a/2", "b/2", ("f2",))},
        lsps={"p1": Lsp("p1", "a", ("l1",)), "p2": Lsp("p2", "a", ("l2",))},
        tunnels={"t": Tunnel("t", ("p1", "p2"))},
        services=SERVICES,
    )
)


def impacts_of(*roots: str, down: bool = True) -> Impacts:
    impacts = Impacts(NETWORK)
    for number, root in enumerate(roots):
        impacts.put(root, ResourceId(root), down=down, began_at=number)
    return impacts


def told(impacts: Impacts, incident: str) -> dict[str, str]:
    found = paths(impacts.felling, incident, SERVICES)
    losses = impacts.losses(incident)
    return {name: way(path.nodes, path.gate, losses[name].state) for name, path in found.items()}


def test_the_way_goes_over_links_and_tunnels_to_what_the_service_needs() -> None:
    """Ports and interfaces under a link go without saying; the gate that holds is where protection is lost."""
    assert told(impacts_of("fibre/f1"), "fibre/f1") == {
        "line": "fibre f1 → link l1 → LSP p1",
        "vpn": "fibre f1 → link l1 → LSP p1 → tunnel t, whose protection is lost",
        "sites": "fibre f1 → link l1 → LSP p1 → service line",
    }


def test_an_interface_that_the_service_itself_needs_is_told() -> None:
    assert told(impacts_of("device/b"), "device/b")["line"] == "device b → interface 9 of b"


def test_what_several_take_down_together_is_told_from_the_one_that_completed_it() -> None:
    """The first weakens nothing any more, so that it leads nowhere but to what it took down alone."""
    impacts = impacts_of("fibre/f1", "fibre/f2")
    assert told(impacts, "fibre/f2")["vpn"] == "fibre f2 → link l2 → LSP p2 → tunnel t"
    assert impacts.losses("fibre/f1").keys() == {"line"}


def test_a_degraded_cause_says_so_at_its_beginning() -> None:
    assert told(impacts_of("fibre/f1", down=False), "fibre/f1")["line"] == "fibre f1 (degraded) → link l1 → LSP p1"


def test_a_service_of_sites_loses_the_share_of_those_that_are_cut_off() -> None:
    """Four tenths by its line; the rest goes on."""
    assert impacts_of("fibre/f1").losses("fibre/f1")["sites"] == Loss(ServiceState.DEGRADED, 0.4)


def test_what_is_not_reached_has_no_path() -> None:
    impacts = impacts_of("fibre/f2")
    assert paths(impacts.felling, "fibre/f2", ["line", "unknown"]) == {}
    assert paths(impacts.felling, "no-incident", SERVICES) == {}
    assert way((), ResourceId(""), ServiceState.DOWN) == ""


def test_a_cause_that_is_needed_itself_is_the_whole_way() -> None:
    assert paths(impacts_of("lsp/p1").felling, "lsp/p1", ["line"]) == {"line": Path((ResourceId("lsp/p1"),))}
