"""The inventory's history: what was known at any time comes back as it was, from differences alone, and half a recording never counts."""

import json
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.declaration import sections
from pipeline.core.inventory import Contract, Device, Inventory, Link, MaintenanceWindow, Site
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import inventory_dir
from pipeline.store.client import Connection, StoreClient, StoreError
from pipeline.store.inventory_history import (
    InventoryHistory,
    StoppedError,
    _changes,
    content,
    inventory_at,
    inventory_of,
    record,
    recordings,
)
from tests.support.history import HistoryProcess

T = 1_790_000_000_000_000_000
FIRST = Inventory(
    "1",
    sites={"ams": Site("ams", "west", 52.37, 4.9), "rtm": Site("rtm")},
    devices={"pe1": Device("pe1", "ams", "127.0.0.1", community="hush-1"), "pe2": Device("pe2", "rtm", "127.0.0.2")},
    links={"l": Link("l", "pe1/ge-0", "pe2/ge-0", source="lldp", confidence=0.8)},
    contracts={"gold": Contract("gold", "acme", "p", "EUR", {"vpn": 1200}, valid_from=T - 5, valid_until=T + 5)},
    windows=(MaintenanceWindow("w1", ("device/pe1",), T, T + 1),),
)
SECOND = replace(
    FIRST,
    version="2",
    sites={"ams": FIRST.sites["ams"], "zrh": Site("zrh")},
    devices={"pe1": FIRST.devices["pe1"], "pe2": replace(FIRST.devices["pe2"], role="edge")},
    windows=(),
)


@pytest.fixture
def writer(history: HistoryProcess, client: StoreClient) -> Iterator[Connection]:  # the client empties the tables
    connection = Connection.writer(history.settings)
    yield connection
    connection.close()


def blank(inventory: Inventory) -> Inventory:
    """As it is recorded: without communities."""
    return replace(inventory, devices={name: replace(device, community="") for name, device in inventory.devices.items()})


def put(writer: Connection, content: str, at: int, follows: int, name: str = "ams") -> None:
    """Write a recording of one site as it stands, whatever was recorded before."""
    entry = {"section": "sites", "name": name, "content": content, "source": "", "confidence": 1.0, "valid_from": None, "valid_until": None}
    entry |= {"recorded_at": at, "is_deleted": False, "version": "put"}
    version = {"recorded_at": at, "version": "put", "entries": 1, "changed": 1, "follows": follows}
    for table, row in (("inventory_entry", entry), ("inventory_version", version)):
        writer.insert(table, {key: [value] for key, value in row.items()})


def test_what_was_known_comes_back_for_every_time(writer: Connection) -> None:
    """Before the first recording nothing was; then each until the next."""
    assert inventory_at(writer, T) is None
    assert record(writer, FIRST, T)
    assert record(writer, SECOND, T + 100)
    assert inventory_at(writer, T - 1) is None
    assert inventory_at(writer, T) == inventory_at(writer, T + 99) == blank(FIRST)
    assert inventory_at(writer, T + 100) == inventory_at(writer, T + 10**18) == blank(SECOND)
    assert inventory_of(writer, "1") == blank(FIRST)
    assert inventory_of(writer, "3") is None


def test_only_differences_are_written(writer: Connection) -> None:
    """One site came, one and a window went, a device changed; the same version again writes nothing."""
    record(writer, FIRST, T)
    made = record(writer, SECOND, T + 100)
    assert made is not None
    assert (made.follows, made.version, made.entries, made.changed) == (T, "2", 6, 4)
    rows = writer.rows("SELECT section, name, is_deleted FROM inventory_entry WHERE version = '2' ORDER BY section, name")
    assert [tuple(row.values()) for row in rows] == [
        ("devices", "pe2", False),
        ("sites", "rtm", True),
        ("sites", "zrh", False),
        ("windows", "w1", True),
    ]
    assert record(writer, SECOND, T + 200) is None
    assert [each.version for each in recordings(writer)] == ["1", "2"]


