import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/error.ts';
import type { Repository } from '../../oci/reference.ts';
import type { ContentStore, Ingest, IngestReader } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Outlook } from '../../upstream/failure-policy.ts';
import { UpstreamError, type BlobOpener } from '../../upstream/registry.ts';
import { Share } from '../../upstream/throttle/share.ts';
import { BlobLength } from './blob-length.ts';
import type { Blocks } from './blocks.ts';
import type { Degradation } from '../../cache/degradation.ts';
import { admit, isGivenUp, logFailure, NotStored } from './fill-failure.ts';
import { ReceivedPrefix } from './received-prefix.ts';
import type { InUse } from '../../cache/in-use.ts';
import { receive } from './receive.ts';
import type { Admission, Reservation } from '../../cache/space/admission.ts';
import { RecentBytes } from './recent-bytes.ts';
import { Wakeup } from './wakeup.ts';
import { SourceCandidates } from './source-candidates.ts';

/** Bytes at the end of a blob that are held back until it is verified: all of a shorter blob. */
export const heldBackBytes = 64 * 1024;

/** What a fill is begun with, or is offered as another source of the same bytes. */
export interface FillRequest {
  readonly digest: Digest;
  /** The repository through which it is asked for. */
  readonly repository: Repository;
  readonly open: BlobOpener;
  /** The size in bytes that a manifest states, if one does: for plans only. */
  readonly hint: number | undefined;
  /** What is to be expected of the upstream. */
  readonly outlook: () => Outlook;
  /** Told the size, in bytes, of the blob once it is in the store. */
  readonly onCommitted: (size: number) => Promise<void>;
  /** Whether no client has asked for the blob yet: then the fill may be abandoned. */
  readonly isAhead: boolean;
}

/** What fills share. */
export interface FillDeps {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly admission: Admission;
  readonly inUse: InUse;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly blocks: Blocks;
  /** Ends all fills; their partial bytes are kept. */
  readonly signal: AbortSignal;
}

type State =
  | { readonly is: 'filling' }
  /** The hash is right: all bytes may go out, though they may not be committed yet. */
  | { readonly is: 'verified' }
  /** The store failed, or has no room for the blob: readers fetch for themselves. */
  | { readonly is: 'detached' }
  | { readonly is: 'failed'; readonly error: unknown };

/**
 * The one download of a digest. It runs to its end whoever listens; readers follow it through the ingest from
 * their own positions, so that a slow one does not hold up the others.
 */
export class Fill {
  readonly digest: Digest;
  readonly length = new BlobLength();
  readonly candidates = new SourceCandidates();
  /** Resolves when the fill is over and its outcome is stored; never rejects. */
  readonly ended: Promise<void>;

