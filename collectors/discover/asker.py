"""One address asked for all that discovery wants to know, within a time limit. Whatever the agent does, something comes back."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from gufo.snmp import SnmpError
from gufo.snmp.aio import SnmpSession

from collectors.discover.credential import Credential
from collectors.discover.pace import Pace, Paced
from collectors.discover.walk import Limits, Walked, walk
from pipeline.core.discovery import Answers, Finding, FindingKind
from pipeline.core.discovery_object import IDENTITY, SYSTEM, TABLES, AskedObject, AskedTable, Wire

log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How an address answered: usefully, not at all, or in a way that cannot be used."""

    ANSWERED = "answered"
    SILENT = "silent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Place:
    """An agent's address and port, and the credentials to try there, in order."""

    address: str
    port: int
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one address; ``why`` says it of one that failed."""

    address: str
    outcome: Outcome
    answers: Answers | None = None
    why: str = ""


@dataclass(slots=True)
class _Progress:
    """What is known of a device under way, so that a time limit loses nothing."""

    scalars: dict[str, Wire] = field(default_factory=dict)
    columns: dict[str, Walked] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    credential: Credential | None = None
    trouble: str = ""


class _SilentError(Exception):
    """An agent that answered before does not answer any more."""


class Asker:
    """Asks addresses. ``limit_s`` bounds the time for one device, without that for which ``pace`` holds its questions back."""

    def __init__(self, limits: Limits, limit_s: float = 60.0, pace: Pace | None = None) -> None:
        self._limits = limits
        self._limit_s = limit_s
        self._pace = pace or Pace()

    async def ask(self, place: Place) -> Asked:
        """All that an address says. Never raises for what device or network do."""
        progress = _Progress()
        try:
            async with asyncio.timeout(self._limit_s) as limit:
                await self._ask(place, progress, Paced(self._pace, partial(extend, limit)))
        except TimeoutError:
            if progress.credential is not None:
                detail = f"not all was told within {self._limit_s:g} s; give more time (--limit), or see why it is slow"
                progress.findings.append(Finding(place.address, FindingKind.TIME_LIMIT, _under_way(progress), detail))
        except _SilentError:
            detail = "it stopped answering; what it said until then is kept"
            progress.findings.append(Finding(place.address, FindingKind.NO_ANSWER, _under_way(progress), detail))
        except Exception as error:  # one device never stops the others, whatever its agent or the library does
            log.exception("%s: discovery failed; the others go on", place.address)
            progress.trouble = f"{type(error).__name__}: {error}"
        return _result(place, progress)

    async def _ask(self, place: Place, progress: _Progress, policer: Paced) -> None:
        for credential in place.credentials:
            session = credential.session(place.address, place.port, self._limits.timeout_s, policer)
            if await self._begin(session, credential, progress):
                break
        else:
            return
        progress.scalars |= await self._scalars(session, IDENTITY, place, progress)
        if credential.user is not None:
            progress.scalars.setdefault("snmpEngineID", session.get_engine_id())
        silent = False
        for table in TABLES:
            was_silent, silent = silent, await self._table(session, table, place, progress, bulk=not credential.is_v1)
            if was_silent and silent:
                raise _SilentError

    async def _begin(self, session: SnmpSession, credential: Credential, progress: _Progress) -> bool:
        """Whether the agent answers to this credential with anything of the system group."""
        for _ in range(1 + self._limits.retries):
            try:
                await session.refresh()  # SNMPv3 finds out the agent's engineID and time
                found = await session.get_many(_instances(SYSTEM)) or await self._one_by_one(session, SYSTEM)
                progress.trouble = "it answers, but has none of the objects of the system group"
            except SnmpError as error:
                progress.trouble = _told(error, credential)
                continue
            except OSError:
                continue
            except ValueError as error:  # what the library says of keys that it cannot use
                progress.trouble = str(error)
                return False
            if found:
                progress.scalars |= _by_name(SYSTEM, found)
                progress.credential = credential
                progress.trouble = ""
                return True
        return False

    async def _scalars(self, session: SnmpSession, wanted: dict[str, AskedObject], place: Place, progress: _Progress) -> dict[str, Wire]:
        """Scalars in one question; each alone where the agent refuses some. Raises ``_SilentError``."""
        for _ in range(1 + self._limits.retries):
            try:
                found = await session.get_many(_instances(wanted))
            except SnmpError:
                found = {}
            except OSError:
                continue
            if not found:  # it has none of them, or refuses to tell several at once: the library does not say which
                found = await self._one_by_one(session, wanted)
                if found:
                    detail = "it refused to tell several scalars at once; they were asked for one by one"
                    progress.findings.append(Finding(place.address, FindingKind.REFUSED, "scalars", detail))
            return _by_name(wanted, found)
        raise _SilentError

    async def _one_by_one(self, session: SnmpSession, wanted: dict[str, AskedObject]) -> dict[str, Wire]:
        found: dict[str, Wire] = {}
        for oid in _instances(wanted):
            with suppress(SnmpError, OSError):
                found |= await session.get_many([oid])
        return found

    async def _table(self, session: SnmpSession, table: AskedTable, place: Place, progress: _Progress, *, bulk: bool) -> bool:
        """Read the columns of a table, none but the first when that has no row; whether the agent was silent from the start."""
        for number, (name, column) in enumerate(table.columns.items()):
            walked = progress.columns[name] = Walked()
            await walk(session, column.oid, self._limits, walked, bulk=bulk)
            if walked.kind is not None:
                progress.findings.append(Finding(place.address, walked.kind, name, f"{name}: {walked.why}"))
            if not walked.rows and walked.kind is not None:
                del progress.columns[name]  # it was not read, which is not the same as empty
            if not walked.rows and number == 0:
                return walked.kind is FindingKind.NO_ANSWER
        return False


def extend(limit: asyncio.Timeout, seconds: float) -> None:
    """Give a device the time back for which others' questions went first."""
    when = limit.when()
    if when is not None and not limit.expired():
        limit.reschedule(when + seconds)


def _under_way(progress: _Progress) -> str:
    return next(reversed(progress.columns), "scalars")


def _result(place: Place, progress: _Progress) -> Asked:
    if progress.credential is None:
        outcome = Outcome.FAILED if progress.trouble else Outcome.SILENT
        return Asked(place.address, outcome, why=progress.trouble)
    columns = {name: walked.rows for name, walked in progress.columns.items()}
    credential = progress.credential
    answers = Answers(
        address=place.address,
        port=place.port,
        community=credential.name,
        snmp_version=credential.version,
        user=credential.name if credential.user else "",
        scalars=progress.scalars,
        columns=columns,
        findings=tuple(progress.findings),
    )
    return Asked(place.address, Outcome.ANSWERED, answers, progress.trouble)


def _told(error: SnmpError, credential: Credential | None = None) -> str:
    """What the library says of an answer that it cannot use, for people."""
    told = str(error) or type(error).__name__
    return f"{told}; check user and passwords" if credential is not None and credential.user is not None else told


def _instances(wanted: dict[str, AskedObject]) -> list[str]:
    return [f"{each.oid}.0" for each in wanted.values()]


def _by_name(wanted: dict[str, AskedObject], found: dict[str, Wire]) -> dict[str, Wire]:
    return {name: found[f"{each.oid}.0"] for name, each in wanted.items() if f"{each.oid}.0" in found}
