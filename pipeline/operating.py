"""Having something done: an operation is checked, kept in the audit trail, published to the stream, and its answer awaited.

Kept comes first. Whoever is killed after that, or has no broker, has not lost it: the outputs process publishes what was kept and not sent.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from pipeline import bus
from pipeline.claiming import MOST_CLAIMS, claim_of, withdrawal_of
from pipeline.config.problem import ConfigError, did_you_mean
from pipeline.config.settings import BrokerSettings
from pipeline.core.directory import DEFAULT_DOMAIN, Directory
from pipeline.core.effect import EffectKind
from pipeline.core.exclusion import ExclusionKind
from pipeline.core.inventory import Inventory
from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import CLAIM_KINDS, COMMENT_LIMIT, EXCLUSION_KINDS, WINDOW_KINDS, Operation, OperationError, OperationKind
from pipeline.core.plan import Plan
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId, ResourceKind, device_of, kind_of
from pipeline.obligations import Obligations
from pipeline.planning import operation_value
from pipeline.wire import Topic

log = logging.getLogger(__name__)

Json = dict[str, Any]

LONGEST = 400 * 86_400 * 1_000_000_000
"""Nanoseconds; nothing is shelved or planned for longer than about a year."""
PUBLISH_S = 5.0
MOST_EXCLUSIONS = 10_000
"""Exclusions among which one is looked up by the beginning of its id."""
LOOK_EVERY_S = 0.05
ACK_WAIT_S = 2.0
"""Receivers wait about five seconds for an answer, and ask again without one."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_SHELVES = frozenset({OperationKind.SHELVE, OperationKind.UNSHELVE})
_ENDS = frozenset({OperationKind.SHELVE, OperationKind.WINDOW_ADD, OperationKind.WINDOW_EXTEND})


class Named(Protocol):
    """Where ids are looked up."""

    def named(self, beginning: str, kinds: Iterable[str]) -> list[Json]:
        """Incidents and alarms whose id begins so, each with ``kind``, ``id`` and ``domain``."""


