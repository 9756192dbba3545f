import { writeFile } from 'node:fs/promises';
import { TempFolder } from '../../support/temp-folder.ts';
import { command } from './command.ts';
import { unmountBelow } from './mounts.ts';

/** podman with storage of its own, and a registries.conf that sends docker.io to the mirror. */
export class Podman implements AsyncDisposable {
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  static async create(mirrorUrl: string): Promise<Podman> {
    const folder = await TempFolder.create();
    const { host } = new URL(mirrorUrl);
    await writeFile(
      folder.join('registries.conf'),
      [
        '[[registry]]',
        'location = "docker.io"',
        '[[registry.mirror]]',
        `location = "${host}"`,
        'insecure = true',
        '[[registry]]',
        `location = "${host}"`,
        'insecure = true',
      ].join('\n'),
    );
    return new Podman(folder);
  }

  /** What podman prints. Rejects with CommandError. */
  async podman(...args: readonly string[]): Promise<string> {
    const storage = ['--root', this.#folder.join('root'), '--runroot', this.#folder.join('run')];
    return command('podman', [...storage, '--storage-driver', 'vfs', ...args], {
      env: { ...process.env, CONTAINERS_REGISTRIES_CONF: this.#folder.join('registries.conf') },
    });
  }

  async pull(image: string): Promise<void> {
    await this.podman('pull', '--quiet', image);
  }

  /** The digest of the manifest that was pulled by that name. */
  async digest(image: string): Promise<string> {
    return (await this.podman('image', 'inspect', '--format', '{{.Digest}}', image)).trim();
  }

  /** Forgets the image and its layers, so that the next pull needs them all again. */
  async forget(image: string): Promise<void> {
    await this.podman('rmi', '--force', image);
    if ((await this.podman('images', '--all', '--quiet')) !== '') {
      throw new Error(`podman still holds layers after podman rmi ${image}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await unmountBelow(this.#folder.path);
    await this.#folder.remove();
  }
}
