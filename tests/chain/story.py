"""One fault from the first notification to the resolved ticket, on a running installation, held against what the folds alone would say."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from collectors.journal import JournalReader
from pipeline.core.raw import RawTrap
from tests.support.fibre_cut import SECOND, Outcome, Sent, about_fibre, journaled, outcome_of, send
from tests.support.installation import Installation, becomes, eventually

APART = 2 * SECOND
"""Nanoseconds between two stories: the settle time (1 s), a tick (0.25 s) and some: an incident that is not resolved is correlated with."""


@dataclass
class Story:
    """What happens to one fibre on one installation whose journal held ``before`` notifications until then."""

    chain: Installation
    fibre: str
    before: int
    sent: int = 0

    @classmethod
    def of(cls, chain: Installation, fibre: str) -> "Story":
        """A story that begins once the last one is over for any chain, whenever the ticks of its clock come."""
        before = reader(chain).last_sequence
        last_at = max((record.received_at for record in reader(chain).read_from(before)), default=0)
        eventually(lambda: time.time_ns() > last_at + APART, "the story before is over")
        return cls(chain, fibre, before)

    def send(self, said: Sequence[Sent]) -> None:
        """Notifications, from the devices' own addresses."""
        self.sent += send(said, self.chain.trap_port)

    def until_journaled(self) -> None:
        """Wait until all that was sent is in the journal."""
        becomes(lambda: reader(self.chain).last_sequence - self.before, self.sent, "everything sent is journaled")

    def until_true(self) -> None:
        """Wait until the history says what an undisturbed chain would say of all that the journal holds."""
        wanted = outcome_of(traps_of(self.chain))
        becomes(lambda: outcome(self.chain).differs_from(wanted), "", "the history says what the folds say")

    def incident(self) -> str:
        """The id of the one incident about the fibre."""
        (found,) = self.chain.query(f"SELECT id FROM incident_current WHERE root_cause = 'fibre/{self.fibre}'")
        return str(found["id"])

    def tickets(self) -> list[str]:
        """Statuses of the tickets about the incident, as the ticket system itself lists them (TMF621)."""
        url = f"{self.chain.settings.tickets.url}/tmf-api/troubleTicket/v4/troubleTicket?externalId={self.incident()}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return [ticket["status"] for ticket in json.load(answer)]
        except OSError:
            return []

    def told(self) -> list[dict[str, Any]]:
        """What on-call was told about the incident, with valid signatures."""
        return self.chain.on_call.of(self.incident())

    def until_told(self, what: str, ticket: str) -> None:
        """Wait until on-call was told, and the one ticket is in that status; nothing is told twice."""
        eventually(lambda: what in [one["type"] for one in self.told()], f"on-call is told {what}")
        becomes(self.tickets, [ticket], "there is one ticket")
        assert set(Counter(one["id"] for one in self.told()).values()) == {1}
        assert Counter(one["type"] for one in self.told())["incident.opened"] == 1
        assert self.chain.on_call.refused == 0

    def mend(self) -> None:
        """The fibre is mended: everything clears, the incident and its ticket are resolved, the outages end."""
        self.send(about_fibre(self.fibre, up=True, uptime=9000))
        self.until_journaled()
        self.until_true()
        assert [row["state"] for row in self.chain.query(f"SELECT state FROM incident_current WHERE id = '{self.incident()}'")] == [
            "resolved"
        ]
        self.until_told("incident.resolved", "resolved")


def outcome(chain: Installation) -> Outcome:
    """What the history says now."""
    facts = Counter[Hashable]()
    for row in chain.query("SELECT resource, alarm_type, is_cleared, occurrences FROM alarm_current"):
        facts["alarm", row["resource"], row["alarm_type"], row["is_cleared"]] = int(row["occurrences"])
    for row in chain.query("SELECT root_cause, state, length(alarms) AS alarms, reason FROM incident_current"):
        if not row["reason"].startswith("It is one with"):
            facts["incident", row["root_cause"], row["state"], int(row["alarms"])] += 1
    for row in chain.query(
        "SELECT service, state, root_cause, ended_at IS NOT NULL AS ended, ended_at = started_at AS gone FROM outage_current"
    ):
        if not row["gone"]:
            facts["outage", row["service"], row["state"], row["root_cause"], bool(row["ended"])] += 1
    return Outcome(frozenset(row["id"] for row in chain.query("SELECT DISTINCT id FROM event WHERE source = 'trap'")), facts)


def reader(chain: Installation) -> JournalReader:
    """The journal of the trap collector."""
    return JournalReader(chain.settings.journal_dir(chain.settings.traps.collector))


def traps_of(chain: Installation) -> list[RawTrap]:
    """All that was ever journaled."""
    return list(journaled(reader(chain), chain.settings.traps.collector))


def until_sums_hold(chain: Installation) -> None:
    """Journaled = published = unique in the store, for all that was ever journaled; nothing is left undelivered inside."""
    becomes(lambda: reader(chain).acknowledged, reader(chain).last_sequence, "everything journaled is published")
    becomes(lambda: unique(chain), reader(chain).last_sequence, "everything published is stored")
    assert chain.query("SELECT reason, detail FROM dead_letter") == []


def unique(chain: Installation) -> int:
    """Unique notifications in the store."""
    return sum(int(row["n"]) for row in chain.query("SELECT uniqExact(collector, sequence) AS n FROM trap"))
