"""Whatever arrives becomes rows or is refused with a reason; the harness that says so sees a crash when there is one."""

import random
from collections import Counter

import pytest

from collectors.journal import JournalRecord
from collectors.trap.decode import TrapDecoder
from pipeline.core.knowledge import Knowledge
from pipeline.core.reason import Reason
from tests.bench.fuzz import Edges, Run
from tests.support.datagrams import ADDRESS, OCTETS, Var, link_down, v2_trap
from tests.support.edge_path import EdgePath, packaged_knowledge
from tests.support.mutation import HOSTILE_TEXT, Mutator, Seed, seeds
from tests.support.v3_frames import Sender, scoped_pdu, v3_message

SENDERS = ("127.20.0.1", "192.0.2.200", "2001:db8::1")


@pytest.fixture(scope="module")
def known() -> Knowledge:
    return packaged_knowledge()


def record(payload: bytes, source: str = SENDERS[0], sequence: int = 1) -> JournalRecord:
    return JournalRecord(sequence, 1_795_442_741_000_000_000, source, payload)


def test_every_seed_and_4000_mutated_packets_become_rows_or_are_refused_with_a_reason(known: Knowledge) -> None:
    dice = random.Random(20_261_125)
    begin = seeds(known.rules, known.mibs)
    mutator, path = Mutator(dice, begin), EdgePath(known)
    outcomes = Counter(path.carry(record(seed.payload)) for seed in begin)
    assert outcomes["decoded"] > len(known.mibs.notifications)
    for place in range(4_000):
        outcomes[path.carry(record(mutator.packet(), dice.choice(SENDERS), place))] += 1
    assert outcomes["decoded"] > 200
    assert set(outcomes) == {"decoded", Reason.MALFORMED, Reason.TOO_LARGE, Reason.NOT_ALLOWED, Reason.UNSUPPORTED_VERSION}


@pytest.mark.parametrize("text", HOSTILE_TEXT)
@pytest.mark.parametrize("name", ["1.3.6.1.2.1.31.1.1.1.1.5", "1.3.6.1.2.1.2.2.1.8.5", "1.3.6.1.2.1.15.3.1.14.10.0.0.1", "1.3.6.1.4.1.1"])
def test_hostile_text_is_shown_escaped_whatever_object_it_is_said_to_be(known: Knowledge, name: str, text: bytes) -> None:
    assert EdgePath(known).carry(record(v2_trap(variables=[Var(name, OCTETS, text)]))) == "decoded"


def test_a_forwarders_word_takes_the_same_way(known: Knowledge) -> None:
    forwarded = v2_trap(variables=[Var("1.3.6.1.6.3.18.1.3.0", ADDRESS, "127.20.0.1")])
    assert EdgePath(known).carry(record(forwarded, SENDERS[1])) == "decoded"


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
    known: Knowledge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A decoder that breaks on one packet of the seeds is found out."""

    def broken(_: TrapDecoder, found: JournalRecord) -> None:
        raise IndexError(f"index out of range in {len(found.payload)} bytes")

    monkeypatch.setattr(TrapDecoder, "decode", broken)
    run = Run(seed=1)
    run.fuzz(packets=10, guide_every=2)
    assert run.crashes.total() > 10
    assert run.outcomes == {"crashed": 10}
    said = capsys.readouterr().out
    assert "fuzz crash: IndexError at test_edge_path.py" in said
    assert said.count("fuzz crash") == 1


def test_new_ground_is_seen_once(known: Knowledge) -> None:
    path, edges = EdgePath(known), Edges()
    for payload, new in ((link_down(1), True), (link_down(1), False), (b"\x30", True), (b"\x30", False)):
        with edges.watched():
            path.carry(record(payload))
        assert edges.grew() is new, payload


def test_v3_messages_that_are_signed_differ_by_their_digest_alone() -> None:
    """The tests' own encoder: the digest is where RFC 3414 puts it, and depends on the password."""
    one, other = (
        v3_message(scoped_pdu(b"\xa7\x00"), Sender(b"operator", password)) for password in (b"a long password", b"another one!!!!")
    )
    differing = [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    assert 10 < len(differing) <= 24
    assert max(differing) - min(differing) < 24
