import { HeldImages } from '../../cache/transfer/held-images.ts';
import type { ImageSource } from '../../cache/transfer/image-source.ts';
import type { AbsentImage, ImageContents } from '../../cache/transfer/schemas.ts';
import { imageReferenceText } from '../../oci/image-reference.ts';
import { platformText, type Platforms } from '../../oci/platform.ts';
import type { SelectedImage } from '../select-images.ts';
import type { WantedImage } from './export-plan.ts';

export interface WantedOptions {
  /** Whether several platforms of an image, if they are not all, are wanted one by one. */
  readonly apart: boolean;
  readonly referrers: boolean;
}

/** The images that a command is to read, kept from eviction until this is disposed of. */
export class WantedImages implements AsyncDisposable {
  readonly images: readonly WantedImage[];
  readonly #held: AsyncDisposableStack;

  private constructor(images: readonly WantedImage[], held: AsyncDisposableStack) {
    this.images = images;
    this.#held = held;
  }

  /** Rejects as {@link ImageSource.images} does. */
  static async open(
    source: Pick<ImageSource, 'images'>,
    selected: readonly SelectedImage[],
    { apart, referrers }: WantedOptions,
  ): Promise<WantedImages> {
    await using closing = new AsyncDisposableStack();
    const read = async (requests: readonly Requested[]): Promise<readonly WantedImage[]> => {
      const images = requests.map(({ image, platforms }) => ({
        image,
        platforms: platforms === 'all' ? platforms : platforms.join(','),
      }));
      const held = closing.use(await HeldImages.open(source, { images, referrers }));
      return grouped(held.images).map((group, index) => ({
        ...group,
        platforms: requests[index]?.platforms ?? 'all',
      }));
    };
    const together = await read(
      selected.map(({ reference, platforms }) => ({
        image: imageReferenceText(reference),
        platforms: textsOf(platforms),
      })),
    );
    if (!apart) return new WantedImages(together, closing.move());
    const images: WantedImage[] = [];
    for (const wanted of together) {
      const requests = oneByOne(wanted);
      if (requests.length < 2) images.push(wanted);
      else images.push(...withReferrersOnce(await read(requests)));
    }
    return new WantedImages(images, closing.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}

interface Requested {
  readonly image: string;
  readonly platforms: readonly string[] | 'all';
}

/** The platforms of an image that are a matter of their own each; none where they are not. */
function oneByOne({ contents, platforms }: WantedImage): readonly Requested[] {
  if ('absent' in contents || contents.whole || platforms === 'all') return [];
  return platforms
    .filter((platform) => !contents.lacking.includes(platform))
    .map((platform) => ({ image: contents.image, platforms: [platform] }));
}

/** What refers to several platforms of an image comes with the first. */
function withReferrersOnce(images: readonly WantedImage[]): readonly WantedImage[] {
  const all = images.flatMap(({ referrers }) => referrers);
  const distinct = new Map(all.map((one) => [`${one.image} ${one.manifests[0].digest}`, one]));
  return images.map((image, index) => ({ ...image, referrers: index === 0 ? [...distinct.values()] : [] }));
}

/** Images with what follows them. */
function grouped(items: readonly (AbsentImage | ImageContents)[]): readonly Omit<WantedImage, 'platforms'>[] {
  const groups: { contents: AbsentImage | ImageContents; referrers: ImageContents[] }[] = [];
  for (const contents of items) {
    if ('absent' in contents || contents.subject === null) groups.push({ contents, referrers: [] });
    else groups.at(-1)?.referrers.push(contents);
  }
  return groups;
}

function textsOf(platforms: Platforms): readonly string[] | 'all' {
  return platforms === 'all' ? platforms : platforms.map(platformText);
}
