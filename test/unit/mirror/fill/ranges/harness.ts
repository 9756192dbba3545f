import { pino } from 'pino';
import { Blocks } from '../../../../../src/mirror/fill/blocks.ts';
import { ByteBudget } from '../../../../../src/mirror/fill/ranges/budget.ts';
import { Hosts } from '../../../../../src/mirror/fill/ranges/hosts.ts';
import type { RangePolicy } from '../../../../../src/mirror/fill/ranges/policy.ts';
import { Ranges } from '../../../../../src/mirror/fill/ranges/ranges.ts';
import { UpstreamError } from '../../../../../src/upstream/registry.ts';
import { TestClock } from '../../../../support/test-clock.ts';
import { SimulatedHost, type SimulatedHostOptions } from './simulated-host.ts';

export const mebibyte = 2 ** 20;

const pattern = Buffer.from(Array.from({ length: 65_521 }, (_, index) => (index * 131) % 251));

/** Bytes of which no two megabytes are alike. */
export function blobOf(mebibytes: number): Buffer {
  return Buffer.alloc(mebibytes * mebibyte, pattern);
}

/** How a read of a blob ended. */
export interface Read {
  readonly bytes: Buffer;
  readonly ms: number;
  /** When the first byte came. */
  readonly firstMs: number;
  readonly error: unknown;
}

/** Ranges on a clock of their own. */
export class RangesFixture {
  readonly clock = new TestClock(0);
  readonly budget: ByteBudget;
  readonly ranges: Ranges;

  constructor(policy: Partial<RangePolicy> = {}, budget = 32 * mebibyte) {
    const { clock } = this;
    this.budget = new ByteBudget(budget);
    this.ranges = new Ranges(
      { connections: 8, minBytes: 16 * mebibyte, ...policy },
      {
        hosts: new Hosts(clock),
        budget: this.budget,
        blocks: new Blocks(),
        clock,
        logger: pino({ level: 'silent' }),
      },
    );
  }

  host(options: Omit<SimulatedHostOptions, 'clock'>): SimulatedHost {
    return new SimulatedHost({ clock: this.clock, ...options });
  }

  /** Reads to the end, or until `enough` bytes have come. */
  async read(
    host: SimulatedHost,
    size: number | undefined,
    { offset = 0, enough = Infinity, signal = new AbortController().signal } = {},
  ): Promise<Read> {
    const startedAt = this.clock.monotonic();
    const chunks: Buffer[] = [];
    let received = 0;
    let firstMs = 0;
    let error: unknown;
    const reading = async (): Promise<void> => {
      try {
        const stream = await this.ranges.opener(host.open)({ offset, signal }, size);
        for await (const chunk of stream.body) {
          if (received === 0) firstMs = this.clock.monotonic() - startedAt;
          // A chunk is good until the next is asked for.
          chunks.push(Buffer.from(chunk));
          received += chunk.length;
          if (received >= enough) break;
        }
      } catch (failure) {
        if (!(failure instanceof UpstreamError)) throw failure;
        error = failure;
      }
    };
    const progress: { endedAt: number | undefined } = { endedAt: undefined };
    const done = reading().finally(() => {
      progress.endedAt = this.clock.monotonic();
    });
    while (progress.endedAt === undefined) await this.clock.advance(50);
    await done;
    return { bytes: Buffer.concat(chunks), ms: progress.endedAt - startedAt, firstMs, error };
  }
}
