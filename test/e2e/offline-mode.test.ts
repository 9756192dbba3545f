import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { Child } from '../support/child.ts';
import { eventually } from '../support/deadline.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { runnableImage, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command, CommandError } from './support/command.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { inEmptyNetwork } from './support/empty-network.ts';
import { showWhenFailed } from './support/logs.ts';
import { Podman } from './support/podman.ts';
import { skopeoCopy, skopeoInspect, skopeoReference } from './support/skopeo.ts';

const told =
  'the mirror is offline, and hello-entrepot:18 is not cached; cached: hello-entrepot:18-alpine, hello-entrepot:20';

/** What a program says that fails. */
async function complaintOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
  throw new Error('it did not fail');
}

async function entrepot(mirror: Entrepot, ...args: readonly string[]): Promise<string> {
  const whole = [entrepotMain, ...args, '--config', mirror.configuration];
  await using child = new Child(process.execPath, whole, { cwd: tmpdir(), deadlineMs: 60_000 });
  const { code } = await child.exited();
  if (code !== 0) throw new Error(child.output);
  return child.stdout;
}

/** A mirror that has cached two tags of three, and is offline although its upstream is there. */
async function offlineMirror(hello: Image) {
  await using closing = new AsyncDisposableStack();
  const upstream = closing.use(await DockerRegistry.start());
  for (const tag of ['18', '18-alpine', '20']) await upstream.push('library/hello-entrepot', tag, hello);
  const mirror = closing.use(await Entrepot.start(upstream.url));
  const folder = closing.use(await TempFolder.create());
  for (const tag of ['18-alpine', '20'])
    await skopeoCopy(skopeoReference(mirror.url, `library/hello-entrepot:${tag}`), `dir:${folder.join(tag)}`);
  expect(await entrepot(mirror, 'offline', 'on')).toContain('offline: no registry is asked');
  const opened = closing.move();
  return { mirror, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

test('clients are told by an offline mirror what it has in place of what it has not', async () => {
  const hello = await runnableImage();
  await using fixture = await offlineMirror(hello);
  const { mirror } = fixture;
  const wanted = 'docker.io/library/hello-entrepot:18';
  const cached = 'docker.io/library/hello-entrepot:20';

  await using daemon = await DockerDaemon.start(mirror.url);
  expect(await complaintOf(daemon.docker('pull', `${mirror.host}/hello-entrepot:18`))).toContain(
    `not found: manifest unknown: ${told}`,
  );
  // After its mirror it asks Docker Hub, and shows what comes of that.
  expect(await complaintOf(daemon.docker('pull', 'hello-entrepot:18'))).toContain('registry-1.docker.io');
  expect(await daemon.docker('pull', 'hello-entrepot:20')).toContain(`Digest: ${hello.digest}`);

  await using podman = await Podman.create({ 'docker.io': mirror.host });
  expect(await complaintOf(podman.pull(wanted))).toContain(`manifest unknown: ${told}`);
  await podman.pull(cached);

  // It asks for tags by HEAD, whose answer has no message.
  await using containerd = await Containerd.start({ 'docker.io': mirror.url });
  expect(await complaintOf(containerd.pull(wanted))).toContain('failed to resolve reference');
  await containerd.pull(cached);

  const inspect = (tag: string) =>
    skopeoInspect(skopeoReference(mirror.url, `library/hello-entrepot:${tag}`));
  expect(await complaintOf(inspect('18'))).toContain(`manifest unknown: ${told}`);
  expect(await inspect('20')).toMatchObject({ Digest: hello.digest });
});

test('a mirror that is started offline sends nothing out of a network without a way out', async () => {
  const hello = await runnableImage();
  await using upstream = await DockerRegistry.start();
  await upstream.push('library/hello-entrepot', '20', hello);
  await using mirror = await Entrepot.start({
    sections: { upstreams: { 'docker.io': { url: upstream.url } } },
  });
  await using folder = await TempFolder.create();
  await skopeoCopy(skopeoReference(mirror.url, 'library/hello-entrepot:20'), `dir:${folder.join('image')}`);
  await mirror.stop();
  const online = folder.join('online.yml');
  const configuration = await readFile(mirror.configuration, 'utf8');
  await writeFile(online, configuration.replace(upstream.url, 'https://registry-1.docker.io'));

  const sentBy = async (...options: readonly string[]): Promise<readonly string[]> => {
    await using server = inEmptyNetwork(process.execPath, entrepotMain, 'serve', online, ...options);
    showWhenFailed(`entrepot serve ${options.join(' ')}`, server);
    const inside = (...program: readonly string[]): Promise<string> =>
      command('nsenter', [`--net=/proc/${server.pid}/ns/net`, ...program]);
    const inspect = (tag: string): Promise<string> =>
      inside(
        'skopeo',
        'inspect',
        '--tls-verify=false',
        skopeoReference(mirror.url, `library/hello-entrepot:${tag}`),
      );
    await eventually(60_000, 'Entrepot serves', async () =>
      inspect('20').then(
        (printed) => printed.includes(hello.digest),
        () => false,
      ),
    );
    await complaintOf(inspect('18'));
    return attempts(await inside('cat', '/proc/net/snmp'));
  };

  expect(await sentBy('--offline')).toEqual(['0', '0']);
  // The same mirror, online, shows that these counters count.
  expect(await sentBy()).not.toEqual(['0', '0']);
});

/** Datagrams that were sent, as a lookup of a name does, and packets for which there was no way out. */
function attempts(snmp: string): readonly string[] {
  return [valueIn(snmp, 'Udp', 'OutDatagrams'), valueIn(snmp, 'Ip', 'OutNoRoutes')];
}

/** A counter of `/proc/net/snmp`: a line of names, then one of values. */
function valueIn(snmp: string, protocol: string, counter: string): string {
  const [names = '', values = ''] = snmp.split('\n').filter((line) => line.startsWith(`${protocol}: `));
  return values.split(' ')[names.split(' ').indexOf(counter)] ?? 'unknown';
}
