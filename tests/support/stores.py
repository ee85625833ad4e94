"""The real stores of one small installation: an embedded ClickHouse, SQLite, a journal and an inventory, for tests of what reads them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.journal import Journal
from pipeline.config.settings import Settings
from pipeline.core.ledger import Credit
from pipeline.core.obligation import TicketLink
from pipeline.obligations import Obligations
from pipeline.reading import Reader
from pipeline.store.client import Connection
from tests.support.history import HistoryProcess, embedded_history, keep
from tests.support.history_samples import NOW

INVENTORY = """\
customers:
  - {name: acme, display_name: Acme Trading, tier: gold, timezone: Europe/Amsterdam}
  - {name: beta, display_name: Beta AG, tier: silver}
  - {name: gamma, display_name: Gamma Ltd, tier: gold}
sites: [{name: ams}]
devices: [{name: pe1, site: ams, address: 127.20.0.1, interfaces: [{name: ge-0/0/1, index: 1, speed_mbps: 1000}]}]
contracts:
  - {name: acme-gold, customer: acme, plan: lab-gold, currency: EUR, charges: {acme-vpn-1: "1200.00"}}
  - {name: beta-silver, customer: beta, plan: lab-silver, currency: EUR, charges: {beta-1: "100.00"}}
services:
  - {name: acme-vpn-1, customer: acme, contract: acme-gold, kind: l3vpn, needs: [interface/pe1/ge-0/0/1]}
  - {name: beta-1, customer: beta, contract: beta-silver, kind: internet, needs: [interface/pe1/ge-0/0/1]}
"""


class Stores:
    """What a test writes into, and the settings by which a :class:`Reader` finds it."""

    def __init__(self, history: HistoryProcess, folder: Path) -> None:
        self._connection = Connection.writer(history.settings)
        inventory = folder / "inventory"
        inventory.mkdir()
        (inventory / "all.yaml").write_text(INVENTORY)
        self.settings = Settings(data_dir=folder, inventory_dir=inventory, history=history.settings)
        self.obligations = Obligations(self.settings.obligations_url())

    def keep(self, *values: Any) -> None:
        """Write values into the history as the sink does."""
        keep(self._connection, *values, recorded_at_ms=NOW // 1_000_000)

    def forget(self, table: str, name: str = "") -> None:
        """Lose rows of the history, as an expired partition does: one id's, or all."""
        self._connection.command(f"DELETE FROM {table} WHERE id = '{name}'" if name else f"TRUNCATE TABLE {table}")

    def command(self, statement: str) -> None:
        """Change the history by hand, as an earlier version left it."""
        self._connection.command(statement)

    def empty(self) -> None:
        """Lose the whole history."""
        full = "SELECT name FROM system.tables WHERE database = 'assure' AND engine LIKE '%MergeTree' AND total_rows > 0"
        for row in self._connection.rows(full):
            if row["name"] != "schema_migration":
                self.forget(f"`{row['name']}`")

    def journal(self, collector: str, *payloads: bytes) -> Path:
        """Append datagrams to a collector's journal; sequences count from 1."""
        folder = self.settings.journal_dir(collector)
        with Journal(folder, segment_bytes=65_536, journal_bytes=1_000_000) as journal:
            journal.append_many([(NOW, "127.20.0.1", payload) for payload in payloads])
        return folder

    def enter_credit(self, key: str = "cr-1", **changes: Any) -> Credit:
        """Enter a credit into the ledger; ``changes`` are fields of ``Credit``."""
        evidence = {"evaluation": {"id": "ev-1"}}
        values: dict[str, Any] = {
            "metric": "availability",
            "period": "2026-11",
            "revision": 1,
            "evidence": evidence,
            "service": "acme-vpn-1",
        }
        values |= {"contract": "acme-gold", "customer": "acme", "amount_minor": 12_000, "currency": "EUR", "dry_run": True}
        credit = Credit(key=key, **{**values, "reason": "target-missed", **changes})
        self.obligations.enter_credit(credit, NOW)
        return credit

    def link_ticket(self, incident: str = "in-1", number: str = "TT-1") -> None:
        """Give an incident a ticket."""
        self.obligations.put_link(TicketLink(incident, "tmf621", number, "acknowledged", linked_at=NOW, updated_at=NOW))

    def close(self) -> None:
        """Give the sockets back."""
        self._connection.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    """One engine for the tests of a module."""
    with embedded_history(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture
def stores(engine: HistoryProcess, tmp_path: Path) -> Iterator[Stores]:
    """Empty stores."""
    made = Stores(engine, tmp_path)
    made.empty()
    with made.obligations:
        yield made
    made.close()


@pytest.fixture
def reader(stores: Stores) -> Iterator[Reader]:
    """A reader of these stores."""
    with Reader(stores.settings) as opened:
        yield opened
