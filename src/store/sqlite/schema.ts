import type Database from 'better-sqlite3';
import { StoreError } from '../store-error.ts';
import { spaceMigration } from './space-schema.ts';

/**
 * Each entry brings a database from the version of its index to the next one. Entries are only ever added.
 * Text compares by bytes (BINARY, SQLite's default), which is the lexical order that listings promise.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE repository (
    id INTEGER PRIMARY KEY,
    upstream TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (upstream, name)
  ) STRICT;

  CREATE TABLE manifest (
    digest TEXT PRIMARY KEY NOT NULL,
    media_type TEXT NOT NULL,
    subject TEXT,
    artifact_type TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  -- Covers the search for what to expire, which so never reads the bytes.
  CREATE INDEX manifest_by_use ON manifest (last_used_at, digest);

  CREATE TABLE repository_manifest (
    repository INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    digest TEXT NOT NULL REFERENCES manifest (digest) ON DELETE CASCADE,
    PRIMARY KEY (repository, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX repository_manifest_by_digest ON repository_manifest (digest);

  CREATE TABLE tag (
    repository INTEGER NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    checked_at INTEGER NOT NULL,
    PRIMARY KEY (repository, name),
    FOREIGN KEY (repository, digest) REFERENCES repository_manifest (repository, digest) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tag_by_manifest ON tag (repository, digest);

  -- Children need not be held: most clients fetch one platform of many.
  CREATE TABLE manifest_child (
    parent TEXT NOT NULL REFERENCES manifest (digest) ON DELETE CASCADE,
    child TEXT NOT NULL,
    PRIMARY KEY (parent, child)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE manifest_blob (
    manifest TEXT NOT NULL REFERENCES manifest (digest) ON DELETE CASCADE,
    blob TEXT NOT NULL,
    PRIMARY KEY (manifest, blob)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX manifest_blob_by_blob ON manifest_blob (blob);

  CREATE TABLE blob (
    digest TEXT PRIMARY KEY NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX blob_by_use ON blob (last_used_at);

  -- confirmed_at is NULL while nothing but manifests of the repository vouch for the blob.
  CREATE TABLE repository_blob (
    repository INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    confirmed_at INTEGER,
    PRIMARY KEY (repository, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX repository_blob_confirmed ON repository_blob (confirmed_at) WHERE confirmed_at IS NOT NULL;

  CREATE TABLE upstream_state (
    upstream TEXT PRIMARY KEY NOT NULL,
    failures INTEGER NOT NULL,
    retry_at INTEGER NOT NULL,
    pull_limit INTEGER,
    pulls_remaining INTEGER,
    window_seconds INTEGER
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE write_check (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checked_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  CREATE INDEX manifest_by_subject ON manifest (subject, digest) WHERE subject IS NOT NULL;

  -- What upstream lists; descriptors are JSON. Neither the subject nor its referrers need be held.
  CREATE TABLE referrers (
    repository INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    checked_at INTEGER NOT NULL,
    descriptors TEXT NOT NULL,
    PRIMARY KEY (repository, subject)
  ) STRICT, WITHOUT ROWID;

  -- When upstream last let an anonymous reader in; NULL when it is not known to.
  ALTER TABLE repository ADD COLUMN public_at INTEGER;
  `,
  `
  CREATE INDEX repository_blob_by_digest ON repository_blob (digest) WHERE confirmed_at IS NOT NULL;

  -- Upstreams that were ever asked with an account: what is cached of them may be private.
  CREATE TABLE guarded_upstream (
    upstream TEXT PRIMARY KEY NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  spaceMigration,
  `
  -- Tags that upstream does not have, named after the digest of a manifest that the repository holds.
  CREATE TABLE absent_tag (
    repository INTEGER NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    checked_at INTEGER NOT NULL,
    PRIMARY KEY (repository, name),
    FOREIGN KEY (repository, subject) REFERENCES repository_manifest (repository, digest) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX absent_tag_by_subject ON absent_tag (repository, subject);
  CREATE TRIGGER tag_found AFTER INSERT ON tag WHEN NEW.name GLOB 'sha???-*' BEGIN
    DELETE FROM absent_tag WHERE repository = NEW.repository AND name = NEW.name;
  END;
  `,
];

function version(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/**
 * Brings the database up to the newest version that `steps` knows, each step in a transaction of its own.
 * @throws {StoreError} `NEWER_SCHEMA` when the database is newer than that; it is left as it is
 */
export function migrate(database: Database.Database, steps: readonly string[] = migrations): void {
  if (version(database) > steps.length) {
    throw new StoreError(
      'NEWER_SCHEMA',
      `the metadata database has schema version ${version(database)}, but this version of Entrepot knows only ${steps.length}`,
    );
  }
  const step = database.transaction(() => {
    // Read again under the write lock: another process may have taken the step meanwhile.
    const current = version(database);
    const sql = steps[current];
    if (sql === undefined) return false;
    database.exec(sql);
    database.pragma(`user_version = ${current + 1}`);
    return true;
  });
  while (version(database) < steps.length && step.immediate());
}
