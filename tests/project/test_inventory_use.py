"""Whoever needs the inventory reads the present one: what other sources say counts for every part alike."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_part_reads_the_folder_of_files_alone() -> None:
    """Except where a folder is named by hand, which is then the whole inventory."""
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in ("pipeline", "collectors")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.parent.name != "inventory"
        for line in path.read_text().splitlines()
        if re.search(r"(InventorySource|load_inventory|read_inventory)\(settings\.inventory_dir\)", line)
    ]
    assert found == []
