"""A NetBox is read whole, or not at all; its rows become sites, devices, links with what they run through, aggregations and power."""

import asyncio
import os
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pipeline.config.secret import Secret
from pipeline.config.source_settings import SourceKind, SourceSettings
from pipeline.inventory.call import Caller, FetchError
from pipeline.inventory.netbox import entries_of
from pipeline.inventory.netbox_api import COLLECTIONS, read_netbox
from pipeline.inventory.netbox_row import NetBox
from pipeline.inventory.snapshot import typed
from tests.support.netbox import TOKEN, FakeNetBox, Json, brief, status, tag, two_sites

Entries = dict[str, dict[str, dict[str, Any]]]
Ask = Callable[..., NetBox]


def source_at(url: str, **values: Any) -> SourceSettings:
    usual = {"token": Secret(TOKEN), "allow_private": True, "page": 3, "timeout_s": 5.0}
    return SourceSettings("netbox", SourceKind.NETBOX, url, **{**usual, **values})


def read(box: FakeNetBox, tell: Callable[..., None] = lambda *_: None, **values: Any) -> NetBox:
    with box.serve() as url:
        source = source_at(url, **values)
        caller = Caller(source, pause=lambda _: None)
        try:
            return read_netbox(source, caller, tell)
        finally:
            caller.close()


def entries(box: FakeNetBox, **fields: str) -> tuple[Entries, list[str]]:
    """What a NetBox says, read over the network."""
    made, notices = entries_of(read(box), {key.replace("__", "."): value for key, value in fields.items()})
    kept, further = typed(made)
    return kept, [str(notice) for notice in (*notices, *further)]


@pytest.fixture(scope="module")
def made() -> Entries:
    found, notices = entries(two_sites(), devices__community="cf:snmp", devices__domain="tag:domain-")
    assert notices == []
    return found


def test_sites_have_their_slug_as_name_and_their_region(made: Entries) -> None:
    assert made["sites"]["ams"] == {"name": "ams", "region": "west", "latitude": 52.37, "longitude": 4.9}
    assert set(made["sites"]) == {"ams", "rtm"}


def test_devices_are_those_that_speak_with_what_settings_map(made: Entries) -> None:
    """No panel and no strip; a custom field and a tag where the settings say so, nothing where there is none."""
    assert set(made["devices"]) == {"pe1", "pe2"}
    pe1, pe2 = made["devices"]["pe1"], made["devices"]["pe2"]
    assert {key: pe1[key] for key in ("site", "address", "role", "vendor")} == {
        "site": "ams",
        "address": "10.0.0.1",
        "role": "pe",
        "vendor": "juniper",
    }
    assert (pe1["community"], pe1["domain"]) == ("env:SNMP", "west")
    assert not {"community", "domain"} & pe2.keys()
    assert pe1["interfaces"]["et-0/0/0"] == {"speed_mbps": 10_000}


def test_a_link_runs_through_panels_over_the_trunk_that_it_shares(made: Entries) -> None:
    links = made["links"]
    assert {(link["a"], link["b"]) for link in links.values()} == {(f"pe1/et-0/0/{n}", f"pe2/et-0/0/{n}") for n in range(3)}
    through = [name for name, link in links.items() if link.get("fibres") == ("TRUNK-7",)]
    assert through == ["pe1:et-0-0-0--pe2:et-0-0-0", "pe1:et-0-0-1--pe2:et-0-0-1"]
    assert made["fibres"] == {"TRUNK-7": {"name": "TRUNK-7", "duct": "d-west"}}


def test_a_link_over_a_leased_line_depends_on_it(made: Entries) -> None:
    assert made["circuits"] == {"EVPL-1234": {"name": "EVPL-1234", "provider": "Carrier One", "id_at_provider": "EVPL/1234"}}
    found = [each for each in made["dependencies"].values() if each["needs"] == ("circuit/EVPL-1234",)]
    assert [each["resource"] for each in found] == ["link/pe1:et-0-0-2--pe2:et-0-0-2"]


