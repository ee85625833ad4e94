-- What was unusual, by which model, and when a link will be full.
CREATE TABLE IF NOT EXISTS anomaly (
    at DateTime64(9, 'UTC') COMMENT 'when it was measured',
    device LowCardinality(String) COMMENT 'the element it belongs to',
    resource String COMMENT 'what it is about, kind/name' CODEC(ZSTD(1)),
    kpi LowCardinality(String) COMMENT 'name of the indicator',
    observed Nullable(Float64) COMMENT 'the value, in the indicator''s unit' CODEC(ZSTD(1)),
    expected Nullable(Float64) COMMENT 'the value that was expected, in the indicator''s unit' CODEC(ZSTD(1)),
    lower Nullable(Float64) COMMENT 'least value that would have been usual; NULL where there is no bound' CODEC(ZSTD(1)),
    upper Nullable(Float64) COMMENT 'greatest value that would have been usual; NULL where there is no bound' CODEC(ZSTD(1)),
    score Nullable(Float64) COMMENT 'how unusual the value is: decades of rarity for the detector, the model''s own for a forest' CODEC(ZSTD(1)),
    feature LowCardinality(String) COMMENT 'in which way it is unusual',
    source LowCardinality(String) COMMENT 'detector (one series by itself) or forest (an element''s indicators together)',
    model LowCardinality(String) COMMENT 'version of the trained model; empty for the detector',
    collector LowCardinality(String) COMMENT 'the poll collector',
    sequence UInt64 COMMENT 'the poll''s place in that collector''s journal' CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree ORDER BY (device, kpi, resource, at, source)
PARTITION BY toYYYYMM(at)
TTL toDateTime(at) + INTERVAL 1 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'values that were unusual for their series or their element; an anomaly is never an outage';

CREATE TABLE IF NOT EXISTS model (
    name LowCardinality(String) COMMENT 'what it judges',
    version String COMMENT 'which of its trainings',
    trained_at DateTime64(9, 'UTC') COMMENT 'when it was trained',
    starts_at DateTime64(9, 'UTC') COMMENT 'it learned from what lies between this',
    held_from DateTime64(9, 'UTC') COMMENT 'and this, and was judged by what lies between this',
    ends_at DateTime64(9, 'UTC') COMMENT 'and this',
    devices UInt32 COMMENT 'elements it learned from',
    rows UInt64 COMMENT 'vectors it learned from',
    data_hash String COMMENT 'hash of what it learned from',
    score Float64 COMMENT 'average precision on what it did not see, 0 to 1',
    rival String COMMENT 'version that ran then; empty if none did',
    rival_score Nullable(Float64) COMMENT 'average precision of that one on the same, 0 to 1; NULL if there was none',
    decision String COMMENT 'what became of it, and why',
    is_running Bool COMMENT 'whether it judges at present',
    recorded_at DateTime64(3, 'UTC') COMMENT 'when this was written'
) ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (name, version)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'trained models; read it through model_current';

CREATE VIEW IF NOT EXISTS model_current AS SELECT * FROM model FINAL
COMMENT 'every version of every trained model, one row each; those that judge at present: is_running';

CREATE TABLE IF NOT EXISTS forecast (
    made_at DateTime64(9, 'UTC') COMMENT 'when it was made',
    name String COMMENT 'the link, or the interface device/name that is no link''s end',
    ends Array(String) COMMENT 'its interfaces, kind/name',
    customers Array(String) COMMENT 'who needs it',
    outlook LowCardinality(String) COMMENT 'already, passes, never or too-little-history',
    threshold Float64 COMMENT 'share of the speed that is to be passed, 0 to 1',
    value_now Float64 COMMENT 'busy-hour utilisation at present by the trend, 0 to 1',
    slope_per_day Float64 COMMENT 'how much it grows: share of the speed, value a day',
    slope_low Float64 COMMENT 'nine times of ten it grows by this value or more',
    slope_high Float64 COMMENT 'nine times of ten it grows by this value or less',
    days Nullable(Float64) COMMENT 'mean expectation of days until the threshold is passed; NULL is never or not known',
    days_low Nullable(Float64) COMMENT 'nine times of ten it takes this value or more, days; NULL is never or not known',
    days_high Nullable(Float64) COMMENT 'nine times of ten it takes this value or less, days; NULL is never or not known',
    sure LowCardinality(String) COMMENT 'high, medium or low',
    history_days UInt32 COMMENT 'how many days the trend is of',
    reason String COMMENT 'one sentence' CODEC(ZSTD(3))
) ENGINE = ReplacingMergeTree ORDER BY (name, made_at)
PARTITION BY toYYYYMM(made_at)
TTL toDateTime(made_at) + INTERVAL 3 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'when the busy hour of each link was expected to pass its threshold';

CREATE VIEW IF NOT EXISTS forecast_current AS SELECT * FROM forecast FINAL ORDER BY made_at DESC LIMIT 1 BY name
COMMENT 'the last forecast for each link, one row each; soonest first: ORDER BY days NULLS LAST';
