import type { Eviction } from '../../store/evictions.ts';

/** Adds up what the steps of an eviction take. */
export class EvictionTotals {
  images = 0;
  blobs = 0;
  bytes = 0;

  add({ images, blobs, bytes }: Eviction): void {
    this.images += images.length;
    this.blobs += blobs.length;
    this.bytes += bytes;
  }

  /** For the log. */
  get counts(): { readonly images: number; readonly blobs: number; readonly bytes: number } {
    return { images: this.images, blobs: this.blobs, bytes: this.bytes };
  }
}
