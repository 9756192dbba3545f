import type { Digest } from '../../src/oci/digest.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { ReferrerDescriptor } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import {
  parseUpstreamName,
  referenceText,
  type ManifestReference,
  type RepositoryName,
  type Tag,
  type UpstreamName,
} from '../../src/oci/reference.ts';
import type { BasicCredentials } from '../../src/base/basic-auth.ts';
import type { RateLimit } from '../../src/upstream/rate-limit.ts';
import {
  UpstreamError,
  type BlobRange,
  type BlobStream,
  type FetchedManifest,
  type ManifestHead,
  type SearchResult,
  type UpstreamRegistry,
} from '../../src/upstream/registry.ts';
import { endedBody } from './ended-body.ts';

type Hook = (request: string) => Promise<void> | void;

/** What is in a registry; the views of those who may read only some of it share it. */
interface Content {
  readonly manifests: Map<string, Buffer>;
  readonly blobs: Map<string, Buffer>;
  readonly tags: Map<string, Digest>;
  readonly referrers: Map<string, readonly ReferrerDescriptor[]>;
}

/**
 * An upstream without a network: content in memory, every request noted, and a hook that can delay or fail
 * any of them.
 */
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
  /** What it says of how many pulls are left. */
  rateLimit: RateLimit | undefined;
  /** What its search finds. */
  found: readonly SearchResult[] = [];
  /** As who does not log in sees it, once it is {@link guard}ed. */
  anonymous: ScriptedUpstream | undefined;
  /** Everyone who asked with credentials of their own, in order, and what they asked. */
  readonly logins: BasicCredentials[] = [];
  readonly requestsOfAccounts: string[] = [];
  /** How many of those have been closed. */
  closed = 0;
  /** Runs when it is closed. */
  onClose: () => void = () => undefined;

  readonly #content: Content;
  readonly #mayRead: (repository: string) => boolean;
  readonly #public = new Set<string>();
  readonly #accounts = new Map<string, Set<string>>();

  constructor(
    name = 'docker.io',
    content: Content = { manifests: new Map(), blobs: new Map(), tags: new Map(), referrers: new Map() },
    mayRead: (repository: string) => boolean = () => true,
  ) {
    const parsed = parseUpstreamName(name);
    if (parsed === undefined) throw new Error(`not an upstream name: ${name}`);
    this.name = parsed;
    this.#content = content;
    this.#mayRead = mayRead;
  }

  /**
   * From now on this is what the configured credentials can read; without them only public repositories are.
   */
  guard(...publicRepositories: readonly string[]): this {
    for (const repository of publicRepositories) this.#public.add(repository);
    this.anonymous ??= this.#view((repository) => this.#public.has(repository));
    return this;
  }

  /** From now on no credentials are configured. */
  forgetAccount(): void {
    this.anonymous = undefined;
  }

  /** Makes a public repository private. */
  withdraw(repository: string): void {
    this.#public.delete(repository);
  }

  /** Opens an account that may read a repository. */
  grant({ username, password }: BasicCredentials, repository: string): void {
    const key = `${username}:${password}`;
    this.#accounts.set(key, (this.#accounts.get(key) ?? new Set()).add(repository));
  }

  as(credentials: BasicCredentials): ScriptedUpstream {
    this.logins.push(credentials);
    const granted = this.#accounts.get(`${credentials.username}:${credentials.password}`);
    const view = this.#view((repository) => granted?.has(repository) === true);
    view.before = async (request) => {
      this.requestsOfAccounts.push(request);
      await this.before(request);
    };
    view.onClose = () => {
      this.closed += 1;
    };
    return view;
  }

  #view(mayRead: (repository: string) => boolean): ScriptedUpstream {
    return new ScriptedUpstream(this.name, this.#content, mayRead);
  }

  /** Of all blobs that it has. */
  get blobs(): readonly Digest[] {
    return [...this.#content.blobs.values()].map((bytes) => digestOf(bytes));
  }

  addManifest(repository: string, bytes: Buffer, tag?: string): Digest {
    const digest = digestOf(bytes);
    this.#content.manifests.set(`${repository} ${digest}`, bytes);
    if (tag !== undefined) this.moveTag(repository, tag, digest);
    return digest;
  }

  moveTag(repository: string, tag: string, digest: Digest): void {
    this.#content.tags.set(`${repository} ${tag}`, digest);
  }

  /** From now on it sends `bytes` as the manifest of that digest. */
  tamper(repository: string, digest: Digest, bytes: Buffer): void {
    this.#content.manifests.set(`${repository} ${digest}`, bytes);
  }

  removeManifest(repository: string, digest: Digest): void {
    this.#content.manifests.delete(`${repository} ${digest}`);
  }

  removeTag(repository: string, tag: string): void {
    this.#content.tags.delete(`${repository} ${tag}`);
  }

  addBlob(repository: string, bytes: Buffer): Digest {
    const digest = digestOf(bytes);
    this.#content.blobs.set(`${repository} ${digest}`, bytes);
    return digest;
  }

  /** What its referrers API lists for a manifest; without, it has no such API. */
  addReferrers(repository: string, subject: Digest, descriptors: readonly ReferrerDescriptor[]): void {
    this.#content.referrers.set(`${repository} ${subject}`, descriptors);
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
    { offset, end, signal }: BlobRange,
  ): Promise<BlobStream> {
    const bytes = await this.#blob(
      'BLOB',
      repository,
      digest,
      ` ${offset}${end === undefined ? '' : `-${end}`}`,
    );
    signal?.throwIfAborted();
    const body = endedBody(this.body(bytes.subarray(0, end), offset));
    return {
      ...body,
      size: bytes.length,
      host: this.name,
      offset,
      range: end === undefined ? undefined : (range) => this.openBlob(repository, digest, range),
    };
  }

  async listTags(repository: RepositoryName): Promise<readonly Tag[]> {
    await this.#asked(`TAGS ${repository}`, repository);
    const prefix = `${repository} `;
    return [...this.#content.tags.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length) as Tag);
  }

  async referrers(
    repository: RepositoryName,
    digest: Digest,
  ): Promise<readonly ReferrerDescriptor[] | undefined> {
    await this.#asked(`REFERRERS ${repository} ${digest}`, repository);
    return this.#content.referrers.get(`${repository} ${digest}`);
  }

  async search(term: string, limit: number): Promise<readonly SearchResult[]> {
    await this.#asked(`SEARCH ${term} ${limit}`);
    return this.found;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.onClose();
    return Promise.resolve();
  }

  count(prefix: string): number {
    return this.requests.filter((request) => request.startsWith(prefix)).length;
  }

  async #asked(request: string, repository?: string): Promise<void> {
    this.requests.push(request);
    await this.before(request);
    if (repository !== undefined && !this.#mayRead(repository))
      throw new UpstreamError('unauthorized', 'upstream wants a login', { status: 401 });
  }

  async #manifest(method: string, repository: RepositoryName, reference: ManifestReference): Promise<Buffer> {
    await this.#asked(`${method} ${repository} ${referenceText(reference)}`, repository);
    const digest =
      'digest' in reference ? reference.digest : this.#content.tags.get(`${repository} ${reference.tag}`);
    return found(this.#content.manifests.get(`${repository} ${digest ?? ''}`));
  }

  async #blob(method: string, repository: RepositoryName, digest: Digest, suffix = ''): Promise<Buffer> {
    await this.#asked(`${method} ${repository} ${digest}${suffix}`, repository);
    return found(this.#content.blobs.get(`${repository} ${digest}`));
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
