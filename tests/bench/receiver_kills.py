"""kill -9 of the trap collector under load, again and again: what is journaled is published, and every INFORM is answered in the end.

The collector is ``assure run traps``, the broker the embedded one, both real processes. Senders of traps never stop, senders of INFORMs ask
again until they are answered. After each kill the journal is read as it was left, before the next life opens it: what can be read then must
be there at the end, unchanged, and on the topic under its own sequence (or, a repeated INFORM, under that of an equal one). One kill in
eight comes while the collector still starts. A trap that was on its way in a kill may be lost, be it read already or still in the socket:
sent = journaled + unheard (nobody listened, told by the kernel) + lost, and lost is a figure.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from aiokafka import TopicPartition

from collectors.journal import JournalReader
from collectors.trap.conservation import conservation
from pipeline import bus, wire
from pipeline.lab.config import inventory_dir
from tests.bench.bar import Bar
from tests.bench.kill_senders import SOURCE_SHIFT, SOURCES, key_of
from tests.support.embedded import embedded_broker, free_port

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 4
DEADLINE_S = 60.0
EARLY_EVERY = 8
SERIAL = (1 << SOURCE_SHIFT) - 1
SETTINGS = """\
data_dir: data
inventory_dir: {inventory}
metrics_port: {metrics}
broker: {{bootstrap: "{bootstrap}", partitions: {partitions}}}
traps: {{listen: ["127.0.0.1:{port}"], allow: [127.20.0.0/16], segment_bytes: 1048576, guard: {{enabled: false}}}}
"""
"""Small segments, so that some kills fall into the change from one to the next; no guard, so that every trap is published as itself."""


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar: how many journaled datagrams were lost in ``--kills`` kills."""
    parser = argparse.ArgumentParser(prog="receiver-kills")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rate", type=float, default=3_000.0, help="traps/s")
    parser.add_argument("--informs", type=float, default=300.0, help="INFORMs/s, each sent until it is answered")
    parser.add_argument("--seed", type=int, default=20_261_125)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=os.environ.get("ASSURE_BENCH_DIR")) as folder:
        yield _run(Path(folder), options.kills, options.rate, options.informs, random.Random(options.seed))


