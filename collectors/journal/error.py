"""What can go wrong with a journal, by what the caller has to do about it."""

from pathlib import Path


class JournalError(Exception):
    """Any trouble with a journal; the subclasses say what to do."""


class JournalLockedError(JournalError):
    """Another process appends to this journal: stop it, or give this collector a name of its own."""


class JournalFullError(JournalError):
    """No room: the batch was refused whole and nothing was written. Appending works again when there is room."""


class JournalFailedError(JournalError):
    """The disk failed under the journal. What is on it is unknown, so the process has to end and open the journal anew."""


class JournalCorruptError(JournalError):
    """A sealed segment does not read to its end.

    ``next_sequence`` is the first sequence after the damage, where a reader may go on; ``lost_from`` the first that cannot be read.
    """

    def __init__(self, path: Path, lost_from: int, next_sequence: int) -> None:
        super().__init__(f"{path}: damaged; sequences {lost_from} to {next_sequence - 1} cannot be read. Restore the file from a backup")
        self.path = path
        self.lost_from = lost_from
        self.next_sequence = next_sequence
