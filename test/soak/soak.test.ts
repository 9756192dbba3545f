import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Agent } from 'undici';
import { expect, test } from 'vitest';
import { eventually } from '../support/deadline.ts';
import { EntrepotProcess } from '../support/entrepot-process.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { randomNumbers } from '../support/random-numbers.ts';
import { contentOf, descriptorsOf, memoryOf, Traffic } from './gauge.ts';
import { stockLibrary, workingSet, type Title } from './library.ts';
import { pull, type Outcome } from './pull.ts';
import { trouble } from './troubles.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const clients = 32;
/** An hour's worth: each client pulls an image every ten seconds. */
const pulls = 32 * 360;
/** The last pulls are made of one process, so that its memory can be watched. */
const undisturbed = pulls * 0.4;
const kills = 8;
const mib = 2 ** 20;

/** Some titles are pulled all the time, most seldom, as with any registry. */
function favourite(library: readonly Title[], random: () => number): Title {
  const title = library[Math.floor(library.length * random() ** 2)];
  if (title === undefined) throw new Error('an empty library');
  return title;
}

/** Figures that people want to see of a run that passes, too. */
function say(line: string): void {
  process.stdout.write(`soak: ${line}\n`);
}

/** What `entrepot verify` finds, with the server running or not. Rejects when it finds a loss. */
async function verify(configuration: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [main, 'verify', '--json', '--config', configuration],
    { timeout: 120_000, maxBuffer: 64 * mib },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
}

test('an hour of pulls over a cache a quarter of their size, with faults and crashes, leaves nothing wrong and nothing behind', async () => {
  const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const random = randomNumbers(seed);
  say(`seed ${seed}`);
  await using hub = await FakeHub.start();
  const library = stockLibrary(hub, random);
  const cap = Math.floor(workingSet(library) / 4);
  await using entrepot = await EntrepotProcess.start({
    remoteUrl: hub.url,
    storage: { maxsize: String(cap), minfree: '0' },
    sections: {
      proxy: { remoteurl: hub.url, timeouts: { header: '2s', idle: '2s' }, freshness: { default: '5s' } },
    },
  });
  const atRest = await descriptorsOf(entrepot.pid, entrepot.data);

  const ending = new AbortController();
  const traffic = new Traffic();
  const outcomes: Record<Outcome, number> = { right: 0, refused: 0, broken: 0, left: 0 };
  let made = 0;
  let dispatcher = new Agent({ connections: 256 });
  let alive = true;
  let interruption = new AbortController();

  const client = async (): Promise<void> => {
    while (made < pulls) {
      if (!alive) {
        await sleep(50);
        continue;
      }
      made += 1;
      const options = { origin: entrepot.url, dispatcher, inFlight: traffic, random };
      for (const outcome of await pull(favourite(library, random), {
        ...options,
        signal: interruption.signal,
      })) {
        outcomes[outcome] += 1;
      }
    }
  };
  const killer = async (): Promise<void> => {
    for (let kill = 1; kill <= kills; kill += 1) {
      const due = ((pulls - undisturbed) * (kill - random() / 2)) / kills;
      await eventually(600_000, `${due} pulls`, () => made >= due);
      alive = false;
      entrepot.signal('SIGKILL');
      await entrepot.exited();
      interruption.abort();
      await dispatcher.destroy();
      interruption = new AbortController();
      dispatcher = new Agent({ connections: 256 });
      await entrepot.restart();
      alive = true;
    }
  };
  let excess = -Infinity;
  const memory: number[] = [];
  const gauge = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const allowed = cap + traffic.bytes();
      const { bytes } = await contentOf(`${entrepot.data}/blobs`);
      excess = Math.max(excess, bytes - Math.max(allowed, cap + traffic.bytes()));
      if (made > pulls - undisturbed) memory.push(await memoryOf(entrepot.pid));
      await sleep(200);
    }
  };

  const watching = gauge();
  const troubling = trouble(hub, random, ending.signal);
  await Promise.all([killer(), ...Array.from({ length: clients }, client)]);
  ending.abort();
  await Promise.all([watching, troubling]);
  await dispatcher.close();

  say(`${made} pulls: ${JSON.stringify(outcomes)}; at most ${Math.round(excess / 1024)} KiB over`);
  expect(outcomes.right / (outcomes.right + outcomes.refused + outcomes.broken)).toBeGreaterThan(0.8);
  expect(excess, 'bytes above the cap and what is in flight').toBeLessThanOrEqual(0);

  await eventually(60_000, 'the cap to be kept, partial blobs included', async () => {
    const folders = ['blobs', 'ingest', 'quarantine'];
    const contents = await Promise.all(folders.map((folder) => contentOf(`${entrepot.data}/${folder}`)));
    return contents.reduce((sum, { bytes }) => sum + bytes, 0) <= cap;
  });
  const quarter = Math.floor(memory.length / 4);
  const early = Math.max(...memory.slice(quarter, 2 * quarter));
  const late = Math.max(...memory.slice(-quarter));
  say(`memory ${Math.round(early / mib)} MiB, at the end ${Math.round(late / mib)} MiB`);
  expect(late, 'memory at the end').toBeLessThan(early * 1.2 + 8 * mib);

  // Idle connections to upstream are closed after some seconds.
  await eventually(60_000, 'descriptors to be closed', async () => {
    const { blobs, sockets } = await descriptorsOf(entrepot.pid, entrepot.data);
    return blobs === 0 && sockets <= atRest.sockets;
  });
  const clean = { report: { loss: false, findings: {} } };
  expect(await verify(entrepot.configuration), 'with the server running').toMatchObject(clean);
  entrepot.signal('SIGTERM');
  await entrepot.exited();
  expect(await verify(entrepot.configuration), 'without it').toMatchObject(clean);
});
