"""`assure journal`: what was heard is listed, shown with names, and held against other rules; nothing needs to run for it."""

import json
import shutil
from pathlib import Path

import pytest

from collectors.journal import Journal, JournalRecord
from collectors.trap import quarantine
from collectors.trap.ber import DecodeError
from collectors.trap.quarantine import Quarantine
from pipeline.config.settings import Settings
from pipeline.config.settings_file import load_settings
from pipeline.core.reason import Reason
from pipeline.resources import data_dir
from tests.cli.conftest import Run
from tests.support.datagrams import INTEGER, Var, v2_trap
from tests.support.usm import link_down as v3_link_down

START = 1_790_000_000 * 10**9
MINUTE = 60 * 10**9
UNKNOWN = "1.3.6.1.4.1.4711.0.1"
DOWN = v2_trap(variables=[Var("1.3.6.1.2.1.2.2.1.1.7", INTEGER, 7), Var("1.3.6.1.2.1.2.2.1.8.7", INTEGER, 2)], community=b"geheim")
STRANGE = v2_trap(UNKNOWN, [Var("1.3.6.1.4.1.4711.1.0", INTEGER, 5)])
NOISE = b"\x30\x03\x02\x01\x01"
HEARD = [
    (START, "192.0.2.1", DOWN),
    (START + MINUTE, "192.0.2.2", STRANGE),
    (START - 60 * MINUTE, "192.0.2.1", NOISE),  # the clock was set back by an hour
    (START + 2 * MINUTE, "192.0.2.1", DOWN),
]


