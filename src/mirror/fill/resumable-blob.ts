import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { UpstreamError, type BlobStream, type BlobOpener } from '../../upstream/registry.ts';
import {
  blobAttempts,
  isConclusive,
  isRejectedRequest,
  retryPauseMs,
  retryPauses,
  type Outlook,
} from '../../upstream/failure-policy.ts';
import type { Share } from '../../upstream/throttle/share.ts';
import { OtherBytesError, type ReceivedPrefix } from './received-prefix.ts';

export interface ResumableBlobOptions {
  readonly open: BlobOpener;
  /** The blob's size in bytes as a manifest states it: a plan only, since anybody can write a manifest. */
  readonly hint: number | undefined;
  /** What is stored already, if that can be read. */
  readonly prefix?: ReceivedPrefix | undefined;
  /** How it stands with upstream before it is asked. */
  readonly outlook: () => Outlook;
  /** What its bytes are counted for, where bandwidth is limited. */
  readonly share?: Share | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 to 1; spreads the retries of many mirrors. */
  readonly random: () => number;
}

/**
 * A blob's bytes from an offset to its end. After a cut, a stall, an expired token or signed URL it asks for
 * the rest, by Range, and where ranges are refused, for the whole. Only attempts that bring nothing count
 * against the limit.
 */
export class ResumableBlob {
  readonly #options: ResumableBlobOptions;
  #stated: number | undefined;
  #offset: number;
  #fruitless = 0;
  #outlook: Outlook | undefined;
  /** Whether upstream has begun to give the blob, or a part of it. */
  #answered = false;
  /** Called if the bytes turn out wrong. */
  readonly #givers: (() => void)[] = [];
  /** Upstream refuses ranges, or answers them with nonsense: ask for the whole, and skip what is here. */
  #refusesRanges = false;
  /** The next attempt asks for the whole. */
  #whole = false;
  /** There is more to try, should what is here not be the blob. */
  #unfinished = false;
  /** Where upstream ended the blob. */
  #end: number | undefined;
  /** How many bytes are looked for beyond that. */
  #beyond: number | undefined;

  constructor(offset: number, options: ResumableBlobOptions) {
    this.#options = options;
    this.#offset = offset;
  }

  /** Bytes in all as upstream states it, once it does. */
  get size(): number | undefined {
    return this.#stated;
  }

