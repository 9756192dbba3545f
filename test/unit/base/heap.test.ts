import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/**
 * What a server's start does, as far as memory goes; prints the MiB that are set aside for new objects before
 * and after.
 */
const script = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { keepHeapSmall } from ${JSON.stringify(new URL('../../../src/base/heap.ts', import.meta.url).href)};
  const room = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 2 ** 20;
  const kept = [];
  for (let index = 0; index < 300_000; index += 1) kept.push({ index, text: 'text ' + index });
  const before = room();
  keepHeapSmall();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  console.log(JSON.stringify({ before, after: room(), kept: kept.length }));
`;

test('the room that a start has taken for new objects is given back soon after', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '--eval',
    script,
  ]);
  const { before, after, kept } = JSON.parse(stdout) as { before: number; after: number; kept: number };
  expect(kept).toBe(300_000);
  expect(before).toBeGreaterThan(4);
  expect(after).toBeLessThan(3);
});