def test_what_comes_back_was_not_forgotten(writer: Connection) -> None:
    """An entry that was taken out and declared again, and a version that is the same as one before."""
    for number, inventory in enumerate((FIRST, SECOND, FIRST)):
        record(writer, inventory, T + number)
    assert [inventory_at(writer, T + number) for number in range(3)] == [blank(FIRST), blank(SECOND), blank(FIRST)]


def test_a_clock_that_went_back_does_not_change_the_past(writer: Connection) -> None:
    """The recording comes after the last one."""
    record(writer, FIRST, T)
    made = record(writer, SECOND, T - 10**9)
    assert made is not None
    assert made.recorded_at == T + 1


def test_the_labs_inventory_comes_back_whole(writer: Connection) -> None:
    """Every section that it has, every field; customers, contracts and nested interfaces included."""
    lab = load_inventory(inventory_dir())
    record(writer, lab, T)
    assert inventory_at(writer, T) == blank(lab)


def test_a_secret_is_nowhere_in_the_store(writer: Connection) -> None:
    """A community is recorded blank, and its change is a new version without a changed entry."""
    record(writer, FIRST, T)
    changed = replace(FIRST, version="1b", devices=FIRST.devices | {"pe1": replace(FIRST.devices["pe1"], community="hush-2")})
    made = record(writer, changed, T + 1)
    assert made is not None
    assert made.changed == 0
    stored = json.dumps(writer.rows("SELECT * FROM inventory_entry"), default=str)
    assert "hush" not in stored
    assert '\\"community\\": \\"\\"' in stored or '\\"community\\":\\"\\"' in stored


def test_validity_source_and_confidence_are_columns(writer: Connection) -> None:
    """NULL where nothing is said."""
    record(writer, FIRST, T)
    rows = writer.rows(
        "SELECT name, source, confidence, valid_from, valid_until FROM inventory_entry_current"
        " WHERE name IN ('l', 'gold', 'ams') ORDER BY name",
        ticks=True,
    )
    assert [tuple(row.values()) for row in rows] == [
        ("ams", "", 1.0, None, None),
        ("gold", "", 1.0, T - 5, T + 5),
        ("l", "lldp", 0.8, None, None),
    ]


def test_views_tell_what_is_and_was(writer: Connection) -> None:
    """The current one without what was taken out; the history with the time until which each state was known."""
    record(writer, FIRST, T)
    record(writer, SECOND, T + 100)
    now = writer.rows("SELECT section, name FROM inventory_entry_current WHERE section IN ('sites', 'windows') ORDER BY name")
    assert [row["name"] for row in now] == ["ams", "zrh"]
    then = writer.rows("SELECT recorded_at, recorded_until, is_deleted FROM inventory_entry_history WHERE name = 'rtm'", ticks=True)
    assert [tuple(row.values()) for row in then] == [(T, T + 100, False), (T + 100, None, True)]


