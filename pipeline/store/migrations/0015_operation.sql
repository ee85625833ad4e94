-- What people do: every operation with its answer, and on incidents who has taken charge, what was said, and how far it was escalated.
CREATE TABLE IF NOT EXISTS operation (
    id String COMMENT 'the operation, the same for every domain that it was for',
    domain LowCardinality(String) COMMENT 'correlation domain that answered',
    kind LowCardinality(String) COMMENT 'ack, unack, comment, close, shelve, un-shelve, window-add, window-extend, window-end or window-cancel',
    at DateTime64(9, 'UTC') COMMENT 'when it was given' CODEC(Delta, ZSTD(1)),
    operator LowCardinality(String) COMMENT 'who gave it: a person, or the name of an API token',
    via LowCardinality(String) COMMENT 'by which way: cli or api',
    target String COMMENT 'incident, alarm, resource or maintenance window' CODEC(ZSTD(1)),
    text String COMMENT 'the comment or the reason' CODEC(ZSTD(3)),
    until Nullable(DateTime64(9, 'UTC')) COMMENT 'end of a shelf or maintenance window; NULL for others',
    starts_at Nullable(DateTime64(9, 'UTC')) COMMENT 'start of a maintenance window; NULL for others',
    resources Array(String) COMMENT 'what a maintenance window is over, kind/name',
    outcome LowCardinality(String) COMMENT 'done or refused',
    reason LowCardinality(String) COMMENT 'why, in the words used everywhere',
    detail String COMMENT 'the same for people' CODEC(ZSTD(3)),
    answered_at DateTime64(9, 'UTC') COMMENT 'when the pipeline answered' CODEC(ZSTD(1)),
    INDEX by_target target TYPE bloom_filter(0.01) GRANULARITY 4
) ENGINE = ReplacingMergeTree ORDER BY (at, id, domain)
PARTITION BY toYYYYMM(at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'what people did, and what became of it';

ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS acknowledged_by LowCardinality(String)
    COMMENT 'who has taken charge of it; empty while nobody has';
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS acknowledged_at Nullable(DateTime64(9, 'UTC'))
    COMMENT 'since when; NULL while nobody has' CODEC(ZSTD(1));
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS `comments.at` Array(DateTime64(9, 'UTC'))
    COMMENT 'latest comments of people, oldest first: when' CODEC(ZSTD(1));
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS `comments.operator` Array(LowCardinality(String))
    COMMENT 'who' CODEC(ZSTD(1));
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS `comments.text` Array(String)
    COMMENT 'what' CODEC(ZSTD(3));
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS escalation UInt32
    COMMENT 'how often somebody further was told that nobody had acknowledged';
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS shelved String
    COMMENT 'why nobody is told of it: all its standing alarms are shelved; empty otherwise';
ALTER TABLE incident ADD COLUMN IF NOT EXISTS acknowledged_by LowCardinality(String)
    COMMENT 'who has taken charge of it; empty while nobody has';
ALTER TABLE incident ADD COLUMN IF NOT EXISTS acknowledged_at Nullable(DateTime64(9, 'UTC'))
    COMMENT 'since when; NULL while nobody has' CODEC(ZSTD(1));
ALTER TABLE incident ADD COLUMN IF NOT EXISTS `comments.at` Array(DateTime64(9, 'UTC'))
    COMMENT 'latest comments of people, oldest first: when' CODEC(ZSTD(1));
ALTER TABLE incident ADD COLUMN IF NOT EXISTS `comments.operator` Array(LowCardinality(String))
    COMMENT 'who' CODEC(ZSTD(1));
ALTER TABLE incident ADD COLUMN IF NOT EXISTS `comments.text` Array(String)
    COMMENT 'what' CODEC(ZSTD(3));
ALTER TABLE incident ADD COLUMN IF NOT EXISTS escalation UInt32
    COMMENT 'how often somebody further was told that nobody had acknowledged';
ALTER TABLE incident ADD COLUMN IF NOT EXISTS shelved String
    COMMENT 'why nobody is told of it: all its standing alarms are shelved; empty otherwise';

-- A view keeps the columns that it was made with; the materialized one takes what comes.
DROP VIEW IF EXISTS incident_current;
CREATE VIEW IF NOT EXISTS incident_current AS
SELECT *, transform(severity, [2, 3, 4, 5, 6], ['indeterminate', 'warning', 'minor', 'major', 'critical'], 'unknown') AS severity_name
FROM incident FINAL
COMMENT 'the last revision of every incident, one row each; open ones: state = ''open''';
