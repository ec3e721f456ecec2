-- Organisations, their places, the terminals that stand there, and what those hand in.
-- Times are INTEGER milliseconds since 1970 (UTC) unless a comment says otherwise. Identifiers are UUIDs as lower-case
-- TEXT. An applied migration never changes: a later one does.

-- An organisation or a unit below one.
CREATE TABLE organizations (
    code    TEXT PRIMARY KEY,
    parent  TEXT REFERENCES organizations (code),
    names   TEXT NOT NULL,               -- JSON: {"ky": "…", "ru": "…"}
    version INTEGER NOT NULL DEFAULT 1   -- raised by every change, so that terminals fetch their configuration anew
) STRICT;

CREATE INDEX organizations_by_parent ON organizations (parent);

-- Where a terminal stands or a poster hangs.
CREATE TABLE places (
    code             TEXT PRIMARY KEY,   -- short code in the QR address, Crockford base32, upper case
    organization     TEXT NOT NULL REFERENCES organizations (code),
    unit             TEXT,               -- the office or window within the organisation, free text
    name             TEXT NOT NULL,
    question         TEXT NOT NULL,      -- JSON by language; {} means the portal's own question
    languages        TEXT NOT NULL,      -- JSON array, first the one offered first
    default_language TEXT NOT NULL,
    presence_key     BLOB NOT NULL,      -- 32 random bytes shared with the terminal: proves who scanned on site
    version          INTEGER NOT NULL DEFAULT 1,
    created_at       INTEGER NOT NULL
) STRICT;

CREATE INDEX places_by_organization ON places (organization);

-- A terminal that was enrolled. `key` is the short internal name that events carry.
CREATE TABLE terminals (
    key              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    public_key       BLOB NOT NULL UNIQUE,          -- Ed25519, 32 bytes: all that is kept of a terminal's secret
    place            TEXT NOT NULL REFERENCES places (code),
    model            TEXT NOT NULL,
    serial           TEXT NOT NULL,
    software         TEXT NOT NULL,
    enrolled_at      INTEGER NOT NULL,
    retired_at       INTEGER,
    seen_at          INTEGER,                       -- the last signed request
    seal_key         BLOB NOT NULL,                 -- K1, 32 bytes
    ratchet_seq      INTEGER NOT NULL DEFAULT 1,    -- how far the ratchet has been turned, at most received_through + 1 …
    ratchet_key      BLOB NOT NULL,                 -- … and the key of that seq
    received_through INTEGER NOT NULL DEFAULT 0,    -- every event up to here is held
    held_through     INTEGER NOT NULL DEFAULT 0,    -- the highest seq held; above received_through where there is a gap
    accepted         INTEGER NOT NULL DEFAULT 0,
    rejected         INTEGER NOT NULL DEFAULT 0,
    unknown_kinds    INTEGER NOT NULL DEFAULT 0,    -- accepted events of a kind this portal does not know
    broken_seq       INTEGER,                       -- the first seq whose seal or content is not what it was, …
    broken_why       TEXT CHECK (broken_why IN ('changed', 'reordered', 'conflict'))  -- … and why
) STRICT;

-- Where a terminal stood since when, so that a rating that arrives late counts for the place it was given at.
CREATE TABLE placements (
    terminal INTEGER NOT NULL REFERENCES terminals (key),
    since    INTEGER NOT NULL,
    place    TEXT NOT NULL REFERENCES places (code),
    PRIMARY KEY (terminal, since)
) STRICT, WITHOUT ROWID;

-- One-time tokens for bulk set-up. Only the SHA-256 of a token is kept.
CREATE TABLE enrolment_tokens (
    hash       BLOB PRIMARY KEY,
    place      TEXT NOT NULL REFERENCES places (code),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_at   INTEGER,
    spent_by   BLOB                      -- the public key that spent it: it may repeat its request
) STRICT, WITHOUT ROWID;

