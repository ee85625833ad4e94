"""Every request and response that the broker speaks, as tables.

Versions stop below the first flexible one of each API, and reach down to the oldest that Apache Kafka 4 still accepts
(KIP-896), so that current aiokafka, librdkafka and Java clients all find a version to talk. Where a later version only
adds leader epochs, static membership or transactions, the range stops earlier: a client then knows not to ask. Of
DescribeGroups, aiokafka 0.14 misreads version 3 when it describes several groups.
"""

from dataclasses import dataclass

from pipeline.embedded.broker.protocol import (
    BOOL,
    BYTES,
    INT8,
    INT16,
    INT32,
    INT64,
    TEXT,
    TEXT_OR_NULL,
    Array,
    Field,
    Struct,
)

API_VERSIONS = 18


@dataclass(frozen=True)
class Api:
    """One API: its key on the wire, its name (the handler's name too), the versions spoken, and both messages."""

    key: int
    name: str
    low: int
    high: int
    request: Struct
    response: Struct


def _each(*fields: Field) -> Array:
    return Array(Struct(*fields))


def _throttle(since: int = 0) -> Field:
    return Field("throttle_time_ms", INT32, since)


_ERROR = Field("error_code", INT16)
_PARTITION = Field("partition", INT32)
_NAME = Field("name", TEXT)

PRODUCE = Api(
    0, "produce", 3, 8,
    Struct(
        Field("transactional_id", TEXT_OR_NULL), Field("acks", INT16), Field("timeout_ms", INT32),
        Field("topics", _each(_NAME, Field("partitions", _each(_PARTITION, Field("records", BYTES))))),
    ),
    Struct(
        Field("topics", _each(_NAME, Field("partitions", _each(
            _PARTITION, _ERROR, Field("base_offset", INT64), Field("log_append_time_ms", INT64),
            Field("log_start_offset", INT64, 5),
            Field("record_errors", _each(Field("index", INT32), Field("message", TEXT_OR_NULL)), 8),
            Field("error_message", TEXT_OR_NULL, 8),
        )))),
        _throttle(),
    ),
)  # fmt: skip

FETCH = Api(
    1, "fetch", 4, 11,
    Struct(
        Field("replica_id", INT32), Field("max_wait_ms", INT32), Field("min_bytes", INT32), Field("max_bytes", INT32),
        Field("isolation_level", INT8), Field("session_id", INT32, 7), Field("session_epoch", INT32, 7),
        Field("topics", _each(_NAME, Field("partitions", _each(
            _PARTITION, Field("leader_epoch", INT32, 9), Field("offset", INT64),
            Field("log_start_offset", INT64, 5), Field("max_bytes", INT32),
        )))),
        Field("forgotten", _each(_NAME, Field("partitions", Array(INT32))), 7),
        Field("rack_id", TEXT, 11),
    ),
    Struct(
        _throttle(), Field("error_code", INT16, 7), Field("session_id", INT32, 7),
        Field("topics", _each(_NAME, Field("partitions", _each(
            _PARTITION, _ERROR, Field("high_watermark", INT64), Field("last_stable_offset", INT64),
            Field("log_start_offset", INT64, 5),
            Field("aborted", _each(Field("producer_id", INT64), Field("first_offset", INT64))),
            Field("preferred_read_replica", INT32, 11), Field("records", BYTES),
        )))),
    ),
)  # fmt: skip

LIST_OFFSETS = Api(
    2, "list_offsets", 1, 3,
    Struct(
        Field("replica_id", INT32), Field("isolation_level", INT8, 2),
        Field("topics", _each(_NAME, Field("partitions", _each(_PARTITION, Field("timestamp", INT64))))),
    ),
    Struct(
        _throttle(2),
        Field("topics", _each(_NAME, Field("partitions", _each(
            _PARTITION, _ERROR, Field("timestamp", INT64), Field("offset", INT64),
        )))),
    ),
)  # fmt: skip

METADATA = Api(
    3, "metadata", 0, 6,
    Struct(Field("topics", Array(TEXT, nullable=True)), Field("allow_auto_topic_creation", BOOL, 4)),
    Struct(
        _throttle(3),
        Field("brokers", _each(
            Field("node_id", INT32), Field("host", TEXT), Field("port", INT32), Field("rack", TEXT_OR_NULL, 1),
        )),
        Field("cluster_id", TEXT_OR_NULL, 2), Field("controller_id", INT32, 1),
        Field("topics", _each(
            _ERROR, _NAME, Field("is_internal", BOOL, 1),
            Field("partitions", _each(
                _ERROR, _PARTITION, Field("leader", INT32), Field("replicas", Array(INT32)), Field("isr", Array(INT32)),
                Field("offline_replicas", Array(INT32), 5),
            )),
        )),
    ),
)  # fmt: skip

OFFSET_COMMIT = Api(
    8, "offset_commit", 2, 5,
    Struct(
        Field("group", TEXT), Field("generation", INT32), Field("member_id", TEXT),
        Field("retention_ms", INT64, 2, 4),
        Field("topics", _each(_NAME, Field("partitions", _each(
            _PARTITION, Field("offset", INT64), Field("metadata", TEXT_OR_NULL),
        )))),
    ),
    Struct(_throttle(3), Field("topics", _each(_NAME, Field("partitions", _each(_PARTITION, _ERROR))))),
)  # fmt: skip

OFFSET_FETCH = Api(
    9, "offset_fetch", 1, 4,
    Struct(
        Field("group", TEXT),
        Field("topics", Array(Struct(_NAME, Field("partitions", Array(INT32))), nullable=True)),
    ),
    Struct(
        _throttle(3),
        Field("topics", _each(_NAME, Field("partitions", _each(
            _PARTITION, Field("offset", INT64), Field("metadata", TEXT_OR_NULL), _ERROR,
        )))),
        Field("error_code", INT16, 2),
    ),
)  # fmt: skip

