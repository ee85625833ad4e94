"""A consumer group is a state machine: its table is total, and no story of joins and losses leads it astray."""

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from pipeline.embedded.broker.errors import Error
from pipeline.embedded.broker.group import TRANSITIONS, Group, Join, Joined, Limits, Reply, Signal, State, Synced

LIMITS = Limits(rebalance_delay_s=0.2, min_session_s=6, max_session_s=1800)
RANGE = (("range", b"metadata"),)


class Story:
    """Drives a group with a clock of its own and collects the answers by who asked."""

    def __init__(self) -> None:
        names = itertools.count(1)
        self.group = Group(LIMITS, lambda client: f"{client}-{next(names)}", generation=0)
        self.now = 0.0
        self.answers: dict[int, Joined | Synced] = {}
        self._waiters = itertools.count()

    def take(self, replies: list[Reply]) -> None:
        self.answers |= {reply.waiter: reply.answer for reply in replies}

    def join(self, member_id: str = "", *, owner: int = 1, two_step: bool = False, session_s: float = 10,
             protocols: tuple[tuple[str, bytes], ...] = RANGE) -> int:  # fmt: skip
        waiter = next(self._waiters)
        ask = Join(member_id, owner, "me", "127.0.0.1", session_s, 30, "consumer", protocols, two_step)
        self.take(self.group.join(self.now, waiter, ask))
        return waiter

    def sync(self, member: str, given: dict[str, bytes] | None = None, *, owner: int = 1, generation: int | None = None) -> int:
        waiter = next(self._waiters)
        number = self.group.generation if generation is None else generation
        self.take(self.group.sync(self.now, waiter, owner, member, number, given or {}))
        return waiter

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.group.tick(self.now))

    def joined(self, waiter: int) -> Joined:
        answer = self.answers[waiter]
        assert isinstance(answer, Joined)
        return answer

    def synced(self, waiter: int) -> Synced:
        answer = self.answers[waiter]
        assert isinstance(answer, Synced)
        return answer

    def stable(self, members: int) -> list[str]:
        """Bring a group of that many members to rest and return them, the leader first."""
        waiters = [self.join(owner=n) for n in range(1, members + 1)]
        self.wait(0.3)
        names = [self.joined(w).member_id for w in waiters]
        leader = self.group.leader
        for owner, name in enumerate(names, 1):
            self.sync(name, {n: n.encode() for n in names} if name == leader else None, owner=owner)
        assert self.group.state is State.STABLE
        return sorted(names, key=lambda n: n != leader)


def test_the_lifecycle_says_what_every_signal_does_in_every_state() -> None:
    assert set(TRANSITIONS) == set(itertools.product(State, Signal))


def test_the_first_member_waits_a_little_for_others_and_then_leads() -> None:
    story = Story()
    first = story.join()
    assert first not in story.answers
    story.wait(0.3)
    answer = story.joined(first)
    assert (answer.error, answer.generation, answer.leader) == (Error.NONE, 1, answer.member_id)
    assert answer.members == ((answer.member_id, b"metadata"),)


def test_only_the_leader_is_told_the_members_and_followers_wait_for_its_assignment() -> None:
    story = Story()
    a, b = story.join(owner=1), story.join(owner=2)
    story.wait(0.3)
    leader, follower = story.joined(a), story.joined(b)
    assert (len(leader.members), follower.members) == (2, ())
    waiting = story.sync(follower.member_id, owner=2)
    assert waiting not in story.answers
    given = {leader.member_id: b"left", follower.member_id: b"right"}
    assert story.synced(story.sync(leader.member_id, given)).assignment == b"left"
    assert story.synced(waiting).assignment == b"right"


def test_a_newcomer_makes_the_others_join_again() -> None:
    story = Story()
    (member,) = story.stable(1)
    story.join(owner=2)
    assert story.group.heartbeat(story.now, 1, member, 1) is Error.REBALANCE_IN_PROGRESS
    again = story.join(member)
    assert story.joined(again).generation == 2


