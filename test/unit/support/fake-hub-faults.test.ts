import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, errorCode } from '../../support/ask.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { makeImage } from '../../support/image.ts';
import { RawClient } from '../../support/raw-client.ts';
import { bearer, signedPath } from './hub-client.ts';

const repository = 'library/hello';
const image = makeImage({ layers: [300_000] });
const digest = image.layers[0]?.digest ?? image.digest;
const bytes = image.layers[0]?.bytes ?? image.bytes;
const manifestPath = `/v2/${repository}/manifests/latest`;

let hub: FakeHub;
let path: string;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', image);
  path = await signedPath(hub, repository, digest);
});

afterEach(async () => {
  await hub.close();
});

describe('faults of a blob', () => {
  test('cut closes the connection after exactly so many bytes', async () => {
    hub.fault({ on: 'blob', kind: 'cut', afterBytes: 123_456 });
    const answer = await ask(hub.cdnUrl, path);

    expect(answer.headers['content-length']).toBe('300000');
    expect([answer.bytes.length, answer.complete]).toEqual([123_456, false]);
    expect(answer.bytes.equals(bytes.subarray(0, 123_456))).toBe(true);
  });

  test('reset ends the connection before any answer', async () => {
    hub.fault({ on: 'cdn', kind: 'reset' });
    await expect(ask(hub.cdnUrl, path)).rejects.toThrow('the connection ended before the head');
  });

  test('corrupt changes one byte, wherever the range starts', async () => {
    hub.fault({ on: 'blob', kind: 'corrupt', atByte: 200_000 });
    const whole = await ask(hub.cdnUrl, path);
    const part = await ask(hub.cdnUrl, path, { range: 'bytes=199999-200001' });
    const before = await ask(hub.cdnUrl, path, { range: 'bytes=0-199999' });

    const wrong = [...bytes.keys()].filter((position) => whole.bytes[position] !== bytes[position]);
    expect([whole.complete, wrong]).toEqual([true, [200_000]]);
    expect(part.bytes.equals(whole.bytes.subarray(199_999, 200_002))).toBe(true);
    expect(before.bytes.equals(bytes.subarray(0, 200_000))).toBe(true);
  });

  test('hang-body stops after so many bytes and keeps the connection', async () => {
    hub.fault({ on: 'blob', kind: 'hang-body', afterBytes: 1000 });
    using client = await RawClient.connect(hub.cdnUrl, { deadlineMs: 300 });
    client.request('GET', path);
    await client.head();

    expect((await client.read(1000)).length).toBe(1000);
    await expect(client.read(1)).rejects.toThrow('nothing within 300 ms');
    expect(client.ended).toBe(false);
  });

  test('hold goes on when the test says so', async () => {
    const gate = Promise.withResolvers<void>();
    hub.fault({ on: 'blob', kind: 'hold', until: gate.promise, afterBytes: 1000 });
    using client = await RawClient.connect(hub.cdnUrl);
    client.request('GET', path);
    const head = await client.head();
    const first = await client.read(1000);
    expect(hub.bytesSent(digest)).toBe(1000);

    gate.resolve();
    const rest = await client.read(299_000);
    expect(head.status).toBe(200);
    expect(Buffer.concat([first, rest]).equals(bytes)).toBe(true);
  });

  test('an expired URL stays expired, a new one is good', async () => {
    hub.fault({ on: 'blob', kind: 'expired-url', times: 1 });
    const first = await ask(hub.cdnUrl, path);
    const again = await ask(hub.cdnUrl, path);
    const renewed = await ask(hub.cdnUrl, await signedPath(hub, repository, digest));

    expect([first.status, again.status, renewed.status]).toEqual([403, 403, 200]);
  });

  test('ignore-range answers 200 with the whole', async () => {
    const fault = hub.fault({ on: 'blob', kind: 'ignore-range' });
    const whole = await ask(hub.cdnUrl, path);
    const ranged = await ask(hub.cdnUrl, path, { range: 'bytes=100-' });

    expect([whole.status, ranged.status, ranged.bytes.length]).toEqual([200, 200, 300_000]);
    expect(fault.hits).toBe(1);
  });

  test('wrong-content-range claims another place', async () => {
    hub.fault({ on: 'blob', kind: 'wrong-content-range', shift: 7 });
    const answer = await ask(hub.cdnUrl, path, { range: 'bytes=100-199' });

    expect([answer.status, answer.headers['content-range']]).toEqual([206, 'bytes 107-206/300000']);
    expect(answer.bytes.equals(bytes.subarray(100, 200))).toBe(true);
  });

  test.each([
    { delta: 5, length: 300_000, complete: false },
    { delta: -5, length: 299_995, complete: true },
  ])('wrong-content-length is off by $delta', async ({ delta, length, complete }) => {
    hub.fault({ on: 'blob', kind: 'wrong-content-length', delta });
    const answer = await ask(hub.cdnUrl, path);

    expect(answer.headers['content-length']).toBe(String(300_000 + delta));
    expect([answer.bytes.length, answer.complete]).toEqual([length, complete]);
  });

  test('no-content-length sends chunks, which a cut leaves without their end', async () => {
    hub.fault({ on: 'blob', kind: 'no-content-length' });
    const answer = await ask(hub.cdnUrl, path);

    expect(answer.headers['content-length']).toBeUndefined();
    expect([answer.complete, answer.bytes.equals(bytes)]).toEqual([true, true]);
  });

  test('slow sends about as many bytes as the time allows', async () => {
    hub.fault({ on: 'blob', kind: 'slow', bytesPerSecond: 20_000 });
    using client = await RawClient.connect(hub.cdnUrl);
    client.request('GET', path);
    await client.head();
    const start = performance.now();
    await client.read(4000);

    const seconds = (performance.now() - start) / 1000;
    expect(seconds).toBeGreaterThan(0.1);
    // What one second allows, and what this machine took longer to read it.
    expect(hub.bytesSent(digest)).toBeLessThan(20_000 * (1 + seconds));
  });
});

