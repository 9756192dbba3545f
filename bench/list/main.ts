import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { thisMachine } from '../machine.ts';
import { build, thisCheckout } from '../peers/entrepot.ts';
import { median } from '../statistics.ts';
import { formatFigure, renderTable } from '../table.ts';
import { openWorkshop } from '../workshop.ts';
import { lines, measuredFiles } from './files.ts';

const program = new Command('npm run bench:list --')
  .description(
    `Measures entrepot warm --list of files with ${lines} lines, from the start of the process to its end.`,
  )
  .option('--repeat <n>', 'how often each file is read, in turn; the table has the medians', Number, 9)
  .option('--json <file>', 'write every measurement to a file too');
const options = program.parse().opts<{ repeat: number; json?: string }>();

const { processes, folder } = openWorkshop('entrepot-list-');
const files = measuredFiles();
await build(processes);
for (const { name, text } of files) await writeFile(join(folder, name), text);

/** What is measured: the arguments of Node, and the lines that it prints. */
const commands: readonly (readonly [name: string, args: readonly string[], printed: number])[] = [
  ['Node.js alone', ['--eval', '0'], 0],
  ...files.map(({ name, images }) => {
    const args = [join(thisCheckout, 'dist/main.js'), 'warm', '--list', '-f', join(folder, name)];
    return [name, args, images] as const;
  }),
];

const times = new Map(commands.map(([name]) => [name, [] as number[]]));
for (let turn = 0; turn < options.repeat; turn += 1) {
  for (const [name, args, printed] of commands) {
    const startedAt = performance.now();
    const text = await processes.output(process.execPath, args);
    times.get(name)?.push(performance.now() - startedAt);
    const count = text.split('\n').length - 1;
    if (count !== printed) throw new Error(`${name}: ${count} lines in place of ${printed}`);
  }
}

const machine = thisMachine();
if (options.json !== undefined) {
  await writeFile(
    options.json,
    `${JSON.stringify({ machine, times: Object.fromEntries(times) }, null, 2)}\n`,
  );
}
process.stdout.write(
  `${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}\n\n` +
    `${renderTable(
      ['file', 'images', 'ms', 'from', 'to'],
      commands.map(([name, , printed]) => {
        const taken = times.get(name) ?? [];
        const figures = [median(taken), Math.min(...taken), Math.max(...taken)];
        return [name, String(printed), ...figures.map(formatFigure)];
      }),
    )}\n`,
);
process.exit(0);