def test_a_follower_that_lost_its_answer_gets_it_again_and_disturbs_nobody() -> None:
    story = Story()
    _, follower = story.stable(2)
    generation = story.group.generation
    again = story.join(follower, owner=2)
    assert story.joined(again).generation == generation
    assert story.group.state is State.STABLE


def test_a_leader_that_joins_again_wants_a_new_assignment() -> None:
    story = Story()
    leader, _ = story.stable(2)
    story.join(leader, owner=1)
    assert story.group.state is State.PREPARING


def test_who_does_not_join_again_in_time_is_out() -> None:
    story = Story()
    leader, follower = story.stable(2)
    waiter = story.join(leader)
    for _ in range(4):
        story.wait(9)
        story.group.heartbeat(story.now, 2, follower, 1)
    assert list(story.group.members) == [leader]
    assert story.joined(waiter).generation == 2


def test_a_member_that_falls_silent_is_out_at_the_end_of_its_session() -> None:
    story = Story()
    leader, follower = story.stable(2)
    story.wait(9)
    story.group.heartbeat(story.now, 1, leader, story.group.generation)
    story.wait(2)
    assert follower not in story.group.members
    assert story.group.state is State.PREPARING


def test_a_closed_connection_ends_its_member_at_once() -> None:
    story = Story()
    leader, follower = story.stable(2)
    story.take(story.group.disconnect(story.now, owner=2))
    assert list(story.group.members) == [leader]
    assert story.group.heartbeat(story.now, 2, follower, 1) is Error.UNKNOWN_MEMBER_ID


def test_a_member_that_moved_to_another_connection_outlives_the_old_one() -> None:
    story = Story()
    (member,) = story.stable(1)
    story.group.heartbeat(story.now, 7, member, 1)
    story.take(story.group.disconnect(story.now, owner=1))
    assert list(story.group.members) == [member]


def test_a_client_that_forgot_who_it_was_does_not_leave_a_ghost() -> None:
    """It joins by the same connection without an id; nobody would answer for the old one until its session ended."""
    story = Story()
    (before,) = story.stable(1)
    story.join(owner=1)
    story.wait(0.3)
    assert before not in story.group.members
    assert len(story.group.members) == 1


def test_a_leader_lost_during_sync_makes_followers_join_again() -> None:
    story = Story()
    a, b = story.join(owner=1), story.join(owner=2)
    story.wait(0.3)
    assert story.joined(a).leader == story.joined(a).member_id
    waiting = story.sync(story.joined(b).member_id, owner=2)
    story.take(story.group.disconnect(story.now, owner=1))
    assert story.synced(waiting).error is Error.REBALANCE_IN_PROGRESS


def test_a_leader_that_never_syncs_is_out_when_time_is_up() -> None:
    story = Story()
    a, b = story.join(owner=1, session_s=100), story.join(owner=2, session_s=100)
    story.wait(0.3)
    story.sync(story.joined(b).member_id, owner=2)
    story.wait(31)
    assert story.joined(a).member_id not in story.group.members


def test_a_two_step_join_names_the_member_first() -> None:
    """KIP-394: a client that dies between its two requests leaves no member behind."""
    story = Story()
    invited = story.joined(story.join(two_step=True))
    assert (invited.error, bool(invited.member_id), story.group.members) == (Error.MEMBER_ID_REQUIRED, True, {})
    waiter = story.join(invited.member_id, two_step=True)
    story.wait(0.3)
    assert story.joined(waiter).member_id == invited.member_id


def test_the_protocol_is_the_one_most_members_like_best_among_those_all_offer() -> None:
    story = Story()
    x, y, z = ("x", b"x"), ("y", b"y"), ("z", b"z")
    for owner, offer in enumerate([(x, y), (y, x, z), (z, y, x)], 1):
        story.join(owner=owner, protocols=offer)
    story.wait(0.5)
    assert story.group.protocol == "y"


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ({"session_s": 1}, Error.INVALID_SESSION_TIMEOUT),
        ({"session_s": 3600}, Error.INVALID_SESSION_TIMEOUT),
        ({"member_id": "nobody"}, Error.UNKNOWN_MEMBER_ID),
        ({"protocols": ()}, Error.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocols": (("sticky", b""),)}, Error.INCONSISTENT_GROUP_PROTOCOL),
    ],
)
def test_who_does_not_fit_is_refused(ask: dict[str, object], expected: Error) -> None:
    story = Story()
    story.stable(1)
    assert story.joined(story.join(owner=2, **ask)).error is expected  # type: ignore[arg-type] # a table of arguments


