import { expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { clientOf, readAll, repositoryName, scriptedServer } from './harness.ts';

const GiB = 1024 ** 3;
const size = 40 * GiB;
const model = repositoryName('library/llama3.3');
const digest = digestOf(Buffer.from('40 GiB of weights'));

it.each([2 ** 31 - 2, 2 ** 32 - 2, 2 ** 32 + 3, size - 4])(
  'four bytes of 40 GiB are asked for, and taken, at %d',
  async (start) => {
    const ranges: (string | undefined)[] = [];
    await using server = await scriptedServer((request, response) => {
      ranges.push(request.headers.range);
      response.writeHead(206, {
        'content-range': `bytes ${start}-${start + 3}/${size}`,
        'content-length': 4,
      });
      response.end('mark');
    });
    await using client = clientOf(server.url);

    const blob = await client.registry.openBlob(model, digest, { offset: start, end: start + 4 });

    expect(blob).toMatchObject({ offset: start, size });
    expect(String(await readAll(blob))).toBe('mark');
    expect(ranges).toEqual([`bytes=${start}-${start + 3}`]);
  },
);
