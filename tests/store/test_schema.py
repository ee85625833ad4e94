"""The schema comes by numbered files that can be repeated, raced, and never silently edited; every table and column says what it holds."""

import asyncio
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from pipeline.store.client import StoreClient
from pipeline.store.packed import COLUMNS, INTAKE, Packed, pack
from pipeline.store.queries import TABLES
from pipeline.store.retention import apply_retention
from pipeline.store.schema import Migration, SchemaError, _apply, migrate, migrations, pending
from tests.support.history import HistoryProcess
from tests.support.history_samples import NOW, S, kpis


def test_migrations_are_numbered_without_gaps() -> None:
    """The order of application is the order of the files."""
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_every_statement_can_be_repeated() -> None:
    """A file that was cut short is simply run again: a statement minds what is there already, or says when it is to be run."""
    statements = [statement for migration in migrations() for statement in migration.statements]
    assert statements
    safe = re.compile(r".*IF (NOT )?EXISTS|WHEN SELECT count\(\) FROM system\.tables WHERE .*\nTHEN (DROP|RENAME|CREATE)")
    assert [statement for statement in statements if not safe.match(statement)] == []


def test_a_semicolon_within_a_line_ends_no_statement() -> None:
    """Only the end of a line ends one; comments are no statements."""
    assert Migration(1, "x", "-- why;\nSELECT 'a;b',\n 2;\n\nSELECT 3;").statements == ("SELECT 'a;b',\n 2", "SELECT 3")


@pytest.mark.parametrize(
    ("applied", "word"),
    [({1: "other"}, "was edited after it was applied"), ({9: "x"}, "run the program that made it")],
)
def test_a_foreign_schema_is_refused(applied: dict[int, str], word: str) -> None:
    """An edited file or a later program's schema stops the start, with what to do."""
    with pytest.raises(SchemaError, match=word):
        pending((Migration(1, "x", "SELECT 1"),), applied)


def test_only_what_is_new_is_applied() -> None:
    """Known migrations are left out."""
    first, second = Migration(1, "x", "SELECT 1"), Migration(2, "y", "SELECT 2")
    assert pending((first, second), {1: first.digest}) == (second,)


BEFORE = (
    "INSERT INTO kpi VALUES ('in_bps', 'pe1', 'interface/pe1/a', '2026-11-20 10:00:00.250', 0.5, 'good'),"
    " ('in_bps', 'pe1', 'interface/pe1/b', '2026-11-20 10:00:30.000', NULL, 'blind')"
)


async def emptied(client: StoreClient) -> None:
    """A database without tables."""
    await client.command("CREATE DATABASE IF NOT EXISTS assure", in_database=False)
    for row in await client.rows("SELECT name FROM system.tables WHERE database = 'assure'"):
        await client.command(f"DROP TABLE IF EXISTS `{row['name']}` SYNC")


@pytest.mark.slow
@pytest.mark.parametrize("done", [0, 1, 4, 6, 7, 8, 10, 14, 17, 18, 30])
async def test_an_installation_with_a_history_of_indicators_keeps_it(history: HistoryProcess, done: int) -> None:
    """What an earlier version wrote is read beside what is written now, wherever the first try of the migration was cut short."""
    known = migrations()
    async with StoreClient.writer(history.settings) as client:
        await emptied(client)
        for migration in known[:10]:
            for statement in migration.statements:
                await _apply(client, statement)
        await client.command(BEFORE.replace("2026-11-20", str(date.today() - timedelta(days=3))))  # noqa: DTZ011  # the engine's day
        for statement in known[10].statements[:done]:
            await _apply(client, statement)
        await migrate(client, "assure")
        for number in range(2):
            block = Packed([pack(kpis(NOW + number * S), {})])
            await client.insert_native(INTAKE, COLUMNS, block.native(), token=f"new {number}")
        raw = await client.rows("SELECT kpi, resource, value, quality FROM kpi WHERE at < now() - INTERVAL 1 DAY ORDER BY resource")
        assert [tuple(row.values()) for row in raw] == [
            ("in_bps", "interface/pe1/a", 0.5, "good"),
            ("in_bps", "interface/pe1/b", None, "blind"),
        ]
        counts = "SELECT sum(samples) AS good, sum(bad_samples) AS bad, max(highest) AS highest FROM"
        for table in ("kpi_1m", "kpi_1h"):
            assert await client.rows(f"{counts} {table} WHERE kpi = 'in_bps'") == [{"good": 1, "bad": 1, "highest": 0.5}]
            assert await client.rows(f"{counts} {table}") == [{"good": 5, "bad": 5, "highest": pytest.approx(0.555, rel=1 / 4096)}]
        kept = await client.rows("SELECT count() AS n FROM system.tables WHERE database = 'assure' AND name LIKE 'kpi%before'")
        assert kept == [{"n": 3}]
        await emptied(client)
        await migrate(client, "assure")


