import type { WarmEvent, WarmOptions } from '../../src/mirror/warm/schemas.ts';
import type { Warmer } from '../../src/mirror/warm/warmer.ts';

/** A warmer whose events a test sets. */
export class FakeWarmer implements Warmer {
  /** What it was asked for. */
  readonly calls: WarmOptions[] = [];
  events: AsyncIterable<WarmEvent> | readonly WarmEvent[] = [];

  async *warm(options: WarmOptions): AsyncGenerator<WarmEvent> {
    this.calls.push(options);
    yield* this.events;
  }
}
