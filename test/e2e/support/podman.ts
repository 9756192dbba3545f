import { writeFile } from 'node:fs/promises';
import { TempFolder } from '../../support/temp-folder.ts';
import { inRoom, type ClosedRoom } from './closed-room.ts';
import { command } from './command.ts';
import { unmountBelow } from './mounts.ts';

/** By the name of a registry, where podman asks for it instead: `HOST:PORT`, or `HOST:PORT/PREFIX`. */
export type PodmanMirrors = Readonly<Record<string, string>>;

/** podman with storage and logins of its own, and a registries.conf with the mirrors. */
export class Podman implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #registriesConf: string;
  readonly #room: ClosedRoom | undefined;

  private constructor(folder: TempFolder, registriesConf: string, room: ClosedRoom | undefined) {
    this.#room = room;
    this.#folder = folder;
    this.#registriesConf = registriesConf;
  }

  /** @param room where it runs; undefined: with the test */
  static async create(mirrors: PodmanMirrors, room?: ClosedRoom): Promise<Podman> {
    const folder = await TempFolder.create();
    const hosts = new Set(Object.values(mirrors).map((location) => location.split('/', 1)[0]));
    await writeFile(
      folder.join('registries.conf'),
      [
        ...Object.entries(mirrors).flatMap(([registry, location]) => [
          '[[registry]]',
          `location = "${registry}"`,
          '[[registry.mirror]]',
          `location = "${location}"`,
          'insecure = true',
        ]),
        ...[...hosts].flatMap((host) => ['[[registry]]', `location = "${host}"`, 'insecure = true']),
      ].join('\n'),
    );
    return Podman.with(folder.join('registries.conf'), folder, room);
  }

  /** podman with a registries.conf that is there. */
  static async with(registriesConf: string, given?: TempFolder, room?: ClosedRoom): Promise<Podman> {
    const folder = given ?? (await TempFolder.create());
    // podman wants the file that REGISTRY_AUTH_FILE names to be there.
    await writeFile(folder.join('auth.json'), '{}');
    return new Podman(folder, registriesConf, room);
  }

  /** What podman prints. Rejects with CommandError. */
  async podman(...args: readonly string[]): Promise<string> {
    const storage = ['--root', this.#folder.join('root'), '--runroot', this.#folder.join('run')];
    return command(...inRoom(this.#room, 'podman', [...storage, '--storage-driver', 'vfs', ...args]), {
      env: {
        ...process.env,
        CONTAINERS_REGISTRIES_CONF: this.#registriesConf,
        REGISTRY_AUTH_FILE: this.#folder.join('auth.json'),
      },
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
