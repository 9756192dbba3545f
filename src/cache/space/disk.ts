import type { Clock } from '../../base/clock.ts';
import type { ContentStore, Room } from '../../store/content-store.ts';
import type { Reservations } from './reservations.ts';

/** How long a measurement is extrapolated from what was written and removed since. */
const measuredMs = 10_000;

/**
 * How much room the disk has. Some file systems free what was removed only seconds later, and a measurement
 * right after a removal would look as if nothing had been freed: between measurements the room is
 * extrapolated.
 */
export class Disk {
  readonly #content: Pick<ContentStore, 'room'>;
  readonly #reservations: Reservations;
  readonly #clock: Clock;
  #room: Room | undefined;
  #measuredAt = -Infinity;
  /** Since the measurement. */
  #change = { writtenBefore: 0, freed: 0, freedFiles: 0 };

  constructor(content: Pick<ContentStore, 'room'>, reservations: Reservations, clock: Clock) {
    this.#content = content;
    this.#reservations = reservations;
    this.#clock = clock;
  }

  /** Undefined before the first measurement. */
  get room(): Room | undefined {
    if (this.#room === undefined) return undefined;
    const { writtenBefore, freed, freedFiles } = this.#change;
    const written = this.#reservations.written - writtenBefore;
    return {
      ...this.#room,
      free: Math.max(0, this.#room.free - written + freed),
      freeFiles: this.#room.freeFiles + freedFiles,
    };
  }

  /** Measures again if the last measurement is too old. Rejects with StoreError. */
  async refresh(): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#measuredAt < measuredMs) return;
    const writtenBefore = this.#reservations.written;
    this.#room = await this.#content.room();
    this.#measuredAt = now;
    this.#change = { writtenBefore, freed: 0, freedFiles: 0 };
  }

  /** The next {@link refresh} measures. */
  doubt(): void {
    this.#measuredAt = -Infinity;
  }

  /** Notes that files were removed. */
  freed(files: number, bytes: number): void {
    this.#change.freed += bytes;
    this.#change.freedFiles += files;
  }
}
