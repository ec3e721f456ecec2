-- Gaps, times with their uncertainty, rules and exclusions, uptime, and what reconciliation needs.
-- Times are INTEGER milliseconds since 1970 (UTC). An applied migration never changes: a later one does.

-- A gap may stay for ever (a terminal lost its journal). What comes behind it is verified from here, what fills it from
-- `ratchet_key`. Both NULL while there is no gap.
ALTER TABLE terminals ADD COLUMN ahead_seq INTEGER;
ALTER TABLE terminals ADD COLUMN ahead_key BLOB;

-- The terminal this one follows: the same machine under a former id, or the one that stood at its place. Its chain of
-- seals begins anew.
ALTER TABLE terminals ADD COLUMN follows INTEGER REFERENCES terminals (key);
CREATE INDEX terminals_by_predecessor ON terminals (follows) WHERE follows IS NOT NULL;
CREATE INDEX terminals_by_machine ON terminals (serial, model);
CREATE INDEX terminals_by_place ON terminals (place);

UPDATE terminals SET follows = (
    SELECT max(former.key) FROM terminals former
    WHERE former.serial = terminals.serial AND former.model = terminals.model AND former.key < terminals.key)
WHERE serial <> '';

-- Days are counted in the time zone of the place (a name of the IANA time zone database).
ALTER TABLE places ADD COLUMN timezone TEXT NOT NULL DEFAULT 'Asia/Bishkek';

-- When an event happened within its boot, read from the body where it says so. Not stored: computed when asked for.
ALTER TABLE events ADD COLUMN boot ANY AS (json_extract(body, '$.boot')) VIRTUAL;
ALTER TABLE events ADD COLUMN up_ms ANY AS (json_extract(body, '$.up_ms')) VIRTUAL;

-- What is known of each boot from what was heard of it, in events and status reports. It ran from the first moment heard
-- of to the last, so this is the terminal's uptime too.
CREATE TABLE boot_runs (
    terminal       INTEGER NOT NULL REFERENCES terminals (key),
    boot           TEXT NOT NULL,
    first_seq      INTEGER,              -- of its events; NULL while none has come
    last_seq       INTEGER,
    from_up_ms     INTEGER NOT NULL,     -- the first moment heard of, in milliseconds of this boot, …
    to_up_ms       INTEGER NOT NULL,     -- … and the last
    offset_ms      INTEGER,              -- the best there is: true time = up_ms + offset_ms; NULL: no idea
    quality        TEXT CHECK (quality IN ('synced', 'portal', 'estimated')),
    uncertainty_ms INTEGER,              -- the true time lies at most so far from that, either way
    PRIMARY KEY (terminal, boot)
) STRICT, WITHOUT ROWID;

CREATE INDEX boot_runs_undated ON boot_runs (terminal) WHERE offset_ms IS NULL AND first_seq IS NOT NULL;

INSERT INTO boot_runs (terminal, boot, first_seq, last_seq, from_up_ms, to_up_ms, offset_ms, quality, uncertainty_ms)
SELECT e.terminal, e.boot, min(e.seq), max(e.seq), min(e.up_ms), max(e.up_ms), b.offset_ms, b.quality,
    CASE b.quality WHEN 'synced' THEN 1000 WHEN 'portal' THEN 5000 END
FROM events e LEFT JOIN boots b ON b.terminal = e.terminal AND b.boot = e.boot
WHERE e.verdict = 'accepted' AND e.kind IN ('rating', 'answer', 'withdrawal', 'notice')
GROUP BY e.terminal, e.boot;

ALTER TABLE ratings ADD COLUMN uncertainty_ms INTEGER;  -- rated_at is right to so much; NULL: nothing is known
ALTER TABLE ratings ADD COLUMN x INTEGER;               -- where it was touched, per mille of the screen
ALTER TABLE ratings ADD COLUMN y INTEGER;

UPDATE ratings SET
    uncertainty_ms = CASE time_quality WHEN 'synced' THEN 1000 WHEN 'portal' THEN 5000 END,
    x = (SELECT json_extract(body, '$.x') FROM events e WHERE e.terminal = ratings.terminal AND e.seq = ratings.seq),
    y = (SELECT json_extract(body, '$.y') FROM events e WHERE e.terminal = ratings.terminal AND e.seq = ratings.seq);

-- A boot's ratings are found by their seq.
DROP INDEX ratings_with_doubtful_time;

-- Why a rating does not count: one row for each rule that says so. Never deleted; staff may reverse it and apply it again.
-- `ratings.flagged` is 1 while at least one that is not reversed stands here.
CREATE TABLE exclusions (
    terminal INTEGER NOT NULL REFERENCES terminals (key),
    seq      INTEGER NOT NULL,
    rule     TEXT NOT NULL,              -- repeat, burst, periodic, closed, position; 'other' for one not known here
    found_by TEXT NOT NULL CHECK (found_by IN ('terminal', 'portal')),
    made_at  INTEGER NOT NULL,
    reversed INTEGER NOT NULL DEFAULT 0 CHECK (reversed IN (0, 1)),
    PRIMARY KEY (terminal, seq, rule)
) STRICT, WITHOUT ROWID;

CREATE INDEX exclusions_by_time ON exclusions (reversed, made_at);

INSERT OR IGNORE INTO exclusions (terminal, seq, rule, found_by, made_at)
SELECT r.terminal, r.seq, iif(f.value IN ('repeat', 'burst', 'periodic', 'closed'), f.value, 'other'), 'terminal', e.received_at
FROM ratings r JOIN events e ON e.terminal = r.terminal AND e.seq = r.seq, json_each(r.flags) f;

-- Who reversed an exclusion or applied it again, when and why. Never changed, never deleted.
CREATE TABLE exclusion_decisions (
    number     INTEGER PRIMARY KEY,
    terminal   INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    rule       TEXT NOT NULL,
    reversed   INTEGER NOT NULL CHECK (reversed IN (0, 1)),
    reason     TEXT NOT NULL,
    decided_by TEXT NOT NULL,            -- the login
    decided_at INTEGER NOT NULL,
    FOREIGN KEY (terminal, seq, rule) REFERENCES exclusions (terminal, seq, rule)
) STRICT;

CREATE INDEX exclusion_decisions_by_rating ON exclusion_decisions (terminal, seq, rule);

-- What terminals said of themselves: boots, clocks set, journals recovered.
CREATE TABLE notices (
    terminal INTEGER NOT NULL REFERENCES terminals (key),
    seq      INTEGER NOT NULL,
    what     TEXT NOT NULL,
    detail   TEXT,
    PRIMARY KEY (terminal, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX notices_by_what ON notices (what, terminal, seq);

INSERT INTO notices (terminal, seq, what, detail)
SELECT terminal, seq, json_extract(body, '$.what'), json_extract(body, '$.detail')
FROM events WHERE kind = 'notice' AND verdict = 'accepted';

-- How many events were held when the report came: so much of what it calls pending has come since.
ALTER TABLE status_reports ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
