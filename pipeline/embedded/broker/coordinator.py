"""The groups of a broker on an event loop: waiting requests become futures, deadlines become one timer each."""

import asyncio
import itertools
import time
import uuid
from typing import TypeVar, cast

from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.errors import Error
from pipeline.embedded.broker.group import Group, Join, Joined, Limits, Reply, Synced

_GENERATIONS_PER_BOOT = 1 << 16
_BOOTS_KEPT_APART = 1 << 14
A = TypeVar("A", Joined, Synced)


class Coordinator:
    """Consumer groups by name.

    Membership is not stored: after a restart members are unknown and join again, as they do when Kafka's coordinator
    moves. A generation number is never given twice all the same, since each opening of the log starts its own range.
    """

    def __init__(self, config: BrokerConfig, boots: int) -> None:
        self._limits = Limits(config.rebalance_delay_ms / 1000, config.min_session_ms / 1000, config.max_session_ms / 1000)
        self._first_generation = boots % _BOOTS_KEPT_APART * _GENERATIONS_PER_BOOT
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Joined | Synced]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.groups: dict[str, Group] = {}

    async def join(self, name: str, ask: Join) -> Joined:
        """Join a group; returns when the generation is complete."""
        waiter, future = self._wait()
        self._deliver(name, self._group(name).join(time.monotonic(), waiter, ask))
        return await self._answer(waiter, future, Joined)

    async def sync(self, name: str, owner: int, member_id: str, generation: int, given: dict[str, bytes]) -> Synced:
        """Give or await the assignment."""
        group = self.groups.get(name)
        if group is None:
            return Synced(Error.UNKNOWN_MEMBER_ID)
        waiter, future = self._wait()
        self._deliver(name, group.sync(time.monotonic(), waiter, owner, member_id, generation, given))
        return await self._answer(waiter, future, Synced)

    def heartbeat(self, name: str, owner: int, member_id: str, generation: int) -> Error:
        """Prolong a session."""
        group = self.groups.get(name)
        return group.heartbeat(time.monotonic(), owner, member_id, generation) if group else Error.UNKNOWN_MEMBER_ID

    def may_commit(self, name: str, owner: int, member_id: str, generation: int) -> Error:
        """Tell whether offsets may be committed."""
        group = self.groups.get(name)
        if group is None:
            return Error.NONE if generation < 0 else Error.ILLEGAL_GENERATION
        return group.may_commit(time.monotonic(), owner, member_id, generation)

    def leave(self, name: str, member_id: str) -> Error:
        """Let a member go."""
        group = self.groups.get(name)
        if group is None:
            return Error.UNKNOWN_MEMBER_ID
        error, replies = group.leave(time.monotonic(), member_id)
        self._deliver(name, replies)
        return error

    def disconnect(self, owner: int) -> None:
        """Let the members go that came by a connection which ended."""
        for name, group in self.groups.items():
            self._deliver(name, group.disconnect(time.monotonic(), owner))

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _group(self, name: str) -> Group:
        if name not in self.groups:
            self.groups[name] = Group(self._limits, _name_member, self._first_generation)
        return self.groups[name]

    def _wait(self) -> tuple[int, asyncio.Future[Joined | Synced]]:
        waiter = next(self._numbers)
        future: asyncio.Future[Joined | Synced] = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = future
        return waiter, future

    async def _answer(self, waiter: int, future: asyncio.Future[Joined | Synced], _kind: type[A]) -> A:
        try:
            return cast("A", await future)
        finally:
            self._waiting.pop(waiter, None)

    def _deliver(self, name: str, replies: list[Reply]) -> None:
        for reply in replies:
            future = self._waiting.pop(reply.waiter, None)
            if future is not None and not future.done():
                future.set_result(reply.answer)
        self._arm(name)

    def _arm(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        deadline = self.groups[name].next_deadline()
        if deadline != float("inf"):
            delay = max(deadline - time.monotonic(), 0.001)
            self._timers[name] = asyncio.get_running_loop().call_later(delay, self._tick, name)

    def _tick(self, name: str) -> None:
        self._deliver(name, self.groups[name].tick(time.monotonic()))


def _name_member(client_id: str) -> str:
    return f"{client_id or 'member'}-{uuid.uuid4()}"
