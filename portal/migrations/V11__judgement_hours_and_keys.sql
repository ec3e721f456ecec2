-- The portal judges by itself: late withdrawals, ratings to be judged anew, hours with exceptions and calendars, what is
-- inherited from organisations, presence keys that change. An applied migration never changes: a later one does.
-- Times are INTEGER milliseconds since 1970 (UTC).

-- A withdrawal counts if it comes within 16 minutes of its rating, in the same boot (`pikir_contract::rules`).
ALTER TABLE withdrawals ADD COLUMN boot TEXT NOT NULL DEFAULT '';
ALTER TABLE withdrawals ADD COLUMN up_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE withdrawals ADD COLUMN applied INTEGER CHECK (applied IN (0, 1));  -- NULL: its rating has not come

UPDATE withdrawals SET (boot, up_ms) = (
    SELECT e.boot, e.up_ms FROM events e WHERE e.terminal = withdrawals.terminal AND e.seq = withdrawals.seq);
UPDATE withdrawals SET applied = (
    SELECT r.boot = withdrawals.boot AND withdrawals.up_ms - r.up_ms BETWEEN 0 AND 960000
    FROM ratings r WHERE r.terminal = withdrawals.terminal AND r.event_id = withdrawals.rating);
UPDATE ratings SET withdrawn = 0 WHERE withdrawn = 1 AND NOT EXISTS (
    SELECT 1 FROM withdrawals w WHERE w.terminal = ratings.terminal AND w.rating = ratings.event_id AND w.applied = 1);

CREATE INDEX withdrawals_late ON withdrawals (terminal) WHERE applied = 0;

-- What was given before and after a rating.
CREATE INDEX ratings_by_boot ON ratings (terminal, boot, up_ms);

-- Boots whose ratings are to be judged anew, because hours changed or the program did.
CREATE TABLE to_judge (
    terminal INTEGER NOT NULL REFERENCES terminals (key),
    boot     TEXT NOT NULL,
    PRIMARY KEY (terminal, boot)
) STRICT, WITHOUT ROWID;

INSERT INTO to_judge SELECT DISTINCT terminal, boot FROM ratings;

-- What an organisation says of its places; NULL (hours: empty) is that of the organisation above.
ALTER TABLE organizations ADD COLUMN timezone TEXT;
ALTER TABLE organizations ADD COLUMN languages TEXT;          -- JSON array
ALTER TABLE organizations ADD COLUMN default_language TEXT;
ALTER TABLE organizations ADD COLUMN hours TEXT NOT NULL DEFAULT '';
ALTER TABLE organizations ADD COLUMN calendar TEXT;           -- empty: none

-- A place's time zone and languages are its own, or follow those of its organisation. Those that were never given are the
-- former defaults.
ALTER TABLE places ADD COLUMN own_timezone INTEGER NOT NULL DEFAULT 1 CHECK (own_timezone IN (0, 1));
ALTER TABLE places ADD COLUMN own_languages INTEGER NOT NULL DEFAULT 1 CHECK (own_languages IN (0, 1));
ALTER TABLE places ADD COLUMN calendar TEXT;                  -- NULL: that of its organisation; empty: none

UPDATE places SET own_timezone = 0 WHERE timezone = 'Asia/Bishkek';
UPDATE places SET own_languages = 0 WHERE languages = '["ky","ru","en"]' AND default_language = 'ky';

-- Holidays, moved working days and short ones, by calendar.
CREATE TABLE calendar_days (
    calendar TEXT NOT NULL,
    date     TEXT NOT NULL,              -- 2027-01-07
    kind     TEXT NOT NULL CHECK (kind IN ('holiday', 'working', 'short')),
    names    TEXT NOT NULL,              -- JSON by language
    PRIMARY KEY (calendar, date)
) STRICT, WITHOUT ROWID;

-- Since when a place has its presence key, and which of its keys a terminal fetched last.
ALTER TABLE places ADD COLUMN presence_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE terminals ADD COLUMN presence_since INTEGER NOT NULL DEFAULT 0;

UPDATE places SET presence_since = created_at;
UPDATE terminals SET presence_since = (SELECT p.presence_since FROM places p WHERE p.code = terminals.place);

-- Keys before it, which count for as long as a terminal of the place may still show them.
CREATE TABLE former_presence_keys (
    place TEXT NOT NULL REFERENCES places (code),
    since INTEGER NOT NULL,
    key   BLOB NOT NULL,
    until INTEGER NOT NULL,              -- at the latest
    PRIMARY KEY (place, since)
) STRICT, WITHOUT ROWID;
