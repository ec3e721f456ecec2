-- What visitors add to a score: merged per rating, and the same for reviews. An applied migration never changes: a later
-- one does. Times are INTEGER milliseconds since 1970 (UTC).

-- A terminal sends several answers for one rating, each with what has been given so far. What an answer does not mention
-- stays; what it gives empty is cleared: `reasons` is JSON null where it mentions none, `comment` and `service` are NULL.
ALTER TABLE answers ADD COLUMN service TEXT;

UPDATE answers SET reasons = 'null' WHERE NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.terminal = answers.terminal AND e.seq = answers.seq AND json_type(e.body, '$.reasons') = 'array');
UPDATE answers SET service = (
    SELECT json_extract(e.body, '$.service') FROM events e WHERE e.terminal = answers.terminal AND e.seq = answers.seq
    AND json_type(e.body, '$.service') = 'text');

-- What the answers to one rating say together: by seq the newest that mentions it, criterion by criterion.
CREATE TABLE answered (
    terminal   INTEGER NOT NULL REFERENCES terminals (key),
    rating     TEXT NOT NULL,            -- the rating's event id; the rating may arrive later, or never
    service    TEXT,                     -- NULL: not mentioned; '': cleared
    criteria   TEXT NOT NULL,            -- JSON: {"courtesy": 4}
    reasons    TEXT NOT NULL,            -- JSON array
    comment    TEXT,                     -- personal data: never in a log
    id         TEXT NOT NULL,            -- of the comment: a UUIDv7 that sorts by the time it came
    state      TEXT NOT NULL CHECK (state IN ('new', 'published', 'declined')),  -- of the comment
    reason     TEXT CHECK (reason IN ('personal-data', 'insult', 'advertising', 'off-topic', 'unclear')),
    decided_by TEXT,
    decided_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (terminal, rating),
    CHECK ((state = 'declined') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX answered_by_id ON answered (id);
CREATE INDEX answered_to_moderate ON answered (state, id) WHERE comment IS NOT NULL;

INSERT INTO answered (terminal, rating, service, criteria, reasons, comment, id, state, created_at)
SELECT g.terminal, g.rating,
    (SELECT a.service FROM answers a
     WHERE a.terminal = g.terminal AND a.rating = g.rating AND a.service IS NOT NULL ORDER BY a.seq DESC LIMIT 1),
    (SELECT json_group_object(key, score) FROM (
        SELECT j.key, j.value AS score, max(a.seq) FROM answers a, json_each(a.criteria) j
        WHERE a.terminal = g.terminal AND a.rating = g.rating GROUP BY j.key)),
    coalesce((SELECT a.reasons FROM answers a
     WHERE a.terminal = g.terminal AND a.rating = g.rating AND a.reasons <> 'null' ORDER BY a.seq DESC LIMIT 1), '[]'),
    nullif((SELECT a.comment FROM answers a
     WHERE a.terminal = g.terminal AND a.rating = g.rating AND a.comment IS NOT NULL ORDER BY a.seq DESC LIMIT 1), ''),
    printf('%08x-%04x', e.received_at >> 16, e.received_at & 65535) || substr(g.rating, 14), 'new', e.received_at
FROM (SELECT terminal, rating, min(seq) AS seq FROM answers GROUP BY terminal, rating) g
JOIN events e ON e.terminal = g.terminal AND e.seq = g.seq;

-- True for ratings that have a row in `answered`; `service` is the one of the answers where they mention one.
ALTER TABLE ratings ADD COLUMN answered INTEGER NOT NULL DEFAULT 0 CHECK (answered IN (0, 1));

UPDATE ratings SET answered = 1,
    service = nullif(coalesce((SELECT a.service FROM answered a
        WHERE a.terminal = ratings.terminal AND a.rating = ratings.event_id), service, ''), '')
WHERE EXISTS (SELECT 1 FROM answered a WHERE a.terminal = ratings.terminal AND a.rating = ratings.event_id);

CREATE INDEX ratings_answered ON ratings (organization) WHERE answered = 1;
CREATE INDEX ratings_by_service ON ratings (organization, service, score) WHERE service IS NOT NULL;

ALTER TABLE reviews ADD COLUMN service TEXT;
ALTER TABLE reviews ADD COLUMN criteria TEXT NOT NULL DEFAULT '{}';  -- JSON: {"courtesy": 4}
ALTER TABLE reviews ADD COLUMN reasons TEXT NOT NULL DEFAULT '[]';   -- JSON array

-- Every comment there is to read, and every review. A terminal's comment goes with its rating.
CREATE VIEW said AS
SELECT id, status_code, place, organization, channel, on_site, score, comment, lang, state, reason, created_at FROM reviews
UNION ALL
SELECT a.id, NULL, r.place, r.organization, 'terminal', 1, r.score, a.comment, r.lang, a.state, a.reason, a.created_at
FROM answered a JOIN ratings r ON r.terminal = a.terminal AND r.event_id = a.rating
WHERE a.comment IS NOT NULL AND r.withdrawn = 0 AND r.flagged = 0;
