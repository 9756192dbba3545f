import type { RepeatedLine } from '../../telemetry/repeated-line.ts';
import type { Validity } from '../../mirror/mirror.ts';
import { headerPairs, type HeaderList } from '../reply.ts';

/** A whole answer, status 200, that may be given again to the very same request. */
interface CacheableAnswer {
  /** All that the application set, `X-Request-Id` included. */
  readonly headers: HeaderList;
  /** Undefined for HEAD. */
  readonly body: Buffer | undefined;
  readonly validity: Validity;
  /** The access log's fields, without those that differ each time. */
  readonly record: Readonly<Record<string, unknown>>;
}

const requestId = 'X-Request-Id';

/** Those that Node adds itself, when the application has not. */
const ofNode: ReadonlySet<string> = new Set(['connection', 'date', 'keep-alive', 'transfer-encoding']);

/** How often a use is noted, in milliseconds: exact enough for the order of evictions. */
const useMs = 1000;

/** An answer as it is sent, without its date and the id of its request. */
interface SentAnswer {
  readonly start: string;
  /** Between the id and the date. */
  readonly middle: string;
  readonly end: string;
  readonly validity: Validity;
}

/** An answer in memory, with its line in the access log. */
export class CachedAnswer {
  readonly #answer: SentAnswer;
  readonly line: RepeatedLine;
  /** The fields of the line. */
  readonly record: CacheableAnswer['record'];
  #usedAt = -Infinity;

  private constructor(answer: SentAnswer, line: RepeatedLine, record: CacheableAnswer['record']) {
    this.#answer = answer;
    this.line = line;
    this.record = record;
  }

  /**
   * @param keepAliveMs how long Node keeps an idle connection open, as it tells clients
   * @returns undefined for what Node would answer in another way
   */
  static of(answer: CacheableAnswer, keepAliveMs: number, line: RepeatedLine): CachedAnswer | undefined {
    const { headers, body, validity, record } = answer;
    // The last: the operator may have one sent, too.
    const at = headers.findLastIndex((name, index) => index % 2 === 0 && name === requestId);
    if (at < 0 || hasNodesOwn(headers)) return undefined;
    const start = `HTTP/1.1 200 OK\r\n${lines(headers.slice(0, at))}${requestId}: `;
    const middle = `\r\n${lines(headers.slice(at + 2))}Date: `;
    const connection = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n`;
    // As one text with its head, a body leaves in one write; latin1 keeps every byte as it is.
    const end = `\r\n${connection}\r\n${body?.toString('latin1') ?? ''}`;
    return new CachedAnswer({ start, middle, end, validity }, line, record);
  }

  /** In bytes, more or less. */
  get size(): number {
    const { start, middle, end } = this.#answer;
    return start.length + middle.length + end.length + this.line.length;
  }

  /** Whether the application would answer the same right now. */
  get holds(): boolean {
    return this.#answer.validity.holds();
  }

  /** The answer in latin1. */
  text(id: string, date: string): string {
    const { start, middle, end } = this.#answer;
    return start + id + middle + date + end;
  }

  /** Notes a use. @param now milliseconds of the monotonic clock */
  usedAt(now: number): void {
    if (now - this.#usedAt < useMs) return;
    this.#usedAt = now;
    this.#answer.validity.used();
  }
}

function lines(headers: HeaderList): string {
  return headerPairs(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .toArray()
    .join('');
}

function hasNodesOwn(headers: HeaderList): boolean {
  return headerPairs(headers).some(([name]) => ofNode.has(name.toLowerCase()));
}
