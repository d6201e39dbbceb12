-- Short texts the pipeline keeps beside its dedup keys: what consent a withheld copy had, what an order was worth. Written
-- for conversions and for what was withheld, never for an ordinary page view.
CREATE TABLE note (
  site    TEXT NOT NULL,
  key     TEXT NOT NULL,
  at_ms   INTEGER NOT NULL,
  visitor TEXT,
  body    TEXT NOT NULL,
  PRIMARY KEY (site, key)
) WITHOUT ROWID;

-- Events that wait, for seconds mostly, to be released into the log. Bodies are too long for a table without row ids.
CREATE TABLE held (
  site        TEXT NOT NULL,
  id          TEXT NOT NULL,
  due_ms      INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  visitor     TEXT,
  body        TEXT NOT NULL,
  PRIMARY KEY (site, id)
);
CREATE INDEX held_due ON held (due_ms);

-- The dedup keys by which a later copy finds the one that is held.
CREATE TABLE held_key (
  site TEXT NOT NULL,
  key  TEXT NOT NULL,
  id   TEXT NOT NULL,
  PRIMARY KEY (site, key)
) WITHOUT ROWID;
CREATE INDEX held_key_id ON held_key (site, id);
