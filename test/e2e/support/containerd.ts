import { mkdir, writeFile } from 'node:fs/promises';
import { Child } from '../../support/child.ts';
import { eventually } from '../../support/deadline.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { inRoom, type ClosedRoom } from './closed-room.ts';
import { command } from './command.ts';
import { showWhenFailed } from './logs.ts';
import { unmountBelow } from './mounts.ts';

/**
 * By the name of a registry, the origin of the mirror that containerd asks for it, or what stands before
 * names there (`http://127.0.0.1:5000/v2/ghcr.io`). The mirror is told the registry by `?ns=` in any case.
 */
export type ContainerdMirrors = Readonly<Record<string, string>>;

/** A containerd of its own, with a hosts.toml for each registry that it has a mirror of. */
export class Containerd implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #hostsDir: string;
  readonly #resources: AsyncDisposableStack;
  readonly #room: ClosedRoom | undefined;

  private constructor(
    folder: TempFolder,
    hostsDir: string,
    resources: AsyncDisposableStack,
    room: ClosedRoom | undefined,
  ) {
    this.#room = room;
    this.#folder = folder;
    this.#hostsDir = hostsDir;
    this.#resources = resources;
  }

  /** Resolves when the daemon answers. */
  static async start(
    mirrors: ContainerdMirrors,
    options: {
      /** A file with the authority of the mirrors. */
      readonly ca?: string;
      /** A folder with a hosts.toml for each registry, in place of the mirrors. */
      readonly hostsDir?: string;
      /** Where it and its clients run; undefined: with the test. */
      readonly room?: ClosedRoom;
    } = {},
  ): Promise<Containerd> {
    await using resources = new AsyncDisposableStack();
    const folder = resources.use(await TempFolder.create());
    resources.defer(async () => unmountBelow(folder.path));
    await writeSettings(folder, mirrors, options.ca);
    const daemon = resources.use(
      new Child(...inRoom(options.room, 'containerd', ['--config', folder.join('config.toml')])),
    );
    showWhenFailed('containerd', daemon);
    const hostsDir = options.hostsDir ?? folder.join('certs');
    const containerd = new Containerd(folder, hostsDir, resources, options.room);
    await eventually(60_000, 'containerd answers', async () =>
      containerd.ctr('version').then(
        () => true,
        () => false,
      ),
    );
    return new Containerd(folder, hostsDir, resources.move(), options.room);
  }

  /** Where it keeps what it has. */
  get root(): string {
    return this.#folder.join('root');
  }

  /** What ctr prints. Rejects with CommandError. */
  async ctr(...args: readonly string[]): Promise<string> {
    return command(...inRoom(this.#room, 'ctr', ['--address', socketOf(this.#folder), ...args]));
  }

  /**
   * Pulls the image of this platform, and unpacks it. `options` are of `ctr images pull`, such as `--user`.
   */
  async pull(image: string, ...options: readonly string[]): Promise<void> {
    await this.ctr('images', 'pull', ...this.#throughMirror(), '--snapshotter', 'native', ...options, image);
  }

  /** Gets the content of all platforms, and unpacks nothing. */
  async fetchAllPlatforms(image: string): Promise<void> {
    await this.ctr('content', 'fetch', ...this.#throughMirror(), '--all-platforms', image);
  }

  /** What the image prints when it is run. */
  async run(image: string): Promise<string> {
    return this.ctr('run', '--rm', '--snapshotter', 'native', image, 'hello');
  }

  /** The digest that the image's name stands for. */
  async digest(image: string): Promise<string | undefined> {
    const table = await this.ctr('images', 'ls', `name==${image}`);
    return /sha256:[0-9a-f]{64}/u.exec(table)?.[0];
  }

  /** The digests of all that it holds. */
  async contentDigests(): Promise<readonly string[]> {
    const printed = await this.ctr('content', 'ls', '--quiet');
    return printed.split('\n').filter((line) => line !== '');
  }

  /** Forgets the image and its content, so that the next pull needs all of it again. */
  async forget(image: string): Promise<void> {
    await this.ctr('images', 'rm', '--sync', image);
    const left = await this.contentDigests();
    if (left.length > 0) throw new Error(`containerd still holds ${left.join(', ')} of ${image}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #throughMirror(): readonly string[] {
    return ['--hosts-dir', this.#hostsDir];
  }
}

async function writeSettings(
  folder: TempFolder,
  mirrors: ContainerdMirrors,
  ca: string | undefined,
): Promise<void> {
  await writeFile(
    folder.join('config.toml'),
    [
      'version = 2',
      `root = "${folder.join('root')}"`,
      `state = "${folder.join('state')}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      '[grpc]',
      `address = "${socketOf(folder)}"`,
      '[ttrpc]',
      `address = "${folder.join('ttrpc.sock')}"`,
    ].join('\n'),
  );
  for (const [registry, mirrorUrl] of Object.entries(mirrors)) {
    await mkdir(folder.join('certs', registry), { recursive: true });
    await writeFile(
      folder.join('certs', registry, 'hosts.toml'),
      [
        `server = "https://${registry}"`,
        `[host."${mirrorUrl}"]`,
        'capabilities = ["pull", "resolve"]',
        ...(new URL(mirrorUrl).pathname === '/' ? [] : ['override_path = true']),
        ...(ca === undefined ? [] : [`ca = "${ca}"`]),
      ].join('\n'),
    );
  }
}

function socketOf(folder: TempFolder): string {
  return folder.join('containerd.sock');
}
