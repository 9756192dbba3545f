import type { Clock } from '../../../base/clock.ts';
import type { ImportEvent, ImportReport } from '../schemas.ts';

/** Milliseconds between two events of progress. */
const progressMs = 250;

/** What an import has done so far, and what of it is still to be reported. */
export class ImportJournal {
  readonly #clock: Clock;
  readonly #progress = { repositories: 0, tags: 0, manifests: 0, blobs: 0, bytes: 0 };
  readonly #others = { linked: 0, held: 0, skipped: 0 };
  #pending: ImportEvent[] = [];
  #progressAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#progressAt = clock.monotonic();
  }

  get report(): ImportReport {
    return { ...this.#progress, ...this.#others };
  }

  count(key: 'repositories' | 'tags' | 'manifests' | 'held'): void {
    if (key === 'held') this.#others.held += 1;
    else this.#progress[key] += 1;
  }

  /** A blob was imported. */
  took(bytes: number, linked: boolean): void {
    this.#progress.blobs += 1;
    this.#progress.bytes += bytes;
    if (linked) this.#others.linked += 1;
  }

  /** @param reason a sentence that begins with `what` */
  readonly skip = (what: string, reason: string): void => {
    this.#others.skipped += 1;
    this.#pending.push({ type: 'skipped', what, reason });
  };

  /** What was skipped since the last call, and progress every {@link progressMs}. */
  *events(): Generator<ImportEvent> {
    const pending = this.#pending;
    this.#pending = [];
    yield* pending;
    const now = this.#clock.monotonic();
    if (now - this.#progressAt < progressMs) return;
    this.#progressAt = now;
    yield { type: 'progress', progress: { ...this.#progress } };
  }
}
