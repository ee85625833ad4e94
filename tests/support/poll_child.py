"""A poll collector in a process of its own, to be killed: ``python -m tests.support.poll_child FOLDER BOOTSTRAP COLLECTOR DEVICE…``.

Its devices are at an address where nobody answers; it asks them about twice a second.
"""

import asyncio
import sys
from pathlib import Path

from collectors.poll.collector import run
from pipeline.config.settings import COMPONENTS, BrokerSettings, PollSettings, Settings
from tests.support.embedded import free_port
from tests.support.polls import device_of, inventory_of

PARTITIONS = 4


def settings_of(folder: Path, bootstrap: str, collector: str) -> Settings:
    """The settings of one collector, which serves its metrics on a free port."""
    return Settings(
        folder,
        folder,
        metrics_port=free_port() - COMPONENTS.index("polls"),
        broker=BrokerSettings(bootstrap=bootstrap, partitions=PARTITIONS),
        polls=PollSettings(collector=collector, interval_s=0.5, timeout_s=0.05, retries=0),
    )


if __name__ == "__main__":
    folder, bootstrap, collector, *devices = sys.argv[1:]
    inventory = inventory_of(*(device_of(name=device, port=9) for device in devices))
    asyncio.run(run(settings_of(Path(folder), bootstrap, collector), lambda: inventory, asyncio.Event()))
