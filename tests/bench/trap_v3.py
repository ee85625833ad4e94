"""SNMPv3 authPriv traps from loopback UDP to the durable journal, authenticated, decrypted and packed for the broker, by one collector.

Measured as ``trap-ingest`` is, with the same sums. Beside it, flooded with the same datagrams and knowing the same user: net-snmp's
snmptrapd, and pysnmp's receiver.
"""

import argparse
import json
from collections.abc import Iterable, Sequence

from tests.bench.bar import Bar, middle
from tests.bench.trap_ingest import INTERFACES, ingest, pysnmp, snmptrapd
from tests.support.usm import AUTH_PASSWORD, ENGINE, PRIV_PASSWORD, Sender, link_down

DISTINCT = 5_000
LIMIT = 5_000
NET_SNMP_NAME = {"sha256": "SHA-256", "sha1": "SHA"}


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """Two bars: traps/s with HMAC-SHA-256 and AES-128, and with HMAC-SHA-1 and AES-128; each the median of ``--runs`` runs."""
    parser = argparse.ArgumentParser(prog="trap-v3")
    parser.add_argument("--traps", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long the references are flooded")
    options = parser.parse_args(arguments)
    yield _bar("trap-v3", "sha256", options)
    yield _bar("trap-v3-sha1", "sha1", options)


def _bar(name: str, auth: str, options: argparse.Namespace) -> Bar:
    sender = Sender(auth=auth)
    datagrams = [link_down(place % INTERFACES + 1, sender, message_id=place + 1) for place in range(DISTINCT)]
    runs = [ingest(datagrams, options.traps, auth) for _ in range(options.runs)]
    for run in runs:
        assert run["quarantined"] == 0, run
        print(f"{name} run: {json.dumps(run)}")
    passwords = f'{NET_SNMP_NAME[auth]} "{AUTH_PASSWORD}" AES "{PRIV_PASSWORD}"'
    known = f"createUser -e 0x{ENGINE.hex()} {sender.user} {passwords}\n"
    figure = middle([run["traps_per_s"] for run in runs])
    references = {
        "bar": LIMIT,
        "snmptrapd-here": snmptrapd(datagrams, options.seconds, known),
        "pysnmp-here": pysnmp(datagrams, options.seconds, auth),
    }
    return Bar(name, figure, "traps/s", references)
