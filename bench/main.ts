import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Benchmark } from './benchmark.ts';
import { build, Entrepot, thisCheckout } from './peers/entrepot.ts';
import { nginx } from './peers/nginx.ts';
import { registry2 } from './peers/registry2.ts';
import { renderReport } from './report.ts';
import { rows } from './rows/index.ts';
import { openWorkshop } from './workshop.ts';

interface Options {
  readonly rows: readonly string[];
  readonly peers: readonly string[];
  readonly seconds: number;
  readonly repeat: number;
  readonly json?: string;
  readonly markdown?: string;
  readonly profile?: string;
  readonly build: boolean;
  readonly baseline?: string;
}

const peerNames: readonly string[] = ['entrepot', registry2.name, nginx.name];
const rowNames = rows.map(({ name }) => name);

/** An option that takes some of `known`, separated by commas; all of them when it is not given. */
function choice(flags: string, about: string, known: readonly string[]): Option {
  return new Option(flags, `${about}: ${known.join(', ')}`)
    .default(known, 'all')
    .argParser((text: string) => {
      const names = text.split(',').map((name) => name.trim());
      const stranger = names.find((name) => !known.includes(name));
      if (stranger !== undefined) {
        throw new InvalidArgumentError(`There is no "${stranger}"; there are ${known.join(', ')}.`);
      }
      return names;
    });
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('Not a whole number above 0.');
  return value;
}

const program = new Command('npm run bench --')
  .description(
    'Runs Entrepot, docker-registry (registry:2) and nginx side by side on this machine and prints one table, as Markdown.\n' +
      'Needs the Debian packages docker-registry, nginx and wrk.',
  )
  .addOption(choice('--rows <names>', 'rows to measure', rowNames))
  .addOption(choice('--peers <names>', 'peers to measure', peerNames))
  .option('--seconds <n>', 'how long a timed load lasts', count, 5)
  .option('--repeat <n>', 'how often each row is measured; the table has the medians', count, 3)
  .option('--json <file>', 'write every measurement to a file too')
  .option('--markdown <file>', 'write what is printed to a file too')
  .option('--profile <folder>', 'leave a CPU profile of each Entrepot process there (this slows it down)')
  .option(
    '--baseline <folder>',
    'measure the Entrepot of another checkout as well, with its packages installed',
  )
  .option('--no-build', 'measure dist/ as it is, without compiling first');

const options = program.parse().opts<Options>();
const { processes, folder } = openWorkshop('entrepot-bench-');

const ours = [
  ...(options.peers.includes('entrepot') ? [{ checkout: thisCheckout, profiles: options.profile }] : []),
  ...(options.baseline === undefined ? [] : [{ name: 'baseline', checkout: resolve(options.baseline) }]),
];
if (options.build) for (const { checkout } of ours) await build(processes, checkout);
const others = [registry2, nginx].filter(({ name }) => options.peers.includes(name));
const peers = [...ours.map((one) => new Entrepot(one)), ...others];
const benchmark = new Benchmark(
  { ...options, rows: rows.filter(({ name }) => options.rows.includes(name)), peers },
  processes,
  folder,
  (line) => process.stderr.write(`${line}\n`),
);
const report = await benchmark.run();
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
const text = renderReport(report);
if (options.markdown !== undefined) await writeFile(options.markdown, text);
process.stdout.write(text);
process.exit(report.failures.length === 0 ? 0 : 1);
