-- What visitors are offered besides the score. An applied migration never changes: a later one does.

-- The organisation's own `services`, `questionnaire` and `announcements`, as the terminals' configuration has them
-- (JSON). A member that is missing is that of the organisation above.
ALTER TABLE organizations ADD COLUMN content TEXT NOT NULL DEFAULT '{}';
ALTER TABLE organizations ADD COLUMN content_version INTEGER NOT NULL DEFAULT 0;  -- raised by every change
