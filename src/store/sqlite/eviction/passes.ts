import type { Eviction, EvictionRequest, Scope } from '../../evictions.ts';
import { TimeSlice } from '../time-slice.ts';
import type { EvictionDeps } from './deps.ts';
import { EvictionRecord, type Removal } from './removal.ts';
import { StoredQueue } from './stored-queue.ts';
import { Walk } from './walk.ts';

/** One pass along the queue, for requests of the same scope. */
interface Pass {
  readonly queue: StoredQueue;
  /** Where this pass ends: nothing more can go once it is reached with nothing gone. */
  until: number | undefined;
}

/** Evicts in slices, each of which goes on where the last one for the same scope ended. */
export class Passes {
  readonly #deps: EvictionDeps;
  readonly #removal: Removal;
  readonly #passes = new Map<string, Pass>();

  constructor(deps: EvictionDeps, removal: Removal) {
    this.#deps = deps;
    this.#removal = removal;
  }

  /** A slice; to be run inside a transaction, and to be followed by {@link restart} should that fail. */
  evict(request: EvictionRequest): Eviction {
    const { positions, clock } = this.#deps;
    const { scope, before, bytes = Infinity, retention } = request;
    const key = keyOf(scope, before !== undefined);
    const pass = this.#passes.get(key) ?? { queue: new StoredQueue(this.#deps, scope), until: undefined };
    this.#passes.set(key, pass);
    const until = (pass.until ??= positions.highest);
    const walk = new Walk(this.#deps, pass.queue, request, until);
    const record = new EvictionRecord();
    const slice = new TimeSlice(clock);
    while (record.bytes < bytes && !record.done) {
      const step = walk.step();
      if (step.kind === 'done') record.done = true;
      else if (step.kind === 'image') this.#removal.image(step, { scope, account: scope, retention }, record);
      else if (step.kind === 'blob') this.#removal.blob(step.digest, record);
      if (slice.isOver) break;
    }
    if (record.done || record.manifests.length + record.blobs.length > 0) pass.until = undefined;
    // What it went past, with times that lie in the future, may be in the past by the next time.
    if (record.done && before !== undefined) this.#passes.delete(key);
    positions.save();
    return record;
  }

  /** Begins at the head of the queue again. */
  restart(): void {
    this.#passes.clear();
  }
}

function keyOf(scope: Scope | undefined, hasTime: boolean): string {
  return `${scope?.upstream ?? ''}/${scope?.name ?? ''} ${hasTime}`;
}
