import type { Parallelism } from './parallelism.ts';

const mebibyte = 2 ** 20;

/** The first range of a blob, in bytes: enough to see what one connection gives. */
export const firstBytes = mebibyte;
/** Ranges that wait for their turn in memory, in bytes. */
const waiting = { least: mebibyte, most: 4 * mebibyte };
/** Ranges that come one after the other, in bytes. */
const successive = { least: mebibyte, most: 64 * mebibyte };
/** Towards the end of the blob ranges shrink to this, in bytes, so that all connections end together. */
const leastAtEnd = 512 * 1024;
/** How long a range should take that comes beside others: many times what it costs to ask for it. */
const waitingMs = { least: 100, latencies: 8 };
/** How long a range should take that comes alone: while measuring, once settled, while the host is full. */
const aloneMs = { measuring: 250, settled: 1_000, held: 1_000 };
/** Before the end of one range the next is asked for, in milliseconds and round trips. */
const lead = { ms: 20, latencies: 2 };

export interface SegmentPlace {
  /** Bytes of the blob that have not been asked for. */
  readonly left: number;
  /** Bytes of the blob that have come so far. */
  readonly received: number;
  /** Whether it comes alone although it should not. */
  readonly isHeld: boolean;
}

/** The bytes of the next range. */
export function segmentBytes(parallelism: Parallelism, { left, received, isHeld }: SegmentPlace): number {
  const { connections, settled, suffices, latencyMs, rate } = parallelism;
  if (suffices) return left;
  let bytes: number;
  if (connections === 1) {
    bytes = clamp(
      rate === undefined ? 4 * received : rate * (settled ? aloneMs.settled : aloneMs.measuring),
      successive,
    );
  } else if (isHeld) {
    bytes = clamp((rate ?? 0) * aloneMs.held, { least: waiting.most, most: successive.most });
  } else {
    const ms = Math.max(waitingMs.least, waitingMs.latencies * latencyMs);
    const atEnd = Math.max(leastAtEnd, Math.ceil(left / connections));
    bytes = Math.min(clamp((rate ?? 0) * ms, waiting), atEnd);
  }
  return Math.min(Math.ceil(bytes), left);
}

/** Whether a range of so many bytes may wait in memory. */
export function mayWait(bytes: number): boolean {
  return bytes <= waiting.most;
}

/** How many bytes before the end of a range that comes alone the next is asked for, so as never to idle. */
export function leadBytes({ rate, latencyMs }: Parallelism, received: number, elapsedMs: number): number {
  return (rate ?? received / Math.max(1, elapsedMs)) * (lead.ms + lead.latencies * latencyMs);
}

function clamp(bytes: number, { least, most }: { readonly least: number; readonly most: number }): number {
  return Math.min(Math.max(bytes, least), most);
}
