"""`assure sla observed` tells what was not measured on two clocks, and offers a line to record it; nothing is recorded by itself."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, widest
from tests.support.reader import FakeReader


def test_stretches_are_told_in_utc_and_where_the_customer_lives(run: Run, reader: type[FakeReader]) -> None:
    """With how long, whose devices, and how many more there are; one that spans two devices is one stretch."""
    found = run("sla", "observed", "--month", "2026-10", columns=120)
    assert found.exit_code == 0
    lines = [line.split(maxsplit=3) if not line.startswith(" ") else line.strip() for line in found.output.splitlines()]
    assert lines[1:4] == [
        ["windsor-gate-schools", "wgs-internet-1", "99.84%", lines[1][3]],
        "10-10 00:00 to 00:26 Europe/London",
        "ams-pe1, rtm-p1",
    ]
    assert lines[1][3].strip() == "10-09 23:00 to 23:26 UTC, 26 min 0 s"
    assert "and 2 more stretches, 14 min 0 s" in found.output
    assert ["windsor-gate-schools", "wgs-vpn-1", "100%"] in lines


def test_the_line_to_record_a_stretch_can_be_copied(run: Run, reader: type[FakeReader]) -> None:
    """Only of the stretch at an outage; a shell takes it as it stands."""
    found = run("sla", "observed", "--month", "2026-10")
    (line,) = (each.strip() for each in found.output.splitlines() if " sla exclude " in each)
    assert line.endswith(
        "sla exclude wgs-internet-1 --from 2026-10-09T23:00:00Z --until 2026-10-09T23:26:00Z"
        " --reason-kind blind --text 'not polled: ams-pe1, rtm-p1'"
    )
    table = found.output.partition("\n\n")[0]
    assert widest(table) <= 80


def test_scripts_get_every_stretch_and_an_exact_share(run: Run, reader: type[FakeReader]) -> None:
    first, second = json.loads(run("sla", "observed", "--month", "2026-10", "--json").output)
    assert (len(first["stretches"]), first["stretches"][0]["beside_outage"], first["stretches"][1]["beside_outage"]) == (7, True, False)
    assert (first["observed"], second["observed"]) == ("11158/11175", "1")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--month", "november"), 2, "'november' is not a month (as in 2026-11)"),
        ((), 2, "Missing option '--month'"),
        (("--month", "2026-10", "--longer-than", "soon"), 2, "'soon' is no length of time"),
    ],
)
def test_wrong_usage_is_told(run: Run, reader: type[FakeReader], words: tuple[str, ...], code: int, says: str) -> None:
    found = run("sla", "observed", *words)
    assert (found.exit_code, says in found.output) == (code, True)


def test_without_agreements_or_a_store_it_says_so(run: Run, home: Path, reader: type[FakeReader]) -> None:
    reader.empty = True
    assert run("sla", "observed", "--month", "2026-10").output == "No agreement that was chosen has anything to say of 2026-10.\n"
    reader.down = True
    assert run("sla", "observed", "--month", "2026-10").exit_code == 4
