import { describe, expect, it } from 'vitest';
import { FailoverRegistry } from '../../../src/upstream/failover-registry.ts';
import {
  UpstreamError,
  type UpstreamErrorKind,
  type UpstreamErrorOptions,
} from '../../../src/upstream/registry.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { parseRepositoryName, parseTag } from '../../../src/oci/reference.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';
import { TestClock } from '../../support/test-clock.ts';

const hello = parseRepositoryName('library/hello') ?? expect.fail('a name');
const tag = parseTag('latest') ?? expect.fail('a tag');
const bytes = Buffer.from('{"schemaVersion":2}');
const digest = digestOf(bytes);
const layer = Buffer.alloc(50_000, 'layer');

interface Fixture {
  readonly clock: TestClock;
  readonly first: ScriptedUpstream;
  readonly second: ScriptedUpstream;
  readonly registry: FailoverRegistry;
}

/** Two URLs that both have everything. */
function fixture(): Fixture {
  const clock = new TestClock();
  const [first, second] = [new ScriptedUpstream(), new ScriptedUpstream()];
  for (const upstream of [first, second]) {
    upstream.addManifest('library/hello', bytes, 'latest');
    upstream.addBlob('library/hello', layer);
  }
  return { clock, first, second, registry: new FailoverRegistry(first.name, [first, second], clock) };
}

function failing(kind: UpstreamErrorKind, options?: UpstreamErrorOptions): () => never {
  return () => {
    throw new UpstreamError(kind, `it is ${kind}`, options);
  };
}

const works = (): void => undefined;

