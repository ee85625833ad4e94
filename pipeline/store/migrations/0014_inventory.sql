-- What was declared, at every time: each recording of the inventory holds the entries that differ from the one it follows.
CREATE TABLE IF NOT EXISTS inventory_entry (
    section LowCardinality(String) COMMENT 'list of the inventory that it is of: devices, links, services and so on',
    name String COMMENT 'the entry''s name, one in its section',
    content String COMMENT 'the entry as JSON without what has its default and without secrets; empty if it was taken out' CODEC(ZSTD(3)),
    source LowCardinality(String) COMMENT 'which source told of it; empty for what people wrote',
    confidence Float64 COMMENT 'how sure that source is, 0 to 1',
    valid_from Nullable(DateTime64(9, 'UTC')) COMMENT 'from when on it holds in the network; NULL is always',
    valid_until Nullable(DateTime64(9, 'UTC')) COMMENT 'until when it holds in the network; NULL is for ever',
    recorded_at DateTime64(9, 'UTC') COMMENT 'the recording it is of: when this was known',
    is_deleted Bool COMMENT 'whether it was taken out',
    version LowCardinality(String) COMMENT 'hash of the inventory that was recorded'
) ENGINE = ReplacingMergeTree ORDER BY (section, name, recorded_at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'what changed in the inventory, recording by recording; read it through inventory_entry_current or inventory_entry_history';

CREATE TABLE IF NOT EXISTS inventory_version (
    recorded_at DateTime64(9, 'UTC') COMMENT 'when it was known; names the recording',
    follows Nullable(DateTime64(9, 'UTC')) COMMENT 'recording that its entries are changes of; NULL for the first',
    version String COMMENT 'hash of the inventory, the one that incidents name',
    entries UInt64 COMMENT 'how many entries the inventory has',
    changed UInt64 COMMENT 'how many of them are new, changed or taken out'
) ENGINE = ReplacingMergeTree ORDER BY recorded_at
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'recordings of the inventory that are whole: written after their entries, so entries of a recording that is not here do not count';

CREATE VIEW IF NOT EXISTS inventory_entry_history AS
SELECT section, name, content, source, confidence, valid_from, valid_until, recorded_at, is_deleted, version,
    leadInFrame(toNullable(recorded_at)) OVER (
        PARTITION BY section, name ORDER BY recorded_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS recorded_until
FROM inventory_entry FINAL
WHERE recorded_at IN (SELECT recorded_at FROM inventory_version)
COMMENT 'every state of every entry, known from recorded_at until recorded_until (NULL: still)';

CREATE VIEW IF NOT EXISTS inventory_entry_current AS
SELECT section, name, content, source, confidence, valid_from, valid_until, recorded_at, version
FROM inventory_entry_history
WHERE recorded_until IS NULL AND NOT is_deleted
COMMENT 'the inventory as it was last recorded, one row for an entry; what holds at present: valid_from and valid_until around now()';
