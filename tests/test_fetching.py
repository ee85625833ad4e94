"""Sources are asked and what they say is kept; a failure keeps what they said before, and says how old that is."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from pipeline import fetching
from pipeline.config.secret import Secret
from pipeline.config.settings import Settings
from pipeline.config.source_settings import InventorySettings, SourceKind, SourceSettings
from pipeline.core.network_discovery import discover
from pipeline.discovering import Found
from pipeline.fetching import NANOSECONDS, fetch, follow, in_order
from pipeline.inventory.present import PresentInventory, load_present
from pipeline.inventory.snapshot import Snapshot, Snapshots
from pipeline.knowing import FileKnowledge
from tests.support import tmf
from tests.support.discovery import Box, cabled
from tests.support.netbox import TOKEN, FakeNetBox, two_sites


def settings_of(folder: Path, *sources: SourceSettings, **values: float) -> Settings:
    (folder / "inventory").mkdir(exist_ok=True)
    return Settings(folder / "data", folder / "inventory", inventory=InventorySettings(sources, **values))


def netbox_at(url: str, name: str = "netbox") -> SourceSettings:
    return SourceSettings(name, SourceKind.NETBOX, url, Secret(TOKEN), allow_private=True, timeout_s=5)


@pytest.fixture
def box() -> FakeNetBox:
    return two_sites()


@pytest.fixture
def url(box: FakeNetBox) -> Iterator[str]:
    with box.serve() as url:
        yield url


def test_an_answer_is_kept_and_is_the_inventory(tmp_path: Path, url: str) -> None:
    settings = settings_of(tmp_path, netbox_at(url))
    told: list[str] = []
    fetched = fetch(settings.inventory.sources[0], settings, lambda what, *_: told.append(what))
    assert (fetched.error, fetched.is_new, fetched.entries["devices"], fetched.entries["links"]) == ("", True, 2, 3)
    assert {"sites", "devices", "cables"} <= set(told)
    inventory = load_present(settings)
    assert set(inventory.devices) == {"pe1", "pe2"}
    assert {link.source for link in inventory.links.values()} == {"netbox"}
    assert inventory.devices["pe1"].power == ("Feed-A", "Feed-B")
    assert not fetch(settings.inventory.sources[0], settings).is_new


def test_the_running_system_takes_over_what_is_new(tmp_path: Path, box: FakeNetBox, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Knowledge, and the inventory of those who need no more than that."""
    monkeypatch.setattr("pipeline.knowing.LOOK_EVERY_S", -1.0)
    settings = settings_of(tmp_path, netbox_at(url))
    fetch(settings.inventory.sources[0], settings)
    knowledge, inventory = FileKnowledge(settings), PresentInventory(settings)
    before = knowledge.current()
    assert before.topology.node("link/pe1:et-0-0-2--pe2:et-0-0-2") is not None  # type: ignore[arg-type]  # a resource id
    box.device("pe3", box.rows["sites"][1], "10.0.0.3")
    fetch(settings.inventory.sources[0], settings)
    assert "pe3" in knowledge.current().inventory.devices
    assert "pe3" in inventory.current().devices
    assert knowledge.current().inventory.version != before.inventory.version


def test_a_failure_keeps_what_was_said_and_says_how_old_it_is(tmp_path: Path, box: FakeNetBox, url: str) -> None:
    settings = settings_of(tmp_path, netbox_at(url))
    first = fetch(settings.inventory.sources[0], settings)
    box.fault = lambda *_: web.Response(status=500)
    failed = fetch(settings.inventory.sources[0], settings)
    assert "500 Internal Server Error" in failed.error
    assert failed.kept_from == first.at
    assert set(load_present(settings).devices) == {"pe1", "pe2"}
    state = Snapshots(settings.snapshot_dir).state("netbox")
    assert (state.fetched_at, state.tried_at, state.error) == (first.at, failed.at, failed.error)


def test_an_answer_that_lost_most_of_what_there_was_is_not_taken_unless_that_is_meant(tmp_path: Path, box: FakeNetBox, url: str) -> None:
    """A token whose rights were cut gives empty lists, and no error."""
    settings = settings_of(tmp_path, netbox_at(url))
    for number in range(20):
        box.device(f"x{number}", box.rows["sites"][1], f"10.0.1.{number}")
    fetch(settings.inventory.sources[0], settings)
    box.rows.clear()
    lost = fetch(settings.inventory.sources[0], settings)
    assert "it has 0 entries where it had 37; may its token still read everything?" in lost.error
    assert "x1" in load_present(settings).devices
    assert fetch(settings.inventory.sources[0], settings, takes_loss=True).error == ""
    assert load_present(settings).devices == {}


