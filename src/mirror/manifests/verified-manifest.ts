import { digestAlgorithm, digestOf } from '../../oci/digest.ts';
import { registryErrors } from '../../oci/error.ts';
import {
  manifestMediaType,
  ManifestSyntaxError,
  readManifest,
  UnsupportedManifestError,
  type Manifest,
  type ManifestContents,
} from '../../oci/manifest.ts';
import { referenceText, type ManifestReference, type UpstreamName } from '../../oci/reference.ts';
import type { FetchedManifest } from '../../upstream/registry.ts';

/** A manifest whose bytes are what its digest says, and what it names. */
export interface VerifiedManifest {
  readonly manifest: Manifest;
  readonly contents: ManifestContents;
}

/**
 * Checks a manifest that upstream gave for `reference`.
 * @throws {RegistryError} 502 for no manifest or another digest; 404 for a type that is not mirrored
 */
export function verified(
  upstream: UpstreamName,
  { bytes, digest: stated, mediaType }: FetchedManifest,
  reference: ManifestReference,
): VerifiedManifest {
  const expected = 'digest' in reference ? reference.digest : stated;
  const digest = digestOf(bytes, expected === undefined ? 'sha256' : digestAlgorithm(expected));
  if (expected !== undefined && digest !== expected) {
    throw registryErrors.badGateway('upstream sent a manifest that does not match its digest', {
      detail: { expected, received: digest },
    });
  }
  try {
    const contents = readManifest(bytes);
    const type = manifestMediaType(mediaType, contents);
    return { manifest: { mediaType: type, digest, size: bytes.length, bytes }, contents };
  } catch (error) {
    if (!(error instanceof ManifestSyntaxError)) throw error;
    const options = { cause: error };
    // What has the digest that was asked for is what upstream has under that digest, manifest or not.
    if (error instanceof UnsupportedManifestError || 'digest' in reference) {
      const message = `upstream's manifest cannot be mirrored: ${error.message}`;
      throw registryErrors.manifestUnknown(referenceText(reference), message, options);
    }
    const looks = `${mediaType ?? 'no content type'}, ${bytes.length} bytes`;
    throw registryErrors.badGateway(
      `${upstream} answers with something other than a manifest (${looks}): ${error.message}`,
      options,
    );
  }
}
