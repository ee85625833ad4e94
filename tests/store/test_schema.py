"""The schema comes by numbered files that can be repeated, raced, and never silently edited; every table and column says what it holds."""

import asyncio
from dataclasses import replace

import pytest

from pipeline.store.client import StoreClient
from pipeline.store.queries import TABLES
from pipeline.store.schema import Migration, SchemaError, migrate, migrations, pending
from tests.support.history import HistoryProcess


def test_migrations_are_numbered_without_gaps() -> None:
    """The order of application is the order of the files."""
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_every_statement_can_be_repeated() -> None:
    """A file that was cut short is simply run again."""
    statements = [statement for migration in migrations() for statement in migration.statements]
    assert statements
    assert [statement for statement in statements if "IF NOT EXISTS" not in statement.splitlines()[0]] == []


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


async def test_two_processes_may_migrate_at_once(history: HistoryProcess) -> None:
    """Both succeed, the schema is there once, and a third finds nothing to do."""
    settings = replace(history.settings, database="assure")
    async with StoreClient.writer(settings) as one, StoreClient.writer(settings) as two:
        for row in await one.rows("SELECT name FROM system.tables WHERE database = 'assure'"):
            await one.command(f"DROP TABLE IF EXISTS `{row['name']}` SYNC")
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
    assert forgets >= {"trap", "poll", "kpi", "kpi_1m", "kpi_1h", "event", "alarm_change", "incident_revision", "quarantine_message"}
    assert not forgets & {"alarm", "incident", "outage", "evaluation", "effect", "receipt", "sink_cut", "schema_migration"}


@pytest.mark.parametrize("name", ["", "a-b", "x; DROP TABLE y", "`"])
async def test_a_database_name_cannot_carry_a_statement(client: StoreClient, name: str) -> None:
    """What is no identifier is refused before it reaches SQL."""
    with pytest.raises(SchemaError, match="is no name for a database"):
        await migrate(client, name)
