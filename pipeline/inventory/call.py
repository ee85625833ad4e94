"""Questions over HTTP to a source of the inventory: guarded, bounded, and with an error that says what to do.

It goes to the one server that the settings name and follows it nowhere else: no redirect, no proxy of the environment, no link to the next
page, so that the token and the questions stay where they belong.
"""

import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlencode

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from yarl import URL

from pipeline.config.address import AddressRefusedError, check_url, why_refused
from pipeline.config.source_settings import SourceSettings
from pipeline.core.text import shown

LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes; a page of NetBox has about 3 kB for each entry."""
TRIES = 3
_CHUNK = 65_536
_TEXT_LIMIT = 200
_LONGEST_PAUSE_S = 30.0
_PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""Answers that say nothing of the question."""


class FetchError(Exception):
    """A source that did not give a whole answer: what happened, and what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


class _PassingError(FetchError):
    """One that may be gone at the next try."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, as far as a client needs it again."""

    url: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end. The names are those that NetBox's client asks for."""

    url: str
    status_code: int
    reason: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether it is the thing that was asked for."""
        return HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def request(self) -> Asked:
        """What was asked."""
        return Asked(self.url)

    def json(self) -> Any:
        """The body's value. Raises ``FetchError`` when it is no JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            remedy = "is this the API's address, and not that of a page for people?"
            raise FetchError(f"{self.url} does not answer with JSON ({error})", remedy) from None


class Caller:
    """Asks one server. ``pause`` waits so many seconds before a question is put again."""

    def __init__(self, source: SourceSettings, pause: Callable[[float], None] = time.sleep) -> None:
        self._timeout_s = source.timeout_s
        self._pause = pause
        self.origin = _origin(source)
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=1, retries=False, **_trust(source))
        if not source.allow_private:
            self._pool.pool_classes_by_scheme = {"https": _PublicPool}

    def get(self, url: str, headers: Mapping[str, str], params: Mapping[str, Any] | None = None, **_: object) -> Answer:
        """Ask, again where that may help. Raises ``FetchError`` when there is no answer, or one that only passing trouble explains."""
        asked = f"{url}?{urlencode(dict(params), doseq=True)}" if params else url
        if URL(asked).origin() != self.origin:
            raise FetchError(f"{asked} is not on {self.origin}", "nothing is asked elsewhere")
        for left in reversed(range(TRIES)):
            try:
                answer = self._ask(asked, headers)
            except _PassingError:
                if not left:
                    raise
                self._pause(TRIES - left)
                continue
            if answer.status_code not in _PASSING or not left:
                return self._judged(answer)
            self._pause(min(_asked_pause_s(answer.headers) or TRIES - left, _LONGEST_PAUSE_S))
        raise AssertionError  # the last try returns or raises

    def close(self) -> None:
        """Let the connection go."""
        self._pool.clear()

    def _ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        until = time.monotonic() + self._timeout_s
        try:
            response = self._pool.request(
                "GET",
                url,
                headers={"User-Agent": "assurance-pipeline", "Accept-Encoding": "gzip", **headers},
                timeout=urllib3.Timeout(connect=self._timeout_s, read=self._timeout_s),
                redirect=False,
                preload_content=False,
            )
            try:
                content = _read(response, until, url, self._timeout_s)
            finally:
                response.close()
        except AddressRefusedError as error:
            raise FetchError(f"{self.origin} is not asked", str(error)) from None
        except urllib3.exceptions.HTTPError as error:
            self._unanswered(error)
        return Answer(url, response.status, response.reason or "", response.headers, content)

    def _unanswered(self, error: urllib3.exceptions.HTTPError) -> NoReturn:
        where = self.origin
        if isinstance(error, urllib3.exceptions.SSLError):
            raise FetchError(f"{where} is not trusted ({_short(error)})", "name its certificates in ca_file, or mend them") from None
        if isinstance(error, urllib3.exceptions.TimeoutError) and not isinstance(error, urllib3.exceptions.NewConnectionError):
            raise _PassingError(f"{where} did not answer within {self._timeout_s:g} s", "raise timeout_s, or take a smaller page") from None
        if isinstance(error, urllib3.exceptions.NewConnectionError):
            raise FetchError(f"{where} cannot be reached ({_short(error)})", "is it up, and is the url right?") from None
        raise _PassingError(f"{where} broke its answer off ({_short(error)})", "try again; if it stays so, take a smaller page") from None

    def _judged(self, answer: Answer) -> Answer:
        """The answer, unless its status says that nothing further is worth asking; 404 is for whoever asked."""
        status = answer.status_code
        told = f"{self.origin} answers {status} {answer.reason}".rstrip()
        detail = _detail(answer)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise FetchError(f"{told}{detail}", "give the source a token that may read, and that has not expired")
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise FetchError(f"{told}, to {answer.headers.get('Location', 'nowhere')}", "redirects are not followed; write where it leads")
        if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.NOT_FOUND:
            raise FetchError(f"{told}{detail}", "look at its log; it is asked again at the next fetch")
        return answer


class _PublicConnection(HTTPSConnection):
    """Speaks only to public addresses: judged by the one that it is connected to, before anything is said."""

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        why = why_refused(str(made.getpeername()[0]))
        if why:
            made.close()
            raise AddressRefusedError(f"{why}: set allow_private: true if it is meant")
        return made


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


def _origin(source: SourceSettings) -> URL:
    try:
        return check_url(source.url, allow_private=source.allow_private).origin()
    except (AddressRefusedError, ValueError) as error:
        raise FetchError(f"'{source.name}' cannot be asked", str(error)) from None


def _trust(source: SourceSettings) -> dict[str, Any]:
    """Which certificates are trusted: the public ones, or those of ``ca_file`` alone."""
    if source.ca_file is None:
        return {"ssl_context": ssl.create_default_context()}
    try:
        return {"ssl_context": ssl.create_default_context(cafile=str(source.ca_file))}
    except (OSError, ssl.SSLError) as error:
        raise FetchError(f"{source.ca_file} has no certificates ({error})", "name a file of PEM certificates in ca_file") from None


def _read(response: urllib3.BaseHTTPResponse, until: float, url: str, timeout_s: float) -> bytes:
    """The body, within its time and its size."""
    chunks = bytearray()
    for chunk in response.stream(_CHUNK, decode_content=True):
        chunks += chunk
        if len(chunks) > LARGEST_ANSWER:
            raise FetchError(f"{url} answers with more than {LARGEST_ANSWER} bytes", "take a smaller page")
        if time.monotonic() > until:
            raise FetchError(f"{url} was not answered to the end within {timeout_s:g} s", "raise timeout_s, or take a smaller page")
    return bytes(chunks)


def _asked_pause_s(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "").strip()
    return float(text) if text.isdecimal() else 0.0


def _detail(answer: Answer) -> str:
    text = shown(" ".join(answer.text[:_TEXT_LIMIT].split()))
    return f": {text}" if text and not text.startswith("<") else ""


def _short(error: Exception) -> str:
    """The last and plainest part of a library's message."""
    return str(error.__cause__ or error.__context__ or error).rpartition(": ")[2].strip("'\")( ") or type(error).__name__
