"""The broker as a component: listens, frames, routes requests to handlers, and keeps the parts together."""

import asyncio
import itertools
import logging
import struct
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Self

from pipeline.embedded.broker.admin import AdminApi
from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.coordinator import Coordinator
from pipeline.embedded.broker.data import DataApi
from pipeline.embedded.broker.handlers import Arrivals, Body, Connection, Core
from pipeline.embedded.broker.housekeeping import Housekeeper
from pipeline.embedded.broker.log import Log
from pipeline.embedded.broker.membership import MembershipApi
from pipeline.embedded.broker.messages import API_VERSIONS, APIS, Api
from pipeline.embedded.broker.protocol import HEADER, MalformedError, Reader, frame
from pipeline.embedded.broker.writer import Writer

logger = logging.getLogger(__name__)
Handler = Callable[[Body, Connection], Awaitable[Body | None]]
_FRAMES_AHEAD = 4
_READ_BUFFER = 1 << 20


class Broker:
    """An embedded Kafka-protocol broker; `async with Broker(config) as broker` serves on `broker.port` until left.

    Requests of one connection are answered one after the other, as Kafka does. Up to four further ones are read ahead;
    then the socket is left to fill, which slows the client down.

    Raises:
        AlreadyOpenError: Another broker has the folder open.
        OSError: The port is taken.
    """

    def __init__(self, config: BrokerConfig) -> None:
        self._config = config
        self._log = Log(config)
        self._stack = AsyncExitStack()
        self._handlers: dict[str, Handler] = {}
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._ids = itertools.count(1)
        self._coordinator: Coordinator
        self._server: asyncio.Server
        self.port = config.port

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{self._config.host}:{self.port}"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self._log)
            self._server = await asyncio.start_server(
                self._serve, self._config.host, self._config.port, limit=_READ_BUFFER, start_serving=False
            )
            stack.push_async_callback(self._close)
            self.port = self._server.sockets[0].getsockname()[1]
            await self._assemble(stack)
            await self._server.start_serving()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.aclose()

    async def _assemble(self, stack: AsyncExitStack) -> None:
        arrivals = Arrivals()
        writer = Writer(self._log, arrivals.announce, offload=self._config.sync == "full")
        core = Core(self._config, self._log, writer, arrivals, self.port)
        self._coordinator = Coordinator(self._config, self._log.boots)
        stack.callback(self._coordinator.close)
        parts = (DataApi(core), AdminApi(core), MembershipApi(core, self._coordinator))
        self._handlers = {a.name: getattr(p, a.name) for a in APIS.values() for p in parts if hasattr(p, a.name)}
        for work in (writer.run(), Housekeeper(self._config, self._log, writer).run()):
            stack.push_async_callback(_stop, asyncio.create_task(work))

    async def _close(self) -> None:
        self._server.close()
        for task in list(self._connections):
            await _stop(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(next(self._ids), writer.get_extra_info("peername")[0])
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = connection
        frames: asyncio.Queue[bytes | None] = asyncio.Queue(_FRAMES_AHEAD)
        ahead = asyncio.create_task(self._read_ahead(reader, frames, connection))
        try:
            while (data := await frames.get()) is not None:
                await self._answer(data, connection, writer)
        except MalformedError as error:
            logger.warning("connection from %s closed: %s", connection.host, error)
        except ConnectionError:
            logger.debug("connection %d was lost", connection.id)
        except asyncio.CancelledError:
            logger.debug("connection %d ends with the broker", connection.id)
        finally:
            await _stop(ahead)
            self._connections.pop(task, None)
            self._coordinator.disconnect(connection.id)
            writer.close()

    async def _read_ahead(self, reader: asyncio.StreamReader, frames: asyncio.Queue[bytes | None], connection: Connection) -> None:
        """Read frames while others are answered, so that the end of a connection is noticed while a request waits."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while (size := struct.unpack(">i", await reader.readexactly(4))[0]) <= self._config.max_frame_bytes:
                if size < HEADER_BYTES:
                    break
                await frames.put(await reader.readexactly(size))
            else:
                logger.warning(
                    "connection from %s closed: a request of %d bytes, %d are accepted; "
                    "is this a Kafka client without TLS?", connection.host, size, self._config.max_frame_bytes,
                )  # fmt: skip
        connection.closed.set()
        self._coordinator.disconnect(connection.id)
        await frames.put(None)

    async def _answer(self, data: bytes, connection: Connection, writer: asyncio.StreamWriter) -> None:
        reader = Reader(data)
        header = HEADER.read(reader, 0)
        connection.client_id = header["client_id"] or ""
        api, version = APIS.get(header["api_key"]), header["version"]
        if api is None or not api.low <= version <= api.high:
            api, version, request = *_decline(header), {}
        else:
            request = api.request.read(reader, version)
        body = await self._handle(api, {**request, "version": header["version"]}, connection)
        if body is None:
            return
        out: list[bytes] = []
        api.response.write(body, version, out)
        writer.writelines(frame(header["correlation_id"], out))
        await writer.drain()

    async def _handle(self, api: Api, request: Body, connection: Connection) -> Body | None:
        try:
            return await self._handlers[api.name](request, connection)
        except Exception:
            logger.exception("%s failed; its connection is closed, and the client will try again", api.name)
            raise MalformedError(f"{api.name} failed") from None


HEADER_BYTES = 10
"""The shortest request header: key, version, correlation id and a null client id."""


def _decline(header: Body) -> tuple[Api, int]:
    """Return how to answer a version not spoken: ApiVersions in its oldest form (KIP-511), others not at all."""
    if header["api_key"] != API_VERSIONS:
        raise MalformedError(f"API {header['api_key']} version {header['version']} is not spoken here")
    return APIS[API_VERSIONS], 0


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
