"""The schema: brought up to date by itself, again and by several processes at once, and the same as the tables in the code."""

import multiprocessing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from pipeline.obligations import Obligations, upgrade
from pipeline.obligations.engine import open_engine
from pipeline.obligations.schema import metadata


def test_the_migrations_make_the_tables_that_the_code_declares(store_url: str) -> None:
    upgrade(store_url)
    engine = open_engine(store_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_an_upgrade_can_be_run_again(store_url: str) -> None:
    upgrade(store_url)
    upgrade(store_url)
    engine = open_engine(store_url)
    assert set(metadata.tables) | {"alembic_version"} == set(inspect(engine).get_table_names())
    engine.dispose()


def test_processes_that_upgrade_at_once_all_succeed(store_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=upgrade, args=(store_url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with Obligations(store_url) as opened:
        opened.ping()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_a_database_that_cannot_keep_its_promises_is_refused_with_what_is_wanted(url: str) -> None:
    with pytest.raises((ValueError, ModuleNotFoundError), match="sqlite:///FILE or postgresql://"):
        open_engine(url)


def test_a_refusal_does_not_print_the_password() -> None:
    with pytest.raises(ValueError, match="wants") as refusal:
        open_engine("mysql://root:hunter2@localhost/x")
    assert "hunter2" not in str(refusal.value)


def test_a_store_that_is_not_open_says_how_to_open_it(store_url: str) -> None:
    with pytest.raises(RuntimeError, match="with statement"):
        Obligations(store_url).ping()
