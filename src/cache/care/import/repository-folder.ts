import { join } from 'node:path';
import {
  digestAlgorithm,
  digestAlgorithms,
  digestHex,
  parseDigest,
  type Digest,
} from '../../../oci/digest.ts';
import { parseTag, type RepositoryName, type Tag } from '../../../oci/reference.ts';
import { entriesOf, printable, readPlain, type Unreadable } from './plain-path.ts';

/** Called with what cannot be imported, and why, as a sentence that begins with its name. */
export type Skip = (what: string, reason: string) => void;

/** A link file holds a digest and nothing else. */
const longestLink = 200;

/** One repository as registry:2 stores it: links to manifests and blobs. */
export class RepositoryFolder {
  readonly name: RepositoryName;
  readonly #folder: string;

  constructor(folder: string, name: RepositoryName) {
    this.#folder = folder;
    this.name = name;
  }

  /** The manifests that the repository has, in no order. */
  async *manifests(skip: Skip): AsyncGenerator<Digest> {
    const revisions = join(this.#folder, '_manifests', 'revisions');
    for (const algorithm of digestAlgorithms) {
      for await (const entry of entriesOf(join(revisions, algorithm))) {
        if ('reason' in entry) {
          skip(`${this.name}/_manifests/revisions/${algorithm}`, entry.reason);
          continue;
        }
        const what = `${this.name}@${algorithm}:${printable(entry.name)}`;
        const digest = parseDigest(`${algorithm}:${entry.name}`);
        if (digest === undefined) skip(what, 'is no digest');
        else if (await this.#holds(revisions, digest, what, skip)) yield digest;
      }
    }
  }

  /** What each tag points to now, in no order. */
  async *tags(skip: Skip): AsyncGenerator<{ readonly tag: Tag; readonly digest: Digest }> {
    const tags = join(this.#folder, '_manifests', 'tags');
    for await (const entry of entriesOf(tags)) {
      if ('reason' in entry) {
        skip(`${this.name}/_manifests/tags`, entry.reason);
        continue;
      }
      const what = `${this.name}:${printable(entry.name)}`;
      const tag = parseTag(entry.name);
      if (tag === undefined) {
        skip(what, 'is no tag');
        continue;
      }
      const digest = await readLink(join(tags, tag, 'current', 'link'));
      if (digest === undefined) skip(what, 'points to nothing');
      else if (typeof digest === 'string') yield { tag, digest };
      else skip(what, digest.reason);
    }
  }

  /** Whether the repository has a manifest. */
  async hasManifest(digest: Digest): Promise<boolean> {
    return (await readLink(linkPath(join(this.#folder, '_manifests', 'revisions'), digest))) === digest;
  }

  /** Whether the repository has a blob: it was pushed there, or pulled through it. */
  async hasBlob(digest: Digest): Promise<boolean> {
    return (await readLink(linkPath(join(this.#folder, '_layers'), digest))) === digest;
  }

  /** Unfinished uploads. */
  async *uploads(): AsyncGenerator<string> {
    for await (const entry of entriesOf(join(this.#folder, '_uploads'))) {
      if ('name' in entry) yield printable(entry.name);
    }
  }

  async #holds(links: string, digest: Digest, what: string, skip: Skip): Promise<boolean> {
    const link = await readLink(linkPath(links, digest));
    if (link === digest) return true;
    if (link === undefined) skip(what, 'was deleted');
    else skip(what, typeof link === 'string' ? 'has a link to something else' : link.reason);
    return false;
  }
}

function linkPath(links: string, digest: Digest): string {
  return join(links, digestAlgorithm(digest), digestHex(digest), 'link');
}

/** What a link file says; undefined when there is none. */
async function readLink(path: string): Promise<Digest | Unreadable | undefined> {
  const bytes = await readPlain(path, longestLink);
  if (!Buffer.isBuffer(bytes)) return bytes;
  return parseDigest(bytes.toString('latin1').trim()) ?? { reason: 'has a link that is no digest' };
}
