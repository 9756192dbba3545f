import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Blocks } from '../../../../src/mirror/fill/blocks.ts';
import { pour } from '../../../../src/mirror/fill/pour.ts';
import { Tail } from '../../../../src/mirror/fill/tail.ts';
import { noise } from '../../../support/image.ts';

const KiB = 1024;
const bytes = noise(8192 * KiB, 'pour');

/** Pours what `arrive` is given, and notes each write. */
class Pouring {
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
    this.done = pour(this.#arriving(), this, new Tail(0, bytes.length, new Blocks()), (count) => {
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
    const pouring = new Pouring();
    await pouring.arrive(64 * KiB);
    expect(pouring.sizes).toEqual([64]);
    expect(pouring.told).toBe(64 * KiB);
  });

  it('gathers for a moment when it comes slowly', async () => {
    const pouring = new Pouring();
    for (let piece = 0; piece < 5; piece += 1) await pouring.arrive(64 * KiB);
    expect(pouring.sizes).toEqual([64]);

    await vi.advanceTimersByTimeAsync(20);
    expect(pouring.sizes).toEqual([64, 256]);
  });

  it('is written at once again after a while in which nothing came', async () => {
    const pouring = new Pouring();
    await pouring.arrive(64 * KiB);
    await vi.advanceTimersByTimeAsync(20);
    await pouring.arrive(32 * KiB);
    expect(pouring.sizes).toEqual([64, 32]);
  });

  it('does not wait when there is enough of it', async () => {
    const pouring = new Pouring();
    await pouring.arrive(64 * KiB);
    await pouring.arrive(256 * KiB);
    await pouring.arrive(256 * KiB);
    expect(pouring.sizes).toEqual([64, 512]);
  });

  it('does not wait at the end', async () => {
    const pouring = new Pouring();
    await pouring.arrive(64 * KiB);
    await pouring.arrive(1 * KiB);
    pouring.end();
    await pouring.done;
    expect(pouring.sizes).toEqual([64, 1]);
    expect(Buffer.concat(pouring.writes).equals(bytes.subarray(0, 65 * KiB))).toBe(true);
  });

  it('is written as far as it came, when the rest does not come', async () => {
    const pouring = new Pouring();
    await pouring.arrive(64 * KiB);
    await pouring.arrive(1 * KiB);
    pouring.break(new Error('cut'));
    await expect(pouring.done).rejects.toThrow('cut');
    expect(pouring.sizes).toEqual([64, 1]);
  });

  it('is not taken when a megabyte waits for a write', async () => {
    const pouring = new Pouring();
    pouring.held = Promise.withResolvers();
    for (let piece = 0; piece < 20; piece += 1) await pouring.arrive(128 * KiB);
    expect(pouring.sizes).toEqual([]);

    const { held } = pouring;
    pouring.held = undefined;
    held.resolve();
    await turn();
    // What came after that was not taken before.
    expect(pouring.sizes.slice(0, 2)).toEqual([128, 1024]);
    expect(Buffer.concat(pouring.writes.slice(0, 2)).equals(bytes.subarray(0, 1152 * KiB))).toBe(true);
  });

  it('gathers again after so much had to wait', async () => {
    const pouring = new Pouring();
    pouring.held = Promise.withResolvers();
    const { held } = pouring;
    for (let piece = 0; piece < 9; piece += 1) await pouring.arrive(128 * KiB);
    pouring.held = undefined;
    held.resolve();
    await vi.advanceTimersByTimeAsync(20);
    for (let piece = 0; piece < 3; piece += 1) await pouring.arrive(64 * KiB);
    expect(pouring.sizes).toEqual([128, 1024, 64]);

    await vi.advanceTimersByTimeAsync(20);
    expect(pouring.sizes).toEqual([128, 1024, 64, 128]);
  });

  it('is not written behind bytes that could not be', async () => {
    const pouring = new Pouring();
    pouring.failure = new Error('no space');
    await pouring.arrive(64 * KiB);
    pouring.failure = undefined;
    await pouring.arrive(64 * KiB);
    await expect(pouring.done).rejects.toThrow('no space');
    expect(pouring.writes).toEqual([]);
  });
});