def test_a_recording_that_was_cut_short_does_not_count(writer: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the entries are in when the process dies: the last whole recording is what was known, and the next try is whole."""
    record(writer, FIRST, T)
    insert = writer.insert

    def dies(table: str, columns: Any, **options: Any) -> None:
        if table == "inventory_version":
            raise StoreError("gone")
        insert(table, columns, **options)

    monkeypatch.setattr(writer, "insert", dies)
    with pytest.raises(StoreError):
        record(writer, replace(SECOND, version="half", sites={}), T + 1)
    monkeypatch.undo()
    assert inventory_at(writer, T + 5) == blank(FIRST)
    record(writer, SECOND, T + 2)
    assert inventory_at(writer, T + 5) == blank(SECOND)
    assert [row["name"] for row in writer.rows("SELECT name FROM inventory_entry_current WHERE section = 'sites' ORDER BY name")] == [
        "ams",
        "zrh",
    ]


def test_two_that_record_at_once_leave_what_one_of_them_knew(writer: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that finds another recording before its own is whole takes its differences from that."""
    record(writer, FIRST, T)
    insert, raced = writer.insert, threading.Event()

    def meanwhile(table: str, columns: Any, **options: Any) -> None:
        insert(table, columns, **options)
        if not raced.is_set():
            raced.set()
            record(writer, replace(FIRST, version="other", sites={"lon": Site("lon")}), T + 1)

    monkeypatch.setattr(writer, "insert", meanwhile)
    record(writer, SECOND, T + 2)
    assert [each.version for each in recordings(writer)] == ["1", "other", "2"]
    assert inventory_at(writer, T + 2) == blank(SECOND)


def test_a_recording_beside_is_not_mixed_in(writer: Connection) -> None:
    """Two that were whole at the same moment, both after the same one: the later is what was known, without the other's entries."""
    record(writer, FIRST, T)
    record(writer, replace(FIRST, version="beside", sites={"lon": Site("lon")}), T + 1)
    put(writer, '{"name":"osl"}', T + 2, T, "osl")
    found = inventory_at(writer, T + 2)
    assert found is not None
    assert set(found.sites) == {"ams", "rtm", "osl"}
    record(writer, SECOND, T + 3)
    assert inventory_at(writer, T + 3) == blank(SECOND)


def test_it_is_given_up_when_the_process_ends(writer: Connection) -> None:
    """Nothing counts then."""
    with pytest.raises(StoppedError):
        record(writer, FIRST, T, lambda: True)
    assert recordings(writer) == []


def test_what_a_later_program_wrote_is_told(writer: Connection) -> None:
    """A field that is not known is left out; a value that cannot be read is an error that says where."""
    record(writer, FIRST, T)
    put(writer, '{"name":"ams","colour":"red"}', T + 1, T)
    found = inventory_at(writer, T + 1)
    assert found is not None
    assert found.sites["ams"] == Site("ams")
    put(writer, '{"name":7}', T + 2, T + 1)
    with pytest.raises(StoreError, match="sites that this program cannot read"):
        inventory_at(writer, T + 2)


def test_rows_come_as_they_are_made_and_others_may_ask_meanwhile(writer: Connection) -> None:
    """A stream is never held whole; what fails in its midst is a failure of the store."""
    rows = writer.stream("SELECT number FROM numbers(1000000)")
    assert next(rows) == (0,)
    assert writer.rows("SELECT 1 AS one") == [{"one": 1}]
    assert sum(1 for _ in rows) == 999_999
    broken = writer.stream("SELECT throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000")
    with pytest.raises(StoreError):
        list(broken)


def test_the_reader_may_ask(history: HistoryProcess, writer: Connection) -> None:
    """By the user who may only read."""
    record(writer, FIRST, T)
    with InventoryHistory.of(history.settings) as read:
        assert read.known_at(T) == read.of_version("1") == blank(FIRST)
        assert [each.version for each in read.recordings()] == ["1"]


def test_every_section_of_an_inventory_is_recorded() -> None:
    """Whatever sections there are: all but the version."""
    assert set(sections()) == set(Inventory.__dataclass_fields__) - {"version"}


def test_content_leaves_out_defaults() -> None:
    """So that a field that a later program adds makes no entry another."""
    assert content(Site("a")) == b'{"name":"a"}'
    assert json.loads(content(Device("d", "s", "192.0.2.1", community="x"))) == {
        "name": "d",
        "site": "s",
        "address": "192.0.2.1",
        "community": "",
    }


def test_a_large_inventory_is_compared_without_being_copied() -> None:
    """Fifty thousand sites; what is held beside them is a list of their names."""
    sites = {f"s{number:05d}": Site(f"s{number:05d}", "west") for number in range(50_000)}
    known = ((name, 0) for name in ())
    tracemalloc.start()
    count = sum(1 for _ in _changes(sites, known))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 50_000
    assert peak < 8_000_000


async def test_names_of_every_alphabet_are_in_order(client: StoreClient) -> None:
    """The engine sorts by bytes; a name beyond ASCII is met where it stands."""
    names = ["z", "Z", "a-1", "a_1", "ä", "ß", "日本", "\U0001f600", "\uff00"]
    made = Inventory("1", sites={name: Site(name) for name in names})

    def twice(connection: Connection) -> int:
        record(connection, made, T)
        again = record(connection, replace(made, version="2"), T + 1)
        return again.changed if again else -1

    assert await client.run(twice) == 0
