import type { Clock } from '../../../base/clock.ts';
import type { ImportCounts, ImportEvent, ImportReport } from '../schemas.ts';

/** Milliseconds between two events of progress. */
const progressMs = 250;

/** What an import has done so far, and what is still to be told of it. */
export class ImportJournal {
  readonly #clock: Clock;
  readonly #counts: { -readonly [Key in keyof ImportReport]: number } = {
    repositories: 0,
    tags: 0,
    manifests: 0,
    blobs: 0,
    bytes: 0,
    linked: 0,
    held: 0,
    skipped: 0,
  };
  #untold: ImportEvent[] = [];
  #toldAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#toldAt = clock.monotonic();
  }

  get report(): ImportReport {
    return { ...this.#counts };
  }

  count(key: 'repositories' | 'tags' | 'manifests' | 'held'): void {
    this.#counts[key] += 1;
  }

  /** A blob was taken over. */
  took(bytes: number, linked: boolean): void {
    this.#counts.blobs += 1;
    this.#counts.bytes += bytes;
    if (linked) this.#counts.linked += 1;
  }

  /** @param reason a sentence that begins with `what` */
  readonly skip = (what: string, reason: string): void => {
    this.#counts.skipped += 1;
    this.#untold.push({ type: 'skipped', what, reason });
  };

  /** What has happened since the last call, and how far it has got if it is time to say so. */
  *events(): Generator<ImportEvent> {
    const untold = this.#untold;
    this.#untold = [];
    yield* untold;
    const now = this.#clock.monotonic();
    if (now - this.#toldAt < progressMs) return;
    this.#toldAt = now;
    const { repositories, tags, manifests, blobs, bytes }: ImportCounts = this.#counts;
    yield { type: 'progress', progress: { repositories, tags, manifests, blobs, bytes } };
  }
}
