"""Answers become columns; what does not fit its column is refused, and nothing an agent says makes the decoder fail."""

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.poll.decode import chunks, decode, decode_table, oids_of
from pipeline import wire
from pipeline.core.profile import GENERIC, SYS_UPTIME
from pipeline.core.raw import PollOutcome, RawPoll, RawTable

OPER = "1.3.6.1.2.1.2.2.1.8"
OCTETS = "1.3.6.1.2.1.31.1.1.1.6"
ERRORS = "1.3.6.1.2.1.2.2.1.14"


def test_rows_and_columns_are_sorted_from_any_order() -> None:
    """A column has one value for each row that the agent showed; what it left out is missing."""
    found = decode(GENERIC, (1, 2, 3), {f"{OCTETS}.3": 2**64 - 1, SYS_UPTIME: 4711, f"{OPER}.1": 2, f"{OPER}.3": 1})
    assert (found.uptime_ticks, found.indexes, found.values, found.refused) == (4711, (1, 3), 3, 0)
    assert (found.columns["oper_status"], found.columns["in_octets"]) == ((2, 1), (None, 2**64 - 1))
    assert found.columns["in_errors"] == (None, None)


def test_value_of_the_wrong_type_or_size_is_refused_alone() -> None:
    """Text, fractions, truth values, negatives and what exceeds 32 bits are no Counter32; the row's other values stay."""
    for wrong in ("7", b"7", 7.0, True, -1, 2**32, None):
        found = decode(GENERIC, (1,), {SYS_UPTIME: 1, f"{ERRORS}.1": wrong, f"{OPER}.1": 1})
        assert (found.columns["in_errors"], found.columns["oper_status"], found.refused) == ((None,), (1,), 1)


def test_what_nobody_asked_for_is_refused() -> None:
    """Other instances and other tables have no column."""
    found = decode(GENERIC, (1,), {f"{OPER}.2": 1, "1.3.6.1.9": 5, SYS_UPTIME: 1})
    assert (found.indexes, found.columns, found.refused, found.is_empty) == ((), {}, 2, False)


def test_nothing_usable_is_empty() -> None:
    """Only then the poll has no answer."""
    assert decode(GENERIC, (1,), {}).is_empty
    assert decode(GENERIC, (1,), {SYS_UPTIME: b"x"}).is_empty
    assert not decode(GENERIC, (1,), {f"{OPER}.1": 1}).is_empty


def test_questions_hold_every_instance_once() -> None:
    """Chunks keep the order of rows; a device without interfaces is still asked one question."""
    oids = oids_of(GENERIC, range(1, 12))
    assert [oid for chunk in chunks(oids, 40) for oid in chunk] == list(oids)
    assert len(set(oids)) == 11 * len(GENERIC.columns)
    assert max(len(chunk) for chunk in chunks(oids, 40)) == 40
    assert list(chunks((), 40)) == [()]


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=8) | st.text(max_size=8)
NAMES = st.sampled_from([*oids_of(GENERIC, (1, 2, 9)), SYS_UPTIME]) | st.text(max_size=12)


@settings(deadline=None)
@given(answers=st.dictionaries(NAMES, VALUES, max_size=30))
def test_every_answer_is_accounted_for_and_can_be_published(answers: dict[str, object]) -> None:
    """Kept or refused, never lost; and what was kept always fits a message."""
    found = decode(GENERIC, (1, 2), answers)
    assert found.values + found.refused + (found.uptime_ticks is not None) == len(answers)
    assert {len(column) for column in found.columns.values()} <= {len(found.indexes)}
    poll = RawPoll("poll-1", 1, 1, "pe1", PollOutcome.ANSWERED, found.uptime_ticks, found.indexes, found.columns)
    assert wire.decode(wire.encode([poll])) == [poll]


TABLE = GENERIC.tables[0]
STATE, ADMIN = (column.oid for column in TABLE.columns)


def test_a_walk_becomes_rows_of_the_first_column() -> None:
    """What another column lacks is missing; refused are rows of another column alone, values that do not fit, names that are no index."""
    answers = {f"{STATE}.10.0.0.1": 6, f"{STATE}.10.0.0.2": b"six", f"{ADMIN}.10.0.0.1": 2, f"{ADMIN}.10.0.0.9": 2, f"{STATE}.x": 1}
    found = decode_table(TABLE, answers)
    assert found.table == RawTable(("10.0.0.1", "10.0.0.2"), {"peer_state": (6, None), "peer_admin_status": (2, None)})
    assert (found.values, found.refused) == (2, 3)


INDEXES = st.sampled_from(["10.0.0.1", "10.0.0.2", "", "1", "x", "1..2", "9" * 400])
WALKED = st.builds("{}.{}".format, st.sampled_from([STATE, ADMIN, "1.3.6.1"]), INDEXES) | st.text(max_size=12)


@settings(deadline=None)
@given(answers=st.dictionaries(WALKED, VALUES, max_size=20))
def test_every_value_of_a_walk_is_accounted_for_and_can_be_published(answers: dict[str, object]) -> None:
    """Kept or refused, never lost; and what was kept always fits a message."""
    found = decode_table(TABLE, answers)
    assert found.values + found.refused == len(answers)
    assert {len(column) for column in found.table.columns.values()} <= {len(found.table.indexes)}
    poll = RawPoll("poll-1", 1, 1, "pe1", PollOutcome.ANSWERED, 1, tables={TABLE.name: found.table}, on_suspicion=True)
    assert wire.decode(wire.encode([poll])) == [poll]
