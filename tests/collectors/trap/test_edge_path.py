"""Whatever arrives becomes rows or is refused with a reason; the harness that says so sees a crash when there is one."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from collectors.journal import JournalRecord
from collectors.trap.decode import TrapDecoder
from pipeline.core.knowledge import Knowledge
from pipeline.core.reason import Reason
from tests.bench.fuzz import Edges, Run
from tests.support.datagrams import ADDRESS, OCTETS, Var, link_down, v2_trap
from tests.support.edge_path import OUR_ENGINE, EdgePath, packaged_knowledge
from tests.support.mutation import HOSTILE_TEXT, Mutator, Seed, seeds
from tests.support.usm import NOW, Sender, pdu

PLAIN_REASONS = (Reason.MALFORMED, Reason.TOO_LARGE, Reason.NOT_ALLOWED, Reason.UNSUPPORTED_VERSION)
V3_REASONS = (
    Reason.DECRYPTION_FAILED,
    Reason.DISCOVERY,
    Reason.NOT_IN_TIME_WINDOW,
    Reason.UNKNOWN_ENGINE,
    Reason.UNKNOWN_USER,
    Reason.WRONG_DIGEST,
)
SENDERS = ("127.20.0.1", "192.0.2.200", "2001:db8::1")


@pytest.fixture(scope="module")
def known() -> Knowledge:
    return packaged_knowledge()


def record(payload: bytes, source: str = SENDERS[0], sequence: int = 1) -> JournalRecord:
    return JournalRecord(sequence, NOW, source, payload)


def test_every_seed_and_4000_mutated_packets_become_rows_or_are_refused_with_a_reason(known: Knowledge, tmp_path: Path) -> None:
    dice = random.Random(20_261_125)
    begin = seeds(known.rules, known.mibs)
    mutator, path = Mutator(dice, begin), EdgePath(known, tmp_path)
    outcomes = Counter(path.carry(record(seed.payload)) for seed in begin)
    assert outcomes["decoded"] > len(known.mibs.notifications)
    for place in range(2, 4_002):
        outcomes[path.carry(record(mutator.packet(), dice.choice(SENDERS), place))] += 1
    assert outcomes["decoded"] > 200
    assert set(outcomes) >= {*PLAIN_REASONS, *V3_REASONS}


@pytest.mark.parametrize("text", HOSTILE_TEXT)
@pytest.mark.parametrize("name", ["1.3.6.1.2.1.31.1.1.1.1.5", "1.3.6.1.2.1.2.2.1.8.5", "1.3.6.1.2.1.15.3.1.14.10.0.0.1", "1.3.6.1.4.1.1"])
def test_hostile_text_is_shown_escaped_whatever_object_it_is_said_to_be(known: Knowledge, tmp_path: Path, name: str, text: bytes) -> None:
    assert EdgePath(known, tmp_path).carry(record(v2_trap(variables=[Var(name, OCTETS, text)]))) == "decoded"


def test_a_forwarders_word_takes_the_same_way(known: Knowledge, tmp_path: Path) -> None:
    forwarded = v2_trap(variables=[Var("1.3.6.1.6.3.18.1.3.0", ADDRESS, "127.20.0.1")])
    assert EdgePath(known, tmp_path).carry(record(forwarded, SENDERS[1])) == "decoded"


@pytest.mark.parametrize("protection", [{"auth": "", "priv": False}, {"priv": False}, {}], ids=["none", "digest", "cipher"])
@pytest.mark.parametrize("ours", [False, True], ids=["trap", "inform"])
def test_v3_takes_the_same_way_and_what_lies_under_digest_and_cipher_is_reached(
    known: Knowledge, tmp_path: Path, protection: dict[str, Any], ours: bool
) -> None:
    sender = Sender(**protection, **({"engine": OUR_ENGINE, "boots": 1, "time": 0, "reportable": True} if ours else {}))
    good = pdu(3, tag=0xA6 if ours else 0xA7)
    path = EdgePath(known, tmp_path)
    for _ in range(2):
        assert path.carry(record(sender.send(good))) == "decoded"
        path.forget()
    assert path.carry(record(sender.protect(sender.scoped(good[:2] + b"\x05" + good[3:])))) == Reason.MALFORMED


def test_the_same_dice_make_the_same_packets(known: Knowledge) -> None:
    begin = seeds(known.rules, known.mibs)
    first, second = (Mutator(random.Random(5), begin) for _ in range(2))
    assert [first.packet() for _ in range(300)] == [second.packet() for _ in range(300)]


def test_what_is_kept_for_mutation_is_bounded() -> None:
    mutator = Mutator(random.Random(1), [Seed(link_down(1))])
    for place in range(Mutator.MAX_KEPT + 50):
        mutator.keep(link_down(place + 1))
    mutator.keep(bytes(Mutator.MAX_KEPT_BYTES + 1))
    assert len(mutator.kept) == Mutator.MAX_KEPT
    assert all(len(seed.payload) <= Mutator.MAX_KEPT_BYTES for seed in mutator.kept)


def test_a_crash_is_counted_and_shown_with_its_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A decoder that breaks on one packet of the seeds is found out."""

    def broken(_: TrapDecoder, found: JournalRecord) -> None:
        raise IndexError(f"index out of range in {len(found.payload)} bytes")

    monkeypatch.setattr(TrapDecoder, "decode", broken)
    run = Run(seed=1)
    run.fuzz(packets=10, guide_every=2, folder=tmp_path)
    assert run.crashes.total() > 10
    assert run.outcomes == {"crashed": 10}
    said = capsys.readouterr().out
    assert "fuzz crash: IndexError at test_edge_path.py" in said
    assert said.count("fuzz crash") == 1


def test_new_ground_is_seen_once(known: Knowledge, tmp_path: Path) -> None:
    path, edges = EdgePath(known, tmp_path), Edges()
    path.carry(record(link_down(1)))  # at first sight it takes steps of its own
    for payload, new in ((link_down(1), True), (link_down(1), False), (b"\x30", True), (b"\x30", False)):
        with edges.watched():
            path.carry(record(payload))
        assert edges.grew() is new, payload
