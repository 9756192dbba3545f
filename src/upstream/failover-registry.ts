import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import { type Digest, isDigestOf } from '../oci/digest.ts';
import { referenceText, type ManifestReference, type UpstreamName } from '../oci/reference.ts';
import { failureClass, failurePolicies, isNotFound } from './failure-policy.ts';
import { UpstreamError, type BlobStream, type ManifestHead, type UpstreamRegistry } from './registry.ts';
import { UpstreamLocation } from './upstream-location.ts';

/** Manifests for which it is known who answered a HEAD. */
const maxAnswered = 10_000;
/** Digests for which it is known who gave other bytes. */
const maxDoubted = 1_000;

/** What changes the order in which URLs are asked, besides their troubles. */
interface Order {
  readonly preferred?: UpstreamLocation | undefined;
  readonly doubted?: ReadonlySet<UpstreamLocation> | undefined;
}

/**
 * One upstream at several URLs, asked in order until one has the answer. A URL in trouble comes last for a
 * while; one that gave wrong bytes for a digest comes last for that. A manifest is fetched from the URL that
 * answered its HEAD.
 */
export class FailoverRegistry implements UpstreamRegistry {
  readonly name: UpstreamName;
  readonly #locations: readonly UpstreamLocation[];
  readonly #answered = new LRUCache<string, UpstreamLocation>({ max: maxAnswered });
  readonly #doubted = new LRUCache<Digest, Set<UpstreamLocation>>({ max: maxDoubted });

  /** @param registries the clients of the URLs, the best one first */
  constructor(name: UpstreamName, registries: readonly UpstreamRegistry[], clock: Clock) {
    this.name = name;
    this.#locations = registries.map((registry) => new UpstreamLocation(registry, clock));
  }

  readonly headManifest: UpstreamRegistry['headManifest'] = (repository, reference, options) =>
    this.#first({}, async (location) => {
      const head = await location.registry.headManifest(repository, reference, options);
      if (head.bytes !== undefined) this.#requireRight(head, head.bytes, reference);
      this.#answered.set(`${repository} ${referenceText(reference)}`, location);
      // What follows a HEAD of a tag is a GET by the digest that it stated.
      if (head.digest !== undefined) this.#answered.set(`${repository} ${head.digest}`, location);
      return head;
    });

  readonly getManifest: UpstreamRegistry['getManifest'] = (repository, reference, options) => {
    const preferred = this.#answered.get(`${repository} ${referenceText(reference)}`);
    return this.#first({ preferred }, async ({ registry }) => {
      const manifest = await registry.getManifest(repository, reference, options);
      this.#requireRight(manifest, manifest.bytes, reference);
      return manifest;
    });
  };

  /** A body that fails or is wrong counts against its URL: the next attempt goes to another. */
  readonly openBlob: UpstreamRegistry['openBlob'] = (repository, digest, range) =>
    this.#first({ doubted: this.#doubted.get(digest) }, async (location) =>
      this.#counted(await location.registry.openBlob(repository, digest, range), digest, location),
    );

  readonly headBlob: UpstreamRegistry['headBlob'] = (...request) =>
    this.#first({}, ({ registry }) => registry.headBlob(...request));

  readonly listTags: UpstreamRegistry['listTags'] = (...request) =>
    this.#first({}, ({ registry }) => registry.listTags(...request));

  readonly search: UpstreamRegistry['search'] = (...request) =>
    this.#first({}, ({ registry }) => registry.search(...request));

  /** Undefined when no URL that answers has the API. */
  readonly referrers: UpstreamRegistry['referrers'] = async (...request) => {
    let missing = false;
    try {
      return await this.#first({}, async ({ registry }) => {
        const found = await registry.referrers(...request);
        if (found !== undefined) return found;
        missing = true;
        throw new UpstreamError('not-found', `${this.name} has no referrers API`);
      });
    } catch (error) {
      if (missing && isNotFound(error)) return undefined;
      throw error;
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#locations.map(({ registry }) => registry[Symbol.asyncDispose]()));
  }

  /** So that the next URL is asked. */
  #requireRight({ digest }: ManifestHead, bytes: Buffer, reference: ManifestReference): void {
    const expected = 'digest' in reference ? reference.digest : digest;
    if (expected !== undefined && !isDigestOf(expected, bytes))
      throw new UpstreamError('invalid', `${this.name} sent a manifest that does not match its digest`);
  }

  /** All ranges of a stream come from one URL, so that wrong bytes are that one's. */
  #counted(blob: BlobStream, digest: Digest, location: UpstreamLocation): BlobStream {
    const { range } = blob;
    void blob.ended.then((failure) => {
      if (failure !== undefined) location.failed(failure);
    });
    return {
      ...blob,
      range: range && (async (part) => this.#counted(await range(part), digest, location)),
      mismatched: () => {
        blob.mismatched?.();
        this.#doubted.set(digest, (this.#doubted.get(digest) ?? new Set()).add(location));
      },
    };
  }

  /** The first answer; if there is none, rejects with the most telling failure. */
  async #first<T>(order: Order, ask: (location: UpstreamLocation) => Promise<T>): Promise<T> {
    let worst: UpstreamError | undefined;
    for (const location of this.#inOrder(order)) {
      try {
        const answer = await ask(location);
        location.answered();
        return answer;
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.kind === 'aborted') throw error;
        location.failed(error);
        if (worst === undefined || rank(error) < rank(worst)) worst = error;
      }
    }
    throw worst ?? new UpstreamError('unavailable', `${this.name} has no URL`);
  }

  #inOrder({ preferred, doubted }: Order): readonly UpstreamLocation[] {
    const isDoubted = (location: UpstreamLocation): number => Number(doubted?.has(location) ?? false);
    return this.#locations.toSorted(
      (one, other) =>
        isDoubted(one) - isDoubted(other) ||
        one.troubledUntil - other.troubledUntil ||
        Number(other === preferred) - Number(one === preferred),
    );
  }
}

const classes = Object.keys(failurePolicies);

/** The smaller, the more telling: a URL in trouble may have what another answers 404 for. */
function rank(error: UpstreamError): number {
  return classes.indexOf(failureClass(error));
}
