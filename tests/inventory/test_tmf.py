"""TMF639 resources and TMF638 services, of v4 and v5: what they become, and how they are read whole or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web

from pipeline.config.secret import Secret
from pipeline.config.source_settings import SourceKind, SourceSettings
from pipeline.inventory.call import Caller, FetchError
from pipeline.inventory.snapshot import typed
from pipeline.inventory.tmf import Resources, Words, resources_of
from pipeline.inventory.tmf_api import read_tmf
from pipeline.inventory.tmf_row import Item
from pipeline.inventory.tmf_service import services_of
from pipeline.inventory.tmf_word import speed_mbps
from tests.support.tmf import RESOURCES, SERVICES, TOKEN, FakeTmf, two_routers

Json = dict[str, Any]


def read(api: FakeTmf, kind: SourceKind = SourceKind.TMF639, **values: Any) -> list[Item]:
    path = RESOURCES if kind is SourceKind.TMF639 else SERVICES
    with api.serve() as url:
        usual = {"token": Secret(TOKEN), "allow_private": True, "page": 4, "timeout_s": 5.0}
        source = SourceSettings("oss", kind, f"{url}{path}/v{api.version}", **{**usual, **values})
        caller = Caller(source, pause=lambda _: None)
        try:
            return read_tmf(source, caller)
        finally:
            caller.close()


@pytest.fixture(scope="module", params=[4, 5], ids=["v4", "v5"])
def api(request: pytest.FixtureRequest) -> FakeTmf:
    return two_routers(request.param)


@pytest.fixture(scope="module")
def made(api: FakeTmf) -> Resources:
    return resources_of(read(api), Words())


def test_devices_have_addresses_sites_and_feeds(made: Resources) -> None:
    """A site is a resource, or only a place by name."""
    devices = made.entries["devices"]
    assert {key: value for key, value in devices["pe1"].items() if key != "interfaces"} == {
        "name": "pe1",
        "site": "AMS-1",
        "address": "10.0.0.1",
        "vendor": "acme",
        "power": ("Rectifier-1",),
    }
    assert (devices["pe2"]["site"], devices["pe2"]["address"], devices["pe2"]["role"]) == ("rtm", "10.0.0.2", "pe")
    assert made.entries["sites"] == {"AMS-1": {"name": "AMS-1", "region": "west"}, "rtm": {"name": "rtm"}}
    assert made.entries["power"]["Rectifier-1"]["site"] == "AMS-1"


def test_ports_are_of_their_device_or_on_its_card_whatever_they_are_called(made: Resources) -> None:
    ports = made.entries["devices"]["pe1"]["interfaces"]
    assert ports["et-0/0/0"] == {"card": "Slot-0", "index": 501, "speed_mbps": 100_000}
    assert set(ports) == {"et-0/0/0", "et-0/0/1", "ae0"}
    assert made.entries["lags"]["pe1/ae0"] == {"name": "pe1/ae0", "members": ("pe1/et-0/0/0", "pe1/et-0/0/1"), "needs": 1}


def test_links_have_two_ends_and_what_they_run_through(made: Resources) -> None:
    assert made.entries["links"]["ams-rtm-1"] == {"name": "ams-rtm-1", "a": "pe1/et-0/0/0", "b": "pe2/et-0/0/0", "fibres": ("F-1",)}
    assert made.entries["fibres"]["F-1"]["ducts"] == ("D-1",)
    assert [str(each) for each in made.notices if each.section == "links"] == [
        "links/dangling: the link has 1 ends; relate it to the two ports that it connects"
    ]


def test_paths_and_tunnels_follow(made: Resources) -> None:
    assert made.entries["lsps"]["path-0"] == {"name": "path-0", "head": "pe1", "links": ("ams-rtm-1",)}
    assert made.entries["tunnels"]["ams-rtm"]["lsps"] == ("path-0", "path-1")


def test_what_no_section_connects_is_a_dependency_or_a_circuits_need(made: Resources) -> None:
    assert made.entries["circuits"]["lambda-7"] == {"name": "lambda-7", "needs": ("fibre/F-1",), "provider": "Carrier"}
    assert made.entries["dependencies"] == {"device.pe1": {"name": "device.pe1", "resource": "device/pe1", "needs": ("device/cooling",)}}


def test_types_that_nobody_named_are_counted_and_may_be_named(api: FakeTmf, made: Resources) -> None:
    assert "resources: 1 of type 'Server' are left out; give it a section: types: {Server: devices}" in map(str, made.notices)
    named = resources_of(read(api), Words({"server": "devices"}, {"devices.role": "=time", "devices.name": "id"}))
    assert named.entries["devices"]["r20"]["role"] == "time"


def test_everything_has_the_type_that_the_inventory_asks_for(made: Resources) -> None:
    assert typed(made.entries)[1] == ()


def test_services_stand_on_resources_and_on_what_carries_them(api: FakeTmf, made: Resources) -> None:
    """What nobody bought is looked through; what somebody bought is a need itself."""
    entries, notices = services_of(read(api, SourceKind.TMF638), Words(), made.ids)
    assert entries["services"] == {
        "vpn-1": {
            "name": "vpn-1",
            "customer": "acme",
            "kind": "l3vpn",
            "needs": ("interface/pe1/et-0/0/0", "tunnel/ams-rtm"),
            "description": "Head office",
        },
        "voice-1": {"name": "voice-1", "customer": "globex", "kind": "voice", "needs": ("circuit/lambda-7", "service/vpn-1")},
    }
    assert entries["customers"]["acme"] == {"name": "acme", "display_name": "Acme"}
    assert list(map(str, notices)) == ["services: left out by their state: 1 terminated; none is needed: only active ones are watched"]


def test_resources_that_were_never_fetched_are_known_by_type_and_name_or_told(api: FakeTmf) -> None:
    entries, notices = services_of(read(api, SourceKind.TMF638), Words(), {})
    assert entries["services"]["vpn-1"]["needs"] == ("interface/pe1/et-0/0/0", "tunnel/ams-rtm")
    ref = api.items["service"][0]["supportingResource"][0]
    api.items["service"][0]["supportingResource"] = [{**ref, "id": "elsewhere", "@referredType": "Something", "@type": "ResourceRef"}]
    try:
        _, notices = services_of(read(api, SourceKind.TMF638), Words(), {})
    finally:
        api.items["service"][0]["supportingResource"] = [ref]
    assert "1 supporting resources are not known: ams-rtm; fetch the resources first" in str(notices[-1])


def test_services_that_carry_each_other_end() -> None:
    api = FakeTmf()
    one = api.service("one")
    two = api.service("two", over=(one,))
    one["supportingService"] = [{"id": two["id"]}]
    api.service("sold", "acme", over=(two,))
    entries, _ = services_of(read(api, SourceKind.TMF638), Words(), {})
    assert "needs" not in entries["services"]["sold"]


@pytest.mark.parametrize(
    ("value", "mbps"),
    [
        (1_000, 1_000),
        ("10 Gbit/s", 10_000),
        ("10G", 10_000),
        ("100Mbps", 100),
        ("2.5 Gbps", 2_500),
        ("1 Tb/s", 1_000_000),
        ("fast", 0),
        ("64 kbit/s", 0),
    ],
)
def test_speeds_are_read_with_their_units(value: object, mbps: int) -> None:
    assert speed_mbps(value) == mbps


# How it is read


def test_pages_follow_the_servers_own_size_and_end_at_its_count() -> None:
    api = two_routers()
    api.most = 3
    assert len(read(api, page=500)) == len(api.items["resource"])
    assert api.asked[1].endswith("resource?offset=3&limit=500")


def test_without_a_count_it_is_read_until_a_page_is_empty() -> None:
    api = two_routers()
    api.tells_total = False
    assert len(read(api)) == len(api.items["resource"])


def test_a_filter_narrows_it() -> None:
    assert {item.name for item in read(two_routers(), filter={"@type": "Router"})} == {"pe1", "pe2"}


def test_ids_may_be_numbers() -> None:
    api = FakeTmf()
    api.resource("Router", "pe1")["id"] = 7
    assert read(api)[0].key == "7"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda: web.json_response({"code": "1"}, status=401), "401 Unauthorized"),
        (lambda: web.json_response({"items": []}), "does not answer as TMF has it"),
        (lambda: web.json_response([{"name": "no id"}]), "does not answer as TMF has it"),
        (lambda: web.Response(body=b'[{"id": "1"', content_type="application/json"), "does not answer with JSON"),
        (lambda: web.json_response({}, status=404), "the url is the API's with its path"),
        (lambda: web.json_response([{"id": "1"}], headers={"X-Total-Count": "9"}), "changed while they were read"),
        (lambda: web.json_response([{"id": "1"}, {"id": "2"}], headers={"X-Total-Count": "1"}), "its offset and limit do not work"),
    ],
    ids=["token", "no list", "no id", "half JSON", "not there", "the same page again", "more than counted"],
)
def test_an_answer_that_is_none_is_told_and_nothing_is_taken(answer: Callable[[], web.Response], told: str) -> None:
    api = two_routers()
    api.fault = lambda *_: answer()
    with pytest.raises(FetchError, match=told):
        read(api)


def test_a_collection_that_grows_while_it_is_read_is_read_again() -> None:
    api = two_routers()

    def grow(_: web.Request, before: int) -> None:
        if before == 2:
            api.resource("Router", "new")

    api.fault = grow
    assert "new" in {item.name for item in read(api)}


# Held to what TM Forum publishes


@pytest.mark.needs_schemas
@pytest.mark.parametrize(
    ("file", "name", "collection"),
    [("TMF639-ResourceInventory", "Resource", "resource"), ("TMF638-ServiceInventory", "Service", "service")],
)
def test_the_fakes_answers_are_valid_by_the_published_v4_schemas(file: str, name: str, collection: str) -> None:
    folder = os.environ.get("ASSURE_TMF_SCHEMAS", "")
    if not folder:
        pytest.skip("wants the TM Forum schemas: set ASSURE_TMF_SCHEMAS to the folder that holds them")
    schema = json.loads((Path(folder) / f"{file}-v4.0.0.swagger.json").read_text())
    definitions = schema["definitions"]
    path = RESOURCES if collection == "resource" else SERVICES
    assert schema["basePath"].rstrip("/") == f"{path}/v4"
    for item in two_routers(4).items[collection]:
        jsonschema.validate(item, {"$ref": f"#/definitions/{name}", "definitions": definitions})
        assert set(item) <= set(definitions[name]["properties"])
        for part, definition in PARTS.items():
            value = item.get(part, [])
            for each in value if isinstance(value, list) else [value]:
                assert set(each) <= set(definitions[definition]["properties"]), (part, each)


PARTS = {
    "resourceCharacteristic": "Characteristic",
    "resourceRelationship": "ResourceRelationship",
    "relatedParty": "RelatedParty",
    "supportingResource": "ResourceRef",
    "supportingService": "ServiceRefOrValue",
    "place": "RelatedPlaceRefOrValue",
}
