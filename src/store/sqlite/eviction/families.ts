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

/**
 * Which manifests belong to which, as far as held ones tell. To a manifest belong the children that it lists, what
 * refers to it by `subject`, and what is tagged after its digest in a repository that holds both. Children and subjects
 * need not be held.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export class Families {
  readonly #parents;
  readonly #children;
  readonly #subject;
  readonly #referrers;
  readonly #longTags;
  readonly #beginningWith;
  readonly #companions;
  readonly #blobs;

  constructor(database: Database.Database) {
    // Subqueries, not joins (see `Statements`), and none of them in a UNION, which costs as much again.
    const digests = (sql: string) => database.prepare<[Digest], Digest>(sql).pluck();
    this.#parents = digests(`SELECT parent FROM manifest_child WHERE child = ?`);
    this.#children = digests(`SELECT child FROM manifest_child WHERE parent = ?`);
    this.#subject = digests(`SELECT subject FROM manifest WHERE digest = ? AND subject IS NOT NULL`);
    this.#referrers = digests(`SELECT digest FROM manifest WHERE subject = ?`);
    const holding = `repository IN (SELECT repository FROM repository_manifest WHERE digest = @digest)`;
    this.#longTags = database.prepare<[{ digest: Digest }], HeldTag>(
      `SELECT repository, name FROM tag WHERE ${holding} AND digest = @digest AND length(name) >= ${stemLength}`,
    );
    this.#beginningWith = database
      .prepare<[{ repository: number; stem: string }], Digest>(
        `SELECT digest FROM repository_manifest
         WHERE repository = @repository AND digest >= @stem AND digest < @stem || 'g'`,
      )
      .pluck();
    const companions = companionSuffixes.map((suffix) => `@stem || '${suffix}'`).join(', ');
    this.#companions = database
      .prepare<[{ digest: Digest; stem: string }], Digest>(
        `SELECT digest FROM tag WHERE ${holding} AND name IN (${companions})`,
      )
      .pluck();
    this.#blobs = digests(`SELECT blob FROM manifest_blob WHERE manifest = ?`);
  }

  /** Manifests that a manifest belongs to directly; never itself. */
  holders(digest: Digest): readonly Digest[] {
    const namesakes = this.#longTags.all({ digest }).flatMap((tag) => this.#namesakes(tag));
    return others(digest, [...this.#parents.all(digest), ...this.#subject.all(digest), ...namesakes]);
  }

  /** Manifests that belong to a manifest directly; never itself. */
  members(digest: Digest): readonly Digest[] {
    const stem = companionStem(digest);
    const companions = this.#companions.all({ digest, stem });
    return others(digest, [...this.#children.all(digest), ...this.#referrers.all(digest), ...companions]);
  }

  /** The blobs that a manifest names. */
  blobs(manifest: Digest): readonly Digest[] {
    return this.#blobs.all(manifest);
  }

  /** Whether a repository (the id of its row) has this tag because of another manifest that it holds. */
  isCompanion(repository: number, name: Tag): boolean {
    return this.#namesakes({ repository, name }).length > 0;
  }

  /** All that belongs to a manifest, directly or not, itself first; found as it is asked for. */
  descendants(digest: Digest): Iterable<Digest> {
    return reach(digest, (each) => this.members(each));
  }

  /** The manifests of the repository that a tag is named after. */
  #namesakes({ repository, name }: HeldTag): readonly Digest[] {
    const stem = companionSubject(name);
    return stem === undefined ? [] : this.#beginningWith.all({ repository, stem });
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

function others(digest: Digest, found: readonly Digest[]): readonly Digest[] {
  return found.filter((each) => each !== digest).toSorted();
}
