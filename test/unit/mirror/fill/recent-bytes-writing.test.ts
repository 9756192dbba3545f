import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Blocks } from '../../../../src/mirror/fill/blocks.ts';
import { RecentBytes } from '../../../../src/mirror/fill/recent-bytes.ts';
import { noise } from '../../../support/image.ts';

const KiB = 1024;
const bytes = noise(8192 * KiB, 'write-loop');

/** Writes what `arrive` is given, and notes each write. */
class Writing {
  readonly writes: Buffer[] = [];
  told = 0;
  /** What a write fails with. */
  failure: Error | undefined;
  /** Ends writes; undefined: they end by themselves. */
  held: PromiseWithResolvers<void> | undefined;
  readonly done: Promise<void>;
  #at = 0;
  #given: PromiseWithResolvers<Buffer | undefined> = Promise.withResolvers();
  #taken: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor() {
    this.done = new RecentBytes(0, bytes.length, new Blocks()).writeTo(this, this.#arriving(), (count) => {
      this.told += count;
    });
    this.done.catch(() => undefined);
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    await this.held?.promise;
    if (this.failure !== undefined) throw this.failure;
    this.writes.push(Buffer.concat(chunks));
  }

  /** The next bytes come; resolves when more are asked for, or none are any more. */
  async arrive(count: number): Promise<void> {
    const chunk = bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    this.#given.resolve(chunk);
    await Promise.race([this.#taken.promise, this.done.catch(() => undefined), turn()]);
    await turn();
  }

  end(): void {
    this.#given.resolve(undefined);
  }

  break(error: Error): void {
    this.#given.reject(error);
  }

  async *#arriving(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = await this.#given.promise;
      if (chunk === undefined) return;
      this.#given = Promise.withResolvers();
      yield chunk;
      this.#taken.resolve();
      this.#taken = Promise.withResolvers();
    }
  }

  get sizes(): readonly number[] {
    return this.writes.map(({ length }) => length / KiB);
  }
}

describe('what arrives', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('is written at once when nothing came before', async () => {
    const writing = new Writing();
    await writing.arrive(64 * KiB);
    expect(writing.sizes).toEqual([64]);
    expect(writing.told).toBe(64 * KiB);
  });

  it('gathers for a moment when it comes slowly', async () => {
    const writing = new Writing();
    for (let piece = 0; piece < 5; piece += 1) await writing.arrive(64 * KiB);
    expect(writing.sizes).toEqual([64]);

    await vi.advanceTimersByTimeAsync(20);
    expect(writing.sizes).toEqual([64, 256]);
  });

  it('is written at once again after a while in which nothing came', async () => {
    const writing = new Writing();
    await writing.arrive(64 * KiB);
    await vi.advanceTimersByTimeAsync(20);
    await writing.arrive(32 * KiB);
    expect(writing.sizes).toEqual([64, 32]);
  });

  it('does not wait when there is enough of it', async () => {
    const writing = new Writing();
    await writing.arrive(64 * KiB);
    await writing.arrive(256 * KiB);
    await writing.arrive(256 * KiB);
    expect(writing.sizes).toEqual([64, 512]);
  });

  it('does not wait at the end', async () => {
    const writing = new Writing();
    await writing.arrive(64 * KiB);
    await writing.arrive(1 * KiB);
    writing.end();
    await writing.done;
    expect(writing.sizes).toEqual([64, 1]);
    expect(Buffer.concat(writing.writes).equals(bytes.subarray(0, 65 * KiB))).toBe(true);
  });

  it('is written as far as it came, when the rest does not come', async () => {
    const writing = new Writing();
    await writing.arrive(64 * KiB);
    await writing.arrive(1 * KiB);
    writing.break(new Error('cut'));
    await expect(writing.done).rejects.toThrow('cut');
    expect(writing.sizes).toEqual([64, 1]);
  });

  it('is not taken when a megabyte waits for a write', async () => {
    const writing = new Writing();
    writing.held = Promise.withResolvers();
    for (let piece = 0; piece < 20; piece += 1) await writing.arrive(128 * KiB);
    expect(writing.sizes).toEqual([]);

    const { held } = writing;
    writing.held = undefined;
    held.resolve();
    await turn();
    // What came after that was not taken before.
    expect(writing.sizes.slice(0, 2)).toEqual([128, 1024]);
    expect(Buffer.concat(writing.writes.slice(0, 2)).equals(bytes.subarray(0, 1152 * KiB))).toBe(true);
  });

  it('gathers again after so much had to wait', async () => {
    const writing = new Writing();
    writing.held = Promise.withResolvers();
    const { held } = writing;
    for (let piece = 0; piece < 9; piece += 1) await writing.arrive(128 * KiB);
    writing.held = undefined;
    held.resolve();
    await vi.advanceTimersByTimeAsync(20);
    for (let piece = 0; piece < 3; piece += 1) await writing.arrive(64 * KiB);
    expect(writing.sizes).toEqual([128, 1024, 64]);

    await vi.advanceTimersByTimeAsync(20);
    expect(writing.sizes).toEqual([128, 1024, 64, 128]);
  });

  it('is not written behind bytes that could not be', async () => {
    const writing = new Writing();
    writing.failure = new Error('no space');
    await writing.arrive(64 * KiB);
    writing.failure = undefined;
    await writing.arrive(64 * KiB);
    await expect(writing.done).rejects.toThrow('no space');
    expect(writing.writes).toEqual([]);
  });
});
