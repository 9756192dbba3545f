import picomatch from 'picomatch';
import type { Repository, Tag } from '../oci/reference.ts';

/** How long matching tags are served without asking upstream. */
export interface FreshnessRule {
  /** A glob on `repository:tag`, such as `library/*:latest` or `*:nightly`; `*` crosses slashes. */
  readonly match: string;
  /** Milliseconds. */
  readonly maxAgeMs: number;
}

/** How long a tag is served as it was last seen. Digests never change, so they have no age. */
export class Freshness {
  readonly #defaultMs: number;
  readonly #rules: readonly { readonly matches: (text: string) => boolean; readonly maxAgeMs: number }[];

  constructor(defaultMs: number, rules: readonly FreshnessRule[]) {
    this.#defaultMs = defaultMs;
    this.#rules = rules.map(({ match, maxAgeMs }) => ({
      matches: picomatch(match, { bash: true, dot: true }),
      maxAgeMs,
    }));
  }

  /** Milliseconds for which an answer about this tag counts as fresh; the first rule that matches decides. */
  maxAge(repository: Repository, tag: Tag): number {
    if (this.#rules.length === 0) return this.#defaultMs;
    const reference = `${repository.name}:${tag}`;
    return this.#rules.find(({ matches }) => matches(reference))?.maxAgeMs ?? this.#defaultMs;
  }
}