def test_services_stand_on_the_resources_that_were_fetched(tmp_path: Path) -> None:
    """Resources are asked for first, wherever they are listed."""
    api = tmf.two_routers()
    for item in api.items["service"]:
        item["supportingResource"] = [{"id": each["id"]} for each in item["supportingResource"]]
    with api.serve() as url:
        services = SourceSettings("services", SourceKind.TMF638, f"{url}{tmf.SERVICES}/v4", Secret(tmf.TOKEN), allow_private=True)
        resources = replace(services, name="resources", kind=SourceKind.TMF639, url=f"{url}{tmf.RESOURCES}/v4")
        settings = settings_of(tmp_path, services, resources)
        assert [fetch(source, settings).error for source in in_order(settings.inventory.fetched)] == ["", ""]
    (settings.inventory_dir / "own.yaml").write_text(
        "customers: [{name: acme, tier: gold}, {name: globex, tier: silver}]\n"
        "contracts:\n"
        "  - {name: c1, customer: acme, plan: gold, currency: EUR, charges: {vpn-1: '10.00'}}\n"
        "  - {name: c2, customer: globex, plan: gold, currency: EUR, charges: {voice-1: '10.00'}}\n"
    )
    inventory = load_present(settings)
    assert inventory.services["vpn-1"].needs == ("interface/pe1/et-0/0/0", "tunnel/ams-rtm")
    assert inventory.services["voice-1"].contract == "c2"
    assert inventory.customers["acme"].display_name == "Acme"


def test_a_network_that_answers_is_a_source_and_agrees_with_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box: FakeNetBox, url: str
) -> None:
    """A link that both tell of is known by its ends, and surer for it."""
    a, b = Box("pe1", 1, ports=("et-0/0/0",)), Box("pe2", 2, ports=("et-0/0/0",))
    cabled(a, "et-0/0/0", b, "et-0/0/0")
    asked: list[str] = []

    def answer(places: object, *_: object) -> tuple[object, ...]:
        asked.extend(place.address for place in places)  # type: ignore[attr-defined]  # places
        return ()

    monkeypatch.setattr(fetching, "ask", answer)
    monkeypatch.setattr(fetching, "found_of", lambda *_: Found((), discover([a.answers(), b.answers()]), None))
    settings = settings_of(tmp_path, replace(netbox_at(url), confidence=0.6), SourceSettings("lldp", SourceKind.DISCOVERY, confidence=0.5))
    assert [fetch(source, settings).error for source in in_order(settings.inventory.fetched)] == ["", ""]
    assert sorted(asked) == ["10.0.0.1", "10.0.0.2"]
    inventory = load_present(settings)
    link = inventory.links["pe1:et-0-0-0--pe2:et-0-0-0"]
    assert (link.source, link.confidence, link.fibres) == ("netbox+lldp", 0.8, ("TRUNK-7",))
    assert inventory.devices["pe1"].interfaces[0].index == a.index("et-0/0/0")


