import { setImmediate as turn } from 'node:timers/promises';
import { type Digest, isDigestOf } from '../../oci/digest.ts';
import { repositoryKey } from '../../oci/reference.ts';
import type { DanglingTag } from '../../store/audit.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { InUse } from '../in-use.ts';
import type { Evictor } from '../space/evictor.ts';
import type { Remover } from '../space/remover.ts';
import type { BlobChecker } from './blob-checker.ts';
import type { ImageNames } from './image-names.ts';
import { pageLength, pagesOf } from './pages.ts';
import type { VerifyEvent } from './schemas.ts';
import type { VerifyTotals } from './verify-totals.ts';

/** Wrong accounts that are reported one by one. */
const reportedAccounts = 50;
/** Images through which repositories with a damaged manifest are found. The next run finds the rest. */
const mostNames = 1000;

export interface RecordVerifierDeps {
  readonly content: Pick<ContentStore, 'listPartial' | 'size'>;
  readonly metadata: MetadataStore;
  readonly evictor: Pick<Evictor, 'remove'>;
  readonly remover: Pick<Remover, 'workOff'>;
  readonly blobs: Pick<BlobChecker, 'images'>;
  readonly names: ImageNames;
  readonly inUse: InUse;
}

/** Checks the database against itself: manifests, tags, accounts, and unfinished work. */
export class RecordVerifier {
  readonly #deps: RecordVerifierDeps;
  readonly #totals: VerifyTotals;
  readonly #repair: boolean;

  constructor(deps: RecordVerifierDeps, totals: VerifyTotals, repair: boolean) {
    this.#deps = deps;
    this.#totals = totals;
    this.#repair = repair;
  }

  async *database(): AsyncGenerator<VerifyEvent> {
    for (const detail of await this.#deps.metadata.inventory.integrity()) {
      yield this.#totals.finding({ kind: 'database', loss: true, detail });
    }
  }

  async *manifests(): AsyncGenerator<VerifyEvent> {
    const { metadata, blobs } = this.#deps;
    const pages = pagesOf<Digest, Digest>(
      (after, limit) => metadata.audit.manifests(after, limit),
      (digest) => digest,
    );
    for await (const digests of pages) {
      for (const digest of digests) {
        await turn();
        const manifest = await metadata.anyManifest(digest);
        if (manifest === undefined) continue;
        this.#totals.addManifest();
        if (isDigestOf(digest, manifest.bytes)) continue;
        const images = await blobs.images(digest);
        if (this.#repair) await this.#removeManifest(digest);
        const detail = `the bytes of the manifest ${digest} do not match the digest`;
        const repaired = this.#repair;
        yield this.#totals.finding({ kind: 'manifest', loss: true, repaired, digest, images, detail });
      }
    }
  }

  async *consistency(): AsyncGenerator<VerifyEvent> {
    const { inventory, audit } = this.#deps.metadata;
    this.#totals.setTags((await inventory.counts()).tags);
    const { accounts, danglingTags } = await audit.errors();
    for (const tag of danglingTags) yield await this.#danglingTag(tag);
    if (accounts.length > 0 && this.#repair) await audit.recount();
    const details = accounts
      .slice(0, reportedAccounts)
      .map(({ account, kept, counted }) => `${account}: the database says ${kept}, and it is ${counted}`);
    if (accounts.length > reportedAccounts)
      details.push(`${accounts.length - reportedAccounts} more accounts are wrong`);
    for (const detail of details) {
      yield this.#totals.finding({ kind: 'accounts', repaired: this.#repair, detail });
    }
  }

  async *leftovers(): AsyncGenerator<VerifyEvent> {
    const { content, inUse } = this.#deps;
    yield* this.#condemned();
    for await (const { digest, size } of content.listPartial()) {
      if (inUse.has(digest)) continue;
      const detail = `a download of ${digest} was cut off after ${size} bytes; the next request goes on from there`;
      yield this.#totals.finding({ kind: 'partial', digest, detail });
    }
  }

  async #danglingTag({ repository, tag, digest }: DanglingTag): Promise<VerifyEvent> {
    const { metadata, names } = this.#deps;
    if (this.#repair) await metadata.removeTag(repository, tag);
    const image = names.show(repository, { tag, digest });
    const detail = `${image} points to ${digest}, which is not cached`;
    const repaired = this.#repair;
    return this.#totals.finding({ kind: 'tag', loss: true, repaired, digest, images: [image], detail });
  }

  async *#condemned(): AsyncGenerator<VerifyEvent> {
    const { content, metadata, remover, inUse } = this.#deps;
    const { evictions } = metadata;
    const left: Digest[] = [];
    for (const digest of await evictions.condemned(pageLength)) {
      if (!inUse.has(digest) && (await content.size(digest)) !== undefined) left.push(digest);
    }
    if (this.#repair) await remover.workOff(new AbortController().signal);
    for (const digest of left) {
      const gone = !(await evictions.isCondemned(digest));
      // Its eviction was under way.
      if (gone && !this.#repair) continue;
      const detail = `${digest} was evicted, and its bytes are still there`;
      yield this.#totals.finding({ kind: 'condemned', repaired: gone, digest, detail });
    }
  }

  /** From every repository that has it: the next pull fetches it anew. */
  async #removeManifest(digest: Digest): Promise<void> {
    const { metadata, evictor } = this.#deps;
    const images = await metadata.audit.imagesNaming(digest, mostNames);
    const repositories = new Map(
      images
        .filter((image) => image.digest === digest)
        .map(({ repository }) => [repositoryKey(repository), repository]),
    );
    for (const repository of repositories.values()) await evictor.remove(repository, { digest });
  }
}
