import type { Digest } from '../../src/oci/digest.ts';
import type { Artifact } from './artifact.ts';
import { FakeCdn } from './fake-cdn.ts';
import { FakeContent } from './fake-content.ts';
import { FakeGate, type FakeAuth } from './fake-gate.ts';
import { FakeListener, type FakeService } from './fake-listener.ts';
import { FakeRegistry } from './fake-registry.ts';
import { FakeTokenService, type FakeCredentials } from './fake-token-service.ts';
import { FaultPlan, type Fault, type FaultSpec } from './faults.ts';
import type { Image, ImageIndex } from './image.ts';
import { BandwidthLimit } from './bandwidth-limit.ts';
import { RateLimit, type RateLimitState } from './rate-limit.ts';
import { RequestLog, type LoggedRequest, type RequestFilter } from './request-log.ts';

export interface FakeHubOptions {
  /** `bearer` if not given. */
  readonly auth?: FakeAuth;
  /**
   * What the token service (or the registry, with `basic`) takes; private repositories open to these only.
   */
  readonly credentials?: FakeCredentials;
  /** Seconds; 300 if not given, as Docker Hub's. */
  readonly tokenLifetime?: number;
  readonly rateLimit?: RateLimitState;
  /** False: the registry serves blobs itself. */
  readonly cdn?: boolean;
  /** False: it has no referrers API. */
  readonly referrers?: boolean;
  /** The limit of each connection. */
  readonly bytesPerSecond?: number;
  /** The limit of all connections together. */
  readonly sharedBytesPerSecond?: number;
  /** Milliseconds that every answer takes. */
  readonly latencyMs?: number;
  /** Milliseconds since the epoch, for the lifetime of tokens and signed URLs. */
  readonly now?: () => number;
}

/**
 * A Docker Hub on this machine: a registry, a token service and a CDN on another host, on real sockets, which
 * answers faithfully until a test commands a fault.
 */
export class FakeHub implements AsyncDisposable {
  readonly #content = new FakeContent();
  readonly #faults: FaultPlan;
  readonly #log = new RequestLog();
  readonly #tokens: FakeTokenService;
  readonly #rateLimit: RateLimit;
  readonly #registry: FakeListener;
  readonly #token: FakeListener;
  readonly #cdn: FakeListener;

