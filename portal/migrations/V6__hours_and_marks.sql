-- Opening hours, and keys of the ratchet on the way. An applied migration never changes: a later one does.

-- Keys of the seal ratchet at every so many seqs (the program says how many): whatever fills a gap or lies far ahead is
-- verified from the nearest one. `terminals.ratchet_key` is the furthest.
CREATE TABLE ratchet_marks (
    terminal INTEGER NOT NULL REFERENCES terminals (key),
    seq      INTEGER NOT NULL,
    key      BLOB    NOT NULL,           -- K of that seq, 32 bytes
    PRIMARY KEY (terminal, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO ratchet_marks (terminal, seq, key) SELECT key, ratchet_seq, ratchet_key FROM terminals WHERE ahead_seq IS NOT NULL;
UPDATE terminals SET ratchet_seq = ahead_seq, ratchet_key = ahead_key WHERE ahead_seq IS NOT NULL;
ALTER TABLE terminals DROP COLUMN ahead_seq;
ALTER TABLE terminals DROP COLUMN ahead_key;

-- Opening hours in the place's time zone, `mon,tue 08:30-17:30; sat 09:00-13:00`; empty: not known.
ALTER TABLE places ADD COLUMN hours TEXT NOT NULL DEFAULT '';
