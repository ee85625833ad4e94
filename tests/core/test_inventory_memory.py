"""An outage does not take its own topology away: what a network said before stays until it says otherwise."""

from typing import Any

from pipeline.core.inventory_memory import remember

Json = dict[str, Any]


def device(number: int, *ports: str, site: str = "ams") -> Json:
    return {"name": f"d{number}", "site": site, "address": f"10.0.0.{number}", "interfaces": {port: {} for port in ports}}


def link(name: str, a: str, b: str) -> Json:
    return {name: {"name": name, "a": a, "b": b}}


BEFORE: dict[str, Json] = {
    "sites": {"ams": {"name": "ams"}, "rtm": {"name": "rtm"}},
    "devices": {"d1": device(1, "a", "b"), "d2": device(2, "a", "b"), "d3": device(3, "a", site="rtm")},
    "links": {**link("d1--d2", "d1/a", "d2/a"), **link("d1--d3", "d1/b", "d3/a")},
    "lags": {"d3/ae0": {"name": "d3/ae0", "members": ("d3/a",)}},
}
ASKED = {"10.0.0.1", "10.0.0.2", "10.0.0.3"}


def without(*names: str) -> dict[str, Json]:
    """What is found now, when these are gone."""
    kept = {section: {name: told for name, told in named.items() if name not in names} for section, named in BEFORE.items()}
    return {section: named for section, named in kept.items() if named}


def test_what_is_all_found_again_is_as_it_was() -> None:
    found = remember(BEFORE, BEFORE, ASKED)
    assert (found.entries, found.devices, found.links) == (BEFORE, (), ())


def test_a_device_that_is_silent_stays_with_its_site_its_links_and_its_aggregations() -> None:
    now = without("d3", "d1--d3", "d3/ae0", "rtm")
    found = remember(now, BEFORE, ASKED)
    assert (found.entries, found.devices, found.links) == (BEFORE, ("d3",), ("d1--d3",))


def test_a_link_without_neighbours_stays() -> None:
    """It is down, say: both its devices answer."""
    found = remember(without("d1--d2"), BEFORE, ASKED)
    assert (found.entries["links"].keys(), found.links) == ({"d1--d2", "d1--d3"}, ("d1--d2",))


def test_a_link_at_whose_end_another_is_found_is_gone() -> None:
    now = without("d1--d2")
    now["links"] = {**now["links"], **link("d1--d3-2", "d1/a", "d2/b")}
    assert remember(now, BEFORE, ASKED).links == ()


def test_a_device_that_nobody_asked_or_that_has_another_name_now_is_gone_with_its_links() -> None:
    now = without("d3", "d1--d3")
    assert remember(now, BEFORE, ASKED - {"10.0.0.3"}).entries["devices"].keys() == {"d1", "d2"}
    now["devices"]["new"] = {**device(3, "x"), "name": "new"}
    found = remember(now, BEFORE, ASKED)
    assert (found.devices, found.links) == ((), ())


def test_a_link_at_an_interface_that_is_no_more_is_gone() -> None:
    now = without("d1--d2")
    now["devices"] = {**now["devices"], "d2": device(2, "b")}
    assert remember(now, BEFORE, ASKED).links == ()
