import type { Clock } from '../clock.ts';
import type { Logger } from '../telemetry/log.ts';
import { UpstreamError, type BlobStream } from '../upstream/registry.ts';

/**
 * Opens a blob upstream from `offset` on. Rejects with UpstreamError.
 * @param size of the blob in bytes; not given when it is not known, or parts of it are not to be asked for
 */
export type BlobOpener = (offset: number, signal: AbortSignal, size?: number) => Promise<BlobStream>;

export interface ResumableBlobOptions {
  readonly open: BlobOpener;
  /** The blob's size in bytes when a verified manifest states it: then what upstream says of it does not count. */
  readonly size: number | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 to 1; spreads the retries of many mirrors. */
  readonly random: () => number;
}

/** Attempts in a row that may bring no byte. */
const fruitlessAttempts = 5;
/** The same, while upstream has not begun to give the blob and does not answer in time, or with nonsense. */
const hopelessAttempts = 2;
const firstPauseMs = 200;
const longestPauseMs = 5_000;
/** A longer wait asked for by a 429 is the client's to make. */
const longestRetryAfterSeconds = 20;

/**
 * A blob's bytes from an offset to its end, whatever happens on the way: a cut, a stall, an expired token or signed URL
 * makes it ask again for the rest, by Range. Only attempts that bring nothing count against the limit.
 */
export class ResumableBlob {
  readonly #options: ResumableBlobOptions;
  #size: number | undefined;
  #stated: number | undefined;
  #offset: number;
  #fruitless = 0;
  /** Whether upstream has begun to give the blob, or a part of it. */
  #answered = false;
  /** Called if the bytes turn out wrong. */
  readonly #givers: (() => void)[] = [];
  /** Upstream answers ranges with nonsense: ask for the whole, and pass over what is here. */
  #whole = false;

  constructor(offset: number, options: ResumableBlobOptions) {
    this.#options = options;
    this.#offset = offset;
    this.#size = options.size;
  }

  /** Bytes in all, as soon as somebody has said so. */
  get size(): number | undefined {
    return this.#size;
  }

  /**
   * Bytes in all as far as upstream has said so itself, and no more than a manifest states. Anybody can write a manifest that
   * states more than there is.
   */
  get confirmedSize(): number | undefined {
    return this.#stated === undefined ? undefined : Math.min(this.#stated, this.#size ?? this.#stated);
  }

  /**
   * The bytes in order; a chunk is good until the next is asked for. Ends where the blob should end; whether it is the right
   * blob is for its hash to say.
   * Rejects with UpstreamError once upstream has given nothing for too long.
   * @param onAnswer called once, when upstream has begun to answer and {@link size} is as known as it will get
   */
  async *bytes(onAnswer: () => void): AsyncGenerator<Buffer, void, undefined> {
    while (this.#size === undefined || this.#offset < this.#size) {
      try {
        const stream = await this.#open();
        if (stream.mismatched !== undefined) this.#givers.push(stream.mismatched);
        this.#learnSize(stream);
        if (!this.#answered) {
          this.#answered = true;
          onAnswer();
        }
        for await (const chunk of this.#wanted(stream)) {
          this.#fruitless = 0;
          this.#offset += chunk.length;
          yield chunk;
        }
        if (this.#size === undefined) return;
        if (this.#offset < this.#size)
          throw new UpstreamError('unavailable', 'upstream ended the blob too early');
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        // Nothing lies past the offset: the stated size was wrong, or the bytes were. The hash will tell.
        if (error.kind === 'range' && this.#offset > 0) return;
        await this.#pause(error);
      }
    }
  }

  /** Tells whoever gave the bytes that they are not the blob's, so that the next attempt may go elsewhere. */
  mismatched(): void {
    for (const mismatched of this.#givers) mismatched();
  }

  #open(): Promise<BlobStream> {
    const { open, signal } = this.#options;
    return this.#whole ? open(0, signal) : open(this.#offset, signal, this.#size);
  }

  /** The stream without what is there already and without what lies past the end. */
  async *#wanted(stream: BlobStream): AsyncGenerator<Buffer, void, undefined> {
    let surplus = this.#offset - stream.offset;
    if (surplus < 0)
      throw new UpstreamError('invalid', 'upstream answered another range than it was asked for');
    for await (const chunk of stream.body) {
      if (surplus >= chunk.length) {
        surplus -= chunk.length;
        continue;
      }
      const wanted = surplus === 0 ? chunk : chunk.subarray(surplus);
      surplus = 0;
      const room = this.#size === undefined ? wanted.length : this.#size - this.#offset;
      if (room < wanted.length) {
        this.#options.logger.warn('upstream sent more bytes than the blob has');
        if (room > 0) yield wanted.subarray(0, room);
        return;
      }
      yield wanted;
    }
  }

  #learnSize(stream: BlobStream): void {
    this.#stated ??= stream.size;
    if (this.#size === undefined) {
      this.#size = stream.size;
    } else if (stream.size !== undefined && stream.size !== this.#size) {
      this.#options.logger.warn(
        { stated: stream.size, expected: this.#size },
        'upstream states another size for the blob',
      );
    }
  }

  /** Attempts in a row that may bring nothing. Fewer before the first byte, while a client still waits for the status. */
  #attempts(error: UpstreamError): number {
    if (this.#answered) return fruitlessAttempts;
    if (isVerdict(error) || error.permanent) return 1;
    const hopeless = error.kind === 'timeout' || error.kind === 'invalid';
    return hopeless ? hopelessAttempts : fruitlessAttempts;
  }

  /** Waits before the next attempt, or gives up by throwing `error`. */
  async #pause(error: UpstreamError): Promise<void> {
    this.#fruitless += 1;
    const { signal, clock, logger, random } = this.#options;
    if (signal.aborted || this.#fruitless >= this.#attempts(error)) throw error;
    if (error.kind === 'invalid') this.#whole = true;
    const wanted = error.retryAfter === undefined ? 0 : error.retryAfter * 1000;
    if (wanted > longestRetryAfterSeconds * 1000) throw error;
    const backoff =
      Math.min(firstPauseMs * 2 ** (this.#fruitless - 1), longestPauseMs) * (0.5 + random() / 2);
    logger.warn(
      { reason: error.message, offset: this.#offset, attempt: this.#fruitless },
      'the blob stopped arriving; asking for the rest',
    );
    try {
      await clock.sleep(Math.max(wanted, backoff), signal);
    } catch (cause) {
      throw new UpstreamError('aborted', 'the download was given up', { cause });
    }
  }
}

/** Whether upstream answered and refused, as opposed to failing: asking again changes nothing. */
export function isVerdict({ kind }: UpstreamError): boolean {
  return kind === 'not-found' || kind === 'unauthorized' || kind === 'denied';
}
