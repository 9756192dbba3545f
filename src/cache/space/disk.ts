import type { Clock } from '../../base/clock.ts';
import type { ContentStore, Room } from '../../store/content-store.ts';
import type { Reservations } from './reservations.ts';

/** How long a measurement is carried on by what was written and removed since. */
const measuredMs = 10_000;

/**
 * How much room the disk has. Some file systems give back what was removed only seconds later, and to ask again at once
 * would look as if nothing had been freed: so between two measurements it counts for itself.
 */
export class Disk {
  readonly #content: Pick<ContentStore, 'room'>;
  readonly #reservations: Reservations;
  readonly #clock: Clock;
  #room: Room | undefined;
  #measuredAt = -Infinity;
  #written = 0;
  #freed = 0;
  #freedFiles = 0;

  constructor(content: Pick<ContentStore, 'room'>, reservations: Reservations, clock: Clock) {
    this.#content = content;
    this.#reservations = reservations;
    this.#clock = clock;
  }

  /** As it was last measured, carried on; undefined before the first time. */
  get room(): Room | undefined {
    if (this.#room === undefined) return undefined;
    const written = this.#reservations.written - this.#written;
    return {
      ...this.#room,
      free: Math.max(0, this.#room.free - written + this.#freed),
      freeFiles: this.#room.freeFiles + this.#freedFiles,
    };
  }

  /** Measures anew if it is time to. Rejects with StoreError. */
  async refresh(): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#measuredAt < measuredMs) return;
    const written = this.#reservations.written;
    this.#room = await this.#content.room();
    this.#measuredAt = now;
    this.#written = written;
    this.#freed = 0;
    this.#freedFiles = 0;
  }

  /** It is not as it is believed to be: it is measured anew when it is next asked for. */
  doubt(): void {
    this.#measuredAt = -Infinity;
  }

  /** Files were removed. */
  freed(files: number, bytes: number): void {
    this.#freed += bytes;
    this.#freedFiles += files;
  }
}
