-- What the journal does not take on trust: that the disk kept everything, and that it keeps what no seal covers.

-- The newest event when the journal was opened, until the portal has answered since; NULL while nothing is in doubt.
-- Events behind it were never offered. See src/journal/tail.rs.
ALTER TABLE chain ADD COLUMN in_doubt_after INTEGER;

-- Numbers that no seal covers are written twice, the second time inverted: quick_check finds where they disagree.
CREATE TABLE boots_3 (
    boot      TEXT PRIMARY KEY,
    first_seq INTEGER,                            -- its first event; NULL where no event tells
    offset_ms INTEGER,                            -- NULL while nothing is known of its clock
    quality   TEXT CHECK (quality IN ('synced', 'portal', 'estimated')),
    twice     INTEGER GENERATED ALWAYS AS (~(coalesce(offset_ms, 0) + coalesce(first_seq, 0))) STORED,
    CHECK ((offset_ms IS NULL) = (quality IS NULL)),
    CHECK (twice IS ~(coalesce(offset_ms, 0) + coalesce(first_seq, 0)))
) STRICT;
INSERT INTO boots_3 (boot, first_seq, offset_ms, quality) SELECT boot, first_seq, offset_ms, quality FROM boots;
DROP TABLE boots;
ALTER TABLE boots_3 RENAME TO boots;

CREATE TABLE marks_3 (
    through INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    twice   INTEGER GENERATED ALWAYS AS (~(at_ms + through)) STORED,
    CHECK (twice IS ~(at_ms + through))
) STRICT;
INSERT INTO marks_3 (through, at_ms) SELECT through, at_ms FROM marks;
DROP TABLE marks;
ALTER TABLE marks_3 RENAME TO marks;
