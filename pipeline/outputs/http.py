"""What the outputs share of HTTP: sessions that follow nothing, and reading ``Retry-After``."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp

from pipeline.outputs.ports import Again, Delivery, Refused

_TEXT_LIMIT = 300
_LONGEST_WAIT_S = 86_400.0
LARGEST_ANSWER = 8_388_608
"""Bytes of an answer that are read: more than any list of ours is."""
_NANO = 1_000_000_000
_HOPELESS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
_ASKS_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def open_session(timeout_s: float, connector: aiohttp.BaseConnector | None = None) -> aiohttp.ClientSession:
    """A session without cookies, proxies of the environment, or patience beyond ``timeout_s`` for a whole call."""
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": "assurance-pipeline"},
    )


def retry_after_s(header: str | None, now: int) -> float:
    """The wait that ``Retry-After`` asks for (RFC 9110 section 10.2.3: seconds or a date), 0 without one, at most a day."""
    if not header:
        return 0.0
    if header.strip().isdecimal():
        return min(float(header), _LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    wait_s = (moment - datetime.fromtimestamp(now / _NANO, UTC)).total_seconds()
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)


async def failure(response: aiohttp.ClientResponse, now: int) -> Delivery:
    """What an answer other than 2xx means: refused for good when the body cannot be right, else again, when the receiver asks."""
    detail = f"{response.status} {response.reason}: {await some_text(response)}"
    if response.status in _HOPELESS:
        return Refused(detail)
    wait_s = retry_after_s(response.headers.get("Retry-After"), now) if response.status in _ASKS_TO_WAIT else 0.0
    return Again(detail, wait_s)


class AnswerTooLargeError(aiohttp.ClientError):
    """An answer that nobody should keep in memory."""


async def whole(response: aiohttp.ClientResponse) -> bytes:
    """The answer's body. Raises ``AnswerTooLargeError`` for one of more than ``LARGEST_ANSWER`` bytes."""
    body = bytearray()
    async for piece in response.content.iter_chunked(65_536):
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise AnswerTooLargeError(f"the answer is larger than {LARGEST_ANSWER} bytes")
    return bytes(body)


async def some_text(response: aiohttp.ClientResponse) -> str:
    """The beginning of an answer; the rest of it, however long, is not read."""
    return (await response.content.read(_TEXT_LIMIT)).decode("utf-8", "replace")