def test_aggregations_have_their_members(made: Entries) -> None:
    assert made["lags"]["pe1/ae0"] == {"name": "pe1/ae0", "members": ("pe1/et-0/0/0", "pe1/et-0/0/1")}


def test_power_is_followed_over_a_strip_to_its_feed_and_the_board_behind(made: Entries) -> None:
    assert made["devices"]["pe1"]["power"] == ("Feed-A", "Feed-B")
    assert made["power"]["Feed-A"] == {"name": "Feed-A", "site": "ams"}
    assert made["dependencies"]["Feed-A.PDB-1"]["needs"] == ("power/PDB-1",)
    assert "PDB-1" in made["power"]


def test_ports_of_panels_are_read_as_netbox_4_5_has_them() -> None:
    box = FakeNetBox()
    ams = box.site("ams")
    ports = [box.interface(box.device(f"pe{n}", ams, f"10.0.0.{n}"), "e1") for n in (1, 2)]
    here, there = box.panel(ams, 2, modern=True), box.panel(ams, 2, modern=True)
    box.cable(ports[0], here[0][1])
    box.cable(there[0][1], ports[1])
    box.cable(here[1], there[1])
    found, _ = entries(box)
    assert found["links"]["pe1--pe2"]["fibres"] == ("cable-3",)


def test_a_breakout_is_told_by_netboxs_own_trace() -> None:
    box = FakeNetBox()
    ams = box.site("ams")
    one, two = (box.interface(box.device(f"pe{n}", ams, f"10.0.0.{n}"), "e1") for n in (1, 2))
    cable = box.cable(one, two)
    cable["b_terminations"].append({**cable["b_terminations"][0], "object_id": 99})
    one.update(connected_endpoints=[brief(two)], connected_endpoints_type="dcim.interface")
    found, _ = entries(box)
    assert found["links"]["pe1--pe2"] == {"name": "pe1--pe2", "a": "pe1/e1", "b": "pe2/e1"}
    one["connected_endpoints_reachable"] = False  # a cable on the way is planned
    assert "links" not in entries(box)[0]


@pytest.mark.parametrize(
    ("spoil", "links"),
    [
        (lambda box, ports, panel: box.cable(ports[0], ports[0]), 0),
        (lambda box, ports, panel: box.cable(ports[0], panel[0][0]), 0),
        (lambda box, ports, panel: box.cable(panel[1], ports[0]), 0),
        (lambda box, ports, panel: box.cable(ports[0], ports[1], status=status("planned")), 0),
        (lambda box, ports, panel: box.cable(ports[0], ports[1], status=None), 1),
    ],
    ids=["to itself", "into a panel", "into its back", "planned", "without a status"],
)
def test_cables_that_lead_nowhere_are_no_links(spoil: Callable[..., Any], links: int) -> None:
    box = FakeNetBox()
    ams = box.site("ams")
    ports = [box.interface(box.device(f"pe{n}", ams, f"10.0.0.{n}"), "e1") for n in (1, 2)]
    spoil(box, ports, box.panel(ams, 2))
    assert len(entries(box)[0].get("links", {})) == links


def test_panels_in_a_circle_end() -> None:
    box = FakeNetBox()
    ams = box.site("ams")
    port = box.interface(box.device("pe1", ams, "10.0.0.1"), "e1")
    one, two = box.panel(ams, 1), box.panel(ams, 1)
    box.cable(port, one[0][0])
    box.cable(one[1], two[1])
    box.cable(two[0][0], one[0][0])
    assert "links" not in entries(box)[0]


