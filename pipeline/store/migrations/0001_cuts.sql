-- What the sink has written, so that a replayed topic adds no row.
CREATE TABLE IF NOT EXISTS sink_cut (
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    epoch UInt32 COMMENT 'grows when the broker was found emptied and its offsets began again',
    first_offset UInt64 COMMENT 'first message of the cut',
    last_offset UInt64 COMMENT 'last message of the cut',
    first_timestamp_ms Int64 COMMENT 'broker timestamp of the first message (Unix ms): tells an emptied broker from a rewound group',
    owner String COMMENT 'the sink process that made the cut',
    cut_at DateTime64(3, 'UTC') COMMENT 'when the cut was made',
    is_done Bool COMMENT 'whether all of its rows are in; a cut that is not done is written again with the same boundaries',
    version UInt64 COMMENT 'order of cuts: ((epoch * 2^47) + last_offset) * 2 + is_done'
) ENGINE = ReplacingMergeTree(version) ORDER BY (topic, partition)
COMMENT 'last cut of each partition: its rows are written with tokens made of these boundaries';

CREATE TABLE IF NOT EXISTS quarantine_message (
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset',
    recorded_at DateTime64(3, 'UTC') COMMENT 'broker timestamp of the message',
    reason LowCardinality(String) COMMENT 'undecodable or handler-failed',
    detail String COMMENT 'what was wrong, in words' CODEC(ZSTD(3)),
    value String COMMENT 'the bytes of the message, in base64' CODEC(ZSTD(3))
) ENGINE = ReplacingMergeTree ORDER BY (topic, partition, offset)
PARTITION BY toYYYYMM(recorded_at)
TTL toDateTime(recorded_at) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'messages that the sink could not read';
