import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeHub } from '../support/fake-hub.ts';
import type { FaultSpec } from '../support/faults.ts';

const kinds: readonly ((random: () => number) => FaultSpec)[] = [
  (random) => ({ on: 'blob', kind: 'cut', afterBytes: Math.floor(random() * 200_000) }),
  (random) => ({ on: 'blob', kind: 'corrupt', atByte: Math.floor(random() * 100_000) }),
  () => ({ on: 'any', kind: 'reset' }),
  () => ({ on: 'manifest', kind: 'status', status: 429, headers: { 'retry-after': '1' } }),
  () => ({ on: 'any', kind: 'status', status: 500 }),
  () => ({ on: 'blob', kind: 'status', status: 503 }),
  () => ({ on: 'manifest', kind: 'wrong-manifest' }),
  () => ({ on: 'blob', kind: 'ignore-range' }),
  () => ({ on: 'blob', kind: 'expired-token' }),
  () => ({ on: 'blob', kind: 'expired-url' }),
  () => ({ on: 'blob', kind: 'no-content-length' }),
  () => ({ on: 'any', kind: 'delay', ms: 700 }),
  () => ({ on: 'blob', kind: 'slow', bytesPerSecond: 200_000 }),
  () => ({ on: 'blob', kind: 'hang-body', afterBytes: 20_000 }),
];

/**
 * Troubles upstream until the signal: a fault or two each second, and now and then nothing answers at all.
 */
export async function trouble(hub: FakeHub, random: () => number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(1000 * random(), undefined, { signal }).catch(() => undefined);
    if (random() < 0.04) {
      hub.down();
      await sleep(1000, undefined, { signal }).catch(() => undefined);
      await hub.up();
    } else {
      const kind = kinds[Math.floor(random() * kinds.length)];
      if (kind !== undefined) hub.fault({ ...kind(random), times: 1 + Math.floor(random() * 3) });
    }
  }
  hub.clearFaults();
}
