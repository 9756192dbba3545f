#!/usr/bin/env node
import './young-generation.ts';
import { runProgram } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

// Timers and pools that nobody awaits must not keep the process alive.
process.exit(await runProgram(process.argv.slice(2), processTerminal(process)));
