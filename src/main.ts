#!/usr/bin/env node
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { exitCode } from './cli/exit-code.ts';
import { describeOldNode } from './cli/node-version.ts';
import { processTerminal } from './cli/terminal.ts';

const terminal = processTerminal(process);
const tooOld = describeOldNode(process.versions.node);
if (tooOld !== undefined) {
  terminal.err(`entrepot: ${tooOld}\n`);
  process.exit(exitCode.usage);
}
// Compiled code, and TypeScript stripped of its types, is cached beside the program, if that is writable: who
// can write there can change the program itself.
nodeModule.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/entrepot', import.meta.url)));
// Not before: an old Node.js fails to load the rest.
const { runProgram } = await import('./cli/program.ts');
// Pending timers and pools must not keep the process alive.
process.exit(await runProgram(process.argv.slice(2), terminal));
