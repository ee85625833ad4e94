"""What must hold of the inventory's sources in the settings, beyond the types of their values."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from yarl import URL

from pipeline.config.address import AddressRefusedError, check_url
from pipeline.config.problem import Level, Path_, did_you_mean
from pipeline.config.settings import SnmpUserSettings
from pipeline.config.source_settings import InventorySettings, SourceKind, SourceSettings
from pipeline.core.inventory_merge import FILES

MAX_PAGE = 10_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_BY_HTTP = frozenset({SourceKind.NETBOX, SourceKind.TMF638, SourceKind.TMF639})


class SourceProblem(NamedTuple):
    """One problem; ``path`` begins below ``inventory``."""

    path: Path_
    message: str
    remedy: str
    level: Level = Level.ERROR


def source_problems(settings: InventorySettings, users: Sequence[SnmpUserSettings]) -> Iterator[SourceProblem]:
    """Every problem of the sources and of what is said of their precedence. No message holds a secret."""
    names = [source.name for source in settings.sources]
    for place, source in enumerate(settings.sources):
        if names.index(source.name) != place:
            yield SourceProblem(("sources", place, "name"), f"'{source.name}' stands twice", "rename one")
        for problem in (*_name(source), *_reach(source), *_amounts(source), *_communities(source), *_user(source, users)):
            yield problem._replace(path=("sources", place, *problem.path))
    yield from _precedence(settings)


def _precedence(settings: InventorySettings) -> Iterator[SourceProblem]:
    known = set(settings.order)
    for key, first in settings.precedence.items():
        for place, name in enumerate(first):
            if name not in known:
                yield SourceProblem(("precedence", key, place), f"'{name}' is no source", did_you_mean(name, known))
    for key in settings.defaults:
        if key.count(".") != 1:
            yield SourceProblem(("defaults", key), f"'{key}' is no field of a section", "write it as customers.tier")
    for name in ("fetch_every_s", "stale_after_s"):
        if getattr(settings, name) < 0:
            yield SourceProblem((name,), f"{getattr(settings, name):g} is less than nothing", "write seconds, or 0")


def _name(source: SourceSettings) -> Iterable[SourceProblem]:
    if not _NAME.fullmatch(source.name):
        yield SourceProblem(("name",), f"'{source.name}' cannot be a source's name", "use small letters, digits and . _ -, 40 at most")
    if (source.name == FILES) != (source.kind is SourceKind.FILES and source.folder is None):
        remedy = "call it files and leave folder out for inventory_dir, or name a folder and call it something else"
        yield SourceProblem(("name",), f"'{source.name}' is a source of kind {source.kind}", remedy)


def _reach(source: SourceSettings) -> Iterable[SourceProblem]:
    if source.kind not in _BY_HTTP:
        if source.url or source.token:
            yield SourceProblem(("url",), f"a source of kind {source.kind} has no URL and no token", "take them out")
        return
    if not source.url:
        yield SourceProblem((), f"the source '{source.name}' has no url", "add url: https://…")
        return
    try:
        check_url(source.url, allow_private=source.allow_private)
    except (AddressRefusedError, ValueError) as error:
        yield SourceProblem(("url",), f"'{source.name}' cannot be asked", str(error))
    if source.token and source.url.startswith("http:") and URL(source.url).host not in _HERE:
        message = "the token goes over the network in clear text"
        yield SourceProblem(("url",), message, "use https, with ca_file for certificates of your own", Level.WARNING)


def _amounts(source: SourceSettings) -> Iterable[SourceProblem]:
    if source.timeout_s <= 0:
        yield SourceProblem(("timeout_s",), f"{source.timeout_s:g} is not more than nothing", "write seconds")
    if not 0 < source.page <= MAX_PAGE:
        yield SourceProblem(("page",), f"{source.page} entries", f"write 1 to {MAX_PAGE}")
    if not 0 < source.confidence <= 1:
        yield SourceProblem(("confidence",), f"{source.confidence:g} is no confidence", "write a number above 0 and up to 1")


def _communities(source: SourceSettings) -> Iterable[SourceProblem]:
    for place, text in enumerate(source.communities):
        if text != "public" and not text.startswith(("env:", "file:")):
            yield SourceProblem(("communities", place), "a secret stands here in clear text", "use env:NAME or file:PATH", Level.WARNING)


def _user(source: SourceSettings, users: Sequence[SnmpUserSettings]) -> Iterable[SourceProblem]:
    known = {user.name for user in users}
    if source.user and source.user not in known:
        yield SourceProblem(("user",), f"traps.users has no '{source.user}'", did_you_mean(source.user, known) or "add it there")
