import { companionStem, companionSuffixes } from '../../oci/companion-tag.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseTag } from '../../oci/reference.ts';
import type { ReferrersService } from '../lists/referrers-service.ts';
import { isAbsent } from './failure-reason.ts';
import type { ImageContents } from './image-contents.ts';
import { fail, type ImageWalk } from './image-walk.ts';
import type { ManifestSource } from './manifest-source.ts';

/** Of one image, with all that refers to what refers to it. */
const maxReferrers = 1000;
/** A signature of a bill of materials is the second. */
const maxDepth = 3;

export interface ImageReferrersDeps {
  readonly referrers: Pick<ReferrersService, 'referrers'>;
  readonly source: ManifestSource;
  readonly walk: ImageWalk;
}

/**
 * Adds to an image what refers to it: what the referrers API or tag lists, and cosign's tags named after digests;
 * of the image itself, of its platforms, and of what refers to those.
 */
export async function addReferrers(deps: ImageReferrersDeps, contents: ImageContents): Promise<void> {
  const seen = new Set<Digest>();
  let subjects: readonly Digest[] = [...contents.manifests];
  for (let depth = 0; depth < maxDepth && subjects.length > 0; depth += 1) {
    const found = await Promise.all(subjects.map((subject) => ofOne(deps, contents, subject, seen)));
    subjects = found.flat();
  }
}

/** Resolves to the manifests that refer to `subject` and were not seen before. */
async function ofOne(
  { referrers, source, walk }: ImageReferrersDeps,
  contents: ImageContents,
  subject: Digest,
  seen: Set<Digest>,
): Promise<readonly Digest[]> {
  const { repository } = contents;
  const added: Digest[] = [];
  const add = async (what: string, reference: Parameters<ManifestSource['get']>[1]): Promise<void> => {
    try {
      const answer = await source.get(repository, reference);
      const { digest } = answer.descriptor;
      if (contents.manifests.has(digest)) return;
      // Its platforms are not the image's: all of it is wanted.
      await walk.add(contents, answer, 1);
      added.push(digest);
    } catch (error) {
      if (!('tag' in reference && isAbsent(error))) fail(contents, what, error);
    }
  };
  try {
    const { descriptors, warning } = await referrers.referrers(repository, subject);
    if (warning !== undefined)
      contents.notes.push(`what refers to ${subject} is as it was last seen: ${warning}`);
    for (const { digest } of descriptors) {
      if (seen.has(digest)) continue;
      if (seen.size >= maxReferrers) {
        contents.failures.push({ what: 'referrers', reason: `there are more than ${maxReferrers}` });
        break;
      }
      seen.add(digest);
      await add(`referrer ${digest}`, { digest });
    }
  } catch (error) {
    fail(contents, `referrers of ${subject}`, error);
  }
  for (const suffix of companionSuffixes.filter((one) => one !== '')) {
    const tag = parseTag(`${companionStem(subject)}${suffix}`);
    if (tag !== undefined) await add(tag, { tag });
  }
  return added;
}
