import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../support/deadline.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { freePort } from '../support/free-port.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';
import { nodeImage, registryImage } from './support/stand-ins.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
/** Some minutes on a slow machine, most of them for npm. */
const limitMs = 900_000;

/**
 * A daemon that pulls what the Dockerfile and docker-compose.yml name through an Entrepot that runs from its
 * sources.
 */
async function startDaemon(resources: AsyncDisposableStack): Promise<DockerDaemon> {
  const registry = resources.use(await DockerRegistry.start());
  await registry.push('library/node', '24-bookworm-slim', await nodeImage());
  await registry.push('library/registry', '2', await registryImage());
  const source = resources.use(await Entrepot.start(registry.url));
  return resources.use(await DockerDaemon.start(source.url, { layers: 'best' }));
}

/** docker-compose.yml as it stands, but for the ports of this machine, which others may use. */
class Composed implements AsyncDisposable {
  readonly mirror: string;
  readonly registry: string;
  readonly #daemon: DockerDaemon;
  readonly #folder: TempFolder;
  readonly #files: readonly string[];

  private constructor(daemon: DockerDaemon, folder: TempFolder, mirror: string, registry: string) {
    this.#daemon = daemon;
    this.#folder = folder;
    this.mirror = mirror;
    this.registry = registry;
    this.#files = ['docker-compose.yml', 'override.yml'].flatMap((name) => ['--file', folder.join(name)]);
  }

  static async create(daemon: DockerDaemon): Promise<Composed> {
    const folder = await TempFolder.create();
    const [mirror, registry] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const composed = new Composed(daemon, folder, mirror, registry);
    let text = await readFile(join(project, 'docker-compose.yml'), 'utf8');
    for (const [port, place] of [
      ["'5000:5000'", mirror],
      ["'127.0.0.1:5001:5000'", registry],
    ] as const) {
      if (!text.includes(port)) throw new Error(`docker-compose.yml has no port ${port}`);
      text = text.replace(port, `'${place}:5000'`);
    }
    await writeFile(folder.join('docker-compose.yml'), text);
    // The only registry that the mirror can reach here is the one beside it.
    const environment = { REGISTRY_PROXY_REMOTEURL: 'http://registry:5000' };
    await writeFile(folder.join('override.yml'), stringify({ services: { mirror: { environment } } }));
    return composed;
  }

  async run(...args: readonly string[]): Promise<string> {
    return this.#daemon.compose(...this.#files, '--project-name', 'entrepot-test', ...args);
  }

  /** Starts what is not there as it should be, and waits for the health check. */
  async up(): Promise<void> {
    await this.run('up', '--detach', '--no-build');
    await eventually(
      90_000,
      'the mirror is healthy',
      async () => (await this.inspect('{{.State.Health.Status}}')) === 'healthy',
    );
  }

  async inspect(format: string): Promise<string> {
    const id = (await this.run('ps', '--all', '--quiet', 'mirror')).trim();
    return (await this.#daemon.docker('inspect', '--format', format, id)).trim();
  }

  /** What the mirror's own command line prints. */
  async entrepot(...args: readonly string[]): Promise<string> {
    return this.run('exec', '-T', 'mirror', 'node', 'dist/main.js', ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('down', '--volumes', '--timeout', '30');
    await this.#folder.remove();
  }
}

test(
  'the image builds, is small, and docker-compose.yml brings a mirror that keeps its cache over an upgrade',
  async () => {
    await using resources = new AsyncDisposableStack();
    const daemon = await startDaemon(resources);
    // npm in the build reaches what npm reaches here.
    await daemon.build('entrepot', project, '--network=host');

    const inspect = async (image: string, format: string): Promise<string> =>
      (await daemon.docker('image', 'inspect', '--format', format, image)).trim();
    await daemon.docker('pull', 'node:24-bookworm-slim');
    // It came through Entrepot: no other registry has one like it.
    expect(await daemon.docker('image', 'history', 'node:24-bookworm-slim')).toContain('a root folder');
    const base = Number(await inspect('node:24-bookworm-slim', '{{.Size}}'));
    // docs/operations.md says how much it is.
    expect(Number(await inspect('entrepot', '{{.Size}}')) - base).toBeLessThan(12e6);
    expect(await inspect('entrepot', '{{.Config.User}}')).toBe('node');
    const version = await daemon.docker('run', '--rm', '--network=none', 'entrepot', '--version');
    expect(version).toMatch(/^\d+\.\d+\.\d+\n$/u);

    const composed = resources.use(await Composed.create(daemon));
    await composed.up();
    // Nothing of it can be written but the volume.
    expect(await composed.inspect('{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}')).toBe(
      'true [ALL]',
    );
    const own = `${composed.registry}/library/app`;
    await daemon.docker('tag', 'node:24-bookworm-slim', own);
    await daemon.docker('push', own);
    const client = resources.use(await Podman.create({ 'docker.io': composed.mirror }));
    const app = 'docker.io/library/app:latest';
    await client.pull(app);
    const digest = await client.digest(app);
    expect(await composed.entrepot('ls')).toContain('library/app:latest');

    const started = performance.now();
    await composed.run('stop', 'mirror');
    // Killed, it would have been after 30 s.
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(await composed.inspect('{{.State.ExitCode}} {{.State.OOMKilled}}')).toBe('0 false');

    // The next version is another image of that name. Its upstream is gone, so that all comes out of the
    // volume.
    const before = await composed.inspect('{{.Image}}');
    const next = resources.use(await TempFolder.create());
    await writeFile(next.join('Dockerfile'), 'FROM entrepot\nLABEL version=next\n');
    await daemon.build('entrepot', next.path);
    await composed.up();
    expect(await composed.inspect('{{.Image}}')).not.toBe(before);
    await composed.run('stop', 'registry');
    await client.forget(app);
    await client.pull(app);
    expect(await client.digest(app)).toBe(digest);
    expect(await composed.run('logs', 'mirror')).not.toMatch(/ (?:ERROR|FATAL) /u);
  },
  limitMs,
);
