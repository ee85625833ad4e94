"""Many devices at once, no more than said; one slow device delays no other; questions keep their pace."""

import asyncio

from collectors.discover.asker import Asked, Outcome, Place
from collectors.discover.pace import Pace, Paced
from collectors.discover.sweep import sweep

SECOND = 1_000_000_000


class Slow:
    """Answers when told to; the first address never until then."""

    def __init__(self) -> None:
        self.at_once = self.most_at_once = 0
        self.others = asyncio.Event()

    async def ask(self, place: Place) -> Asked:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await (self.others.wait() if place.address == "0" else asyncio.sleep(0))
        self.at_once -= 1
        return Asked(place.address, Outcome.ANSWERED)


async def test_a_slow_device_delays_no_other_and_the_order_stays() -> None:
    asker, told = Slow(), []

    def tell(asked: Asked) -> None:
        told.append(asked.address)
        if len(told) == 49:
            asker.others.set()

    places = [Place(str(number), 161, ()) for number in range(50)]
    found = await sweep(places, asker, 4, tell)
    assert [asked.address for asked in found] == [str(number) for number in range(50)]
    assert told[-1] == "0"
    assert asker.most_at_once == 4


async def test_nothing_to_ask_is_no_trouble() -> None:
    assert await sweep([], Slow(), 4, lambda _: None) == ()


def test_questions_of_all_devices_have_slots_of_their_own() -> None:
    waited: list[float] = []
    pace = Pace(10.0)
    one, other = Paced(pace, waited.append), Paced(pace, waited.append)
    assert [one.get_timeout(SECOND), other.get_timeout(SECOND), one.get_timeout(SECOND)] == [None, SECOND // 10, SECOND // 5]
    assert waited == [0.1, 0.2]
    assert other.get_timeout(3 * SECOND) is None


def test_without_a_rate_nobody_waits() -> None:
    assert {Pace().wait_ns(SECOND) for _ in range(100)} == {0}