async def test_a_new_installation_has_nothing_of_the_old_form(client: StoreClient) -> None:
    """Tables that never held a row are not moved aside but dropped."""
    assert await client.rows("SELECT name FROM system.tables WHERE database = 'assure' AND name LIKE '%before'") == []


async def test_indicators_are_kept_as_long_as_the_settings_say(history: HistoryProcess, client: StoreClient) -> None:
    """Applied to the tables when it changes, and only then."""
    longer = replace(history.settings, kpi_days=30, kpi_1h_days=3_650)
    assert await apply_retention(client, history.settings) == {}
    assert await apply_retention(client, longer) == {"kpi_raw": 30, "kpi_1h_state": 3_650}
    assert await apply_retention(client, longer) == {}
    old = Packed([pack(kpis(NOW - days * 86_400 * S), {}) for days in (1, 20, 40)])
    await client.insert_native(INTAKE, COLUMNS, old.native(), token="old")
    await client.command("OPTIMIZE TABLE kpi_raw FINAL")
    assert await client.rows("SELECT uniqExact(toDate(at)) AS days, count() AS n FROM kpi") == [{"days": 2, "n": 8}]
    assert await apply_retention(client, history.settings) == {"kpi_raw": 14, "kpi_1h_state": 1_095}


async def test_two_processes_may_migrate_at_once(history: HistoryProcess) -> None:
    """Both succeed, the schema is there once, and a third finds nothing to do."""
    settings = replace(history.settings, database="assure")
    async with StoreClient.writer(settings) as one, StoreClient.writer(settings) as two:
        await emptied(one)
        names = await asyncio.gather(migrate(one, "assure"), migrate(two, "assure"))
        assert {name for each in names for name in each} == {migration.name for migration in migrations()}
        assert await migrate(one, "assure") == ()
        applied = await one.rows("SELECT number FROM schema_migration FINAL ORDER BY number")
        assert [row["number"] for row in applied] == [migration.number for migration in migrations()]


async def test_every_table_and_column_says_what_it_holds(client: StoreClient) -> None:
    """Analysts read comments with the data; times and durations carry their unit."""
    mute = await client.rows(
        "SELECT table, name FROM system.columns WHERE database = 'assure' AND comment = ''"
        " AND table NOT LIKE '%\\\\_mv' AND table NOT IN (SELECT name FROM system.tables WHERE engine = 'View')"
    )
    assert mute == []
    described = await client.rows("SELECT name, comment FROM system.tables WHERE database = 'assure' AND engine != 'MaterializedView'")
    assert [row["name"] for row in described if not row["comment"]] == []
    assert {row["name"] for row in described} >= {*TABLES, "alarm_current", "incident_current", "outage_current", "interface_utilisation"}


async def test_what_grows_is_forgotten_in_time(client: StoreClient) -> None:
    """Raw rows go sooner than their roll-ups; present states and money stay."""
    rows = await client.rows("SELECT name, create_table_query LIKE '% TTL %' AS forgets FROM system.tables WHERE database = 'assure'")
    forgets = {row["name"] for row in rows if row["forgets"]}
    assert forgets >= {
        "trap",
        "poll",
        "kpi_raw",
        "kpi_1m_state",
        "kpi_1h_state",
        "anomaly",
        "forecast",
        "event",
        "alarm_change",
        "incident_revision",
        "quarantine_message",
    }
    assert not forgets & {
        "model",
        "place",
        "service_resource",
        "inventory_entry",
        "inventory_version",
        "alarm",
        "incident",
        "outage",
        "evaluation",
        "effect",
        "receipt",
        "sink_cut",
        "schema_migration",
    }


@pytest.mark.parametrize("name", ["", "a-b", "x; DROP TABLE y", "`"])
async def test_a_database_name_cannot_carry_a_statement(client: StoreClient, name: str) -> None:
    """What is no identifier is refused before it reaches SQL."""
    with pytest.raises(SchemaError, match="is no name for a database"):
        await migrate(client, name)
