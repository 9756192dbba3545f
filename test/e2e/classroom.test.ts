import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Child } from '../support/child.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { freePort } from '../support/free-port.ts';
import { makeImage, makeIndex, noise, runnableImage, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { ClosedRoom, inRoom } from './support/closed-room.ts';
import { command } from './support/command.ts';
import { blockOf, comparable, consoleSteps, type ConsoleStep } from './support/console.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { entrepotMain } from './support/entrepot.ts';
import { showWhenFailed } from './support/logs.ts';
import { Podman } from './support/podman.ts';
import { RootFolder } from './support/root-folder.ts';

const page = await readFile(new URL('../../docs/classroom.md', import.meta.url), 'utf8');
const [atHome = '', inTheRoom = ''] = page.split(/^## In the room$/mu);
const classroom = fileURLToPath(new URL('../../config/classroom.yml', import.meta.url));
const students = fileURLToPath(new URL('support/students.ts', import.meta.url));

/** A part of the bundle: so small that there are several. */
const partSize = '2MiB';
const seats = 30;

/** One of the page's machines: a folder with a configuration, and a window to type in. */
class Desk implements AsyncDisposable {
  readonly folder: TempFolder;
  readonly origin: string;
  readonly #room: ClosedRoom | undefined;
  readonly #env: NodeJS.ProcessEnv;
  readonly #closing = new AsyncDisposableStack();

  private constructor(
    folder: TempFolder,
    address: string,
    room: ClosedRoom | undefined,
    env: NodeJS.ProcessEnv,
  ) {
    this.folder = folder;
    this.origin = `http://${address}`;
    this.#room = room;
    this.#env = env;
  }

  /** @param environment what is different from the page, which stands in no file */
  static async open(environment: NodeJS.ProcessEnv, room?: ClosedRoom): Promise<Desk> {
    const folder = await TempFolder.create();
    await copyFile(classroom, folder.join('classroom.yml'));
    await writeFile(folder.join('compose.yaml'), blockOf(page, 'yaml'));
    await writeFile(folder.join('Dockerfile'), blockOf(page, 'dockerfile'));
    await mkdir(folder.join('bin'));
    await writeFile(
      folder.join('bin', 'entrepot'),
      `#!/bin/sh\nexec ${process.execPath} ${entrepotMain} "$@"\n`,
    );
    await chmod(folder.join('bin', 'entrepot'), 0o755);
    const address = `127.0.0.1:${await freePort()}`;
    return new Desk(folder, address, room, {
      ...process.env,
      PATH: [folder.join('bin'), process.env['PATH']].join(delimiter),
      REGISTRY_HTTP_ADDR: address,
      REGISTRY_CONFIGURATION_PATH: folder.join('classroom.yml'),
      ...environment,
    });
  }

  /** Types a part of the page. Resolves to its commands, each with what is printed. */
  async follow(part: string, environment: NodeJS.ProcessEnv = {}): Promise<readonly ConsoleStep[]> {
    const typed: ConsoleStep[] = [];
    for (const { command: line } of printingSteps(part)) {
      const printed = comparable(await this.type(line.replace('4GiB', partSize), environment));
      typed.push({ command: line, printed });
    }
    return typed;
  }

  /** Starts the server as the page says. */
  async serve(part: string): Promise<void> {
    const line = consoleSteps(part).find(({ command: typed }) => typed.startsWith('entrepot serve'));
    if (line === undefined) throw new Error('the page starts no server');
    const options = { cwd: this.folder.path, env: this.#env };
    const program = inRoom(this.#room, 'sh', ['-c', `exec ${line.command}`]);
    const server = this.#closing.use(new Child(...program, options));
    showWhenFailed(line.command, server);
    await server.waitFor(/Entrepot is ready/u);
  }

  /** What a command prints to the standard output. Rejects with CommandError. */
  type(line: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
    const cwd = this.folder.path;
    return command(...inRoom(this.#room, 'sh', ['-c', line]), { cwd, env: { ...this.#env, ...environment } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
    await this.folder.remove();
  }
}

/** The commands of a page that end and print something. */
function printingSteps(part: string): readonly ConsoleStep[] {
  return consoleSteps(part)
    .filter(({ command: line }) => !/^(?:export|entrepot serve)\b/u.test(line))
    .map((step) => ({ ...step, printed: comparable(step.printed) }));
}

/** An image of so many bytes, which can be pulled and not be run. */
async function imageOfNoise(size: number): Promise<Image> {
  await using folder = await TempFolder.create();
  await using root = await RootFolder.create();
  await writeFile(folder.join('noise'), noise(size, `${size}`));
  await root.add(folder.join('noise'), '/noise');
  return await root.toImage({});
}

test('docs/classroom.md, word for word, in a room that nothing leaves', { timeout: 600_000 }, async () => {
  const node = await runnableImage(undefined, { oci: true });
  const nginx = await imageOfNoise(3_000_000);
  const postgres = await imageOfNoise(5_000_000);
  await using hub = await DockerRegistry.start();
  await hub.push(
    'library/node',
    '22-alpine',
    makeIndex([node, makeImage({ oci: true, seed: 9 })], { oci: true }),
  );
  await hub.push('library/nginx', '1.27', nginx);
  await hub.push('library/postgres', '17-alpine', postgres);

  await using home = await Desk.open({ REGISTRY_UPSTREAMS_DOCKER_IO_URL: hub.url });
  await mkdir(home.folder.join('stick'));
  await home.serve(atHome);
  expect(await home.follow(atHome)).toEqual(printingSteps(atHome));
  const parts = (await readdir(home.folder.join('stick'))).filter((name) => /\.tar\.\d+$/u.test(name));
  expect(parts.length).toBeGreaterThan(2);

  await using room = await ClosedRoom.open();
  await using desk = await Desk.open({}, room);
  await command('cp', ['-r', home.folder.join('stick'), desk.folder.path]);
  const daemonJson = blockOf(inTheRoom, 'json').replace('http://teacher.lan:5000', desk.origin);
  await writeFile(desk.folder.join('daemon.json'), daemonJson);
  await using daemon = await DockerDaemon.start({ configFile: desk.folder.join('daemon.json') }, { room });
  const [toImport = '', toPull = ''] = inTheRoom.split(/^### 10\./mu);
  await desk.serve(toImport);
  expect(await desk.follow(toImport)).toEqual(printingSteps(toImport));
  expect(await desk.follow(toPull, daemon.environment)).toEqual(printingSteps(toPull));

  const names = ['library/node:22-alpine', 'library/nginx:1.27', 'library/postgres:17-alpine'];
  const pulls = await desk.type(`${process.execPath} ${students} ${desk.origin} ${seats} ${names.join(' ')}`);
  expect(Number(pulls)).toBe(seats * names.length);
  await using containerd = await Containerd.start({ 'docker.io': desk.origin }, { room });
  await using podman = await Podman.create({ 'docker.io': new URL(desk.origin).host }, room);
  for (const name of names) {
    await containerd.pull(`docker.io/${name}`);
    await podman.pull(`docker.io/${name}`);
  }
  expect(await podman.digest('docker.io/library/nginx:1.27')).toBe(nginx.digest);
  expect(await containerd.digest('docker.io/library/postgres:17-alpine')).toBe(postgres.digest);

  expect(await room.packetsOut()).toBe(0);
  // That the count would have told.
  const question = 'dgram.createSocket("udp4").send("?", 53, "198.51.100.1", () => process.exit())';
  await room.run(process.execPath, '-e', question);
  expect(await room.packetsOut()).toBeGreaterThan(0);
});
