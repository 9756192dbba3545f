import { describe, expect, it } from 'vitest';
import type { Arrival } from '../../../../src/mirror/blobs/arrival.ts';
import { BlobLimiter } from '../../../../src/mirror/pull-ahead/blob-limiter.ts';
import { Wakeup } from '../../../../src/mirror/fill/wakeup.ts';
import { turns } from '../../../contract/content-store/subject.ts';

const MiB = 1024 * 1024;

/** A blob on its way, of which bytes are said to come. */
class Coming implements Arrival {
  readonly #moved = new Wakeup();
  readonly #end = Promise.withResolvers<boolean>();
  readonly joined = false;
  readonly received = 0;
  readonly cached = this.#end.promise;
  readonly failure = undefined;
  /** Who waits for it to move. */
  waiting = 0;
  left: number;

  constructor(left: number) {
    this.left = left;
  }

  async progress(): Promise<void> {
    this.waiting += 1;
    await this.#moved.next();
    this.waiting -= 1;
  }

  moves(left: number): void {
    this.left = left;
    this.#moved.wake();
  }

  keep(): void {
    // Nobody abandons it here.
  }

  retain(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  abandon(): void {
    this.#end.resolve(false);
  }

  ends(): void {
    this.left = 0;
    this.#end.resolve(true);
  }
}

/** Begins blobs one after the other as there is room. */
function following(limiter: BlobLimiter, blobs: readonly Coming[]): Coming[] {
  const begun: Coming[] = [];
  void (async () => {
    for (const blob of blobs) {
      await limiter.room();
      begun.push(blob);
      void limiter.run((tell) => {
        tell(blob);
        return blob.cached;
      });
    }
  })();
  return begun;
}

function blobs(count: number, left: number): readonly Coming[] {
  return Array.from({ length: count }, () => new Coming(left));
}

describe('the blobs of an image on their way', () => {
  it('are so many at a time as is allowed, as long as little is to come of them', async () => {
    const image = blobs(10, 4 * MiB);
    const begun = following(new BlobLimiter(6), image);
    await turns(2);
    expect(begun).toHaveLength(6);

    image[2]?.ends();
    await turns(2);
    expect(begun).toHaveLength(7);
  });

  it('are three at a time while much is to come, and one more when little is left', async () => {
    const image = blobs(10, 100 * MiB);
    const begun = following(new BlobLimiter(6), image);
    await turns(2);
    expect(begun).toHaveLength(3);

    image[0]?.moves(40 * MiB);
    image[1]?.moves(20 * MiB);
    await turns(2);
    expect(begun).toHaveLength(3);
    image[2]?.moves(3 * MiB);
    await turns(2);
    expect(begun).toHaveLength(4);
  });

  it('are waited for once each, however often the others move', async () => {
    const image = blobs(4, 100 * MiB);
    const begun = following(new BlobLimiter(6), image);
    for (let moves = 0; moves < 100; moves += 1) {
      image[0]?.moves(90 * MiB);
      await turns(1);
    }
    expect(begun.map(({ waiting }) => waiting)).toEqual([1, 1, 1]);
  });

  it('are fewer where fewer are allowed', async () => {
    const begun = following(new BlobLimiter(1), blobs(10, MiB));
    await turns(2);
    expect(begun).toHaveLength(1);
  });

  it('make room when one of them cannot be begun', async () => {
    const limiter = new BlobLimiter(1);
    await limiter.room();
    await expect(limiter.run(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    await limiter.room();
  });
});
