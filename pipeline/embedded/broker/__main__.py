"""The broker as a process: `python -m pipeline.embedded.broker --data DIR`."""

import argparse
import asyncio
import errno
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline import loop
from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.lock import AlreadyOpenError
from pipeline.embedded.broker.server import Broker

CANNOT_START = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or, with --watch-stdin, the end of standard input.

    Prints `ready HOST:PORT` when clients may connect. Returns 0, or 2 when it cannot start; the reason is on stderr.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        config = BrokerConfig(
            data=options.data, host=options.host, port=options.port, sync=options.sync, partitions=options.partitions,
            max_bytes=options.max_bytes,
        )  # fmt: skip
        loop.run(_serve(config, watch_stdin=options.watch_stdin))
    except (ValueError, AlreadyOpenError) as error:
        return _cannot_start(str(error))
    except OSError as error:
        return _cannot_start(_explain(error, options))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline.embedded.broker", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the log; made when missing")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default %(default)s)")
    parser.add_argument("--port", type=int, default=9092, help="0 lets the system choose (default %(default)s)")
    parser.add_argument("--sync", choices=("normal", "full"), default="normal",
                        help="full also survives the loss of power (default %(default)s)")  # fmt: skip
    parser.add_argument("--partitions", type=int, default=4, help="of a topic made by being used (default %(default)s)")
    parser.add_argument("--max-bytes", type=int, help="bound of the log's file; producers are told to retry beyond it")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input ends, as when a parent dies")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser


async def _serve(config: BrokerConfig, *, watch_stdin: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Broker(config) as broker:
        if watch_stdin:
            await loop.connect_read_pipe(lambda: _UntilEnd(stop), sys.stdin)
        sys.stdout.write(f"ready {broker.bootstrap}\n")
        sys.stdout.flush()
        await stop.wait()


class _UntilEnd(asyncio.Protocol):
    """Sets the event when the pipe ends."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, _error: Exception | None) -> None:
        self._stop.set()


def _explain(error: OSError, options: argparse.Namespace) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {options.port} is in use; stop what listens there, or choose another with --port (0: any free one)"
    return str(error)


def _cannot_start(reason: str) -> int:
    sys.stderr.write(f"embedded broker: {reason}\n")
    return CANNOT_START


if __name__ == "__main__":
    sys.exit(main())
