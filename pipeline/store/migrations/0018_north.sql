-- When an alarm's last word reached the store: what other systems are shown is kept in memory, and asks only for what is new.
ALTER TABLE alarm ADD COLUMN IF NOT EXISTS recorded_at DateTime64(3, 'UTC')
    COMMENT 'when this change reached the store; 1970 for what an earlier version wrote' CODEC(Delta, ZSTD(1));
DROP VIEW IF EXISTS alarm_mv;
CREATE MATERIALIZED VIEW IF NOT EXISTS alarm_mv TO alarm AS SELECT *, now64(3, 'UTC') AS recorded_at FROM alarm_change WHERE change != 'ignored';
