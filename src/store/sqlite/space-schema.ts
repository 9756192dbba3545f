/** Adds `bytes` to all repositories, and upstreams, whose manifests name the blob of a trigger's `row`. */
function credit(row: 'NEW' | 'OLD', bytes: string): string {
  const naming = `SELECT repository FROM repository_blob WHERE digest = ${row}.digest AND manifests > 0`;
  return `
    UPDATE repository SET bytes = bytes + (${bytes}) WHERE id IN (${naming});
    UPDATE upstream_usage SET bytes = bytes + (${bytes})
    WHERE upstream IN (SELECT upstream FROM repository WHERE id IN (${naming}));`;
}

/** Whether the bytes of the blob of a trigger's `row` are held. */
function isHeld(row: 'NEW' | 'OLD'): string {
  return `EXISTS (SELECT 1 FROM blob WHERE digest = ${row}.digest)`;
}

/**
 * Books a trigger's blob for its repository, and the upstream unless another of its repositories names it.
 */
function creditNamed(row: 'NEW' | 'OLD', sign: '+' | '-'): string {
  const size = `(SELECT size FROM blob WHERE digest = ${row}.digest)`;
  return `
    UPDATE repository SET bytes = bytes ${sign} ${size} WHERE id = ${row}.repository;
    UPDATE upstream_usage SET bytes = bytes ${sign} ${size}
    WHERE upstream = (SELECT upstream FROM repository WHERE id = ${row}.repository)
      AND NOT EXISTS (
        SELECT 1 FROM repository_blob other
        WHERE other.digest = ${row}.digest AND other.manifests > 0 AND other.repository <> ${row}.repository
          AND (SELECT upstream FROM repository WHERE id = other.repository) = upstream_usage.upstream
      );`;
}

/**
 * The migration that adds the eviction queue, accounts of bytes, pins, and when blobs were last verified.
 * Triggers keep the accounts, whichever way a row comes or goes.
 */
