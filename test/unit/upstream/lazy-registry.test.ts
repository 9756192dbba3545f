import { describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { parseRepositoryName, parseTag } from '../../../src/oci/reference.ts';
import { lazyRegistry } from '../../../src/upstream/lazy-registry.ts';
import { Connectivity } from '../../../src/upstream/connectivity.ts';
import { UpstreamError, type UpstreamRegistry } from '../../../src/upstream/registry.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const hello = parseRepositoryName('library/hello') ?? expect.fail('a name');
const tag = parseTag('latest') ?? expect.fail('a tag');
const bytes = Buffer.from('{"schemaVersion":2}');
const digest = digestOf(bytes);
const layer = Buffer.alloc(1000, 'layer');

function fixture() {
  const upstream = new ScriptedUpstream();
  upstream.addManifest('library/hello', bytes, 'latest');
  upstream.addBlob('library/hello', layer);
  const make = vi.fn(() => Promise.resolve<UpstreamRegistry>(upstream));
  const close = vi.spyOn(upstream, Symbol.asyncDispose);
  const connectivity = new Connectivity();
  return { upstream, make, close, connectivity, registry: lazyRegistry(upstream.name, make, connectivity) };
}

describe('a registry whose client is made late', () => {
  it('has none before it is asked, and one for all that ask', async () => {
    const { upstream, make, registry } = fixture();
    expect(make).not.toHaveBeenCalled();

    const answers = await Promise.all([
      registry.headManifest(hello, { tag }),
      registry.getManifest(hello, { digest }),
      registry.headBlob(hello, digestOf(layer)),
      registry.listTags(hello, { atMost: 1 }),
      registry.referrers(hello, digest),
      registry.search('hello', 5),
    ]);
    const { body } = await registry.openBlob(hello, digestOf(layer), { offset: 600 });

    expect(answers).toEqual([
      await upstream.headManifest(hello, { tag }),
      await upstream.getManifest(hello, { digest }),
      1000,
      ['latest'],
      await upstream.referrers(hello, digest),
      await upstream.search('hello', 5),
    ]);
    expect(Buffer.concat(await Array.fromAsync(body))).toHaveLength(400);
    expect(make).toHaveBeenCalledOnce();
  });

  it('tries again with the next request when it could not be made', async () => {
    const { make, registry } = fixture();
    const cause = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    make.mockRejectedValueOnce(cause);

    await expect(registry.headManifest(hello, { tag })).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'docker.io: its client could not be made (EMFILE)',
      cause,
    });
    await expect(registry.headManifest(hello, { tag })).resolves.toMatchObject({ digest });
  });

  it('is closed without one', async () => {
    const { make, registry } = fixture();

    await registry[Symbol.asyncDispose]();

    // Nobody is to blame: the breaker must not count it.
    await expect(registry.headManifest(hello, { tag })).rejects.toMatchObject({ kind: 'aborted' });
    expect(make).not.toHaveBeenCalled();
  });

  it('closes the client that is being made meanwhile', async () => {
    const { upstream, make, close, registry } = fixture();
    const made = Promise.withResolvers<UpstreamRegistry>();
    make.mockReturnValueOnce(made.promise);
    const asked = registry.headManifest(hello, { tag });
    const closed = registry[Symbol.asyncDispose]();

    made.resolve(upstream);
    await Promise.all([asked, closed]);

    expect(close).toHaveBeenCalledOnce();
  });

  it('has nothing to close when it could not be made', async () => {
    const { make, registry } = fixture();
    make.mockRejectedValueOnce(new Error('EMFILE'));
    const asked = registry.headManifest(hello, { tag });

    await expect(registry[Symbol.asyncDispose]()).resolves.toBeUndefined();
    await expect(asked).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('asks nothing while the mirror is offline, and makes another client once it is online', async () => {
    const { upstream, make, close, connectivity, registry } = fixture();
    await registry.headManifest(hello, { tag });
    connectivity.goOffline();
    upstream.requests.length = 0;

    const failures = await Promise.allSettled([
      registry.headManifest(hello, { tag }),
      registry.getManifest(hello, { digest }),
      registry.headBlob(hello, digestOf(layer)),
      registry.openBlob(hello, digestOf(layer), { offset: 0 }),
      registry.listTags(hello, { atMost: 1 }),
      registry.referrers(hello, digest),
      registry.search('hello', 5),
    ]);

    expect(failures).toMatchObject(failures.map(() => ({ reason: { kind: 'offline' } })));
    expect(upstream.requests).toEqual([]);
    expect(close).toHaveBeenCalledOnce();
    connectivity.goOnline();
    await registry.headManifest(hello, { tag });
    expect(make).toHaveBeenCalledTimes(2);
  });

  it('has a request under way rejected when the mirror goes offline', async () => {
    const { upstream, connectivity, registry } = fixture();
    const { promise: closed, reject } = Promise.withResolvers<never>();
    upstream.before = () => closed;
    upstream.onClose = () => reject(new UpstreamError('aborted', 'the client is closed'));
    const asked = registry.headManifest(hello, { tag });

    connectivity.goOffline();

    await expect(asked).rejects.toMatchObject({ kind: 'offline', message: 'the mirror is offline' });
  });
});
