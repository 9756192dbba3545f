import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import type { ProxySettings } from '../../../src/upstream/proxy-settings.ts';
import { loadText } from '../../support/config-folder.ts';
import { within } from '../../support/deadline.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { FakeProxy } from '../../support/fake-proxy.ts';
import { noise } from '../../support/image.ts';
import { selfSigned } from '../../support/self-signed.ts';
import {
  clientOf,
  everythingIn,
  failureOf,
  named,
  readAll,
  repositoryName,
  scriptedServer,
  tagReference,
} from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const bytes = noise(300_000, 'proxies');
const digest = digestOf(bytes);

function through({ url }: FakeProxy, noProxy = ''): ProxySettings {
  return { http: url, https: url, noProxy, forLoopback: true };
}

describe('a plain http upstream behind a proxy', () => {
  it('is asked in absolute form, by the name that only the proxy knows', async () => {
    await using upstream = await scriptedServer((_, response) => response.end('{}'));
    await using proxy = await FakeProxy.start({
      hosts: { 'registry.example.com:80': new URL(upstream.url).host },
    });
    await using client = clientOf('http://registry.example.com', { proxy: through(proxy) });
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
    expect(proxy.requests).toEqual(['GET http://registry.example.com/v2/library/busybox/manifests/latest']);
    expect(upstream.requests).toEqual(['GET /v2/library/busybox/manifests/latest']);
  });

  it('has its token service and its CDN asked through it too', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using proxy = await FakeProxy.start();
    await using client = clientOf(hub.url, { proxy: through(proxy) });
    expect(
      (await readAll(await client.registry.openBlob(busybox, digest, { offset: 7 }))).equals(
        bytes.subarray(7),
      ),
    ).toBe(true);
    for (const url of [hub.url, hub.tokenUrl, hub.cdnUrl]) {
      expect(proxy.requests.some((request) => request.startsWith(`GET ${url}/`))).toBe(true);
    }
    expect(proxy.requests).toHaveLength(hub.requests.length);
  });

  it('is asked directly when NO_PROXY says so', async () => {
    await using upstream = await scriptedServer((_, response) => response.end('{}'));
    await using proxy = await FakeProxy.start();
    await using client = clientOf(upstream.url, { proxy: through(proxy, 'a.test,127.0.0.0/8') });
    await client.registry.getManifest(busybox, latest);
    expect(proxy.requests).toEqual([]);
    expect(upstream.requests).toHaveLength(1);
  });

  it('is asked directly when only https has a proxy', async () => {
    await using upstream = await scriptedServer((_, response) => response.end('{}'));
    await using proxy = await FakeProxy.start();
    await using client = clientOf(upstream.url, {
      proxy: { http: undefined, https: proxy.url, noProxy: '', forLoopback: true },
    });
    await client.registry.getManifest(busybox, latest);
    expect(proxy.requests).toEqual([]);
  });

  it('on this machine is asked directly where the proxy is that of the environment, as by Go', async () => {
    await using upstream = await scriptedServer((_, response) => response.end('{}'));
    await using proxy = await FakeProxy.start();
    const { config } = await loadText(`version: 0.1\nproxy: { remoteurl: '${upstream.url}' }\n`, {
      HTTP_PROXY: proxy.url.href,
    });
    await using client = clientOf(upstream.url, { proxy: config.upstreams[0].proxy });
    await client.registry.getManifest(busybox, latest);
    expect(proxy.requests).toEqual([]);
    expect(upstream.requests).toHaveLength(1);
  });

  it('on this machine is asked through the proxy that is configured for it', async () => {
    await using upstream = await scriptedServer((_, response) => response.end('{}'));
    await using proxy = await FakeProxy.start();
    const name = new URL(upstream.url).host;
    const { config } = await loadText(
      `version: 0.1\nupstreams: { '${name}': { url: '${upstream.url}', proxy: '${proxy.url.origin}' } }\n`,
    );
    await using client = clientOf(upstream.url, { proxy: config.upstreams[0].proxy });
    await client.registry.getManifest(busybox, latest);
    expect(proxy.requests).toHaveLength(1);
  });

  it('that hangs is a timeout', async () => {
    await using upstream = await scriptedServer(() => undefined);
    await using proxy = await FakeProxy.start();
    await using client = clientOf(upstream.url, { proxy: through(proxy), timeouts: { headerMs: 200 } });
    const failure = failureOf(client.registry.getManifest(busybox, latest));
    expect((await within(60_000, 'the time limit', failure)).kind).toBe('timeout');
  });

  it('that redirects to an address of the local network is not followed', async () => {
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
    });
    await using proxy = await FakeProxy.start();
    await using client = clientOf(upstream.url, { proxy: through(proxy) });
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('invalid');
    expect(proxy.requests).toHaveLength(1);
  });
});

