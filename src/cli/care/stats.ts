import { byteRateText } from '../../base/byte-rate.ts';
import { byteSizeText } from '../../base/byte-size.ts';
import type { Stats } from '../../cache/care/schemas.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, jsonLine, type JsonOptions } from '../with-services.ts';
import { Table } from './table.ts';
import { timeAgo, pluralize, durationText } from './format.ts';

/** The cache in numbers. */
export function stats(options: JsonOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, clock } = context;
  return withServices(options, context, exitCode.success, async ({ caretaker }) => {
    const numbers = await caretaker.stats();
    if (options.json === true) terminal.out(jsonLine(numbers));
    else {
      const table = new Table<Line>(terminal, false, [
        { title: '', cell: ([name]) => name },
        { title: '', cell: ([, value]) => value },
      ]);
      for (const line of linesOf(numbers, clock.now())) table.add(line);
      table.end();
    }
    return exitCode.success;
  });
}

type Line = readonly [name: string, value: string];

function linesOf({ store, disk, limits, cache, scrub, server }: Stats, now: number): readonly Line[] {
  const limit = (bytes: number | null): string => (bytes === null ? 'none' : byteSizeText(bytes));
  const total = ({ blobs, bytes }: Stats['store']['partial']): string =>
    blobs === 0 ? 'none' : `${pluralize(blobs, 'blob')}, ${byteSizeText(bytes)}`;
  const lines: Line[] = [
    ['cached', `${byteSizeText(store.bytes)} in ${pluralize(store.blobs, 'blob')}`],
    [
      '',
      `${pluralize(store.repositories, 'repository', 'repositories')}, ${pluralize(store.tags, 'tag')}, ${pluralize(store.manifests, 'manifest')}`,
    ],
    ['database', byteSizeText(store.databaseBytes)],
    ['arriving', total(store.partial)],
    ['quarantine', total(store.quarantine)],
  ];
  if (disk !== null) {
    const { free, size, freeFiles, files } = disk;
    const room = `${byteSizeText(free)} of ${byteSizeText(size)} free, ${freeFiles} of ${files} files`;
    lines.push(['disk', room]);
  }
  lines.push(['limits', `maxsize ${limit(limits.maxsize)}, minfree ${limit(limits.minfree)}`]);
  for (const { match, bytes } of limits.quotas) lines.push(['quota', `${match}: ${byteSizeText(bytes)}`]);
  lines.push(['state', cache.state === 'healthy' ? 'healthy' : 'pulls pass through without being kept']);
  for (const problem of cache.problems) lines.push(['', problem]);
  return [...lines, ['scrubbing', scrubText(scrub, now)], ...serverLines(server, now)];
}

function scrubText({ periodMs, oldestVerifiedAt }: Stats['scrub'], now: number): string {
  if (periodMs === null) return 'off';
  const everything = `everything within ${durationText(periodMs)}`;
  if (oldestVerifiedAt === null) return everything;
  return `${everything}; least recent verification ${timeAgo(oldestVerifiedAt, now)}`;
}

function serverLines(server: Stats['server'], now: number): readonly Line[] {
  if (server === null) return [['server', 'not running']];
  const { offline, maxRate, nextWarmAt, uptimeMs, ahead, evicted, scrubbed, damaged } = server;
  const unasked = byteSizeText(ahead.unaskedBytes);
  const hashed = `hashed ${pluralize(scrubbed.blobs, 'blob')}, ${byteSizeText(scrubbed.bytes)}`;
  return [
    ...(offline ? [['upstreams', 'offline: none is asked'] as const] : []),
    ...(maxRate === null ? [] : [['bandwidth', `${byteRateText(maxRate)} at most`] as const]),
    ...(nextWarmAt === null
      ? []
      : [['warming', `next in ${durationText(Math.max(0, nextWarmAt - now))}`] as const]),
    ['server', `running for ${durationText(uptimeMs)}, and since its start:`],
    ['', `fetched ${byteSizeText(ahead.bytes)} ahead of clients, ${unasked} of it not asked for since`],
    ['', `evicted ${pluralize(evicted.images, 'image')}, ${byteSizeText(evicted.bytes)}`],
    ['', `${hashed}; ${pluralize(damaged, 'blob')} damaged`],
  ];
}
