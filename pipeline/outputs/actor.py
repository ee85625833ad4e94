"""How an action of the settings is started: a signed POST, or a program with JSON on its standard input. Never a shell."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import aiohttp

from pipeline.config.output_settings import ActionSettings
from pipeline.core.ledger import canonical
from pipeline.core.wording import plain
from pipeline.outputs.address import AddressRefusedError, check_url
from pipeline.outputs.http import some_text
from pipeline.outputs.ports import Delivery, Done, Refused
from pipeline.outputs.webhook import Sessions, sign

_TOLD = 2_000
"""Bytes of a program's answer that are read."""


class HttpActor:
    """POSTs the values, signed as webhooks are, with ``Idempotency-Key``; what is not answered with 2xx was not done."""

    def __init__(self, own: ActionSettings, sessions: Sessions, clock: Callable[[], int] = time.time_ns) -> None:
        self._own = own
        self._session = sessions.private if own.allow_private else sessions.public
        self._clock = clock

    async def act(self, key: str, values: Mapping[str, Any]) -> Delivery:
        """One call."""
        payload = canonical(dict(values))
        headers = sign(self._own.secret, key, payload, self._clock())
        if headers is None:
            return Refused(f"action '{self._own.name}' wants a secret: whsec_ followed by base64")
        headers["Idempotency-Key"] = headers["webhook-id"]
        try:
            target = check_url(self._own.url, allow_private=self._own.allow_private)
        except AddressRefusedError as error:
            return Refused(f"action '{self._own.name}': {error}")
        timeout = aiohttp.ClientTimeout(total=self._own.timeout_s)
        async with self._session.post(target, data=payload.encode(), headers=headers, allow_redirects=False, timeout=timeout) as response:
            text = f"{response.status}: {plain(await some_text(response))}"
            return Done(detail=text) if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES else Refused(text)


class ProgramActor:
    """Runs ``argv`` with the values on standard input, a bare environment and a time limit; exit code 0 is done."""

    def __init__(self, argv: Sequence[str], timeout_s: float) -> None:
        self._argv = tuple(argv)
        self._timeout_s = timeout_s

    async def act(self, key: str, values: Mapping[str, Any]) -> Delivery:
        """One run."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        pipe, told = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
        process = await asyncio.create_subprocess_exec(*self._argv, stdin=pipe, stdout=pipe, stderr=told, env=environment)
        try:
            async with asyncio.timeout(self._timeout_s):
                answer, _ = await process.communicate(json.dumps({**values, "key": key}).encode())
        except TimeoutError:
            return Refused(f"{self._argv[0]} did not end within {self._timeout_s:g} s and was killed")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        text = plain(answer[:_TOLD].decode("utf-8", "replace"))
        return Done(detail=text) if process.returncode == 0 else Refused(f"exit code {process.returncode}: {text}")


def actor_of(own: ActionSettings, sessions: Sessions) -> HttpActor | ProgramActor:
    """The action's way."""
    return ProgramActor(own.argv, own.timeout_s) if own.argv else HttpActor(own, sessions)
