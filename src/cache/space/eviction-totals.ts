import type { Eviction } from '../../store/evictions.ts';

/** Sums of the steps of an eviction. */
export class EvictionTotals {
  images = 0;
  blobs = 0;
  bytes = 0;

  add({ images, blobs, bytes }: Eviction): void {
    this.images += images.length;
    this.blobs += blobs.length;
    this.bytes += bytes;
  }

  get counts(): { readonly images: number; readonly blobs: number; readonly bytes: number } {
    return { images: this.images, blobs: this.blobs, bytes: this.bytes };
  }
}
