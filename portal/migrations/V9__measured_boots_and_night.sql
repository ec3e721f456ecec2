-- What the portal's own clock says of a boot, and when screens rest. An applied migration never changes: a later one does.

-- When the boot began by the best of its own requests (milliseconds since 1970): no offset that is told of this boot and
-- lies far from it is believed. NULL: it never sent anything itself, or not since this column is there.
ALTER TABLE boots ADD COLUMN measured_ms INTEGER;

-- When the screens of a place are dimmed, `20:00-07:00` in its time zone; empty: never.
ALTER TABLE places ADD COLUMN night TEXT NOT NULL DEFAULT '';
