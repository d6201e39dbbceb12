-- Where an identity key leads, and how many visitors it has led to: as before, in rows less than half as long. Digests
-- arrive in no order, so what a growing store pays for is the pages of this table that are not in memory; see `short`.
--
-- `key` is a blob where the key is a digest's: its kind (e, p or x) and the digest's first 15 bytes, or all of them of
-- an external id, which need not be a digest. `visitor` is the 16 bytes of an id that is a UUID. Everything else is text as it
-- was. `visitor_id` is `visitor` to be read, and takes no room. `known` lists the first visitors between blanks.
CREATE TABLE identity_short (
  site       TEXT NOT NULL,
  key        BLOB NOT NULL,
  visitor    BLOB NOT NULL,
  visitors   INTEGER NOT NULL,
  seen_ms    INTEGER NOT NULL,
  known      TEXT NOT NULL,
  visitor_id TEXT GENERATED ALWAYS AS (iif(typeof(visitor) = 'text', visitor, lower(format('%s-%s-%s-%s-%s',
               substr(hex(visitor), 1, 8), substr(hex(visitor), 9, 4), substr(hex(visitor), 13, 4),
               substr(hex(visitor), 17, 4), substr(hex(visitor), 21))))) VIRTUAL,
  PRIMARY KEY (site, key)
) WITHOUT ROWID;

INSERT INTO identity_short
SELECT site,
       coalesce(CASE
         WHEN length(key) = 67 AND key GLOB 'em:*' AND key = lower(key) AND unhex(substr(key, 4)) IS NOT NULL
         THEN unhex('65' || substr(key, 4, 30))
         WHEN length(key) = 67 AND key GLOB 'ph:*' AND key = lower(key) AND unhex(substr(key, 4)) IS NOT NULL
         THEN unhex('70' || substr(key, 4, 30))
         WHEN length(key) = 68 AND key GLOB 'xid:*' AND key = lower(key) THEN unhex('78' || substr(key, 5))
       END, key),
       coalesce(CASE
         WHEN length(visitor) = 36 AND visitor = lower(visitor) AND visitor GLOB '????????-????-????-????-????????????'
              AND length(replace(visitor, '-', '')) = 32
         THEN unhex(replace(visitor, '-', ''))
       END, visitor),
       visitors, seen_ms, known
FROM identity WHERE true
-- Keys that nobody hashed may agree in what is kept of them. Then they are one, which has led to the visitors of both.
ON CONFLICT DO UPDATE SET
  visitor = iif(excluded.seen_ms > seen_ms, excluded.visitor, visitor),
  visitors = visitors + excluded.visitors,
  seen_ms = max(seen_ms, excluded.seen_ms),
  known = iif(known = '', ' ' || visitor_id || ' ', known) || ltrim(excluded.known) || excluded.visitor_id || ' ';

DROP TABLE identity;
ALTER TABLE identity_short RENAME TO identity;
