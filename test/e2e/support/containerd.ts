import { mkdir, writeFile } from 'node:fs/promises';
import { Child } from '../../support/child.ts';
import { eventually } from '../../support/deadline.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { command } from './command.ts';
import { showWhenFailed } from './logs.ts';
import { unmountBelow } from './mounts.ts';

/** A containerd of its own, with a hosts.toml that sends docker.io to the mirror. */
export class Containerd implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #resources: AsyncDisposableStack;

  private constructor(folder: TempFolder, resources: AsyncDisposableStack) {
    this.#folder = folder;
    this.#resources = resources;
  }

  /** Resolves when the daemon answers. */
  static async start(mirrorUrl: string): Promise<Containerd> {
    await using resources = new AsyncDisposableStack();
    const folder = resources.use(await TempFolder.create());
    resources.defer(async () => unmountBelow(folder.path));
    await writeSettings(folder, mirrorUrl);
    const daemon = resources.use(new Child('containerd', ['--config', folder.join('config.toml')]));
    showWhenFailed('containerd', daemon);
    const containerd = new Containerd(folder, resources);
    await eventually(30_000, 'containerd answers', async () =>
      containerd.ctr('version').then(
        () => true,
        () => false,
      ),
    );
    return new Containerd(folder, resources.move());
  }

  /** What ctr prints. Rejects with CommandError. */
  async ctr(...args: readonly string[]): Promise<string> {
    return command('ctr', ['--address', socketOf(this.#folder), ...args]);
  }

  /** Pulls the image of this platform, and unpacks it. */
  async pull(image: string): Promise<void> {
    await this.ctr('images', 'pull', ...this.#throughMirror(), '--snapshotter', 'native', image);
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
    return ['--hosts-dir', this.#folder.join('certs')];
  }
}

async function writeSettings(folder: TempFolder, mirrorUrl: string): Promise<void> {
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
  await mkdir(folder.join('certs', 'docker.io'), { recursive: true });
  await writeFile(
    folder.join('certs', 'docker.io', 'hosts.toml'),
    [
      'server = "https://registry-1.docker.io"',
      `[host."${mirrorUrl}"]`,
      'capabilities = ["pull", "resolve"]',
    ].join('\n'),
  );
}

function socketOf(folder: TempFolder): string {
  return folder.join('containerd.sock');
}
