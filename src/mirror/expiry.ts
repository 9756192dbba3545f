import type { Clock } from '../clock.ts';
import type { Digest } from '../oci/digest.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Degradation } from './degradation.ts';

const roundMs = 60 * 60 * 1000;
/** A partial blob that nobody has come back for in this time is not worth its room. */
const partialLifeMs = 7 * 24 * 60 * 60 * 1000;

export interface ExpiryOptions {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds since its last use after which content goes; 0 keeps it for ever. */
  readonly ttlMs: number;
  /** Called after content has gone, so that nobody remembers it. */
  readonly onExpired: () => void;
}

/** Removes what nobody has used for `proxy.ttl`. Counted from the last use, where registry:2 counts from the first. */
export class Expiry {
  readonly #options: ExpiryOptions;
  readonly #stopping = new AbortController();
  #rounds: Promise<void> = Promise.resolve();

  constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** Runs once an hour until {@link stop}. */
  start(): void {
    this.#rounds = this.#repeat();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#rounds;
  }

  /** One round. Trouble of the stores is logged, never thrown. */
  async run(): Promise<void> {
    const { content, metadata, degradation, clock, logger, ttlMs, onExpired } = this.#options;
    const now = clock.now();
    await degradation.tolerate(() => content.removePartials(now - partialLifeMs));
    if (ttlMs === 0) return;
    const expired = (await degradation.tolerate(() => metadata.expire(now - ttlMs))) ?? [];
    onExpired();
    for (const digest of expired) await degradation.tolerate(() => this.#remove(digest));
    if (expired.length > 0)
      logger.info({ blobs: expired.length }, 'removed blobs that nobody has used for as long as proxy.ttl');
  }

  /** Removes the bytes, unless the blob was pulled again meanwhile and is recorded anew. */
  async #remove(digest: Digest): Promise<void> {
    const { content, metadata } = this.#options;
    if ((await metadata.blob(digest)) === undefined) await content.remove(digest);
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.run();
      await this.#options.clock.sleep(roundMs, signal).catch(() => undefined);
    }
  }
}
