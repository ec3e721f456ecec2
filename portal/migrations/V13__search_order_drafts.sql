-- What the first page and the search find. All of it follows from names and codes: where folding or the alphabets' order
-- changes, the program makes it anew.

-- Which way of folding and ordering the rows below were made with; no row: they are still to be made.
CREATE TABLE search_version (
    version INTEGER NOT NULL
) STRICT;

-- Folded words of an organisation's names, and its code.
CREATE TABLE words (
    word TEXT NOT NULL,
    code TEXT NOT NULL REFERENCES organizations (code),
    PRIMARY KEY (word, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX words_by_code ON words (code);

-- The same of places: name, unit, code.
CREATE TABLE place_words (
    word TEXT NOT NULL,
    code TEXT NOT NULL REFERENCES places (code),
    PRIMARY KEY (word, code)
) STRICT, WITHOUT ROWID;

-- Where an organisation stands in lists, by the alphabet of each language of the pages.
CREATE TABLE name_order (
    lang     TEXT NOT NULL,
    parent   TEXT NOT NULL,   -- '' for those that stand below no other
    sort_key BLOB NOT NULL,   -- compares byte by byte as the names do for people
    code     TEXT NOT NULL REFERENCES organizations (code),
    PRIMARY KEY (lang, parent, sort_key, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX name_order_by_code ON name_order (code, lang);

-- A code is found however it is written.
CREATE INDEX organizations_by_code_in_any_case ON organizations (code COLLATE NOCASE);

-- What somebody was sending when their session had ended: it comes back into its form after signing in.
CREATE TABLE drafts (
    session BLOB PRIMARY KEY REFERENCES sessions (hash) ON DELETE CASCADE,
    path    TEXT NOT NULL,    -- the page of the form
    fields  TEXT NOT NULL     -- as a browser sends them (application/x-www-form-urlencoded)
) STRICT, WITHOUT ROWID;