FIND_COORDINATOR = Api(
    10, "find_coordinator", 0, 2,
    Struct(Field("key", TEXT), Field("key_type", INT8, 1)),
    Struct(
        _throttle(1), _ERROR, Field("error_message", TEXT_OR_NULL, 1),
        Field("node_id", INT32), Field("host", TEXT), Field("port", INT32),
    ),
)  # fmt: skip

JOIN_GROUP = Api(
    11, "join_group", 0, 4,
    Struct(
        Field("group", TEXT), Field("session_ms", INT32), Field("rebalance_ms", INT32, 1), Field("member_id", TEXT),
        Field("protocol_type", TEXT), Field("protocols", _each(_NAME, Field("metadata", BYTES))),
    ),
    Struct(
        _throttle(2), _ERROR, Field("generation", INT32), Field("protocol", TEXT), Field("leader", TEXT),
        Field("member_id", TEXT), Field("members", _each(Field("member_id", TEXT), Field("metadata", BYTES))),
    ),
)  # fmt: skip

HEARTBEAT = Api(
    12, "heartbeat", 0, 2,
    Struct(Field("group", TEXT), Field("generation", INT32), Field("member_id", TEXT)),
    Struct(_throttle(1), _ERROR),
)  # fmt: skip

LEAVE_GROUP = Api(
    13, "leave_group", 0, 2,
    Struct(Field("group", TEXT), Field("member_id", TEXT)),
    Struct(_throttle(1), _ERROR),
)  # fmt: skip

SYNC_GROUP = Api(
    14, "sync_group", 0, 2,
    Struct(
        Field("group", TEXT), Field("generation", INT32), Field("member_id", TEXT),
        Field("assignments", _each(Field("member_id", TEXT), Field("assignment", BYTES))),
    ),
    Struct(_throttle(1), _ERROR, Field("assignment", BYTES)),
)  # fmt: skip

DESCRIBE_GROUPS = Api(
    15, "describe_groups", 0, 2,
    Struct(Field("groups", Array(TEXT))),
    Struct(
        _throttle(1),
        Field("groups", _each(
            _ERROR, Field("group", TEXT), Field("state", TEXT), Field("protocol_type", TEXT), Field("protocol", TEXT),
            Field("members", _each(
                Field("member_id", TEXT), Field("client_id", TEXT), Field("client_host", TEXT),
                Field("metadata", BYTES), Field("assignment", BYTES),
            )),
        )),
    ),
)  # fmt: skip

LIST_GROUPS = Api(
    16, "list_groups", 0, 2,
    Struct(),
    Struct(_throttle(1), _ERROR, Field("groups", _each(Field("group", TEXT), Field("protocol_type", TEXT)))),
)  # fmt: skip

VERSIONS = Api(
    API_VERSIONS, "api_versions", 0, 2,
    Struct(),
    Struct(
        _ERROR, Field("api_keys", _each(Field("api_key", INT16), Field("low", INT16), Field("high", INT16))),
        _throttle(1),
    ),
)  # fmt: skip

CREATE_TOPICS = Api(
    19, "create_topics", 0, 4,
    Struct(
        Field("topics", _each(
            _NAME, Field("partitions", INT32), Field("replication_factor", INT16),
            Field("assignments", _each(_PARTITION, Field("brokers", Array(INT32)))),
            Field("configs", _each(_NAME, Field("value", TEXT_OR_NULL))),
        )),
        Field("timeout_ms", INT32), Field("validate_only", BOOL, 1),
    ),
    Struct(_throttle(2), Field("topics", _each(_NAME, _ERROR, Field("error_message", TEXT_OR_NULL, 1)))),
)  # fmt: skip

DELETE_TOPICS = Api(
    20, "delete_topics", 0, 3,
    Struct(Field("names", Array(TEXT)), Field("timeout_ms", INT32)),
    Struct(_throttle(1), Field("topics", _each(_NAME, _ERROR))),
)  # fmt: skip

INIT_PRODUCER_ID = Api(
    22, "init_producer_id", 0, 1,
    Struct(Field("transactional_id", TEXT_OR_NULL), Field("timeout_ms", INT32)),
    Struct(_throttle(), _ERROR, Field("producer_id", INT64), Field("producer_epoch", INT16)),
)  # fmt: skip

DESCRIBE_CONFIGS = Api(
    32, "describe_configs", 1, 3,
    Struct(
        Field("resources", _each(
            Field("resource_type", INT8), _NAME, Field("keys", Array(TEXT, nullable=True)),
        )),
        Field("include_synonyms", BOOL, 1), Field("include_documentation", BOOL, 3),
    ),
    Struct(
        _throttle(),
        Field("results", _each(
            _ERROR, Field("error_message", TEXT_OR_NULL), Field("resource_type", INT8), _NAME,
            Field("configs", _each(
                _NAME, Field("value", TEXT_OR_NULL), Field("read_only", BOOL), Field("source", INT8, 1),
                Field("is_sensitive", BOOL),
                Field("synonyms", _each(_NAME, Field("value", TEXT_OR_NULL), Field("source", INT8)), 1),
                Field("type", INT8, 3), Field("documentation", TEXT_OR_NULL, 3),
            )),
        )),
    ),
)  # fmt: skip

APIS: dict[int, Api] = {
    api.key: api
    for api in (
        PRODUCE, FETCH, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT,
        LEAVE_GROUP, SYNC_GROUP, DESCRIBE_GROUPS, LIST_GROUPS, VERSIONS, CREATE_TOPICS, DELETE_TOPICS,
        INIT_PRODUCER_ID, DESCRIBE_CONFIGS,
    )
}  # fmt: skip
