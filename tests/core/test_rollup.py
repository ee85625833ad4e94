"""A group's KPI is made of what is good and recent of its members, once for each minute, and the same in a replay."""

from collections.abc import Sequence

import pytest

from pipeline.core.inventory import Contract, Customer, Device, Interface, Inventory, Link, Lsp, Service, Site, Tier, Tunnel
from pipeline.core.kpi import KpiBatch, Quality
from pipeline.core.resource import ResourceKind
from pipeline.core.rollup import By, Groups, GroupState, Part, RollupRule, Shares, gather, parts_of
from pipeline.core.topology import Topology
from tests.support.polls import batch_of, cells

S = 1_000_000_000
MINUTE = 60 * S
BEGIN = 1_790_000_000 * S // MINUTE * MINUTE
SUM = RollupRule("site_in_bps", "in_bps", ResourceKind.SITE, By.SUM)
PEAK = RollupRule("service_peak", "in_bps", ResourceKind.SERVICE, By.HIGHEST, least=0.5)
RULES = (SUM, PEAK)


def inventory() -> Inventory:
    """Two devices of one site and region, joined by a link under a service."""
    ports = (Interface("ge-1", 1, 1000), Interface("ge-2", 2, 1000))
    return Inventory(
        "1",
        sites={"ams": Site("ams", "west")},
        devices={name: Device(name, "ams", "192.0.2.1", interfaces=ports) for name in ("pe1", "pe2")},
        links={"l": Link("l", "pe1/ge-1", "pe2/ge-2")},
        lsps={"p": Lsp("p", "pe1", ("l",))},
        tunnels={"t": Tunnel("t", ("p",))},
        services={"vpn": Service("vpn", "acme", "c", "vpn", ("tunnel/t",))},
        customers={"acme": Customer("acme", "Acme", Tier.GOLD)},
        contracts={"c": Contract("c", "acme", "plan", "EUR", {})},
    )


GROUPS = Groups.of(inventory(), Topology.of(inventory()))


def polled(device: str, seconds: float, values: Sequence[float | None]) -> KpiBatch:
    """What a poll of both interfaces gave."""
    resources = (f"interface/{device}/ge-1", f"interface/{device}/ge-2")
    return batch_of(resources, BEGIN + int(seconds * S), device, 1 + int(seconds), in_bps=values)


def site_part(device: str, seconds: float, values: Sequence[float | None]) -> Part:
    """A device's share in its site."""
    return next(part for part in parts_of([polled(device, seconds, values)], RULES, Shares(GROUPS), "default") if part.group == "site/ams")


def run(parts: Sequence[Part]) -> list[KpiBatch]:
    """What a group says when these parts come."""
    state, said = GroupState(), []
    for part in parts:
        state, batch = gather(state, part, RULES)
        said += [batch] if batch else []
    return said


def test_everything_has_its_groups() -> None:
    """A device its site and region; an interface the services whose paths it carries, and no others."""
    assert GROUPS.of_device["pe1"] == ("site/ams", "region/west")
    assert GROUPS.of_resource["interface/pe1/ge-1"] == ("service/vpn",)  # type: ignore[index]  # a plain text of a test
    assert "interface/pe1/ge-2" not in GROUPS.of_resource


def test_a_poll_brings_each_group_its_share() -> None:
    """The site has both interfaces, the service the one that it runs over."""
    parts = {part.group: part for part in parts_of([polled("pe1", 0, (100, None))], RULES, Shares(GROUPS), "default")}
    assert set(parts) == {"site/ams", "service/vpn"}
    site, service = parts["site/ams"].tallies["in_bps"], parts["service/vpn"].tallies["in_bps"]  # type: ignore[index]  # plain texts
    assert (site.expected, site.good, site.total) == (2, 1, 100.0)
    assert (service.expected, service.good, service.highest) == (1, 1, 100.0)


def test_a_minute_is_told_when_it_is_over() -> None:
    """By the first part of the next, with the latest of each device."""
    parts = [site_part(*each) for each in (("pe1", 0, (1, 2)), ("pe2", 5, (3, 4)), ("pe1", 30, (10, 20)), ("pe2", 65, (0, 0)))]
    (batch,) = run(parts)
    assert (batch.resources, batch.at) == (("site/ams",), BEGIN + MINUTE)
    assert cells(batch, "site_in_bps") == [(37.0, Quality.GOOD)]


def test_a_silent_device_is_missing_not_remembered() -> None:
    """Its last value counts until the next is overdue; then a sum over the rest would be no sum."""
    steady = [("pe1", 30.0 * n, (1, 1)) for n in range(14)]
    dying = [("pe2", 30.0 * n + 1, (5, 5)) for n in range(4)]
    said = run([site_part(*each) for each in sorted([*steady, *dying], key=lambda each: each[1])])
    values = [cells(batch, "site_in_bps")[0] for batch in said]
    assert values[0] == (12.0, Quality.GOOD)
    assert (None, Quality.MISSING) in values
    assert values[-1] == (2.0, Quality.GOOD)  # after twice as long it is a member no more


def test_parts_that_were_folded_change_nothing() -> None:
    """A replay says nothing again."""
    part, later = site_part("pe1", 0, (1, 1)), site_part("pe1", 61, (1, 1))
    state, _ = gather(GroupState(), part, RULES)
    assert gather(state, part, RULES) == (state, None)
    after, batch = gather(state, later, RULES)
    assert batch is not None
    assert gather(after, part, RULES) == (after, None)


@pytest.mark.parametrize(("by", "expected"), [(By.SUM, 10.0), (By.MEAN, 2.5), (By.HIGHEST, 4.0), (By.LOWEST, 1.0)])
def test_values_become_one(by: By, expected: float) -> None:
    """Sum, mean, greatest and least, over all devices."""
    rules = [RollupRule("one", "in_bps", ResourceKind.SITE, by)]
    shares = Shares(GROUPS)
    state = GroupState()
    for device, seconds, values in (("pe1", 0, (1, 2)), ("pe2", 1, (3, 4)), ("pe1", 60, (9, 9))):
        (part,) = (each for each in parts_of([polled(device, seconds, values)], rules, shares, "x") if each.group == "site/ams")
        state, batch = gather(state, part, rules)
    assert batch is not None
    assert cells(batch, "one") == [(expected, Quality.GOOD)]


def test_shares_are_worked_out_anew_when_resources_change() -> None:
    """The memory of a device's rows follows them."""
    shares = Shares(GROUPS)
    first = shares.of(polled("pe1", 0, (1, 2)))
    assert shares.of(polled("pe1", 30, (1, 2))) is first
    changed = shares.of(batch_of(("interface/pe1/ge-1",), in_bps=(1,)))
    assert [len(rows) for group, rows in changed if group == "site/ams"] == [1]
