"""Bring a database to the newest schema; safe to run again, and by two processes at once."""

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from pipeline.obligations.engine import lock, open_engine, writing

_SCRIPTS = Path(__file__).resolve().parent / "migrations"


def upgrade(url: str) -> None:
    """Run the missing migrations of the database at an SQLAlchemy URL in one transaction. Raises SQLAlchemy's error when it cannot."""
    engine = open_engine(url)
    try:
        upgrade_engine(engine)
    finally:
        engine.dispose()


def upgrade_engine(engine: Engine) -> None:
    """As :func:`upgrade`, for an engine at hand."""
    with writing(engine) as connection:
        lock(connection, "migrations")
        _run_missing(connection)


def _run_missing(connection: Connection) -> None:
    scripts = ScriptDirectory(str(_SCRIPTS))

    def missing(heads: tuple[str, ...], _context: MigrationContext) -> list[MigrationStep]:
        newer = reversed(list(scripts.iterate_revisions("head", heads or "base")))
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in newer]

    context = MigrationContext.configure(connection, opts={"fn": missing, "transactional_ddl": True})
    with Operations.context(context):
        context.run_migrations()
