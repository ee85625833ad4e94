-- Claims: which month was claimed, and since when an evaluation is.
ALTER TABLE operation ADD COLUMN IF NOT EXISTS period LowCardinality(String)
    COMMENT 'of a claim: the month that is claimed, such as 2026-11' AFTER starts_at;
ALTER TABLE evaluation ADD COLUMN IF NOT EXISTS claimed_at Nullable(DateTime64(9, 'UTC'))
    COMMENT 'when a credit that is not automatic was claimed in time; NULL for not' AFTER claim_until;
