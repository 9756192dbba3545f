import { writeFile } from 'node:fs/promises';
import { hashSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../support/ask.ts';
import { makeAttestedIndex } from '../../support/attested-index.ts';
import { containerdCri, containerdCtr } from '../../support/clients/containerd-2.ts';
import { docker29, docker29Graphdriver } from '../../support/clients/docker-29.ts';
import { podman5 } from '../../support/clients/podman-5.ts';
import type { PullingClient } from '../../support/clients/pulling-client.ts';
import type { Account, ReplayedClient } from '../../support/clients/replayed-client.ts';
import { eventually } from '../../support/deadline.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import type { Content, Image } from '../../support/image.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../../support/test-entrepot.ts';

/**
 * An image of six platforms with attestations, as official ones are, of which an s390x machine pulls its own.
 */
const index = makeAttestedIndex(6, { layers: [90_000, 70_000, 300_000, 80_000, 60_000] });
const architecture = 's390x';
const own = part(index.platforms, 2);
const attestation = part(index.attestations, 2);
const repository = 'library/hello';
const clients = [docker29, docker29Graphdriver, podman5, containerdCtr, containerdCri];

let hub: FakeHub;
let entrepot: TestEntrepot;
let folder: TempFolder;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', index);
  folder = await TempFolder.create();
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
  await folder.remove();
});

async function start(more: Partial<TestEntrepotOptions> = {}): Promise<void> {
  const pullAhead = { enabled: true, parallel: 6 };
  entrepot = await TestEntrepot.start({ upstream: hub.url, pullAhead, ...more });
}

async function pull(client: PullingClient, account?: Account): Promise<ReplayedClient> {
  using replay = await client.pull({
    origin: entrepot.url,
    repository,
    tag: 'latest',
    architecture,
    account,
  });
  return replay;
}

function part<T>(items: readonly T[], at: number): T {
  const item = items[at];
  if (item === undefined) throw new Error(`no item ${at}`);
  return item;
}

const blobsOf = ({ config, layers }: Image): readonly Content[] => [config, ...layers];

/** What the client asked for, in words, each once, with its statuses. */
function told({ exchanges }: ReplayedClient): readonly string[] {
  const words = exchanges.map(({ method, path, status }) => `${method} ${wordFor(path)} ${status}`);
  return [...new Set(words)];
}

function wordFor(path: string): string {
  const names: readonly (readonly [string, string])[] = [
    [index.digest, 'index'],
    ...index.platforms.map((image) => [image.digest, image === own ? 'own' : 'foreign'] as const),
    ...index.attestations.map(({ digest }) => [digest, 'attestation'] as const),
    ...index.images.flatMap((image) => blobsOf(image).map(({ digest }) => [digest, 'blob'] as const)),
  ];
  const last = path.replace(/\?.*$/, '').split('/').at(-1) ?? '';
  const word = names.find(([digest]) => digest === last)?.[1] ?? last;
  return path.includes('/referrers/') ? `referrers of ${word}` : word;
}

/** The blobs of which upstream sent bytes, and how many times the whole. */
function sent(images: readonly Image[]): readonly number[] {
  return images.flatMap((image) => blobsOf(image).map(({ digest, size }) => hub.bytesSent(digest) / size));
}

/** Waits until upstream has been asked for all that comes behind the layers. */
async function attested(): Promise<void> {
  await eventually(60_000, 'the attestations', () => sent([attestation]).every((times) => times === 1));
  await eventually(60_000, 'the end', () =>
    entrepot.log.split('\n').some((line) => line.includes('"isComplete":true') && line.includes(own.digest)),
  );
}

function away(): void {
  hub.down();
  // The tag is due: upstream is asked in vain.
  entrepot.clock.advance(3_600_000);
}

const sequences = new Map<PullingClient, readonly string[]>([
  [
    docker29,
    [
      'HEAD latest 200',
      'GET index 200',
      'GET own 200',
      'GET attestation 200',
      'GET referrers of attestation 200',
      'GET blob 200',
    ],
  ],
  [docker29Graphdriver, ['GET  200', 'HEAD latest 200', 'GET index 200', 'GET own 200', 'GET blob 200']],
  [podman5, ['GET  200', 'GET latest 200', 'GET own 200', 'GET blob 200']],
  [
    containerdCtr,
    [
      'HEAD latest 200',
      'GET index 200',
      'GET foreign 200',
      'GET own 200',
      'GET attestation 200',
      'GET blob 200',
    ],
  ],
  [containerdCri, ['HEAD latest 200', 'GET index 200', 'GET own 200', 'GET blob 200']],
]);

