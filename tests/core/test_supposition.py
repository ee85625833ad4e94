"""Records that the inventory lacks: supposed when alarms of the same seconds, close by, would need one cause more; and only then."""

from dataclasses import replace

import pytest

from pipeline.core.correlation import Evidence, Hypothesis, correlate
from pipeline.core.inventory import Device, Duct, Fibre, Interface, Inventory, Link, Power, Site
from pipeline.core.resource import ResourceId
from pipeline.core.search import Snapshot
from pipeline.core.standing import Standing
from pipeline.core.topology import Closure, Topology
from tests.support.network import SECOND, START

ENDS = {"west": ("a/1", "b/1"), "mid": ("a/2", "c/1"), "east": ("a/3", "d/1")}


def device(name: str, ports: dict[str, str], power: tuple[str, ...] = ()) -> Device:
    interfaces = tuple(Interface(port, number, 1000, card=card) for number, (port, card) in enumerate(ports.items(), 1))
    return Device(name, f"pop-{name}", f"192.0.2.{ord(name[0])}", interfaces=interfaces, power=power)


def operator() -> Inventory:
    """Three fibres leave router ``a`` in one duct; its ports 1 and 2 are on a card, and so are 3 and 4 (which has no link)."""
    devices = [device("a", {"1": "x", "2": "x", "3": "y", "4": "y"}), *(device(name, {"1": "", "2": ""}) for name in "bcd")]
    return Inventory(
        version="test",
        sites={f"pop-{name}": Site(f"pop-{name}") for name in "abcd"},
        devices={one.name: one for one in devices},
        ducts={"run": Duct("run")},
        fibres={name: Fibre(name, ducts=("run",)) for name in ENDS},
        links={f"l-{fibre}": Link(f"l-{fibre}", *ends, (fibre,)) for fibre, ends in ENDS.items()},
    )


def without_duct(*fibres: str) -> Inventory:
    inventory = operator()
    return replace(inventory, fibres=inventory.fibres | {name: Fibre(name) for name in fibres})


def causes(inventory: Inventory, alarms: dict[str, float], up: tuple[str, ...] = (), *, timed: bool = True) -> dict[str, Hypothesis]:
    """The causes of alarms, each so many seconds after the start."""
    graph = Topology.of(inventory)
    nodes = {name: graph.node(ResourceId(name)) for name in (*alarms, *up)}
    raised = {nodes[name]: START + round(at_s * SECOND) for name, at_s in alarms.items()}
    evidence = Evidence(
        frozenset(nodes[name] for name in alarms),
        frozenset(nodes[name] for name in up),
        raised=raised if timed else {},
    )
    return {hypothesis.root: hypothesis for hypothesis in correlate(graph, evidence)}


def told(failed: str, at_s: float = 0.0) -> dict[str, float]:
    """The alarms that a failure brings on the network as it is."""
    graph = Topology.of(operator())
    node = graph.node(ResourceId(failed))
    assert node is not None
    return {graph.names[one]: at_s for one in Closure(graph).add((node,)) if graph.names[one].startswith("interface/")}


def test_a_fibre_that_no_duct_has_fails_with_the_duct_that_runs_past() -> None:
    found = causes(without_duct("east"), told("duct/run"))
    assert set(found) == {"duct/run"}
    assert found["duct/run"].supposed == (("duct/run", "fibre/east"),)
    assert {"interface/a/3", "interface/d/1"} <= set(found["duct/run"].explained)


def test_what_fails_some_seconds_later_has_a_cause_of_its_own() -> None:
    assert len(causes(without_duct("east"), told("duct/run") | told("fibre/east", 4.0))) == 2


def test_without_times_nothing_is_supposed() -> None:
    assert len(causes(without_duct("east"), told("duct/run"), timed=False)) == 2


def test_what_is_known_to_be_up_speaks_against_a_record_more() -> None:
    """One fibre of the duct is seen up: then it is no cause for another one beside it."""
    alarms = told("fibre/mid") | told("fibre/east")
    found = causes(without_duct("east"), alarms, up=("interface/a/1", "interface/b/1"))
    assert not any(one.supposed for one in found.values())
    assert len(found) == 2


@pytest.mark.parametrize("card", ["", "y"])
def test_a_port_that_is_on_no_card_fails_with_a_card_of_its_device(card: str) -> None:
    """One that the inventory says is on another card does not: that would be two mistakes."""
    inventory = without_duct("west", "mid", "east")
    inventory = replace(inventory, devices=inventory.devices | {"a": device("a", {"1": "x", "2": card, "3": "y", "4": "y"})})
    found = causes(inventory, told("card/a/x"), up=("interface/a/3", "interface/d/1"))
    supposed = {edge for one in found.values() for edge in one.supposed}
    assert supposed == (set() if card else {("card/a/x", "port/a/2")})
    assert ("card/a/x" in found) == (not card)


def test_a_lone_port_is_the_true_end_of_a_link_whose_far_end_failed_with_it() -> None:
    """The inventory says that the link ends at port 3, which is up; port 4, which has no link, failed with the far end."""
    alarms = {"interface/a/4": 0.3, "interface/d/1": 0.0}
    (found,) = causes(without_duct("west", "mid", "east"), alarms, up=("interface/a/3",)).values()
    assert set(found.explained) == set(alarms)
    assert ("fibre/east", "interface/a/4") in found.supposed or found.root.startswith("port/")


def test_a_lone_port_that_failed_at_another_time_is_not() -> None:
    alarms = {"interface/a/4": 20.0, "interface/d/1": 0.0}
    assert len(causes(without_duct("west", "mid", "east"), alarms, up=("interface/a/3",))) == 2


def test_a_device_without_a_feed_is_on_one_of_its_site() -> None:
    """Two devices of a site die at once, of which one is on a feed and the other on none; a third there lives, so it is not the site."""
    ports = {"1": "", "2": ""}
    dead, other, alive = device("b", ports, ("p",)), replace(device("c", ports), site="pop-b"), replace(device("d", ports), site="pop-b")
    inventory = without_duct("west", "mid", "east")
    inventory = replace(inventory, power={"p": Power("p", "pop-b")}, devices=inventory.devices | {"b": dead, "c": other, "d": alive})
    alarms = dict.fromkeys(("interface/a/1", "interface/a/2", "reachability/b", "reachability/c"), 0.0)
    found = causes(inventory, alarms, up=("reachability/d",))
    assert set(found) == {"power/p"}
    assert found["power/p"].supposed == (("power/p", "device/c"),)


def test_what_is_said_to_explain_an_alarm_alone_does_when_it_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cheap walk keeps only causes that dropping them for trial would have kept."""
    walk, said = Standing.is_alone, []

    def checked(self: Standing, root: int) -> bool:
        alone = walk(self, root)
        before = Snapshot.of(self)
        assert not alone or not self.evidence.alarmed.isdisjoint(self.drop(root))
        before.restore(self)
        said.append(alone)
        return alone

    monkeypatch.setattr(Standing, "is_alone", checked)
    for missing in ((), ("east",), ("west", "mid")):
        for failed in ("duct/run", "fibre/west", "device/a", "card/a/x"):
            for more in ({}, told("fibre/mid"), told("device/d")):
                causes(without_duct(*missing), told(failed) | more)
    assert set(said) == {True, False}
