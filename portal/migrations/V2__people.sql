-- Staff, their sessions, and the reviews visitors leave with their own phones.
-- Times are INTEGER milliseconds since 1970 (UTC). An applied migration never changes: a later one does.

-- Who may sign in.
CREATE TABLE users (
    login         TEXT PRIMARY KEY,     -- lower case
    name          TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('technician', 'moderator', 'admin')),
    password_hash TEXT NOT NULL,        -- argon2id as a PHC string, its parameters included
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is signed in. Only the SHA-256 of a session's secret is kept, so a copy of this table opens no session.
CREATE TABLE sessions (
    hash       BLOB PRIMARY KEY,
    login      TEXT NOT NULL REFERENCES users (login) ON DELETE CASCADE,
    lang       TEXT,                    -- the language chosen since signing in
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- What visitors sent from their phones. Nothing here says who they are: no name, no address, no device.
CREATE TABLE reviews (
    id           TEXT PRIMARY KEY,      -- UUIDv7, so that it sorts by time
    status_code  TEXT NOT NULL UNIQUE,  -- ten Crockford symbols: with it the visitor sees what became of the review
    nonce        TEXT NOT NULL UNIQUE,  -- one per page view: a form sent twice counts once
    place        TEXT NOT NULL REFERENCES places (code),
    organization TEXT NOT NULL REFERENCES organizations (code),  -- the place's, when the review came
    channel      TEXT NOT NULL CHECK (channel IN ('phone', 'poster')),  -- opened with a presence token, or without
    on_site      INTEGER NOT NULL CHECK (on_site IN (0, 1)),            -- the token was a valid one
    score        INTEGER NOT NULL CHECK (score BETWEEN 1 AND 5),        -- counts at once
    comment      TEXT,                  -- at most 1,000 characters; personal data: never in a log
    lang         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('new', 'published', 'declined')),  -- of the comment
    reason       TEXT CHECK (reason IN ('personal-data', 'insult', 'advertising', 'off-topic', 'unclear')),
    decided_by   TEXT,                  -- the login of the moderator
    decided_at   INTEGER,
    created_at   INTEGER NOT NULL,
    CHECK ((state = 'declined') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX reviews_by_organization ON reviews (organization, channel, score);
CREATE INDEX reviews_to_moderate ON reviews (state, id) WHERE comment IS NOT NULL;
CREATE INDEX reviews_published ON reviews (organization, id) WHERE state = 'published';
