import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import {
  makeArtifact,
  makeArtifactIndex,
  makeDeprecatedArtifact,
  type Artifact,
} from '../support/artifact.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { descriptor, makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const repository = 'owner/app';
const image = makeImage({ oci: true });
const companion = image.digest.replace(':', '-');

interface Shape {
  readonly what: string;
  readonly artifact: Artifact;
  /** Where its makers put it; undefined: it is found by its subject. */
  readonly tag: string | undefined;
}

const shapes: readonly Shape[] = [
  {
    what: 'a cosign signature under its tag',
    tag: `${companion}.sig`,
    artifact: makeArtifact({
      configType: 'application/vnd.oci.image.config.v1+json',
      layerType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      text: '{"critical":{}}',
    }),
  },
  {
    what: 'a cosign attestation under its tag',
    tag: `${companion}.att`,
    artifact: makeArtifact({
      configType: 'application/vnd.oci.image.config.v1+json',
      layerType: 'application/vnd.dsse.envelope.v1+json',
      text: '{"payloadType":"application/vnd.in-toto+json"}',
    }),
  },
  {
    what: 'a cosign SBOM under its tag',
    tag: `${companion}.sbom`,
    artifact: makeArtifact({
      configType: 'application/vnd.oci.image.config.v1+json',
      layerType: 'spdx+json',
      text: '{"spdxVersion":"SPDX-2.3"}',
    }),
  },
  {
    what: 'a sigstore bundle that refers to its subject',
    tag: undefined,
    artifact: makeArtifact({
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      layerType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      text: '{"verificationMaterial":{}}',
      subject: image,
    }),
  },
  {
    what: 'an SBOM that refers to its subject',
    tag: undefined,
    artifact: makeArtifact({
      artifactType: 'application/spdx+json',
      layerType: 'application/spdx+json',
      text: '{"spdxVersion":"SPDX-2.3","name":"app"}',
      subject: image,
      annotations: { 'org.example.sbom.format': 'json' },
    }),
  },
  {
    what: 'an ORAS artifact with the empty config',
    tag: 'readme',
    artifact: makeArtifact({
      artifactType: 'application/vnd.acme.docs',
      layerType: 'text/markdown',
      text: '# Hi',
    }),
  },
  {
    what: 'a Helm chart',
    tag: '1.2.3_build.4',
    artifact: makeArtifact({
      configType: 'application/vnd.cncf.helm.config.v1+json',
      layerType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
      text: 'a chart',
    }),
  },
  {
    what: 'a deprecated artifact manifest',
    tag: undefined,
    artifact: makeDeprecatedArtifact({
      artifactType: 'application/vnd.example.old',
      text: 'old',
      subject: image,
    }),
  },
  {
    what: 'an index of artifacts',
    tag: 'set',
    artifact: makeArtifactIndex([descriptor(makeArtifact())], {
      artifactType: 'application/vnd.example.set',
    }),
  },
];

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', image);
  for (const { artifact, tag } of shapes) hub.addArtifact(repository, artifact, tag);
  entrepot = await TestEntrepot.start({ upstream: hub.url });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

const get = (path: string) => ask(entrepot.url, `/v2/${repository}/${path}`);

/** What its client makes of a pull: of the manifest and of each blob. */
async function pull({ artifact, tag }: Shape): Promise<readonly string[]> {
  const manifest = await get(`manifests/${tag ?? artifact.digest}`);
  const verdicts = [verdict(manifest, artifact.bytes), manifest.headers['content-type'] ?? 'no type'];
  for (const { digest, bytes } of artifact.blobs) verdicts.push(verdict(await get(`blobs/${digest}`), bytes));
  return verdicts;
}

describe('comes through byte for byte, and again when upstream is down:', () => {
  test.each(shapes)('$what', async (shape) => {
    const whole = ['right', shape.artifact.mediaType, ...shape.artifact.blobs.map(() => 'right')];
    expect(await pull(shape)).toEqual(whole);
    hub.down();
    await entrepot.restart();
    expect(await pull(shape)).toEqual(whole);
  });
});

describe('what refers to an image', () => {
  const referring = shapes.filter(({ tag }) => tag === undefined).map(({ artifact }) => artifact.digest);

  async function referrers(): Promise<{ readonly status: number; readonly digests: ReadonlySet<string> }> {
    const { status, bytes } = await get(`referrers/${image.digest}`);
    const { manifests = [] } = JSON.parse(bytes.toString()) as {
      readonly manifests?: readonly { readonly digest: string }[];
    };
    return { status, digests: new Set(manifests.map(({ digest }) => digest)) };
  }

  test('is listed, and again after a restart without upstream', async () => {
    await get('manifests/latest');
    expect(await referrers()).toEqual({ status: 200, digests: new Set(referring) });
    hub.down();
    await entrepot.restart();
    expect(await referrers()).toEqual({ status: 200, digests: new Set(referring) });
  });

  test('is listed without upstream once it was pulled, though nobody asked for a list before', async () => {
    for (const digest of referring) await get(`manifests/${digest}`);
    hub.down();
    expect(await referrers()).toEqual({ status: 200, digests: new Set(referring) });
  });

  test('spends no pull to be listed', async () => {
    await get('manifests/latest');
    hub.clearLog();
    await referrers();
    expect(hub.pulls).toBe(0);
  });

  test('is not known where upstream is down and nothing was pulled, which is no empty list', async () => {
    hub.down();
    expect((await get(`referrers/${image.digest}`)).status).toBe(503);
  });

  test('is empty and stale where upstream is down and only the image was pulled', async () => {
    await get('manifests/latest');
    hub.down();
    const answer = await get(`referrers/${image.digest}`);
    expect(answer.status).toBe(200);
    expect(answer.headers['warning']).toMatch(/^110 /u);
  });
});

describe('on a registry without referrers API', () => {
  let old: FakeHub;

  beforeEach(async () => {
    old = await FakeHub.start({ referrers: false });
    old.addImage(repository, 'latest', image);
    await entrepot[Symbol.asyncDispose]();
    entrepot = await TestEntrepot.start({ upstream: old.url });
  });

  afterEach(async () => {
    await old.close();
  });

  test('referrers are read from the tag, and from its cached manifest when upstream is down', async () => {
    const [signature] = shapes.flatMap(({ artifact, tag }) => (tag === undefined ? [artifact] : []));
    if (signature === undefined) throw new Error('no shape refers to the image');
    const artifactType = 'application/vnd.example';
    const listed = { ...descriptor(signature), artifactType };
    old.addArtifact(repository, makeArtifactIndex([listed]), companion);

    const path = `referrers/${image.digest}?artifactType=${artifactType}`;
    const online = await get(path);
    old.down();
    await entrepot.restart();
    const offline = await get(path);

    for (const { status, bytes } of [online, offline]) {
      expect(status).toBe(200);
      expect(JSON.parse(bytes.toString())).toMatchObject({ manifests: [listed] });
    }
    expect((await get(`manifests/${companion}`)).status).toBe(200);
  });

  test('there are none where there is no such tag', async () => {
    const { status, bytes } = await get(`referrers/${image.digest}`);
    expect(status).toBe(200);
    expect(JSON.parse(bytes.toString())).toMatchObject({ manifests: [] });
  });
});
