"""pysnmp's notification receiver, counting: the reference beside ``trap-ingest`` and ``trap-v3``.

``python -m … PORT [AUTH]``; with the name of a digest it knows the tests' v3 user with that and AES-128. The count comes at SIGTERM.
"""

import asyncio
import signal
import sys

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import ntfrcv
from pysnmp.proto.rfc1902 import OctetString

from tests.support.usm import AUTH_PASSWORD, ENGINE, PRIV_PASSWORD

AUTH = {"sha1": config.USM_AUTH_HMAC96_SHA, "sha256": config.USM_AUTH_HMAC192_SHA256}


async def receive(port: int, auth: str = "") -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    snmp = engine.SnmpEngine()
    config.add_transport(snmp, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", port)))
    config.add_v1_system(snmp, "bench", "public")
    if auth:
        keys = (AUTH[auth], AUTH_PASSWORD, config.USM_PRIV_CFB128_AES, PRIV_PASSWORD)
        config.add_v3_user(snmp, "noc", *keys, securityEngineId=OctetString(ENGINE))
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
    asyncio.run(receive(int(sys.argv[1]), *sys.argv[2:]))
