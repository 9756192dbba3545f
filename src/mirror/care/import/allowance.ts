import { byteSizeText } from '../../../byte-size.ts';
import type { ContentStore } from '../../../store/content-store.ts';
import type { Evictions } from '../../../store/evictions.ts';
import { bytesOf, type SizeLimit } from '../../space/limits.ts';

export interface AllowanceOptions {
  readonly content: Pick<ContentStore, 'room'>;
  readonly evictions: Pick<Evictions, 'usage'>;
  readonly maxsize: SizeLimit | undefined;
  readonly minfree: SizeLimit;
}

/** Whether there is room for more without evicting anything: what came first would go for what comes next. */
export class Allowance {
  readonly #options: AllowanceOptions;

  constructor(options: AllowanceOptions) {
    this.#options = options;
  }

  /**
   * Why a blob has no place, or undefined.
   * @param size in bytes
   * @param onDisk what it adds on the disk: nothing for a link
   */
  async refusal(size: number, onDisk: number): Promise<string | undefined> {
    const { content, evictions, maxsize, minfree } = this.#options;
    const room = await content.room();
    if (maxsize !== undefined) {
      const most = bytesOf(maxsize, room.size);
      const { bytes } = await evictions.usage();
      if (bytes + size > most) {
        return `storage.maxsize is ${byteSizeText(most)}, and ${byteSizeText(bytes)} are taken`;
      }
    }
    const least = bytesOf(minfree, room.size);
    if (room.free - onDisk < least) {
      return `storage.minfree is ${byteSizeText(least)}, and ${byteSizeText(room.free)} are free`;
    }
    return undefined;
  }
}
