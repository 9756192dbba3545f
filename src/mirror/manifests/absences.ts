import { companionSubject } from '../../oci/companion-tag.ts';
import type { Repository, Tag } from '../../oci/reference.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Degradation } from '../../cache/degradation.ts';

/**
 * The signatures, attestations and lists of referrers that a held manifest does not have, as far as upstream has said so.
 * Clients that look for them in an outage must hear that again: to the absence of a signature they have an answer, to
 * trouble they have none. Written down with the manifest, and forgotten with it.
 */
export class Absences {
  readonly #metadata: Pick<MetadataStore, 'absentSince' | 'putAbsent'>;
  readonly #degradation: Degradation;

  constructor(metadata: Pick<MetadataStore, 'absentSince' | 'putAbsent'>, degradation: Degradation) {
    this.#metadata = metadata;
    this.#degradation = degradation;
  }

  /** Whether upstream had no such tag when it was last asked. */
  async has(repository: Repository, tag: Tag): Promise<boolean> {
    if (companionSubject(tag) === undefined) return false;
    const since = await this.#degradation.tolerate(() => this.#metadata.absentSince(repository, tag));
    return since !== undefined;
  }

  /** Upstream has no such tag. */
  async note(repository: Repository, tag: Tag, checkedAt: number): Promise<void> {
    if (companionSubject(tag) === undefined) return;
    await this.#degradation.tolerate(() => this.#metadata.putAbsent(repository, tag, checkedAt));
  }
}
