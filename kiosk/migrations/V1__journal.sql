-- The journal of one terminal identity. See src/journal/mod.rs for what is promised about it.

-- One row: where the chain stands.
CREATE TABLE chain (
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    terminal         TEXT,                        -- terminal id; NULL until the enrolment is approved
    next_seq         INTEGER NOT NULL,            -- seq of the next event
    ratchet          BLOB    NOT NULL,            -- K_next_seq, 32 bytes; overwritten by every append
    received_through INTEGER NOT NULL DEFAULT 0   -- the portal's acknowledgement: the upload cursor
) STRICT;

-- Append-only. The body is the canonical JSON (RFC 8785) that was sealed, readable by a person.
CREATE TABLE events (
    seq    INTEGER PRIMARY KEY,                   -- 1, 2, 3 … without gaps
    kind   TEXT NOT NULL,
    body   TEXT NOT NULL,
    seal   BLOB NOT NULL,                         -- 16 bytes
    fate   TEXT,                                  -- NULL: as the cursor says. 'held': the portal has it although the cursor
                                                  -- is behind. 'rejected': the portal rejected it for good. 'refused': the
                                                  -- portal will not take any batch it is in.
    reason TEXT                                   -- why it was rejected or refused
) STRICT;

-- Only events with a fate of their own are in it, so that an append does not touch it.
CREATE INDEX events_with_fate ON events (fate, seq) WHERE fate IS NOT NULL;

-- What is known of each boot's clock: wall time = up_ms + offset_ms.
CREATE TABLE boots (
    boot      TEXT PRIMARY KEY,
    offset_ms INTEGER NOT NULL,
    quality   TEXT NOT NULL CHECK (quality IN ('synced', 'portal', 'estimated'))
) STRICT;
