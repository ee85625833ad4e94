-- In a storm one notification stands for several of the same object.
ALTER TABLE trap ADD COLUMN IF NOT EXISTS repeats UInt32 DEFAULT 0
    COMMENT 'older notifications of the same object that it stands for: in a storm only the last is passed on' CODEC(ZSTD(1))
    AFTER agent_address;
