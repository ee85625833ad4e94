"""Reads a NetBox, by NetBox's own client: every collection whole, or an error. Pages are asked for by number, not by the server's links."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import pynetbox  # type: ignore[import-untyped]  # it publishes no types
from pynetbox.core.query import Request, RequestError  # type: ignore[import-untyped]  # as above

from pipeline.config.source_settings import SourceSettings
from pipeline.inventory.call import Answer, Caller, FetchError
from pipeline.inventory.netbox_row import NetBox, Row

T = TypeVar("T", bound=Row)
Tell = Callable[[str, int, int], None]
"""Hears of what is read, how many of it there are, and of how many."""

COLLECTIONS: Mapping[str, str] = {
    "sites": "dcim",
    "devices": "dcim",
    "interfaces": "dcim",
    "cables": "dcim",
    "front_ports": "dcim",
    "rear_ports": "dcim",
    "circuits": "circuits",
    "circuit_terminations": "circuits",
    "virtual_circuits": "circuits",
    "virtual_circuit_terminations": "circuits",
    "power_panels": "dcim",
    "power_feeds": "dcim",
    "power_ports": "dcim",
    "power_outlets": "dcim",
}
"""Each collection and its application, in the order in which they are asked for."""
_NEWER = frozenset({"virtual_circuits", "virtual_circuit_terminations"})
"""Collections that an older NetBox does not have."""
MOST_ENTRIES = 5_000_000
"""Of one collection."""
_MOVED = 2
"""So often a collection is read when it changes meanwhile."""


def read_netbox(source: SourceSettings, caller: Caller, tell: Tell = lambda *_: None) -> NetBox:
    """Everything that the source's token may read. Raises ``FetchError``: then nothing was read."""
    api = pynetbox.api(source.url.rstrip("/"), token=source.token.reveal() or None)
    api.http_session = _Pages(caller)
    collections: dict[str, Any] = {name: _collection(api, source, app, name, tell) for name, app in COLLECTIONS.items()}
    return NetBox(**collections)


@dataclass(frozen=True, slots=True)
class _Page(Answer):
    """An answer whose body is a page of a list."""

    value: Any = None

    def json(self) -> Any:
        """The page."""
        return self.value


@dataclass(frozen=True, slots=True)
class _Pages:
    """What NetBox's client asks by: what is not a page of a list does not reach it, since it would take it for an empty one."""

    caller: Caller

    def get(self, url: str, headers: Mapping[str, str], params: Mapping[str, Any] | None = None, **_: object) -> Answer:
        """Ask. Raises ``FetchError``."""
        answer = self.caller.get(url, headers, params)
        if not answer.ok:
            return answer
        value = answer.json()
        if not (isinstance(value, dict) and isinstance(value.get("count"), int) and isinstance(value.get("results"), list)):
            raise FetchError(f"{answer.url} does not answer with a list of NetBox 4", "is there a NetBox of version 4 at the url?")
        return _Page(answer.url, answer.status_code, answer.reason, answer.headers, answer.content, value)


def _collection(api: Any, source: SourceSettings, app: str, name: str, tell: Tell) -> Sequence[Row]:
    """All of one collection; a count that is not that of what came means that it changed while it was read."""
    shape = _SHAPES[name]
    filters = dict(source.filter) if name == "devices" else {}
    endpoint = getattr(getattr(api, app), name)
    for _ in range(_MOVED):
        found = _pages(endpoint.url, api, source.page, filters, name, shape, tell)
        if found is not None:
            return found
    remedy = "try again; a larger page makes it less likely"
    raise FetchError(f"NetBox's {_words(name)} changed while they were read, {_MOVED} times", remedy)


def _pages(url: str, api: Any, page: int, filters: Mapping[str, str], name: str, shape: type[T], tell: Tell) -> Sequence[T] | None:
    """Page after page in order of id; ``None`` when what came is not what was counted."""
    rows: dict[int, T] = {}
    asked = {"ordering": "id", **({"exclude": "config_context"} if name == "devices" else {}), **filters}
    offset, total, counted = 0, 1, -1
    while offset < total:
        request = Request(base=url, filters=asked, token=api.token, http_session=api.http_session, limit=page, offset=offset)
        found = _page(request, name, shape)
        total = int(getattr(request, "count", -1))
        if counted not in {-1, total} or (not found and offset < total):
            return None
        if total > MOST_ENTRIES:
            raise FetchError(f"NetBox has {total} {_words(name)}, more than {MOST_ENTRIES}", "narrow it, or ask for the limit to be raised")
        counted = total
        rows.update((row.id, row) for row in found)
        offset += len(found)
        tell(_words(name), len(rows), total)
    return list(rows.values()) if len(rows) == total else None


def _page(request: Any, name: str, shape: type[T]) -> list[T]:
    try:
        return msgspec.convert(list(request.get()), list[shape])  # type: ignore[valid-type]  # the shape is chosen at run time
    except RequestError as error:
        if name in _NEWER and error.req.status_code == _NOT_FOUND:
            request.count = 0
            return []
        raise FetchError(f"{error.req.url} is not there", "the url is NetBox's address without /api") from None
    except msgspec.ValidationError as error:
        raise FetchError(
            f"NetBox's {_words(name)} are not as NetBox 4 has them ({error})", "is there a NetBox of version 4 at the url?"
        ) from None


def _words(name: str) -> str:
    return name.replace("_", " ")


_NOT_FOUND = 404
_SHAPES: Mapping[str, type[Any]] = {each.name: each.type.__args__[0] for each in msgspec.structs.fields(NetBox)}
"""Each collection's rows."""