def test_two_devices_of_one_name_are_both_kept_and_told() -> None:
    box = FakeNetBox()
    for place, site in enumerate(("ams", "rtm"), 1):
        box.interface(box.device("sw1", box.site(site), f"10.0.0.{place}"), "e1")
    found, notices = entries(box)
    assert {name: each["site"] for name, each in found["devices"].items()} == {"sw1": "ams", "sw1@rtm": "rtm"}
    assert notices == ["devices/sw1: two devices are called sw1, the second at rtm; give each a name of its own in NetBox"]


def test_what_is_not_in_use_or_has_no_name_is_left_out_and_told() -> None:
    box = FakeNetBox()
    ams = box.site("ams")
    box.device("old", ams, "10.0.0.1", status=status("decommissioning"))
    box.device(None, ams, "10.0.0.2")
    found, notices = entries(box)
    assert "devices" not in found
    assert notices == [
        "devices: 1 left out, since by status not in use: old; set the status if they are",
        "devices: 1 have no name, so are left out: ids 2; name them in NetBox",
    ]


def test_names_that_cannot_be_are_made_plain_and_text_is_made_safe() -> None:
    box = FakeNetBox()
    ams = box.site("ams")
    device = box.device("Core 1 (old)", ams, "10.0.0.1")
    box.interface(device, "e1", description="to \x1b[31mrtm\u202e")
    found, _ = entries(box)
    assert found["devices"]["Core-1-old"]["interfaces"]["e1"]["description"] == r"to \x1b[31mrtm\u202e"


def test_a_custom_field_of_the_wrong_kind_is_told_and_left_out() -> None:
    box = FakeNetBox()
    device = box.device("pe1", box.site("ams"), "10.0.0.1", custom_fields={"up": "e1; e2"})
    box.interface(device, "e1", custom_fields={"if_index": "many"})
    box.interface(device, "e2", custom_fields={"if_index": 7})
    found, notices = entries(box, devices__uplinks="cf:up", devices__colour="=red")
    assert found["devices"]["pe1"]["uplinks"] == ("e1", "e2")
    assert found["devices"]["pe1"]["interfaces"] == {"e1": {"speed_mbps": 10_000}, "e2": {"speed_mbps": 10_000, "index": 7}}
    assert notices == [
        "devices/pe1: 'colour' is no field of devices; take devices.colour out of fields",
        "devices/pe1: 'many' cannot be its index; mend it at the source, or take it from elsewhere (fields)",
    ]


@pytest.mark.parametrize(
    ("kind", "speed", "expected"),
    [
        ("1000base-t", None, 1_000),
        ("100base-tx", None, 100),
        ("2.5gbase-t", None, 2_500),
        ("100gbase-x-qsfp28", None, 100_000),
        ("10gbase-x-sfpp", 1_000_000, 1_000),
        ("virtual", None, None),
        ("lag", None, None),
    ],
)
def test_speeds_are_as_set_or_as_the_type_says(kind: str, speed: int | None, expected: int | None) -> None:
    box = FakeNetBox()
    box.interface(box.device("pe1", box.site("ams"), "10.0.0.1"), "e1", kind, speed=speed)
    assert entries(box)[0]["devices"]["pe1"]["interfaces"]["e1"].get("speed_mbps") == expected


def test_a_virtual_circuit_needs_its_interfaces_and_an_older_netbox_has_none() -> None:
    box = FakeNetBox()
    port = box.interface(box.device("pe1", box.site("ams"), "10.0.0.1"), "e1")
    row = box.add("virtual-circuits", cid="VC 1", provider_network=None, status=status("active"))
    ref = {"id": row["id"], "cid": "VC 1"}
    box.add("virtual-circuit-terminations", virtual_circuit=ref, interface={**brief(port)}, role={"value": "peer"})
    assert entries(box)[0]["circuits"]["VC-1"]["needs"] == ("interface/pe1/e1",)
    box.lacks = {"virtual-circuits", "virtual-circuit-terminations"}
    assert "circuits" not in entries(box)[0]


# How it is read