@pytest.fixture
def settings(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation whose collector heard four datagrams, of which the last is not published yet and the third is no notification."""
    monkeypatch.chdir(tmp_path)
    assert run("init", ".").exit_code == 0
    found = load_settings(tmp_path / "assure.yaml")
    folder = found.journal_dir("trap-1")
    with Journal(folder, segment_bytes=10_000, journal_bytes=100_000) as journal, Quarantine(folder, quarantine_bytes=100_000) as aside:
        journal.append_many(HEARD)
        journal.sync()
        aside.put([(JournalRecord(3, HEARD[2][0], HEARD[2][1], NOISE), DecodeError(Reason.MALFORMED, "cut short"))])
        journal.acknowledge(3)
    return found


def test_every_journal_is_listed_with_what_waits(run: Run, settings: Settings) -> None:
    """And its quarantine beside it."""
    listed = run("journal", "ls").output
    assert "1 to 4" in listed
    assert "quarantine" in listed
    rows = json.loads(run("journal", "ls", "--json").output)
    assert [(row["kind"], row["records"]) for row in rows] == [("traps", 4), ("quarantine", 1)]
    assert (rows[0]["waiting"], rows[0]["acknowledged"]) == (1, 3)
    assert all(line.isascii() or len(line) <= 80 for line in listed.splitlines())
    assert max(map(len, listed.splitlines())) <= 80


def test_a_datagram_is_shown_with_names_and_its_community_masked(run: Run, settings: Settings) -> None:
    """In its bytes as well."""
    shown = run("journal", "show", "trap-1:1", "--hex").output
    assert "v2c trap linkDown" in shown
    assert "down(2)" in shown
    assert b"geheim".hex(" ") not in shown
    assert "** ** ** ** ** **" in shown
    assert "geheim" not in shown


def test_what_is_no_notification_says_why_and_is_found_by_its_time_though_the_clock_stepped(run: Run, settings: Settings) -> None:
    """One that was received "earlier" than those before it hides nothing and is not hidden."""
    found = json.loads(run("journal", "show", "--from", "2026-09-21T13:00:00Z", "--to", "2026-09-21T14:00:00Z", "--json").output)
    assert [row["sequence"] for row in found] == [3]
    assert found[0]["quarantined"] == {"reason": "malformed", "detail": "cut short"}
    everything = json.loads(run("journal", "show", "--from", "2026-09-21T00:00:00Z", "--json").output)
    assert [row["sequence"] for row in everything] == [1, 2, 3, 4]
    of_one = json.loads(run("journal", "show", "--from", "2026-09-21T00:00:00Z", "--source", "192.0.2.2", "--json").output)
    assert [row["sequence"] for row in of_one] == [2]
    told = run("journal", "show", "3").output
    assert "in quarantine: malformed, cut short" in told
    assert "--limit" not in told
    aside = json.loads(run("journal", "show", "--quarantined", "--json").output)
    assert [row["sequence"] for row in aside] == [3]
    assert "--limit shows them" in run("journal", "show", "--from", "2026-09-21T00:00:00Z", "--limit", "1").output


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("show", "99"), 3, "no journal holds 99"),
        (("show", "trap-9:1"), 3, "there is no collector 'trap-9'"),
        (("show", "x"), 2, "'x' is no sequence"),
        (("show",), 2, "name sequences, or say when"),
        (("show", "--from", "10m"), 3, "nothing was received then"),
        (("show", "--from", "noon"), 2, "noon"),
        (("show", "--from", "1d", "--source", "router"), 2, "'router' is no address"),
        (("replay", "--from", "10m", "--rules", str(data_dir("rules"))), 3, "nothing was received then"),
        (("replay", "--from", "1d", "--rules", str(data_dir("rules")), "--apply"), 2, "--apply is read by the running worker's rules"),
    ],
)
def test_what_cannot_be_shown_says_why(run: Run, settings: Settings, command: tuple[str, ...], code: int, told: str) -> None:
    """With an exit code that means something."""
    result = run("journal", *command)
    assert (result.exit_code, told in " ".join(result.output.split())) == (code, True), result.output


def test_other_rules_are_held_against_those_in_force_without_the_history(run: Run, settings: Settings, tmp_path: Path) -> None:
    """What was unknown and is known by the new ones is told with an example; exit code 1 says that something differs."""
    same = run("journal", "replay", "--from", "2026-09-21T00:00:00Z", "--rules", str(data_dir("rules")))
    assert same.exit_code == 0, same.output
    assert "0 of 2 events differ" in same.output
    shutil.copytree(data_dir("rules"), tmp_path / "next")
    (tmp_path / "next" / "traps" / "acme.yaml").write_text(
        f"traps:\n  - name: acme-lost\n    oid: {UNKNOWN}\n    resource: {{kind: device}}\n    alarm_type: power-failure\n"
        f'    signal: raise\n    text: "power of {{device}}"\ntests:\n  - oid: {UNKNOWN}\n    expect: {{signal: raise}}\n'
    )
    other = run("journal", "replay", "--from", "2026-09-21T00:00:00Z", "--rules", "next")
    assert other.exit_code == 1, other.output
    told = json.loads(run("journal", "replay", "--from", "2026-09-21T00:00:00Z", "--rules", "next", "--json").output)
    assert (told["datagrams"], told["waiting"], told["refused"]) == (4, 1, {"malformed": 1})
    assert told["now_known"] == {UNKNOWN: 1}
    assert [(one["sequence"], one["after"]["rule"]) for one in told["examples"]] == [(2, "acme-lost")]
    assert "This was a dry run: nothing was published." in " ".join(other.output.split())


def test_a_replay_against_the_history_says_when_that_is_not_there(run: Run, settings: Settings) -> None:
    """Exit code 4, and what works without it."""
    result = run("journal", "replay", "--from", "2026-09-21T00:00:00Z")
    assert result.exit_code == 4, result.output
    assert "--rules DIR" in result.output


def test_a_v3_message_that_was_out_of_time_is_never_understood_later(run: Run, settings: Settings, tmp_path: Path) -> None:
    """It may be a replay by somebody else; what was in time, and is only read by now, is."""
    (tmp_path / "auth").write_text("auth-password\n")
    (tmp_path / "priv").write_text("priv-password\n")
    text = (tmp_path / "assure.yaml").read_text()
    users = "  users: [{name: noc, auth_password: file:auth, priv_password: file:priv}]\n"
    for secret in ("auth", "priv"):
        (tmp_path / secret).chmod(0o600)
    (tmp_path / "assure.yaml").write_text(text.replace("  #users: []\n", users))
    folder = load_settings(tmp_path / "assure.yaml").journal_dir("trap-1")
    with Journal(folder, segment_bytes=10_000, journal_bytes=100_000) as journal, Quarantine(folder, quarantine_bytes=100_000) as aside:
        first = journal.append_many(
            [(START + 3 * MINUTE, "192.0.2.1", v3_link_down(7)), (START + 3 * MINUTE, "192.0.2.1", v3_link_down(8))]
        )
        journal.sync()
        late = DecodeError(Reason.NOT_IN_TIME_WINDOW, "boots fell back")
        aside.put([(JournalRecord(first, START + 3 * MINUTE, "192.0.2.1", v3_link_down(7)), late)])
        journal.acknowledge(first + 1)
    out, in_time = (json.loads(run("journal", "show", str(place), "--json").output)[0] for place in (first, first + 1))
    assert out["refused"] == {"reason": "not-in-time-window", "detail": "boots fell back"}
    assert (in_time["trap_name"], in_time["authenticated"]) == ("linkDown", True)
    told = json.loads(run("journal", "replay", "--from", "2026-09-21T00:00:00Z", "--rules", str(data_dir("rules")), "--json").output)
    assert told["refused"] == {"malformed": 1, "not-in-time-window": 1}


def test_what_was_replayed_from_quarantine_counts_as_published(settings: Settings) -> None:
    """The sums move with it."""
    from collectors.trap.conservation import conservation  # noqa: PLC0415  # for this test alone

    folder = settings.journal_dir("trap-1")
    before = conservation(folder)
    quarantine.mark_replayed(folder, [3])
    assert conservation(folder) == before | {"published": before["published"] + 1, "quarantined": before["quarantined"] - 1}
