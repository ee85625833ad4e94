"""pysnmp's notification receiver, counting: the reference beside ``trap-ingest``. ``python -m … PORT``; the count comes at SIGTERM."""

import asyncio
import signal
import sys

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import ntfrcv


async def receive(port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    snmp = engine.SnmpEngine()
    config.add_transport(snmp, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", port)))
    config.add_v1_system(snmp, "bench", "public")
    received = 0

    def count(*_: object) -> None:
        nonlocal received
        received += 1

    ntfrcv.NotificationReceiver(snmp, count)
    await asyncio.sleep(0.2)
    print("ready", flush=True)
    await stop.wait()
    print(received, flush=True)


if __name__ == "__main__":
    asyncio.run(receive(int(sys.argv[1])))