  readonly #request: FillRequest;
  readonly #deps: FillDeps;
  readonly #logger: Logger;
  readonly #progress = new Wakeup(() => {
    this.#front = this.#ingest?.offset ?? 0;
  });
  #ingest: Ingest | undefined;
  #recent: RecentBytes | undefined;
  /** Bytes in the store at the last wake: readers that come between two wait for the next. */
  #front = 0;
  /** Whether bytes may have gone out. */
  #isExposed = false;
  #prefix: ReceivedPrefix | undefined;
  readonly #share: Share;
  readonly #abandoned = new AbortController();
  #retained = 0;
  #failure: unknown;
  readonly #signal: AbortSignal;
  #state: State = { is: 'filling' };
  #readers = 0;
  #received = 0;
  #over = false;

  /** @param before when the last fill of that digest, which failed, has let go of the ingest */
  constructor(request: FillRequest, deps: FillDeps, before: Promise<void>) {
    this.digest = request.digest;
    this.#request = request;
    this.#deps = deps;
    this.#logger = deps.logger.child({ digest: request.digest });
    const { isAhead } = request;
    this.#share = new Share(isAhead);
    this.#signal = isAhead ? AbortSignal.any([deps.signal, this.#abandoned.signal]) : deps.signal;
    this.offer(request);
    this.ended = this.#run(before);
  }

  /** Whether it has ended, failed or was abandoned, and is only tidying up: it cannot be joined any more. */
  get isOver(): boolean {
    return this.#over || this.#failed || this.#abandoned.signal.aborted;
  }

  /** Whether it ended before its time, though no request failed. */
  get wasGivenUp(): boolean {
    return this.#state.is === 'failed' && isGivenUp(this.#state.error);
  }

  get detached(): boolean {
    return this.#state.is === 'detached';
  }

  /** Adds another repository through which the same bytes may be fetched. */
  offer({ repository, open, hint, isAhead }: FillRequest): void {
    if (!isAhead) this.#share.promote();
    this.candidates.offer(repository, open);
    this.length.hint(hint);
  }

  /** Bytes that are still to come, as far as that is known; none once it is over. */
  get left(): number {
    const size = this.#over || this.#failed ? undefined : this.length.expected;
    return size === undefined ? 0 : Math.max(0, size - (this.#ingest?.offset ?? 0));
  }

  /** Bytes that have come since it was begun. */
  get received(): number {
    return this.#received;
  }

  /** Why it brought no blob into the store; undefined while it may, and once it has. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Keeps it from being abandoned until the result is disposed of, which is idempotent. No reader needs it. */
  retain(): Disposable {
    this.#retained += 1;
    let isRetained = true;
    return {
      [Symbol.dispose]: () => {
        if (isRetained) this.#retained -= 1;
        isRetained = false;
      },
    };
  }

  /** Counts a reader; each must be given back with {@link release}. */
  acquire(): void {
    this.#readers += 1;
  }

  async release(): Promise<void> {
    this.#readers -= 1;
    await this.#closeIfIdle();
  }

  /** Ends a fill that was begun ahead of clients, unless one reads it by now; what has arrived is kept. */
  abandon(): void {
    const isWanted = !this.#request.isAhead || this.#readers > 0 || this.#retained > 0;
    if (!isWanted && this.#state.is !== 'verified' && !this.detached) this.#abandoned.abort();
  }

  /** Bytes from the front that may be read now. Throws what the fill failed with. */
  readable(): number {
    switch (this.#state.is) {
      case 'failed':
        throw this.#state.error;
      case 'detached':
        return 0;
      case 'verified':
        return this.#ingest?.offset ?? 0;
      case 'filling': {
        const front = Math.min(this.#front, this.#prefix?.trusted ?? this.#front);
        const end = Math.min(front, (this.length.known ?? front) - heldBackBytes);
        this.#isExposed ||= end > 0;
        return Math.max(0, end);
      }
    }
  }

  /** Resolves when {@link readable} may have changed. */
  progress(): Promise<void> {
    return this.#progress.next();
  }

  /** Makes all readers look again, for one that wants to leave. */
  wake(): void {
    this.#progress.wake();
  }

  /** A reader of the bytes in the store, to be closed before {@link release}; undefined without any. */
  reader(): IngestReader | undefined {
    return this.#ingest?.reader();
  }

  /** The bytes that came only just now; undefined once they have to be read. */
  get recent(): RecentBytes | undefined {
    return this.#recent;
  }

  get #failed(): boolean {
    return this.#state.is === 'failed';
  }

  async #run(before: Promise<void>): Promise<void> {
    using _ = this.#deps.inUse.hold(this.digest);
    await before;
    const { admission } = this.#deps;
    const { repository } = this.#request;
    const reservation = admission.reserve(this.digest, repository);
    let keptBytes: number | undefined;
    try {
      // What a manifest states of the size counts for nothing: it need not be true.
      admit(admission.refusal(repository, 0));
      this.#ingest = await this.#deps.content.ingest(this.digest);
      reservation.resume(this.#ingest.offset);
      await this.#fill(this.#ingest, reservation);
    } catch (error) {
      keptBytes = await this.#fail(error);
    } finally {
      reservation.abandoned(keptBytes);
      this.#over = true;
      this.#recent?.close();
      this.#recent = undefined;
      await this.#closeIfIdle();
    }
  }

  async #fill(ingest: Ingest, reservation: Reservation): Promise<void> {
    if (ingest.offset > 0)
      this.#logger.info({ offset: ingest.offset }, 'resuming a blob that an earlier run left');
    this.#progress.wake();
    if (ingest.offset === 0 || !ingest.matches()) await this.#receive(ingest, reservation);
    const size = ingest.offset;
    this.length.verify(size);
    this.#settle({ is: 'verified' });
    await ingest.commit();
    await this.#deps.metadata.putBlob(this.digest, size);
    // At once: for as long as the blob is in the accounts and arriving as well, it counts twice.
    reservation.committed();
    await this.#deps.content.recorded(this.digest);
    await this.#request.onCommitted(size);
  }

  async #receive(ingest: Ingest, reservation: Reservation): Promise<void> {
    const { clock, random, blocks } = this.#deps;
    const signal = this.#signal;
    const { hint, outlook } = this.#request;
    const reader = ingest.reader();
    this.#prefix = new ReceivedPrefix(reader, () => this.#isExposed);
    const receiving = receive({
      ingest,
      source: {
        prefix: this.#prefix,
        open: (range, expectedSize) => this.candidates.open(range, expectedSize),
        hint,
        outlook,
        share: this.#share,
        signal,
        clock,
        random,
        logger: this.#logger,
      },
      recentFrom: (offset) => {
        this.#recent?.close();
        this.#recent = new RecentBytes(offset, hint ?? Infinity, blocks);
        this.#progress.wake();
        return this.#recent;
      },
      isExposed: () => this.#isExposed,
      onAnswer: (stated) => this.length.begin(stated),
      onWritten: (bytes, stated) => {
        this.#received += bytes;
        this.#progress.gather(bytes);
        admit(reservation.wrote(ingest.offset, stated));
        if (signal.aborted && ingest.offset !== stated)
          throw new UpstreamError('aborted', 'the blob is not fetched any further');
      },
    });
    await receiving.finally(() => reader.close());
  }

  /** Resolves to the bytes of the partial blob that are kept; undefined when there was none. */
  async #fail(error: unknown): Promise<number | undefined> {
    const unstored = error instanceof StoreError || error instanceof NotStored;
    if (error instanceof StoreError) this.#deps.degradation.note(error);
    this.#failure = error;
    // A verified blob that cannot be kept is still served to those who read it now.
    if (this.#state.is === 'filling') {
      this.length.fail(error);
      this.#settle(unstored ? { is: 'detached' } : { is: 'failed', error });
    }
    logFailure(this.#logger, error);
    const ingest = this.#ingest;
    if (ingest === undefined) return undefined;
    const drop = error instanceof NotStored || (error instanceof StoreError && error.code === 'NO_SPACE');
    const kept = drop || error instanceof RegistryError ? 0 : ingest.offset;
    await this.#deps.degradation.tolerate(() => (drop ? ingest.discard() : ingest.suspend()));
    return kept;
  }

  #settle(state: State): void {
    this.#state = state;
    this.#progress.wake();
  }

  async #closeIfIdle(): Promise<void> {
    const ingest = this.#ingest;
    if (!this.#over || this.#readers > 0 || ingest === undefined) return;
    this.#ingest = undefined;
    await this.#deps.degradation.tolerate(() => ingest.close());
  }
}
