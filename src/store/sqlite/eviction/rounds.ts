import type { Eviction, EvictionRequest, Scope } from '../../evictions.ts';
import { TimeSlice } from '../time-slice.ts';
import { EvictionRecord } from './eviction-record.ts';
import type { Removal } from './removal.ts';
import { StoredQueue, type StoredQueueParts } from './stored-queue.ts';
import { Walk, type WalkParts } from './walk.ts';

export interface RoundsParts extends StoredQueueParts, WalkParts {
  readonly removal: Removal;
}

/** How far along the queue requests of one kind are. */
interface Round {
  readonly queue: StoredQueue;
  /** Where this time round ends: all of it was looked at when nothing has gone before that. */
  until: number | undefined;
}

/** Evicts in slices, each of which goes on where the last one for the same scope ended. */
export class Rounds {
  readonly #parts: RoundsParts;
  readonly #rounds = new Map<string, Round>();

  constructor(parts: RoundsParts) {
    this.#parts = parts;
  }

  /** A slice; to be run inside a transaction, and to be followed by {@link restart} should that fail. */
  evict(request: EvictionRequest): Eviction {
    const { positions, removal, clock } = this.#parts;
    const { scope, before, bytes = Infinity, keeper } = request;
    const key = keyOf(scope, before !== undefined);
    const round = this.#rounds.get(key) ?? { queue: new StoredQueue(this.#parts, scope), until: undefined };
    this.#rounds.set(key, round);
    const until = (round.until ??= positions.highest);
    const walk = new Walk(this.#parts, round.queue, request, until);
    const record = new EvictionRecord();
    const slice = new TimeSlice(clock);
    while (record.bytes < bytes && !record.done) {
      const step = walk.step();
      if (step.kind === 'done') record.done = true;
      else if (step.kind === 'image') removal.image(step, { scope, account: scope, keeper }, record);
      else if (step.kind === 'blob') removal.blob(step.digest, record);
      if (slice.isOver) break;
    }
    if (record.done || record.manifests.length + record.blobs.length > 0) round.until = undefined;
    // What it went past, with times that lie in the future, may be in the past by the next time.
    if (record.done && before !== undefined) this.#rounds.delete(key);
    positions.save();
    return record;
  }

  /** Begins at the head of the queue again. */
  restart(): void {
    this.#rounds.clear();
  }
}

function keyOf(scope: Scope | undefined, hasTime: boolean): string {
  return `${scope?.upstream ?? ''}/${scope?.name ?? ''} ${hasTime}`;
}
