import type { ImageSource } from './image-source.ts';
import type { AbsentImage, ImageContents, ImagesItem, ImagesRequest } from './schemas.ts';

/** Images of a source, whose content is kept from eviction until this is disposed of. */
export class HeldImages implements AsyncDisposable {
  readonly images: readonly (AbsentImage | ImageContents)[];
  readonly #reading: AsyncIterator<ImagesItem>;

  private constructor(images: HeldImages['images'], reading: AsyncIterator<ImagesItem>) {
    this.images = images;
    this.#reading = reading;
  }

  /** Rejects as {@link ImageSource.images} does. */
  static async open(source: Pick<ImageSource, 'images'>, request: ImagesRequest): Promise<HeldImages> {
    const images: (AbsentImage | ImageContents)[] = [];
    const reading = source.images(request)[Symbol.asyncIterator]();
    for (;;) {
      const next = await reading.next();
      if (next.done === true || next.value === null) return new HeldImages(images, reading);
      images.push(next.value);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reading.return?.(undefined);
  }
}
