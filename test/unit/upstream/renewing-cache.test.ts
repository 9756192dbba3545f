import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { RenewingCache } from '../../../src/upstream/auth/renewing-cache.ts';
import { tokenId, type Token, type TokenKey } from '../../../src/upstream/auth/token.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { TestClock } from '../../support/test-clock.ts';

const key: TokenKey = {
  account: undefined,
  realm: new URL('https://auth.example.com/token'),
  service: 'registry',
  scope: 'repository:a:pull',
};

const id = tokenId(key);

/** A token service that lives for 100 s a token, and counts. */
class Issuer {
  issued = 0;
  hold: Promise<void> = Promise.resolve();
  failing = false;
  readonly #clock: TestClock;

  constructor(clock: TestClock) {
    this.#clock = clock;
  }

  readonly fetch = async (): Promise<Token> => {
    this.issued += 1;
    const value = `token-${this.issued}`;
    const since = this.#clock.now();
    await this.hold;
    if (this.failing) throw new UpstreamError('unavailable', 'the token service is down');
    return { value, since, expiresAt: since + 100_000 };
  };
}

function setup(): { clock: TestClock; issuer: Issuer; cache: RenewingCache<string> } {
  const clock = new TestClock();
  return { clock, issuer: new Issuer(clock), cache: new RenewingCache(clock, pino({ level: 'silent' })) };
}

describe('a cache of tokens', () => {
  it('gives out a token until shortly before its end without another fetch', async () => {
    const { clock, issuer, cache } = setup();
    expect(await cache.get(id, issuer.fetch)).toEqual({ value: 'token-1', remembered: false });
    await clock.advance(84_000);
    expect(await cache.get(id, issuer.fetch)).toEqual({ value: 'token-1', remembered: true });
    expect(issuer.issued).toBe(1);
  });

  it('renews a token near its end in the background, and nobody waits for it', async () => {
    const { clock, issuer, cache } = setup();
    await cache.get(id, issuer.fetch);
    await clock.advance(86_000);
    expect(await cache.get(id, issuer.fetch)).toEqual({ value: 'token-1', remembered: true });
    await clock.advance(0);
    expect(await cache.get(id, issuer.fetch)).toEqual({ value: 'token-2', remembered: true });
    await clock.advance(20_000);
    expect((await cache.get(id, issuer.fetch)).value).toBe('token-2');
    expect(issuer.issued).toBe(2);
  });

  it('never gives out an expired token', async () => {
    const { clock, issuer, cache } = setup();
    await cache.get(id, issuer.fetch);
    await clock.advance(100_000);
    expect(await cache.get(id, issuer.fetch)).toEqual({ value: 'token-2', remembered: false });
  });

  it('uses a token to its end when renewing fails, and does not ask for every request', async () => {
    const { clock, issuer, cache } = setup();
    await cache.get(id, issuer.fetch);
    issuer.failing = true;
    await clock.advance(90_000);
    for (let request = 0; request < 20; request += 1) {
      expect((await cache.get(id, issuer.fetch)).value).toBe('token-1');
      await clock.advance(0);
    }
    expect(issuer.issued).toBe(2);
  });

  it('fetches once for all who ask at the same time', async () => {
    const { issuer, cache } = setup();
    const tokens = await Promise.all(Array.from({ length: 50 }, () => cache.get(id, issuer.fetch)));
    expect(new Set(tokens.map(({ value }) => value))).toEqual(new Set(['token-1']));
    expect(issuer.issued).toBe(1);
  });

  it('lets the first caller give up without harm to the others', async () => {
    const { issuer, cache } = setup();
    const { promise, resolve } = Promise.withResolvers<void>();
    issuer.hold = promise;
    const controller = new AbortController();
    const first = cache.get(id, issuer.fetch, controller.signal);
    const second = cache.get(id, issuer.fetch);
    controller.abort();
    await expect(first).rejects.toMatchObject({ kind: 'aborted' });
    resolve();
    expect((await second).value).toBe('token-1');
  });

  it('does not keep a failure', async () => {
    const { issuer, cache } = setup();
    issuer.failing = true;
    await expect(cache.get(id, issuer.fetch)).rejects.toMatchObject({ kind: 'unavailable' });
    issuer.failing = false;
    expect((await cache.get(id, issuer.fetch)).value).toBe('token-2');
  });

  it.each([
    ['account', { account: 'someone' }],
    ['realm', { realm: new URL('https://auth.example.com/other') }],
    ['service', { service: undefined }],
    ['scope', { scope: 'repository:b:pull' }],
  ])('keeps tokens apart by %s', async (_, difference) => {
    const { issuer, cache } = setup();
    await cache.get(id, issuer.fetch);
    expect((await cache.get(tokenId({ ...key, ...difference }), issuer.fetch)).value).toBe('token-2');
    expect((await cache.get(id, issuer.fetch)).value).toBe('token-1');
  });

  it('forgets a refused token, but not the one that came after it', async () => {
    const { issuer, cache } = setup();
    await cache.get(id, issuer.fetch);
    cache.forget(id, 'token-1');
    await cache.get(id, issuer.fetch);
    cache.forget(id, 'token-1');
    expect(await cache.get(id, issuer.fetch)).toEqual({ value: 'token-2', remembered: true });
  });
});
