"""CSV files that people, or a nightly job, carry into billing: one for each day, each credit once in all of them.

Whoever has taken a file over moves it into a folder below (``done/``, say): what lies there still counts as handed off.
"""

import asyncio
import csv
import io
import os
from pathlib import Path

from pipeline.core.credit_export import safe_cell
from pipeline.core.money import money_text, to_minor
from pipeline.core.wording import rfc3339
from pipeline.outputs.billing.port import Posted, Posting, again

COLUMNS = ("key", "customer", "account", "contract", "service", "period", "amount", "currency", "text", "posted_at")


class HandOff:
    """Files ``credits-2026-11-26.csv`` in ``folder``, which is made. Only one process posts at a time: a claim sees to it."""

    reads_back = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = asyncio.Lock()

    async def find(self, posting: Posting) -> Posted | None:
        """The row with this key, in any file of the folder or below."""
        return await asyncio.to_thread(self._find, posting.key)

    def _find(self, key: str) -> Posted | None:
        for path in sorted(self._folder.rglob("credits-*.csv")):
            with path.open(newline="", encoding="utf-8") as opened:
                for row in csv.DictReader(opened):
                    if row["key"] == key:
                        return _posted(path.name, row)
        return None

    async def post(self, posting: Posting) -> Posted:
        """Add a row; it is on the disk, whole, before this answers."""
        async with self._lock:
            return await asyncio.to_thread(self._post, posting)

    def _post(self, posting: Posting) -> Posted:
        self._folder.mkdir(parents=True, exist_ok=True)
        moment = rfc3339(posting.posting_at)
        path = self._folder / f"credits-{moment[:10]}.csv"
        before = path.read_text(encoding="utf-8") if path.exists() else _line(COLUMNS)
        amount = money_text(posting.amount_minor, posting.currency).split()[0]
        texts = (posting.key, posting.customer, posting.account, posting.contract, posting.service, posting.period)
        row = (*map(safe_cell, texts), amount, posting.currency, safe_cell(posting.text), moment)
        _replace(path, before + _line(row))
        return Posted(f"{path.name}#{posting.key}", posting.amount_minor, posting.currency)


def _line(row: tuple[str, ...]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerow(row)
    return written.getvalue()


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all, even through a loss of power."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8", newline="") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _posted(name: str, row: dict[str, str]) -> Posted:
    try:
        return Posted(f"{name}#{row['key']}", to_minor(row["amount"], row["currency"]), row["currency"])
    except (KeyError, ValueError) as error:
        raise again(f"{name} has a row that cannot be read: {error}") from error
