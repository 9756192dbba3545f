import type Database from 'better-sqlite3';
import {
  companionStem,
  companionStemLength as stemLength,
  companionSubject,
  companionSuffixes,
} from '../../../oci/companion-tag.ts';
import type { Digest } from '../../../oci/digest.ts';
import type { Tag } from '../../../oci/reference.ts';

interface HeldTag {
  readonly repository: number;
  readonly name: Tag;
}

/** A manifest in a repository, by the id of its row. */
interface HeldManifest {
  readonly repository: number;
  readonly digest: Digest;
}

/** The ids of the repositories, of those that are looked at, that hold a manifest. */
export type HeldIn = (manifest: Digest) => ReadonlySet<number>;

/**
 * Which cached manifests belong to which. A manifest owns its children, its referrers by `subject`, and what
 * is tagged after its digest. An index owns the referrers of its children that are not cached.
 *
 * Anybody who can write to one repository can push a manifest that names any digest. So a link counts only
 * within a repository that holds both ends: nothing said elsewhere makes an image stay or go.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export class ManifestGraph {
  readonly #sql;

  constructor(database: Database.Database) {
    // Subqueries, not joins (see `Statements`), and none of them in a UNION, which costs as much again.
    const digests = (sql: string) => database.prepare<[Digest], Digest>(sql).pluck();
    const holding = `repository IN (SELECT repository FROM repository_manifest WHERE digest = @digest)`;
    const companions = companionSuffixes.map((suffix) => `@stem || '${suffix}'`).join(', ');
    this.#sql = {
      parents: digests(`SELECT parent FROM manifest_child WHERE child = ?`),
      children: digests(`SELECT child FROM manifest_child WHERE parent = ?`),
      subject: digests(`SELECT subject FROM manifest WHERE digest = ? AND subject IS NOT NULL`),
      referrers: digests(`SELECT digest FROM manifest WHERE subject = ?`),
      longTags: database.prepare<[{ digest: Digest }], HeldTag>(
        `SELECT repository, name FROM tag WHERE ${holding} AND digest = @digest AND length(name) >= ${stemLength}`,
      ),
      beginningWith: database
        .prepare<[{ repository: number; stem: string }], Digest>(
          `SELECT digest FROM repository_manifest
         WHERE repository = @repository AND digest >= @stem AND digest < @stem || 'g'`,
        )
        .pluck(),
      companions: database.prepare<[{ digest: Digest; stem: string }], HeldManifest>(
        `SELECT repository, digest FROM tag WHERE ${holding} AND name IN (${companions})`,
      ),
      blobs: digests(`SELECT blob FROM manifest_blob WHERE manifest = ?`),
    };
  }

  /** The next held manifests that a manifest belongs to; never itself. */
  owners(digest: Digest, heldIn: HeldIn): readonly Digest[] {
    const here = heldIn(digest);
    const namesakes = this.#sql.longTags
      .all({ digest })
      .flatMap((tag) => this.#namesakes(tag).map((each) => ({ repository: tag.repository, digest: each })));
    return others(digest, [
      ...beside(here, this.#sql.parents.all(digest), heldIn),
      ...this.#sql.subject
        .all(digest)
        .flatMap((subject) => orBeyond(here, subject, this.#sql.parents, heldIn)),
      ...named(here, namesakes, heldIn),
    ]);
  }

  /** The next held manifests that belong to a manifest; never itself. */
  members(digest: Digest, heldIn: HeldIn): readonly Digest[] {
    const here = heldIn(digest);
    const companions = this.#sql.companions.all({ digest, stem: companionStem(digest) });
    return others(digest, [
      ...this.#sql.children
        .all(digest)
        .flatMap((child) => orBeyond(here, child, this.#sql.referrers, heldIn)),
      ...beside(here, this.#sql.referrers.all(digest), heldIn),
      ...named(here, companions, heldIn),
    ]);
  }

  /** The blobs that a manifest names. */
  blobs(manifest: Digest): readonly Digest[] {
    return this.#sql.blobs.all(manifest);
  }

  /** Whether a repository (the id of its row) has this tag because of another manifest that it holds. */
  isCompanion(repository: number, name: Tag): boolean {
    return this.#namesakes({ repository, name }).length > 0;
  }

  /** All that belongs to a manifest, directly or not, itself first; found as it is asked for. */
  descendants(digest: Digest, heldIn: HeldIn): Iterable<Digest> {
    return reach(digest, (each) => this.members(each, heldIn));
  }

  /** The manifests of the repository that a tag is named after. */
  #namesakes({ repository, name }: HeldTag): readonly Digest[] {
    const stem = companionSubject(name);
    return stem === undefined ? [] : this.#sql.beginningWith.all({ repository, stem });
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

/** Those manifests that one of these repositories holds. */
function beside(here: ReadonlySet<number>, linked: readonly Digest[], heldIn: HeldIn): readonly Digest[] {
  return linked.filter((each) => [...heldIn(each)].some((repository) => here.has(repository)));
}

/** A linked manifest and, for those of these repositories that do not hold it, what is beyond it. */
function orBeyond(
  here: ReadonlySet<number>,
  linked: Digest,
  beyond: Database.Statement<[Digest], Digest>,
  heldIn: HeldIn,
): readonly Digest[] {
  const there = heldIn(linked);
  const without = new Set([...here].filter((repository) => !there.has(repository)));
  const found = without.size < here.size ? [linked] : [];
  if (without.size > 0) found.push(...beside(without, beyond.all(linked), heldIn));
  return found;
}

/** What tags of these repositories lead to. */
function named(
  here: ReadonlySet<number>,
  linked: readonly HeldManifest[],
  heldIn: HeldIn,
): readonly Digest[] {
  return linked
    .filter(({ repository, digest }) => here.has(repository) && heldIn(digest).has(repository))
    .map(({ digest }) => digest);
}

function others(digest: Digest, found: readonly Digest[]): readonly Digest[] {
  return [...new Set(found)].filter((each) => each !== digest).toSorted();
}
