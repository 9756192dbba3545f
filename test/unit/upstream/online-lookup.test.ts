import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Connectivity } from '../../../src/upstream/connectivity.ts';
import { onlineLookup } from '../../../src/upstream/online-lookup.ts';

type Answer = Parameters<Parameters<LookupFunction>[2]>;

/** A name server that answers when it is told to. */
function fixture() {
  const connectivity = new Connectivity();
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const lookup = onlineLookup((hostname, _options, callback) => {
    asked.push(hostname);
    waiting.push(() => callback(null, '192.0.2.1', 4));
  }, connectivity);
  const ask = (): Promise<Answer> =>
    new Promise((resolve) => {
      lookup('registry.example', {}, (...answer) => resolve(answer));
    });
  const tell = (): void => waiting.forEach((answer) => answer());
  return { connectivity, asked, tell, ask };
}

describe('a lookup of a name', () => {
  it('is as ever while the mirror is online', async () => {
    const { tell, ask } = fixture();
    const answer = ask();
    tell();
    expect(await answer).toEqual([null, '192.0.2.1', 4]);
  });

  it('is not begun while it is offline', async () => {
    const { connectivity, asked, ask } = fixture();
    connectivity.goOffline();

    const [error] = await ask();

    expect(error).toMatchObject({ code: 'EOFFLINE' });
    expect(asked).toEqual([]);
  });

  it('leads nowhere when the mirror goes offline meanwhile', async () => {
    const { connectivity, asked, tell, ask } = fixture();
    const answer = ask();
    connectivity.goOffline();
    tell();

    expect((await answer)[0]).toMatchObject({ code: 'EOFFLINE' });
    expect(asked).toEqual(['registry.example']);
  });
});
