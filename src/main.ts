#!/usr/bin/env node
import './young-generation.ts';
import { exitCode } from './cli/exit-code.ts';
import { describeOldNode } from './cli/node-version.ts';
import { processTerminal } from './cli/terminal.ts';

const terminal = processTerminal(process);
const tooOld = describeOldNode(process.versions.node);
if (tooOld !== undefined) {
  terminal.err(`entrepot: ${tooOld}\n`);
  process.exit(exitCode.usage);
}
// Not before: an old Node.js fails at what the rest imports.
const { runProgram } = await import('./cli/program.ts');
// Timers and pools that nobody awaits must not keep the process alive.
process.exit(await runProgram(process.argv.slice(2), terminal));