describe.each(clients)('$name', (client) => {
  test('pulls one platform cold: each byte comes once, nothing of other platforms does', async () => {
    await start();

    const replay = await pull(client);
    await attested();

    expect(told(replay).toSorted()).toEqual(sequences.get(client)?.toSorted());
    expect(new Set(sent([own, attestation]))).toEqual(new Set([1]));
    const foreign = index.platforms.filter((image) => image !== own);
    for (const { digest } of foreign.flatMap(({ layers }) => layers)) expect(hub.bytesSent(digest)).toBe(0);
    // The index, the platform and its attestation; ctr reads everything that the index lists.
    expect(hub.pulls).toBe(client === containerdCtr ? 1 + index.images.length : 3);
    for (const image of [index, ...index.images]) {
      expect(hub.count({ method: 'GET', path: new RegExp(`manifests/${image.digest}$`) })).toBeLessThan(2);
    }
  });

  test('pulls it again without a byte from upstream', async () => {
    await start();
    await pull(client);
    await attested();
    hub.clearLog();

    const replay = await pull(client);

    expect(told(replay).toSorted()).toEqual(sequences.get(client)?.toSorted());
    expect(hub.pulls).toBe(0);
    expect(new Set(sent(index.images))).toEqual(new Set([0]));
  });

  test('pulls it while the registry is away, and after a restart', async () => {
    await start();
    await pull(client);
    await attested();
    away();
    await pull(client);
    await entrepot.restart();

    const replay = await pull(client);

    expect(told(replay).toSorted()).toEqual(sequences.get(client)?.toSorted());
  });

  test('is told at once that the registry is away where nothing is held', async () => {
    await start();
    away();

    await expect(pull(client)).rejects.toThrow(': 503 ');
  });

  // Docker's containerd store asks for what is attested of the platform, and its pull fails without it.
  test('leaves behind all that Docker 29 wants, which then pulls it while the registry is away', async () => {
    await start();
    await pull(client);
    await attested();
    away();

    const replay = await pull(docker29);

    expect(told(replay).toSorted()).toEqual(sequences.get(docker29)?.toSorted());
  });
});

describe('what is attested of an image that a client pulls', () => {
  test.each([
    ['is left for later while the registry says that few pulls are left', 22, 0],
    ['is fetched while the registry says that there are enough', 23, 1],
  ])('%s', async (_what, remaining, times) => {
    // Two go to the index and the platform.
    hub.setRateLimit({ limit: 100, window: 21_600, remaining });
    await start();

    await pull(containerdCri);
    await eventually(60_000, 'the end', () =>
      entrepot.log.split('\n').some((line) => line.includes('"isComplete"') && line.includes(own.digest)),
    );

    expect(new Set(sent([attestation]))).toEqual(new Set([times]));
  });
});

describe('a client that has read its own platform’s manifest', () => {
  test('has all of its layers on their way before it asks for one, and nothing else', async () => {
    await start();
    for (const reference of ['latest', own.digest]) {
      await ask(entrepot.url, `/v2/${repository}/manifests/${reference}?ns=docker.io`);
    }

    await eventually(60_000, 'the layers', () => sent([own]).every((times) => times === 1));

    expect(hub.pulls).toBe(2);
    expect(new Set(sent([attestation]))).toEqual(new Set([0]));
  });
});

describe.each(clients)('$name, logged in to a mirror that is closed without', (client) => {
  const account = { username: 'alice', password: 'correct horse' };
  const robot = { username: 'robot', password: 'of the registry' };

  beforeEach(async () => {
    await hub.close();
    hub = await FakeHub.start({ credentials: robot });
    hub.addImage(repository, 'latest', index);
    hub.makePrivate(repository);
    await writeFile(folder.join('htpasswd'), `alice:${hashSync(account.password, 4)}\n`);
    const htpasswd = { realm: 'mirror', path: folder.join('htpasswd') };
    await start({ credentials: robot, auth: { htpasswd }, access: { anonymous: 'deny' } });
  });

  test('pulls a private image cold, hot, and while the registry is away', async () => {
    const cold = await pull(client, account);
    await attested();

    expect(
      told(cold)
        .filter((words) => words.endsWith(' 200'))
        .toSorted(),
    ).toEqual(loggedIn(client));
    expect(new Set(sent([own, attestation]))).toEqual(new Set([1]));
    hub.clearLog();
    await pull(client, account);
    expect(hub.pulls).toBe(0);
    away();
    await pull(client, account);
    await entrepot.restart();
    const replay = await pull(client, account);
    expect(replay.exchanges.filter(({ authorized, status }) => authorized && status !== 200)).toEqual([]);
  });

  test('asks without its account first, as often as it does, and never again in that pull', async () => {
    const { exchanges } = await pull(client, account);

    const refused = exchanges.flatMap(({ status }, at) => (status === 401 ? [at] : []));
    // Docker and podman are told by their first request, containerd by one for the tag and one by digest.
    const isContainerd = client === containerdCtr || client === containerdCri;
    expect(refused).toEqual(isContainerd ? [0, 2] : [0]);
  });

  test('pulls nothing without a login', async () => {
    await expect(pull(client)).rejects.toThrow(/: 40[14] /);
  });

  function loggedIn(one: PullingClient): readonly string[] | undefined {
    // The ping is answered by 401, and not repeated.
    return sequences
      .get(one)
      ?.filter((words) => words !== 'GET  200')
      .toSorted();
  }
});
