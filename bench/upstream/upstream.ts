import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf, type Digest } from '../../src/oci/digest.ts';
import { readManifest } from '../../src/oci/manifest.ts';
import { freePort, untilAnswered } from '../port.ts';
import type { Processes } from '../processes.ts';
import { sentSchema, type Pace, type Sent } from './control.ts';

const serverFile = fileURLToPath(new URL('server.ts', import.meta.url));

/** Sizes of the image's layers, in bytes. */
export const layerSizes = { large: 256 * 2 ** 20, medium: 64 * 2 ** 20, small: 10 * 2 ** 10 } as const;
export type LayerName = keyof typeof layerSizes;

/** The registry that all peers mirror: a process of its own, with one random image. */
export class Upstream {
  readonly url: URL;
  readonly manifestDigest: Digest;
  readonly #layers: ReadonlyMap<number, Digest>;

  private constructor(url: URL, manifest: Uint8Array) {
    this.url = url;
    this.manifestDigest = digestOf(manifest);
    this.#layers = new Map(readManifest(manifest).blobs.map(({ size, digest }) => [size, digest]));
  }

  /** Starts it; its log goes to `folder`. */
  static async start(processes: Processes, folder: string): Promise<Upstream> {
    const port = await freePort();
    const service = processes.serve(
      process.execPath,
      [serverFile, String(port), ...Object.values(layerSizes).map(String)],
      join(folder, 'upstream.log'),
    );
    const url = new URL(`http://127.0.0.1:${port}/`);
    await untilAnswered(new URL('/v2/', url), service.failed);
    const manifest = await fetch(new URL('/v2/bench/image/manifests/latest', url));
    return new Upstream(url, new Uint8Array(await manifest.arrayBuffer()));
  }

  /** The digest of a layer. */
  layer(name: LayerName): Digest {
    const digest = this.#layers.get(layerSizes[name]);
    if (digest === undefined) throw new Error(`the image has no ${name} layer`);
    return digest;
  }

  /** Sets how fast it sends from now on, and forgets what it has sent. */
  async setPace(pace: Pace): Promise<void> {
    const answer = await fetch(new URL('/control', this.url), { method: 'PUT', body: JSON.stringify(pace) });
    if (!answer.ok) throw new Error(`the upstream refused its pace: ${answer.status}`);
    await answer.arrayBuffer();
  }

  /** What it has sent since {@link setPace}. */
  async sent(): Promise<Sent> {
    return sentSchema.parse(await (await fetch(new URL('/control', this.url))).json());
  }
}