def _run(folder: Path, kills: int, rate: float, informs: float, dice: random.Random) -> Bar:
    with embedded_broker(folder / "broker") as server:
        asyncio.run(bus.create_topics(server.bootstrap, partitions=PARTITIONS, replication=1))
        lives = Lives(folder, server.bootstrap)
        with _sender("traps", lives.port, rate, folder) as traps, _sender("informs", lives.port, informs, folder) as asking:
            began = time.perf_counter()
            for kill in range(1, kills + 1):
                lives.live_and_die(dice, early=kill % EARLY_EVERY == 0)
                if kill % max(kills // 10, 1) == 0:
                    lives.tell(kill, time.perf_counter() - began)
            with lives.born() as last:
                told = _ended(traps)
                asked = _ended(asking)
                lives.until_drained()
                lives.end(last)
        lives.read_on()
        topic = asyncio.run(_published(server.bootstrap))
    return _bar(lives, topic, told, asked, kills, rate)


@dataclass(slots=True)
class Lives:
    """The collector's lives one after the other, on one port and one journal, and what the journal held after each.

    ``keys`` is by sequence, the first one's at 0. ``newest`` has, for each life, the highest serial of each sender of traps by then,
    ``grew`` whether it journaled anything.
    """

    folder: Path
    bootstrap: str
    port: int = 0
    keys: "array[int]" = field(default_factory=lambda: array("Q"))
    newest: list[list[int]] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)
    grew: list[bool] = field(default_factory=list)
    early: int = 0

    def __post_init__(self) -> None:
        self.port = _free_udp_port()
        settings = SETTINGS.format(
            inventory=inventory_dir(), metrics=free_port(), bootstrap=self.bootstrap, partitions=PARTITIONS, port=self.port
        )
        (self.folder / "assure.yaml").write_text(settings)

    @property
    def journal(self) -> Path:
        return self.folder / "data" / "journal" / "trap-1"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        """A new life, from its first instruction on; nothing of it is left behind."""
        command = [sys.executable, "-m", "pipeline", "run", "traps", "--config", str(self.folder / "assure.yaml")]
        with self.log.open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def born(self) -> Iterator[subprocess.Popen[bytes]]:
        """A new life that listens. Raises ``AssertionError`` with the end of its log when it does not come to that by itself."""
        began = time.perf_counter()
        with self.started() as process:
            while not _bound(self.port):
                assert process.poll() is None, f"the collector did not start again:\n{self.log.read_text()[-3_000:]}"
                assert time.perf_counter() - began < DEADLINE_S, f"the collector does not listen:\n{self.log.read_text()[-3_000:]}"
                time.sleep(0.01)
            self.starts_s.append(time.perf_counter() - began)
            yield process

    def live_and_die(self, dice: random.Random, *, early: bool) -> None:
        """One life that ends by SIGKILL at no moment in particular, and a look at what it left."""
        with self.started() if early else self.born() as process:
            typical_s = median(self.starts_s or [1.0])
            time.sleep(dice.uniform(0.3, 1.1) * typical_s if early else dice.uniform(0.05, 1.0))
            self.early += early and not _bound(self.port)
            self.rss_mb.append(_rss_max_mb(process.pid))
            process.kill()
        self.read_on()

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """The last life ends as ``assure`` ends it."""
        self.rss_mb.append(_rss_max_mb(process.pid))
        process.terminate()
        assert process.wait(DEADLINE_S) == 0, self.log.read_text()[-3_000:]

    def read_on(self) -> None:
        """Take in what came since the last look. Raises ``AssertionError`` when a sequence is missing."""
        before = len(self.keys)
        newest = list(self.newest[-1]) if self.newest else [0] * SOURCES
        for record in JournalReader(self.journal).read_from(len(self.keys) + 1):
            assert record.sequence == len(self.keys) + 1, f"sequence {len(self.keys) + 1} is missing, {record.sequence} comes next"
            key = key_of(record.payload)
            self.keys.append(key)
            sender = key >> SOURCE_SHIFT
            if sender <= SOURCES:
                newest[sender - 1] = max(newest[sender - 1], key & SERIAL)
        self.newest.append(newest)
        self.grew.append(len(self.keys) > before)

    def until_drained(self) -> None:
        """Return when everything in the journal is acknowledged by the broker."""
        deadline = time.monotonic() + DEADLINE_S
        while (told := conservation(self.journal))["waiting"] or not told["journaled"]:
            assert time.monotonic() < deadline, f"not drained: {told}"
            time.sleep(0.05)

    def changed(self) -> int:
        """How many sequences that were once read are no longer there, or are another datagram's."""
        now = {record.sequence: key_of(record.payload) for record in JournalReader(self.journal).read_from(1)}
        return sum(now.get(sequence) != key for sequence, key in enumerate(self.keys, start=1))

    def tell(self, kills: int, elapsed: float) -> None:
        print(
            f"receiver-kills: {kills} kills in {elapsed:.0f} s, {len(self.keys)} journaled, "
            f"{conservation(self.journal)['waiting']} waiting, RSS of a life at most {max(self.rss_mb):.0f} MB",
            flush=True,
        )


