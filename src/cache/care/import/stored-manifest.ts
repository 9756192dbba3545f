import { isDigestOf, type Digest } from '../../../oci/digest.ts';
import {
  descriptors,
  manifestMediaType,
  ManifestSyntaxError,
  maxManifestBytes,
  readDocument,
  readManifest,
  type Manifest,
  type ManifestContents,
} from '../../../oci/manifest.ts';
import { readPlain, type Unreadable } from './plain-path.ts';

/** A manifest whose bytes match its digest, with what it names. */
export interface StoredManifest {
  readonly manifest: Manifest;
  readonly contents: ManifestContents;
  /** Whether it has layers that clients fetch elsewhere, which a registry need not have. */
  readonly hasForeignLayers: boolean;
}

/** Reads a manifest out of the file that holds its bytes. */
export async function readStoredManifest(digest: Digest, path: string): Promise<StoredManifest | Unreadable> {
  const bytes = await readPlain(path, maxManifestBytes);
  if (bytes === undefined) return { reason: 'is missing' };
  if (!Buffer.isBuffer(bytes)) return bytes;
  if (!isDigestOf(digest, bytes)) {
    return { reason: 'is damaged: its bytes are not what its digest says' };
  }
  try {
    const document = readDocument(bytes);
    if (document['schemaVersion'] === 1)
      return { reason: 'is a Docker schema 1 manifest, which is not supported' };
    const contents = readManifest(bytes);
    const mediaType = manifestMediaType(undefined, contents);
    return {
      manifest: { mediaType, digest, size: bytes.length, bytes },
      contents,
      hasForeignLayers: descriptors(document, 'layers').some(({ foreign }) => foreign),
    };
  } catch (error) {
    if (!(error instanceof ManifestSyntaxError)) throw error;
    return { reason: `is no manifest that can be stored: ${error.message}` };
  }
}
