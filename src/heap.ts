import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// Imported first, while the heap is still small. V8 trades memory for fewer collections, which brings nothing here: what a
// server makes is either garbage at once or stays. Of the former it lets 50 MiB accumulate (the first flag), and of what a few
// hundred clients that wait leave behind several times what is in use (the second), before it looks.

/** What a server uses of Node.js. */
const builtins = ['child_process', 'dns', 'fs/promises', 'http', 'http2', 'https', 'tls', 'worker_threads'];

// Before the flags: V8 does not take the code that Node.js carries for its own modules once they are set, and compiles them
// anew, which is 40 ms of a start. (A bundler would leave out an import of which nothing is used.)
const require = createRequire(import.meta.url);
for (const name of builtins) require(`node:${name}`);
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--optimize-for-size');
