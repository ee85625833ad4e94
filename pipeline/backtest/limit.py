"""What limits a replay's answer, in sentences: what is missing, since when, and what that means for what was found."""

from collections.abc import Iterable, Iterator

from pipeline.backtest.heard import Account, Kept
from pipeline.backtest.past import Past, Stretch
from pipeline.core.knowledge import Knowledge
from pipeline.core.wording import rfc3339
from pipeline.store.client import Row

SHOWN = 3
_BOUND = {"traps": "traps.journal_bytes", "polls": "polls.journal_bytes"}
_MEANS = {
    "traps": "alarms and incidents that came of older notifications are not in the replay",
    "polls": "nothing confirms or contradicts what notifications said then, so outages stay unconfirmed and owe nothing",
}


def gaps(journals: Iterable[Kept], stretch: Stretch, warm_from: int) -> Iterator[str]:
    """Journals that are not here, or no longer go back far enough; one that is whole and began later lacks nothing."""
    for journal in journals:
        if not journal.first_at:
            yield f"{journal.collector}: nothing is in its journal here ({journal.folder}): {_MEANS[journal.collects]}."
        elif journal.first_at > warm_from and not journal.is_complete:
            kept = f"{journal.collector}: its journal goes back to {rfc3339(journal.first_at)} only ({_BOUND[journal.collects]})"
            if journal.first_at > stretch.starts_at:
                yield f"{kept}, and the replay begins before that: {_MEANS[journal.collects]}."
            else:
                yield f"{kept}: alarms raised before that are known from polls at most."


def unread(account: Account) -> Iterator[str]:
    """What lies in the journals and could not be read."""
    if account.damage:
        damaged = sum(error.next_sequence - error.lost_from for error in account.damage)
        yield f"{damaged} records are damaged and take no part ({account.damage[0]})."
    if account.unreadable_polls:
        yield f"{account.unreadable_polls} polls were journaled by another version and take no part."
    for reason, count in sorted(account.refused.items()):
        yield f"{count} datagrams are no notification ({reason}) and take no part."


def silent_history(why: str) -> str:
    """The history does not answer, and is not needed."""
    return (
        f"The history does not answer ({why}): of outages of the same months before, only those since the warm-up are counted,"
        " and neither events of the detectors and storm guards nor what people did take part."
    )


def unknown_at_start(stood: Iterable[Row], known: frozenset[tuple[str, str]]) -> Iterator[str]:
    """Alarms that stood as the stretch began, and that the replay does not know."""
    unknown = [f"{row['alarm_type']} on {row['resource']}" for row in stood if (row["resource"], row["alarm_type"]) not in known]
    if unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        yield (
            f"{len(unknown)} alarms stood when the replay begins and are not known to it: {', '.join(unknown[:SHOWN])}{more}."
            " A longer --warm-up may know them."
        )


def other_versions(was: Past, by: Knowledge) -> Iterator[str]:
    """Incidents of the history that were judged by another topology or other rules than the replay's."""
    for what, version in (("rules", by.rules.version), ("topology", by.topology.version)):
        field = "rules_version" if what == "rules" else "topology_version"
        others = sum(getattr(incident, field) != version for incident in was.incidents.values())
        if others:
            yield f"{others} of {len(was.incidents)} incidents were judged by other {what} then, which may be why something is other."


def other_moments() -> str:
    """Why a replay may differ from what was though nothing else is other."""
    return (
        "Decisions then fell on other quarters of a second: what ended, or was told, at one moment then may fall apart here,"
        " or the other way round, so that a revision is one more or one less."
    )


def thinned(heard: int, passed_on: int) -> Iterator[str]:
    """Notifications that storm guards held back then: the replay has them all."""
    if heard > passed_on:
        yield (
            f"{heard - passed_on} of {heard} notifications were not passed on then (outdated in a storm, or still waiting)"
            " and take part here: alarms may repeat and flap more."
        )
