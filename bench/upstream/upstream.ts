import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../src/oci/digest.ts';
import { readManifest } from '../../src/oci/manifest.ts';
import { freePort, untilAnswered } from '../port.ts';
import type { Processes } from '../processes.ts';
import type { BenchImage } from './image-urls.ts';
import { sentSchema, type ImageSpec, type Pace, type Sent } from './control.ts';

const serverFile = fileURLToPath(new URL('server.ts', import.meta.url));

/** The registry that all peers mirror: a process of its own, which makes the images that rows ask for. */
export class Upstream {
  readonly url: URL;
  readonly #images = new Map<string, BenchImage>();

  private constructor(url: URL) {
    this.url = url;
  }

  /** Starts it; its log goes to `folder`. */
  static async start(processes: Processes, folder: string): Promise<Upstream> {
    const port = await freePort();
    const service = processes.serve(
      process.execPath,
      [serverFile, String(port)],
      join(folder, 'upstream.log'),
    );
    const url = new URL(`http://127.0.0.1:${port}/`);
    await untilAnswered(new URL('/v2/', url), service.failed);
    return new Upstream(url);
  }

  /** The image of that name; made when it is first asked for, as nothing is known of its digests before. */
  async image(spec: ImageSpec): Promise<BenchImage> {
    const known = this.#images.get(spec.name);
    if (known !== undefined) return known;
    await this.#control('/control/images', spec);
    const repository = `bench/${spec.name}`;
    const response = await fetch(new URL(`/v2/${repository}/manifests/latest`, this.url));
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { mediaType = '', blobs } = readManifest(bytes);
    const manifest = { mediaType, digest: digestOf(bytes), size: bytes.length };
    const image = { repository, manifest, blobs };
    this.#images.set(spec.name, image);
    return image;
  }

  /** Sets how fast it sends from now on, and forgets what it has sent. */
  async setPace(pace: Pace): Promise<void> {
    await this.#control('/control/pace', pace);
  }

  /** What it has sent since {@link setPace}. */
  async sent(): Promise<Sent> {
    return sentSchema.parse(await (await fetch(new URL('/control/pace', this.url))).json());
  }

  async #control(path: string, body: object): Promise<void> {
    const answer = await fetch(new URL(path, this.url), { method: 'PUT', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`the upstream refused ${JSON.stringify(body)}: ${answer.status}`);
    await answer.arrayBuffer();
  }
}