@pytest.mark.parametrize(
    ("member", "generation", "expected"),
    [
        ("the member", 1, Error.NONE),
        ("the member", 0, Error.ILLEGAL_GENERATION),
        ("another", 1, Error.UNKNOWN_MEMBER_ID),
        ("", -1, Error.UNKNOWN_MEMBER_ID),
    ],
)
def test_only_a_member_of_this_generation_commits(member: str, generation: int, expected: Error) -> None:
    story = Story()
    (real,) = story.stable(1)
    assert story.group.may_commit(story.now, 1, real if member == "the member" else member, generation) is expected


def test_anyone_commits_while_a_group_is_empty() -> None:
    assert Story().group.may_commit(0, 1, "", -1) is Error.NONE


class AnyStory(RuleBasedStateMachine):
    """Members that come, stay, sync, fall silent, leave or lose their connection in any order."""

    members = Bundle("members")

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.owners = itertools.count(1)
        self.asked: set[int] = set()
        self.generations = [0]

    @rule(target=members)
    def come(self) -> tuple[int, int]:
        owner = next(self.owners)
        return owner, self.note(self.story.join(owner=owner))

    @rule(member=members)
    def join_again(self, member: tuple[int, int]) -> None:
        if (name := self.name(member)) is not None:
            self.note(self.story.join(name, owner=member[0]))

    @rule(member=members)
    def sync(self, member: tuple[int, int]) -> None:
        if (name := self.name(member)) is not None:
            self.note(self.story.sync(name, dict.fromkeys(self.story.group.members, b"x"), owner=member[0]))

    @rule(member=members)
    def leave(self, member: tuple[int, int]) -> None:
        if (name := self.name(member)) is not None:
            self.story.take(self.story.group.leave(self.story.now, name)[1])

    @rule(member=members)
    def disconnect(self, member: tuple[int, int]) -> None:
        self.story.take(self.story.group.disconnect(self.story.now, member[0]))

    @rule(seconds=st.sampled_from([0.1, 0.3, 5.0, 11.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.story.wait(seconds)

    def note(self, waiter: int) -> int:
        self.asked.add(waiter)
        return waiter

    def name(self, member: tuple[int, int]) -> str | None:
        answer = self.story.answers.get(member[1])
        return answer.member_id if isinstance(answer, Joined) else None

    @invariant()
    def an_empty_group_has_no_members_and_any_other_has(self) -> None:
        assert (self.story.group.state is State.EMPTY) == (not self.story.group.members)

    @invariant()
    def a_group_at_rest_has_a_leader_among_its_members(self) -> None:
        if self.story.group.state in {State.COMPLETING, State.STABLE}:
            assert self.story.group.leader in self.story.group.members

    @invariant()
    def generations_only_grow(self) -> None:
        self.generations.append(self.story.group.generation)
        assert self.generations[-2] <= self.generations[-1]

    @invariant()
    def who_waits_is_known_to_the_group_or_answered(self) -> None:
        members = self.story.group.members.values()
        waiting = {w for m in members for w in (m.joining, m.syncing) if w is not None}
        assert self.asked <= waiting | set(self.story.answers)

    @invariant()
    def something_is_due_while_anyone_is_there(self) -> None:
        if self.story.group.members:
            assert self.story.group.next_deadline() < float("inf")

    def teardown(self) -> None:
        """Left alone for long, the group answers everybody."""
        for _ in range(4):
            self.story.wait(100)
        assert self.asked <= set(self.story.answers)


TestAnyStory = AnyStory.TestCase
TestAnyStory.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
