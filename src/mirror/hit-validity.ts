import type { Digest } from '../oci/digest.ts';
import type { Manifest } from '../oci/manifest.ts';
import type { ManifestReference, Repository } from '../oci/reference.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import type { Gate } from './access/gate.ts';
import type { Candidates } from './candidates.ts';
import type { Entitlement } from './blobs/entitlement.ts';
import type { ManifestService } from './manifests/manifest-service.ts';
import type { PullTarget, Validity } from './mirror.ts';
import type { TagRecords } from './manifests/tag-records.ts';
import type { TagService } from './manifests/tag-service.ts';

export interface HitValidityOptions {
  readonly candidates: Candidates;
  readonly gate: Pick<Gate, 'seesEverything'>;
  readonly manifests: Pick<ManifestService, 'peek'>;
  readonly tagRecords: Pick<TagRecords, 'peek'>;
  readonly tags: Pick<TagService, 'isFresh'>;
  readonly entitlement: Pick<Entitlement, 'peek'>;
  readonly content: Pick<ContentStore, 'removals'>;
  readonly metadata: Pick<MetadataStore, 'touch'>;
}

/**
 * What hits rest on. A validity remembers the very objects that the services answer from, and compares by identity: a tag
 * that was confirmed, moved, or moved away and back has a new record, and so has what was evicted and fetched again.
 */
export class HitValidity {
  readonly #candidates: Candidates;
  readonly #gate: HitValidityOptions['gate'];
  readonly #manifests: HitValidityOptions['manifests'];
  readonly #tagRecords: HitValidityOptions['tagRecords'];
  readonly #tags: HitValidityOptions['tags'];
  readonly #entitlement: HitValidityOptions['entitlement'];
  readonly #content: HitValidityOptions['content'];
  readonly #metadata: HitValidityOptions['metadata'];

  constructor(options: HitValidityOptions) {
    this.#candidates = options.candidates;
    this.#gate = options.gate;
    this.#manifests = options.manifests;
    this.#tagRecords = options.tagRecords;
    this.#tags = options.tags;
    this.#entitlement = options.entitlement;
    this.#content = options.content;
    this.#metadata = options.metadata;
  }

  /**
   * As {@link Mirror.manifestValidity}.
   * @param onUse told whenever the manifest is given again
   */
  manifest(
    target: PullTarget,
    reference: ManifestReference,
    onUse: (repository: Repository, manifest: Manifest) => void,
  ): Validity | undefined {
    const used = (repository: Repository) => (manifest: Manifest) => {
      onUse(repository, manifest);
    };
    return this.#while(target, (repository) =>
      'tag' in reference
        ? this.#tag(repository, reference.tag, used(repository))
        : this.#digest(repository, reference.digest, used(repository)),
    );
  }

  /** As {@link Mirror.blobValidity}. Those who need proof of their right to a blob have to ask each time. */
  blob(target: PullTarget, digest: Digest): Validity | undefined {
    if (!this.#gate.seesEverything(target.reader)) return undefined;
    return this.#while(target, (repository) => {
      const known = this.#entitlement.peek(repository, digest);
      if (known?.sizeFrom !== 'bytes') return undefined;
      const { removals } = this.#content;
      return {
        holds: () =>
          this.#content.removals === removals && this.#entitlement.peek(repository, digest) === known,
        used: () => this.#metadata.touch([digest]),
      };
    });
  }

  #tag(
    repository: Repository,
    tag: Parameters<TagRecords['peek']>[1],
    onUse: (manifest: Manifest) => void,
  ): Validity | undefined {
    const record = this.#tagRecords.peek(repository, tag);
    const held = record && this.#digest(repository, record.digest, onUse);
    if (record === undefined || held === undefined) return undefined;
    return {
      holds: () =>
        this.#tagRecords.peek(repository, tag) === record &&
        this.#tags.isFresh(repository, tag, record.checkedAt) &&
        held.holds(),
      used: () => held.used(),
    };
  }

  #digest(repository: Repository, digest: Digest, onUse: (manifest: Manifest) => void): Validity | undefined {
    const manifest = this.#manifests.peek(repository, digest);
    if (manifest === undefined) return undefined;
    return {
      holds: () => this.#manifests.peek(repository, digest) === manifest,
      used: () => {
        this.#metadata.touch([digest]);
        onUse(manifest);
      },
    };
  }

  /** A validity that also ends when the reader is admitted no more, or the name comes to mean another repository. */
  #while(target: PullTarget, make: (repository: Repository) => Validity | undefined): Validity | undefined {
    if (target.cachedOnly) return undefined;
    const settled = this.#candidates.settled(target);
    const validity = settled && make(settled.repository);
    if (settled === undefined || validity === undefined) return undefined;
    return { holds: () => settled.holds() && validity.holds(), used: () => validity.used() };
  }
}
