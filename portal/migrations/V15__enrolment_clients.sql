-- Who asked for an enrolment, so that nobody takes the places of others: a digest under a key that
-- ends with the program. No address is kept.
ALTER TABLE enrolments ADD COLUMN client BLOB;

-- What waits, or waited until a moment ago, by client and by the last sign of life.
CREATE INDEX enrolments_waiting ON enrolments (client, coalesce(polled_at, created_at)) WHERE state = 'pending';