def test_pages_are_counted_off_in_order_and_progress_is_told() -> None:
    """By offset, never by the server's own links; a configuration that nobody needs is left out."""
    box = FakeNetBox()
    ams = box.site("ams")
    for number in range(7):
        box.device(f"pe{number}", ams, f"10.0.0.{number}")
    told: list[tuple[str, int, int]] = []
    found = read(box, lambda *each: told.append(each))
    assert [device.name for device in found.devices] == [f"pe{number}" for number in range(7)]
    assert [each for each in told if each[0] == "devices"] == [("devices", 3, 7), ("devices", 6, 7), ("devices", 7, 7)]
    pages = [each for each in box.asked if "/devices/" in each]
    assert pages[1] == "/api/dcim/devices/?ordering=id&exclude=config_context&limit=3&offset=3"
    assert {each.split("/")[3].replace("-", "_") for each in box.asked} == set(COLLECTIONS)


def test_a_filter_narrows_the_devices() -> None:
    box = FakeNetBox()
    ams = box.site("ams")
    box.device("pe1", ams, "10.0.0.1", tags=[tag("watched")])
    box.device("pe2", ams, "10.0.0.2")
    assert [device.name for device in read(box, filter={"tag": "watched"}).devices] == ["pe1"]


def refused(box: FakeNetBox, **values: Any) -> str:
    with pytest.raises(FetchError) as caught:
        read(box, **values)
    return str(caught.value)


def faulty(answer: Callable[[web.Request, int], web.StreamResponse | None]) -> FakeNetBox:
    box = two_sites()
    box.fault = answer
    return box


def test_a_wrong_token_is_told_with_the_remedy_and_is_not_told_itself() -> None:
    told = refused(two_sites(), token=Secret("wrong-secret"))
    assert "403 Forbidden" in told
    assert told.endswith("give the source a token that may read, and that has not expired")
    assert "wrong-secret" not in told


def test_nobody_at_the_address_is_told() -> None:
    with pytest.raises(FetchError, match=r"cannot be reached.*is it up, and is the url right"):
        read_netbox(source_at("http://127.0.0.1:1"), Caller(source_at("http://127.0.0.1:1")))


HALF = b'{"count": 9, "next": null, "results": [{"id": 1, "na'


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda: web.Response(body=HALF, content_type="application/json"), "does not answer with JSON"),
        (lambda: web.Response(text="<html>sign in</html>", content_type="text/html"), "is this the API's address"),
        (lambda: web.json_response({"count": 1, "results": [{"id": "x"}]}), "are not as NetBox 4 has them"),
        (lambda: web.json_response({"results": [{"id": 1}]}), "does not answer with a list of NetBox 4"),
        (lambda: web.json_response({"count": 9_000_000, "results": [{"id": 1}]}), "more than 5000000"),
        (lambda: web.json_response({"detail": "Not found."}, status=404), "the url is NetBox's address without /api"),
        (lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"}), "redirects are not followed"),
        (lambda: web.Response(status=500, text="boom \x1b[31m"), r"500 Internal Server Error: boom \x1b[31m"),
        (lambda: web.json_response([]), "does not answer with a list of NetBox 4"),
    ],
    ids=["half JSON", "a page for people", "odd ids", "no count", "absurd count", "not there", "redirect", "error", "a list"],
)
def test_an_answer_that_is_none_is_told_and_nothing_is_taken(answer: Callable[[], web.Response], told: str) -> None:
    assert told in refused(faulty(lambda request, _: answer() if "/devices/" in request.path else None))


def test_an_answer_that_breaks_off_is_asked_again_and_then_told() -> None:
    class Short(web.Response):
        async def prepare(self, request: web.BaseRequest) -> Any:
            self.headers["Content-Length"] = "1000"
            writer = await super().prepare(request)
            assert request.transport is not None
            request.transport.close()
            return writer

    box = faulty(lambda request, _: Short(body=HALF) if "/sites/" in request.path else None)
    assert "broke its answer off" in refused(box)
    assert len(box.asked) == 3


