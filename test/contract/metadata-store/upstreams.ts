import { describe, expect, it } from 'vitest';
import { TestClock } from '../../support/test-clock.ts';
import { busybox, upstreamNamed, type MakeStore } from './subject.ts';

/** What holds for facts about upstreams. */
export function upstreamsContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('the state of an upstream', () => {
    it('is kept as it was put last', async () => {
      await using subject = await fresh();
      const upstream = busybox.upstream;
      expect(await subject.store.upstreamState(upstream)).toBeUndefined();
      await subject.store.putUpstreamState(upstream, {
        failures: 3,
        retryAt: 5,
        limit: 100,
        remaining: 0,
        window: 21600,
      });
      await subject.store.putUpstreamState(upstream, { failures: 4, retryAt: 6, remaining: 99 });
      const store = await subject.reopen();
      expect(await store.upstreamState(upstream)).toEqual({
        failures: 4,
        retryAt: 6,
        limit: 100,
        remaining: 99,
        window: 21600,
      });
      expect(await store.upstreamState(upstreamNamed('quay.io'))).toBeUndefined();
    });

    it('may be told in parts: one does not undo the other', async () => {
      await using subject = await fresh();
      const upstream = busybox.upstream;
      await subject.store.putUpstreamState(upstream, { limit: 100, remaining: 7, window: 60 });
      expect(await subject.store.upstreamState(upstream)).toEqual({
        failures: 0,
        retryAt: 0,
        limit: 100,
        remaining: 7,
        window: 60,
      });
      await subject.store.putUpstreamState(upstream, { failures: 2, retryAt: 5 });
      await subject.store.putUpstreamState(upstream, { failures: 0, retryAt: 0 });
      await subject.store.putUpstreamState(upstream, { remaining: 0 });
      expect(await subject.store.upstreamState(upstream)).toEqual({
        failures: 0,
        retryAt: 0,
        limit: 100,
        remaining: 0,
        window: 60,
      });
    });
  });

  describe('an upstream that is asked with an account', () => {
    it('is remembered as one, once and for good', async () => {
      await using subject = await fresh();
      expect(await subject.store.guardedUpstreams()).toEqual([]);
      for (const name of ['ghcr.io', 'docker.io', 'ghcr.io'])
        await subject.store.putGuarded(upstreamNamed(name));
      expect(await subject.store.guardedUpstreams()).toEqual(['docker.io', 'ghcr.io']);
      expect(await subject.store.upstreamState(upstreamNamed('ghcr.io'))).toBeUndefined();
    });
  });
}
