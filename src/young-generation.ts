import { setFlagsFromString } from 'node:v8';

// Imported first, before anything has grown. What passes through is garbage at once, 64 KiB at a time, and V8 lets twice
// the young generation of such buffers pile up before it collects: by default that alone takes 50 MiB. Smaller costs no speed here.
setFlagsFromString('--max-semi-space-size=4');
setFlagsFromString('--semi-space-growth-factor=1');
