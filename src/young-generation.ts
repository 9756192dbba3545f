import { setFlagsFromString } from 'node:v8';

// Imported first, while the heap is still small. Blobs pass through in buffers of 64 KiB that are garbage at once, and V8
// lets twice the young generation of them accumulate before it collects: 50 MiB by default. A smaller one costs no speed here.
setFlagsFromString('--max-semi-space-size=4');
setFlagsFromString('--semi-space-growth-factor=1');
