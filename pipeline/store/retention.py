"""How long indicators are kept: as the settings say, applied to the tables when the sink starts."""

import logging
import re

from pipeline.config.settings import HistorySettings
from pipeline.store.client import StoreClient

log = logging.getLogger(__name__)

_DAYS = re.compile(r" TTL at \+ toIntervalDay\((\d+)\)")
_MADE = (
    "SELECT name, create_table_query AS made FROM system.tables"
    " WHERE database = currentDatabase() AND name IN ('kpi_raw', 'kpi_1m_state', 'kpi_1h_state')"
)


def wanted_days(settings: HistorySettings) -> dict[str, int]:
    """Table -> days."""
    return {"kpi_raw": settings.kpi_days, "kpi_1m_state": settings.kpi_1m_days, "kpi_1h_state": settings.kpi_1h_days}


async def apply_retention(client: StoreClient, settings: HistorySettings) -> dict[str, int]:
    """Let each table forget what is older than its days; returns those that were changed. Raises ``StoreError``.

    A shorter time drops old parts at the engine's next round; a longer one saves what is still there.
    """
    changed: dict[str, int] = {}
    made = {row["name"]: _DAYS.search(row["made"]) for row in await client.rows(_MADE)}
    for table, days in wanted_days(settings).items():
        found = made.get(table)
        if found is None or int(found[1]) != days:
            await client.command(f"ALTER TABLE {table} MODIFY TTL at + toIntervalDay({days})")
            log.info("%s is kept %d days", table, days)
            changed[table] = days
    return changed
