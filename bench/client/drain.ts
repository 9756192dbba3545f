import { setMaxListeners } from 'node:events';
import { Stream, type StreamOptions } from './stream.ts';

/** How long all of a load may take, in milliseconds, beyond the time that it is asked to last. */
const patience = 300_000;

/** What came of a load. */
export interface Drained {
  /** Bytes of bodies. */
  readonly bytes: number;
  readonly seconds: number;
  /** Each of them ended. */
  readonly streams: readonly Stream[];
}

export interface DrainOptions {
  /** Connections, which start together. */
  readonly streams?: number;
  /** As {@link StreamOptions} has it. */
  readonly ca?: string | undefined;
}

/** Ends what takes `seconds`; any number of streams may listen. */
export function timeLimit(seconds: number): AbortSignal {
  const signal = AbortSignal.timeout(seconds * 1000);
  setMaxListeners(0, signal);
  return signal;
}

async function all(streams: readonly Stream[], startedAt: number): Promise<Drained> {
  try {
    await Promise.all(streams.map(({ ended }) => ended));
  } finally {
    for (const stream of streams) stream.finish();
  }
  const bytes = streams.reduce((sum, stream) => sum + stream.bytes, 0);
  return { bytes, seconds: (performance.now() - startedAt) / 1000, streams };
}

/** Downloads `url` once over each connection; lasts until the last one has it. */
export async function drainOnce(url: URL, { streams = 1, ca }: DrainOptions = {}): Promise<Drained> {
  const startedAt = performance.now();
  const options: StreamOptions = { ca, signal: timeLimit(patience / 1000) };
  return all(
    Array.from({ length: streams }, () => new Stream(url, options)),
    startedAt,
  );
}

/** Downloads `url` over each connection, again and again for `seconds`. */
export async function drainFor(
  url: URL,
  seconds: number,
  { streams = 1, ca }: DrainOptions = {},
): Promise<Drained> {
  return drainEachFor(
    Array.from({ length: streams }, () => ({ url, ca })),
    seconds,
  );
}

/** What one stream of a load is to do. */
export interface StreamTask extends Pick<StreamOptions, 'ca' | 'rate'> {
  readonly url: URL;
}

/** Does all `tasks` beside each other, each again and again for `seconds`. The streams are in their order. */
export async function drainEachFor(tasks: readonly StreamTask[], seconds: number): Promise<Drained> {
  const startedAt = performance.now();
  const signal = timeLimit(seconds + patience / 1000);
  const streams = tasks.map(({ url, ...task }) => new Stream(url, { ...task, next: () => url, signal }));
  const end = setTimeout(() => {
    for (const stream of streams) stream.finish();
  }, seconds * 1000);
  try {
    return await all(streams, startedAt);
  } finally {
    clearTimeout(end);
  }
}
