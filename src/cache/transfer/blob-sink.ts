import { setImmediate as turn } from 'node:timers/promises';
import { byteSizeText } from '../../base/byte-size.ts';
import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { ContentStore, Ingest, StoredBlob } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import { CareError } from '../care/care-error.ts';
import type { RepositoryNames } from '../care/image-names.ts';
import type { Allowance } from '../care/import/allowance.ts';
import type { InUse } from '../in-use.ts';
import type { Leftovers } from '../space/leftovers.ts';
import type { Reservations } from '../space/reservations.ts';
import { checkMirrored } from './check-mirrored.ts';
import type { BlobOutcome, ContentSink, GivenBlob, LackingBlob } from './content-sink.ts';

export interface BlobSinkDeps {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly inUse: InUse;
  readonly reservations: Reservations;
  readonly leftovers: Leftovers;
  readonly allowance: Allowance;
  readonly routing: RepositoryNames;
  readonly clock: Clock;
}

/** Bytes that are hashed and written at a time. */
const batchBytes = 1024 * 1024;

/** Looks at a blob that a pull has stored and is about to record. */
const looks = 1000;

/** The half of a {@link ContentSink} that takes blobs. */
export class BlobSink implements Pick<ContentSink, 'lacking' | 'putBlob'> {
  readonly #deps: BlobSinkDeps;

  constructor(deps: BlobSinkDeps) {
    this.#deps = deps;
  }

  async lacking(
    repository: Repository | undefined,
    blobs: readonly StoredBlob[],
  ): Promise<readonly LackingBlob[]> {
    const { content, metadata, routing } = this.#deps;
    if (repository !== undefined) checkMirrored(routing, repository);
    const absent = new Set<Digest>();
    const unproven = new Set<Digest>();
    for (const { digest } of blobs) {
      if ((await metadata.blob(digest)) === undefined) absent.add(digest);
      else if (repository !== undefined) {
        const right = await metadata.repositoryBlob(repository, digest);
        if (right?.confirmed !== true) unproven.add(digest);
      }
    }
    const partial = new Map<Digest, number>();
    if (absent.size > 0) {
      for await (const { digest, size } of content.listPartial()) partial.set(digest, size);
    }
    return blobs
      .filter(({ digest }) => absent.has(digest) || unproven.has(digest))
      .map(({ digest, size }) => {
        const offset = Math.min(absent.has(digest) ? (partial.get(digest) ?? 0) : 0, size);
        return { digest, size, held: unproven.has(digest), offset };
      });
  }

  async putBlob(blob: GivenBlob, bytes: AsyncIterable<Uint8Array>): Promise<BlobOutcome> {
    const ingest = await this.#ingest(blob);
    if (ingest === undefined) return { state: 'held' };
    const { inUse, reservations, leftovers, clock } = this.#deps;
    const { digest, size } = blob;
    using _ = inUse.hold(digest);
    const arriving = { size, written: ingest.offset };
    reservations.add(digest, arriving);
    let keptBytes = 0;
    try {
      const outcome = await this.#take(ingest, blob, bytes, arriving);
      if (outcome.state === 'gap') keptBytes = outcome.offset;
      return outcome;
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NO_SPACE') await ingest.discard();
      else keptBytes = ingest.offset;
      throw error;
    } finally {
      reservations.delete(digest);
      leftovers.left(digest, keptBytes, clock.now());
      await ingest.close();
    }
  }

  /** Undefined for a blob that is here already, or is by the time that a pull has fetched it. */
  async #ingest({ digest, size, offset }: GivenBlob): Promise<Ingest | undefined> {
    const { content, metadata, inUse, allowance } = this.#deps;
    for (let looked = 0; ;) {
      if ((await metadata.blob(digest)) !== undefined) return undefined;
      if (inUse.has(digest) && looked < looks && (await content.size(digest)) !== undefined) {
        looked += 1;
        await turn();
        continue;
      }
      const refusal = await allowance.refusal(size - offset, false);
      if (refusal !== undefined) {
        throw new CareError('failed', `no room for a blob of ${byteSizeText(size)}: ${refusal}`);
      }
      try {
        return await content.ingest(digest);
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'INGEST_BUSY') throw error;
        await content.settled(digest);
      }
    }
  }

  async #take(
    ingest: Ingest,
    { digest, size, offset }: GivenBlob,
    bytes: AsyncIterable<Uint8Array>,
    arriving: { written: number },
  ): Promise<BlobOutcome> {
    const { content, metadata, reservations } = this.#deps;
    if (ingest.offset > size) await ingest.restart();
    if (ingest.offset < offset) return { state: 'gap', offset: ingest.offset };
    if (ingest.offset < size || !ingest.matches()) {
      for await (const batch of batches(bytes, ingest.offset - offset)) {
        await ingest.write([batch]);
        reservations.written += ingest.offset - arriving.written;
        arriving.written = ingest.offset;
        if (ingest.offset > size) break;
      }
      if (ingest.offset < size) {
        throw new CareError('failed', `${digest} ended after ${ingest.offset} of ${size} bytes`);
      }
    }
    if (ingest.offset !== size || !ingest.matches()) {
      await ingest.discard();
      return { state: 'mismatch' };
    }
    await ingest.commit();
    await metadata.putBlob(digest, size);
    await content.recorded(digest);
    return { state: 'stored' };
  }
}

/** Joins small chunks, without the first `skipped` bytes. */
async function* batches(bytes: AsyncIterable<Uint8Array>, skipped: number): AsyncGenerator<Uint8Array> {
  let batch: Buffer | undefined;
  let filled = 0;
  let surplus = skipped;
  for await (const chunk of bytes) {
    let wanted = chunk.subarray(Math.min(surplus, chunk.length));
    surplus -= chunk.length - wanted.length;
    if (filled === 0 && wanted.length >= batchBytes) {
      yield wanted;
      continue;
    }
    while (wanted.length > 0) {
      batch ??= Buffer.allocUnsafeSlow(batchBytes);
      const taken = wanted.subarray(0, batchBytes - filled);
      batch.set(taken, filled);
      filled += taken.length;
      wanted = wanted.subarray(taken.length);
      if (filled < batchBytes) break;
      yield batch;
      filled = 0;
    }
  }
  if (batch !== undefined && filled > 0) yield batch.subarray(0, filled);
}