  private constructor(options: FakeHubOptions) {
    const now = options.now ?? Date.now;
    const { credentials } = options;
    this.#faults = new FaultPlan(options.cdn === false ? 'blob' : 'cdn');
    this.#rateLimit = new RateLimit(options.rateLimit);
    this.#tokens = new FakeTokenService({
      content: this.#content,
      credentials,
      lifetime: options.tokenLifetime ?? 300,
      now,
    });
    const gate = new FakeGate({
      auth: options.auth ?? 'bearer',
      credentials,
      tokens: this.#tokens,
      realm: () => `${this.tokenUrl}/token`,
    });
    const cdn = new FakeCdn(this.#content, now);
    const registry = new FakeRegistry({
      content: this.#content,
      gate,
      rateLimit: this.#rateLimit,
      blobUrl: options.cdn === false ? undefined : (digest) => this.cdnUrl + cdn.sign(digest),
      listsReferrers: options.referrers ?? true,
    });
    const shared = {
      faults: this.#faults,
      log: this.#log,
      now,
      latencyMs: options.latencyMs ?? 0,
      bytesPerSecond: options.bytesPerSecond,
      sharedLimit:
        options.sharedBytesPerSecond === undefined
          ? undefined
          : new BandwidthLimit(options.sharedBytesPerSecond),
    };
    this.#registry = new FakeListener({
      ...shared,
      host: '127.0.0.1',
      service: registryService(registry, gate, this.#tokens),
    });
    this.#token = new FakeListener({ ...shared, host: '127.0.0.1', service: tokenService(this.#tokens) });
    this.#cdn = new FakeListener({ ...shared, host: '127.0.0.2', service: cdnService(cdn) });
  }

  /** Starts one on ports that are free. */
  static async start(options: FakeHubOptions = {}): Promise<FakeHub> {
    const hub = new FakeHub(options);
    await hub.up();
    return hub;
  }

  /** The registry's origin, such as `http://127.0.0.1:40123`. */
  get url(): string {
    return this.#registry.url;
  }

  get tokenUrl(): string {
    return this.#token.url;
  }

  get cdnUrl(): string {
    return this.#cdn.url;
  }

  /** Connections to all three servers that are open now. */
  get connections(): number {
    return this.#registry.connections + this.#token.connections + this.#cdn.connections;
  }

  /** Adds an image, or an index with all its images, and points the tag to it. */
  addImage(repository: string, tag: string, image: Image | ImageIndex): Digest {
    if ('images' in image) {
      for (const child of image.images) this.#addImageContent(repository, child);
      return this.addManifest(repository, image.bytes, image.mediaType, tag);
    }
    this.#addImageContent(repository, image);
    this.moveTag(repository, tag, image.digest);
    return image.digest;
  }

  /** Adds something that is no image, without a tag if none is given. */
  addArtifact(repository: string, artifact: Artifact, tag?: string): Digest {
    for (const { bytes } of artifact.blobs) this.addBlob(repository, bytes);
    return this.addManifest(repository, artifact.bytes, artifact.mediaType, tag);
  }

  addBlob(repository: string, bytes: Uint8Array): Digest {
    return this.#content.addBlob(repository, bytes);
  }

  addManifest(repository: string, bytes: Uint8Array, mediaType: string, tag?: string): Digest {
    const digest = this.#content.addManifest(repository, bytes, mediaType);
    if (tag !== undefined) this.moveTag(repository, tag, digest);
    return digest;
  }

  moveTag(repository: string, tag: string, digest: Digest): void {
    this.#content.ensure(repository).tags.set(tag, digest);
  }

  removeTag(repository: string, tag: string): void {
    this.#content.ensure(repository).tags.delete(tag);
  }

  /** From now on only tokens asked for with the right credentials open it. */
  makePrivate(repository: string): void {
    this.#content.ensure(repository).isPrivate = true;
  }

  /** Every request so far, in the order of arrival. */
  get requests(): readonly LoggedRequest[] {
    return this.#log.requests;
  }

  count(filter?: RequestFilter): number {
    return this.#log.count(filter);
  }

  /** Resolves when `times` such requests have arrived since the log was last cleared; rejects after `ms`. */
  async received(filter: RequestFilter, times = 1, ms = 20_000): Promise<void> {
    await this.#log.received(filter, times, ms);
  }

  /** Pulls counted since the log was last cleared: manifest GETs that were answered. */
  get pulls(): number {
    return this.#rateLimit.pulls;
  }

  /** Body bytes sent of a blob or manifest, over all answers. */
  bytesSent(digest: Digest): number {
    return this.#log.bytesSent(digest);
  }

  clearLog(): void {
    this.#log.clear();
    this.#rateLimit.pulls = 0;
  }

  /** Every token ever issued, to be looked for where no secret may be. */
  get issuedTokens(): readonly string[] {
    return this.#tokens.issued;
  }

  setRateLimit(state: RateLimitState | undefined): void {
    this.#rateLimit.set(state);
  }

  /** All tokens issued so far become invalid. */
  expireTokens(): void {
    this.#tokens.expireAll();
  }

  fault(spec: FaultSpec): Fault {
    return this.#faults.add(spec);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** All three servers refuse connections and drop those that are open. */
  down(): void {
    for (const listener of [this.#registry, this.#token, this.#cdn]) listener.down();
  }

  /** Back again, on the same ports. */
  async up(): Promise<void> {
    await Promise.all([this.#registry.up(), this.#token.up(), this.#cdn.up()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#registry.close(), this.#token.close(), this.#cdn.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #addImageContent(repository: string, image: Image): void {
    for (const { bytes } of [image.config, ...image.layers]) this.addBlob(repository, bytes);
    this.addManifest(repository, image.bytes, image.mediaType);
  }
}

function registryService(registry: FakeRegistry, gate: FakeGate, tokens: FakeTokenService): FakeService {
  return {
    name: 'registry',
    target: (path) => registry.endpoint(path)?.target,
    digest: (path) => registry.endpoint(path)?.reference,
    challenge: (path) => gate.challenge(registry.endpoint(path)?.name ?? ''),
    answer(request, fault) {
      if (fault?.kind === 'expired-token') tokens.expireAll();
      if (fault?.kind !== 'ignore-range') return registry.answer(request);
      const { range: _, ...headers } = request.headers;
      return registry.answer({ ...request, headers });
    },
  };
}

function tokenService(tokens: FakeTokenService): FakeService {
  return {
    name: 'token',
    target: () => 'token',
    digest: () => undefined,
    challenge: () => undefined,
    answer: (request) => tokens.answer(request),
  };
}

function cdnService(cdn: FakeCdn): FakeService {
  return {
    name: 'cdn',
    target: () => 'cdn',
    digest: (path) => cdn.digest(path),
    challenge: () => undefined,
    answer(request, fault) {
      if (fault?.kind === 'expired-url') cdn.revoke(request);
      if (fault?.kind !== 'ignore-range') return cdn.answer(request);
      const { range: _, ...headers } = request.headers;
      return cdn.answer({ ...request, headers });
    },
  };
}
