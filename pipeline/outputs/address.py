"""Names are resolved to addresses that an outbound call may go to; the decision is on the address that is then connected to."""

import socket
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from pipeline.config.address import AddressRefusedError, check_url, why_refused

__all__ = ["AddressRefusedError", "PublicResolver", "check_url", "why_refused"]


class PublicResolver(AbstractResolver):
    """Resolves a name to its public addresses only. The connection goes to what was checked: there is no second look-up."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_UNSPEC) -> list[ResolveResult]:
        """As aiohttp's resolvers do. Raises ``AddressRefusedError`` when no public address is left."""
        found = await self._inner.resolve(host, port, family)
        public = [answer for answer in found if not why_refused(answer["host"])]
        if not public:
            raise AddressRefusedError(f"{host} resolves to no public address: set allow_private: true if it is meant")
        return public

    async def close(self) -> None:
        """Close the resolver behind this one."""
        await self._inner.close()
