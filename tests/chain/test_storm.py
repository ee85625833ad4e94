"""The whole chain with its storm guard: fewer notifications travel, each alarm ends as it would without, and no datagram is unaccounted."""

from collections import Counter
from collections.abc import Iterator

import pytest

from collectors.trap.conservation import conservation
from tests.chain.story import Story, outcome, reader, traps_of, unique
from tests.support.fibre_cut import about_fibre, outcome_of, storm
from tests.support.installation import Installation, becomes, eventually, installation

pytestmark = [pytest.mark.slow, pytest.mark.whole]

STORM = 2_000
GUARD = "source_per_s: 20, source_burst: 20, object_per_s: 1, object_burst: 2, rearm_s: 1, compact_s: 0.2"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("guarded"), guard=GUARD) as running:
        yield running


def standing(chain: Installation) -> Counter[tuple[str, str, bool]]:
    """Every alarm and whether it is cleared, but for those about storms."""
    rows = chain.query("SELECT resource, alarm_type, is_cleared FROM alarm_current WHERE alarm_type != 'storm'")
    return Counter((row["resource"], row["alarm_type"], bool(row["is_cleared"])) for row in rows)


def expected(chain: Installation) -> Counter[tuple[str, str, bool]]:
    """The same as the folds alone say of all that the journal holds."""
    wanted = outcome_of(traps_of(chain)).facts
    return Counter((str(fact[1]), str(fact[2]), bool(fact[3])) for fact in wanted if isinstance(fact, tuple) and fact[0] == "alarm")


def until_accounted_for(chain: Installation) -> dict[str, int]:
    """Wait until nothing waits; the sums, which must hold."""
    folder = chain.settings.journal_dir(chain.settings.traps.collector)
    becomes(lambda: conservation(folder)["waiting"], 0, "everything is published or absorbed")
    sums = conservation(folder)
    assert sums["journaled"] == sums["published"] + sums["absorbed"] + sums["quarantined"]
    becomes(lambda: unique(chain), sums["published"], "everything published is stored")
    assert chain.query("SELECT reason, detail FROM dead_letter") == []
    return sums


def test_a_storm_about_a_cut_ends_in_the_same_alarms_and_one_incident(chain: Installation) -> None:
    """The collector is killed in the middle of it, too."""
    story = Story.of(chain, "f-ams-rtm-1")
    said = storm(story.fibre, STORM)
    story.send(said[: STORM // 2])
    before = chain.kill("traps")
    chain.until_back("traps", before)
    story.sent = reader(chain).last_sequence - story.before
    story.send(said[STORM // 2 :])
    story.until_journaled()
    sums = until_accounted_for(chain)
    assert sums["absorbed"] > sums["journaled"] / 2
    becomes(lambda: standing(chain), expected(chain), "each alarm is as it would be without the guard")
    about = f"SELECT id FROM incident_current WHERE root_cause = 'fibre/{story.fibre}'"
    eventually(lambda: chain.query(about), "the cut is an incident")
    story.until_told("incident.opened", "acknowledged")
    story.send(about_fibre(story.fibre, up=True, uptime=9000))
    story.until_journaled()
    until_accounted_for(chain)
    becomes(lambda: standing(chain), expected(chain), "no clear was lost")
    assert not any(not is_cleared for _, _, is_cleared in standing(chain))
    story.until_told("incident.resolved", "resolved")


def test_the_storm_itself_was_an_alarm_that_is_over(chain: Installation) -> None:
    """Of each device that stormed, slight, and nobody's outage."""
    rows = "SELECT resource, is_cleared, raised_by, severity_name FROM alarm_current WHERE alarm_type = 'storm'"
    eventually(lambda: chain.query(rows), "storms are alarms")
    eventually(lambda: all(row["is_cleared"] for row in chain.query(rows)), "all of them are over")
    assert {(row["raised_by"], row["severity_name"]) for row in chain.query(rows)} == {("system", "warning")}
    assert any(row["resource"].startswith("device/") for row in chain.query(rows))
    assert not [fact for fact in outcome(chain).facts if isinstance(fact, tuple) and fact[0] == "outage" and "storm" in str(fact)]
