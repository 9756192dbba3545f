import type { Clock } from '../../base/clock.ts';
import { Limiter } from '../../base/limiter.ts';
import { CareError } from '../../cache/care/care-error.ts';
import type { ContentSink } from '../../cache/transfer/content-sink.ts';
import type { Digest } from '../../oci/digest.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { StoredBlob } from '../../store/content-store.ts';
import { blobAttempts, retryPauseMs, retryPauses } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { SyncSource } from './sync-source.ts';

/** Blobs at a time, of all images together: enough that hashing one never leaves the link idle. */
const atATime = 4;

/** Times that a blob is begun anew, or goes on earlier, because of what the sink has of it. */
const maxRestarts = 3;

interface BlobTransfersDeps {
  readonly source: SyncSource;
  readonly sink: Pick<ContentSink, 'putBlob'>;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Told of bytes as they arrive. */
  readonly onBytes: (blob: StoredBlob, received: number) => void;
}

/** A blob that is to come. */
export interface ComingBlob extends StoredBlob {
  /** Bytes that are here already. */
  readonly offset: number;
}

/** Brings blobs from the source to the sink, each once, however many images have it. */
export class BlobTransfers {
  readonly #deps: BlobTransfersDeps;
  readonly #limiter = new Limiter(atATime);
  readonly #transfers = new Map<Digest, { readonly key: string; readonly done: Promise<void> }>();

  constructor(deps: BlobTransfersDeps) {
    this.#deps = deps;
  }

  /** Resolves when the blob is stored. Rejects when it is not to be had. */
  async bring(repository: Repository, blob: ComingBlob): Promise<void> {
    const key = repositoryKey(repository);
    const before = this.#transfers.get(blob.digest);
    if (before !== undefined) {
      const came = await before.done.then(
        () => true,
        () => false,
      );
      // Another repository may have what one was refused, and what came for one is no proof for another.
      if (before.key === key) return before.done;
      if (came) return this.prove(repository, blob);
    }
    const done = this.#inTurn(repository, blob);
    this.#transfers.set(blob.digest, { key, done });
    return done;
  }

  /** The next blob begins when the bytes of this one are here: it need not wait for them to be on the disk. */
  async #inTurn(repository: Repository, blob: ComingBlob): Promise<void> {
    const arrived = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    await this.#limiter.run(async () => {
      this.#transfer(repository, blob, arrived.resolve).then(stored.resolve, stored.reject);
      await Promise.race([arrived.promise, stored.promise]);
    });
    await stored.promise;
  }

  /** Resolves when the source shows that the repository has a blob whose bytes are here already. */
  async prove(repository: Repository, { digest, size }: StoredBlob): Promise<void> {
    const { source, signal } = this.#deps;
    const stated = await this.#limiter.run(async () => {
      const place = source.at(repository);
      return await place?.registry.headBlob(place.name, digest, { signal });
    });
    if (stated !== undefined && stated !== size) throw this.#wrongSize(digest, size, stated);
  }

  async #transfer(repository: Repository, blob: ComingBlob, onArrived: () => void): Promise<void> {
    const { sink, source } = this.#deps;
    const { digest, size } = blob;
    let { offset } = blob;
    for (let restarts = 0; ; restarts += 1) {
      const outcome = await sink.putBlob(
        { digest, size, offset },
        this.#bytes(repository, { ...blob, offset }, onArrived),
      );
      if (outcome.state === 'stored' || outcome.state === 'held') return;
      const isHopeless = outcome.state === 'mismatch' && offset === 0;
      if (isHopeless || restarts >= maxRestarts) {
        throw new CareError('failed', `what ${source.host} gives for ${digest} has another digest`);
      }
      // A mismatch may be that of the bytes that were here before.
      offset = outcome.state === 'gap' ? outcome.offset : 0;
    }
  }

  /** The bytes from `offset` to the end; a connection that breaks is followed by another. */
  async *#bytes(repository: Repository, blob: ComingBlob, onArrived: () => void): AsyncGenerator<Buffer> {
    const { clock, random, signal } = this.#deps;
    const { offset } = blob;
    let position = offset;
    let failed = 0;
    while (position < blob.size) {
      try {
        for await (const chunk of this.#stream(repository, blob, position)) {
          position += chunk.length;
          failed = 0;
          yield chunk;
        }
        if (position < blob.size)
          throw new UpstreamError('unavailable', `${this.#deps.source.host} sent too little`);
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        failed += 1;
        const hasMore = failed < blobAttempts(error, 'fine', position > offset);
        const pauseMs = hasMore ? retryPauseMs(error, failed, retryPauses.blob, random()) : undefined;
        if (pauseMs === undefined) throw error;
        await clock.sleep(pauseMs, signal);
      }
    }
    onArrived();
  }

  /** One answer of the source, without what comes before `position`, up to what the blob may have. */
  async *#stream(repository: Repository, blob: StoredBlob, position: number): AsyncGenerator<Buffer> {
    const { source, signal, onBytes } = this.#deps;
    const { digest, size } = blob;
    const place = source.at(repository);
    if (place === undefined) throw new UpstreamError('not-found', `${source.host} cannot be asked for it`);
    const stream = await place.registry.openBlob(place.name, digest, { offset: position, signal });
    if (stream.size !== undefined && stream.size !== size) {
      await stream.body[Symbol.asyncIterator]().return?.();
      throw this.#wrongSize(digest, size, stream.size);
    }
    let at = stream.offset;
    for await (const chunk of stream.body) {
      const fresh = chunk.subarray(Math.min(Math.max(position - at, 0), chunk.length));
      at += chunk.length;
      if (at > size)
        throw new CareError('failed', `${source.host} has more than the ${size} bytes of ${digest}`);
      if (fresh.length === 0) continue;
      onBytes(blob, fresh.length);
      // A chunk is valid until the next only, and the sink gathers several.
      yield Buffer.from(fresh);
    }
  }

  #wrongSize(digest: Digest, size: number, stated: number): CareError {
    const { host } = this.#deps.source;
    return new CareError(
      'failed',
      `${host} has ${stated} bytes for ${digest}, which its manifest says are ${size}`,
    );
  }
}
