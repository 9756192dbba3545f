import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { pullImage } from '../client/image-pull.ts';
import { timeLimit } from '../client/drain.ts';
import { thisMachine } from '../machine.ts';
import { build, thisCheckout } from '../peers/entrepot.ts';
import { median } from '../statistics.ts';
import { formatFigure, renderTable } from '../table.ts';
import { Upstream } from '../upstream/upstream.ts';
import { openWorkshop } from '../workshop.ts';

const mib = 2 ** 20;
/** Bytes a second that all connections to the source share. */
const link = 1e9 / 8;

const program = new Command('npm run bench:sync --')
  .description(
    'Compares entrepot sync over a link of 1 Gbit/s, of an image in eight layers, with a client that keeps nothing.',
  )
  .option('--mib <n>', 'size of the image', Number, 1024)
  .option('--repeat <n>', 'how often each is measured, in turn; the table has the medians', Number, 3);
const options = program.parse().opts<{ mib: number; repeat: number }>();

const { processes, folder } = openWorkshop('entrepot-sync-');
await build(processes);
const source = await Upstream.start(processes, folder);
const layers = Array.from({ length: 8 }, () => (options.mib / 8) * mib);
const image = await source.image({ name: 'eight-layers', layers });
const size = image.blobs.reduce((sum, blob) => sum + blob.size, 0);
const data = join(folder, 'data');
const config = join(folder, 'config.yml');
await writeFile(
  config,
  stringify({
    version: 0.1,
    storage: { filesystem: { rootdirectory: data } },
    proxy: { remoteurl: source.url.origin },
  }),
);

async function seconds(work: () => Promise<unknown>): Promise<number> {
  await source.setPace({ link });
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

const entrepot = join(thisCheckout, 'dist/main.js');
const reference = `${source.url.host}/${image.repository}:latest`;
const ways: Readonly<Record<string, () => Promise<unknown>>> = {
  'a client that keeps nothing': () => pullImage(source.url, image, { signal: timeLimit(120) }),
  'entrepot sync, empty cache': async () => {
    await rm(data, { recursive: true, force: true });
    await mkdir(data);
    await processes.output(process.execPath, [
      entrepot,
      'sync',
      source.url.origin,
      reference,
      '--config',
      config,
    ]);
  },
  'entrepot sync, all held': () =>
    processes.output(process.execPath, [entrepot, 'sync', source.url.origin, reference, '--config', config]),
};

const timings = new Map<string, number[]>(Object.keys(ways).map((way) => [way, []]));
for (let turn = 0; turn < options.repeat; turn += 1) {
  for (const [way, work] of Object.entries(ways)) {
    const taken = await seconds(work);
    process.stderr.write(`${way}: ${taken.toFixed(2)} s\n`);
    timings.get(way)?.push(taken);
  }
}

const alone = size / link;
const machine = thisMachine();
const rows = [...timings].map(([way, taken]) => [
  way,
  formatFigure(median(taken)),
  formatFigure(median(taken) / alone),
]);
process.stdout.write(
  `${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}\n\n` +
    `${renderTable([`${options.mib} MiB in 8 layers, 1 Gbit/s`, 'seconds', 'times the link alone'], rows)}\n`,
);
process.exit(0);
