"""The outputs process, for a test that kills it: ``python -m tests.outputs.outputs_child JSON``."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from pipeline.config.output_settings import TicketSettings, WebhookSettings
from pipeline.config.secret import Secret
from pipeline.config.settings import BrokerSettings, Settings
from pipeline.obligations import Obligations
from pipeline.outputs import run_outputs


def settings_of(told: dict[str, Any]) -> Settings:
    """Settings from what a test knows."""
    return Settings(
        data_dir=Path(told["data"]),
        inventory_dir=Path(told["data"]),
        metrics_port=told["metrics_port"],
        broker=BrokerSettings(bootstrap=told["bootstrap"]),
        tickets=TicketSettings(url=told["tickets"]),
        webhooks=(WebhookSettings("pager", told["webhook"], Secret(told["secret"]), allow_private=True),),
    )


async def run(settings: Settings) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with Obligations(settings.obligations_url()) as store:
        await run_outputs(settings, store, stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run(settings_of(json.loads(sys.argv[1]))))
