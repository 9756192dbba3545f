import { parseTag, type Tag } from '../oci/reference.ts';
import { z } from '../base/zod.ts';
import { jsonAnswer } from './json-answer.ts';
import type { ResponseHeaders } from './headers.ts';

const maxTags = 100_000;
const maxPages = 200;

/**
 * `null` is distribution's list of no tags, and Nexus has it among them
 * (https://github.com/containers/skopeo/issues/2409).
 */
const tagPage = z.object({ tags: z.array(z.string().nullable()).nullish() });

/** The tags of one repository as their pages come in: without doubles, in the order upstream gives. */
export class TagPages {
  readonly #tags = new Set<Tag>();
  #pages = 0;

  get tags(): readonly Tag[] {
    return [...this.#tags];
  }

  /** Whether as much has come as is taken. */
  get full(): boolean {
    return this.#tags.size >= maxTags || this.#pages >= maxPages;
  }

  /**
   * Takes a page. Texts that are no tags are dropped.
   * @throws {UpstreamError} `invalid` for a body that is no list of tags
   */
  add(bytes: Buffer, host: string, headers: ResponseHeaders): true {
    this.#pages += 1;
    const page = jsonAnswer(tagPage, 'list of tags', bytes, host, headers);
    for (const text of page.tags ?? []) {
      const tag = parseTag(text ?? '');
      if (tag !== undefined && this.#tags.size < maxTags) this.#tags.add(tag);
    }
    return true;
  }
}
