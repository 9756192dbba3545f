import { expect, test } from 'vitest';
import { parsePeakMemory, parseStat, ProcessTree } from '../../../bench/process-tree.ts';

test('CPU time is user and system time, with those of children that were waited for', () => {
  const line =
    '4242 (nginx: (x) y) S 17 4242 4242 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 1 0 12345 1000 200 18446744073709551615';
  expect(parseStat(line)).toEqual({ parent: 17, cpuSeconds: 1.24 });
});

test('peak memory is in bytes, and nothing for a kernel thread', () => {
  expect(parsePeakMemory('Name:\tx\nVmPeak:\t  99 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n')).toBe(
    2048 * 1024,
  );
  expect(parsePeakMemory('Name:\tkthreadd\n')).toBe(0);
});

test('a tree is a process and its descendants', async () => {
  const own = await new ProcessTree(process.pid).peakMemory();
  expect(own).toBeGreaterThan(10 * 2 ** 20);
  expect(await new ProcessTree(process.ppid).peakMemory()).toBeGreaterThan(own);
});