describe('an upstream with two URLs', () => {
  it('is asked at the first one while that answers', async () => {
    const { first, second, registry } = fixture();
    await registry.headManifest(hello, { tag });
    await registry.getManifest(hello, { digest });
    await registry.listTags(hello);
    await registry.headBlob(hello, digestOf(layer));
    await registry.search('hello', 5);
    expect(first.requests).toHaveLength(5);
    expect(second.requests).toEqual([]);
  });

  it.each([
    'unavailable',
    'timeout',
    'rate-limited',
    'not-found',
    'unauthorized',
    'denied',
    'invalid',
    'range',
  ] as const)('is asked at the second one when the first is %s', async (kind) => {
    const { first, second, registry } = fixture();
    first.before = failing(kind);
    expect((await registry.getManifest(hello, { tag })).bytes).toEqual(bytes);
    expect(second.requests).toEqual(['GET library/hello latest']);
  });

  it('gives a manifest from the second one when the first sends another than was asked for', async () => {
    const { first, second, registry } = fixture();
    first.tamper('library/hello', digest, Buffer.from('{"schemaVersion":2,"layers":[]}'));
    expect((await registry.getManifest(hello, { digest })).bytes).toEqual(bytes);
    expect(second.requests).toEqual([`GET library/hello ${digest}`]);
  });

  it('gives no manifest when both send another than was asked for', async () => {
    const { first, second, registry } = fixture();
    for (const upstream of [first, second]) upstream.tamper('library/hello', digest, Buffer.from('{}'));
    await expect(registry.getManifest(hello, { digest })).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('is asked at the first one last for a blob that came wrong from there, and for no other', async () => {
    const { first, second, registry } = fixture();
    const blob = await registry.openBlob(hello, digestOf(layer), { offset: 0 });
    blob.mismatched?.();
    await registry.openBlob(hello, digestOf(layer), { offset: 0 });
    expect(second.requests).toEqual([`BLOB library/hello ${digestOf(layer)} 0`]);
    await registry.headManifest(hello, { tag });
    expect(second.requests).toHaveLength(1);
    second.before = failing('unavailable');
    await registry.openBlob(hello, digestOf(layer), { offset: 0 });
    expect(first.requests.at(-1)).toBe(`BLOB library/hello ${digestOf(layer)} 0`);
  });

  it('is left alone when the caller gives up', async () => {
    const { first, second, registry } = fixture();
    first.before = failing('aborted');
    await expect(registry.getManifest(hello, { tag })).rejects.toMatchObject({ kind: 'aborted' });
    expect(second.requests).toEqual([]);
  });

  it.each([
    ['not-found', 'unavailable', 'unavailable'],
    ['unavailable', 'not-found', 'unavailable'],
    ['timeout', 'rate-limited', 'rate-limited'],
    ['not-found', 'denied', 'denied'],
    ['not-found', 'unauthorized', 'unauthorized'],
    ['invalid', 'timeout', 'timeout'],
    ['not-found', 'not-found', 'not-found'],
  ] as const)('that is %s here and %s there is %s', async (one, other, told) => {
    const { first, second, registry } = fixture();
    first.before = failing(one);
    second.before = failing(other);
    await expect(registry.getManifest(hello, { tag })).rejects.toMatchObject({ kind: told });
    expect(first.requests).toHaveLength(1);
    expect(second.requests).toHaveLength(1);
  });

  it('is asked last where it is in trouble, for a while that grows', async () => {
    const { clock, first, second, registry } = fixture();
    first.before = failing('unavailable');
    const askedFirst = async (): Promise<boolean> => {
      const before = first.requests.length;
      await registry.getManifest(hello, { tag });
      return first.requests.length > before;
    };
    expect(await askedFirst()).toBe(true);
    expect(await askedFirst()).toBe(false);
    await clock.advance(4_999);
    expect(await askedFirst()).toBe(false);
    await clock.advance(1);
    expect(await askedFirst()).toBe(true);
    await clock.advance(9_999);
    expect(await askedFirst()).toBe(false);
    await clock.advance(1);
    first.before = works;
    expect(await askedFirst()).toBe(true);
    first.before = failing('timeout');
    expect(await askedFirst()).toBe(true);
    await clock.advance(5_000);
    expect(await askedFirst()).toBe(true);
    expect(second.requests.length).toBeGreaterThan(0);
  });

  it('is asked at one in trouble when the other fails too', async () => {
    const { first, second, registry } = fixture();
    first.before = failing('unavailable');
    await registry.getManifest(hello, { tag });
    first.before = works;
    second.before = failing('unavailable');
    expect((await registry.getManifest(hello, { tag })).bytes).toEqual(bytes);
  });

  it('waits for as long as a rate limit says', async () => {
    const { clock, first, registry } = fixture();
    first.before = failing('rate-limited', { retryAfter: 600 });
    await registry.getManifest(hello, { tag });
    first.before = works;
    await clock.advance(599_000);
    await registry.getManifest(hello, { tag });
    expect(first.requests).toHaveLength(1);
    await clock.advance(1_000);
    await registry.getManifest(hello, { tag });
    expect(first.requests).toHaveLength(2);
  });

  it('is in no trouble where it merely does not have something', async () => {
    const { first, registry } = fixture();
    first.before = failing('not-found');
    await registry.getManifest(hello, { tag });
    await registry.getManifest(hello, { tag });
    expect(first.requests).toHaveLength(2);
  });

  it.each([{ tag }, { digest }])('gives a manifest from where a HEAD found it (%j)', async (reference) => {
    const { first, second, registry } = fixture();
    first.before = failing('not-found');
    await registry.headManifest(hello, { tag });
    first.before = works;
    await registry.getManifest(hello, reference);
    expect(first.count('GET')).toBe(0);
    expect(second.count('GET')).toBe(1);
  });

  it('gives a manifest from elsewhere when the place of its HEAD is in trouble since', async () => {
    const { first, second, registry } = fixture();
    await registry.headManifest(hello, { tag });
    first.before = failing('unavailable');
    await registry.listTags(hello);
    await registry.getManifest(hello, { tag });
    expect(first.count('GET')).toBe(0);
    expect(second.count('GET')).toBe(1);
  });

  it('goes on with a blob at the second when the first cuts it', async () => {
    const { first, second, registry } = fixture();
    first.body = async function* cut(all) {
      yield await Promise.resolve(all.subarray(0, 10_000));
      throw new UpstreamError('unavailable', 'cut');
    };
    const blob = await registry.openBlob(hello, digestOf(layer), { offset: 0 });
    const received: Buffer[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of blob.body) received.push(chunk);
    };
    await expect(read()).rejects.toMatchObject({ kind: 'unavailable' });
    const rest = await registry.openBlob(hello, digestOf(layer), { offset: 10_000 });
    for await (const chunk of rest.body) received.push(chunk);
    expect(Buffer.concat(received).equals(layer)).toBe(true);
    expect(second.requests).toEqual([`BLOB library/hello ${digestOf(layer)} 10000`]);
  });

  it('lets go of a body that is left before its first chunk', async () => {
    const { first, registry } = fixture();
    let left = 0;
    first.body = () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: true, value: undefined }),
        return: () => {
          left += 1;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    });
    const { body } = await registry.openBlob(hello, digestOf(layer), { offset: 0 });
    await body[Symbol.asyncIterator]().return?.();
    expect(left).toBe(1);
  });

  it('has the referrers of whichever URL has the API', async () => {
    const { first, second, registry } = fixture();
    const referrer = { mediaType: 'a/b', digest: digestOf(layer), size: 5 };
    first.referrers = () => Promise.resolve(undefined);
    second.referrers = () => Promise.resolve([referrer]);
    expect(await registry.referrers(hello, digest)).toEqual([referrer]);
    second.referrers = () => Promise.resolve(undefined);
    expect(await registry.referrers(hello, digest)).toBeUndefined();
    second.referrers = () => Promise.reject(new UpstreamError('unavailable', 'down'));
    await expect(registry.referrers(hello, digest)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
