"""Versions, metadata, topics and their settings, producer ids."""

from pipeline.embedded.broker import topics
from pipeline.embedded.broker.errors import Error, RefusedError
from pipeline.embedded.broker.handlers import NODE_ID, Body, Connection, Core
from pipeline.embedded.broker.log import StorageError
from pipeline.embedded.broker.messages import API_VERSIONS, APIS
from pipeline.embedded.broker.storage import Topic

_TRANSACTION = 1
_TOPIC = 2
_GIVEN, _DEFAULT = 1, 5
_NO_TRANSACTIONS = "the embedded broker has no transactions; leave transactional.id unset, or use Apache Kafka"


class AdminApi:
    """The handlers about the broker and its topics."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def api_versions(self, request: Body, _connection: Connection) -> Body:
        """Tell the versions spoken; a newer client than this is told so too, and asks again (KIP-511)."""
        keys = [{"api_key": api.key, "low": api.low, "high": api.high} for api in APIS.values()]
        known = request["version"] <= APIS[API_VERSIONS].high
        return {"error_code": Error.NONE if known else Error.UNSUPPORTED_VERSION, "api_keys": keys}

    async def metadata(self, request: Body, _connection: Connection) -> Body:
        """Describe this one broker and the topics asked for; a missing one is made unless the client forbids it."""
        names = request["topics"]
        everything = names is None or (names == [] and "allow_auto_topic_creation" not in request)
        found = [await self._describe(n, request) for n in (list(self._core.log.topics) if everything else names)]
        return {
            "brokers": [{"node_id": NODE_ID, **self._address()}],
            "cluster_id": "embedded",
            "controller_id": NODE_ID,
            "topics": found,
        }

    async def find_coordinator(self, request: Body, _connection: Connection) -> Body:
        """Name this broker for groups; refuse transactions, in words, with an error that no client retries."""
        if request.get("key_type") == _TRANSACTION:
            refused = Error.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            return {"error_code": refused, "error_message": _NO_TRANSACTIONS, "node_id": -1, "port": -1}
        return {"node_id": NODE_ID, **self._address()}

    async def init_producer_id(self, request: Body, _connection: Connection) -> Body:
        """Give an idempotent producer its id."""
        nobody = {"producer_id": -1, "producer_epoch": -1}
        if request["transactional_id"] is not None:
            return nobody | {"error_code": Error.TRANSACTIONAL_ID_AUTHORIZATION_FAILED}
        try:
            return {"producer_id": await self._core.writer.write(lambda t: t.new_producer_id()), "producer_epoch": 0}
        except StorageError:
            return nobody | {"error_code": Error.NOT_COORDINATOR}

    async def create_topics(self, request: Body, _connection: Connection) -> Body:
        """Make topics with their settings."""
        dry = bool(request.get("validate_only"))
        return {"topics": [await self._create(asked, dry=dry) for asked in request["topics"]]}

    async def delete_topics(self, request: Body, _connection: Connection) -> Body:
        """Remove topics; their space is freed in the background."""
        return {"topics": [{"name": name, "error_code": await self._delete(name)} for name in request["names"]]}

    async def describe_configs(self, request: Body, _connection: Connection) -> Body:
        """Tell the settings of topics; the broker itself has none to show."""
        return {"results": [self._configs(resource) for resource in request["resources"]]}

    def _address(self) -> Body:
        return {"host": self._core.config.host, "port": self._core.port}

    async def _describe(self, name: str, request: Body) -> Body:
        try:
            topic = self._core.log.topics.get(name)
            if topic is None and request.get("allow_auto_topic_creation", True):
                topic = await self._make(name, self._core.config.partitions, {})
        except RefusedError as error:
            return {"error_code": error.code, "name": name}
        except StorageError:
            return {"error_code": Error.UNKNOWN_TOPIC_OR_PARTITION, "name": name}
        if topic is None:
            return {"error_code": Error.UNKNOWN_TOPIC_OR_PARTITION, "name": name}
        here = {"leader": NODE_ID, "replicas": [NODE_ID], "isr": [NODE_ID]}
        return {"name": name, "partitions": [{"partition": p, **here} for p in range(topic.partitions)]}

    async def _make(self, name: str, partitions: int, config: dict[str, str], *, again: bool = True) -> Topic:
        topics.check_name(name)
        topics.check_config(config, self._core.config)
        return await self._core.writer.write(lambda t: (t.topic(name) if again else None) or t.create(name, partitions, config))

    async def _create(self, asked: Body, *, dry: bool) -> Body:
        name = asked["name"]
        config = {c["name"]: c["value"] for c in asked["configs"] if c["value"] is not None}
        try:
            partitions = self._partitions(asked)
            topics.check_name(name)
            topics.check_config(config, self._core.config)
            if dry:
                self._check_new(name)
            else:
                await self._make(name, partitions, config, again=False)
        except RefusedError as error:
            return {"name": name, "error_code": error.code, "error_message": str(error)}
        except StorageError as error:
            return {"name": name, "error_code": Error.KAFKA_STORAGE_ERROR, "error_message": str(error)}
        return {"name": name}

    def _check_new(self, name: str) -> None:
        if name in self._core.log.topics:
            raise RefusedError(Error.TOPIC_ALREADY_EXISTS, f"topic {name!r} exists already")

    def _partitions(self, asked: Body) -> int:
        if asked["assignments"]:
            return len(asked["assignments"])
        if asked["replication_factor"] not in {-1, 1}:
            raise RefusedError(Error.INVALID_REPLICATION_FACTOR, f"{asked['replication_factor']} copies on the one broker there is")
        count = self._core.config.partitions if asked["partitions"] == -1 else asked["partitions"]
        if count < 1:
            raise RefusedError(Error.INVALID_PARTITIONS, f"{count} partitions")
        return int(count)

    async def _delete(self, name: str) -> Error:
        try:
            await self._core.writer.write(lambda t: t.delete(name))
        except RefusedError as error:
            return error.code
        except StorageError:
            return Error.KAFKA_STORAGE_ERROR
        return Error.NONE

    def _configs(self, resource: Body) -> Body:
        kind, name, keys = resource["resource_type"], resource["name"], resource["keys"]
        answer: Body = {"resource_type": kind, "name": name}
        if kind != _TOPIC:
            return answer
        topic = self._core.log.topics.get(name)
        if topic is None:
            return answer | {"error_code": Error.UNKNOWN_TOPIC_OR_PARTITION}
        full = topics.full_config(topic, self._core.config)
        return answer | {"configs": [
            {"name": key, "value": value, "source": _GIVEN if given else _DEFAULT}
            for key, (value, given) in full.items()
            if keys is None or key in keys
        ]}  # fmt: skip
