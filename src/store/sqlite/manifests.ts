import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { Manifest, ManifestContents } from '../../oci/manifest.ts';
import type { Repository } from '../../oci/reference.ts';
import { thisRepository, type InRepository } from './statements.ts';
import type { LastUse } from './last-used.ts';

/** Of a {@link Manifest}. */
const columns = 'digest, media_type AS mediaType, length(bytes) AS size, bytes';

/** The table of manifests, and those of what they name. Subqueries, not joins: see `Statements`. */
export class Manifests {
  readonly #sql;

  constructor(database: Database.Database) {
    this.#sql = {
      select: database.prepare<[InRepository & { digest: Digest }], Manifest>(`
        SELECT ${columns} FROM manifest
        WHERE digest = (SELECT digest FROM repository_manifest WHERE repository = (${thisRepository}) AND digest = @digest)`),
      selectAny: database.prepare<[digest: Digest], Manifest>(
        `SELECT ${columns} FROM manifest WHERE digest = ?`,
      ),
      insert: database.prepare<
        [
          {
            digest: Digest;
            mediaType: string;
            subject: string | null;
            artifactType: string | null;
            at: number;
            position: number;
            bytes: Buffer;
          },
        ]
      >(`
        INSERT INTO manifest (digest, media_type, subject, artifact_type, created_at, last_used_at, queue_at, bytes)
        VALUES (@digest, @mediaType, @subject, @artifactType, @at, @at, @position, @bytes)
        ON CONFLICT (digest) DO NOTHING`),
      insertChild: database.prepare<[parent: Digest, child: Digest]>(
        `INSERT INTO manifest_child (parent, child) VALUES (?, ?) ON CONFLICT DO NOTHING`,
      ),
      insertBlob: database.prepare<[manifest: Digest, blob: Digest]>(
        `INSERT INTO manifest_blob (manifest, blob) VALUES (?, ?) ON CONFLICT DO NOTHING`,
      ),
      ofSubject: database.prepare<[InRepository & { subject: Digest }], Manifest>(`
        SELECT ${columns} FROM manifest
        WHERE subject = @subject
          AND digest IN (SELECT digest FROM repository_manifest WHERE repository = (${thisRepository}))
        ORDER BY digest`),
      indexesOf: database.prepare<[InRepository & { child: Digest }], Manifest>(`
        SELECT ${columns} FROM manifest
        WHERE digest IN (SELECT parent FROM manifest_child WHERE child = @child)
          AND digest IN (SELECT digest FROM repository_manifest WHERE repository = (${thisRepository}))
        ORDER BY last_used_at DESC, digest LIMIT 4`),
      touch: database.prepare<[{ digest: Digest } & LastUse]>(`
        UPDATE manifest SET last_used_at = @at, queue_at = max(queue_at, @position) WHERE digest = @digest`),
    };
  }

  get(repository: Repository, digest: Digest): Manifest | undefined {
    return this.#sql.select.get({ ...repository, digest });
  }

  any(digest: Digest): Manifest | undefined {
    return this.#sql.selectAny.get(digest);
  }

  ofSubject(repository: Repository, subject: Digest): readonly Manifest[] {
    return this.#sql.ofSubject.all({ ...repository, subject });
  }

  indexesOf(repository: Repository, child: Digest): readonly Manifest[] {
    return this.#sql.indexesOf.all({ ...repository, child });
  }

  /** Stores a manifest with what it names, or marks it as used. To be run inside a transaction. */
  put({ digest, mediaType, bytes }: Manifest, contents: ManifestContents, use: LastUse): void {
    const { subject = null, artifactType = null } = contents;
    const { changes } = this.#sql.insert.run({ digest, mediaType, subject, artifactType, ...use, bytes });
    if (changes === 0) {
      this.#sql.touch.run({ digest, ...use });
      return;
    }
    for (const child of contents.children) this.#sql.insertChild.run(digest, child.digest);
    for (const blob of contents.blobs) this.#sql.insertBlob.run(digest, blob.digest);
  }
}
