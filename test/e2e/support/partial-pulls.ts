import { writeFile } from 'node:fs/promises';
import { TempFolder } from '../../support/temp-folder.ts';
import { command } from './command.ts';
import { unmountBelow } from './mounts.ts';
import { skopeoReference } from './skopeo.ts';

/**
 * A machine that fetches of an image only what it lacks, as podman and skopeo do where
 * `enable_partial_images` is set.
 */
export class PartialPulls implements AsyncDisposable {
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  static async create(): Promise<PartialPulls> {
    const folder = await TempFolder.create();
    await writeFile(
      folder.join('storage.conf'),
      [
        '[storage]',
        'driver = "overlay"',
        `runroot = "${folder.join('run')}"`,
        `graphroot = "${folder.join('root')}"`,
        '[storage.options]',
        'pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}',
      ].join('\n'),
    );
    return new PartialPulls(folder);
  }

  /** Rejects with CommandError. */
  async pull(registryUrl: string, image: string): Promise<void> {
    await command(
      'skopeo',
      [
        'copy',
        '--insecure-policy',
        '--src-tls-verify=false',
        skopeoReference(registryUrl, image),
        `containers-storage:${image}`,
      ],
      { env: { ...process.env, CONTAINERS_STORAGE_CONF: this.#folder.join('storage.conf') } },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await unmountBelow(this.#folder.path);
    await this.#folder.remove();
  }
}
