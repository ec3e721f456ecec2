-- Phone reviews say how sure it is that they were written on site, and the published rules judge them too. An applied
-- migration never changes: a later one does. Times are INTEGER milliseconds since 1970 (UTC).
--
-- Tables are built anew here, so this runs with foreign keys off.

-- Secrets of this portal that outlive a restart.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,               -- 'form': marks the forms that this portal gives out
    key  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What visitors sent from their phones. Nothing here says who they are: no name, no address, no device.
CREATE TABLE reviews_anew (
    id           TEXT PRIMARY KEY,       -- UUIDv7, so that it sorts by time
    status_code  TEXT NOT NULL UNIQUE,   -- ten Crockford symbols: with it the visitor sees what became of the review
    nonce        TEXT NOT NULL UNIQUE,   -- the random part of the form's mark: a form sent again changes this review
    place        TEXT NOT NULL REFERENCES places (code),
    organization TEXT NOT NULL REFERENCES organizations (code),  -- the place's, when the review came
    assurance    TEXT NOT NULL CHECK (assurance IN ('on_site', 'code', 'link')),
    step         INTEGER,                -- of the token the form was fetched with, of those on site
    network      BLOB,                   -- a digest under a key that is gone the next day; erased once it is a day old
    score        INTEGER NOT NULL CHECK (score BETWEEN 1 AND 5),
    flagged      INTEGER NOT NULL DEFAULT 0 CHECK (flagged IN (0, 1)),  -- an exclusion stands: it does not count
    comment      TEXT,                   -- at most 1,000 characters; personal data: never in a log
    service      TEXT,
    criteria     TEXT NOT NULL DEFAULT '{}',   -- JSON: {"courtesy": 4}
    reasons      TEXT NOT NULL DEFAULT '[]',   -- JSON array
    lang         TEXT NOT NULL,
    version      INTEGER NOT NULL DEFAULT 1,   -- raised by every change of the visitor's
    state        TEXT NOT NULL CHECK (state IN ('new', 'published', 'declined')),  -- of the comment
    reason       TEXT CHECK (reason IN ('personal-data', 'insult', 'advertising', 'off-topic', 'unclear', 'test')),
    decided_by   TEXT,                   -- the login of the moderator
    decided_at   INTEGER,
    created_at   INTEGER NOT NULL,
    photos       INTEGER NOT NULL DEFAULT 0,   -- how many came with it
    photos_shown INTEGER NOT NULL DEFAULT 0 CHECK (photos_shown IN (0, 1)),
    answer       TEXT,
    answer_lang  TEXT,
    answered_by  TEXT,                   -- the login
    answered_at  INTEGER,
    CHECK ((state = 'declined') = (reason IS NOT NULL)),
    CHECK ((assurance = 'on_site') >= (step IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- What was stored as proven stays so: this portal checked the token, which only the screen showed at that time, when the
-- review came. What is new since, the mark of the form, keeps programs from sending many; it says nothing against these.
-- All others become `code`: how they came, by a printed code or by a link, was not kept.
INSERT INTO reviews_anew (id, status_code, nonce, place, organization, assurance, score, comment, service, criteria,
    reasons, lang, state, reason, decided_by, decided_at, created_at, photos, photos_shown, answer, answer_lang,
    answered_by, answered_at)
SELECT id, status_code, nonce, place, organization, iif(on_site, 'on_site', 'code'), score, comment, service, criteria,
    reasons, lang, state, reason, decided_by, decided_at, created_at, photos, photos_shown, answer, answer_lang,
    answered_by, answered_at
FROM reviews;

DROP TABLE reviews;
ALTER TABLE reviews_anew RENAME TO reviews;

CREATE INDEX reviews_by_organization ON reviews (organization, flagged, assurance, score);
CREATE INDEX reviews_published ON reviews (organization, id) WHERE state = 'published';
CREATE INDEX reviews_to_read ON reviews (state, id) WHERE comment IS NOT NULL OR photos > 0;
CREATE INDEX reviews_with_waiting_photos ON reviews (photos) WHERE photos > 0 AND state = 'new';
-- What the rules look at.
CREATE INDEX reviews_on_site ON reviews (place, created_at) WHERE assurance = 'on_site';
CREATE INDEX reviews_by_network ON reviews (place, network, created_at) WHERE network IS NOT NULL;
CREATE INDEX reviews_by_step ON reviews (place, step, network) WHERE step IS NOT NULL;
CREATE INDEX reviews_with_network ON reviews (created_at) WHERE network IS NOT NULL;

-- What a review said before its visitor changed it, but for the comment: that is the visitor's to take back.
CREATE TABLE review_versions (
    review      TEXT NOT NULL REFERENCES reviews (id),
    version     INTEGER NOT NULL,
    score       INTEGER NOT NULL,
    service     TEXT,
    criteria    TEXT NOT NULL,
    reasons     TEXT NOT NULL,
    replaced_at INTEGER NOT NULL,
    PRIMARY KEY (review, version)
) STRICT, WITHOUT ROWID;

-- What the answers to one rating say together, with one reason more for declining.
CREATE TABLE answered_anew (
    terminal    INTEGER NOT NULL REFERENCES terminals (key),
    rating      TEXT NOT NULL,           -- the rating's event id; the rating may arrive later, or never
    service     TEXT,                    -- NULL: not mentioned; '': cleared
    criteria    TEXT NOT NULL,           -- JSON: {"courtesy": 4}
    reasons     TEXT NOT NULL,           -- JSON array
    comment     TEXT,                    -- personal data: never in a log
    id          TEXT NOT NULL,           -- of the comment: a UUIDv7 that sorts by the time it came
    state       TEXT NOT NULL CHECK (state IN ('new', 'published', 'declined')),  -- of the comment
    reason      TEXT CHECK (reason IN ('personal-data', 'insult', 'advertising', 'off-topic', 'unclear', 'test')),
    decided_by  TEXT,
    decided_at  INTEGER,
    created_at  INTEGER NOT NULL,
    answer      TEXT,
    answer_lang TEXT,
    answered_by TEXT,
    answered_at INTEGER,
    PRIMARY KEY (terminal, rating),
    CHECK ((state = 'declined') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO answered_anew SELECT terminal, rating, service, criteria, reasons, comment, id, state, reason, decided_by,
    decided_at, created_at, answer, answer_lang, answered_by, answered_at FROM answered;
DROP TABLE answered;
ALTER TABLE answered_anew RENAME TO answered;
CREATE INDEX answered_by_id ON answered (id);
CREATE INDEX answered_to_moderate ON answered (state, id) WHERE comment IS NOT NULL;

-- Why a rating on a terminal, or a review from a phone, does not count: one row for each rule that says so. Never
-- deleted; staff may reverse it and apply it again. `flagged` of the rating or the review is 1 while at least one that is
-- not reversed stands here.
CREATE TABLE exclusions_anew (
    number   INTEGER PRIMARY KEY,
    terminal INTEGER REFERENCES terminals (key),  -- of a rating, with its seq
    seq      INTEGER,
    review   TEXT REFERENCES reviews (id),        -- or of a review
    rule     TEXT NOT NULL,                       -- the name of a published rule; 'other' for one not known here
    found_by TEXT NOT NULL CHECK (found_by IN ('terminal', 'portal', 'moderator')),
    made_at  INTEGER NOT NULL,
    reversed INTEGER NOT NULL DEFAULT 0 CHECK (reversed IN (0, 1)),
    CHECK ((terminal IS NULL) = (seq IS NULL) AND (terminal IS NULL) <> (review IS NULL))
) STRICT;

INSERT INTO exclusions_anew (terminal, seq, rule, found_by, made_at, reversed)
SELECT terminal, seq, rule, found_by, made_at, reversed FROM exclusions ORDER BY made_at, terminal, seq, rule;

CREATE UNIQUE INDEX exclusions_by_rating ON exclusions_anew (terminal, seq, rule) WHERE terminal IS NOT NULL;
CREATE UNIQUE INDEX exclusions_by_review ON exclusions_anew (review, rule) WHERE review IS NOT NULL;

-- Who reversed an exclusion or applied it again, when and why. Never changed, never deleted.
CREATE TABLE exclusion_decisions_anew (
    number     INTEGER PRIMARY KEY,
    exclusion  INTEGER NOT NULL REFERENCES exclusions (number),
    reversed   INTEGER NOT NULL CHECK (reversed IN (0, 1)),
    reason     TEXT NOT NULL,            -- in words, or the key of a reason for declining
    decided_by TEXT NOT NULL,            -- the login
    decided_at INTEGER NOT NULL
) STRICT;

INSERT INTO exclusion_decisions_anew (number, exclusion, reversed, reason, decided_by, decided_at)
SELECT d.number, e.number, d.reversed, d.reason, d.decided_by, d.decided_at
FROM exclusion_decisions d JOIN exclusions_anew e ON e.terminal = d.terminal AND e.seq = d.seq AND e.rule = d.rule;

DROP TABLE exclusion_decisions;
DROP TABLE exclusions;
ALTER TABLE exclusions_anew RENAME TO exclusions;
ALTER TABLE exclusion_decisions_anew RENAME TO exclusion_decisions;
CREATE INDEX exclusions_by_time ON exclusions (reversed, made_at);
CREATE INDEX exclusion_decisions_by_exclusion ON exclusion_decisions (exclusion);
