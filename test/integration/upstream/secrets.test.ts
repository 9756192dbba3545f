import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import type { FaultSpec } from '../../support/faults.ts';
import { makeImage, noise } from '../../support/image.ts';
import { clientOf, everythingIn, readAll, repositoryName, scriptedServer, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const image = makeImage();
const bytes = noise(200_000, 'secrets');
const digest = digestOf(bytes);
const owner = { username: 'owner', password: 'hunter2-hunter2' };
const basic = btoa(`${owner.username}:${owner.password}`);

const faults: readonly FaultSpec[] = [
  { on: 'token', kind: 'status', status: 401 },
  { on: 'token', kind: 'status', status: 401, message: `${owner.password} is wrong: Basic ${basic}` },
  { on: 'token', kind: 'status', status: 500 },
  { on: 'token', kind: 'reset' },
  { on: 'token', kind: 'cut', afterBytes: 40 },
  { on: 'manifest', kind: 'status', status: 401 },
  { on: 'manifest', kind: 'reset' },
  { on: 'blob', kind: 'reset' },
  { on: 'cdn', kind: 'status', status: 403 },
  { on: 'cdn', kind: 'status', status: 404 },
  { on: 'cdn', kind: 'reset' },
  { on: 'cdn', kind: 'cut', afterBytes: 1000 },
  { on: 'cdn', kind: 'redirect', location: 'ftp://user:hunter2-hunter2@example.com/?signature=s' },
];

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('no secret is in a log line or an error', () => {
  it.each(faults)('with $kind on $on', async (fault) => {
    await using hub = await FakeHub.start({ credentials: owner });
    hub.addImage('library/busybox', 'latest', image);
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url, { credentials: { get: () => Promise.resolve(owner) } });
    hub.fault(fault);
    const errors = [
      await errorOf(client.registry.getManifest(busybox, latest)),
      await errorOf(client.registry.openBlob(busybox, digest, { offset: 0 }).then(readAll)),
    ].filter((error) => error !== undefined);
    expect(errors).not.toEqual([]);
    const text = [client.log(), ...errors.map(everythingIn)].join('\n');
    expect(client.log()).toContain('upstream answered');
    expect(errors.every((error) => error instanceof UpstreamError)).toBe(true);
    for (const secret of [owner.password, basic, 'signature=', ...hub.issuedTokens]) {
      expect(text).not.toContain(secret);
    }
  });

  it('when all goes well', async () => {
    await using hub = await FakeHub.start({ credentials: owner });
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url, { credentials: { get: () => Promise.resolve(owner) } });
    await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }));
    expect(hub.issuedTokens).toHaveLength(1);
    for (const secret of [owner.password, basic, 'signature=', ...hub.issuedTokens]) {
      expect(client.log()).not.toContain(secret);
    }
  });

  it.each(['not HTTP: {"token":"s3cret"}', 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"token":"s3cret"'])(
    'when the token service answers %j',
    async (answer) => {
      await using upstream = await scriptedServer((request, response) => {
        if (request.url?.startsWith('/token') === true) request.socket.end(answer);
        else {
          const realm = `http://${request.headers.host}/token`;
          response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
        }
      });
      await using client = clientOf(upstream.url);
      const error = await errorOf(client.registry.getManifest(busybox, latest));
      expect(error).toMatchObject({ kind: 'invalid' });
      expect(everythingIn(error) + client.log()).not.toContain('s3cret');
    },
  );
});
