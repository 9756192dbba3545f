import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { Tag } from '../../oci/reference.ts';
import type { StoredImage } from '../inventory.ts';

/** What an image may be: a tag, or a manifest that no tag points to. */
interface Candidate {
  readonly digest: Digest;
  /** 1 when it stands for an image of its own, and does not belong to another one. */
  readonly root: number;
}

interface Root {
  readonly mediaType: string;
  readonly createdAt: number;
}

interface FamilyTotals {
  readonly manifests: number;
  readonly manifestBytes: number;
  readonly lastUsedAt: number;
  readonly blobBytes: number;
  /** 1 or 0. */
  readonly complete: number;
}

/** Tags by which the referrers tag schema, and cosign, say what belongs to a manifest. SQLite's GLOB. */
const namedAfterDigest = `(name GLOB 'sha256-[0-9a-f]*' OR name GLOB 'sha512-[0-9a-f]*')`;

/**
 * The statements that list the images of a repository. `CROSS JOIN` and subqueries keep SQLite from starting with the
 * largest table; each looks at a bounded number of candidates, so that no listing takes long at a stretch.
 */
export class InventoryImages {
  readonly #tagged;
  readonly #untagged;
  readonly #root;
  readonly #family;

  constructor(database: Database.Database) {
    this.#tagged = database.prepare<
      [{ repository: number; after: string; limit: number }],
      Candidate & { readonly tag: Tag }
    >(`
      SELECT name AS tag, digest, NOT (${namedAfterDigest} AND EXISTS (
        SELECT 1 FROM repository_manifest
        WHERE repository = @repository
          AND digest >= substr(replace(tag.name, '-', ':'), 1, 71)
          AND digest < substr(replace(tag.name, '-', ':'), 1, 71) || 'g'
      )) AS root
      FROM tag WHERE repository = @repository AND name > @after ORDER BY name LIMIT @limit`);
    this.#untagged = database.prepare<[{ repository: number; after: string; limit: number }], Candidate>(`
      SELECT digest, NOT (
        EXISTS (SELECT 1 FROM tag WHERE repository = @repository AND digest = candidate.digest)
        OR EXISTS (
          SELECT 1 FROM manifest_child CROSS JOIN repository_manifest parent
            ON parent.repository = @repository AND parent.digest = manifest_child.parent
          WHERE child = candidate.digest
        )
        OR EXISTS (
          SELECT 1 FROM repository_manifest WHERE repository = @repository
            AND digest = (SELECT subject FROM manifest WHERE manifest.digest = candidate.digest)
        )
      ) AS root
      FROM repository_manifest candidate
      WHERE repository = @repository AND digest > @after ORDER BY digest LIMIT @limit`);
    this.#root = database.prepare<[Digest], Root>(
      `SELECT media_type AS mediaType, created_at AS createdAt FROM manifest WHERE digest = ?`,
    );
    this.#family = database.prepare<[{ repository: number; digest: Digest }], FamilyTotals>(`
      WITH RECURSIVE companion (suffix) AS (VALUES (''), ('.sig'), ('.att'), ('.sbom')),
      family (digest) AS (
        VALUES (@digest)
        UNION
        SELECT child FROM family CROSS JOIN manifest_child ON parent = family.digest
        WHERE EXISTS (SELECT 1 FROM repository_manifest WHERE repository = @repository AND digest = child)
        UNION
        SELECT referrer.digest FROM family CROSS JOIN manifest referrer ON subject = family.digest
        WHERE EXISTS (SELECT 1 FROM repository_manifest WHERE repository = @repository AND digest = referrer.digest)
        UNION
        SELECT tag.digest FROM family CROSS JOIN companion
        CROSS JOIN tag ON repository = @repository
          AND name = substr(replace(family.digest, ':', '-'), 1, 71) || companion.suffix
      ),
      named (blob) AS (
        SELECT DISTINCT blob FROM family CROSS JOIN manifest_blob ON manifest = family.digest
      )
      SELECT count(*) AS manifests, sum(length(bytes)) AS manifestBytes, max(last_used_at) AS lastUsedAt,
        (SELECT coalesce(sum((SELECT size FROM blob WHERE digest = named.blob)), 0) FROM named) AS blobBytes,
        NOT EXISTS (
          SELECT 1 FROM named WHERE NOT EXISTS (SELECT 1 FROM blob WHERE digest = named.blob)
        ) AS complete
      FROM family CROSS JOIN manifest ON manifest.digest = family.digest`);
  }

  /** Tags of a repository after that one, and whether each is an image of its own, in lexical order. */
  tagged(repository: number, after: Tag | '', limit: number): readonly (Candidate & { readonly tag: Tag })[] {
    return this.#tagged.all({ repository, after, limit });
  }

  /** Manifests of a repository after that one, and whether each is an image that no tag points to, by digest. */
  untagged(repository: number, after: Digest | '', limit: number): readonly Candidate[] {
    return this.#untagged.all({ repository, after, limit });
  }

  /** What is known of an image, or undefined when it is no longer held. */
  describe(
    repository: number,
    digest: Digest,
  ): Omit<StoredImage, 'repository' | 'tag' | 'digest'> | undefined {
    const root = this.#root.get(digest);
    const family = this.#family.get({ repository, digest });
    if (root === undefined || family === undefined) return undefined;
    const { manifests, manifestBytes, lastUsedAt, blobBytes, complete } = family;
    return { ...root, bytes: manifestBytes + blobBytes, manifests, lastUsedAt, complete: complete === 1 };
  }
}
