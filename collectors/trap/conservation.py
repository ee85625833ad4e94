"""The sums of one trap collector, from what is on disk: they hold across restarts, and the collector need not run."""

from pathlib import Path

from collectors.journal import JournalReader
from collectors.publish import PublishLimits
from collectors.trap import quarantine


def conservation(journal_dir: Path) -> dict[str, int]:
    """Counts of datagrams: ``journaled = published + quarantined + waiting``.

    ``acknowledged`` is the sequence up to which everything is published or in quarantine, ``kept_from`` the oldest datagram still on
    disk, ``bytes`` what the journal takes. Asks for about a second on a full segment, whose end has to be found.
    """
    journal = JournalReader(journal_dir)
    acknowledged, journaled = journal.acknowledged, journal.last_sequence
    quarantined = _quarantined(journal_dir, acknowledged)
    return {
        "journaled": journaled,
        "acknowledged": acknowledged,
        "published": acknowledged - quarantined,
        "quarantined": quarantined,
        "waiting": journaled - acknowledged,
        "kept_from": journal.first_sequence,
        "bytes": journal.bytes,
    }


def _quarantined(journal_dir: Path, acknowledged: int) -> int:
    """How many went into quarantine, less those of a round that was not acknowledged: it is counted as waiting."""
    total = JournalReader(journal_dir / quarantine.FOLDER).last_sequence
    round_ago = max(total - PublishLimits().batch_records, 0) + 1
    return total - sum(kept.sequence > acknowledged for kept in quarantine.read(journal_dir, round_ago))
