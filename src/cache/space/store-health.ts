import { byteSizeText } from '../../base/byte-size.ts';
import { backoffMs } from '../../base/backoff.ts';
import { pause, type Clock } from '../../base/clock.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError, type StoreErrorCode } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';

const probeMs = 5_000;
/** A store that fails again this soon after it recovered is trusted later the next time. */
const relapseMs = 5 * 60 * 1000;
/** How long a store that has failed again is not trusted. */
const distrust = { firstMs: probeMs, longestMs: 60_000 };
/** With fewer free files after the disk was full the next blob would fail again. */
const filesAfterFull = 100;

/** What each failure means to the operator. Other errors of a store are not failures of it. */
const meanings: Partial<Readonly<Record<StoreErrorCode, string>>> = {
  NO_SPACE: 'the disk is full',
  NOT_WRITABLE: 'the data folder cannot be written to',
  LOCKED: 'the database is locked by another program',
  CORRUPT: 'the database is damaged',
  IO: 'the disk or the database fails',
};

export interface StoreHealthDeps {
  readonly content: Pick<ContentStore, 'check' | 'room'>;
  readonly metadata: Pick<MetadataStore, 'check'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Whether the stores can keep anything. While they cannot, pulls pass through, and the stores are probed.
 * Logs once when they fail, and once when they have recovered.
 */
export class StoreHealth implements AsyncDisposable {
  readonly #deps: StoreHealthDeps;
  readonly #closing = new AbortController();
  #failures = new Map<StoreErrorCode, StoreError>();
  /** Failures that were logged since the last recovery. */
  readonly #logged = new Set<StoreErrorCode>();
  #outOfRoom: string | undefined;
  #onFull: () => void = () => undefined;
  #onRecovery: () => void = () => undefined;
  #probing: Promise<void> = Promise.resolve();
  #probe: Promise<void> | undefined;
  #recoveredAt = -Infinity;
  /** Failures in a row that came soon after a recovery. */
  #relapses = 0;
  #distrustedUntil = -Infinity;

  constructor(deps: StoreHealthDeps) {
    this.#deps = deps;
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

  /** Calls `listener` when the disk turns out to be full, and again after each probe that finds it full. */
  onFull(listener: () => void): void {
    this.#onFull = listener;
  }

  /** Calls `listener` when the stores work again. */
  onRecovery(listener: () => void): void {
    this.#onRecovery = listener;
  }

  /** Notes an error of a store that has been handled. */
  failed(error: StoreError): void {
    if (meanings[error.code] === undefined) {
      this.#deps.logger.warn(
        { code: error.code, reason: error.message },
        'the store has refused an operation',
      );
      return;
    }
    const wasHealthy = this.healthy;
    const isNew = !this.#failures.has(error.code);
    this.#failures.set(error.code, error);
    this.#log(error);
    if (wasHealthy) this.#fall();
    if (error.code === 'NO_SPACE' && isNew) this.#onFull();
  }

  /** Notes why there is no room for anything new, in a sentence for people; undefined: there is room. */
  outOfRoom(problem: string | undefined): void {
    const before = this.#outOfRoom;
    this.#outOfRoom = problem;
    if (before === undefined && problem !== undefined) this.#deps.logger.warn(problem);
    if (before !== undefined && problem === undefined)
      this.#deps.logger.info('there is room for new blobs again');
  }

  /** {@link problems}, after a check of the stores. */
  async check(): Promise<readonly string[]> {
    if (this.healthy) {
      try {
        await this.#deps.metadata.check();
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.failed(error);
      }
    } else {
      await this.probe();
    }
    return this.problems;
  }

  /** Checks whether what has failed works again; one check at a time. */
  probe(): Promise<void> {
    this.#probe ??= this.#try().finally(() => {
      this.#probe = undefined;
    });
    return this.#probe;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#probing;
    await this.#probe;
  }

  #fall(): void {
    const now = this.#deps.clock.monotonic();
    this.#relapses = now - this.#recoveredAt < relapseMs ? this.#relapses + 1 : 0;
    this.#distrustedUntil = now + (this.#relapses === 0 ? 0 : backoffMs(distrust, this.#relapses));
    this.#probing = this.#probing.then(() => this.#repeat());
  }

  #log(error: StoreError): void {
    if (this.#logged.has(error.code)) return;
    this.#logged.add(error.code);
    this.#deps.logger.error(
      { code: error.code, reason: error.message },
      `the cache has failed: ${meaning(error)}; pulls pass through without being stored, until it works again`,
    );
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#closing;
    while (!this.healthy && (await pause(this.#deps.clock, probeMs, signal))) await this.probe();
  }

  async #try(): Promise<void> {
    const found = new Map<StoreErrorCode, StoreError>();
    for (const attempt of [
      () => this.#deps.metadata.check(),
      () => this.#deps.content.check(),
      () => this.#room(),
    ]) {
      try {
        await attempt();
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        found.set(error.code, error);
      }
    }
    if (found.size > 0) {
      this.#failures = found;
      for (const error of found.values()) this.#log(error);
      if (found.has('NO_SPACE')) this.#onFull();
      return;
    }
    const now = this.#deps.clock.monotonic();
    if (this.healthy || now < this.#distrustedUntil) return;
    this.#failures = found;
    this.#logged.clear();
    this.#recoveredAt = now;
    this.#onRecovery();
    this.#deps.logger.info('the cache works again: what is pulled is stored');
  }

  /** After the disk was full, that a small file can be written is not enough. */
  async #room(): Promise<void> {
    const { size, free, files, freeFiles } = await this.#deps.content.room();
    if (!this.#failures.has('NO_SPACE')) return;
    if (free < roomAfterFull(size) || (files > 0 && freeFiles < filesAfterFull)) {
      throw new StoreError('NO_SPACE', `${byteSizeText(free)} and room for ${freeFiles} files are left`);
    }
  }
}

/** The free bytes that a disk of `size` bytes must have, after it was full, to count as recovered. */
export function roomAfterFull(size: number): number {
  return Math.min(8 * 1024 * 1024, size / 100);
}

function meaning({ code }: StoreError): string {
  return meanings[code] ?? 'a store fails';
}
