CREATE TABLE IF NOT EXISTS evaluation (
    id String COMMENT 'the evaluation',
    contract LowCardinality(String) COMMENT 'agreement',
    service LowCardinality(String) COMMENT 'service that was evaluated',
    customer LowCardinality(String) COMMENT 'whose it is',
    plan LowCardinality(String) COMMENT 'SLA plan',
    plan_version LowCardinality(String) COMMENT 'version of the plan',
    period LowCardinality(String) COMMENT 'calendar month, 2026-11, cut in timezone',
    timezone LowCardinality(String) COMMENT 'the customer''s IANA time zone',
    period_starts_at DateTime64(9, 'UTC') COMMENT 'start of the period',
    period_ends_at DateTime64(9, 'UTC') COMMENT 'end of the period',
    evaluated_at DateTime64(9, 'UTC') COMMENT 'when it was computed',
    counted_s UInt64 COMMENT 'seconds of outage that count',
    excluded_s UInt64 COMMENT 'seconds excluded as planned',
    unconfirmed_s UInt64 COMMENT 'seconds without confirmation, which never pay',
    denominator_s UInt64 COMMENT 'seconds that availability is a share of',
    availability Decimal(18, 8) COMMENT 'percent',
    target Decimal(18, 8) COMMENT 'percent, or seconds where the plan counts seconds',
    violated Bool COMMENT 'whether the target was missed',
    reason LowCardinality(String) COMMENT 'why, in the words used everywhere',
    credit_minor Int64 COMMENT 'credit owed, in minor units of currency (cents)',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    charge_minor Int64 COMMENT 'monthly charge of the service, in minor units of currency',
    `intervals.starts_at` Array(DateTime64(9, 'UTC')) COMMENT 'what was counted or excluded: from',
    `intervals.ends_at` Array(DateTime64(9, 'UTC')) COMMENT 'to',
    `intervals.outage` Array(String) COMMENT 'the outage it came from',
    `intervals.excluded` Array(String) COMMENT 'why it does not count; empty if it does',
    arithmetic Array(String) COMMENT 'lines that can be checked with a pocket calculator' CODEC(ZSTD(3)),
    outages Array(String) COMMENT 'outages that counted' CODEC(ZSTD(3)),
    metric LowCardinality(String) COMMENT 'what the plan promises, such as availability',
    revision UInt64 COMMENT 'counts re-ratings of the period',
    automatic Bool COMMENT 'false where the customer must claim the credit'
) ENGINE = ReplacingMergeTree(evaluated_at) ORDER BY (contract, service, metric, period, revision, id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'services held against their agreements for one month: the evidence of credits';

CREATE TABLE IF NOT EXISTS effect (
    key String COMMENT 'idempotency key: the same key is the same action',
    kind LowCardinality(String) COMMENT 'ticket-open, ticket-update, ticket-resolve, notify or credit',
    subject String COMMENT 'incident or contract whose effects keep their order',
    route LowCardinality(String) COMMENT 'receiver',
    decided_at DateTime64(9, 'UTC') COMMENT 'when it was decided',
    reason LowCardinality(String) COMMENT 'why',
    body String COMMENT 'what is to be said or done, JSON' CODEC(ZSTD(3))
) ENGINE = ReplacingMergeTree ORDER BY key
PARTITION BY toYYYYMM(decided_at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'intended outward actions';

CREATE TABLE IF NOT EXISTS receipt (
    key String COMMENT 'key of the effect',
    kind LowCardinality(String) COMMENT 'kind of the effect',
    subject String COMMENT 'incident or contract',
    route LowCardinality(String) COMMENT 'receiver',
    outcome LowCardinality(String) COMMENT 'delivered, refused or dead',
    at DateTime64(9, 'UTC') COMMENT 'when it ended',
    remote_id String COMMENT 'the other side''s name for it: a ticket number, a ledger entry',
    attempts UInt32 COMMENT 'tries that it took',
    detail String COMMENT 'what the other side said' CODEC(ZSTD(3))
) ENGINE = ReplacingMergeTree ORDER BY (key, at)
PARTITION BY toYYYYMM(at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'proof of what was done';

CREATE TABLE IF NOT EXISTS dead_letter (
    topic LowCardinality(String) COMMENT 'topic of the message that could not be handled',
    partition UInt32 COMMENT 'its partition',
    offset UInt64 COMMENT 'its offset',
    reason LowCardinality(String) COMMENT 'why',
    detail String COMMENT 'what was wrong, in words' CODEC(ZSTD(3)),
    at DateTime64(9, 'UTC') COMMENT 'when it was given up',
    key String COMMENT 'key of the message, in base64',
    value String COMMENT 'bytes of the message, in base64' CODEC(ZSTD(3))
) ENGINE = ReplacingMergeTree ORDER BY (topic, partition, offset)
PARTITION BY toYYYYMM(at)
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'messages that a stage could not handle, kept for replay';
