import { maxManifestBytes } from '../../oci/manifest.ts';
import type { ImageContents } from '../../cache/transfer/schemas.ts';
import type { WantedImage } from './export-plan.ts';

/** What users of some tools should know of images in an archive. */
interface Note {
  readonly text: string;
  readonly images: readonly string[];
}

const checks: readonly {
  readonly text: string;
  readonly applies: (contents: ImageContents, wanted: WantedImage) => boolean;
}[] = [
  {
    text: 'has layers in zstd: Docker 20.10 and umoci cannot load it, and crane push spoils it',
    applies: ({ manifests }) =>
      manifests.some(({ blobs }) => blobs.some(({ mediaType }) => /[.+]zstd$/.test(mediaType))),
  },
  {
    text: 'has a config of more than 4 MiB: podman and skopeo refuse it',
    applies: ({ manifests }) =>
      manifests.some(({ blobs }) =>
        blobs.some(({ kind, size }) => kind === 'config' && size > maxManifestBytes),
      ),
  },
  {
    text: 'has layers that registries do not hold: they are left out',
    applies: ({ manifests }) => manifests.some(({ blobs }) => blobs.some(({ foreign }) => foreign)),
  },
  {
    text: 'is for several platforms: umoci needs one of --platform',
    applies: ({ manifests, whole }) => whole && manifests[0].kind === 'index' && manifests.length > 2,
  },
  {
    // In a folder each of them has a file.
    text: 'is for some of its platforms: all tools but entrepot import find the first of them',
    applies: ({ whole, lacking }, { platforms }) =>
      !whole && platforms !== 'all' && platforms.length - lacking.length > 1,
  },
  {
    text: 'lacks what attests something of it, which was not pulled',
    applies: ({ manifests, whole }) =>
      !whole && manifests.some(({ kind, cached }) => kind === 'attestation' && !cached),
  },
];

/** Notes on images, each with all those that it is about. */
export function notesOn(images: readonly WantedImage[]): readonly Note[] {
  const cached = images.flatMap((wanted) =>
    'absent' in wanted.contents ? [] : [{ wanted, contents: wanted.contents }],
  );
  const general = checks.map(({ text, applies }) => ({
    text,
    images: cached
      .filter(({ wanted, contents }) => applies(contents, wanted))
      .map(({ contents }) => contents.image),
  }));
  const lacking = cached
    .filter(({ contents }) => contents.lacking.length > 0)
    .map(({ contents }) => ({
      text: `has no image for ${contents.lacking.join(', ')}`,
      images: [contents.image],
    }));
  return [...general, ...lacking].flatMap((note) => {
    const distinct = [...new Set(note.images)];
    return distinct.length === 0 ? [] : [{ ...note, images: distinct }];
  });
}
