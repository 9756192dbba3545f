import type { Digest } from '../../oci/digest.ts';
import { registryErrors, type RegistryError, type RegistryErrorOptions } from '../../oci/error.ts';
import {
  referenceText,
  type ManifestReference,
  type Repository,
  type RepositoryName,
} from '../../oci/reference.ts';
import { UpstreamError, type UpstreamRegistry } from '../../upstream/registry.ts';
import { askBlobSize } from '../../upstream/blob-size.ts';

/** What a client asks for under a repository. */
export type Resource =
  | { readonly noun: 'manifest'; readonly reference: ManifestReference }
  | { readonly noun: 'blob'; readonly digest: Digest }
  /** `name` as the client wrote it. */
  | { readonly noun: 'tags'; readonly name: RepositoryName }
  | { readonly noun: 'referrers'; readonly name: RepositoryName; readonly subject: Digest };

/** A key for maps: one text for each thing that a client can ask for in a repository. */
export function resourceKey(resource: Resource): string {
  switch (resource.noun) {
    case 'manifest':
      return `manifest ${referenceText(resource.reference)}`;
    case 'blob':
      return `blob ${resource.digest}`;
    case 'tags':
      return 'tags';
    case 'referrers':
      return `referrers ${resource.subject}`;
  }
}

/**
 * Resolves when a registry gives a resource, with the credentials of `registry` if any; spends no pull.
 * @throws {UpstreamError} when it does not, or cannot say
 */
export async function probe(
  registry: UpstreamRegistry,
  { name }: Repository,
  resource: Resource,
): Promise<void> {
  switch (resource.noun) {
    case 'manifest':
      return probeManifest(registry, name, resource.reference);
    case 'blob':
      await askBlobSize(registry, name, resource.digest);
      return;
    case 'referrers':
      return probeManifest(registry, name, { digest: resource.subject });
    case 'tags':
      await registry.listTags(name, { atMost: 1 });
      return;
  }
}

/**
 * A 412 is a policy's refusal of this manifest (Harbor's, of vulnerable ones), whoever asks: the list of tags
 * tells more.
 */
async function probeManifest(
  registry: UpstreamRegistry,
  name: RepositoryName,
  reference: ManifestReference,
): Promise<void> {
  try {
    await registry.headManifest(name, reference);
  } catch (error) {
    if (!(error instanceof UpstreamError && error.status === 412)) throw error;
    await registry.listTags(name, { atMost: 1 });
  }
}

/** The 404 for what is asked of the cache alone: what is not cached, or what this reader may not know of. */
export function notCached(resource: Resource, options?: RegistryErrorOptions): RegistryError {
  const isManifest = resource.noun === 'manifest';
  const what = isManifest ? 'this manifest is not cached here' : 'nothing of this repository is cached here';
  return notFound(resource, options, what);
}

/** The 404 for what does not exist. `message` replaces the usual one, except for blobs. */
export function notFound(
  resource: Resource,
  options?: RegistryErrorOptions,
  message?: string,
): RegistryError {
  switch (resource.noun) {
    case 'manifest':
      return registryErrors.manifestUnknown(referenceText(resource.reference), message, options);
    case 'blob':
      return registryErrors.blobUnknown(resource.digest, options);
    case 'tags':
    case 'referrers':
      return registryErrors.nameUnknown(resource.name, message, options);
  }
}
