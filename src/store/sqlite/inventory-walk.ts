import type { Digest } from '../../oci/digest.ts';
import type { Tag } from '../../oci/reference.ts';
import type { ImageKey, StoredImage } from '../inventory.ts';
import type { InventoryStatements, RepositoryRow } from './inventory-statements.ts';
import type { TimeSlice } from './time-slice.ts';

/** Tags or manifests that are looked at together. */
const step = 50;

/** Where a walk goes on: in the tags of a repository, or in its manifests that have none. */
export type Position =
  | { readonly repository: RepositoryRow; readonly tag: Tag | '' }
  | { readonly repository: RepositoryRow; readonly digest: Digest | '' };

/** The images of all repositories, one after the other, from some place on. */
export class InventoryWalk {
  readonly #statements: InventoryStatements;
  #position: Position | undefined;

  private constructor(statements: InventoryStatements, position: Position | undefined) {
    this.#statements = statements;
    this.#position = position;
  }

  /** Begins after an image, or at the first one. */
  static after(statements: InventoryStatements, image: ImageKey | undefined): InventoryWalk {
    if (image === undefined) {
      return new InventoryWalk(statements, nextRepository(statements, { upstream: '', name: '' }));
    }
    const { repository, tag, digest } = image;
    const id = statements.repository.get(repository)?.id;
    if (id === undefined) return new InventoryWalk(statements, nextRepository(statements, repository));
    const here = { id, ...repository };
    return new InventoryWalk(
      statements,
      tag === undefined ? { repository: here, digest } : { repository: here, tag },
    );
  }

  /** Goes on from where another one stopped. */
  static from(statements: InventoryStatements, position: Position): InventoryWalk {
    return new InventoryWalk(statements, position);
  }

  /** Where it stands; undefined at the end. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Adds images to the list until it has `limit`, the slice is over, or there are no more. */
  walk(images: StoredImage[], limit: number, slice: TimeSlice): void {
    while (this.#position !== undefined && images.length < limit && !slice.isOver) {
      const position: Position = this.#position;
      if ('tag' in position) this.#walkTags(position, images, limit, slice);
      else this.#walkUntagged(position, images, limit, slice);
    }
  }

  #walkTags(
    { repository, tag: after }: Extract<Position, { tag: unknown }>,
    images: StoredImage[],
    limit: number,
    slice: TimeSlice,
  ): void {
    const { images: statements } = this.#statements;
    const candidates = statements.tags(repository.id, after, step);
    for (const { tag, digest } of candidates) {
      if (statements.isImage(repository.id, tag)) this.#add(images, repository, tag, digest);
      this.#position = { repository, tag };
      if (images.length >= limit || slice.isOver) return;
    }
    if (candidates.length < step) this.#position = { repository, digest: '' };
  }

  #walkUntagged(
    { repository, digest: after }: Extract<Position, { digest: unknown }>,
    images: StoredImage[],
    limit: number,
    slice: TimeSlice,
  ): void {
    const { images: statements } = this.#statements;
    const candidates = statements.manifests(repository.id, after, step);
    for (const digest of candidates) {
      if (statements.isUntaggedRoot(repository.id, digest)) this.#add(images, repository, undefined, digest);
      this.#position = { repository, digest };
      if (images.length >= limit || slice.isOver) return;
    }
    if (candidates.length < step) this.#position = nextRepository(this.#statements, repository);
  }

  #add(
    images: StoredImage[],
    { id, upstream, name }: RepositoryRow,
    tag: Tag | undefined,
    digest: Digest,
  ): void {
    const description = this.#statements.images.describe(id, digest);
    if (description === undefined) return;
    images.push({ repository: { upstream, name }, tag, digest, ...description });
  }
}

function nextRepository(
  { nextRepositories }: InventoryStatements,
  { upstream, name }: { readonly upstream: string; readonly name: string },
): Position | undefined {
  const row = nextRepositories.get({ upstream, name, limit: 1 });
  return row === undefined ? undefined : { repository: row, tag: '' };
}
