import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/error.ts';
import type { Repository } from '../../oci/reference.ts';
import type { ContentStore, Ingest, IngestReader } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { BlobLength } from './blob-length.ts';
import type { Blocks } from './blocks.ts';
import type { Degradation } from '../../cache/degradation.ts';
import { logFailure } from './fill-failure.ts';
import type { FillRequest } from './fill-request.ts';
import { ReceivedPrefix } from './received-prefix.ts';
import type { InUse } from '../../cache/in-use.ts';
import { admit, NotStored } from './not-stored.ts';
import { receive } from './receive.ts';
import type { Admission, Reservation } from '../../cache/space/admission.ts';
import { RecentBytes } from './recent-bytes.ts';
import { Wakeup } from './wakeup.ts';
import { SourceCandidates } from './source-candidates.ts';

/** Bytes at the end of a blob that are held back until it is verified. A blob no longer than this is verified before its first byte goes out. */
export const heldBackBytes = 64 * 1024;

/** What fills share. */
export interface FillDependencies {
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
 * The one download of a digest that is under way. It runs to its end whoever listens; readers follow it from their own
 * positions through the ingest, so that a slow one holds up nobody.
 */
export class Fill {
  readonly digest: Digest;
  readonly length = new BlobLength();
  /** Resolves when the fill is over and its outcome is stored; never rejects. */
  readonly ended: Promise<void>;

  readonly #request: FillRequest;
  readonly #shared: FillDependencies;
  readonly #logger: Logger;
  readonly #progress = new Wakeup(() => {
    this.#front = this.#ingest?.offset ?? 0;
  });
  readonly #candidates = new SourceCandidates();
  #ingest: Ingest | undefined;
  #recent: RecentBytes | undefined;
  /** Bytes in the store at the last wake. Who comes between two of them waits as well, or would take each byte as it comes. */
  #front = 0;
  /** Whether bytes may have gone out. */
  #isExposed = false;
  #held: ReceivedPrefix | undefined;
  #state: State = { is: 'filling' };
  #readers = 0;
  #received = 0;
  #over = false;

  /** @param before when the last fill of that digest, which failed, has let go of the ingest */
  constructor(request: FillRequest, shared: FillDependencies, before: Promise<void>) {
    this.digest = request.digest;
    this.#request = request;
    this.#shared = shared;
    this.#logger = shared.logger.child({ digest: request.digest });
    this.offer(request);
    this.ended = this.#run(before);
  }

  /** Whether it is only letting go of what it had, so that nobody can join it any more. */
  get isOver(): boolean {
    return this.#over;
  }

  get failed(): boolean {
    return this.#state.is === 'failed';
  }

  get detached(): boolean {
    return this.#state.is === 'detached';
  }

  /** Adds another repository through which the same bytes may be fetched. */
  offer({ repository, open, hint }: FillRequest): void {
    this.#candidates.offer(repository, open);
    this.length.hint(hint);
  }

  /** Whether upstream is, or will be, asked for the bytes through that repository. */
  mayComeBy(repository: Repository): boolean {
    return this.#candidates.has(repository);
  }

  /** Whether upstream has given bytes for that repository. */
  cameBy(repository: Repository): boolean {
    return this.#candidates.gave(repository);
  }

  /** Bytes that are still to come, as far as that is known; none once it is over. */
  get left(): number {
    const size = this.#over || this.failed ? undefined : this.length.expected;
    return size === undefined ? 0 : Math.max(0, size - (this.#ingest?.offset ?? 0));
  }

  /** Bytes that have come since it was begun. */
  get received(): number {
    return this.#received;
  }

  get isRead(): boolean {
    return this.#readers > 0;
  }

  /** Counts a reader; each must be given back with {@link release}. */
  acquire(): void {
    this.#readers += 1;
  }

  async release(): Promise<void> {
    this.#readers -= 1;
    await this.#closeIfIdle();
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
        const front = Math.min(this.#front, this.#held?.trusted ?? this.#front);
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

  /** A reader of the bytes that are in the store, to be closed before {@link release}; undefined while there are none. */
  reader(): IngestReader | undefined {
    return this.#ingest?.reader();
  }

  /** The bytes that came only just now; undefined once they have to be read. */
  get recent(): RecentBytes | undefined {
    return this.#recent;
  }

  async #run(before: Promise<void>): Promise<void> {
    using _ = this.#shared.inUse.hold(this.digest);
    await before;
    const { admission } = this.#shared;
    const { repository } = this.#request;
    const reservation = admission.reserve(this.digest, repository);
    let keptBytes: number | undefined;
    try {
      // What a manifest states of the size counts for nothing: it need not be true.
      admit(admission.refusal(repository, 0));
      this.#ingest = await this.#shared.content.ingest(this.digest);
      reservation.resume(this.#ingest.offset);
      await this.#fill(this.#ingest, reservation);
    } catch (error) {
      keptBytes = await this.#failed(error);
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
    await this.#shared.metadata.putBlob(this.digest, size);
    // At once: for as long as the blob is in the accounts and arriving as well, it counts twice.
    reservation.committed();
    await this.#shared.content.recorded(this.digest);
    await this.#request.onCommitted(size);
  }

  async #receive(ingest: Ingest, reservation: Reservation): Promise<void> {
    const { signal, clock, random, blocks } = this.#shared;
    const { hint, outlook } = this.#request;
    const reader = ingest.reader();
    this.#held = new ReceivedPrefix(reader, () => this.#isExposed);
    const receiving = receive({
      ingest,
      source: {
        held: this.#held,
        open: (range, expectedSize) => this.#candidates.open(range, expectedSize),
        hint,
        outlook,
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
  async #failed(error: unknown): Promise<number | undefined> {
    const unstored = error instanceof StoreError || error instanceof NotStored;
    if (error instanceof StoreError) this.#shared.degradation.note(error);
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
    await this.#shared.degradation.tolerate(() => (drop ? ingest.discard() : ingest.suspend()));
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
    await this.#shared.degradation.tolerate(() => ingest.close());
  }
}
