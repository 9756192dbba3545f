import { DockerRegistry } from '../../support/docker-registry.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import type { Image, ImageIndex } from '../../support/image.ts';

/** A registry to mirror, as the e2e tests see it. */
interface Upstream extends AsyncDisposable {
  readonly url: string;
  push(repository: string, tag: string, image: Image | ImageIndex): Promise<void>;
  /** Gone for good: connections are refused. */
  stop(): Promise<void>;
}

export interface UpstreamKind {
  readonly name: string;
  readonly start: () => Promise<Upstream>;
}

/**
 * Both must serve every client alike: a plain registry, and one with tokens and a CDN as Docker Hub has them.
 */
export const upstreamKinds: readonly UpstreamKind[] = [
  { name: 'docker-registry', start: async () => DockerRegistry.start() },
  { name: 'a Docker Hub with bearer tokens and a CDN', start: async () => HubUpstream.start() },
];

class HubUpstream implements Upstream {
  readonly #hub: FakeHub;

  private constructor(hub: FakeHub) {
    this.#hub = hub;
  }

  static async start(): Promise<HubUpstream> {
    return new HubUpstream(await FakeHub.start());
  }

  get url(): string {
    return this.#hub.url;
  }

  async push(repository: string, tag: string, image: Image | ImageIndex): Promise<void> {
    this.#hub.addImage(repository, tag, image);
  }

  async stop(): Promise<void> {
    this.#hub.down();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub.close();
  }
}
