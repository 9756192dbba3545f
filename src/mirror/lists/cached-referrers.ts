import type { Digest } from '../../oci/digest.ts';
import { ManifestSyntaxError, type ReferrerDescriptor } from '../../oci/manifest.ts';
import type { Repository } from '../../oci/reference.ts';
import { readReferrers, referrerDescriptor, referrersTag } from '../../oci/referrers.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';

/** Cached referrers of `subject`, and those in its cached referrers tag. Rejects with StoreError. */
export async function cachedReferrers(
  metadata: MetadataStore,
  repository: Repository,
  subject: Digest,
): Promise<readonly ReferrerDescriptor[]> {
  const tag = await metadata.tag(repository, referrersTag(subject));
  const manifests = await metadata.manifestsOfSubject(repository, subject);
  const index = tag && (await metadata.manifest(repository, tag.digest));
  return merged(index === undefined ? [] : readIndex(index.bytes), manifests.map(referrerDescriptor));
}

/** The referrers in an index. What else a referrers tag may point to says nothing of referrers. */
export function readIndex(bytes: Buffer): readonly ReferrerDescriptor[] {
  try {
    return readReferrers(bytes);
  } catch (error) {
    if (!(error instanceof ManifestSyntaxError)) throw error;
    return [];
  }
}

/** Each digest once, in order. The last descriptor of a digest wins: the one made from its manifest. */
export function merged(...lists: readonly (readonly ReferrerDescriptor[])[]): readonly ReferrerDescriptor[] {
  return [...new Map(lists.flat().map((descriptor) => [descriptor.digest, descriptor])).values()];
}