-- Terminals that wait for a technician. Only the SHA-256 of a device code is kept.
CREATE TABLE enrolments (
    device_hash BLOB PRIMARY KEY,
    user_code   TEXT NOT NULL UNIQUE,    -- XXXX-XXXX, what the technician types
    public_key  BLOB NOT NULL,
    seal_key    BLOB NOT NULL,
    model       TEXT NOT NULL,
    serial      TEXT NOT NULL,
    software    TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    polled_at   INTEGER,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied')),
    decided_by  TEXT,                    -- the login of the technician
    terminal    INTEGER REFERENCES terminals (key)
) STRICT, WITHOUT ROWID;

CREATE INDEX enrolments_by_public_key ON enrolments (public_key);
CREATE INDEX enrolments_by_expiry ON enrolments (expires_at);

-- Every event as it came, rejected ones included. Never changed, never deleted.
CREATE TABLE events (
    terminal    INTEGER NOT NULL REFERENCES terminals (key),
    seq         INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    body        TEXT NOT NULL,           -- canonical JSON, unknown members included
    seal        BLOB NOT NULL,           -- 16 bytes
    verdict     TEXT NOT NULL CHECK (verdict IN ('accepted', 'malformed', 'seal')),
    detail      TEXT,                    -- why it was rejected, for a person
    received_at INTEGER NOT NULL,
    PRIMARY KEY (terminal, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX events_rejected ON events (terminal, seq) WHERE verdict <> 'accepted';

-- What is known of a terminal's boots: true time = up_ms + offset_ms.
CREATE TABLE boots (
    terminal  INTEGER NOT NULL REFERENCES terminals (key),
    boot      TEXT NOT NULL,
    offset_ms INTEGER NOT NULL,
    quality   TEXT NOT NULL CHECK (quality IN ('synced', 'portal', 'estimated')),
    PRIMARY KEY (terminal, boot)
) STRICT, WITHOUT ROWID;

-- The ratings among the accepted events, as they count.
CREATE TABLE ratings (
    terminal     INTEGER NOT NULL REFERENCES terminals (key),
    seq          INTEGER NOT NULL,
    event_id     TEXT NOT NULL,
    place        TEXT NOT NULL REFERENCES places (code),
    organization TEXT NOT NULL REFERENCES organizations (code),
    score        INTEGER NOT NULL CHECK (score BETWEEN 1 AND 5),
    lang         TEXT NOT NULL,
    input        TEXT NOT NULL,
    service      TEXT,
    flags        TEXT NOT NULL,          -- JSON array; a rating with flags is shown, not counted
    flagged      INTEGER NOT NULL CHECK (flagged IN (0, 1)),
    withdrawn    INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)),
    boot         TEXT NOT NULL,
    up_ms        INTEGER NOT NULL,
    rated_at     INTEGER NOT NULL,
    time_quality TEXT NOT NULL CHECK (time_quality IN ('synced', 'portal', 'estimated', 'unknown')),
                                         -- 'unknown': the boot's offset is not known; rated_at is when it was received
    PRIMARY KEY (terminal, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX ratings_by_event ON ratings (terminal, event_id);
CREATE INDEX ratings_by_organization ON ratings (organization, withdrawn, flagged, score);
CREATE INDEX ratings_with_doubtful_time ON ratings (terminal, boot) WHERE time_quality IN ('estimated', 'unknown');

-- What visitors added to a rating. The rating may arrive later than its answer, or never.
CREATE TABLE answers (
    terminal INTEGER NOT NULL REFERENCES terminals (key),
    seq      INTEGER NOT NULL,
    rating   TEXT NOT NULL,              -- the rating's event id
    criteria TEXT NOT NULL,              -- JSON: {"courtesy": 4}
    reasons  TEXT NOT NULL,              -- JSON array
    comment  TEXT,                       -- personal data: never in a log
    PRIMARY KEY (terminal, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX answers_by_rating ON answers (terminal, rating);

-- Ratings that visitors took back. Kept beside `ratings` because a withdrawal may arrive before its rating.
CREATE TABLE withdrawals (
    terminal INTEGER NOT NULL REFERENCES terminals (key),
    rating   TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (terminal, rating, seq)
) STRICT, WITHOUT ROWID;

-- The latest status report of each terminal, as it came.
CREATE TABLE status_reports (
    terminal    INTEGER PRIMARY KEY REFERENCES terminals (key),
    received_at INTEGER NOT NULL,
    report      TEXT NOT NULL            -- JSON
) STRICT;
