import type { ArchivedImage, ShownImage } from '../../archive/image-archive.ts';
import { missingParts } from '../../cache/transfer/missing-parts.ts';
import type { ImageContents, ManifestPart } from '../../cache/transfer/schemas.ts';
import { parseImageReference } from '../../oci/image-reference.ts';
import type { Descriptor } from '../../oci/manifest.ts';

/** The platforms of an index whose image Docker's format is to have, likeliest first; else it is the first image. */
const commonPlatforms = ['linux/amd64', 'linux/arm64'];

/**
 * The manifests without which an image is incomplete. A client that pulled one platform left out what attests something
 * of it; an index in an archive must have all that it lists.
 */
export function requiredParts({ manifests, whole }: ImageContents): ImageContents['manifests'] {
  const [root, ...others] = manifests;
  return [root, ...others.filter((part) => whole || part.kind !== 'attestation' || isComplete(part))];
}

/** What an archive has of a complete image. */
export function archivedImage(contents: ImageContents, platforms: readonly string[] | 'all'): ArchivedImage {
  const { upstream, repository, tag, subject, pinned, whole } = contents;
  const parts = requiredParts(contents);
  const reference = parseImageReference(contents.image);
  const name =
    reference?.tag === undefined
      ? contents.image
      : `${reference.registry}/${reference.repository}:${reference.tag}`;
  const shown = whole ? parts[0] : firstImage(parts, []);
  const docker = whole ? firstImage(parts, commonPlatforms) : shown;
  return {
    bundled: {
      name: contents.image,
      upstream,
      repository,
      tag,
      root: plain(parts[0]),
      subject,
      platforms: whole || platforms === 'all' ? null : [...platforms],
      pinned,
      manifests: parts.map(plain),
    },
    shown: shown && {
      manifest: plain(shown),
      name,
      tag: reference?.tag,
      docker: subject === null && docker !== undefined ? dockerImage(docker) : undefined,
    },
    isRunnable: subject === null && parts.some(({ kind }) => kind === 'image'),
    blobs: parts.flatMap(({ blobs }) => blobs.filter(({ foreign }) => !foreign)),
  };
}

function firstImage(parts: readonly ManifestPart[], preferred: readonly string[]): ManifestPart | undefined {
  const images = parts.filter(({ kind }) => kind === 'image');
  const best = preferred.flatMap((wanted) => images.filter(({ platform }) => platform === wanted));
  return best[0] ?? images[0] ?? parts.find(({ kind }) => kind === 'artifact');
}

/** Undefined for what Docker cannot load: an artifact, or an image with layers that no registry has. */
function dockerImage({ kind, blobs }: ManifestPart): ShownImage['docker'] {
  const config = blobs.find((blob) => blob.kind === 'config');
  if (kind !== 'image' || config === undefined || blobs.some(({ foreign }) => foreign)) return undefined;
  const layers = blobs.filter((blob) => blob.kind === 'layer');
  return { config: config.digest, layers: layers.map(({ digest }) => digest) };
}

function isComplete(part: ManifestPart): boolean {
  return missingParts({ manifests: [part] }).length === 0;
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
