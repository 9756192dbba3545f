import { setImmediate as turn } from 'node:timers/promises';
import { digestAlgorithm, digestOf, type Digest } from '../../oci/digest.ts';
import { repositoryKey } from '../../oci/reference.ts';
import type { DanglingTag } from '../../store/audit.ts';
import { pageLength, pagesOf } from './pages.ts';
import type { VerificationParts } from './verification-parts.ts';
import type { VerifyEvent } from './verify-events.ts';
import type { VerifyTotals } from './verify-totals.ts';

/** Of accounts that are wrong, so many are told one by one. */
const toldAccounts = 50;
/** Names by which the repositories that hold a damaged manifest are found; of more than that, another run finds the rest. */
const mostNames = 1000;

/** Holds what the database says against itself: manifests, tags, accounts, and what was left undone. */
export class RecordVerification {
  readonly #parts: VerificationParts;
  readonly #totals: VerifyTotals;
  readonly #repair: boolean;

  constructor(parts: VerificationParts, totals: VerifyTotals, repair: boolean) {
    this.#parts = parts;
    this.#totals = totals;
    this.#repair = repair;
  }

  async *database(): AsyncGenerator<VerifyEvent> {
    for (const detail of await this.#parts.metadata.inventory.integrity()) {
      yield this.#totals.finding({ kind: 'database', loss: true, detail });
    }
  }

  async *manifests(): AsyncGenerator<VerifyEvent> {
    const { metadata, blobs } = this.#parts;
    const pages = pagesOf<Digest, Digest>(
      (after, limit) => metadata.audit.manifests(after, limit),
      (digest) => digest,
    );
    for await (const digests of pages) {
      for (const digest of digests) {
        await turn();
        const manifest = await metadata.anyManifest(digest);
        if (manifest === undefined) continue;
        this.#totals.manifest();
        if (digestOf(manifest.bytes, digestAlgorithm(digest)) === digest) continue;
        const images = await blobs.images(digest);
        if (this.#repair) await this.#removeManifest(digest);
        const detail = `the bytes of the manifest ${digest} are not what they should be`;
        yield this.#totals.finding({
          kind: 'manifest',
          loss: true,
          repaired: this.#repair,
          digest,
          images,
          detail,
        });
      }
    }
  }

  async *consistency(): AsyncGenerator<VerifyEvent> {
    const { inventory, audit } = this.#parts.metadata;
    this.#totals.tags((await inventory.counts()).tags);
    const { accounts, danglingTags } = await audit.errors();
    for (const tag of danglingTags) yield await this.#danglingTag(tag);
    if (accounts.length > 0 && this.#repair) await audit.recount();
    const details = accounts
      .slice(0, toldAccounts)
      .map(({ account, kept, counted }) => `${account}: the database says ${kept}, and it is ${counted}`);
    if (accounts.length > toldAccounts)
      details.push(`${accounts.length - toldAccounts} more accounts are wrong`);
    for (const detail of details) {
      yield this.#totals.finding({ kind: 'accounts', repaired: this.#repair, detail });
    }
  }

  async *leftovers(): AsyncGenerator<VerifyEvent> {
    const { content, inUse } = this.#parts;
    yield* this.#condemned();
    for await (const { digest, size } of content.listPartial()) {
      if (inUse.has(digest)) continue;
      const detail = `a download of ${digest} was cut off after ${size} bytes; the next request goes on from there`;
      yield this.#totals.finding({ kind: 'partial', digest, detail });
    }
  }

  async #danglingTag({ repository, tag, digest }: DanglingTag): Promise<VerifyEvent> {
    const { metadata, names } = this.#parts;
    if (this.#repair) await metadata.removeTag(repository, tag);
    const image = names.show(repository, { tag, digest });
    return this.#totals.finding({
      kind: 'tag',
      loss: true,
      repaired: this.#repair,
      digest,
      images: [image],
      detail: `${image} points to ${digest}, which is not held`,
    });
  }

  async *#condemned(): AsyncGenerator<VerifyEvent> {
    const { content, metadata, remover, inUse } = this.#parts;
    const { evictions } = metadata;
    const left: Digest[] = [];
    for (const digest of await evictions.condemned(pageLength)) {
      if (!inUse.has(digest) && (await content.size(digest)) !== undefined) left.push(digest);
    }
    if (this.#repair) await remover.workOff(new AbortController().signal);
    for (const digest of left) {
      const gone = !(await evictions.isCondemned(digest));
      // It was being evicted just then.
      if (gone && !this.#repair) continue;
      const detail = `${digest} was evicted, and its bytes are still there`;
      yield this.#totals.finding({ kind: 'condemned', repaired: gone, digest, detail });
    }
  }

  /** From every repository that holds it: its next pull fetches it anew. */
  async #removeManifest(digest: Digest): Promise<void> {
    const { metadata, evictor } = this.#parts;
    const keys = await metadata.audit.imagesNaming(digest, mostNames);
    const holding = keys.filter((key) => key.digest === digest).map(({ repository }) => repository);
    const repositories = new Map(holding.map((repository) => [repositoryKey(repository), repository]));
    for (const repository of repositories.values()) await evictor.remove(repository, { digest });
  }
}
