import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { thisMachine } from '../machine.ts';
import { build } from '../peers/entrepot.ts';
import { formatFigure, renderTable } from '../table.ts';
import { openWorkshop } from '../workshop.ts';
import { ScaleBench, type ScaleFigures } from './measure.ts';
import { blobsPerImage, stock } from './stock.ts';

const mib = 2 ** 20;

interface Options {
  readonly blobs: readonly number[];
  readonly seconds: number;
  readonly json?: string;
}

function counts(text: string): readonly number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (!Number.isSafeInteger(value) || value < 10_000) {
      throw new InvalidArgumentError('Whole numbers of at least 10000, separated by commas.');
    }
    return value;
  });
}

const lines: readonly (readonly [title: string, value: (figures: ScaleFigures) => number])[] = [
  ['start to first answer, s', ({ start }) => start],
  ['cached manifests by random tag, req/s (4 connections)', ({ rate }) => rate],
  ['the same, p50 ms', ({ p50 }) => p50],
  ['the same, p99 ms', ({ p99 }) => p99],
  ['the same, slowest, ms', ({ maxOtherwise }) => maxOtherwise],
  ['prune of the oldest images, s', ({ eviction }) => eviction],
  ['images evicted', ({ evicted }) => evicted],
  ['pulls meanwhile, p99 ms', ({ p99Meanwhile }) => p99Meanwhile],
  ['pulls meanwhile, slowest, ms', ({ maxMeanwhile }) => maxMeanwhile],
  ['peak RSS, MiB', ({ memory }) => memory / mib],
];

const program = new Command('npm run bench:scale --')
  .description(
    'Measures Entrepot over stores of several sizes: start, cached manifests, eviction.\n' +
      `${blobsPerImage} blobs an image. Needs the Debian package wrk, and for a million blobs 6 GB of disk.`,
  )
  .option('--blobs <counts>', 'sizes of the store', counts, [10_000, 100_000, 1_000_000])
  .option('--seconds <n>', 'how long a load lasts', Number, 10)
  .option('--json <file>', 'write the figures to a file too');
const options = program.parse().opts<Options>();

const { processes, folder } = openWorkshop('entrepot-scale-');

await build(processes);
const bench = new ScaleBench(processes, folder, options.seconds);
const results: { readonly blobs: number; readonly figures: ScaleFigures }[] = [];
for (const blobs of options.blobs) {
  const root = join(folder, String(blobs));
  await mkdir(root);
  process.stderr.write(`stocking ${blobs.toLocaleString('en-US')} blobs\n`);
  await stock(root, blobs / blobsPerImage);
  const figures = await bench.measure(root, blobs / blobsPerImage);
  process.stderr.write(`${JSON.stringify(figures)}\n`);
  results.push({ blobs, figures });
  await rm(root, { recursive: true, force: true });
}
const machine = thisMachine();
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
process.stdout.write(
  `${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}\n\n` +
    `${renderTable(
      ['measured', ...results.map(({ blobs }) => `${blobs.toLocaleString('en-US')} blobs`)],
      lines.map(([title, value]) => [title, ...results.map(({ figures }) => formatFigure(value(figures)))]),
    )}\n`,
);
process.exit(0);
