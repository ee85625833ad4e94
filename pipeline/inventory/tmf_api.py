"""Reads a TMF639 or TMF638 API: the whole collection, by offset and limit, or an error."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from pipeline.config.source_settings import SourceKind, SourceSettings
from pipeline.inventory.call import Answer, Caller, FetchError
from pipeline.inventory.tmf_row import Item

COLLECTION = {SourceKind.TMF639: "resource", SourceKind.TMF638: "service"}
MOST_ITEMS = 5_000_000
_MOVED = 2
"""So often the collection is read when it changes meanwhile."""


def read_tmf(source: SourceSettings, caller: Caller, tell: Callable[[str, int, int], None] = lambda *_: None) -> list[Item]:
    """Every item that the source's token may read, in the server's order. Raises ``FetchError``: then nothing was read."""
    word = f"{COLLECTION[source.kind]}s"
    for _ in range(_MOVED):
        found = _pages(source, caller, lambda got, total: tell(word, got, total))
        if found is not None:
            return found
    raise FetchError(
        f"the {word} of {caller.origin} changed while they were read, {_MOVED} times", "try again; a larger page makes it rarer"
    )


def _pages(source: SourceSettings, caller: Caller, tell: Callable[[int, int], None]) -> list[Item] | None:
    """Page after page; ``None`` when what came is not what was counted. Without a count, until a page is empty."""
    url = f"{source.url.rstrip('/')}/{COLLECTION[source.kind]}"
    items: dict[str, Item] = {}
    offset, counted = 0, -1
    while True:
        answer = caller.get(url, _headers(source), {**source.filter, "offset": offset, "limit": source.page})
        found, total = _page(answer), _total(answer)
        if offset and total != counted:
            return None
        counted = total
        items.update((item.key, item) for item in found)
        offset += len(found)
        tell(len(items), max(total, len(items)))
        if not found or offset == total:
            return list(items.values()) if len(items) == (total if total >= 0 else offset) else None
        if offset > MOST_ITEMS or -1 < total < offset:
            raise FetchError(f"{url} goes on after {offset} of {total} entries", "its offset and limit do not work; ask whoever runs it")


def _page(answer: Answer) -> list[Item]:
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise FetchError(
            f"{answer.url.partition('?')[0]} is not there", "the url is the API's with its path: …/resourceInventoryManagement/v4"
        )
    try:
        value: Any = answer.json()
        return msgspec.convert(value, list[Item])
    except msgspec.ValidationError as error:
        raise FetchError(f"{answer.url.partition('?')[0]} does not answer as TMF has it ({error})", "is that API at the url?") from None


def _total(answer: Answer) -> int:
    """``X-Total-Count``; -1 when there is none."""
    text = answer.headers.get("X-Total-Count", "").strip()
    return int(text) if text.isdecimal() else -1


def _headers(source: SourceSettings) -> dict[str, str]:
    token = source.token.reveal()
    return {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
