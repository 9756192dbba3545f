import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ask, errorCode, verdict } from '../support/ask.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';
import { scriptedServer, type Answerer } from './upstream/harness.ts';

const image = makeImage({ layers: [300_000] });
const [layer = image.config] = image.layers;
const { mediaType, digest } = image;
const accept = { accept: mediaType };
const manifests = '/v2/owner/app/manifests';

/** Gives the manifest to all who ask for one, and whatever `others` give. */
function withManifest(others: Answerer): Answerer {
  return (request, response) => {
    if (request.url?.includes('/manifests/') !== true) {
      others(request, response);
      return;
    }
    response.writeHead(200, { 'content-type': mediaType, 'docker-content-digest': digest });
    response.end(request.method === 'HEAD' ? undefined : image.bytes);
  };
}

describe('an upstream that answers 200 and no manifest', () => {
  it.each([
    ['a web page', 'text/html', '<html>'],
    ['nothing', mediaType, ''],
    ['half a manifest', mediaType, image.bytes.subarray(0, 99).toString()],
    ['JSON of its own', 'application/json', '{"status":"ok"}'],
    ['JSON of its own, called a manifest', mediaType, '{"errors":[]}'],
  ])('is a bad gateway, with words (%s)', async (_, contentType, body) => {
    await using upstream = await scriptedServer((__, response) => {
      response.writeHead(200, { 'content-type': contentType }).end(body);
    });
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url });

    const byTag = await ask(entrepot.url, `${manifests}/v1`, accept);
    const byDigest = await ask(entrepot.url, `${manifests}/${digest}`, accept);

    expect([byTag.status, byDigest.status]).toStrictEqual([502, 502]);
    expect(byTag.bytes.toString()).toContain('something other than a manifest');
    expect(byTag.bytes.toString()).toContain(body === '' ? 'an empty body' : `${body.length} bytes`);
  });

  it('has what is held served, stale', async () => {
    let isBroken = false;
    await using upstream = await scriptedServer((request, response) => {
      if (isBroken) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      else withManifest(() => undefined)(request, response);
    });
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url, freshness: { tagMs: 0 } });
    await ask(entrepot.url, `${manifests}/v1`, accept);
    isBroken = true;

    const stale = await ask(entrepot.url, `${manifests}/v1`, accept);

    expect(verdict(stale, image.bytes)).toBe('right');
    expect(stale.headers['warning']).toContain('something other than a manifest');
  });
});

describe('an upstream that encodes what nobody asked it to', () => {
  it('has its manifest mirrored byte for byte', async () => {
    await using upstream = await scriptedServer(({ method }, response) => {
      const headers = { 'content-type': mediaType, 'docker-content-digest': digest };
      response.writeHead(200, { ...headers, 'content-encoding': 'gzip' });
      response.end(method === 'HEAD' ? undefined : gzipSync(image.bytes));
    });
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url });

    const byTag = await ask(entrepot.url, `${manifests}/v1`, accept);
    const head = await ask(entrepot.url, `${manifests}/${digest}`, accept, 'HEAD');

    expect(verdict(byTag, image.bytes)).toBe('right');
    expect(byTag.headers['content-encoding']).toBeUndefined();
    expect(head.headers['content-length']).toBe(String(image.size));
  });

  it('in the label only, as some storage does to layers, has its blob mirrored', async () => {
    await using upstream = await scriptedServer(
      withManifest((_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(layer.bytes);
      }),
    );
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url });
    await ask(entrepot.url, `${manifests}/v1`, accept);

    const blob = await ask(entrepot.url, `/v2/owner/app/blobs/${layer.digest}`);

    expect(verdict(blob, layer.bytes)).toBe('right');
    expect(blob.headers['content-encoding']).toBeUndefined();
  });

  it('never has an encoded blob taken for the whole one, and is refused with words from then on', async () => {
    await using upstream = await scriptedServer(
      withManifest((_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(layer.bytes));
      }),
    );
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url });
    await ask(entrepot.url, `${manifests}/v1`, accept);

    const first = await ask(entrepot.url, `/v2/owner/app/blobs/${layer.digest}`);
    const second = await ask(entrepot.url, `/v2/owner/app/blobs/${layer.digest}`);

    expect(verdict(first, layer.bytes)).not.toBe('right');
    expect([second.status, errorCode(second)]).toStrictEqual([502, 'UNKNOWN']);
    expect(second.bytes.toString()).toContain('an encoded body (gzip) instead of the blob');
  });
});

// https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
describe('an upstream that answers 408 once', () => {
  it('is asked again', async () => {
    let asked = 0;
    const serve = withManifest((_, response) => response.end(layer.bytes));
    await using upstream = await scriptedServer((request, response) => {
      asked += 1;
      if (asked % 2 === 1) response.writeHead(408, { connection: 'close' }).end();
      else serve(request, response);
    });
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url });

    expect(verdict(await ask(entrepot.url, `${manifests}/v1`, accept), image.bytes)).toBe('right');
    const blob = await ask(entrepot.url, `/v2/owner/app/blobs/${layer.digest}`);
    expect(verdict(blob, layer.bytes)).toBe('right');
  });
});