  /**
   * The bytes in order; a chunk is good until the next is asked for. Ends where upstream ends the blob, or
   * may have done so: the hash decides, and if it is wrong there may be more, see {@link goesOn}. Rejects
   * with UpstreamError once upstream has given nothing for too long, with OtherBytesError for other bytes
   * than are here.
   * @param onAnswer called once, when upstream has begun to answer and {@link size} is as known as it will
   * get
   */
  async *bytes(onAnswer: () => void): AsyncGenerator<Buffer, void, undefined> {
    const { prefix, logger } = this.#options;
    this.#outlook ??= this.#options.outlook();
    this.#unfinished = false;
    for (;;) {
      try {
        const stream = await this.#open();
        if (stream.mismatched !== undefined) this.#givers.push(stream.mismatched);
        this.#learnSize(stream);
        if (!this.#answered) {
          this.#answered = true;
          onAnswer();
        }
        let surplus = this.#surplus(stream);
        for await (const chunk of stream.body) {
          const isNew = surplus === 0;
          const wanted = isNew ? chunk : await this.#compared(chunk, surplus);
          surplus -= chunk.length - wanted.length;
          if (!isNew && surplus === 0) prefix?.trust();
          if (wanted.length === 0) continue;
          const room = this.#limit - this.#offset;
          const kept = room < wanted.length ? wanted.subarray(0, Math.max(0, room)) : wanted;
          this.#fruitless = 0;
          this.#offset += kept.length;
          if (kept.length > 0) yield kept;
          if (kept.length < wanted.length) {
            logger.warn('upstream sent more bytes than the blob has');
            break;
          }
        }
        if (surplus > 0 && stream.size === undefined) throw fewerBytes();
        if (this.#stated !== undefined && this.#offset < this.#stated)
          throw new UpstreamError('unavailable', 'upstream ended the blob too early');
        this.#end = this.#offset;
        return;
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        // Nothing lies past what upstream has ended already.
        if (error.kind === 'range' && this.#end === this.#offset) return;
        await this.#prepare(error);
        // First see whether nothing is missing: to ask for the whole costs all of it once more.
        if (this.#whole && this.#offset > 0) {
          this.#unfinished = true;
          return;
        }
      }
    }
  }

  /**
   * Whether {@link bytes} may have more, now that it has ended and what has come is not the blob: upstream
   * has not been asked for the whole yet, or it may have stated too little.
   */
  goesOn(): boolean {
    if (this.#unfinished) return true;
    const { hint = 0 } = this.#options;
    if (hint <= this.#offset || this.#beyond === this.#offset) return false;
    this.#beyond = this.#offset;
    return true;
  }

  /** Tells the sources that their bytes are not the blob's, so that the next attempt may go elsewhere. */
  mismatched(): void {
    for (const mismatched of this.#givers) mismatched();
  }

  async #open(): Promise<BlobStream> {
    const { open, share, signal, hint, prefix, logger } = this.#options;
    if (!this.#whole) return open({ offset: this.#offset, share, signal }, this.#stated ?? hint);
    const stream = await open({ offset: 0, share, signal });
    if (this.#offset > 0) {
      prefix?.doubt();
      logger.warn({ offset: this.#offset }, 'taking the whole blob from upstream once more');
    }
    // The range was refused as often as there were attempts.
    this.#refusesRanges ||= this.#offset > 0;
    this.#whole = this.#refusesRanges;
    return stream;
  }

  /** Bytes of the stream that are here already. */
  #surplus({ offset, size }: BlobStream): number {
    if (offset > this.#offset)
      throw new UpstreamError('invalid', 'upstream answered another range than it was asked for');
    if (size !== undefined && size < this.#offset) throw fewerBytes();
    return this.#offset - offset;
  }

  /** What a chunk has behind its first `surplus` bytes, once those are compared with what is here. */
  async #compared(chunk: Buffer, surplus: number): Promise<Buffer> {
    const known = chunk.subarray(0, Math.min(surplus, chunk.length));
    await this.#options.prefix?.compare(known, this.#offset - surplus);
    return chunk.subarray(known.length);
  }

  /** Bytes that the blob has at most, as far as that is stated. */
  get #limit(): number {
    return this.#stated === undefined ? Infinity : Math.max(this.#stated, this.#options.hint ?? 0);
  }

  #learnSize({ size }: BlobStream): void {
    if (size === undefined || size === this.#stated) return;
    if (this.#stated !== undefined) {
      this.#options.logger.warn(
        { stated: size, expected: this.#stated },
        'upstream states another size for the blob',
      );
    }
    this.#stated = size;
  }

  /** Waits before the next attempt, and decides what it asks for; or gives up by throwing `error`. */
  async #prepare(error: UpstreamError): Promise<void> {
    const { signal, clock, logger, random } = this.#options;
    if (signal.aborted) throw error;
    if (!this.#whole && this.#isAboutRange(error)) {
      this.#refusesRanges = true;
      this.#whole = true;
      logger.info(
        { reason: error.message, offset: this.#offset },
        'upstream does not give the rest of the blob',
      );
      return;
    }
    this.#fruitless += 1;
    const attempts = blobAttempts(error, this.#outlook ?? 'fine', this.#answered);
    const pauseMs = retryPauseMs(error, this.#fruitless, retryPauses.blob, random());
    if (this.#fruitless >= attempts || pauseMs === undefined) throw error;
    const isLast = this.#fruitless === attempts - 1;
    // An answer without a byte may be about the range all the same.
    this.#whole ||= error.kind === 'invalid' || (isLast && (error.status ?? 0) >= 500);
    this.#refusesRanges ||= error.kind === 'invalid';
    logger.warn(
      { reason: error.message, offset: this.#offset, attempt: this.#fruitless },
      'the blob stopped arriving; asking for the rest',
    );
    try {
      await clock.sleep(pauseMs, signal);
    } catch (cause) {
      throw new UpstreamError('aborted', 'the download was given up', { cause });
    }
  }

  /**
   * Whether an answer refuses the range that was asked for, and perhaps not the blob. Where it may be a
   * passing trouble with the place that it was redirected to, the range is asked for twice.
   */
  #isAboutRange(error: UpstreamError): boolean {
    if (this.#offset === 0) return false;
    if (error.kind === 'range') return true;
    const isRefusal = isConclusive(error) || isRejectedRequest(error);
    return isRefusal && (!this.#answered || this.#fruitless > 0);
  }
}

function fewerBytes(): OtherBytesError {
  return new OtherBytesError('upstream has fewer bytes of the blob than it gave before');
}
