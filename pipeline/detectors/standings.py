"""Where each element of a partition stands, in a file, so that a restart neither forgets an alarm that stands nor tells it twice."""

import logging
from pathlib import Path

import msgspec

from pipeline.core.oddness import ElementStanding

log = logging.getLogger(__name__)

Standings = dict[str, ElementStanding]
"""By element."""

_decode = msgspec.json.Decoder(Standings).decode
_encode = msgspec.json.Encoder().encode


class StandingFiles:
    """One file for each partition of the topic, replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, partition: int) -> Standings | None:
        """What was written last; ``None`` when there is nothing, or nothing that can be read."""
        path = self._path(partition)
        try:
            return _decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s cannot be read (%s): the alarms that stand are asked of the history", path, error)
            return None

    def write(self, partition: int, standings: Standings) -> None:
        """Keep it. Raises ``OSError``."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(partition)
        making = path.with_suffix(".making")
        making.write_bytes(_encode(standings))
        making.replace(path)

    def _path(self, partition: int) -> Path:
        return self._folder / f"kpis-{partition}.json"
