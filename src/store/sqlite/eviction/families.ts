import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';

interface Named {
  readonly digest: Digest;
}

/** A blob that a manifest names. */
export interface NamedBlob {
  readonly digest: Digest;
  /** In bytes, 0 while they are not held. */
  readonly size: number;
}

/** Suffixes of tags that are named after the digest of the manifest they belong to: the referrers tag schema's, and cosign's. */
const suffixes = `('', '.sig', '.att', '.sbom')`;

/** Length of `sha256-` and 64 digits: of a longer digest, such tags name the beginning. */
const stemLength = 71;

/** Whether `tag` is named after the digest of a manifest that its repository holds; `held` is bound to that. */
const namesHeld = `
  length(tag.name) >= ${stemLength} AND substr(tag.name, ${stemLength + 1}) IN ${suffixes}
  AND held.repository = tag.repository
  AND held.digest >= replace(substr(tag.name, 1, ${stemLength}), '-', ':')
  AND held.digest < replace(substr(tag.name, 1, ${stemLength}), '-', ':') || 'g'`;

/**
 * Which manifests belong to which, as far as held ones tell. To a manifest belong the children that it lists, what
 * refers to it by `subject`, and what is tagged after its digest in a repository that holds both. Children and subjects
 * need not be held.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export class Families {
  readonly #holders;
  readonly #members;
  readonly #blobs;
  readonly #hasTagOfItsOwn;

  constructor(database: Database.Database) {
    // CROSS JOIN keeps SQLite from starting with the largest table, of which it has no statistics.
    this.#holders = database.prepare<[{ digest: Digest }], Named>(`
      SELECT parent AS digest FROM manifest_child WHERE child = @digest
      UNION
      SELECT subject FROM manifest WHERE digest = @digest AND subject IS NOT NULL
      UNION
      SELECT held.digest FROM repository_manifest own
      CROSS JOIN tag ON tag.repository = own.repository AND tag.digest = own.digest
      CROSS JOIN repository_manifest held ON ${namesHeld}
      WHERE own.digest = @digest
      ORDER BY digest`);
    this.#members = database.prepare<[{ digest: Digest }], Named>(`
      WITH companion (suffix) AS (VALUES (''), ('.sig'), ('.att'), ('.sbom'))
      SELECT child AS digest FROM manifest_child WHERE parent = @digest
      UNION
      SELECT digest FROM manifest WHERE subject = @digest
      UNION
      SELECT tag.digest FROM repository_manifest own
      CROSS JOIN companion
      CROSS JOIN tag ON tag.repository = own.repository
        AND tag.name = substr(replace(own.digest, ':', '-'), 1, ${stemLength}) || companion.suffix
      WHERE own.digest = @digest
      ORDER BY digest`);
    this.#blobs = database.prepare<[Digest], NamedBlob>(`
      SELECT blob AS digest, coalesce((SELECT size FROM blob WHERE digest = manifest_blob.blob), 0) AS size
      FROM manifest_blob WHERE manifest = ?`);
    this.#hasTagOfItsOwn = database.prepare<[repository: number, digest: Digest], { found: number }>(`
      SELECT 1 AS found FROM tag
      WHERE tag.repository = ? AND tag.digest = ?
        AND NOT EXISTS (SELECT 1 FROM repository_manifest held WHERE ${namesHeld})
      LIMIT 1`);
  }

  /** Manifests that a manifest belongs to directly; never itself. */
  holders(digest: Digest): readonly Digest[] {
    return others(digest, this.#holders.all({ digest }));
  }

  /** Manifests that belong to a manifest directly; never itself. */
  members(digest: Digest): readonly Digest[] {
    return others(digest, this.#members.all({ digest }));
  }

  blobs(manifest: Digest): readonly NamedBlob[] {
    return this.#blobs.all(manifest);
  }

  /** Whether a repository (the id of its row) has a tag for a manifest that is not there because of another manifest. */
  hasTagOfItsOwn(repository: number, digest: Digest): boolean {
    return this.#hasTagOfItsOwn.get(repository, digest) !== undefined;
  }

  /** All that belongs to a manifest, directly or not, itself first; found as it is asked for. */
  descendants(digest: Digest): Iterable<Digest> {
    return reach(digest, (each) => this.members(each));
  }
}

/** What `next` leads to from `start`, `start` first. */
export function* reach(start: Digest, next: (digest: Digest) => readonly Digest[]): Generator<Digest> {
  const reached = new Set([start]);
  // A Set lists what is added while it is gone through.
  for (const digest of reached) {
    yield digest;
    for (const found of next(digest)) reached.add(found);
  }
}

function others(digest: Digest, rows: readonly Named[]): readonly Digest[] {
  return rows.map((row) => row.digest).filter((found) => found !== digest);
}
