-- Every accepted event once, in the order of arrival. An erased event keeps its number; its body is ''.
CREATE TABLE log (
  seq         INTEGER PRIMARY KEY,
  site        TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  visitor     TEXT,
  body        TEXT NOT NULL
);
-- Finds what is old enough to be pruned; arrives in order, so it grows at its end.
CREATE INDEX log_received ON log (received_ms);

-- The highest number ever pruned from the end of the log, lest it be given again.
CREATE TABLE log_head (
  id  INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL
);

-- Keys that are taken; see `deduplicate`.
CREATE TABLE dedup (
  site  TEXT NOT NULL,
  key   TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (site, key)
) WITHOUT ROWID;

-- What is remembered of a visitor. Bodies are too long for a table without row ids.
CREATE TABLE visitor (
  site    TEXT NOT NULL,
  id      TEXT NOT NULL,
  seen_ms INTEGER NOT NULL,
  body    TEXT NOT NULL,
  PRIMARY KEY (site, id)
);

-- Where an identity key leads, and how many visitors it has led to. `known` lists the first of them between blanks,
-- so that somebody who changes between two devices stays two visitors.
CREATE TABLE identity (
  site     TEXT NOT NULL,
  key      TEXT NOT NULL,
  visitor  TEXT NOT NULL,
  visitors INTEGER NOT NULL,
  seen_ms  INTEGER NOT NULL,
  known    TEXT NOT NULL,
  PRIMARY KEY (site, key)
) WITHOUT ROWID;

-- How far each destination has got in the log.
CREATE TABLE cursor (
  destination TEXT PRIMARY KEY,
  seq         INTEGER NOT NULL
) WITHOUT ROWID;

-- Events to try again. By number first: pruning asks whether anyone still needs it. `reached_ms` is when one first
-- may have arrived at the platform; NULL while surely none did.
CREATE TABLE retry (
  seq         INTEGER NOT NULL,
  destination TEXT NOT NULL,
  attempts    INTEGER NOT NULL,
  reached_ms  INTEGER,
  due_ms      INTEGER NOT NULL,
  reason      TEXT NOT NULL,
  PRIMARY KEY (seq, destination)
) WITHOUT ROWID;
CREATE INDEX retry_due ON retry (destination, due_ms);

-- Events given up, each with the reason a person reads.
CREATE TABLE dead (
  destination TEXT NOT NULL,
  seq         INTEGER NOT NULL,
  site        TEXT NOT NULL,
  event       TEXT NOT NULL,
  event_id    TEXT NOT NULL,
  at_ms       INTEGER NOT NULL,
  reason      TEXT NOT NULL,
  PRIMARY KEY (destination, seq)
) WITHOUT ROWID;
CREATE INDEX dead_at ON dead (at_ms);
