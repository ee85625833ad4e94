"""The schema: numbered SQL files, applied in order, each recorded once applied.

Every statement says ``IF [NOT] EXISTS``, or ``WHEN`` it is to be run: ``WHEN query THEN statement`` runs the statement when the query gives
a number that is not 0. So a file that was cut short, or that two processes apply at the same moment, ends in the same schema. A file that
was applied is never edited: what comes later is a new file.
"""

import hashlib
import logging
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

from pipeline.store.client import StoreClient, StoreError

log = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_WHEN = re.compile(r"WHEN\s+([\s\S]+?)\nTHEN\s+([\s\S]+)")
_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number UInt32 COMMENT 'order of application',
    name String COMMENT 'what it brought',
    digest String COMMENT 'SHA-256 of the file that was applied',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'when'
) ENGINE = ReplacingMergeTree ORDER BY number COMMENT 'migrations that were applied'
"""


class SchemaError(RuntimeError):
    """The store's schema is not one that this program may work with; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name and its statements."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, which tells an edited file."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def statements(self) -> tuple[str, ...]:
        """The statements; one ends where a line ends in a semicolon."""
        lines = "\n".join(line for line in self.text.splitlines() if not line.lstrip().startswith("--"))
        return tuple(statement.strip() for statement in re.split(r";\s*(?:\n|$)", lines) if statement.strip())


def migrations() -> tuple[Migration, ...]:
    """Every migration that comes with this program, in order."""
    found = []
    for file in (resources.files("pipeline.store") / "migrations").iterdir():
        match = _NAME.fullmatch(file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.number))


def pending(known: tuple[Migration, ...], applied: dict[int, str]) -> tuple[Migration, ...]:
    """What is still to apply, given number -> digest of what was. Raises ``SchemaError`` for a newer or an edited schema."""
    newer = set(applied) - {migration.number for migration in known}
    if newer:
        raise SchemaError(
            f"the store has migration {max(newer)}, which this program does not know: run the program that made it, or a later one"
        )
    for migration in known:
        if applied.get(migration.number, migration.digest) != migration.digest:
            raise SchemaError(
                f"migration {migration.number:04d}_{migration.name} was edited after it was applied: put it back, and add a new file"
            )
    return tuple(migration for migration in known if migration.number not in applied)


async def migrate(client: StoreClient, database: str) -> tuple[str, ...]:
    """Bring ``database`` to this program's schema, making it if it is missing; returns the names of what was applied.

    Safe to repeat and to run from two processes at once. Raises ``SchemaError`` or ``StoreError``.
    """
    await client.command(f"CREATE DATABASE IF NOT EXISTS `{_identifier(database)}`", in_database=False)
    await client.command(_RECORD)
    rows = await client.rows("SELECT number, digest FROM schema_migration FINAL")
    todo = pending(migrations(), {row["number"]: row["digest"] for row in rows})
    for migration in todo:
        for statement in migration.statements:
            await _apply(client, statement)
        record: dict[str, list[Any]] = {"number": [migration.number], "name": [migration.name], "digest": [migration.digest]}
        await client.insert("schema_migration", record, token=f"migration:{migration.number}:{migration.digest}")
        log.info("applied migration %04d_%s", migration.number, migration.name)
    return tuple(migration.name for migration in todo)


async def _apply(client: StoreClient, statement: str) -> None:
    conditional = _WHEN.fullmatch(statement)
    if conditional is None:
        await client.command(statement)
    elif await _holds(client, conditional[1]):
        try:
            await client.command(conditional[2])
        except StoreError:  # another process may have run it between the question and the statement
            if await _holds(client, conditional[1]):
                raise


async def _holds(client: StoreClient, query: str) -> bool:
    return any(value for row in await client.rows(query) for value in row.values())


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise SchemaError(f"{name!r} is no name for a database: use letters, digits and underscores")
    return name
