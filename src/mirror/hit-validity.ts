import type { Digest } from '../oci/digest.ts';
import type { ManifestReference, Repository, Tag } from '../oci/reference.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import type { Gate } from './access/gate.ts';
import type { Entitlement } from './blobs/entitlement.ts';
import type { Candidates } from './candidates.ts';
import type { ManifestRecords } from './manifests/manifest-records.ts';
import type { ManifestService } from './manifests/manifest-service.ts';
import type { PullTarget, Validity } from './mirror.ts';
import type { PullAhead } from './pull-ahead/pull-ahead.ts';

export interface HitValidityDeps {
  readonly candidates: Candidates;
  readonly gate: Gate;
  readonly records: ManifestRecords;
  readonly manifests: ManifestService;
  readonly entitlement: Entitlement;
  readonly pullAhead: PullAhead;
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
}

/**
 * What hits rest on: the very objects that answers are made from, compared by identity. A tag that was
 * confirmed, moved, or moved away and back has a new record, and so has what was evicted and fetched again.
 */
export class HitValidity {
  readonly #deps: HitValidityDeps;

  constructor(deps: HitValidityDeps) {
    this.#deps = deps;
  }

  /** As {@link PullThroughMirror.manifestValidity}. */
  manifest(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
    answered: Digest,
  ): Validity | undefined {
    return this.#while(target, (repository) => {
      const manifest = this.#digest(target, repository, answered, method);
      return 'tag' in reference ? this.#tag(repository, reference.tag, answered, manifest) : manifest;
    });
  }

  /** As {@link PullThroughMirror.blobValidity}. Readers who need proof have to ask each time. */
  blob(target: PullTarget, digest: Digest): Validity | undefined {
    const { gate, entitlement, content, metadata } = this.#deps;
    if (gate.manifestEvidence(target.reader) === 'needs-proof') return undefined;
    return this.#while(target, (repository) => {
      const known = entitlement.peek(repository, digest);
      if (known?.sizeFrom !== 'bytes') return undefined;
      const { removals } = content;
      return {
        holds: () => content.removals === removals && entitlement.peek(repository, digest) === known,
        used: () => metadata.touch([digest]),
      };
    });
  }

  #tag(
    repository: Repository,
    tag: Tag,
    answered: Digest,
    manifest: Validity | undefined,
  ): Validity | undefined {
    const { records, manifests } = this.#deps;
    const record = records.peekTag(repository, tag);
    if (record?.digest !== answered || manifest === undefined) return undefined;
    return {
      holds: () =>
        records.peekTag(repository, tag) === record &&
        manifests.isFresh(repository, tag, record.checkedAt) &&
        manifest.holds(),
      used: () => manifest.used(),
    };
  }

  #digest(
    { reader }: PullTarget,
    repository: Repository,
    digest: Digest,
    method: 'GET' | 'HEAD',
  ): Validity | undefined {
    const { gate, records, pullAhead } = this.#deps;
    const manifest = records.peek(repository, digest);
    if (manifest === undefined) return undefined;
    const evidence = gate.manifestEvidence(reader);
    return {
      holds: () => records.peek(repository, digest) === manifest,
      used: () => {
        records.used(manifest);
        if (method === 'GET') pullAhead.pulledAgain(repository, manifest, evidence);
      },
    };
  }

  /** A validity that also ends with the reader's admission, or when the name means another repository. */
  #while(target: PullTarget, make: (repository: Repository) => Validity | undefined): Validity | undefined {
    if (target.cachedOnly) return undefined;
    const settled = this.#deps.candidates.settled(target);
    const validity = settled && make(settled.repository);
    if (settled === undefined || validity === undefined) return undefined;
    return { holds: () => settled.holds() && validity.holds(), used: () => validity.used() };
  }
}
