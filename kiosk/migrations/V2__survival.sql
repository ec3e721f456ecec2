-- What a journal needs to survive damage and to stay small. See src/journal/mod.rs.

-- Events up to here were removed after their time; their absence needs no explanation.
ALTER TABLE chain ADD COLUMN removed_through INTEGER NOT NULL DEFAULT 0;

-- Each time the journal was rebuilt from damaged files, or found to have lost its end: what a person is told.
CREATE TABLE recoveries (
    id     INTEGER PRIMARY KEY,
    detail TEXT NOT NULL
) STRICT;

-- Seqs that are not in the journal and why that is known: lost, or never given out.
CREATE TABLE gaps (
    first_seq INTEGER PRIMARY KEY,
    last_seq  INTEGER NOT NULL CHECK (last_seq >= first_seq),
    recovery  INTEGER NOT NULL REFERENCES recoveries (id)
) STRICT;

-- When events were acknowledged: all up to `through` at the latest at `at_ms` (Unix time in ms, by the portal's clock).
-- One row a day.
CREATE TABLE marks (
    through INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL
) STRICT;

-- What is known of each boot: where it begins in the journal, and its clock (true time = up_ms + offset_ms).
CREATE TABLE boots_2 (
    boot      TEXT PRIMARY KEY,
    first_seq INTEGER,                            -- its first event; NULL where no event tells
    offset_ms INTEGER,                            -- NULL while nothing is known of its clock
    quality   TEXT CHECK (quality IN ('synced', 'portal', 'estimated')),
    CHECK ((offset_ms IS NULL) = (quality IS NULL))
) STRICT;
INSERT INTO boots_2 (boot, first_seq)
    SELECT json_extract(body, '$.boot') AS boot, min(seq) FROM events
    WHERE json_valid(body) AND json_type(body, '$.boot') = 'text' GROUP BY boot;
INSERT INTO boots_2 (boot, offset_ms, quality) SELECT boot, offset_ms, quality FROM boots WHERE true
    ON CONFLICT (boot) DO UPDATE SET offset_ms = excluded.offset_ms, quality = excluded.quality;
DROP TABLE boots;
ALTER TABLE boots_2 RENAME TO boots;
