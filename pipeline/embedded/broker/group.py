"""One consumer group as a state machine: who is a member, which generation, who owns what (KIP-62, KIP-394).

No sockets, no clock: time comes as an argument, in seconds on any steady clock, and a request that must wait gives a
number (`waiter`) under which its answer is returned later, perhaps by someone else's call.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from pipeline.embedded.broker.errors import Error


class State(Enum):
    """The states of a group, under Kafka's names."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"


class Signal(Enum):
    """What moves a group from state to state."""

    UNSETTLED = "a member came, changed or went"
    GATHERED = "every member has asked to join, or time is up"
    ASSIGNED = "the leader has given the assignment"
    DESERTED = "the last member went"


TRANSITIONS: dict[tuple[State, Signal], State] = {
    **{(state, Signal.UNSETTLED): State.PREPARING for state in State},
    **{(state, Signal.DESERTED): State.EMPTY for state in State},
    (State.EMPTY, Signal.GATHERED): State.EMPTY,
    (State.PREPARING, Signal.GATHERED): State.COMPLETING,
    (State.COMPLETING, Signal.GATHERED): State.COMPLETING,
    (State.STABLE, Signal.GATHERED): State.STABLE,
    (State.EMPTY, Signal.ASSIGNED): State.EMPTY,
    (State.PREPARING, Signal.ASSIGNED): State.PREPARING,
    (State.COMPLETING, Signal.ASSIGNED): State.STABLE,
    (State.STABLE, Signal.ASSIGNED): State.STABLE,
}


@dataclass(frozen=True)
class Limits:
    """Times in seconds: the first member's wait for others, and the session time-outs that are accepted."""

    rebalance_delay_s: float
    min_session_s: float
    max_session_s: float


@dataclass(frozen=True)
class Join:
    """A request to join.

    Attributes:
        member_id: Empty for a newcomer.
        owner: The connection it came by; its end is the member's end.
        two_step: A newcomer is first given its id and must ask again with it (JoinGroup version 4).
        protocols: (name, metadata) of each assignment protocol offered, best first.
    """

    member_id: str
    owner: int
    client_id: str
    client_host: str
    session_s: float
    rebalance_s: float
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]
    two_step: bool = False


@dataclass(frozen=True)
class Joined:
    """The answer to a join; only the leader is told the members, as (id, metadata)."""

    member_id: str
    error: Error = Error.NONE
    generation: int = -1
    protocol: str = ""
    leader: str = ""
    members: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Synced:
    """The answer to a sync: what the member is to read, in the clients' own encoding."""

    error: Error = Error.NONE
    assignment: bytes = b""


@dataclass(frozen=True)
class Reply:
    """An answer for whoever waits under that number."""

    waiter: int
    answer: Joined | Synced


@dataclass
class Member:
    """A member: what it asked, what it was given, what it waits for, and when its session ends."""

    id: str
    ask: Join
    expires_at: float
    owner: int
    assignment: bytes = b""
    joining: int | None = None
    syncing: int | None = None

    def metadata(self, protocol: str) -> bytes:
        """Return what the member said about itself for that protocol."""
        return dict(self.ask.protocols).get(protocol, b"")


