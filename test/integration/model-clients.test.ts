import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { ask, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { FakeModelRegistry } from '../support/fake-model-registry.ts';
import type { Content } from '../support/image.ts';
import { makeDockerModel, makeModelPack, makeOllamaModel, type Model } from '../support/model.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const MiB = 1024 * 1024;
const dockers = makeDockerModel(18 * MiB);
const ollamas = makeOllamaModel(18 * MiB);
const pack = makeModelPack(3 * MiB);

let hub: FakeHub;
let registry: FakeModelRegistry;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage('ai/smollm2', 'latest', dockers);
  hub.addImage('owner/pack', 'v1', pack);
  registry = await FakeModelRegistry.start();
  registry.add('library/tiny', 'latest', ollamas, [...ollamas.layers, ollamas.config]);
  const pullAhead = { enabled: true, parallel: 4 };
  entrepot = await TestEntrepot.start({
    upstream: hub.url,
    pullAhead,
    others: [{ name: 'registry.ollama.ai', url: registry.url, pullAhead }],
  });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
  await registry[Symbol.asyncDispose]();
});

type Pull = () => Promise<readonly string[]>;

/** What a client makes of what it gets. */
const all = (answers: readonly (readonly [RawAnswer, Content])[]): readonly string[] =>
  answers.map(([answer, { bytes }]) => verdict(answer, bytes));

/**
 * Docker Model Runner, with `MODEL_RUNNER_REGISTRY_MIRRORS`: containerd's resolver (2.2.5), which asks for
 * the config again for each layer. What an earlier pull has left behind is gone on with by a range.
 */
const dockerModelRunner = async (model: Model, kept = 0): Promise<readonly string[]> => {
  const agent = { 'user-agent': 'model-distribution' };
  const at = (path: string): string => `/v2/ai/smollm2/${path}?ns=docker.io`;
  const get = ({ mediaType }: Content): Readonly<Record<string, string>> => ({
    ...agent,
    accept: `${mediaType}, */*`,
    'accept-encoding': 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5',
  });
  const { dockerManifest, dockerManifestList, ociManifest, ociIndex } = mediaTypes;
  const accept = [dockerManifest, dockerManifestList, ociManifest, ociIndex, '*/*'].join(', ');
  const head = await ask(entrepot.url, at('manifests/latest'), { ...agent, accept }, 'HEAD');
  const digest = head.headers['docker-content-digest'] ?? '';
  const answers: (readonly [RawAnswer, Content])[] = [
    [await ask(entrepot.url, at(`manifests/${digest}`), get(model)), model],
  ];
  const config = async (): Promise<void> => {
    answers.push([
      await ask(entrepot.url, at(`blobs/${model.config.digest}`), get(model.config)),
      model.config,
    ]);
  };
  for (const _ of model.layers) await config();
  for (const layer of model.layers) {
    await config();
    const range = kept === 0 ? undefined : { range: `bytes=${Math.min(kept, layer.size - 1)}-` };
    answers.push([await ask(entrepot.url, at(`blobs/${layer.digest}`), { ...get(layer), ...range }), layer]);
  }
  return all(answers);
};

const python = { 'user-agent': 'Python-urllib/3.11', 'accept-encoding': 'identity', connection: 'close' };

/** RamaLama's `ollama://`, whose `Accept` names itself, and which has a range in every request for a blob. */
const ramalamaOllama = async (model: Model): Promise<readonly string[]> => {
  const headers = { ...python, accept: `Accept: ${mediaTypes.dockerManifest}` };
  const at = (path: string): string => `/v2/registry.ollama.ai/library/tiny/${path}`;
  const [weights = model, template = model] = model.layers;
  const answers: (readonly [RawAnswer, Content])[] = [];
  for (let times = 0; times < 2; times += 1)
    answers.push([await ask(entrepot.url, at('manifests/latest'), headers), model]);
  for (const content of [weights, model.config, template]) {
    const answer = await ask(entrepot.url, at(`blobs/${content.digest}`), { ...headers, range: 'bytes=0-' });
    answers.push([answer, content]);
  }
  return all(answers);
};

/**
 * RamaLama's `oci://` where it fetches a ModelPack itself: once for the kind of the reference, once for its
 * content.
 */
const ramalamaOci = async (model: Model): Promise<readonly string[]> => {
  const { ociArtifact, ociManifest, dockerManifest } = mediaTypes;
  const headers = { ...python, accept: [ociArtifact, ociManifest, dockerManifest].join(',') };
  const answers: (readonly [RawAnswer, Content])[] = [];
  for (let times = 0; times < 2; times += 1)
    answers.push([await ask(entrepot.url, '/v2/owner/pack/manifests/v1', headers), model]);
  for (const layer of model.layers)
    answers.push([await ask(entrepot.url, `/v2/owner/pack/blobs/${layer.digest}`, python), layer]);
  return all(answers);
};

const clients: readonly [client: string, pull: Pull, model: Model][] = [
  ['Docker Model Runner', () => dockerModelRunner(dockers), dockers],
  ['RamaLama, of Ollama’s registry,', () => ramalamaOllama(ollamas), ollamas],
  ['RamaLama, of an OCI registry,', () => ramalamaOci(pack), pack],
];

describe.each(clients)('%s', (_, pull, model) => {
  test('pulls cold, hot and offline, and the weights are fetched once', async () => {
    const cold = await pull();
    const hot = await pull();
    hub.down();
    await registry.down();
    entrepot.clock.advance(24 * 3600 * 1000);
    await entrepot.restart();
    const offline = await pull();

    const right = cold.map(() => 'right');
    expect([cold, hot, offline]).toEqual([right, right, right]);
    const [{ digest, size } = model] = model.layers;
    expect(hub.bytesSent(digest) + registry.bytesSent(digest)).toBe(size);
  });
});

describe('Docker Model Runner', () => {
  test('goes on with what it kept of an earlier pull', async () => {
    expect(new Set(await dockerModelRunner(dockers, 5 * MiB))).toEqual(new Set(['right']));
  });
});

describe('the manifest of a model', () => {
  test.each([
    ['ai/smollm2', 'latest'],
    ['owner/pack', 'v1'],
  ])('of %s has nothing fetched ahead: who looks at it may want none of its gigabytes', async (name, tag) => {
    const { status } = await ask(entrepot.url, `/v2/${name}/manifests/${tag}`);
    await entrepot.stop();

    expect(status).toBe(200);
    expect(hub.requests.filter(({ path }) => path.includes('/blobs/'))).toEqual([]);
  });
});
