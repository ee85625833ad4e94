"""Write-ahead journal of the collectors: what the network said is on disk before anything reads it.

``record`` is the format, ``segment`` one file of it, ``watermark`` what has been published, ``writer`` the one process that appends,
``reader`` everybody else.
"""

from collectors.journal.error import JournalCorruptError, JournalError, JournalFailedError, JournalFullError, JournalLockedError
from collectors.journal.reader import JournalReader
from collectors.journal.record import Entry, JournalRecord
from collectors.journal.writer import Journal, Recovery

__all__ = [
    "Entry",
    "Journal",
    "JournalCorruptError",
    "JournalError",
    "JournalFailedError",
    "JournalFullError",
    "JournalLockedError",
    "JournalReader",
    "JournalRecord",
    "Recovery",
]
