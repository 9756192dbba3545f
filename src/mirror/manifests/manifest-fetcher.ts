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
import { referenceText, type ManifestReference, type Repository } from '../../oci/reference.ts';
import type { Upstream } from '../upstream.ts';
import type { FetchedManifest, RequestOptions } from '../../upstream/registry.ts';

/** A manifest whose bytes are what its digest says, and what it names. */
export interface VerifiedManifest {
  readonly manifest: Manifest;
  readonly contents: ManifestContents;
}

/**
 * Gets a manifest from upstream (a counted pull on Docker Hub) and checks it.
 * @throws {UpstreamError} when upstream does not give it
 * @throws {RegistryError} 502 for what is no manifest, or not what its digest says; 404 for a type that is
 * not stored here
 */
export async function fetchManifest(
  upstream: Upstream,
  repository: Repository,
  reference: ManifestReference,
  options: Pick<RequestOptions, 'onWarning'>,
): Promise<VerifiedManifest> {
  const fetched = await upstream.breaker.watch(() =>
    upstream.registry.getManifest(repository.name, reference, options),
  );
  return verified(upstream, fetched, reference);
}

/**
 * Checks a manifest that upstream gave for `reference`.
 * @throws {RegistryError} as {@link fetchManifest}
 */
export function verified(
  { name }: Upstream,
  fetched: FetchedManifest,
  reference: ManifestReference,
): VerifiedManifest {
  const { bytes } = fetched;
  const expected = 'digest' in reference ? reference.digest : fetched.digest;
  const digest = digestOf(bytes, expected === undefined ? 'sha256' : digestAlgorithm(expected));
  if (expected !== undefined && digest !== expected) {
    throw registryErrors.badGateway('upstream sent a manifest that does not match its digest', {
      detail: { expected, received: digest },
    });
  }
  try {
    const contents = readManifest(bytes);
    const mediaType = manifestMediaType(fetched.mediaType, contents);
    return { manifest: { mediaType, digest, size: bytes.length, bytes }, contents };
  } catch (error) {
    if (!(error instanceof ManifestSyntaxError)) throw error;
    const options = { cause: error };
    // What has the digest that was asked for is what upstream has under that digest, manifest or not.
    if (error instanceof UnsupportedManifestError || 'digest' in reference) {
      const message = `upstream's manifest cannot be mirrored: ${error.message}`;
      throw registryErrors.manifestUnknown(referenceText(reference), message, options);
    }
    const looks = `${fetched.mediaType ?? 'no content type'}, ${bytes.length} bytes`;
    throw registryErrors.badGateway(
      `${name} answers with something other than a manifest (${looks}): ${error.message}`,
      options,
    );
  }
}
