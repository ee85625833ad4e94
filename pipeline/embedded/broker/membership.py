"""Consumer groups and their committed offsets."""

from pipeline.embedded.broker.coordinator import Coordinator
from pipeline.embedded.broker.errors import Error
from pipeline.embedded.broker.group import Group, Join, State
from pipeline.embedded.broker.handlers import Body, Connection, Core
from pipeline.embedded.broker.log import StorageError
from pipeline.embedded.broker.transaction import Transaction

_TWO_STEPS_SINCE = 4
_DEAD = "Dead"


class MembershipApi:
    """The handlers of groups."""

    def __init__(self, core: Core, coordinator: Coordinator) -> None:
        self._core = core
        self._coordinator = coordinator

    async def join_group(self, request: Body, connection: Connection) -> Body:
        """Join; waits for the generation."""
        if not request["group"]:
            return {"error_code": Error.INVALID_GROUP_ID, "generation": -1}
        answer = await self._coordinator.join(request["group"], _join(request, connection))
        return {
            "error_code": answer.error, "generation": answer.generation, "protocol": answer.protocol,
            "leader": answer.leader, "member_id": answer.member_id,
            "members": [{"member_id": name, "metadata": metadata} for name, metadata in answer.members],
        }  # fmt: skip

    async def sync_group(self, request: Body, connection: Connection) -> Body:
        """Give the assignment, or wait for it."""
        given = {a["member_id"]: a["assignment"] for a in request["assignments"]}
        answer = await self._coordinator.sync(request["group"], connection.id, request["member_id"], request["generation"], given)
        return {"error_code": answer.error, "assignment": answer.assignment}

    async def heartbeat(self, request: Body, connection: Connection) -> Body:
        """Prolong a session."""
        error = self._coordinator.heartbeat(request["group"], connection.id, request["member_id"], request["generation"])
        return {"error_code": error}

    async def leave_group(self, request: Body, _connection: Connection) -> Body:
        """Let a member go."""
        return {"error_code": self._coordinator.leave(request["group"], request["member_id"])}

    async def offset_commit(self, request: Body, connection: Connection) -> Body:
        """Record positions durably, if the member may."""
        error = self._coordinator.may_commit(request["group"], connection.id, request["member_id"], request["generation"])
        if error is Error.NONE:
            try:
                await self._core.writer.write(lambda t: _commit(t, request))
            except StorageError:
                error = Error.NOT_COORDINATOR  # what Kafka makes of a storage error here; clients retry it
        return {"topics": [
            {"name": t["name"], "partitions": [
                {"partition": p["partition"], "error_code": self._commit_error(t["name"], p["partition"], error)}
                for p in t["partitions"]
            ]}
            for t in request["topics"]
        ]}  # fmt: skip

    async def offset_fetch(self, request: Body, _connection: Connection) -> Body:
        """Return positions; -1 where none was ever committed."""
        known = self._core.log.offsets(request["group"])
        asked = request["topics"]
        if asked is None:
            names = sorted({name for name, _ in known})
            asked = [{"name": n, "partitions": sorted(p for t, p in known if t == n)} for n in names]
        return {"topics": [
            {"name": t["name"], "partitions": [
                {"partition": p, "offset": known.get((t["name"], p), (-1, ""))[0],
                 "metadata": known.get((t["name"], p), (-1, ""))[1]}
                for p in t["partitions"]
            ]}
            for t in asked
        ]}  # fmt: skip

    async def list_groups(self, _request: Body, _connection: Connection) -> Body:
        """Name the groups that have members or positions."""
        live = {name: group.protocol_type for name, group in self._coordinator.groups.items() if group.members}
        names = dict.fromkeys(self._core.log.groups(), "") | live
        return {"groups": [{"group": name, "protocol_type": kind} for name, kind in names.items()]}

    async def describe_groups(self, request: Body, _connection: Connection) -> Body:
        """Tell members and what they read."""
        stored = set(self._core.log.groups())
        return {"groups": [self._describe(name, stored) for name in request["groups"]]}

    def _commit_error(self, name: str, part: int, error: Error) -> Error:
        if error is Error.NONE and self._core.place(name, part) is None:
            return Error.UNKNOWN_TOPIC_OR_PARTITION
        return error

    def _describe(self, name: str, stored: set[str]) -> Body:
        group = self._coordinator.groups.get(name)
        if group is None or (not group.members and name not in stored):
            state = State.EMPTY.value if name in stored else _DEAD
            return {"group": name, "state": state}
        return {
            "group": name, "state": group.state.value, "protocol_type": group.protocol_type,
            "protocol": group.protocol, "members": _members(group),
        }  # fmt: skip


def _join(request: Body, connection: Connection) -> Join:
    session_s = request["session_ms"] / 1000
    return Join(
        member_id=request["member_id"],
        owner=connection.id,
        client_id=connection.client_id,
        client_host=connection.host,
        session_s=session_s,
        rebalance_s=request["rebalance_ms"] / 1000 if "rebalance_ms" in request else session_s,
        protocol_type=request["protocol_type"],
        protocols=tuple((p["name"], p["metadata"]) for p in request["protocols"]),
        two_step=request["version"] >= _TWO_STEPS_SINCE,
    )


def _commit(transaction: Transaction, request: Body) -> None:
    for asked in request["topics"]:
        topic = transaction.topic(asked["name"])
        for p in asked["partitions"]:
            if topic is not None and 0 <= p["partition"] < topic.partitions:
                transaction.commit_offset(request["group"], topic.name, p["partition"], p["offset"], p["metadata"])


def _members(group: Group) -> list[Body]:
    return [
        {
            "member_id": m.id, "client_id": m.ask.client_id, "client_host": f"/{m.ask.client_host}",
            "metadata": m.metadata(group.protocol), "assignment": m.assignment,
        }
        for m in group.members.values()
    ]  # fmt: skip
