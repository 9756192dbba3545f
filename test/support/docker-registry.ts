import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { Child } from './child.ts';
import { eventually } from './deadline.ts';
import { freePort } from './free-port.ts';
import type { Content, Image, ImageIndex } from './image.ts';
import { TempFolder } from './temp-folder.ts';

export interface DockerRegistryOptions {
  /** Mirrors this registry, if given; else it is a registry to push to. */
  readonly remoteUrl?: string;
  /** The port of 127.0.0.1; a free one if not given. */
  readonly port?: number;
}

/** Debian's `docker-registry` (registry:2 itself), in a folder of its own. */
export class DockerRegistry implements AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly #child: Child;
  readonly #temp: TempFolder;

  private constructor(url: string, child: Child, temp: TempFolder) {
    this.url = url;
    this.folder = temp.path;
    this.#child = child;
    this.#temp = temp;
  }

  /** Starts it and waits until it answers. */
  static async start(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
    const temp = await TempFolder.create('docker-registry-');
    const address = `127.0.0.1:${options.port ?? (await freePort())}`;
    const config = {
      version: 0.1,
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: temp.join('data') }, delete: { enabled: true } },
      http: { addr: address },
      ...(options.remoteUrl === undefined ? {} : { proxy: { remoteurl: options.remoteUrl } }),
    };
    await writeFile(temp.join('config.yml'), stringify(config));
    const child = new Child('/usr/bin/docker-registry', ['serve', temp.join('config.yml')], {
      env: { OTEL_TRACES_EXPORTER: 'none' },
    });
    const registry = new DockerRegistry(`http://${address}`, child, temp);
    try {
      await eventually(60_000, `docker-registry on ${address}`, () => registry.#answers());
    } catch (cause) {
      await registry.stop();
      throw new Error(`docker-registry did not start:\n${child.output}`, { cause });
    }
    return registry;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Pushes an image, or an index with all its images, over HTTP. */
  async push(repository: string, tag: string, image: Image | ImageIndex): Promise<void> {
    if ('images' in image) {
      for (const child of image.images) await this.push(repository, child.digest, child);
    } else {
      for (const blob of [image.config, ...image.layers]) await this.#pushBlob(repository, blob);
    }
    const response = await fetch(`${this.url}/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      headers: { 'content-type': image.mediaType },
      body: new Uint8Array(image.bytes),
    });
    await expectStatus(response, 201);
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    await this.#temp.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #pushBlob(repository: string, { bytes, digest }: Content): Promise<void> {
    const started = await fetch(`${this.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    await expectStatus(started, 202);
    const location = new URL(started.headers.get('location') ?? '', this.url);
    location.searchParams.set('digest', digest);
    const stored = await fetch(location, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(bytes),
    });
    await expectStatus(stored, 201);
  }

  async #answers(): Promise<boolean> {
    if (!this.#child.running) throw new Error('it has ended');
    try {
      const response = await fetch(`${this.url}/v2/`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }
}

async function expectStatus(response: Response, status: number): Promise<void> {
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.url} answered ${response.status}: ${text}`);
}