def test_what_is_silent_in_an_outage_is_kept_until_that_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is down does not answer, and its neighbours have forgotten it."""
    a, b = Box("pe1", 1, ports=("et-0/0/0",)), Box("pe2", 2, ports=("et-0/0/0",))
    alone = Box("pe1", 1, ports=("et-0/0/0",))
    cabled(a, "et-0/0/0", b, "et-0/0/0")
    answers = [[a.answers(), b.answers()], [alone.answers()], [alone.answers()]]
    monkeypatch.setattr(fetching, "ask", lambda *_: ())
    monkeypatch.setattr(fetching, "found_of", lambda *_: Found((), discover(answers.pop(0)), None))
    source = SourceSettings("lldp", SourceKind.DISCOVERY, targets=(a.address, b.address))
    settings = settings_of(tmp_path, source)
    fetch(source, settings)
    before = load_present(settings)
    assert set(before.links) == {"pe1--pe2"}
    silent = fetch(source, settings)
    assert load_present(settings) == before
    assert "devices: 1 not found now, so kept as they were: pe2; --force forgets them" in map(str, silent.notices)
    assert "links: 1 not found now, so kept as they were: pe1--pe2; --force forgets them" in map(str, silent.notices)
    fetch(source, settings, takes_loss=True)
    assert (set(load_present(settings).devices), load_present(settings).links) == ({"pe1"}, {})


def test_a_discovery_that_nobody_answers_or_has_nobody_to_ask_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SourceSettings("lldp", SourceKind.DISCOVERY)
    settings = settings_of(tmp_path, source)
    assert "there is nobody to ask; name targets" in fetch(source, settings).error
    monkeypatch.setattr(fetching, "ask", lambda *_: ())
    asked = replace(source, targets=("127.0.0.1",), communities=("env:NOT_THERE",))
    assert "the environment has no NOT_THERE" in fetch(asked, settings).error
    assert "nobody answers at 1 addresses" in fetch(replace(source, targets=("127.0.0.1",)), settings).error
    assert "'300.0.0.0/8'" in fetch(replace(source, targets=("300.0.0.0/8",)), settings).error


def test_a_disk_that_is_full_is_a_failure_like_another(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, netbox_at(url))

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Snapshots, "write", full)
    assert "No space left" in fetch(settings.inventory.sources[0], settings).error


# By schedule


class Heard(logging.Handler):
    """Keeps lines of the log, and wakes whoever waits for one."""

    def __init__(self, until: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.came = asyncio.Event()
        self._until = until

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if self._until in self.lines[-1]:
            self.came.set()


async def followed(settings: Settings, until: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines of the log until one holds a text."""
    stop, heard = asyncio.Event(), Heard(until)
    monkeypatch.setattr(fetching.log, "level", logging.INFO)
    fetching.log.addHandler(heard)
    try:
        task = asyncio.create_task(follow(settings, stop))
        await asyncio.wait_for(heard.came.wait(), 20)
        stop.set()
        await task
    finally:
        fetching.log.removeHandler(heard)
    return heard.lines


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LOOK_S", 0.01)


@pytest.mark.usefixtures("impatient")
async def test_sources_are_asked_by_schedule_from_when_they_were_last_asked(
    tmp_path: Path, box: FakeNetBox, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, netbox_at(url), fetch_every_s=3_600.0)
    lines = await followed(settings, "inventory source netbox: new", monkeypatch)
    assert len(lines) == 1
    asked = len(box.asked)
    late = replace(settings, inventory=replace(settings.inventory, stale_after_s=1e-9))
    await followed(late, "is stale", monkeypatch)
    assert len(box.asked) == asked, "an hour has not passed, whatever process asks"


@pytest.mark.usefixtures("impatient")
async def test_a_failure_by_schedule_is_told_with_the_age_of_what_stays(
    tmp_path: Path, box: FakeNetBox, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, netbox_at(url), fetch_every_s=3_600.0)
    hours_ago = fetching.time.time_ns() - 5 * 3_600 * NANOSECONDS
    Snapshots(settings.snapshot_dir).write(Snapshot("netbox", "netbox", hours_ago, {}), 0)
    box.fault = lambda *_: web.Response(status=401)
    lines = await followed(settings, "is stale", monkeypatch)
    assert "401 Unauthorized" in lines[0]
    assert lines[0].endswith("what it said 5 h ago stays in use")
    assert lines[1].startswith("inventory source netbox is stale: its last whole answer is 5 h old; ")
    assert fetching.STALE.labels("netbox")._value.get() == 1


@pytest.mark.usefixtures("impatient")
async def test_one_that_is_well_again_is_told(tmp_path: Path, box: FakeNetBox, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, netbox_at(url), fetch_every_s=0.05, stale_after_s=3_600.0)
    box.fault = lambda _, before: web.Response(status=401) if before < 2 else None
    lines = await followed(settings, "is up to date again", monkeypatch)
    assert "it never answered yet" in lines[0]
    assert any("is stale: it never gave a whole answer" in line for line in lines)
    assert fetching.STALE.labels("netbox")._value.get() == 0


async def test_without_sources_there_is_nothing_to_follow(tmp_path: Path) -> None:
    await follow(settings_of(tmp_path), asyncio.Event())
