import type { Digest } from '../../oci/digest.ts';
import type { Repository, Tag } from '../../oci/reference.ts';
import type { Retention } from '../../store/evictions.ts';
import type { InUse } from '../in-use.ts';
import type { Pins } from './pins.ts';

/** Says what must stay, and records why something did. */
export class RecordingRetention implements Retention {
  readonly #pins: Pins;
  readonly #inUse: InUse;
  /** Whether something stayed because it is in use: that passes. */
  metUse = false;
  /** Whether something stayed because it is pinned: that lasts. */
  metPin = false;

  constructor(pins: Pins, inUse: InUse) {
    this.#pins = pins;
    this.#inUse = inUse;
  }

  isPinned(repository: Repository, tags: readonly Tag[], digest: Digest): boolean {
    const pinned = this.#pins.patternOf(repository, tags, digest) !== undefined;
    this.metPin ||= pinned;
    return pinned;
  }

  isInUse(blob: Digest): boolean {
    const used = this.#inUse.has(blob);
    this.metUse ||= used;
    return used;
  }
}
