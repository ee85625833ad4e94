"""Any part may be killed in the middle of a storm: what is in the end is what would be without it, and nobody is told twice."""

import pytest

from tests.chain.story import Story, reader, until_sums_hold
from tests.support.fibre_cut import storm
from tests.support.installation import Installation

pytestmark = pytest.mark.slow

STORM = 300


def test_an_undisturbed_storm_is_one_incident_one_ticket_one_page(chain: Installation) -> None:
    """The base line: the running chain and the folds alone agree on every alarm, incident, outage and event."""
    story = Story.of(chain, "f-ams-rtm-1")
    story.send(storm(story.fibre, STORM))
    story.until_journaled()
    story.until_true()
    story.until_told("incident.opened", "acknowledged")
    story.mend()
    until_sums_hold(chain)


@pytest.mark.parametrize(
    ("part", "fibre"),
    [
        ("worker", "f-rtm-bru-1"),
        ("sink", "f-bru-fra-1"),
        ("outputs", "f-ams-fra-1"),
        ("broker", "f-ams-lon-1"),
        ("history", "f-rtm-dus-1"),
    ],
)
def test_a_part_killed_in_the_storm_changes_nothing(chain: Installation, part: str, fibre: str) -> None:
    """Half of the storm, kill -9, the other half at once: everything catches up by itself."""
    story = Story.of(chain, fibre)
    said = storm(fibre, STORM)
    story.send(said[: STORM // 2])
    before = chain.kill(part)
    story.send(said[STORM // 2 :])
    story.until_journaled()
    chain.until_back(part, before)
    story.until_true()
    story.until_told("incident.opened", "acknowledged")
    story.mend()
    until_sums_hold(chain)


def test_a_killed_trap_collector_loses_nothing_that_it_journaled(chain: Installation) -> None:
    """What the network sent to nobody is gone, as with any UDP; what is in the journal comes to its end."""
    story = Story.of(chain, "f-dus-fra-1")
    said = storm(story.fibre, STORM)
    story.send(said[: STORM // 2])
    before = chain.kill("traps")
    chain.until_back("traps", before)
    story.sent = reader(chain).last_sequence - story.before
    story.send(said[STORM // 2 :])
    story.until_journaled()
    story.until_true()
    story.until_told("incident.opened", "acknowledged")
    story.mend()
    until_sums_hold(chain)
