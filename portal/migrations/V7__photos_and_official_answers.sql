-- Photos with reviews, and what the organisation answers. An applied migration never changes: a later one does.
-- Times are INTEGER milliseconds since 1970 (UTC).

ALTER TABLE reviews ADD COLUMN photos INTEGER NOT NULL DEFAULT 0;        -- how many came with it
ALTER TABLE reviews ADD COLUMN photos_shown INTEGER NOT NULL DEFAULT 0 CHECK (photos_shown IN (0, 1));

-- Photos as they were encoded anew: nothing but the picture is left of what the visitor sent. Personal data.
CREATE TABLE photos (
    review TEXT NOT NULL REFERENCES reviews (id),
    number INTEGER NOT NULL,             -- 1, 2
    width  INTEGER NOT NULL,             -- pixels
    height INTEGER NOT NULL,
    jpeg   BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX photos_by_review ON photos (review, number);
CREATE INDEX reviews_with_waiting_photos ON reviews (photos) WHERE photos > 0 AND state = 'new';
CREATE INDEX reviews_with_photos_to_moderate ON reviews (state, id) WHERE photos > 0;

-- What the organisation answers to a published comment.
ALTER TABLE reviews ADD COLUMN answer TEXT;
ALTER TABLE reviews ADD COLUMN answer_lang TEXT;
ALTER TABLE reviews ADD COLUMN answered_by TEXT;     -- the login
ALTER TABLE reviews ADD COLUMN answered_at INTEGER;
ALTER TABLE answered ADD COLUMN answer TEXT;
ALTER TABLE answered ADD COLUMN answer_lang TEXT;
ALTER TABLE answered ADD COLUMN answered_by TEXT;
ALTER TABLE answered ADD COLUMN answered_at INTEGER;

-- Every review, and every comment from a terminal with its rating. `to_read`: there is something for a moderator.
DROP VIEW said;
CREATE VIEW said AS
SELECT id, status_code, place, organization, channel, on_site, score, comment, lang, state, reason, created_at,
    photos, photos_shown, answer, answer_lang, answered_at, comment IS NOT NULL OR photos > 0 AS to_read
FROM reviews
UNION ALL
SELECT a.id, NULL, r.place, r.organization, 'terminal', 1, r.score, a.comment, r.lang, a.state, a.reason, a.created_at,
    0, 0, a.answer, a.answer_lang, a.answered_at, 1
FROM answered a JOIN ratings r ON r.terminal = a.terminal AND r.event_id = a.rating
WHERE a.comment IS NOT NULL AND r.withdrawn = 0 AND r.flagged = 0;
