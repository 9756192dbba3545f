import type { FakeHub } from '../support/fake-hub.ts';
import { assembleImage, makeIndex, noise, type Content, type Image } from '../support/image.ts';

/** One tag of the library, and what lies behind it. */
export interface Title {
  readonly repository: string;
  readonly tag: string;
  /** What the tag points to. */
  readonly root: Content;
  /** One for each platform; only one where the tag points to an image itself. */
  readonly images: readonly Image[];
}

const titles = 240;
const repositories = 40;
/** Layers that many images have in common, in bytes. */
const baseLayers = [400_000, 300_000, 200_000, 700_000, 90_000, 500_000];
/** The largest layer of an image's own, in bytes. */
const largestLayer = 500_000;

/**
 * Images as a registry has them: base layers that many share, a third of the tags for two platforms. Fills
 * the hub with them.
 */
export function stockLibrary(hub: FakeHub, random: () => number): readonly Title[] {
  const bases = baseLayers.map((size, index) => noise(size, `base ${index}`));
  const image = (name: string): Image => {
    const own = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index) =>
      noise(1 + Math.floor(random() ** 2 * largestLayer), `${name} ${index}`),
    );
    const base = bases[Math.floor(random() * bases.length)];
    return assembleImage([...(base === undefined ? [] : [base]), ...own], { name });
  };
  return Array.from({ length: titles }, (_, index) => {
    const repository = `library/app-${index % repositories}`;
    const tag = `v${Math.floor(index / repositories)}`;
    const platforms = index % 3 === 0 ? ['amd64', 'arm64'] : ['amd64'];
    const images = platforms.map((platform) => image(`${repository}:${tag} ${platform}`));
    const [only] = images;
    if (only === undefined) throw new Error('a title without an image');
    const root = images.length === 1 ? only : makeIndex(images);
    hub.addImage(repository, tag, images.length === 1 ? only : makeIndex(images));
    return { repository, tag, root, images };
  });
}

/** The bytes of all distinct blobs. */
export function workingSet(library: readonly Title[]): number {
  const sizes = new Map<string, number>(
    library.flatMap(({ images }) =>
      images.flatMap(({ config, layers }) =>
        [config, ...layers].map(({ digest, size }) => [digest, size] as const),
      ),
    ),
  );
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