export const spaceMigration = `
  -- A place in the order of eviction: see Positions.
  ALTER TABLE manifest ADD COLUMN queue_at INTEGER NOT NULL DEFAULT 0;
  UPDATE manifest SET queue_at = last_used_at;
  CREATE INDEX manifest_queue ON manifest (queue_at, digest);
  -- Nobody asks any more what was used last before a given time.
  DROP INDEX manifest_by_use;
  CREATE INDEX manifest_child_by_child ON manifest_child (child);

  -- loose is 1 while no held manifest names the blob, which then has its own place in the order of eviction.
  ALTER TABLE blob ADD COLUMN loose INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE blob ADD COLUMN queue_at INTEGER NOT NULL DEFAULT 0;
  -- When the bytes were last hashed; NULL for those found on the disk, and those of older versions.
  ALTER TABLE blob ADD COLUMN verified_at INTEGER;
  UPDATE blob SET queue_at = last_used_at,
    loose = NOT EXISTS (SELECT 1 FROM manifest_blob WHERE manifest_blob.blob = blob.digest);
  CREATE INDEX blob_queue ON blob (queue_at, digest) WHERE loose = 1;
  -- NULL comes first in an index.
  CREATE INDEX blob_by_verification ON blob (verified_at, digest);
  DROP INDEX blob_by_use;

  -- Blobs whose rows are gone, and whose bytes are still to go.
  CREATE TABLE condemned (digest TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE pin (
    pattern TEXT PRIMARY KEY NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX referrers_by_check ON referrers (checked_at);

  -- How many manifests of the repository name the blob.
  ALTER TABLE repository_blob ADD COLUMN manifests INTEGER NOT NULL DEFAULT 0;
  INSERT INTO repository_blob (repository, digest, size, manifests)
  SELECT claim.repository, claim.digest, claim.size, 1
  FROM repository_manifest rm
  CROSS JOIN manifest_blob mb ON mb.manifest = rm.digest
  CROSS JOIN repository_blob claim ON claim.repository = rm.repository AND claim.digest = mb.blob
  WHERE TRUE
  ON CONFLICT DO UPDATE SET manifests = manifests + 1;
  DROP INDEX repository_blob_by_digest;
  CREATE INDEX repository_blob_by_digest ON repository_blob (digest);
  -- Rights that nothing but a confirmation by upstream gives.
  DROP INDEX repository_blob_confirmed;
  CREATE INDEX repository_blob_unnamed ON repository_blob (confirmed_at) WHERE manifests = 0;

  -- bytes: of distinct held blobs that manifests of the repository name, or of the upstream, or of all blobs.
  ALTER TABLE repository ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
  UPDATE repository SET bytes = (
    SELECT coalesce(sum(blob.size), 0) FROM repository_blob named CROSS JOIN blob ON blob.digest = named.digest
    WHERE named.repository = repository.id AND named.manifests > 0
  );
  CREATE TABLE upstream_usage (
    upstream TEXT PRIMARY KEY NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO upstream_usage
  SELECT upstream, coalesce(sum(blob.size), 0) FROM (
    SELECT DISTINCT upstream, digest
    FROM repository LEFT JOIN repository_blob ON repository_blob.repository = repository.id AND manifests > 0
  ) named
  LEFT JOIN blob ON blob.digest = named.digest
  GROUP BY upstream;
  -- queue_at: the highest place in the order of eviction that was ever given.
  CREATE TABLE usage (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    blobs INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    manifests INTEGER NOT NULL,
    queue_at INTEGER NOT NULL
  ) STRICT;
  INSERT INTO usage SELECT 1,
    (SELECT count(*) FROM blob),
    (SELECT coalesce(sum(size), 0) FROM blob),
    (SELECT count(*) FROM manifest),
    max(coalesce((SELECT max(queue_at) FROM manifest), 0), coalesce((SELECT max(queue_at) FROM blob), 0));

  CREATE TRIGGER manifest_in AFTER INSERT ON manifest BEGIN
    UPDATE usage SET manifests = manifests + 1;
  END;
  CREATE TRIGGER manifest_out AFTER DELETE ON manifest BEGIN
    UPDATE usage SET manifests = manifests - 1;
  END;

  CREATE TRIGGER manifest_blob_in AFTER INSERT ON manifest_blob BEGIN
    UPDATE blob SET loose = 0 WHERE digest = NEW.blob AND loose = 1;
  END;
  CREATE TRIGGER manifest_blob_out AFTER DELETE ON manifest_blob BEGIN
    UPDATE blob SET loose = 1
    WHERE digest = OLD.blob AND NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = OLD.blob);
  END;

  CREATE TRIGGER blob_in AFTER INSERT ON blob BEGIN
    UPDATE usage SET blobs = blobs + 1, bytes = bytes + NEW.size;
    ${credit('NEW', 'NEW.size')}
  END;
  CREATE TRIGGER blob_out AFTER DELETE ON blob BEGIN
    UPDATE usage SET blobs = blobs - 1, bytes = bytes - OLD.size;
    ${credit('OLD', '-OLD.size')}
  END;
  CREATE TRIGGER blob_resized AFTER UPDATE OF size ON blob WHEN NEW.size <> OLD.size BEGIN
    UPDATE usage SET bytes = bytes + NEW.size - OLD.size;
    ${credit('NEW', 'NEW.size - OLD.size')}
  END;

  CREATE TRIGGER repository_in AFTER INSERT ON repository BEGIN
    INSERT INTO upstream_usage (upstream, bytes) VALUES (NEW.upstream, 0) ON CONFLICT DO NOTHING;
  END;
  CREATE TRIGGER repository_blob_in AFTER INSERT ON repository_blob
  WHEN NEW.manifests > 0 AND ${isHeld('NEW')} BEGIN
    ${creditNamed('NEW', '+')}
  END;
  CREATE TRIGGER repository_blob_named AFTER UPDATE OF manifests ON repository_blob
  WHEN OLD.manifests = 0 AND NEW.manifests > 0 AND ${isHeld('NEW')} BEGIN
    ${creditNamed('NEW', '+')}
  END;
  CREATE TRIGGER repository_blob_unnamed AFTER UPDATE OF manifests ON repository_blob
  WHEN OLD.manifests > 0 AND NEW.manifests = 0 AND ${isHeld('OLD')} BEGIN
    ${creditNamed('OLD', '-')}
  END;
  CREATE TRIGGER repository_blob_out AFTER DELETE ON repository_blob
  WHEN OLD.manifests > 0 AND ${isHeld('OLD')} BEGIN
    ${creditNamed('OLD', '-')}
  END;
`;
