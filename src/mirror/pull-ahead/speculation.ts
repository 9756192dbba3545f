import type { Arrival } from '../blobs/arrival.ts';
import type { TokenBucket } from '../../base/token-bucket.ts';

/**
 * What is fetched of an image before a client has asked for any of its layers. It stops when its limit is
 * reached, or when the client turns out to read the manifests of other platforms as well.
 */
export class Speculation {
  readonly #limit: number;
  readonly #bucket: TokenBucket;
  readonly #arrivals = new Set<Arrival>();
  readonly #outcome = Promise.withResolvers<boolean>();
  #begun = false;
  #drawn = 0;
  #stopped = false;
  #exhausted = false;
  #confirmed = false;

  /** @param limit in bytes, for this image */
  constructor(limit: number, bucket: TokenBucket) {
    this.#limit = limit;
    this.#bucket = bucket;
  }

  /** Whether a client has asked for a layer. Then there is no limit. */
  get isConfirmed(): boolean {
    return this.#confirmed;
  }

  /** Whether nothing more is to be begun for now. */
  get isStopped(): boolean {
    return this.#stopped && !this.#confirmed;
  }

  /** Whether its limit is reached: nothing more may come before a client asks for a layer. */
  get isExhausted(): boolean {
    return this.#exhausted;
  }

  /** Whether it was stopped before a client asked for a layer, so that blobs may be missing. */
  get wasStopped(): boolean {
    return this.#stopped;
  }

  /** Whether any blob was missing when it began. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  /** Resolves to whether a client has asked for a layer, when one has, or none is waited for any more. */
  get outcome(): Promise<boolean> {
    return this.#outcome.promise;
  }

  /** Takes note of a blob that is on its way. */
  follow(arrival: Arrival): void {
    this.#begun = true;
    if (this.#confirmed) arrival.keep();
    else this.#arrivals.add(arrival);
    if (this.isStopped) arrival.abandon();
  }

  /** Counts what has come, except of blobs that were on their way before. To be called when more may have. */
  look(): void {
    if (this.#confirmed) return;
    const own = [...this.#arrivals].filter(({ joined }) => !joined);
    const received = own.reduce((sum, arrival) => sum + arrival.received, 0);
    this.#bucket.draw(received - this.#drawn);
    this.#drawn = received;
    this.#exhausted = received > this.#limit;
    if (this.#exhausted || this.#bucket.isSpent) this.stop();
  }

  /** A client has asked for a layer. */
  confirm(): void {
    if (this.#confirmed) return;
    this.#confirmed = true;
    this.#bucket.giveBack(this.#drawn);
    for (const arrival of this.#arrivals) arrival.keep();
    this.#arrivals.clear();
    this.#outcome.resolve(true);
  }

  /** Ends what has no reader, unless a client has asked for a layer. What has come is kept. */
  stop(): void {
    if (this.#confirmed || this.#stopped) return;
    this.#stopped = true;
    for (const arrival of this.#arrivals) arrival.abandon();
  }

  /** No client is waited for any more. */
  dismiss(): void {
    this.#outcome.resolve(false);
  }
}
