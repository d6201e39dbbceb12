-- In which part of the log the events of an hour of the clock stand: from `first` to `last`, where those of other hours may
-- stand, too, after the clock was set. `hour` counts from 1970. Written once for each commit, in the place of an index
-- of which each event wrote a row of its own; see `hours`.
CREATE TABLE log_hour (
  hour  INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  last  INTEGER NOT NULL
);
-- Hour by hour along the index: grouping would sort the whole log in memory.
WITH RECURSIVE hours (hour) AS (
  SELECT min(received_ms) / 3600000 FROM log
  UNION ALL
  SELECT (SELECT min(received_ms) / 3600000 FROM log WHERE received_ms >= (hour + 1) * 3600000)
  FROM hours WHERE hour IS NOT NULL
)
INSERT INTO log_hour
SELECT hour,
       (SELECT min(seq) FROM log WHERE received_ms BETWEEN hour * 3600000 AND hour * 3600000 + 3599999),
       (SELECT max(seq) FROM log WHERE received_ms BETWEEN hour * 3600000 AND hour * 3600000 + 3599999)
FROM hours WHERE hour IS NOT NULL;
-- Times alone need not be overwritten page by page, which would make the write-ahead log as long as the index.
PRAGMA secure_delete = OFF;
DROP INDEX log_received;
PRAGMA secure_delete = ON;
