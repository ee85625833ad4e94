-- A poll that a trap's claim asked for is told from a turn of the schedule.
ALTER TABLE poll ADD COLUMN IF NOT EXISTS on_suspicion Bool DEFAULT false
    COMMENT 'true when a trap''s claim was asked back, false for a turn of the schedule';
