import { readFile, writeFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import type { CommandContext } from '../../src/cli/command-context.ts';
import { exportImages, type ExportOptions, type ExportSources } from '../../src/cli/transfer/export.ts';
import { verifySealed, type VerifySealedOptions } from '../../src/cli/verify/sealed.ts';
import type { ExitCode } from '../../src/cli/exit-code.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { CareFixture } from './care-fixture.ts';
import { writeConfigurationFile } from './configuration-file.ts';
import type { Image, ImageIndex } from './image.ts';
import { TempFolder } from './temp-folder.ts';

/** What a command printed, and how it ended. */
export interface Run {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
  /** What came out of the standard output as it is. */
  readonly bytes: Buffer;
}

/** A cache, and a folder to export from it to. */
export class ExportFixture implements AsyncDisposable {
  readonly cache: CareFixture;
  readonly folder: TempFolder;
  readonly interrupted = new AbortController();

  private constructor(cache: CareFixture, folder: TempFolder) {
    this.cache = cache;
    this.folder = folder;
  }

  static async open(): Promise<ExportFixture> {
    return new ExportFixture(await CareFixture.open(), await TempFolder.create());
  }

  /** Stores an index as pulls of these of its images do; of all, if none are given. */
  async holdIndex(index: ImageIndex, name: string, tag: string, images = index.images): Promise<void> {
    for (const image of images) {
      for (const blob of [image.config, ...image.layers]) await this.cache.holdBlob(blob);
      await this.cache.holdManifest(image, name);
    }
    await this.cache.holdManifest(index, name, tag);
  }

  /** Runs `entrepot export` on the cache, with no server. */
  export(images: readonly string[], options: Partial<ExportOptions> = {}): Promise<Run> {
    const given = { output: this.path('out/'), referrers: true, build: true, ...options };
    return this.#run((sources, config, context) =>
      exportImages(images, { ...given, config }, sources, context),
    );
  }

  /** Runs `entrepot verify --sealed` on the cache, with no server. */
  verifySealed(images: readonly string[], options: Partial<VerifySealedOptions> = {}): Promise<Run> {
    return this.#run((sources, config, context) =>
      verifySealed(images, { build: true, ...options, config }, sources, context),
    );
  }

  async #run(
    work: (sources: ExportSources, config: string, context: CommandContext) => Promise<ExitCode>,
  ): Promise<Run> {
    return this.cache.closed(async (data) => {
      const config = await writeConfigurationFile(this.folder, {
        storage: { filesystem: { rootdirectory: data } },
      });
      const stdout = new PassThrough({ highWaterMark: 1 << 30 });
      let out = '';
      let err = '';
      const terminal = {
        out: (text: string) => void (out += text),
        err: (text: string) => void (err += text),
        interactive: false,
        bars: undefined,
      };
      const { signal } = this.interrupted;
      const sources = { stdin: new PassThrough().end(), environment: {}, stdout };
      const code = await work(sources, config, { terminal, clock: systemClock(), interrupted: signal });
      return { code, out, err, bytes: (stdout.read() as Buffer | null) ?? Buffer.alloc(0) };
    });
  }

  path(...names: readonly string[]): string {
    return `${this.folder.path}/${names.join('/')}`;
  }

  read(...names: readonly string[]): Promise<Buffer> {
    return readFile(this.path(...names));
  }

  async write(bytes: string | Uint8Array, ...names: readonly string[]): Promise<void> {
    await writeFile(this.path(...names), bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cache[Symbol.asyncDispose]();
    await this.folder.remove();
  }
}

/** The image's own blobs: config and layers. */
export function blobsOf(...images: readonly Image[]): readonly Image['config'][] {
  return images.flatMap((image) => [image.config, ...image.layers]);
}
