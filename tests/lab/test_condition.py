"""What a fault brings down: the demonstration's cut exactly, other faults by what must follow from them."""

import pytest

from pipeline.core.inventory import Tier
from pipeline.lab.condition import Condition, Faults, condition_of
from pipeline.lab.plant import Plant
from tests.support.lab import lab_inventory

PLANT = Plant.of(lab_inventory())


def after(**faults: set[str]) -> Condition:
    return condition_of(PLANT, Faults(**{kind: frozenset(names) for kind, names in faults.items()}))


def test_without_a_fault_nothing_is_wrong() -> None:
    assert after() == Condition()


def test_cutting_the_coastal_fibre_takes_three_links_and_isolates_leiden() -> None:
    found = after(cut={"f-ams-rtm-1"})
    assert found.links_down == {"ams-p1--rtm-p1", "ley-ac1--ams-pe1", "dft-ac1--ams-pe1"}
    assert found.unreachable == {"ley-ac1"}
    assert len(found.interfaces_down) == 6
    assert found.dark == found.interfaces_down


def test_cutting_the_coastal_fibre_takes_unprotected_paths_and_only_weakens_protected_tunnels() -> None:
    found = after(cut={"f-ams-rtm-1"})
    assert found.lsps_down == {"ams-rtm-a", "ams-rtm-direct", "ams-dus-b", "rtm-fra-a", "rtm-lon-a", "rtm-lon-direct", "dus-fra-b"}
    assert found.tunnels_down == {"t-ams-rtm-direct", "t-rtm-lon-direct"}
    assert found.tunnels_at_risk == {"t-ams-rtm", "t-ams-dus", "t-rtm-fra", "t-rtm-lon", "t-dus-fra"}


def test_cutting_the_coastal_fibre_hurts_customers_of_every_tier() -> None:
    found = after(cut={"f-ams-rtm-1"})
    assert tiers(found.services_down) == {
        "nsx-lowlat-1": Tier.GOLD,
        "dzr-vpn-1": Tier.SILVER,
        "slg-eline-1": Tier.SILVER,
        "slb-internet-1": Tier.BRONZE,
    }
    assert tiers(found.services_at_risk) == {
        "hmc-vpn-1": Tier.GOLD,
        "hmc-internet-1": Tier.GOLD,
        "tsc-vpn-1": Tier.GOLD,
        "rbb-vpn-1": Tier.GOLD,
        "dzr-vpn-2": Tier.SILVER,
        "dpm-internet-1": Tier.SILVER,
        "vlg-vpn-1": Tier.BRONZE,
    }


def tiers(services: frozenset[str]) -> dict[str, Tier]:
    inventory = lab_inventory()
    return {name: inventory.customers[inventory.services[name].customer].tier for name in services}


def test_a_duct_is_a_shared_risk_that_no_single_fibre_shows() -> None:
    """Both paths of t-rtm-bru leave Rotterdam through one duct, on two fibres."""
    assert after(cut={"f-rtm-bru-1"}).tunnels_at_risk >= {"t-rtm-bru"}
    assert after(cut={"f-rtm-bru-2"}).tunnels_at_risk >= {"t-rtm-bru"}
    assert after(cut={"d-rtm-bru"}).tunnels_down >= {"t-rtm-bru"}
    assert "slg-vpn-1" in after(cut={"d-rtm-bru"}).services_down


def test_a_dead_device_takes_its_links_but_its_neighbours_live() -> None:
    found = after(devices={"lon-pe1"})
    assert found.dead == {"lon-pe1"}
    assert found.unreachable == {"lon-pe1", "slo-ac1"}
    assert found.links_down == {"lon-pe1--lon-p1", "lon-pe1--bru-p1", "slo-ac1--lon-pe1"}
    assert {"lon-p1/et-0/0/2", "bru-p1/et-0/0/4", "slo-ac1/xe-0/0/0"} == found.dark


def test_a_failed_port_is_not_dark_itself_but_its_far_end_is() -> None:
    found = after(ports={"ams-p1/et-0/0/0"})
    assert found.interfaces_down == {"ams-p1/et-0/0/0", "rtm-p1/et-0/0/0"}
    assert found.dark == {"rtm-p1/et-0/0/0"}


def test_a_failed_customer_port_takes_its_service_alone() -> None:
    found = after(ports={"ams-pe1/ge-0/1/1"})
    assert found.services_down == {"nsx-vpn-1"}
    assert not found.lsps_down
    assert not found.dark


def test_a_dual_homed_access_node_loses_redundancy_first_and_contact_last() -> None:
    one, both = after(cut={"f-rtm-dft-1"}), after(cut={"f-rtm-dft-1", "f-ams-rtm-1"})
    assert "hmc-internet-1" in one.services_at_risk
    assert "dft-ac1" not in one.unreachable
    assert "hmc-internet-1" in both.services_down
    assert "dft-ac1" in both.unreachable


def test_losing_one_power_supply_brings_nothing_down() -> None:
    assert after(power={"ams-p1"}) == Condition(unpowered=frozenset({"ams-p1"}))


@pytest.mark.parametrize("fibre", sorted(lab_inventory().fibres))
def test_a_single_cut_of_any_fibre_takes_no_protected_service_that_has_two_ways_in(fibre: str) -> None:
    found, inventory = after(cut={fibre}), lab_inventory()
    for name in found.services_down:
        needs = inventory.services[name].needs
        single_tunnel = any(need.startswith("tunnel/") and need.endswith("-direct") for need in needs)
        single_home = any(need.startswith("uplinks/") and len(inventory.devices[need[8:]].uplinks) == 1 for need in needs)
        assert single_tunnel or single_home, f"{fibre} takes {name}"


@pytest.mark.parametrize("fibre", sorted(lab_inventory().fibres))
def test_more_faults_never_mend(fibre: str) -> None:
    one, more = after(cut={fibre}), after(cut={fibre, "f-ams-rtm-1"}, devices={"fra-p1"})
    assert one.interfaces_down <= more.interfaces_down
    assert one.lsps_down <= more.lsps_down
    assert one.services_down <= more.services_down
    assert one.unreachable <= more.unreachable
