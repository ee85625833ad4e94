"""What depends on what, and who would suffer: from the inventory alone, on the lab's network."""

import json

import pytest

from pipeline.core.inventory import Tier
from pipeline.lab.config import inventory_dir
from tests.cli.conftest import Run, widest

LAB = ("--inventory", str(inventory_dir()))
FIBRE = "fibre/f-ams-rtm-1"


def test_a_fibre_takes_down_what_has_no_other_way(run: Run) -> None:
    """Down, and redundancy-lost, each service once; gold first, in a tier the worst first."""
    result = run("topology", "impact", FIBRE, *LAB)
    assert result.exit_code == 0
    assert f"If {FIBRE} fails: services 4 down, 7 redundancy-lost, of 9 customers" in result.output
    found = json.loads(run("topology", "impact", FIBRE, *LAB, "--json").output)
    assert {"nsx-lowlat-1", "dzr-vpn-1", "slg-eline-1", "slb-internet-1"} == {each["service"] for each in found if each["state"] == "down"}
    tiers = [each["tier"] for each in found]
    assert tiers == sorted(tiers, key=[tier.value for tier in Tier].index)
    gold = [each["state"] for each in found if each["tier"] == "gold"]
    assert gold == sorted(gold)
    assert len({each["service"] for each in found}) == len(found) == 11


def test_two_failures_take_down_what_either_alone_leaves_up(run: Run) -> None:
    """Both ways of a protected service: down, not redundancy-lost twice."""

    def down(*resources: str) -> set[str]:
        return {
            each["service"] for each in json.loads(run("topology", "impact", *resources, *LAB, "--json").output) if each["state"] == "down"
        }

    assert down("lsp/ams-rtm-a") == down("lsp/ams-rtm-b") == set()
    assert down("lsp/ams-rtm-a", "lsp/ams-rtm-b")


def test_a_degraded_resource_degrades(run: Run) -> None:
    """Nothing is down then."""
    states = {each["state"] for each in json.loads(run("topology", "impact", "device/ams-pe1", "--degraded", *LAB, "--json").output)}
    assert states == {"degraded"}


def test_a_resource_that_nobody_needs_hurts_nobody(run: Run) -> None:
    """And that is said."""
    assert "no service feels it" in run("topology", "impact", "reachability/ley-ac1", *LAB).output


@pytest.mark.parametrize("words", [("impact", "site/ams"), ("show", "f-ams-rtm-1", "--depth", "20"), ("show", "tunnel/t-ams-rtm")])
def test_it_fits_eighty_columns(run: Run, words: tuple[str, ...]) -> None:
    """The longest names of the lab included."""
    assert widest(run("topology", *words, *LAB).output) <= 80


def test_show_goes_both_ways(run: Run) -> None:
    """What a tunnel needs, with how many of its LSPs are enough; and what needs it."""
    shown = run("topology", "show", "tunnel/t-ams-rtm", *LAB).output
    needs, _, needed = shown.partition("\n\n")
    assert "tunnel/t-ams-rtm needs, 1 of 2 enough" in needs
    assert "lsp/ams-rtm-a" in needs
    assert "tunnel/t-ams-rtm is needed by" in needed
    assert "service/" in needed


def test_what_stands_above_is_not_repeated(run: Run) -> None:
    """A graph would grow without end as a tree."""
    assert "link/ams-p1--rtm-p1 (see above)" in run("topology", "show", "f-ams-rtm-1", *LAB).output


def test_depth_is_chosen(run: Run) -> None:
    """What is cut is marked."""
    assert "interface/ams-p1/et-0/0/0 ..." in run("topology", "show", FIBRE, "--depth", "1", *LAB).output


def test_the_ends_of_the_graph_are_said(run: Run) -> None:
    """A service is needed by nothing, a site needs nothing."""
    assert "service/nsx-lowlat-1 is needed by nothing" in run("topology", "show", "service/nsx-lowlat-1", *LAB).output
    assert "site/ams needs nothing" in run("topology", "show", "site/ams", *LAB).output


def test_a_name_is_enough_where_it_is_the_only_one(run: Run) -> None:
    """A device is meant by its name, never what is derived from it; a name of several is refused with their ids."""
    assert json.loads(run("topology", "show", "ams-pe1", *LAB, "--json").output)["resource"] == "device/ams-pe1"
    result = run("topology", "show", "ams-pe1/et-0/0/0", *LAB)
    assert result.exit_code == 3
    assert "port/ams-pe1/et-0/0/0, interface/ams-pe1/et-0/0/0" in result.output


@pytest.mark.parametrize(("wrong", "right"), [("fibre/f-ams-rtm-11", "fibre/f-ams-rtm-1"), ("device/amspe1", "device/ams-pe1")])
def test_an_unknown_resource_is_answered_with_the_nearest(run: Run, wrong: str, right: str) -> None:
    """Exit code 3."""
    result = run("topology", "impact", wrong, *LAB)
    assert result.exit_code == 3
    assert f"did you mean '{right}'" in result.output
