"""A small network with dead and slow devices keeps its cycle: nobody waits for them, and their silence is told in every cycle.

The benchmark ``poll-cycle`` does it with a thousand devices and a minute.
"""

from pathlib import Path

from pipeline.config.settings import PollSettings
from tests.support.cycle import run_cycles
from tests.support.fleet import Fleet, running_fleet


async def test_slow_and_dead_devices_delay_nobody(tmp_path: Path) -> None:
    """Sixty devices, six dead and six slow, eight places: everybody is asked in every cycle, and whoever lives answers."""
    fleet = Fleet(60, 12, dead=6, slow=6, slow_s=0.05)
    settings = PollSettings(interval_s=2.0, timeout_s=0.3, in_flight=8)
    with running_fleet(fleet) as ports:
        found = await run_cycles(tmp_path, fleet, ports, settings, cycles=4)
    assert (found.kept, found.answered, found.skipped) == (60, 54, 0)
    assert found.silent_told