class Operating:
    """Takes people's operations. The store and the reader are open; ``clock`` answers UTC nanoseconds, ``plans`` what is agreed by name."""

    def __init__(
        self,
        broker: BrokerSettings,
        reader: Named,
        store: Obligations,
        inventory: Callable[[], Inventory],
        clock: Callable[[], int] = time.time_ns,
        plans: Callable[[], Mapping[str, Plan]] = dict,
    ) -> None:
        self._broker = broker
        self._reader = reader
        self._store = store
        self._inventory = inventory
        self._clock = clock
        self._plans = plans

    async def submit(self, given: Operation, kinds: Collection[str] = ("incident", "alarm"), wait_s: float = 5.0) -> StoredOperation:
        """Do what ``given`` asks, its ``target`` being as a person wrote it, and wait so long for the answer.

        The same id again is not done again, and answered as it stands. Raises ``OperationError`` for what cannot be asked, ``OSError`` when
        a store does not answer; then nothing was kept.
        """
        operation, domains = await asyncio.to_thread(self._prepared, given, kinds)
        stored = await asyncio.to_thread(self._store.put_operation, operation, domains)
        if _asked(stored.operation) != _asked(operation):
            raise OperationError(f"the id {operation.id} was used for something else before; give each operation an id of its own")
        if not stored.is_published:
            await self._publish(stored)
        return await self._answered(stored, wait_s)

    async def do(self, given: Operation, kinds: Collection[str]) -> Json:
        """As :meth:`submit`, answered as a value with its ``outcome``."""
        return operation_value(await self.submit(given, kinds))

    async def acknowledge(self, given: Operation, page: str) -> list[Json]:
        """Have ``given`` done on every open incident of a page, each by an id of its own, and answer each.

        Raises as :meth:`submit`.
        """
        names = await asyncio.to_thread(self._members, page)
        one_each = [replace(given, id=given.id if len(names) == 1 else f"{given.id}:{name[:8]}", target=name) for name in names]
        return [operation_value(await self.submit(each, ("incident",), wait_s=ACK_WAIT_S)) for each in one_each]

    def _members(self, page: str) -> list[str]:
        """The open incidents of a page, by the latest notification of it."""
        told = [each.effect.body for each in self._store.effects(page) if each.effect.kind is EffectKind.NOTIFY]
        data = told[-1].get("payload", {}).get("data", {}) if told else {}
        return [str(each["incident"]) for each in data.get("grouped", ()) if each.get("state") == "open"] or [page]

    def _prepared(self, given: Operation, kinds: Collection[str]) -> tuple[Operation, list[str]]:
        self._check(given)
        if given.kind in WINDOW_KINDS:
            return self._planned(given)
        if given.kind in EXCLUSION_KINDS:
            return self._excluded(given)
        if given.kind in CLAIM_KINDS:
            return self._claimed(given)
        target = ResourceId(given.target)
        if given.kind in _SHELVES and kind_of(target) is not ResourceKind.UNKNOWN and "/" in given.target:
            self._check_resources([given.target])
            return given, self._domains_of(target)
        found = self._reader.named(given.target, kinds)
        if len(found) != 1:
            raise OperationError(*_which(given.target, found, kinds))
        return replace(given, target=found[0]["id"]), [found[0]["domain"]]

    def _check(self, given: Operation) -> None:
        if not 0 < len(given.operator) <= 100 or not given.operator.isprintable():  # noqa: PLR2004  # characters of a name
            raise OperationError("say who you are: a name of up to 100 printable characters")
        if len(given.text) > COMMENT_LIMIT or not given.text.replace("\n", " ").isprintable():
            raise OperationError(f"a text has up to {COMMENT_LIMIT} printable characters")
        if given.kind is OperationKind.COMMENT and not given.text.strip():
            raise OperationError("a comment says something")
        if given.kind is OperationKind.SHELVE and not given.text.strip():
            raise OperationError("say why it is shelved")
        if given.kind in _ENDS and not given.at < given.until <= given.at + LONGEST:
            raise OperationError("the end is in the future, by 400 days at most")

    def _planned(self, given: Operation) -> tuple[Operation, list[str]]:
        """Every domain hears of planned work: what hangs on it may be anywhere."""
        if not _NAME.fullmatch(given.target):
            raise OperationError(f"'{given.target}' is no name for a window: up to 80 letters, digits and . _ : -")
        if given.kind is OperationKind.WINDOW_ADD:
            if not given.resources:
                raise OperationError("say what the window is over: at least one resource, such as site/ams or device/pe1")
            if given.starts_at >= given.until:
                raise OperationError("the window ends before it begins")
            self._check_resources(given.resources)
        return given, self._all_domains()

    def _excluded(self, given: Operation) -> tuple[Operation, list[str]]:
        """One domain hears of it and tells every contract, always the same one, so that what is taken back comes after."""
        first = self._all_domains()[:1]
        if given.kind is OperationKind.INCLUDE:
            latest = self._store.operations(kinds=[OperationKind.EXCLUDE], limit=MOST_EXCLUSIONS)
            named = [stored.operation for stored in latest if given.target and stored.operation.id.startswith(given.target)]
            if len(named) != 1:
                how_many = "several exclusions begin" if named else "there is no exclusion whose id begins"
                raise OperationError(f"{how_many} with '{given.target}'; ids: assure sla exclusions", Reason.UNKNOWN_TARGET)
            return replace(given, target=named[0].id), first
        if given.reason_kind not in set(ExclusionKind):
            remedy = did_you_mean(given.reason_kind, list(ExclusionKind))
            raise OperationError(f"'{given.reason_kind}' is no kind of reason; {remedy or ', '.join(ExclusionKind)}")
        if not given.text.strip():
            raise OperationError("say why in words too: whoever checks the credit reads it")
        if not 0 < given.starts_at < given.until <= given.starts_at + LONGEST:
            raise OperationError("the excluded time ends after it begins, by 400 days at most")
        name = given.target.removeprefix(f"{ResourceKind.SERVICE}/")
        if name in self._inventory().services:
            return replace(given, target=f"{ResourceKind.SERVICE}/{name}"), first
        found = self._reader.named(given.target, ("incident",))
        if len(found) != 1:
            text, reason = _which(given.target, found, ("incident",))
            raise OperationError(f"{text}, and no service is called so; {did_you_mean(name, self._inventory().services)}", reason)
        return replace(given, target=found[0]["id"]), first

    def _claimed(self, given: Operation) -> tuple[Operation, list[str]]:
        """One domain hears of it, as of exclusions."""
        before = self._store.operations(kinds=CLAIM_KINDS, limit=MOST_CLAIMS)
        taken = withdrawal_of(given, before) if given.kind is OperationKind.WITHDRAW else self._claim(given, before)
        return taken, self._all_domains()[:1]

    def _claim(self, given: Operation, before: list[StoredOperation]) -> Operation:
        try:
            return claim_of(given, self._inventory(), self._plans(), before)
        except ConfigError as error:
            raise OperationError(f"the plans cannot be read (`assure check`): {error}") from None

    def _check_resources(self, names: Iterable[str]) -> None:
        """Raises ``OperationError`` for a resource that the inventory does not have, with the nearest that it has."""
        inventory = self._inventory()
        known = Directory.of(inventory).resources | {f"region/{site.region}" for site in inventory.sites.values() if site.region}
        for name in names:
            kind = kind_of(ResourceId(name))
            if kind is ResourceKind.CUSTOMER:
                raise OperationError(f"{name} is no thing that fails: name the customer's services, as service/…")
            if name not in known:
                alike = [each for each in known if each.startswith(f"{kind.value}/")] or list(known)
                remedy = did_you_mean(name, alike) or "names are as site/ams, device/pe1"
                raise OperationError(f"there is no {name} in the inventory; {remedy}")

    def _domains_of(self, resource: ResourceId) -> list[str]:
        device = self._inventory().devices.get(device_of(resource) or "")
        return [device.domain] if device else self._all_domains()

    def _all_domains(self) -> list[str]:
        return sorted({device.domain for device in self._inventory().devices.values()}) or [DEFAULT_DOMAIN]

    async def _publish(self, stored: StoredOperation) -> None:
        """Send it now; if that fails, the outputs process does."""
        try:
            async with asyncio.timeout(PUBLISH_S):
                messages = bus.operation_messages(stored.operation, stored.domains, self._broker.partitions)
                await bus.publish(self._broker.bootstrap, Topic.EVENTS, messages)
        except (OSError, TimeoutError) as error:
            log.warning("operation %s is kept, and published when the broker answers: %s", stored.operation.id, error)
            return
        await asyncio.to_thread(self._store.mark_operations_published, [stored.operation.id])

    async def _answered(self, stored: StoredOperation, wait_s: float) -> StoredOperation:
        deadline = time.monotonic() + wait_s
        found = stored
        while not found.is_answered and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_EVERY_S)
            seen = await asyncio.to_thread(self._store.operation, stored.operation.id)
            found = seen or found
        return found


def _asked(operation: Operation) -> tuple[Any, ...]:
    if operation.kind is OperationKind.CLAIM:  # two who record it at once record one
        return operation.kind, operation.target, operation.period
    return operation.kind, operation.target, operation.text, operation.operator, operation.reason_kind


def _which(target: str, found: list[Json], kinds: Collection[str]) -> tuple[str, Reason]:
    what = " or ".join(kinds)
    if not found:
        return f"there is no {what} whose id begins with '{target}'", Reason.UNKNOWN_TARGET
    listed = ", ".join(f"{one['kind']} {one['id']}" for one in found[:5])
    return f"'{target}' begins several: {listed}; write more of it", Reason.UNKNOWN_TARGET