def test_a_server_that_is_too_slow_is_told() -> None:
    class Slow(web.Response):
        async def prepare(self, request: web.BaseRequest) -> Any:
            await asyncio.sleep(3_600)

    assert "did not answer within 0.2 s; raise timeout_s" in refused(faulty(lambda *_: Slow()), timeout_s=0.2)


def test_a_passing_refusal_is_asked_again() -> None:
    box = faulty(lambda _, before: web.Response(status=503, headers={"Retry-After": "1"}) if before < 2 else None)
    assert len(read(box).devices) == 5


def test_a_collection_that_changes_while_it_is_read_is_read_again() -> None:
    box = two_sites()

    def grow(request: web.Request, _: int) -> None:
        if "offset=3" in str(request.rel_url) and "/devices/" in request.path and len(box.rows["devices"]) == 5:
            box.device("new", box.rows["sites"][1], "10.0.0.9")

    box.fault = grow
    assert len(read(box).devices) == 6


def test_a_collection_that_never_holds_still_is_told() -> None:
    box = two_sites()

    def grow(request: web.Request, _: int) -> None:
        if "/devices/" in request.path:
            box.device("new", box.rows["sites"][1], "10.0.0.9")

    box.fault = grow
    assert "devices changed while they were read, 2 times" in refused(box)


def test_only_the_server_of_the_settings_is_ever_asked() -> None:
    caller = Caller(source_at("http://127.0.0.1:1"))
    with pytest.raises(FetchError, match="nothing is asked elsewhere"):
        caller.get("http://127.0.0.1:2/api/", {})


@pytest.mark.parametrize(
    "url", ["http://netbox.example.net", "https://127.0.0.1:1", "https://10.0.0.1", "ftp://x", "https://u:p@example.net"]
)
def test_addresses_that_are_not_public_are_refused_unless_they_are_meant(url: str) -> None:
    with pytest.raises(FetchError, match="cannot be asked"):
        Caller(source_at(url, allow_private=False))


def test_a_name_that_leads_to_a_private_address_is_refused_before_anything_is_said() -> None:
    """The check is on the address that is connected to, whatever the name resolved to a moment ago."""
    box = FakeNetBox()
    with box.serve() as url:
        source = source_at(f"https://localhost:{url.rpartition(':')[2]}", allow_private=False)
        with pytest.raises(FetchError, match=r"is not a public address: set allow_private: true"):
            read_netbox(source, Caller(source))
    assert box.asked == []


def test_certificates_that_are_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(FetchError, match="has no certificates"):
        Caller(replace(source_at("https://example.net"), ca_file=tmp_path / "ca.pem"))


def test_the_notices_of_a_reading_are_the_same_each_time() -> None:
    assert entries(two_sites()) == entries(two_sites())


@pytest.fixture
def large() -> FakeNetBox:
    """As many devices as ASSURE_TEST_DEVICES says, each with four interfaces, in a chain."""
    box = FakeNetBox()
    ams = box.site("ams")
    before: Json | None = None
    for number in range(int(os.environ.get("ASSURE_TEST_DEVICES", "500"))):
        device = box.device(f"d{number}", ams, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        ports = [box.interface(device, f"ge-0/0/{port}") for port in range(4)]
        if before is not None:
            box.cable(before, ports[0])
        before = ports[1]
    return box


def test_a_large_netbox_is_read_in_pages(large: FakeNetBox, capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    found, _ = entries_of(read(large, page=1_000), {})
    count = len(large.rows["devices"])
    assert len(found["devices"]) == count
    assert len(found["links"]) == count - 1
    with capsys.disabled():
        if "ASSURE_TEST_DEVICES" in os.environ:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"\n{count} devices: {time.monotonic() - begun:.1f} s, {peak} MiB with the server")  # noqa: T201  # asked for
