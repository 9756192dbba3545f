import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../../oci/reference.ts';
import type { Scope } from '../../evictions.ts';

/** A repository that holds a manifest. */
export interface Place {
  /** Of its row. */
  readonly id: number;
  readonly repository: Repository;
}

/** The place of a manifest that people are told, with its tags there. */
export interface Home {
  readonly repository: Repository;
  readonly tags: readonly Tag[];
}

interface Row {
  readonly id: number;
  readonly upstream: UpstreamName;
  readonly name: RepositoryName;
}

/** Where manifests are held. */
export class Places {
  readonly #places;
  readonly #ids;
  readonly #idsWithin;
  readonly #place;
  readonly #tags;
  readonly #tagged;
  readonly #removeTag;

  constructor(database: Database.Database) {
    this.#places = database.prepare<
      [{ digest: Digest; upstream: UpstreamName | null; name: RepositoryName | null }],
      Row
    >(`
      SELECT id, upstream, name FROM repository
      WHERE id IN (SELECT repository FROM repository_manifest WHERE digest = @digest)
        AND +upstream = coalesce(@upstream, upstream) AND +name = coalesce(@name, name)
      ORDER BY upstream, name`);
    this.#ids = database
      .prepare<[Digest], number>(`SELECT repository FROM repository_manifest WHERE digest = ?`)
      .pluck();
    this.#idsWithin = database
      .prepare<[{ digest: Digest; upstream: UpstreamName; name: RepositoryName | null }], number>(
        `
        SELECT repository FROM repository_manifest
        WHERE digest = @digest AND EXISTS (
          SELECT 1 FROM repository
          WHERE id = repository_manifest.repository
            AND +upstream = @upstream AND +name = coalesce(@name, name)
        )`,
      )
      .pluck();
    this.#place = database.prepare<[{ upstream: UpstreamName; name: RepositoryName }], Row>(
      `SELECT id, upstream, name FROM repository WHERE upstream = @upstream AND name = @name`,
    );
    this.#tags = database.prepare<[repository: number, digest: Digest], { name: Tag }>(
      `SELECT name FROM tag WHERE repository = ? AND digest = ? ORDER BY name`,
    );
    this.#tagged = database.prepare<[repository: number, tag: Tag], { digest: Digest }>(
      `SELECT digest FROM tag WHERE repository = ? AND name = ?`,
    );
    this.#removeTag = database.prepare<[repository: number, tag: Tag]>(
      `DELETE FROM tag WHERE repository = ? AND name = ?`,
    );
  }

  /** The repositories, of a scope if one is given, that hold a manifest. */
  of(digest: Digest, scope?: Scope): readonly Place[] {
    const { upstream = null, name = null } = scope ?? {};
    return this.#places.all({ digest, upstream, name }).map(placeOf);
  }

  /** The ids of the repositories, of a scope if one is given, that hold a manifest. */
  ids(digest: Digest, scope?: Scope): ReadonlySet<number> {
    if (scope === undefined) return new Set(this.#ids.all(digest));
    const { upstream, name = null } = scope;
    return new Set(this.#idsWithin.all({ digest, upstream, name }));
  }

  find({ upstream, name }: Repository): Place | undefined {
    const row = this.#place.get({ upstream, name });
    return row === undefined ? undefined : placeOf(row);
  }

  /** The first repository in the scope that has tags for a manifest, else the first that holds it. */
  home(digest: Digest, scope?: Scope): Home {
    const homes = this.of(digest, scope).map((place) => ({
      repository: place.repository,
      tags: this.tags(place, digest),
    }));
    const home = homes.find(({ tags }) => tags.length > 0) ?? homes[0];
    if (home === undefined) throw new TypeError('a manifest is held somewhere');
    return home;
  }

  /** What a tag of a repository points to. */
  tagged({ id }: Place, tag: Tag): Digest | undefined {
    return this.#tagged.get(id, tag)?.digest;
  }

  removeTag({ id }: Place, tag: Tag): void {
    this.#removeTag.run(id, tag);
  }

  /** The tags of a repository that point to a manifest. */
  tags({ id }: Place, digest: Digest): readonly Tag[] {
    return this.#tags.all(id, digest).map(({ name }) => name);
  }
}

function placeOf({ id, upstream, name }: Row): Place {
  return { id, repository: { upstream, name } };
}
