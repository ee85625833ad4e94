"""The calculator needs two files and shows each step to the cent; what is wrong in a file is told with its place."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import assure

PUBLISHED = Path(__file__).parents[2] / "rules" / "slas" / "published.yaml"
CSV = "at,lasts_s,kind,text\n2026-11-10T08:00:00Z,18000,,\n"


def rated(folder: Path, outages: str, *options: str, name: str = "outages.csv", plan: Path = PUBLISHED) -> Result:
    file = folder / name
    file.write_text(outages)
    return CliRunner().invoke(assure, ["sla", "rate", "--plan", str(plan), "--outages", str(file), *options])


def test_the_arithmetic_is_shown_line_by_line(tmp_path: Path) -> None:
    """Five hours of local access: the ratio as it is printed, the factor, and 13.80 of 1000."""
    found = rated(tmp_path, CSV, "--name", "example-local-access", "--currency", "USD")
    assert found.exit_code == 0
    assert found.output.splitlines()[-3:] == [
        "  downtime 18000 s / 86400 s / 30 days = 0.0069 of the month (4 decimals, rounded half-up); times 2 = 0.0138 of the charge",
        "  credit: 0.0138 of 1000.00 USD = 13.80 USD (rounded half-up)",
        "= 99.30555 %, promised 100 %: missed; credit 13.80 USD",
    ]


def test_yaml_says_the_same_as_a_table(tmp_path: Path) -> None:
    """Outages and exclusions may be written as either."""
    table = 'at,lasts_s,kind,text\n2026-11-10T08:00:00Z,7200,,\n2026-11-10T08:00:00Z,3600,force-majeure,"flood, high water"\n'
    written = (
        "outages: [{at: 2026-11-10T08:00:00Z, until: 2026-11-10T10:00:00Z}]\n"
        "exclusions: [{kind: force-majeure, at: 2026-11-10T08:00:00Z, lasts_s: 3600, text: 'flood, high water'}]\n"
    )
    options = ("--name", "example-internet-dedicated", "--charge", "3000.00", "--json")
    first, second = rated(tmp_path, table, *options), rated(tmp_path, written, *options, name="outages.yaml")
    assert json.loads(first.output) == json.loads(second.output)
    (found,) = json.loads(first.output)
    assert (found["counted_s"], found["excluded_s"], found["credit_minor"]) == (3600, 3600, 10_000)


@pytest.mark.parametrize(("timezone", "seconds"), [("UTC", 2_678_400), ("Europe/London", 2_682_000)])
def test_the_month_is_cut_where_the_customer_lives(tmp_path: Path, timezone: str, seconds: int) -> None:
    options = ("--name", "example-four-nines", "--month", "2026-10", "--tz", timezone, "--json")
    (found,) = json.loads(rated(tmp_path, CSV, *options).output)
    assert (found["denominator_s"], found["counted_s"]) == (seconds, 0)


@pytest.mark.parametrize(
    ("outages", "options", "says"),
    [
        (CSV, (), "there are several plans: example-edge-bare-metal"),
        (CSV, ("--name", "example-cabel"), "'example-cabel' is not a plan here; did you mean 'example-cable'?"),
        (CSV, ("--name", "example-automatic-compensation", "--currency", "EUR"), "speaks of GBP"),
        (CSV, ("--name", "example-cable", "--month", "november"), "'november' is not a month"),
        (CSV, ("--name", "example-cable", "--tz", "Mars/Base"), "'Mars/Base' is not an IANA time zone"),
        ("at,lasts_s\nnoon,3\n", ("--name", "example-cable"), "'noon' is not a time"),
        ("at,lasts_s\n2026-11-10T08:00:00Z,x\n", ("--name", "example-cable"), "outages.csv:2: $.lasts_s: 'x' is not a whole number"),
        ("at,lasts_s\n2026-11-10T08:00:00Z,3,4\n", ("--name", "example-cable"), "outages.csv:2: $: more cells than the heading has"),
        ("at\n2026-11-10T08:00:00Z\n", ("--name", "example-cable"), "say how long it lasted"),
        ("at,lasts_s\n", ("--name", "example-cable"), "say which month"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, outages: str, options: tuple[str, ...], says: str) -> None:
    found = rated(tmp_path, outages, *options)
    assert found.exit_code == 2
    assert says in found.output


def test_a_plan_with_a_gap_is_refused_and_the_gap_named(tmp_path: Path) -> None:
    """A published schedule steps from 97.9 to 96.89: no month in between has an answer."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "plans:\n  - name: p\n    version: '1'\n    rating: availability-percent\n    target: 99\n    bands:\n"
        "      - {lower: 0, upper: 96.89, credit_percent: 20}\n      - {lower: 97.9, credit_percent: 0}\n"
    )
    found = rated(tmp_path, CSV, plan=plan)
    assert found.exit_code == 2
    assert "plan.yaml:8: $.plans[0].bands[1].lower: plan p: gap: nothing is said from 96.89 to 97.9" in found.output