describe('an https upstream behind a proxy', () => {
  let server: Server;
  let port: number;

  beforeEach(async () => {
    server = createServer(selfSigned, (_, response) => response.end('{}'));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    ({ port } = server.address() as AddressInfo);
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  it('is asked through a tunnel, and shows its own certificate', async () => {
    await using proxy = await FakeProxy.start();
    const url = `https://127.0.0.1:${port}`;
    await using client = clientOf(url, { proxy: through(proxy), ca: selfSigned.cert });
    for (let asked = 0; asked < 5; asked += 1) await client.registry.getManifest(busybox, latest);
    expect(new Set(proxy.requests)).toEqual(new Set([`CONNECT 127.0.0.1:${port}`]));
    expect(proxy.requests.length).toBeLessThan(5);
    await using stranger = clientOf(url, { proxy: through(proxy) });
    expect((await failureOf(stranger.registry.getManifest(busybox, latest))).message).toContain(
      'SELF_SIGNED',
    );
  });

  it('may answer with a header of 64 KiB', async () => {
    server.prependListener('request', (_, response) => response.setHeader('x-policy', 'p'.repeat(64 * 1024)));
    await using proxy = await FakeProxy.start();
    await using client = clientOf(`https://127.0.0.1:${port}`, {
      proxy: through(proxy),
      ca: selfSigned.cert,
    });
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
  });

  it('may be insecure', async () => {
    const host = `registry.example.com:${port}`;
    await using proxy = await FakeProxy.start({ hosts: { [host]: `127.0.0.1:${port}` } });
    await using client = clientOf(`https://${host}`, { proxy: through(proxy), insecure: true });
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
  });

  it.each([403, 502, 503])('is unavailable when the proxy answers %i', async (connectStatus) => {
    await using proxy = await FakeProxy.start({ connectStatus });
    await using client = clientOf(`https://127.0.0.1:${port}`, { proxy: through(proxy) });
    expect(await failureOf(client.registry.getManifest(busybox, latest))).toMatchObject({
      kind: 'unavailable',
      message: `127.0.0.1:${port}, through the proxy ${proxy.url.host}: the proxy opens no tunnel`,
    });
  });

  it('is unavailable when the proxy is down', async () => {
    const proxy = await FakeProxy.start();
    const settings = through(proxy);
    await proxy[Symbol.asyncDispose]();
    await using client = clientOf(`https://127.0.0.1:${port}`, { proxy: settings });
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('unavailable');
  });
});

describe('the credentials of a proxy', () => {
  const credentials = 'worker:hunter2-hunter2';

  it.each(['http', 'https'])('open it, and get no further (%s)', async (scheme) => {
    const seen: unknown[] = [];
    await using upstream = await scriptedServer((request, response) => {
      seen.push(request.headers['proxy-authorization']);
      response.end('{}');
    });
    const host = new URL(upstream.url).host;
    await using proxy = await FakeProxy.start({ credentials });
    await using client = clientOf(`${scheme}://${host}`, { proxy: through(proxy) });
    const error: unknown = await client.registry
      .getManifest(busybox, latest)
      .catch((cause: unknown) => cause);
    expect(proxy.requests.length).toBeGreaterThan(0);
    if (scheme === 'http') expect(seen.filter((value) => value !== undefined)).toHaveLength(seen.length);
    const text = client.log() + everythingIn(error);
    for (const secret of ['hunter2', btoa(credentials)]) expect(text).not.toContain(secret);
  });

  it.each(['http', 'https'])('that are wrong are unavailable, and not told (%s)', async (scheme) => {
    await using proxy = await FakeProxy.start({ credentials });
    const wrong = new URL(proxy.url);
    wrong.password = 'wrong-password-1';
    await using client = clientOf(named(`${scheme}://127.0.0.1:1`, 'registry.example.com'), {
      proxy: { http: wrong, https: wrong, noProxy: '', forLoopback: true },
    });
    const failure = await failureOf(client.registry.getManifest(busybox, latest));
    expect(failure.kind).toBe('unavailable');
    const text = client.log() + everythingIn(failure);
    expect(text).toContain('upstream did not answer');
    for (const secret of ['wrong-password-1', btoa('worker:wrong-password-1')]) {
      expect(text).not.toContain(secret);
    }
  });
});
