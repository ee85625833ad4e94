"""An inventory's network part as a file that reads back as itself, for people to go on with. The one writer of inventories.

Text comes from devices: it is escaped already (:mod:`pipeline.core.text`), and quoted here, so that it can be neither a second line nor a
second key.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pipeline.core.inventory import Inventory
from pipeline.core.validity import moment_text

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+-]+)*")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""What some reader of YAML takes for something else than text."""
_MOMENTS = frozenset({"valid_from", "valid_until"})
NETWORK_FILE = "network.yaml"

Remarks = Mapping[tuple[str, str], Sequence[str]]
"""(section, name of an entry) -> lines that stand above it as remarks."""


def network_text(inventory: Inventory, heading: Iterable[str], remarks: Remarks, ending: Iterable[str] = ()) -> str:
    """Sites, devices, links and LAGs as YAML; keys that have their defaults are left out. ``ending`` are remarks after all else."""
    lines = [*_remarks("", heading), ""]
    if inventory.sites:
        lines += ["sites:", *(f"  - {_flow(_given(site))}" for site in inventory.sites.values()), ""]
    if inventory.devices:
        lines.append("devices:")
        for device in inventory.devices.values():
            lines += _remarks("  ", remarks.get(("devices", device.name), ()))
            lines += _block({key: value for key, value in _given(device).items() if key != "interfaces"})
            lines += ["    interfaces:", *(f"      - {_flow(_given(port))}" for port in device.interfaces)] if device.interfaces else []
        lines.append("")
    if inventory.links:
        lines.append("links:")
        for link in inventory.links.values():
            lines += _remarks("  ", remarks.get(("links", link.name), ()))
            lines.append(f"  - {_flow(_given(link))}")
        lines.append("")
    if inventory.lags:
        lines += ["lags:", *(f"  - {_flow(_given(lag))}" for lag in inventory.lags.values()), ""]
    lines += _remarks("", ending)
    return "\n".join(lines).rstrip("\n") + "\n"


def write_network(folder: Path, text: str, *, replaces: bool = False) -> Path:
    """Write the file into the folder, making that. Raises ``FileExistsError`` when one is there, unless it ``replaces`` it; ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NETWORK_FILE
    with path.open("w" if replaces else "x", encoding="utf-8") as file:
        file.write(text)
    return path


def _given(entry: Any) -> dict[str, Any]:
    """The fields of an entry that say more than their defaults; and of one that has a source its confidence, whatever it is.

    What every entry has comes last.
    """
    own = sorted(fields(entry), key=lambda each: bool(each.kw_only))
    found = {each.name: (getattr(entry, each.name), each.default) for each in own}
    sourced = {"confidence"} if getattr(entry, "source", "") else set()
    given = {name: value for name, (value, default) in found.items() if value != default or name in sourced}
    return {name: moment_text(value) if name in _MOMENTS else value for name, value in given.items()}


def _block(values: Mapping[str, Any]) -> list[str]:
    lines = [f"{key}: {_value(value)}" for key, value in values.items()]
    return [f"  - {lines[0]}", *(f"    {line}" for line in lines[1:])]


def _flow(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_value(value)}" for key, value in values.items()) + "}"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    plain = (_PLAIN.fullmatch(text) and text.lower() not in _WORDS) or _ADDRESS.fullmatch(text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _remarks(indent: str, lines: Iterable[str]) -> list[str]:
    return [f"{indent}# {' '.join(line.split())}".rstrip() for line in lines]
