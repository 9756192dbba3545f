import { byteSizeText } from '../../base/byte-size.ts';
import { backoffMs } from '../../base/backoff.ts';
import { pause, type Clock } from '../../base/clock.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError, type StoreErrorCode } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';

const probeMs = 5_000;
/** A store that fails again so soon after it came back has not come back. */
const relapseMs = 5 * 60 * 1000;
/** How long a store that has failed again is not tried with blobs. */
const distrust = { firstMs: probeMs, longestMs: 60_000 };
/** Less than so many free files are no room: the next blob would fail again. */
const filesAfterFull = 100;

/** What each failure means to the people who run the mirror. Other errors of a store are not failures of it. */
const meanings: Partial<Readonly<Record<StoreErrorCode, string>>> = {
  NO_SPACE: 'the disk is full',
  NOT_WRITABLE: 'the data folder cannot be written to',
  LOCKED: 'the database is locked by another program',
  CORRUPT: 'the database is damaged',
  IO: 'the disk or the database fails',
};

export interface StoreHealthOptions {
  readonly content: Pick<ContentStore, 'check' | 'room'>;
  readonly metadata: Pick<MetadataStore, 'check'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Whether the stores can keep anything. While they cannot, pulls pass through; it tries by itself whether they can again.
 * It says so once when they fail, and once when they are back.
 */
export class StoreHealth {
  readonly #content: Pick<ContentStore, 'check' | 'room'>;
  readonly #metadata: Pick<MetadataStore, 'check'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  #failures = new Map<StoreErrorCode, StoreError>();
  /** Failures that were logged since all was well. */
  readonly #told = new Set<StoreErrorCode>();
  #outOfRoom: string | undefined;
  #onFull: () => void = () => undefined;
  #onRecovery: () => void = () => undefined;
  #probing: Promise<void> = Promise.resolve();
  #probe: Promise<void> | undefined;
  #recoveredAt = -Infinity;
  /** How often in a row it has failed again soon after it was back. */
  #relapses = 0;
  #distrustedUntil = -Infinity;

  constructor({ content, metadata, clock, logger }: StoreHealthOptions) {
    this.#content = content;
    this.#metadata = metadata;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether new blobs can be stored, as far as is known. */
  get healthy(): boolean {
    return this.#failures.size === 0;
  }

  /** What is wrong, one line a problem, for people. */
  get problems(): readonly string[] {
    const failures = [...this.#failures.values()].map(
      (error) => `nothing is cached: ${meaning(error)} (${error.code}: ${error.message})`,
    );
    return this.#outOfRoom === undefined ? failures : [...failures, this.#outOfRoom];
  }

  /** Has `listener` called when the disk turns out to be full, and again as often as it is found to be so still. */
  onFull(listener: () => void): void {
    this.#onFull = listener;
  }

  /** Has `listener` called when the stores work again. */
  onRecovery(listener: () => void): void {
    this.#onRecovery = listener;
  }

  /** Takes note of an error of a store that has been dealt with. */
  failed(error: StoreError): void {
    if (meanings[error.code] === undefined) {
      this.#logger.warn({ code: error.code, reason: error.message }, 'the store has refused an operation');
      return;
    }
    const wasHealthy = this.healthy;
    const isNew = !this.#failures.has(error.code);
    this.#failures.set(error.code, error);
    this.#tell(error);
    if (wasHealthy) this.#fall();
    if (error.code === 'NO_SPACE' && isNew) this.#onFull();
  }

  /** Says that nothing can be cached for want of room, in a sentence for people; undefined: there is room. */
  outOfRoom(problem: string | undefined): void {
    const before = this.#outOfRoom;
    this.#outOfRoom = problem;
    if (before === undefined && problem !== undefined) this.#logger.warn(problem);
    if (before !== undefined && problem === undefined) this.#logger.info('there is room for new blobs again');
  }

  /** {@link problems}, after a look at how things are right now. */
  async check(): Promise<readonly string[]> {
    if (this.healthy) {
      try {
        await this.#metadata.check();
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.failed(error);
      }
    } else {
      await this.probe();
    }
    return this.problems;
  }

  /** Tries whether what has failed works again; one try at a time. */
  probe(): Promise<void> {
    this.#probe ??= this.#try().finally(() => {
      this.#probe = undefined;
    });
    return this.#probe;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#probing;
    await this.#probe;
  }

  #fall(): void {
    const now = this.#clock.monotonic();
    this.#relapses = now - this.#recoveredAt < relapseMs ? this.#relapses + 1 : 0;
    this.#distrustedUntil = now + (this.#relapses === 0 ? 0 : backoffMs(distrust, this.#relapses));
    this.#probing = this.#probing.then(() => this.#repeat());
  }

  #tell(error: StoreError): void {
    if (this.#told.has(error.code)) return;
    this.#told.add(error.code);
    this.#logger.error(
      { code: error.code, reason: error.message },
      `the cache has failed: ${meaning(error)}; pulls pass through without being stored, until it works again`,
    );
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#closing;
    while (!this.healthy && (await pause(this.#clock, probeMs, signal))) await this.probe();
  }

  async #try(): Promise<void> {
    const found = new Map<StoreErrorCode, StoreError>();
    for (const attempt of [() => this.#metadata.check(), () => this.#content.check(), () => this.#room()]) {
      try {
        await attempt();
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        found.set(error.code, error);
      }
    }
    if (found.size > 0) {
      this.#failures = found;
      for (const error of found.values()) this.#tell(error);
      if (found.has('NO_SPACE')) this.#onFull();
      return;
    }
    const now = this.#clock.monotonic();
    if (this.healthy || now < this.#distrustedUntil) return;
    this.#failures = found;
    this.#told.clear();
    this.#recoveredAt = now;
    this.#onRecovery();
    this.#logger.info('the cache works again: what is pulled is stored');
  }

  /** After the disk was full, that a small file can be written is not enough. */
  async #room(): Promise<void> {
    const { size, free, files, freeFiles } = await this.#content.room();
    if (!this.#failures.has('NO_SPACE')) return;
    if (free < roomAfterFull(size) || (files > 0 && freeFiles < filesAfterFull)) {
      throw new StoreError('NO_SPACE', `${byteSizeText(free)} and room for ${freeFiles} files are left`);
    }
  }
}

/** Free bytes of a disk of `size` bytes; less is no room after it was full. */
export function roomAfterFull(size: number): number {
  return Math.min(8 * 1024 * 1024, size / 100);
}

function meaning({ code }: StoreError): string {
  return meanings[code] ?? 'a store fails';
}
