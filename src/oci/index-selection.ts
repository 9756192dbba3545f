import type { Digest } from './digest.ts';
import { attestedBy } from './image-index.ts';
import { descriptors, readDocument, type Descriptor } from './manifest.ts';
import { platformText, readPlatform, suitability, type Platform, type Platforms } from './platform.ts';

/** A manifest that an index lists. */
export interface IndexEntry extends Descriptor {
  /** Undefined where the index states none. */
  readonly platform: Platform | undefined;
  /** The image that it attests something of. */
  readonly attests: Digest | undefined;
}

/** What of an index is wanted for some platforms. */
interface IndexSelection {
  /** In the order of the index: images, what attests something of them, and whatever has no platform. */
  readonly entries: readonly IndexEntry[];
  /** What is taken for a platform that the index does not have itself, such as linux/386 for linux/amd64. */
  readonly replaced: readonly { readonly wanted: Platform; readonly taken: Platform }[];
  /** The platforms that nothing in the index suits. */
  readonly missing: readonly Platform[];
  /** The platforms that the index has, each once. */
  readonly offered: readonly Platform[];
}

/**
 * Selects from an index what a pull for these platforms takes: for each the best that runs there. Of several
 * that suit equally well, such as those for different versions of Windows, all are selected.
 * @throws {ManifestSyntaxError} when the bytes are no index
 */
export function selectFromIndex(bytes: Uint8Array, platforms: Platforms): IndexSelection {
  const listed = descriptors(readDocument(bytes), 'manifests').map(
    ({ mediaType, digest, size, json }): IndexEntry => {
      const attests = attestedBy(json);
      const platform = attests === undefined ? readPlatform(json['platform']) : undefined;
      return { mediaType, digest, size, platform, attests };
    },
  );
  const offered = distinct(
    listed.flatMap(({ platform }) => platform ?? []).filter(({ os }) => os !== 'unknown'),
  );
  if (platforms === 'all') return { entries: listed, replaced: [], missing: [], offered };
  const chosen = platforms.map((wanted) => ({ wanted, taken: best(wanted, offered) }));
  const taken = new Set(chosen.flatMap((one) => one.taken ?? []).map(platformText));
  const images = listed.filter(
    ({ platform, attests }) =>
      attests === undefined && (platform === undefined || taken.has(platformText(platform))),
  );
  const digests = new Set(images.map(({ digest }) => digest));
  return {
    entries: listed.filter((one) => images.includes(one) || (one.attests && digests.has(one.attests))),
    replaced: chosen.flatMap((one) =>
      one.taken === undefined || platformText(one.taken) === platformText(one.wanted)
        ? []
        : [{ wanted: one.wanted, taken: one.taken }],
    ),
    missing: chosen.filter((one) => one.taken === undefined).map(({ wanted }) => wanted),
    offered,
  };
}

function best(wanted: Platform, offered: readonly Platform[]): Platform | undefined {
  const suited = offered.flatMap((platform) => {
    const rank = suitability(wanted, platform);
    return rank === undefined ? [] : [{ platform, rank }];
  });
  return suited.toSorted((one, other) => one.rank - other.rank)[0]?.platform;
}

function distinct(platforms: readonly Platform[]): readonly Platform[] {
  return [...new Map(platforms.map((platform) => [platformText(platform), platform])).values()];
}
