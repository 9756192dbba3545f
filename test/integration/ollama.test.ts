import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { ask } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeModelRegistry } from '../support/fake-model-registry.ts';
import { content } from '../support/image.ts';
import { makeOllamaModel } from '../support/model.ts';
import { ollamaLocation, ollamaPart, ollamaPull, type Pulled } from '../support/ollama-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const repository = 'library/llama3.2';
// Long enough to be fetched in ranges, and to be asked for in 16 parts.
const model = makeOllamaModel(18 * MiB);
const [weights = model.config] = model.layers;
const contents = [...model.layers, model.config];
const right: Pulled = new Map(contents.map(({ digest, bytes }) => [digest, bytes]));
const weightsPath = `/v2/${repository}/blobs/${weights.digest}`;

let registry: FakeModelRegistry;
let entrepot: TestEntrepot;

beforeEach(async () => {
  registry = await FakeModelRegistry.start();
  registry.add(repository, 'latest', model, contents);
  entrepot = await TestEntrepot.start({
    upstream: 'http://127.0.0.1:9',
    // As a mirror has it.
    pullAhead: { enabled: true, parallel: 4 },
    others: [
      {
        name: 'registry.ollama.ai',
        url: registry.url,
        listen: { host: '127.0.0.1', port: 0 },
        pullAhead: { enabled: true, parallel: 4 },
      },
    ],
  });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const pull = (): Promise<Pulled> => ollamaPull(entrepot.urlOf('registry.ollama.ai'), repository, 1 * MiB);
const isRight = (pulled: Pulled): boolean =>
  [...right].every(([digest, bytes]) => pulled.get(digest)?.equals(bytes) === true);
const logged = (what: RegExp): readonly string[] =>
  entrepot.log.split('\n').filter((line) => what.test(line));

describe('a model of a registry as Ollama’s', () => {
  test('is pulled by Ollama cold, hot, and while the registry is away', async () => {
    const cold = await pull();
    const asked = registry.requests.length;
    const hot = await pull();
    await registry.down();
    entrepot.clock.advance(24 * 3600 * 1000);
    await entrepot.restart();
    const offline = await pull();

    expect([cold, hot, offline].map(isRight)).toEqual([true, true, true]);
    for (const { digest, size } of contents) expect(registry.bytesSent(digest)).toBe(size);
    expect(registry.requests).toHaveLength(asked);
    expect(registry.requests.filter(({ path }) => path === '/v2/')).toEqual([]);
  });

  test('costs one download, however many pull it at once', async () => {
    const students = await Promise.all(Array.from({ length: 30 }, pull));

    expect(students.every(isRight)).toBe(true);
    for (const { digest, size } of contents) expect(registry.bytesSent(digest)).toBe(size);
    expect(logged(/"level":(40|50)/)).toEqual([]);
  });

  test('is told of as what its manifest says that it is, byte for byte', async () => {
    const answer = await ask(entrepot.url, `/v2/registry.ollama.ai/${repository}/manifests/latest`);

    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': mediaTypes.dockerManifest, 'docker-content-digest': model.digest },
    });
    expect(answer.bytes.equals(model.bytes)).toBe(true);
  });

  test('is Docker’s by its config where the manifest has no type', async () => {
    const { mediaType: _, ...untyped } = JSON.parse(model.bytes.toString()) as Record<string, unknown>;
    const manifest = content(Buffer.from(JSON.stringify(untyped)), 'text/plain');
    registry.add('library/old', 'latest', manifest, contents);

    const { bytes, headers } = await ask(
      entrepot.url,
      '/v2/registry.ollama.ai/library/old/manifests/latest',
      {
        accept: mediaTypes.dockerManifest,
      },
    );

    expect(headers['content-type']).toBe(mediaTypes.dockerManifest);
    expect(bytes.equals(manifest.bytes)).toBe(true);
  });

  test('costs nothing but its manifest until it is asked for: clients look for newer ones in that way', async () => {
    const { status } = await ask(entrepot.url, `/v2/registry.ollama.ai/${repository}/manifests/latest`);
    await entrepot.stop();

    expect(status).toBe(200);
    expect(registry.requests.filter(({ path }) => path.includes('/blobs/'))).toEqual([]);
  });
});

describe('the GET by which Ollama looks for a blob', () => {
  test('is told the path by which the blob was asked for', async () => {
    const bound = entrepot.urlOf('registry.ollama.ai');
    expect(await ollamaLocation(bound, weightsPath)).toBe(weightsPath);
    const prefixed = `/v2/registry.ollama.ai/${repository}/blobs/${weights.digest}`;
    expect(await ollamaLocation(entrepot.url, prefixed)).toBe(prefixed);
  });

  test('leaves a fill that goes on, and no line in the log that speaks of a fault', async () => {
    const release = registry.holdFrom(2 * MiB);
    const origin = entrepot.urlOf('registry.ollama.ai');
    await ollamaLocation(origin, weightsPath);
    await eventually(60_000, 'its line in the log', () => logged(/"msg":"request"/).length === 1);
    release();
    await eventually(60_000, 'the whole blob', () => registry.bytesSent(weights.digest) === weights.size);

    expect(logged(/"aborted"|"level":(40|50)/)).toEqual([]);
    const part = await ollamaPart(origin, weightsPath, 3 * MiB, 4 * MiB);
    expect(part.equals(weights.bytes.subarray(3 * MiB, 4 * MiB))).toBe(true);
    expect(registry.bytesSent(weights.digest)).toBe(weights.size);
  });
});

describe('parts of a blob that has only begun to come', () => {
  test('wait for their bytes, and ask for none themselves', async () => {
    const release = registry.holdFrom(2 * MiB);
    const origin = entrepot.urlOf('registry.ollama.ai');
    const order: string[] = [];
    const part = async (name: string, start: number): Promise<boolean> => {
      const bytes = await ollamaPart(origin, weightsPath, start, start + MiB);
      order.push(name);
      return bytes.equals(weights.bytes.subarray(start, start + MiB));
    };
    using far = await RawClient.connect(origin, { deadlineMs: 60_000 });
    far.request('GET', weightsPath, { range: `bytes=${17 * MiB}-` });
    const head = far.head().then(() => order.push('head'));
    const last = Array.from({ length: 15 }, (_, index) => part('behind', (3 + index) * MiB));
    const first = part('in front', 0);
    await first;
    expect(order).toEqual(['in front']);
    release();

    expect(await Promise.all([first, ...last])).toEqual(Array(16).fill(true));
    await head;
    expect(registry.bytesSent(weights.digest)).toBe(weights.size);
  });
});
