-- Indexes that lists and figures are read from, in their order and no further than they are shown. An applied migration
-- never changes: a later one does.

-- Answers of an organisation, and its ratings by service. With what tells a rating that counts, each holds all that is
-- asked: without it the planner takes `ratings_by_organization`.
DROP INDEX ratings_answered;
DROP INDEX ratings_by_service;
CREATE INDEX ratings_answered ON ratings (organization, withdrawn, flagged, event_id) WHERE answered = 1;
CREATE INDEX ratings_by_service ON ratings (organization, withdrawn, flagged, service, score) WHERE service IS NOT NULL;

-- What moderators read, comments and photos alike.
DROP INDEX reviews_to_moderate;
DROP INDEX reviews_with_photos_to_moderate;
CREATE INDEX reviews_to_read ON reviews (state, id) WHERE comment IS NOT NULL OR photos > 0;

-- Reviews and terminals' comments are read apart, each by its own index, and put together afterwards: over a view of both
-- SQLite sorts everything there is for the first page.
DROP VIEW said;
