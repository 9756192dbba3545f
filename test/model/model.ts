import assert from 'node:assert/strict';
import type { Digest } from '../../src/oci/digest.ts';
import type { Content } from '../support/image.ts';
import type { Title } from './catalogue.ts';
import { catalogue, type Sight, type World } from './world.ts';

/** The cache as it should be, as simply as it can be said. */
export interface Model {
  /** Counts pulls. */
  time: number;
  /** When each title was last pulled, by tag; none for one of which nobody can say how far it got. */
  readonly used: Map<string, number>;
  /** When each blob was last pulled, with whatever title; infinite for one of which nobody can say. */
  readonly read: Map<Digest, number>;
  readonly pinned: Set<string>;
  /** What was there when last looked. */
  seen: Sight;
}

export function emptyModel(): Model {
  const nothing = {
    blobs: new Map(),
    tags: new Set<string>(),
    images: new Set<Digest>(),
    whole: new Set<Digest>(),
  };
  return { time: 0, used: new Map(), read: new Map(), pinned: new Set(), seen: nothing };
}

/**
 * The platform `arm` belongs to the index `multi` while that is held: they are one image, used when either
 * is.
 */
function family(tag: string, { tags }: Sight): string {
  return tag === 'arm' && tags.has('multi') ? 'multi' : tag;
}

/** Writes a pull of a title down. */
export function notePull(model: Model, { tag }: Title, blobs: readonly Content[]): void {
  model.time += 1;
  model.used.set(tag, model.time);
  for (const { digest } of blobs) model.read.set(digest, model.time);
}

/** Writes down that nobody can say how far a pull of a title got. */
export function noteAttempt(model: Model, { tag, blobs }: Title): void {
  model.used.delete(tag);
  for (const { digest } of blobs) model.read.set(digest, Infinity);
}

function lastUse(tag: string, model: Model, sight: Sight): number | undefined {
  const members = catalogue
    .map((title) => title.tag)
    .filter((other) => family(other, sight) === family(tag, sight));
  const times = members.filter((member) => sight.tags.has(member)).map((member) => model.used.get(member));
  return times.every((time) => time !== undefined) ? Math.max(...times) : undefined;
}

/** What is pinned keeps all of the image that it belongs to. */
function isKept(tag: string, { pinned }: Model, sight: Sight): boolean {
  return [...pinned].some((one) => family(one, sight) === family(tag, sight));
}

/**
 * The held blobs of a title that are no other held title's: only then could it have gone in place of another.
 */
function blobsOfItsOwn({ tag, blobs }: Title, sight: Sight): readonly Content[] {
  const others = catalogue.filter((other) => other.tag !== tag && sight.tags.has(other.tag));
  return blobs
    .filter(({ digest }) => sight.blobs.has(digest))
    .filter(({ digest }) => others.every((other) => !other.blobs.some((blob) => blob.digest === digest)));
}

/** Whether a title was there to go first: its bytes may have been used since, with a title that is gone. */
function couldHaveGone(title: Title, use: number, model: Model, sight: Sight): boolean {
  const blobs = blobsOfItsOwn(title, sight);
  return blobs.length > 0 && blobs.every(({ digest }) => (model.read.get(digest) ?? 0) < use);
}

/**
 * Looks, and compares with the last time. `spared` are titles that something else than the want of room has
 * touched.
 * 1. An image that was whole is whole, or gone as a whole.
 * 2. What is pinned stays.
 * 3. Nothing goes while something older stays that could have gone in its place.
 */
export async function compare(model: Model, world: World, spared: readonly string[] = []): Promise<void> {
  const before = model.seen;
  const after = await world.look();
  model.seen = after;
  for (const digest of before.whole) {
    const inPart = after.images.has(digest) && !after.whole.has(digest);
    assert.ok(!inPart, `${digest} has lost some of its blobs`);
  }
  for (const title of catalogue) {
    const { tag } = title;
    if (!before.tags.has(tag) || spared.includes(tag) || after.tags.has(tag)) continue;
    assert.ok(!model.pinned.has(tag), `${tag} is pinned and gone`);
    const use = lastUse(tag, model, before);
    for (const other of catalogue) {
      const older = lastUse(other.tag, model, after);
      if (use === undefined || older === undefined || !after.tags.has(other.tag)) continue;
      if (isKept(other.tag, model, after) || spared.includes(other.tag)) continue;
      if (family(other.tag, before) === family(tag, before)) continue;
      const wrong = older < use && couldHaveGone(other, use, model, after);
      assert.ok(!wrong, `${tag} is gone, while ${other.tag}, which is older, is there`);
    }
  }
}
