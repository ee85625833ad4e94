"""The Faust transport `fastkafka://`: Faust's aiokafka driver, minus its ways to lose data and half of its CPU.

Registered as entry point `faust.transports`, so that `faust.App(broker="fastkafka://host:port")` finds it. It is the same on the
embedded broker and on Apache Kafka.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from faust.exceptions import ProducerSendError
from faust.transport.drivers import aiokafka as driver
from faust.transport.producer import ProducerBuffer
from faust.types import FutureMessage, RecordMetadata
from mode.threads import ServiceThread, WorkerThread

from pipeline.stream.delivery import FastDelivery
from pipeline.stream.resumption import Resumption

STOP_FLUSH_S = 5.0
_LOOK_AGAIN_S = 0.1


class DrainingBuffer(ProducerBuffer):
    """A producer buffer whose `flush` returns when every message has been handed to the producer, and not before.

    Faust's own gives up after 0.1 s without progress; offsets are then committed ahead of the table changes that belong to
    them, which a crash loses.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._handing_over = 0

    async def flush(self) -> None:
        """Wait until nothing is buffered or being handed over.

        Raises:
            ProducerSendError: The buffer stopped or crashed before that.
        """
        while self.size or self._handing_over:
            self._check_running()
            await self._progress()

    async def on_stop(self) -> None:
        """Do nothing: the producer has flushed before, while sending was still possible."""

    async def wait_until_ebb(self) -> None:
        """Hold up delivery while the buffer is over its size: a slow broker slows the streams instead of filling memory."""
        while self.size > self.max_messages and not self.should_stop:
            await self._progress()

    async def _send_pending(self, fut: FutureMessage) -> None:
        self._handing_over += 1
        try:
            await super()._send_pending(fut)
        finally:
            self._handing_over -= 1

    async def _progress(self) -> None:
        """Wait for a hand-over, or a moment, in which the buffer may have stopped."""
        self.message_sent.clear()
        waiting = asyncio.ensure_future(self.message_sent.wait())
        await asyncio.wait([waiting], timeout=_LOOK_AGAIN_S)
        waiting.cancel()

    def _check_running(self) -> None:
        if self.state != "running":
            raise ProducerSendError(f"{self.size + self._handing_over} messages were not sent: the producer is {self.state}")


class Producer(driver.Producer):
    """A producer whose `flush` means that the broker has everything; otherwise it raises, and nothing is committed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buffer: DrainingBuffer = DrainingBuffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app = self.app
        self.buffer.threaded_producer = self.threaded_producer
        self._refused: BaseException | None = None

    async def send(self, *args: Any, **kwargs: Any) -> Awaitable[RecordMetadata]:
        """Hand a message to the driver and watch what becomes of it."""
        sent: asyncio.Future[RecordMetadata] = await super().send(*args, **kwargs)
        sent.add_done_callback(self._note)
        return sent

    async def flush(self) -> None:
        """Wait until the broker has acknowledged every message sent so far.

        Raises:
            ProducerSendError: One of them, now or earlier, was refused for good; the worker must not commit past it, and ends.
        """
        await super().flush()
        if self._refused is not None:
            raise ProducerSendError(f"a message was lost on its way to the broker: {self._refused!r}") from self._refused

    async def on_stop(self) -> None:
        """Send what is left while the driver still runs, but do not wait for a broker that is gone."""
        flushing = asyncio.ensure_future(self.flush())
        done, _ = await asyncio.wait([flushing], timeout=STOP_FLUSH_S)
        if not done or flushing.exception() is not None:
            flushing.cancel()
            self.log.warning("Stops with messages unsent; their sources are not committed and will be read again")
        await super().on_stop()

    def _note(self, sent: "asyncio.Future[RecordMetadata]") -> None:
        if not sent.cancelled() and sent.exception() is not None:
            self._refused = sent.exception()


class ConsumerWorker(WorkerThread):
    """The thread that talks to the broker. It does not keep the process alive, nor its stop the loop, when the broker is gone for good."""

    def __init__(self, service: ServiceThread, **options: Any) -> None:
        super().__init__(service, **options)
        self.daemon = True

    def stop(self) -> None:
        """Wait for its end, but not for ever as Faust's own does."""
        self.is_stopped.wait(STOP_FLUSH_S)


class Consumer(FastDelivery, Resumption, driver.Consumer):
    """Faust's aiokafka consumer with the faster delivery loop, without a hole after a rebalance, and with an end."""

    def _new_consumer_thread(self) -> Any:
        own_loop = type(asyncio.get_event_loop())()  # Faust's thread would get asyncio's own loop on a process that runs uvloop
        thread = driver.AIOKafkaConsumerThread(self, loop=self.loop, beacon=self.beacon, thread_loop=own_loop)
        thread._close_thread_loop_on_stop = True  # noqa: SLF001  # it is the thread's alone
        thread.Worker = ConsumerWorker
        return thread


class Transport(driver.Transport):
    """What the URL scheme `fastkafka` names."""

    Consumer = Consumer
    Producer = Producer
