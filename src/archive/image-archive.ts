import type { Digest } from '../oci/digest.ts';
import type { Descriptor } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-type.ts';
import type { Tag } from '../oci/reference.ts';
import type { ArchiveEntry } from './archive-layout.ts';
import { blobPath } from './blob-path.ts';
import { bundleEntry, bundleVersion, printBundle, type BundledImage } from './bundle.ts';

type Blob = Pick<Descriptor, 'digest' | 'size'>;

/** What readers of a bundle are shown of an image. */
export interface ShownImage {
  readonly manifest: Descriptor;
  /** Full name: `docker.io/library/node:18`, `ghcr.io/a/b@sha256:…`. */
  readonly name: string;
  readonly tag: Tag | undefined;
  /** What Docker reads that does not know OCI layouts; undefined for what it cannot load. */
  readonly docker: { readonly config: Digest; readonly layers: readonly Digest[] } | undefined;
}

/** An image of an archive. */
export interface ArchivedImage {
  readonly bundled: BundledImage;
  /** Undefined: no reader but Entrepot is to take notice of it. */
  readonly shown: ShownImage | undefined;
  /** Whether there is anything in it that runs. */
  readonly isRunnable: boolean;
  /** Configs and layers of its manifests. */
  readonly blobs: readonly Blob[];
}

/**
 * The files of an archive that is an OCI layout and, with its `manifest.json`, one of Docker's, too. Blobs stand in it
 * once. What an earlier bundle has is left out; other tools would read the rest as a damaged image, so they are shown
 * none then.
 *
 * @param earlier blobs that are left out, unless they are manifests
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export function imageArchive(
  images: readonly ArchivedImage[],
  earlier: ReadonlySet<Digest> = new Set(),
): readonly ArchiveEntry[] {
  const manifests = images.flatMap(({ bundled }) => bundled.manifests);
  const inside = new Map(manifests.map((manifest) => [manifest.digest, sized(manifest)]));
  const omitted = new Map<Digest, Blob>();
  for (const blob of images.flatMap(({ blobs }) => blobs)) {
    const place = earlier.has(blob.digest) && !inside.has(blob.digest) ? omitted : inside;
    place.set(blob.digest, sized(blob));
  }
  const shown = images.flatMap((image) => image.shown ?? []);
  const blobs = [...inside.values()];
  const note = printBundle({
    version: bundleVersion,
    images: images.map(({ bundled }) => bundled),
    blobs,
    omitted: [...omitted.values()],
  });
  return [
    file('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
    ...(omitted.size === 0 ? indexesOf(shown) : []),
    file(bundleEntry, note),
    ...blobs.map(({ digest, size }) => ({ name: blobPath(digest), size, content: digest })),
  ];
}

/** The two that other tools look for. */
function indexesOf(shown: readonly ShownImage[]): readonly ArchiveEntry[] {
  // Tags are unique in a file of one image only.
  const refName = ({ name, tag }: ShownImage): string | undefined => (shown.length > 1 ? name : tag);
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: shown.map((image) => ({
      mediaType: image.manifest.mediaType,
      digest: image.manifest.digest,
      size: image.manifest.size,
      annotations: {
        'io.containerd.image.name': image.name,
        'org.opencontainers.image.ref.name': refName(image),
      },
    })),
  };
  const docker = shown.flatMap(({ docker: image, name, tag }) =>
    image === undefined
      ? []
      : [
          {
            Config: blobPath(image.config),
            // Docker takes no name with a digest.
            RepoTags: tag === undefined ? null : [name],
            Layers: image.layers.map(blobPath),
          },
        ],
  );
  return [
    file('index.json', json(index)),
    // One that lacks some of the images would hide them from Docker, and none of them is better than an empty list.
    ...(docker.length === shown.length && docker.length > 0 ? [file('manifest.json', json(docker))] : []),
  ];
}

function file(name: string, content: Buffer): ArchiveEntry {
  return { name, size: content.length, content };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sized({ digest, size }: Blob): Blob {
  return { digest, size };
}
