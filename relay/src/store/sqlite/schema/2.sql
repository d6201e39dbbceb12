-- Small things a destination must remember across restarts: a refresh token that its platform has replaced. Secret,
-- like the configuration file: who may read one may read the other.
CREATE TABLE destination_memory (
  destination TEXT NOT NULL,
  key         TEXT NOT NULL,
  value       TEXT NOT NULL,
  PRIMARY KEY (destination, key)
) WITHOUT ROWID;