@dataclass
class Group:
    """A consumer group; every method that takes `now` returns the answers that are due."""

    limits: Limits
    name_member: Callable[[str], str]
    generation: int
    state: State = State.EMPTY
    leader: str = ""
    protocol: str = ""
    protocol_type: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    _invited: dict[str, float] = field(default_factory=dict)
    _phase_ends_at: float = float("inf")
    _settling: bool = False

    def join(self, now: float, waiter: int, ask: Join) -> list[Reply]:
        """Take a member in, or again; the answer comes when the generation is complete."""
        refusal = self._refuse(ask)
        if refusal is not Error.NONE:
            return [Reply(waiter, Joined(ask.member_id, refusal))]
        replies = [] if ask.member_id else self._forget_forgotten(now, ask)
        if not ask.member_id and ask.two_step:
            return [*replies, Reply(waiter, Joined(self._invite(now, ask), Error.MEMBER_ID_REQUIRED))]
        member = self.members.get(ask.member_id)
        if member is not None and self._repeats(member, ask):
            member.owner, member.expires_at = ask.owner, now + ask.session_s
            return [Reply(waiter, self._joined(member))]
        return replies + self._admit(now, waiter, ask)

    def sync(self, now: float, waiter: int, owner: int, member_id: str, generation: int, given: dict[str, bytes]) -> list[Reply]:
        """Take the leader's assignment, or make a follower wait for it."""
        refusal = self.heartbeat(now, owner, member_id, generation)
        if refusal is not Error.NONE:
            return [Reply(waiter, Synced(refusal))]
        member = self.members[member_id]
        if self.state is State.STABLE:
            return [Reply(waiter, Synced(assignment=member.assignment))]
        replies = _dismiss(member.syncing, Synced(Error.REBALANCE_IN_PROGRESS))
        member.syncing = waiter
        return replies + (self._assign(now, given) if member_id == self.leader else [])

    def heartbeat(self, now: float, owner: int, member_id: str, generation: int) -> Error:
        """Prolong a session; the error tells the member to join again, or that it is none."""
        member = self.members.get(member_id)
        if member is None:
            return Error.UNKNOWN_MEMBER_ID
        if generation != self.generation:
            return Error.ILLEGAL_GENERATION
        member.owner, member.expires_at = owner, now + member.ask.session_s
        return Error.REBALANCE_IN_PROGRESS if self.state is State.PREPARING else Error.NONE

    def may_commit(self, now: float, owner: int, member_id: str, generation: int) -> Error:
        """Tell whether offsets may be committed: by a member of this generation, or by anyone while there is no member."""
        if generation < 0 and not self.members:
            return Error.NONE
        refusal = self.heartbeat(now, owner, member_id, generation)
        if refusal is Error.REBALANCE_IN_PROGRESS:
            return Error.NONE
        return Error.REBALANCE_IN_PROGRESS if self.state is State.COMPLETING and refusal is Error.NONE else refusal

    def leave(self, now: float, member_id: str) -> tuple[Error, list[Reply]]:
        """Let a member go."""
        if self._invited.pop(member_id, None) is not None:
            return Error.NONE, self._complete_if_gathered(now)
        if member_id not in self.members:
            return Error.UNKNOWN_MEMBER_ID, []
        return Error.NONE, self._lose(now, [member_id])

    def disconnect(self, now: float, owner: int) -> list[Reply]:
        """Let the members go whose connection ended: a killed process frees its partitions at once."""
        return self._lose(now, [m.id for m in self.members.values() if m.owner == owner])

    def tick(self, now: float) -> list[Reply]:
        """Do what is due: end sessions, and close a join or a sync that took too long."""
        self._invited = {name: at for name, at in self._invited.items() if at > now}
        replies = self._lose(now, [m.id for m in self.members.values() if _is_expired(m, now)])
        if now >= self._phase_ends_at and self.state is State.PREPARING:
            return replies + self._complete(now)
        if now >= self._phase_ends_at and self.state is State.COMPLETING:
            return replies + self._lose(now, [m.id for m in self.members.values() if m.syncing is None])
        return replies + self._complete_if_gathered(now)

    def next_deadline(self) -> float:
        """Return when `tick` is wanted next; infinity for never."""
        sessions = [m.expires_at for m in self.members.values() if m.joining is None and m.syncing is None]
        return min([self._phase_ends_at, *sessions, *self._invited.values()])

    def _refuse(self, ask: Join) -> Error:
        if not self.limits.min_session_s <= ask.session_s <= self.limits.max_session_s:
            return Error.INVALID_SESSION_TIMEOUT
        if ask.member_id and ask.member_id not in self.members and ask.member_id not in self._invited:
            return Error.UNKNOWN_MEMBER_ID
        others = [m for m in self.members.values() if m.id != ask.member_id]
        if not ask.protocols or (others and ask.protocol_type != self.protocol_type):
            return Error.INCONSISTENT_GROUP_PROTOCOL
        if others and not _common([ask, *(m.ask for m in others)]):
            return Error.INCONSISTENT_GROUP_PROTOCOL
        return Error.NONE

    def _forget_forgotten(self, now: float, ask: Join) -> list[Reply]:
        """Drop the member that a newcomer on the same connection was before it lost its id; nobody speaks for it any more."""
        return self._lose(now, [m.id for m in self.members.values() if m.owner == ask.owner])

    def _invite(self, now: float, ask: Join) -> str:
        name = self.name_member(ask.client_id)
        self._invited[name] = now + ask.session_s
        return name

    def _repeats(self, member: Member, ask: Join) -> bool:
        """Tell whether the member only lost our last answer: then it is given again, and nobody else is disturbed."""
        same = member.ask.protocols == ask.protocols
        follower = member.id != self.leader
        return same and (self.state is State.COMPLETING or (self.state is State.STABLE and follower))

    def _admit(self, now: float, waiter: int, ask: Join) -> list[Reply]:
        name = ask.member_id or self.name_member(ask.client_id)
        self._invited.pop(name, None)
        self.protocol_type = ask.protocol_type
        fresh = name not in self.members
        member = self.members.setdefault(name, Member(name, ask, now + ask.session_s, ask.owner))
        replies = _dismiss(member.joining, Joined(name, Error.REBALANCE_IN_PROGRESS))
        member.ask, member.owner, member.joining = ask, ask.owner, waiter
        member.expires_at = now + ask.session_s
        if fresh and self._settling:
            self._phase_ends_at = now + self.limits.rebalance_delay_s
        return replies + self._prepare(now)

    def _prepare(self, now: float) -> list[Reply]:
        before, self.state = self.state, TRANSITIONS[self.state, Signal.UNSETTLED]
        if before is State.PREPARING:
            return self._complete_if_gathered(now)
        self._settling = before is State.EMPTY
        longest = max(m.ask.rebalance_s for m in self.members.values())
        self._phase_ends_at = now + (self.limits.rebalance_delay_s if self._settling else longest)
        replies: list[Reply] = []
        for member in self.members.values():
            replies += _dismiss(member.syncing, Synced(Error.REBALANCE_IN_PROGRESS))
            member.syncing = None
        return replies + self._complete_if_gathered(now)

    def _complete_if_gathered(self, now: float) -> list[Reply]:
        waiting = self._invited or any(m.joining is None for m in self.members.values())
        if self.state is not State.PREPARING or self._settling or waiting:
            return []
        return self._complete(now)

    def _complete(self, now: float) -> list[Reply]:
        """End the join: who has not asked is out, the others make the next generation."""
        self._settling = False
        self.members = {m.id: m for m in self.members.values() if m.joining is not None}
        self.generation += 1
        if not self.members:
            return self._desert()
        self.state = TRANSITIONS[self.state, Signal.GATHERED]
        self._phase_ends_at = now + max(m.ask.rebalance_s for m in self.members.values())
        self.leader = self.leader if self.leader in self.members else next(iter(self.members))
        self.protocol = _elect([m.ask for m in self.members.values()])
        return [reply for m in self.members.values() for reply in self._welcome(now, m)]

    def _welcome(self, now: float, member: Member) -> list[Reply]:
        waiter, member.joining, member.assignment = member.joining, None, b""
        member.expires_at = now + member.ask.session_s
        return _dismiss(waiter, self._joined(member))

    def _joined(self, member: Member) -> Joined:
        roster = tuple((m.id, m.metadata(self.protocol)) for m in self.members.values())
        members = roster if member.id == self.leader else ()
        return Joined(member.id, Error.NONE, self.generation, self.protocol, self.leader, members)

    def _assign(self, now: float, given: dict[str, bytes]) -> list[Reply]:
        self.state = TRANSITIONS[self.state, Signal.ASSIGNED]
        self._phase_ends_at = float("inf")
        replies: list[Reply] = []
        for member in self.members.values():
            member.assignment = given.get(member.id, b"")
            if member.syncing is not None:
                member.expires_at = now + member.ask.session_s
            replies += _dismiss(member.syncing, Synced(assignment=member.assignment))
            member.syncing = None
        return replies

    def _lose(self, now: float, names: Iterable[str]) -> list[Reply]:
        replies: list[Reply] = []
        gone = [self.members.pop(name) for name in names]
        for member in gone:
            replies += _dismiss(member.joining, Joined(member.id, Error.UNKNOWN_MEMBER_ID))
            replies += _dismiss(member.syncing, Synced(Error.UNKNOWN_MEMBER_ID))
        if not gone:
            return replies
        if not self.members:
            self.generation += 1
            return replies + self._desert()
        return replies + self._prepare(now)

    def _desert(self) -> list[Reply]:
        self.state = TRANSITIONS[self.state, Signal.DESERTED]
        self.leader = self.protocol = ""
        self._settling, self._phase_ends_at = False, float("inf")
        return []


def _is_expired(member: Member, now: float) -> bool:
    return member.joining is None and member.syncing is None and now >= member.expires_at


def _dismiss(waiter: int | None, answer: Joined | Synced) -> list[Reply]:
    return [] if waiter is None else [Reply(waiter, answer)]


def _common(asks: list[Join]) -> list[str]:
    """Return the protocols that all offer, in the first one's order."""
    offers = [{name for name, _ in ask.protocols} for ask in asks]
    return [name for name, _ in asks[0].protocols if all(name in offer for offer in offers)]


def _elect(asks: list[Join]) -> str:
    """Return the protocol that most members like best among those that all offer."""
    common = set(_common(asks))
    votes = Counter(next(name for name, _ in ask.protocols if name in common) for ask in asks)
    return votes.most_common(1)[0][0]
