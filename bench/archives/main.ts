import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { thisMachine } from '../machine.ts';
import { build, thisCheckout } from '../peers/entrepot.ts';
import { median } from '../statistics.ts';
import { formatFigure, renderTable } from '../table.ts';
import { openWorkshop } from '../workshop.ts';
import { timed, type Timing } from './timed.ts';
import { image, stock } from './stock.ts';

const mib = 2 ** 20;

const program = new Command('npm run bench:archives --')
  .description(
    'Compares entrepot export and import with skopeo copy from an OCI layout to an archive, on the same image.\n' +
      'Needs the Debian package skopeo, and room for five such images.',
  )
  .option('--gib <n>', 'size of the image', Number, 4)
  .option('--repeat <n>', 'how often each is measured, in turn; the table has the medians', Number, 3)
  .option('--json <file>', 'write every measurement to a file too');
const options = program.parse().opts<{ gib: number; repeat: number; json?: string }>();

const { processes, folder } = openWorkshop('entrepot-archives-');
const data = join(folder, 'data');
const layout = join(folder, 'layout');
const config = join(folder, 'config.yml');

await build(processes);
await mkdir(data);
process.stderr.write(`stocking an image of ${options.gib} GiB\n`);
await stock(data, layout, options.gib * 1024 * mib);
await writeFile(
  config,
  stringify({ version: 0.1, storage: { filesystem: { rootdirectory: data } }, proxy: {} }),
);

/** What is compared: a command that writes the file or folder `target`. */
interface Contender {
  readonly name: string;
  readonly command: (target: string) => readonly [string, ...string[]];
}

const entrepot = [process.execPath, join(thisCheckout, 'dist/main.js')] as const;
const skopeo: Contender = {
  name: 'skopeo copy oci: oci-archive:',
  command: (target) => ['skopeo', '--insecure-policy', 'copy', `oci:${layout}`, `oci-archive:${target}`],
};
const contenders: readonly Contender[] = [
  skopeo,
  {
    name: 'entrepot export',
    command: (target) => [...entrepot, 'export', '--config', config, '-o', target, image],
  },
  {
    name: 'entrepot import',
    command: () => [...entrepot, 'import', '--config', emptyConfig, archive],
  },
];

const archive = join(folder, 'exported.tar');
await timed([...entrepot, 'export', '--config', config, '-o', archive, image]);

/** The configuration of an empty cache. */
const emptyConfig = join(folder, 'empty.yml');

const timings = new Map<string, Timing[]>(contenders.map(({ name }) => [name, []]));
for (let turn = 0; turn < options.repeat; turn += 1) {
  for (const { name, command } of contenders) {
    const target = join(folder, 'archive.tar');
    const storage = { filesystem: { rootdirectory: target } };
    await writeFile(emptyConfig, stringify({ version: 0.1, storage, proxy: {} }));
    const timing = await timed(command(target));
    process.stderr.write(`${name}: ${timing.seconds.toFixed(1)} s, ${Math.round(timing.memory / mib)} MiB\n`);
    timings.get(name)?.push(timing);
    await rm(target, { recursive: true });
  }
}

const seconds = (name: string): number => median((timings.get(name) ?? []).map((one) => one.seconds));
const reference = seconds(skopeo.name);
const machine = thisMachine();
if (options.json !== undefined) {
  await writeFile(
    options.json,
    `${JSON.stringify({ machine, timings: Object.fromEntries(timings) }, null, 2)}\n`,
  );
}
process.stdout.write(
  `${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}\n\n` +
    `${renderTable(
      [`an image of ${options.gib} GiB`, 'seconds', 'speed, skopeo = 1', 'peak RSS, MiB'],
      [...timings].map(([name, all]) => [
        name,
        formatFigure(seconds(name)),
        formatFigure(reference / seconds(name)),
        formatFigure(Math.max(...all.map(({ memory }) => memory)) / mib),
      ]),
    )}\n`,
);
process.exit(0);
