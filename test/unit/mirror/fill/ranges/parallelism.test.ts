import { describe, expect, it } from 'vitest';
import { Parallelism } from '../../../../../src/mirror/fill/ranges/parallelism.ts';

/** Bytes a millisecond, of a connection at 15 MB/s. */
const pace = 15_000;

/** A host, seen every 10 milliseconds by one blob. */
class Host {
  readonly parallelism: Parallelism;
  readonly #together: number;
  #now = 0;

  /** @param together bytes a millisecond of all connections, at most */
  constructor(limit = 8, together = Infinity, known?: number) {
    this.#together = together;
    this.parallelism = new Parallelism(limit, known, 0);
  }

  /** Gives for `ms` what connections give, `more` times as much. */
  gives(ms: number, more = 1): number {
    for (const end = this.#now + ms; this.#now < end; this.#now += 10) {
      const { connections } = this.parallelism;
      const rate = Math.min(connections * pace, this.#together) * more;
      this.parallelism.received(rate * 10, { open: connections, flowing: connections }, this.#now);
    }
    return this.parallelism.connections;
  }
}

describe('the connections of a blob', () => {
  it('begin with one, and double as long as that brings more', () => {
    const host = new Host();
    expect(host.gives(100)).toBe(1);
    expect(host.gives(50)).toBe(2);
    expect(host.gives(60)).toBe(4);
    expect(host.gives(100)).toBe(8);
    expect(host.gives(200)).toBe(8);
    expect(host.parallelism.helpful).toBe(8);
  });

  it('stay one where others would share what it gives', () => {
    const host = new Host(8, pace);
    host.gives(700);
    expect(host.parallelism.connections).toBe(1);
    expect(host.parallelism.helpful).toBe(1);
  });

  it('stay one, and are never tried again, where that fills a link', () => {
    const host = new Host();
    host.gives(200, 10);
    expect(host.parallelism.suffices).toBe(true);
    expect(host.gives(60_000)).toBe(1);
  });

  it('are more although what comes first comes in a burst', () => {
    const host = new Host();
    host.gives(90, 3);
    host.gives(60);
    host.gives(300);
    expect(host.parallelism.connections).toBe(8);
  });

  it('are no more than are allowed', () => {
    const host = new Host(3);
    expect(host.gives(1_000)).toBe(3);
  });

  it('begin with as many as helped lately, and become fewer when half as many give as much', () => {
    const host = new Host(8, 2 * pace, 8);
    expect(host.gives(10)).toBe(8);
    host.gives(20_000);
    expect(host.parallelism.helpful).toBeLessThanOrEqual(4);
  });

  it('are one once upstream refuses another', () => {
    const host = new Host();
    host.gives(150);
    host.parallelism.refused();
    expect(host.gives(10_000)).toBe(1);
  });

  it('are half as many after one has failed', () => {
    const host = new Host();
    host.gives(500);
    host.parallelism.failed();
    expect(host.parallelism.connections).toBe(4);
  });
});
