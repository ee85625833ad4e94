"""Whatever a source answers, it becomes an inventory or an error that is told; never a crash, never text that a terminal obeys."""

import copy
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.config.settings import Settings
from pipeline.config.source_settings import InventorySettings, SourceKind, SourceSettings
from pipeline.inventory.mapping import Notice
from pipeline.inventory.netbox import entries_of
from pipeline.inventory.netbox_api import COLLECTIONS
from pipeline.inventory.netbox_row import NetBox
from pipeline.inventory.present import read_present
from pipeline.inventory.snapshot import Snapshot, Snapshots, typed
from pipeline.inventory.tmf import Words, resources_of
from pipeline.inventory.tmf_row import Item
from pipeline.inventory.tmf_service import services_of
from tests.support.netbox import two_sites
from tests.support.tmf import two_routers

ROUNDS = 150
ODD: list[Any] = [
    None,
    "",
    0,
    -1,
    10**12,
    "\x1b[31mred\u202e",
    "a/b",
    "../..",
    "x" * 10_000,
    [],
    {},
    [None],
    {"id": 1},
    True,
    1.5,
    "10.0.0.1",
]
Said = tuple[dict[str, dict[str, dict[str, Any]]], tuple[Notice, ...]]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value that something else could stand at."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


def spoilt(value: Any, dice: random.Random) -> Any:
    """The value with a few of its places emptied, taken out, or filled with what does not belong there."""
    made = copy.deepcopy(value)
    for _ in range(dice.randint(1, 5)):
        holder, key = dice.choice(list(places(made)))
        if isinstance(holder, dict) and dice.random() < 0.3:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(dice.choice(ODD))
    return made


def from_netbox() -> Any:
    box = two_sites()
    return {name: list(box.rows[name.replace("_", "-")].values()) for name in COLLECTIONS}


def said_by_netbox(rows: Any) -> Said:
    return entries_of(msgspec.convert(rows, NetBox), {"devices.community": "cf:snmp", "devices.uplinks": "cf:snmp", "sites.name": "name"})


def from_tmf() -> Any:
    api = two_routers()
    return [*api.items["resource"], *api.items["service"]]


def said_by_tmf(items: Any) -> Said:
    rows = msgspec.convert(items, list[Item])
    found = resources_of(rows, Words({"server": "devices"}, {"devices.role": "cf:vendor"}))
    services, notices = services_of(rows, Words(), found.ids)
    return {**found.entries, **services}, (*found.notices, *notices)


@pytest.mark.parametrize(("answer", "said_by"), [(from_netbox, said_by_netbox), (from_tmf, said_by_tmf)], ids=["netbox", "tmf"])
def test_odd_answers_become_an_inventory_or_an_error(answer: Callable[[], Any], said_by: Callable[[Any], Said], tmp_path: Path) -> None:
    settings = Settings(
        tmp_path, tmp_path / "i", inventory=InventorySettings((SourceSettings("x", SourceKind.NETBOX, "https://x.example"),))
    )
    whole, taken = answer(), 0
    for seed in range(ROUNDS):
        try:
            said, notices = said_by(spoilt(whole, random.Random(seed)))
        except msgspec.ValidationError:  # told as an answer that is not as it should be
            continue
        taken += 1
        entries, further = typed(said)
        snapshot = Snapshot("x", "x", 1_790_000_000 * 10**9, entries, (*notices, *further))
        Snapshots(settings.snapshot_dir).write(snapshot, 0)
        assert Snapshots(settings.snapshot_dir).read("x") == snapshot, seed
        present = read_present(settings)
        told = [*map(str, present.warnings), *map(str, present.conflicts), *present.inventory.devices]
        assert all(text.isprintable() for text in told), seed
    assert taken > ROUNDS // 10, "most were no answers at all"
