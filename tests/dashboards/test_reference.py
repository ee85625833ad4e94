"""The reference of tables and columns says what the schema says, and the reader may read all of it."""

import base64
import re
import urllib.request
from collections.abc import Iterator

import pytest

from pipeline.core.money import MINOR_UNITS, money_text
from pipeline.store.client import Connection
from pipeline.store.queries import TABLES
from pipeline.store.schema import migrations
from tests.support import reference
from tests.support.history import HistoryProcess
from tests.support.panels import ROOT


@pytest.fixture
def owner(told: HistoryProcess) -> Iterator[Connection]:
    connection = Connection.writer(told.settings)
    yield connection
    connection.close()


def test_the_reference_is_what_the_schema_says(owner: Connection) -> None:
    """Every table, view and column with its meaning; after a change of the schema: ``python -m tests.support.reference``."""
    assert reference.FILE.read_text() == reference.text(owner)


def test_no_table_is_left_out(owner: Connection) -> None:
    """What the store has is in a chapter, once."""
    named = [name for names in reference.CHAPTERS.values() for name in names]
    assert sorted(named) == sorted(reference.tables(owner))
    assert set(TABLES) <= set(named)


def test_the_readme_names_every_table_of_the_reference() -> None:
    """The way in names each table with the question it answers."""
    readme = (ROOT / "README.md").read_text()
    named = {name for names in reference.CHAPTERS.values() for name in names if name not in reference.BASE.values()}
    assert {name for name in named if f"`{name}`" not in readme} == set()


def test_what_the_readme_says_is_kept_is_kept(owner: Connection) -> None:
    """The time after which rows are forgotten, table by table."""
    rows = owner.rows("SELECT name, create_table_query AS made FROM system.tables WHERE database = 'assure'")
    kept = {row["name"]: (re.findall(r" TTL .*?toInterval(Day|Year|Month)\((\d+)\)", row["made"]) or [("", "always")])[0] for row in rows}
    words = {"Day": "days", "Year": "years", "": ""}
    said = {}
    for asked, answer in re.findall(r"^\| [^|]+ \| ((?:`\w+`[;, ]*)+) \| ([^|]+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE):
        names = re.findall(r"`(\w+)`", asked)
        times = answer.split("; ")
        said |= dict(zip(names, times if len(times) == len(names) else times * len(names), strict=True))
    assert len(said) == 30
    rolled_up = dict.fromkeys(("interface_utilisation", "kpi_1m", "kpi_by_site", "kpi_by_region", "kpi_by_service"), "kpi_1m_state")
    as_kept = {"kpi": "kpi_raw", "kpi_1h": "kpi_1h_state", "model_current": "model", "forecast_current": "forecast"} | rolled_up
    as_kept |= dict.fromkeys(("inventory_entry_current", "inventory_entry_history"), "inventory_entry")
    for name, answer in said.items():
        unit, number = kept[as_kept.get(name, name)]
        if unit == "Day" and int(number) % 365 == 0:
            unit, number = "Year", str(int(number) // 365)
        assert answer == f"{number} {words[unit]}".strip().replace("1 years", "1 year"), name


def test_the_command_of_the_readme_gives_an_answer(told: HistoryProcess) -> None:
    """What `curl` sends there, by HTTP with the reader's name and password; and the page for SQL is served."""
    [question] = re.findall(r'--data-binary "(.*)"', (ROOT / "README.md").read_text())
    base = f"http://127.0.0.1:{told.settings.port}"
    password = base64.b64encode(f"viewer:{told.settings.viewer_password.reveal()}".encode()).decode()
    request = urllib.request.Request(f"{base}/?database=assure", data=question.encode(), headers={"Authorization": f"Basic {password}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert "fibre/f-ams-rtm-1" in answer.read().decode()
    with urllib.request.urlopen(f"{base}/play", timeout=30) as page:
        assert b"<html" in page.read()


def test_the_reader_may_read_everything_in_it(viewer: Connection) -> None:
    """Each table and view by the viewer, with one row at most."""
    for name in (name for names in reference.CHAPTERS.values() for name in names):
        assert viewer.rows(f"SELECT * FROM {name} LIMIT 1"), name


def test_each_number_says_its_unit_or_what_it_counts(owner: Connection) -> None:
    """A duration, a share or an amount has its unit in its name or its meaning."""
    units = re.compile(r"_(s|ms|minor|percent|ticks)$")
    for table, known in reference.columns(owner).items():
        for name, (kind, meaning) in known.items():
            if re.search(r"Float|Decimal", kind) and not units.search(name):
                assert re.search(r"percent|milliseconds|0 to 1|unit|amount|value|mean", meaning), f"{table}.{name}: {meaning}"


def test_amounts_are_divided_as_their_currency_wants(owner: Connection) -> None:
    """The view's list of currencies without cents, or with thousandths, is the one of the arithmetic of credits."""
    [view] = [statement for migration in migrations() for statement in migration.statements if "credit_proposed" in statement]
    names, factors = (re.findall(pattern, view) for pattern in (r"'([A-Z]{3})'", r"\b(1000|1)\b(?=[,\]])"))
    said = dict(zip(names, (int(factor) for factor in factors), strict=True))
    assert said == {currency: 10**decimals for currency, decimals in MINOR_UNITS.items() if decimals != 2}
    [row] = owner.rows("SELECT amount, amount_minor, currency FROM credit_proposed")
    assert f"{row['amount']:.2f} {row['currency']}" == money_text(row["amount_minor"], row["currency"])


def test_utilisation_in_percent_is_percent(viewer: Connection) -> None:
    """The indicator is a share from 0 to 1; what is named percent runs to 100."""
    [row] = viewer.rows(
        "SELECT max(highest_percent) AS highest, max(in_percent) AS fullest, max(out_percent) AS out FROM interface_utilisation"
    )
    shares = viewer.rows("SELECT max(value) AS highest FROM kpi WHERE kpi IN ('in_utilisation', 'out_utilisation')")
    assert shares == [{"highest": pytest.approx(0.85, rel=1 / 4096)}]
    full, tenth = pytest.approx(85.0, rel=1 / 4096), pytest.approx(10.0, rel=1 / 4096)
    assert row == {"highest": full, "fullest": full, "out": tenth}
