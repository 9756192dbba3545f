import { readFile } from 'node:fs/promises';
import { Child } from '../../support/child.ts';
import { eventually } from '../../support/deadline.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { inRoom, type ClosedRoom } from './closed-room.ts';
import { command } from './command.ts';
import { showWhenFailed } from './logs.ts';
import { unmountBelow } from './mounts.ts';

/** A mirror by its origin, or a daemon.json. */
export type DockerSettings = string | { readonly configFile: string };

export interface DaemonOptions {
  /**
   * `vfs` works everywhere, and copies the whole image for each layer; `best` is what the daemon finds to
   * work here.
   */
  readonly layers?: 'vfs' | 'best';
  /** Where it runs; undefined: with the test. */
  readonly room?: ClosedRoom;
}

/** A Docker daemon of its own, whose only special setting is the mirror. */
export class DockerDaemon implements AsyncDisposable {
  readonly #dockerd: Child;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #resources: AsyncDisposableStack;

  private constructor(dockerd: Child, folder: TempFolder, resources: AsyncDisposableStack) {
    this.#dockerd = dockerd;
    this.#environment = {
      ...process.env,
      DOCKER_HOST: socketOf(folder),
      DOCKER_CONFIG: folder.join('client'),
    };
    this.#resources = resources;
  }

  /** Resolves when the daemon answers. */
  static async start(
    settings: DockerSettings,
    { layers = 'vfs', room }: DaemonOptions = {},
  ): Promise<DockerDaemon> {
    await using resources = new AsyncDisposableStack();
    const folder = resources.use(await TempFolder.create());
    resources.defer(async () => unmountBelow(folder.path));
    resources.defer(async () => endContainerd(folder));
    const dockerd = resources.use(
      new Child(
        ...inRoom(room, 'dockerd', [
          `--data-root=${folder.join('data')}`,
          `--exec-root=${folder.join('exec')}`,
          `--pidfile=${folder.join('pid')}`,
          `--host=${socketOf(folder)}`,
          '--bridge=none',
          '--iptables=false',
          '--ip-forward=false',
          ...(layers === 'vfs' ? ['--storage-driver=vfs'] : []),
          typeof settings === 'string'
            ? `--registry-mirror=${settings}`
            : `--config-file=${settings.configFile}`,
        ]),
      ),
    );
    resources.defer(async () => endInPeace(dockerd));
    showWhenFailed('dockerd', dockerd);
    const daemon = new DockerDaemon(dockerd, folder, resources);
    await eventually(60_000, 'dockerd answers', async () =>
      daemon.docker('version').then(
        () => true,
        () => false,
      ),
    );
    return new DockerDaemon(dockerd, folder, resources.move());
  }

  /** Of the programs that talk to it. */
  get environment(): NodeJS.ProcessEnv {
    return this.#environment;
  }

  /** What the docker command line prints. Rejects with CommandError. */
  async docker(...args: readonly string[]): Promise<string> {
    return command('docker', args, { env: this.#environment });
  }

  /** What docker-compose prints. Rejects with CommandError. */
  async compose(...args: readonly string[]): Promise<string> {
    return command('docker-compose', args, { env: this.#environment, ms: 120_000 });
  }

  /** Has it read its configuration file again, as `systemctl reload` does. Resolves when it has. */
  async reload(): Promise<void> {
    this.#dockerd.kill('SIGHUP');
    await this.#dockerd.waitFor(/Reloaded configuration/u);
  }

  /**
   * Builds an image of a folder with a Dockerfile, by the BuildKit inside of the daemon. With Debian's own
   * command line: newer ones, which may come first in the path, need a plugin for it.
   */
  async build(image: string, folder: string, ...options: readonly string[]): Promise<void> {
    const env = { ...this.#environment, DOCKER_BUILDKIT: '1' };
    await command('/usr/bin/docker', ['build', '--tag', image, ...options, folder], { env, ms: 600_000 });
  }

  /** What the image prints when it is run, without a network. */
  async run(image: string): Promise<string> {
    return this.docker('run', '--rm', '--network', 'none', image);
  }

  /** Forgets the image and its layers, so that the next pull needs them all again. */
  async forget(image: string): Promise<void> {
    await this.docker('rmi', '--force', image);
    if ((await this.docker('images', '--all', '--quiet')) !== '') {
      throw new Error(`the daemon still holds layers after docker rmi ${image}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function socketOf(folder: TempFolder): string {
  return `unix://${folder.join('docker.sock')}`;
}

/** dockerd unmounts and ends its containerd before it ends, which may take some seconds on a busy machine. */
async function endInPeace(dockerd: Child): Promise<void> {
  dockerd.kill('SIGTERM');
  await dockerd.exited(20_000);
}

/** A dockerd that had to be killed leaves the containerd that it started. */
async function endContainerd(folder: TempFolder): Promise<void> {
  const pid = await readFile(folder.join('exec', 'containerd', 'containerd.pid'), 'utf8').catch(
    () => undefined,
  );
  if (pid === undefined) return;
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch {
    // Gone already, as it should be.
  }
}