describe('faults of the other requests', () => {
  test('a status comes with its usual code, and with a message and headers of choice', async () => {
    hub.fault({ on: 'manifest', kind: 'status', status: 500, times: 1 });
    hub.fault({
      on: 'manifest',
      kind: 'status',
      status: 429,
      message: 'slow down',
      headers: { 'retry-after': '7' },
    });
    const authorization = await bearer(hub, repository);
    const first = await ask(hub.url, manifestPath, authorization);
    const second = await ask(hub.url, manifestPath, authorization);

    expect([first.status, errorCode(first)]).toEqual([500, 'UNKNOWN']);
    expect([second.status, errorCode(second)]).toEqual([429, 'TOOMANYREQUESTS']);
    expect(second.headers['retry-after']).toBe('7');
    expect(second.bytes.toString()).toContain('slow down');
    expect(hub.pulls).toBe(0);
  });

  test('a 401 carries the challenge, as real ones do', async () => {
    hub.fault({ on: 'manifest', kind: 'status', status: 401 });
    const answer = await ask(hub.url, manifestPath, await bearer(hub, repository));

    expect(answer.headers['www-authenticate']).toContain(`scope="repository:${repository}:pull"`);
  });

  test('a wrong manifest is whole and well-formed, and not what its digest says', async () => {
    hub.fault({ on: 'manifest', kind: 'wrong-manifest' });
    const answer = await ask(hub.url, manifestPath, await bearer(hub, repository));

    expect(answer.complete).toBe(true);
    expect(JSON.parse(answer.bytes.toString())).toEqual(JSON.parse(image.bytes.toString()));
    expect(answer.headers['docker-content-digest']).toBe(image.digest);
    expect(digestOf(answer.bytes)).not.toBe(image.digest);
  });

  test('expired-token refuses every token issued so far', async () => {
    const authorization = await bearer(hub, repository);
    hub.fault({ on: 'manifest', kind: 'expired-token', times: 1 });
    const refused = await ask(hub.url, manifestPath, authorization);
    const renewed = await ask(hub.url, manifestPath, await bearer(hub, repository));

    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
    expect([refused.status, renewed.status]).toEqual([401, 200]);
  });

  test('hang reads the request and never answers', async () => {
    hub.fault({ on: 'ping', kind: 'hang' });
    using client = await RawClient.connect(hub.url, { deadlineMs: 300 });
    client.request('GET', '/v2/');

    await expect(client.head()).rejects.toThrow('nothing within 300 ms');
    expect([client.ended, hub.requests.at(-1)?.status]).toEqual([false, 0]);
  });

  test('redirect leads where the test says', async () => {
    hub.fault({ on: 'token', kind: 'redirect', location: 'http://169.254.169.254/' });
    const answer = await ask(hub.tokenUrl, '/token');

    expect([answer.status, answer.headers['location']]).toEqual([307, 'http://169.254.169.254/']);
  });

  test('delay answers late, and then rightly', async () => {
    hub.fault({ on: 'ping', kind: 'delay', ms: 50 });
    const start = performance.now();

    expect((await ask(hub.url, '/v2/')).status).toBe(401);
    expect(performance.now() - start).toBeGreaterThan(40);
  });
});

describe('which requests a fault hits', () => {
  test('those that method, path or digest match, as often as it should, until it is cleared', async () => {
    const once = hub.fault({ on: 'any', kind: 'status', status: 503, method: 'HEAD', times: 1 });
    const here = hub.fault({ on: 'cdn', kind: 'status', status: 502, match: digest });
    const there = hub.fault({ on: 'cdn', kind: 'status', status: 504, match: /nowhere/ });
    const status = async (method: string): Promise<number> =>
      (await ask(hub.cdnUrl, path, {}, method)).status;

    expect([await status('GET'), await status('HEAD'), await status('HEAD')]).toEqual([502, 503, 502]);
    expect([once.hits, here.hits, there.hits]).toEqual([1, 2, 0]);
    here.clear();
    expect(await status('GET')).toBe(200);
  });

  test('faults of the body leave HEAD alone', async () => {
    const fault = hub.fault({ on: 'blob', kind: 'cut', afterBytes: 0, times: 1 });

    expect((await ask(hub.cdnUrl, path, {}, 'HEAD')).status).toBe(200);
    expect(fault.hits).toBe(0);
    expect((await ask(hub.cdnUrl, path)).complete).toBe(false);
  });
});

describe('thin links', () => {
  test('a shared link gives its clients about equal parts', async () => {
    await using thin = await FakeHub.start({ auth: 'none', cdn: false, sharedBytesPerSecond: 400_000 });
    thin.addImage(repository, 'latest', image);
    const blob = `/v2/${repository}/blobs/${digest}`;
    using one = await RawClient.connect(thin.url);
    using two = await RawClient.connect(thin.url);
    one.request('GET', blob);
    two.request('GET', blob);
    // Neither may have a start: how far ahead that is, depends on the machine.
    await Promise.all([one.head(), two.head()]);
    await Promise.all([one.read(50_000), two.read(50_000)]);

    const [first, second] = thin.requests.map(({ bytesSent }) => bytesSent) as [number, number];
    expect(first + second).toBeLessThan(2 * bytes.length);
    expect(second).toBeGreaterThan(first / 2);
    expect(second).toBeLessThan(first * 2);
  });
});
