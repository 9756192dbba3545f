import type { Digest } from '../../src/oci/digest.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import {
  parseUpstreamName,
  referenceText,
  type ManifestReference,
  type RepositoryName,
  type Tag,
  type UpstreamName,
} from '../../src/oci/reference.ts';
import {
  UpstreamError,
  type BlobStream,
  type FetchedManifest,
  type ManifestHead,
  type RequestOptions,
  type UpstreamRegistry,
} from '../../src/upstream/registry.ts';

type Hook = (request: string) => Promise<void> | void;

/** An upstream without a network: content in memory, every request noted, and a hook that can delay or fail any of them. */
export class ScriptedUpstream implements UpstreamRegistry {
  readonly name: UpstreamName;
  /** `HEAD library/hello latest`, `GET library/hello sha256:…`, `BLOB library/hello sha256:… 0`, in order. */
  readonly requests: string[] = [];
  /** Runs before every answer; what it throws is the answer. */
  before: Hook = () => undefined;
  /** Replaces the chunks of a blob's body. */
  body: (bytes: Buffer, offset: number) => AsyncIterable<Buffer> = wholeBody;
  /** False: neither HEAD nor GET state `Docker-Content-Digest`. */
  statesDigest = true;

  readonly #manifests = new Map<string, Buffer>();
  readonly #blobs = new Map<string, Buffer>();
  readonly #tags = new Map<string, Digest>();

  constructor(name = 'docker.io') {
    const parsed = parseUpstreamName(name);
    if (parsed === undefined) throw new Error(`not an upstream name: ${name}`);
    this.name = parsed;
  }

  addManifest(repository: string, bytes: Buffer, tag?: string): Digest {
    const digest = digestOf(bytes);
    this.#manifests.set(`${repository} ${digest}`, bytes);
    if (tag !== undefined) this.moveTag(repository, tag, digest);
    return digest;
  }

  moveTag(repository: string, tag: string, digest: Digest): void {
    this.#tags.set(`${repository} ${tag}`, digest);
  }

  removeManifest(repository: string, digest: Digest): void {
    this.#manifests.delete(`${repository} ${digest}`);
  }

  removeTag(repository: string, tag: string): void {
    this.#tags.delete(`${repository} ${tag}`);
  }

  addBlob(repository: string, bytes: Buffer): Digest {
    const digest = digestOf(bytes);
    this.#blobs.set(`${repository} ${digest}`, bytes);
    return digest;
  }

  async headManifest(repository: RepositoryName, reference: ManifestReference): Promise<ManifestHead> {
    return this.#head(await this.#manifest('HEAD', repository, reference));
  }

  async getManifest(repository: RepositoryName, reference: ManifestReference): Promise<FetchedManifest> {
    const bytes = await this.#manifest('GET', repository, reference);
    return { ...this.#head(bytes), bytes };
  }

  async headBlob(repository: RepositoryName, digest: Digest): Promise<number | undefined> {
    return (await this.#blob('STAT', repository, digest)).length;
  }

  async openBlob(
    repository: RepositoryName,
    digest: Digest,
    offset: number,
    options?: RequestOptions,
  ): Promise<BlobStream> {
    const bytes = await this.#blob('BLOB', repository, digest, ` ${offset}`);
    options?.signal?.throwIfAborted();
    return { offset, size: bytes.length, body: this.body(bytes, offset) };
  }

  async listTags(repository: RepositoryName): Promise<readonly Tag[]> {
    await this.#asked(`TAGS ${repository}`);
    const prefix = `${repository} `;
    return [...this.#tags.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length) as Tag);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  count(prefix: string): number {
    return this.requests.filter((request) => request.startsWith(prefix)).length;
  }

  async #asked(request: string): Promise<void> {
    this.requests.push(request);
    await this.before(request);
  }

  async #manifest(method: string, repository: RepositoryName, reference: ManifestReference): Promise<Buffer> {
    await this.#asked(`${method} ${repository} ${referenceText(reference)}`);
    const digest =
      'digest' in reference ? reference.digest : this.#tags.get(`${repository} ${reference.tag}`);
    return found(this.#manifests.get(`${repository} ${digest ?? ''}`));
  }

  async #blob(method: string, repository: RepositoryName, digest: Digest, suffix = ''): Promise<Buffer> {
    await this.#asked(`${method} ${repository} ${digest}${suffix}`);
    return found(this.#blobs.get(`${repository} ${digest}`));
  }

  #head(bytes: Buffer): ManifestHead {
    const digest = this.statesDigest ? digestOf(bytes) : undefined;
    return { digest, mediaType: mediaTypes.ociManifest, size: bytes.length };
  }
}

/** The rest of a blob in chunks of 10,000 bytes. */
export async function* wholeBody(bytes: Buffer, offset: number): AsyncGenerator<Buffer> {
  for (let at = offset; at < bytes.length; at += 10_000)
    yield bytes.subarray(at, Math.min(at + 10_000, bytes.length));
}

function found(bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) throw new UpstreamError('not-found', 'upstream does not have it', { status: 404 });
  return bytes;
}
