import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { Report } from '../report.ts';
import { renderChart } from './chart.ts';
import { panels } from './panels.ts';

await new Command('npm run bench:chart --')
  .description('Draws the chart of a run from what `npm run bench -- --json FIGURES` has written.')
  .argument('<figures>', 'JSON of the run')
  .argument('<chart>', 'SVG to write')
  .action(async (figures: string, chart: string) => {
    const report = JSON.parse(await readFile(figures, 'utf8')) as Report;
    await writeFile(chart, renderChart(report, panels));
  })
  .parseAsync();
