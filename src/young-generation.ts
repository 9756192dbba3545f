// What a server uses of Node.js, before the flag below: V8 does not take the code that Node.js carries for its own modules
// once that is set, and compiles them anew, which is 40 ms of a start.
import 'node:child_process';
import 'node:dns';
import 'node:fs/promises';
import 'node:http';
import 'node:http2';
import 'node:https';
import 'node:timers/promises';
import 'node:tls';
import 'node:worker_threads';
import { setFlagsFromString } from 'node:v8';

// Imported first, while the heap is still small. Blobs pass through in buffers of 64 KiB that are garbage at once, and V8
// lets twice the young generation of them accumulate before it collects: 50 MiB by default. Kept small, it costs no speed here.
setFlagsFromString('--semi-space-growth-factor=1');
