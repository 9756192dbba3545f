import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../../oci/reference.ts';
import type { Scope } from '../../evictions.ts';

/** A repository that holds a manifest. */
export interface StoredRepository {
  /** Of its row. */
  readonly id: number;
  readonly repository: Repository;
}

/** How a manifest is shown: a repository that holds it, with the tags there. */
export interface ImageName {
  readonly repository: Repository;
  readonly tags: readonly Tag[];
}

interface Row {
  readonly id: number;
  readonly upstream: UpstreamName;
  readonly name: RepositoryName;
}

/** Where manifests are held. */
export class Repositories {
  readonly #sql;

  constructor(database: Database.Database) {
    this.#sql = {
      repositories: database.prepare<
        [{ digest: Digest; upstream: UpstreamName | null; name: RepositoryName | null }],
        Row
      >(`
        SELECT id, upstream, name FROM repository
        WHERE id IN (SELECT repository FROM repository_manifest WHERE digest = @digest)
          AND +upstream = coalesce(@upstream, upstream) AND +name = coalesce(@name, name)
        ORDER BY upstream, name`),
      ids: database
        .prepare<[Digest], number>(`SELECT repository FROM repository_manifest WHERE digest = ?`)
        .pluck(),
      idsWithin: database
        .prepare<[{ digest: Digest; upstream: UpstreamName; name: RepositoryName | null }], number>(
          `
          SELECT repository FROM repository_manifest
          WHERE digest = @digest AND EXISTS (
            SELECT 1 FROM repository
            WHERE id = repository_manifest.repository
              AND +upstream = @upstream AND +name = coalesce(@name, name)
          )`,
        )
        .pluck(),
      find: database.prepare<[{ upstream: UpstreamName; name: RepositoryName }], Row>(
        `SELECT id, upstream, name FROM repository WHERE upstream = @upstream AND name = @name`,
      ),
      tags: database.prepare<[repository: number, digest: Digest], { name: Tag }>(
        `SELECT name FROM tag WHERE repository = ? AND digest = ? ORDER BY name`,
      ),
      tagged: database.prepare<[repository: number, tag: Tag], { digest: Digest }>(
        `SELECT digest FROM tag WHERE repository = ? AND name = ?`,
      ),
      removeTag: database.prepare<[repository: number, tag: Tag]>(
        `DELETE FROM tag WHERE repository = ? AND name = ?`,
      ),
    };
  }

  /** The repositories, of a scope if one is given, that hold a manifest. */
  of(digest: Digest, scope?: Scope): readonly StoredRepository[] {
    const { upstream = null, name = null } = scope ?? {};
    return this.#sql.repositories.all({ digest, upstream, name }).map(storedRepository);
  }

  /** The ids of the repositories, of a scope if one is given, that hold a manifest. */
  ids(digest: Digest, scope?: Scope): ReadonlySet<number> {
    if (scope === undefined) return new Set(this.#sql.ids.all(digest));
    const { upstream, name = null } = scope;
    return new Set(this.#sql.idsWithin.all({ digest, upstream, name }));
  }

  find({ upstream, name }: Repository): StoredRepository | undefined {
    const row = this.#sql.find.get({ upstream, name });
    return row === undefined ? undefined : storedRepository(row);
  }

  /** The first repository in the scope that has tags for a manifest, else the first that holds it. */
  imageName(digest: Digest, scope?: Scope): ImageName {
    const names = this.of(digest, scope).map((stored) => ({
      repository: stored.repository,
      tags: this.tags(stored, digest),
    }));
    const imageName = names.find(({ tags }) => tags.length > 0) ?? names[0];
    if (imageName === undefined) throw new TypeError('a manifest is held somewhere');
    return imageName;
  }

  /** What a tag of a repository points to. */
  tagged({ id }: StoredRepository, tag: Tag): Digest | undefined {
    return this.#sql.tagged.get(id, tag)?.digest;
  }

  removeTag({ id }: StoredRepository, tag: Tag): void {
    this.#sql.removeTag.run(id, tag);
  }

  /** The tags of a repository that point to a manifest. */
  tags({ id }: StoredRepository, digest: Digest): readonly Tag[] {
    return this.#sql.tags.all(id, digest).map(({ name }) => name);
  }
}

function storedRepository({ id, upstream, name }: Row): StoredRepository {
  return { id, repository: { upstream, name } };
}