def _bar(lives: Lives, topic: "Topic", told: dict[str, float], asked: dict[str, float], kills: int, rate: float) -> Bar:
    journaled = {sequence for sequence, _ in enumerate(lives.keys, start=1)}
    in_journal = set(lives.keys)
    answered = _keys(lives.folder / "answered")
    published = set(topic.keys.values())
    unpublished = {sequence for sequence in journaled - set(topic.keys) if lives.keys[sequence - 1] not in published}
    wrong = sum(lives.keys[sequence - 1] != key for sequence, key in topic.keys.items() if sequence in journaled)
    unheard = _keys(lives.folder / "unheard")
    lost = _lost(in_journal, unheard, told["sent"])
    per_kill = Counter(bisect_left([newest[sender] for newest in lives.newest], serial) for sender, serial in lost)
    each = [per_kill[kill] for kill in range(kills) if lives.grew[kill]]
    unread = sum(per_kill[kill] for kill in range(kills) if not lives.grew[kill])
    mean, middle, most = len(lost) / kills, median(each or [0]), max(each, default=0)
    torn = lives.log.read_text().count("cut off ")
    traps = sum(key >> SOURCE_SHIFT <= SOURCES for key in lives.keys)
    print(
        f"receiver-kills traps: {told['sent']} sent = {traps} journaled + {len(unheard)} unheard + {len(lost)} lost; "
        f"a kill lost {mean:.1f}. "
        f"Of {len(each)} lives that had begun to read, half lost at most {middle:.0f} ({1000 * middle / rate:.1f} ms of the load), the "
        f"worst {most} ({1000 * most / rate:.1f} ms); in the sockets of the others {unread} waited"
    )
    print(
        f"receiver-kills informs: {asked['sent']} sent in {asked['transmissions']} datagrams, {asked['answered']} answered, "
        f"{len(lives.keys) - traps} journaled, {asked['answered-again']} answered again"
    )
    print(
        f"receiver-kills topic: {len(topic.keys)} sequences in {topic.values} values (the rest repeats), "
        f"{len(journaled - set(topic.keys)) - len(unpublished)} datagrams absorbed as repeats; {torn} torn tails cut off, "
        f"{lives.early} kills before it listened, listening again after {max(lives.starts_s):.1f} s at most"
    )
    assert len(in_journal & unheard) == 0, "heard, though the kernel said that nobody listened"
    assert traps + len(unheard) + len(lost) == told["sent"], "the sum of the traps does not hold"
    return Bar(
        "receiver-kills",
        len(unpublished) + len(set(topic.keys) - journaled) + wrong + lives.changed(),
        "lost",
        {
            "kills": kills,
            "journaled": len(journaled),
            "informs-sent": int(asked["sent"]),
            "informs-answered": int(asked["answered"]),
            "informs-lost": int(asked["sent"] - asked["answered"]) + len(answered - in_journal),
            "traps-lost-per-kill": mean,
            "traps-lost-median": middle,
            "rss-max-mb": max(lives.rss_mb),
            "rss-first-mb": lives.rss_mb[0],
        },
    )


def _lost(in_journal: set[int], unheard: set[int], sent: float) -> list[tuple[int, int]]:
    """(sender, serial) of the traps that are neither in the journal nor known to have found nobody."""
    each, more = divmod(int(sent), SOURCES)
    serials = ((sender, serial) for sender in range(SOURCES) for serial in range(1, each + (sender < more) + 1))
    keys = ((sender, serial, (sender + 1) << SOURCE_SHIFT | serial) for sender, serial in serials)
    return [(sender, serial) for sender, serial, key in keys if key not in in_journal and key not in unheard]


@dataclass(slots=True)
class Topic:
    """What is on ``raw.traps``: ``keys`` by sequence, out of ``values`` values. A sequence with two keys has none that is right."""

    keys: dict[int, int] = field(default_factory=dict)
    values: int = 0


async def _published(bootstrap: str) -> Topic:
    """Everything on the topic, to its end."""
    topic = Topic()
    async with bus.reader(bootstrap, wire.Topic.RAW_TRAPS, from_start=True) as client:
        places = [TopicPartition(wire.Topic.RAW_TRAPS.value, number) for number in range(PARTITIONS)]
        ends = await client.end_offsets(places)
        while any([await client.position(place) < ends[place] for place in places]):
            for messages in (await client.getmany(timeout_ms=500)).values():
                for message in messages:
                    _take(topic, message.value)
    return topic


def _take(topic: Topic, value: bytes) -> None:
    for trap in wire.decode(value):
        key = int.from_bytes(trap.varbinds[-1].value)
        topic.values += 1
        if topic.keys.setdefault(trap.sequence, key) != key:
            topic.keys[trap.sequence] = 0


@contextmanager
def _sender(kind: str, port: int, rate: float, folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.bench.kill_senders", kind, str(port), str(rate), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def _ended(sender: subprocess.Popen[str]) -> dict[str, float]:
    """Tell a sender to come to its end, and give its counts."""
    said, _ = sender.communicate()
    counts: dict[str, float] = json.loads(said)
    return counts


def _keys(path: Path) -> set[int]:
    keys = array("Q")
    keys.frombytes(path.read_bytes())
    return set(keys)


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _bound(port: int) -> bool:
    return f"0100007F:{port:04X} 00000000:0000" in Path("/proc/net/udp").read_text()


def _rss_max_mb(pid: int) -> float:
    """A process's largest resident set so far, MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1_024 / 1e6 for line in lines if line.startswith("VmHWM:")), 0.0)
