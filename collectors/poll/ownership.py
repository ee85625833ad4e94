"""Which devices are polled here: those of the partitions that this collector has in the group of all collectors.

The last word holds while nobody can say another, over restarts too: without the broker polling goes on as it was. A collector that was
never told anything polls every device.
"""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from pipeline.bus import partition_of

log = logging.getLogger(__name__)

FILE = "partitions"
"""Beside the journal: the partitions as JSON."""


class Ownership:
    """The partitions of one collector, kept in ``folder``; ``count`` is how many there are."""

    def __init__(self, folder: Path, count: int) -> None:
        self._file = folder / FILE
        self._count = count
        self.partitions = frozenset(range(count))

    def recall(self) -> None:
        """What was told last, before the restart; a file that cannot be read tells nothing."""
        try:
            told = json.loads(self._file.read_text())
            self.partitions = frozenset(int(each) for each in told)
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s is passed over (%s); every device is polled until the broker says otherwise", self._file, error)

    def take(self, partitions: frozenset[int]) -> bool:
        """Poll these from now on; whether they are others than before."""
        if partitions == self.partitions:
            return False
        self.partitions = partitions
        written = self._file.with_suffix(".new")
        try:
            written.write_text(json.dumps(sorted(partitions)))
            written.replace(self._file)
        except OSError as error:  # it holds for this run
            log.warning("%s cannot be written (%s); after a restart without the broker every device is polled", self._file, error)
        return True

    def owned(self, devices: Iterable[str]) -> list[str]:
        """Which of the devices are polled here."""
        return [device for device in devices if partition_of(device, self._count) in self.partitions]
