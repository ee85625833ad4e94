-- Who sent a v3 notification, and how it was protected (RFC 3411 section 3.4.3).
ALTER TABLE trap ADD COLUMN IF NOT EXISTS user LowCardinality(String)
    COMMENT 'SNMPv3 user; empty for v1 and v2c' AFTER authenticated;
ALTER TABLE trap ADD COLUMN IF NOT EXISTS security_level LowCardinality(String)
    COMMENT 'no-auth-no-priv, auth-no-priv or auth-priv; empty for v1 and v2c' AFTER user;
ALTER TABLE trap ADD COLUMN IF NOT EXISTS relaxed_clock Bool DEFAULT false
    COMMENT 'true when it was taken outside of its sender''s time window: it may be a replay, and confirms nothing' AFTER security_level;
