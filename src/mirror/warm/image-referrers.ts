import { companionStem, companionSuffixes } from '../../oci/companion-tag.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseTag, referenceText, type ManifestReference } from '../../oci/reference.ts';
import type { ReferrersService } from '../lists/referrers-service.ts';
import { isAbsent } from './failure-reason.ts';
import type { ImageContents } from './image-contents.ts';
import { fail, ImageWalk, type ImageWalkDeps } from './image-walk.ts';

/** Of one image, with all that refers to what refers to it. */
const maxReferrers = 1000;
/** A signature of a bill of materials is the second. */
const maxDepth = 3;

export interface ImageReferrersDeps extends ImageWalkDeps {
  readonly referrers: Pick<ReferrersService, 'referrers'>;
}

/**
 * Adds to an image what refers to it: what the referrers API or tag lists, and cosign's tags named after digests;
 * of the image itself, of its platforms, and of what refers to those.
 */
export async function addReferrers(deps: ImageReferrersDeps, contents: ImageContents): Promise<void> {
  await new ReferrersWalk(deps, contents).run();
}

class ReferrersWalk {
  readonly #deps: ImageReferrersDeps;
  readonly #contents: ImageContents;
  /** Of what refers to an image, all is wanted. */
  readonly #walk: ImageWalk;
  /** Those that lists named. */
  readonly #listed = new Set<Digest>();

  constructor(deps: ImageReferrersDeps, contents: ImageContents) {
    this.#deps = deps;
    this.#contents = contents;
    this.#walk = new ImageWalk(deps, 'all');
  }

  async run(): Promise<void> {
    let subjects: readonly Digest[] = [...this.#contents.manifests];
    for (let depth = 0; depth < maxDepth && subjects.length > 0; depth += 1)
      subjects = (await Promise.all(subjects.map((subject) => this.#of(subject)))).flat();
  }

  /** Resolves to the manifests that refer to `subject`, but for those that were found before. */
  async #of(subject: Digest): Promise<readonly Digest[]> {
    const listed = await this.#list(subject);
    const tags = companionSuffixes
      .filter((suffix) => suffix !== '')
      .flatMap((suffix) => parseTag(`${companionStem(subject)}${suffix}`) ?? []);
    const references = [...listed.map((digest) => ({ digest })), ...tags.map((tag) => ({ tag }))];
    return (await Promise.all(references.map((reference) => this.#add(reference)))).flat();
  }

  /** The referrers that upstream lists, but for those that were listed before, as long as they are not too many. */
  async #list(subject: Digest): Promise<readonly Digest[]> {
    const { repository, notes, failures, manifests } = this.#contents;
    try {
      const { descriptors, warning } = await this.#deps.referrers.referrers(repository, subject);
      if (warning !== undefined) notes.push(`what refers to ${subject} is as it was last seen: ${warning}`);
      const all = descriptors.map(({ digest }) => digest);
      const fresh = all.filter((digest) => !this.#listed.has(digest) && !manifests.has(digest));
      const taken = fresh.slice(0, maxReferrers - this.#listed.size);
      for (const digest of taken) this.#listed.add(digest);
      if (taken.length < fresh.length)
        failures.push({ what: `referrers of ${subject}`, reason: `there are more than ${maxReferrers}` });
      return taken;
    } catch (error) {
      fail(this.#contents, `referrers of ${subject}`, error);
      return [];
    }
  }

  /** The digest of what a reference stands for, if it is new. */
  async #add(reference: ManifestReference): Promise<readonly Digest[]> {
    const { repository, manifests } = this.#contents;
    try {
      const answer = await this.#deps.source.get(repository, reference);
      const { digest } = answer.descriptor;
      if (manifests.has(digest)) return [];
      await this.#walk.add(this.#contents, answer, 1);
      return [digest];
    } catch (error) {
      // Most images have no such tags.
      if (!('tag' in reference && isAbsent(error)))
        fail(this.#contents, `referrer ${referenceText(reference)}`, error);
      return [];
    }
  }
}
