"""The graph held against what the inventory's words mean, worked out the slow way: whatever is declared, whatever fails."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.inventory import Inventory
from pipeline.core.resource import ResourceId, device_of
from pipeline.core.topology import Closure, Topology
from pipeline.inventory.cross import findings
from tests.support.any_inventory import ENDS, NEEDS, any_inventory

Rules = dict[str, list[tuple[int, list[str]]]]
"""Resource -> what it needs: of each list so many (0 and too many are all)."""


class Definition:
    """Every row of the inventory's README, as (so many, of these)."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.rules: Rules = {}
        self.cards = {
            f"{device.name}/{port.name}": port.card for device in inventory.devices.values() for port in reversed(device.interfaces)
        }
        self.sites()
        self.interfaces()
        self.lines()
        self.transport()

    def need(self, resource: str, needs: Iterable[str], keep: int = 0) -> None:
        self.rules.setdefault(resource, []).append((keep, list(needs)))

    def sites(self) -> None:
        for feed in self.inventory.power.values():
            self.need(f"power/{feed.name}", [f"site/{feed.site}"] if feed.site else [])
        for device in self.inventory.devices.values():
            self.need(f"device/{device.name}", [f"site/{device.site}"])
            if device.power:
                self.need(f"supply/{device.name}", [f"power/{name}" for name in device.power], device.power_needs)
                self.need(f"device/{device.name}", [f"supply/{device.name}"])
            self.need(f"reachability/{device.name}", [f"device/{device.name}"])
            if device.uplinks:
                self.need(f"uplinks/{device.name}", [f"interface/{device.name}/{name}" for name in device.uplinks], 1)
                self.need(f"reachability/{device.name}", [f"uplinks/{device.name}"])

    def port(self, end: str) -> str:
        """The port of an interface, or the bundle of its members."""
        lag = self.inventory.lags.get(end)
        return f"lag {end}" if lag is not None and lag.members else f"port/{end}"

    def interfaces(self) -> None:
        ends = {*self.cards, *(end for link in self.inventory.links.values() for end in (link.a, link.b))}
        ends |= {end for lag in self.inventory.lags.values() for end in (lag.name, *lag.members)}
        for end in ends:
            device, card = end.partition("/")[0], self.cards.get(end, "")
            self.need(f"interface/{end}", [self.port(end)])
            if card:
                self.need(f"card/{device}/{card}", [f"device/{device}"])
            self.need(f"port/{end}", [f"card/{device}/{card}" if card and end not in self.inventory.lags else f"device/{device}"])
        for lag in self.inventory.lags.values():
            self.need(f"lag {lag.name}", [f"interface/{member}" for member in lag.members], lag.needs)

    def lines(self) -> None:
        for fibre in self.inventory.fibres.values():
            self.need(f"fibre/{fibre.name}", [f"duct/{name}" for name in fibre.route])
        for link in self.inventory.links.values():
            for end, far in ((link.a, link.b), (link.b, link.a)):
                self.need(f"interface/{end}", [self.port(far), *(f"fibre/{name}" for name in link.fibres)])
            self.need(f"link/{link.name}", [f"interface/{link.a}", f"interface/{link.b}"])

    def transport(self) -> None:
        for lsp in self.inventory.lsps.values():
            self.need(f"lsp/{lsp.name}", [f"link/{name}" for name in lsp.links] or [f"device/{lsp.head}"])
        for tunnel in self.inventory.tunnels.values():
            self.need(f"tunnel/{tunnel.name}", [f"lsp/{name}" for name in tunnel.lsps], tunnel.needs)
        for circuit in self.inventory.circuits.values():
            self.need(f"circuit/{circuit.name}", circuit.needs, circuit.keep)
        for service in self.inventory.services.values():
            self.need(f"service/{service.name}", service.needs, service.keep)
        for dependency in self.inventory.dependencies.values():
            self.need(dependency.resource, dependency.needs, dependency.keep)


def fallen(rules: Rules, failed: Iterable[str]) -> set[str]:
    """What is down: the failed, and round by round whatever has too few left of what it needs."""
    down = set(failed)
    while True:
        new = {
            resource
            for resource, needs in rules.items()
            if resource not in down
            and any(len([need for need in of if need not in down]) < (keep if 0 < keep < len(of) else len(of)) for keep, of in needs)
        }
        if not new:
            return down
        down |= new


FAILING = (
    "site/0",
    "power/0",
    "power/1",
    "duct/0",
    "device/a",
    "device/undeclared",
    "card/c/x",
    "port/a/1",
    "port/b/2",
    "interface/c/1",
    *NEEDS,
)


@settings(max_examples=120, deadline=None)
@given(any_inventory, st.sets(st.sampled_from(FAILING), max_size=3))
def test_what_falls_is_what_the_inventory_says(inventory: Inventory, failed: set[str]) -> None:
    topology, rules = Topology.of(inventory), Definition(inventory).rules
    known = {name for name in failed if topology.node(ResourceId(name)) is not None}
    closure = Closure(topology)
    closure.add(topology.node(ResourceId(name)) or 0 for name in sorted(known))
    found = {topology.names[node] for node in closure.down if not topology.names[node].startswith(("dependency/", "port/"))}
    wanted = {name for name in fallen(rules, known) if not name.startswith(("lag ", "port/"))}
    assert found == wanted


@settings(max_examples=80, deadline=None)
@given(any_inventory)
def test_every_circle_is_told_and_no_other(inventory: Inventory) -> None:
    """Also that no inventory, however odd, makes the checks fail."""
    told = [finding for finding in findings(inventory) if "needs itself" in finding.message]
    assert len(told) == len(Topology.of(inventory).cycles())
    for finding in told:
        section = getattr(inventory, finding.section)
        assert finding.name in section


@settings(max_examples=40, deadline=None)
@given(any_inventory)
def test_parts_of_a_device_are_told_of_by_it(inventory: Inventory) -> None:
    topology = Topology.of(inventory)
    for end in ENDS:
        node = topology.node(ResourceId(f"port/{end}"))
        if node is not None:
            assert topology.names[topology.reporter[node]] == f"device/{device_of(topology.names[node])}"
