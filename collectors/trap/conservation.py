"""The sums of one trap collector, from what is on disk: they hold across restarts, and the collector need not run."""

from pathlib import Path

from collectors.journal import JournalReader
from collectors.publish import PublishLimits
from collectors.trap import guarded, quarantine


def conservation(journal_dir: Path) -> dict[str, int]:
    """Counts of datagrams: ``journaled = published + absorbed + quarantined + waiting``.

    ``acknowledged`` is the sequence up to which nothing waits; what the storm guard holds back waits, what it let pass beyond that is
    published. ``absorbed`` are outdated states in storms and repeated INFORMs: a newer one, or the same, was published. ``kept_from`` is
    the oldest datagram still on disk, ``bytes`` what the journal takes. Takes about a second on a full segment, whose end has to be found.
    """
    journal = JournalReader(journal_dir)
    acknowledged = journal.acknowledged
    guard = guarded.read(journal_dir)
    journaled = journal.last_sequence
    handled = max(guard.upto, acknowledged)
    held = sum(sequence > acknowledged for sequence, _ in guard.held)
    quarantined = _quarantined(journal_dir, handled)
    return {
        "journaled": journaled,
        "acknowledged": acknowledged,
        "published": handled - quarantined - guard.absorbed - held,
        "absorbed": guard.absorbed,
        "quarantined": quarantined,
        "waiting": journaled - handled + held,
        "kept_from": journal.first_sequence,
        "bytes": journal.bytes,
    }


def _quarantined(journal_dir: Path, handled: int) -> int:
    """How many went into quarantine, less those of a round that was not acknowledged: it is counted as waiting."""
    total = JournalReader(journal_dir / quarantine.FOLDER).last_sequence
    round_ago = max(total - PublishLimits().batch_records, 0) + 1
    return total - sum(kept.sequence > handled for kept in quarantine.read(journal_dir, round_ago))
