import { tagGlob, type Glob } from '../../base/glob.ts';
import type { Repository, Tag } from '../../oci/reference.ts';

/** How long matching tags are served without asking upstream. */
export interface FreshnessRule {
  /** A glob on `repository:tag`, such as `library/*:latest` or `*:nightly`; `*` crosses slashes. */
  readonly match: string;
  /** Milliseconds. */
  readonly maxAgeMs: number;
}

export interface FreshnessPolicy {
  /** Milliseconds for which a tag is served without asking upstream, where no rule matches. */
  readonly tagMs: number;
  /** The first that matches decides. */
  readonly rules: readonly FreshnessRule[];
  /** What becomes of a cached tag that upstream no longer has. */
  readonly gone: 'keep' | 'drop';
}

/**
 * In place of a tag that is not known yet. Only rules for all tags match it, since no tag has this character.
 */
const unknownTag = '\0';

/** How long an upstream's tag is served as it was last seen. Digests never change, so they have no age. */
export class Freshness {
  readonly gone: 'keep' | 'drop';
  readonly #defaultMs: number;
  readonly #rules: readonly { readonly matches: Glob; readonly maxAgeMs: number }[];

  constructor({ tagMs, rules, gone }: FreshnessPolicy) {
    this.gone = gone;
    this.#defaultMs = tagMs;
    this.#rules = rules.map(({ match, maxAgeMs }) => ({
      matches: tagGlob(match),
      maxAgeMs,
    }));
  }

  /** Milliseconds for which an answer about this tag counts as fresh. */
  maxAge({ name }: Repository, tag: Tag | typeof unknownTag): number {
    if (this.#rules.length === 0) return this.#defaultMs;
    const reference = `${name}:${tag}`;
    return this.#rules.find(({ matches }) => matches(reference))?.maxAgeMs ?? this.#defaultMs;
  }

  /** The same for a list of tags: no longer than for any of them, or for one that is not in the list yet. */
  maxAgeOfList(repository: Repository, tags: readonly Tag[]): number {
    const ages = this.#rules.length === 0 ? [] : tags.map((tag) => this.maxAge(repository, tag));
    return ages.reduce((least, age) => Math.min(least, age), this.maxAge(repository, unknownTag));
  }
}
