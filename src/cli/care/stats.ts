import { byteSizeText } from '../../base/byte-size.ts';
import type { Stats } from '../../cache/care/schemas.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { care, jsonLine, type CareContext, type JsonOptions } from './care.ts';
import { Table } from './table.ts';
import { timeAgo, pluralize, durationText } from './format.ts';

/** The cache in numbers. */
export function stats(options: JsonOptions, context: CareContext): Promise<ExitCode> {
  const { terminal, clock } = context;
  return care(options, context, exitCode.success, async (caretaker) => {
    const numbers = await caretaker.stats();
    if (options.json === true) terminal.out(jsonLine(numbers));
    else {
      const table = new Table([{ title: '' }, { title: '' }], (text) => terminal.out(text));
      for (const [name, value] of linesOf(numbers, clock.now())) table.add(name, value);
      table.end();
    }
    return exitCode.success;
  });
}

function linesOf(numbers: Stats, now: number): readonly (readonly [string, string])[] {
  const { store, disk, limits, cache, scrub, server } = numbers;
  const limit = (bytes: number | null): string => (bytes === null ? 'none' : byteSizeText(bytes));
  const heap = ({ blobs, bytes }: { blobs: number; bytes: number }): string =>
    blobs === 0 ? 'none' : `${pluralize(blobs, 'blob')}, ${byteSizeText(bytes)}`;
  return [
    ['cached', `${byteSizeText(store.bytes)} in ${pluralize(store.blobs, 'blob')}`],
    [
      '',
      `${pluralize(store.repositories, 'repository', 'repositories')}, ${pluralize(store.tags, 'tag')}, ${pluralize(store.manifests, 'manifest')}`,
    ],
    ['database', byteSizeText(store.databaseBytes)],
    ['arriving', heap(store.partial)],
    ['quarantine', heap(store.quarantine)],
    ...(disk === null
      ? []
      : [
          [
            'disk',
            `${byteSizeText(disk.free)} of ${byteSizeText(disk.size)} free, ${disk.freeFiles} of ${disk.files} files`,
          ] as const,
        ]),
    ['limits', `maxsize ${limit(limits.maxsize)}, minfree ${limit(limits.minfree)}`],
    ...limits.quotas.map(({ match, bytes }) => ['quota', `${match}: ${byteSizeText(bytes)}`] as const),
    ['state', cache.state === 'healthy' ? 'healthy' : 'pulls pass through without being kept'],
    ...cache.problems.map((problem) => ['', problem] as const),
    [
      'scrubbing',
      scrub.periodMs === null
        ? 'off'
        : `everything within ${durationText(scrub.periodMs)}` +
          (scrub.oldestVerifiedAt === null
            ? ''
            : `; what waits longest was verified ${timeAgo(scrub.oldestVerifiedAt, now)}`),
    ],
    ...(server === null
      ? ([['server', 'not running']] as const)
      : ([
          ['server', `running for ${durationText(server.uptimeMs)}, and since its start:`],
          [
            '',
            `fetched ${byteSizeText(server.ahead.bytes)} ahead of clients, ${byteSizeText(server.ahead.unaskedBytes)} of it not asked for since`,
          ],
          ['', `evicted ${pluralize(server.evicted.images, 'image')}, ${byteSizeText(server.evicted.bytes)}`],
          [
            '',
            `hashed ${pluralize(server.scrubbed.blobs, 'blob')}, ${byteSizeText(server.scrubbed.bytes)}; ${pluralize(server.damaged, 'blob')} damaged`,
          ],
        ] as const)),
  ];
}
