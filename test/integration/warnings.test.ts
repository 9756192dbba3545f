import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { ask } from '../support/ask.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';
import { scriptedServer, type ScriptedServer } from './upstream/harness.ts';

const image = makeImage();
const accept = { accept: image.mediaType };
const base = '/v2/owner/app';

/** A registry that has something to say, with every answer. */
function warner(warning: string | string[]): Promise<ScriptedServer> {
  return scriptedServer(({ method, url = '' }, response) => {
    response.setHeader('warning', warning);
    if (url.includes('/tags/')) response.end('{"tags":["v1"]}');
    else if (url.includes('/referrers/')) {
      response.setHeader('content-type', mediaTypes.ociIndex);
      response.end('{"schemaVersion":2,"manifests":[]}');
    } else if (!url.endsWith('/v1') && !url.endsWith(image.digest)) response.writeHead(404).end();
    else {
      const headers = { 'content-type': image.mediaType, 'content-length': image.size };
      response.writeHead(200, { ...headers, 'docker-content-digest': image.digest });
      response.end(method === 'HEAD' ? undefined : image.bytes);
    }
  });
}

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
describe("upstream's warning", () => {
  it.each([
    ['a tag', 'HEAD', `${base}/manifests/v1`],
    ['a tag', 'GET', `${base}/manifests/v1`],
    ['a digest', 'HEAD', `${base}/manifests/${image.digest}`],
    ['a digest', 'GET', `${base}/manifests/${image.digest}`],
    ['a list of tags', 'GET', `${base}/tags/list`],
    ['a list of referrers', 'GET', `${base}/referrers/${image.digest}`],
  ])(
    'reaches the client with %s (%s), when upstream was asked for that and not again',
    async (_, method, path) => {
      await using upstream = await warner('299 - "this repository moves to example.org"');
      await using entrepot = await TestEntrepot.start({ upstream: upstream.url });

      const asked = await ask(entrepot.url, path, accept, method);
      const cached = await ask(entrepot.url, path, accept, method);

      expect(asked.headers['warning']).toBe('299 - "this repository moves to example.org"');
      if (method === 'GET') expect(cached.headers['warning']).toBeUndefined();
    },
  );

  it('comes with the confirmation of a tag that is cached, beside no warning of ours', async () => {
    await using upstream = await warner('299 - "deprecated"');
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url, freshness: { tagMs: 0 } });
    for (let time = 0; time < 3; time += 1) {
      const answer = await ask(entrepot.url, `${base}/manifests/v1`, accept);
      expect([answer.status, answer.headers['warning']]).toStrictEqual([200, '299 - "deprecated"']);
    }
  });

  it('is not said again once upstream no longer says it', async () => {
    const said = ['299 - "deprecated"'];
    await using upstream = await warner(said);
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url, freshness: { tagMs: 0 } });
    await ask(entrepot.url, `${base}/manifests/v1`, accept);
    said.length = 0;

    const answer = await ask(entrepot.url, `${base}/manifests/v1`, accept);

    expect([answer.status, answer.headers['warning']]).toStrictEqual([200, undefined]);
  });

  it('is handed on as plain text in quotes, and no other than 299', async () => {
    await using upstream = await warner(['110 - "stale"', '299 - "a \\"tag\\" \u00e9"', '299 x "b"']);
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url });

    const answer = await ask(entrepot.url, `${base}/manifests/v1`, accept);

    expect(answer.headers['warning']).toMatch(/^299 - "a  ?tag[^"\\]*", 299 - "b"$/);
  });
});
