-- Requests whose platform says only later what became of them, until it has. `events` lists their numbers as JSON;
-- `asked` counts the questions so far.
CREATE TABLE receipt (
  destination TEXT NOT NULL,
  id          TEXT NOT NULL,
  due_ms      INTEGER NOT NULL,
  taken_ms    INTEGER NOT NULL,
  asked       INTEGER NOT NULL,
  attempts    INTEGER NOT NULL,
  reached_ms  INTEGER NOT NULL,
  events      TEXT NOT NULL,
  PRIMARY KEY (destination, id)
) WITHOUT ROWID;
CREATE INDEX receipt_due ON receipt (destination, due_ms);
