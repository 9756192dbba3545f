import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { ask, errorCode } from '../../support/ask.ts';
import { makeArtifact, makeArtifactIndex } from '../../support/artifact.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { makeImage, makeIndex } from '../../support/image.ts';
import type { RawAnswer } from '../../support/raw-client.ts';
import { TestEntrepot } from '../../support/test-entrepot.ts';

export const repository = 'owner/hello';
export const image = makeImage({ layers: [100_000, 5000] });
export const ociImage = makeImage({ oci: true, seed: 2 });
export const index = makeIndex([image, makeImage({ seed: 3 })], { oci: true });
export const tags = ['1.0', '1.10', '1.9', 'Zeta', 'latest', 'multi', 'oci'];

export const sbom = makeArtifact({
  artifactType: 'application/vnd.example.sbom.v1',
  text: 'sbom',
  subject: ociImage,
  annotations: {
    'org.example.sbom.format': 'json',
    'org.opencontainers.image.created': '2030-01-01T00:00:00Z',
  },
});
/** States no artifact type: its config's type stands for it. */
export const signature = makeArtifact({
  configType: 'application/vnd.example.signature.v1',
  text: 'signature',
  subject: ociImage,
});
export const referringIndex = makeArtifactIndex([], {
  subject: ociImage,
  annotations: { 'org.example': 'index' },
});

/** A well-formed digest of nothing. */
export const unknownDigest = `sha256:${'0'.repeat(64)}`;

/** Whether the content is upstream's only, or also held, or held while upstream is down. */
export type Situation = 'cold' | 'held' | 'offline';
export const situations: readonly Situation[] = ['cold', 'held', 'offline'];

/**
 * Entrepot as a registry to be judged by the distribution spec, in front of an upstream with a bit of
 * everything.
 */
export class Subject implements AsyncDisposable {
  readonly hub: FakeHub;
  readonly entrepot: TestEntrepot;

  private constructor(hub: FakeHub, entrepot: TestEntrepot) {
    this.hub = hub;
    this.entrepot = entrepot;
  }

  static async start(situation: Situation = 'cold'): Promise<Subject> {
    const hub = await FakeHub.start();
    for (const tag of tags) hub.addImage(repository, tag, image);
    hub.addImage(repository, 'oci', ociImage);
    hub.addImage(repository, 'multi', index);
    for (const artifact of [sbom, signature, referringIndex]) hub.addArtifact(repository, artifact);
    const subject = new Subject(hub, await TestEntrepot.start({ upstream: hub.url }));
    if (situation !== 'cold') await subject.#hold();
    if (situation === 'offline') hub.down();
    return subject;
  }

  get(path: string, headers?: Readonly<Record<string, string>>): Promise<RawAnswer> {
    return ask(this.entrepot.url, path, headers);
  }

  head(path: string, headers?: Readonly<Record<string, string>>): Promise<RawAnswer> {
    return ask(this.entrepot.url, path, headers, 'HEAD');
  }

  /** A request with an empty body. */
  send(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
    return ask(this.entrepot.url, path, { 'content-length': '0', ...headers }, method);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.entrepot[Symbol.asyncDispose]();
    await this.hub.close();
  }

  /** Everything that the tests ask for, pulled once. */
  async #hold(): Promise<void> {
    const references = [...tags, ociImage.digest, sbom.digest, signature.digest, referringIndex.digest];
    const blobs = [...image.layers, image.config].map(({ digest }) => `blobs/${digest}`);
    const referrers = [ociImage, sbom, image].map(({ digest }) => `referrers/${digest}`);
    const paths = [
      ...references.map((reference) => `manifests/${reference}`),
      ...blobs,
      ...referrers,
      'tags/list',
    ];
    for (const path of paths) {
      const { status } = await this.get(`/v2/${repository}/${path}`);
      if (status !== 200) throw new Error(`${path} cannot be pulled: ${status}`);
    }
  }
}

/**
 * Status and error code, such as `404 BLOB_UNKNOWN`, of an answer that must be an error in the spec's form.
 */
export function refusal(answer: RawAnswer): string {
  return `${answer.status} ${errorCode(answer)}`;
}

export function json(answer: RawAnswer): unknown {
  return JSON.parse(answer.bytes.toString());
}

/** Has each of the tests around it judge a subject in that situation, which `started` is given. */
export function judge(situation: Situation, started: (subject: Subject) => void): void {
  let subject: Subject;
  // What is held stays so; what is cold is so only once.
  const [begin, end] = situation === 'cold' ? [beforeEach, afterEach] : [beforeAll, afterAll];

  begin(async () => {
    subject = await Subject.start(situation);
    started(subject);
  });

  end(async () => {
    await subject[Symbol.asyncDispose]();
  });
}
