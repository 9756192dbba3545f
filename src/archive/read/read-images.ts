import { digestHex, digestOf } from '../../oci/digest.ts';
import { isObject, maxManifestBytes } from '../../oci/manifest.ts';
import { bundleEntry, BundleSyntaxError, readBundle } from '../bundle.ts';
import { blobPath } from '../blob-path.ts';
import { isMade } from '../made-manifest.ts';
import { maxDocumentBytes, type Archive } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import type { ArchiveImage, ReadNotes } from './archive-image.ts';
import { dockerImageOf, parseDockerImages } from './docker-images.ts';
import { readJson } from './document.ts';
import { layoutImages } from './layout-images.ts';
import { ManifestReader } from './manifest-reader.ts';

/**
 * The images of an archive, whichever tool wrote it.
 * @throws {ArchiveError} also where there are none
 */
export async function readImages(archive: Archive, notes: ReadNotes): Promise<readonly ArchiveImage[]> {
  const bundle = await archive.read(bundleEntry, maxDocumentBytes * 8);
  if (bundle !== undefined) return bundledImages(archive, bundle);
  const index = await readJson(archive, 'index.json');
  const manifest = await readJson(archive, 'manifest.json');
  if (isObject(manifest) && index === undefined) return [await directoryImage(archive)];
  const docker = manifest === undefined || manifest === null ? [] : parseDockerImages(archive, manifest);
  const images = index === undefined ? [] : await layoutImages(archive, { index, docker, ...notes });
  if (images.length > 0) return images;
  if (docker.length > 0) return Promise.all(docker.map((image) => dockerImageOf(archive, image)));
  if (index !== undefined) throw new ArchiveError(archive.file, 'index.json', 'lists no image');
  if (manifest === null) throw new ArchiveError(archive.file, 'manifest.json', 'lists no image');
  throw new ArchiveError(archive.file, undefined, await whyNone(archive));
}

/** What another Entrepot exported. */
async function bundledImages(archive: Archive, bytes: Buffer): Promise<readonly ArchiveImage[]> {
  const reader = new ManifestReader(archive, blobPath);
  const { images, omitted } = parsed();
  const elsewhere = new Set(omitted.map(({ digest }) => digest));
  return Promise.all(
    images.map(async ({ upstream, repository, tag, root: { digest }, manifests, pinned }) => {
      const read = await Promise.all(
        manifests.map(async (named) => {
          const manifest = await reader.manifest(named);
          if (manifest !== undefined) return manifest;
          throw new ArchiveError(archive.file, blobPath(named.digest), `is missing: ${bundleEntry} lists it`);
        }),
      );
      const root = read.find((manifest) => manifest.digest === digest);
      if (root === undefined) {
        throw new ArchiveError(
          archive.file,
          bundleEntry,
          `does not list the manifest ${digest} of ${repository}`,
        );
      }
      const reference = { registry: upstream, repository, tag: tag ?? undefined, digest: undefined };
      return {
        names: [{ reference, tag: tag ?? undefined }],
        root,
        manifests: new Map(read.map((manifest) => [manifest.digest, manifest])),
        fileOf: blobPath,
        made: isMade(root.bytes),
        omitted: elsewhere,
        pinned,
      };
    }),
  );

  function parsed(): ReturnType<typeof readBundle> {
    try {
      return readBundle(bytes);
    } catch (cause) {
      if (!(cause instanceof BundleSyntaxError)) throw cause;
      throw new ArchiveError(archive.file, undefined, `is no bundle that can be read: ${cause.message}`, {
        cause,
      });
    }
  }
}

/**
 * The image of a `dir:` of skopeo, or `docker-dir` of podman: its manifest is that of the registry, and its blobs have
 * their digests for names.
 */
async function directoryImage(archive: Archive): Promise<ArchiveImage> {
  const bytes = await archive.read('manifest.json', maxManifestBytes);
  if (bytes === undefined) throw new ArchiveError(archive.file, 'manifest.json', 'is missing');
  const listed = new ManifestReader(archive, (digest) => `${digestHex(digest)}.manifest.json`);
  const root = listed.parse('manifest.json', digestOf(bytes), bytes);
  return {
    names: [],
    root,
    manifests: await listed.tree(root),
    fileOf: digestHex,
    made: isMade(bytes),
    omitted: new Set(),
    pinned: false,
  };
}

async function whyNone(archive: Archive): Promise<string> {
  if ((await archive.find('repositories')) !== undefined) {
    return 'was written by a Docker older than 1.10, or a tool like it: it has no manifest.json. Load it into a Docker 20.10 and save it anew';
  }
  const inner = [...archive.names].find((name) => /^[^/]+\/(?:index|manifest)\.json$/u.test(name));
  if (inner !== undefined) {
    return `has its images in the folder ${inner.split('/')[0] ?? ''}, which no tool reads: pack what is in that folder`;
  }
  return 'holds no images: there is neither an index.json nor a manifest.json in it';
}
