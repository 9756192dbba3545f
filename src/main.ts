#!/usr/bin/env node
import './young-generation.ts';
import { runProgram } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

// Not awaited things (a keep-alive timer, a pool) must not keep a process that is done.
process.exit(await runProgram(process.argv.slice(2), processTerminal(process)));
