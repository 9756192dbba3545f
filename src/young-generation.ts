import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// Imported first, while the heap is still small. Blobs pass through in buffers of 64 KiB that are garbage at once, and V8
// lets twice the young generation of them accumulate before it collects: 50 MiB by default. Kept small, it costs no speed here.

/** What a server uses of Node.js. */
const builtins = ['child_process', 'dns', 'fs/promises', 'http', 'http2', 'https', 'tls', 'worker_threads'];

// Before the flag: V8 does not take the code that Node.js carries for its own modules once that is set, and compiles them
// anew, which is 40 ms of a start. (A bundler would leave out an import of which nothing is used.)
const require = createRequire(import.meta.url);
for (const name of builtins) require(`node:${name}`);
setFlagsFromString('--semi-space-growth-factor=1');
