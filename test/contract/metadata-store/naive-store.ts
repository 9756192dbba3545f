import type { Digest } from '../../../src/oci/digest.ts';
import { readManifest } from '../../../src/oci/manifest.ts';
import { repositoryKey, type Repository, type Tag } from '../../../src/oci/reference.ts';
import type { Eviction, Scope } from '../../../src/store/evictions.ts';
import type { Content } from '../../support/image.ts';

interface Sized {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

interface Held {
  readonly children: readonly Digest[];
  readonly blobs: readonly Sized[];
  readonly subject: Digest | undefined;
}

/** What goes next: an image with its manifests, or a blob alone. */
export interface NaiveVictim {
  readonly digest: Digest;
  readonly manifests: ReadonlySet<Digest>;
  readonly blobs: ReadonlySet<Digest>;
  /** Bytes. */
  readonly bytes: number;
}

/** A metadata store of a few sets that counts everything anew each time, to compare another one with. */
export class NaiveStore {
  readonly #contents = new Map<Digest, Held>();
  readonly #places = new Map<Digest, Map<string, Repository>>();
  readonly #tags = new Map<string, { repository: Repository; name: Tag; digest: Digest }>();
  readonly #uses = new Map<Digest, number>();
  readonly blobs = new Map<Digest, number>();
  #count = 0;

  put(repository: Repository, manifest: Content, name?: Tag): void {
    const { children, blobs, subject } = readManifest(manifest.bytes);
    const held = { children: children.map(({ digest }) => digest), blobs, subject };
    this.#contents.set(manifest.digest, held);
    const places = this.#places.get(manifest.digest) ?? new Map<string, Repository>();
    this.#places.set(manifest.digest, places.set(repositoryKey(repository), repository));
    if (name !== undefined)
      this.#tags.set(`${repositoryKey(repository)}:${name}`, { repository, name, digest: manifest.digest });
    this.use(manifest.digest);
  }

  putBlob({ digest, size }: Sized): void {
    this.blobs.set(digest, size);
    this.use(digest);
  }

  use(digest: Digest): void {
    this.#uses.set(digest, (this.#count += 1));
  }

  /** Takes out what an eviction says has gone. */
  apply(eviction: Eviction): void {
    for (const { repository, tag } of eviction.tags) {
      if (!this.#tags.delete(`${repositoryKey(repository)}:${tag}`)) throw new Error(`${tag} was not held`);
    }
    for (const { repository, digest } of eviction.manifests) {
      const places = this.#places.get(digest);
      if (places?.delete(repositoryKey(repository)) !== true) throw new Error(`${digest} was not held`);
      if (places.size === 0) this.#forget(digest);
    }
    for (const digest of eviction.blobs) {
      if (!this.blobs.delete(digest)) throw new Error(`${digest} was not held`);
    }
  }

  /** Bytes of the distinct held blobs that the manifests of a scope name. */
  usageOf(scope: Scope): number {
    const named = new Set<Digest>();
    for (const [digest, places] of this.#places) {
      const isIn = [...places.values()].some(
        ({ upstream, name }) => upstream === scope.upstream && name === (scope.name ?? name),
      );
      if (isIn) for (const blob of this.#blobsOf(digest)) named.add(blob);
    }
    return this.#sizeOf(named);
  }

  /** Bytes of all blobs. */
  get bytes(): number {
    return this.#sizeOf(this.blobs.keys());
  }

  get manifests(): number {
    return this.#contents.size;
  }

  tags(repository: Repository): readonly Tag[] {
    const key = repositoryKey(repository);
    const own = [...this.#tags.values()].filter((tag) => repositoryKey(tag.repository) === key);
    return own.map(({ name }) => name).toSorted();
  }

  holds(repository: Repository, digest: Digest): boolean {
    return this.#places.get(digest)?.has(repositoryKey(repository)) ?? false;
  }

  /** Whether a manifest of the repository names a blob. */
  names(repository: Repository, blob: Digest): boolean {
    return [...this.#contents.keys()].some(
      (digest) => this.holds(repository, digest) && this.#blobsOf(digest).includes(blob),
    );
  }

  isNamed(blob: Digest): boolean {
    return [...this.#contents.keys()].some((digest) => this.#blobsOf(digest).includes(blob));
  }

  /**
   * What goes next when nothing is pinned or in use: what was used least lately, each image as a whole. Takes
   * it out.
   */
  evict(): NaiveVictim | undefined {
    const roots = [...this.#contents.keys()].filter((digest) => this.#holders(digest).size === 0);
    const victims = [
      ...roots.map((root) => this.#image(root)),
      ...[...this.blobs.keys()].filter((blob) => !this.isNamed(blob)).map((blob) => this.#loose(blob)),
    ];
    const [victim] = victims.toSorted((a, b) => this.#age(a) - this.#age(b));
    if (victim === undefined) return undefined;
    for (const digest of victim.manifests) this.#forget(digest);
    for (const digest of victim.blobs) this.blobs.delete(digest);
    return victim;
  }

  #forget(digest: Digest): void {
    this.#contents.delete(digest);
    this.#places.delete(digest);
    for (const [key, tag] of this.#tags)
      if (tag.digest === digest && !this.holds(tag.repository, digest)) this.#tags.delete(key);
  }

  #age({ manifests, blobs }: NaiveVictim): number {
    return Math.max(...[...manifests, ...blobs].map((digest) => this.#uses.get(digest) ?? 0));
  }

  #loose(digest: Digest): NaiveVictim {
    return { digest, manifests: new Set(), blobs: new Set([digest]), bytes: this.blobs.get(digest) ?? 0 };
  }

  #image(root: Digest): NaiveVictim {
    const manifests = new Set(this.#contents.keys());
    // Takes out what does not hang on the root alone until nothing changes.
    for (let before = -1; before !== manifests.size;) {
      before = manifests.size;
      for (const digest of manifests) {
        const holders = this.#holders(digest);
        const belongs = holders.size > 0 && [...holders].every((holder) => manifests.has(holder));
        if (digest !== root && !belongs) manifests.delete(digest);
      }
    }
    const others = [...this.#contents.keys()].filter((digest) => !manifests.has(digest));
    const kept = new Set(others.flatMap((digest) => this.#blobsOf(digest)));
    const named = [...manifests].flatMap((digest) => this.#blobsOf(digest));
    const blobs = new Set(named.filter((blob) => this.blobs.has(blob) && !kept.has(blob)));
    return { digest: root, manifests, blobs, bytes: this.#sizeOf(blobs) };
  }

  /**
   * The held manifests that one belongs to in any repository, by way of some that this does not hold perhaps.
   */
  #holders(digest: Digest): Set<Digest> {
    const places = [...(this.#places.get(digest)?.values() ?? [])];
    return new Set(places.flatMap((repository) => [...this.#holdersIn(repository, digest)]));
  }

  #holdersIn(repository: Repository, digest: Digest): Set<Digest> {
    const held = new Set<Digest>();
    const seen = new Set([digest]);
    for (const each of seen) {
      for (const holder of this.#named(repository, each)) {
        if (this.holds(repository, holder)) held.add(holder);
        else seen.add(holder);
      }
    }
    held.delete(digest);
    return held;
  }

  /** What a manifest belongs to, held or not, as far as the manifests and tags of a repository tell. */
  #named(repository: Repository, digest: Digest): readonly Digest[] {
    const contents = [...this.#contents].filter(([each]) => this.holds(repository, each));
    const parents = contents.filter(([, { children }]) => children.includes(digest));
    const subject = new Map(contents).get(digest)?.subject;
    const key = repositoryKey(repository);
    const companions = [...this.#tags.values()].filter(
      (tag) => tag.digest === digest && repositoryKey(tag.repository) === key,
    );
    const subjects = companions.flatMap(({ name }) =>
      contents.map(([each]) => each).filter((each) => name.startsWith(each.replace(':', '-'))),
    );
    return [...parents.map(([parent]) => parent), ...(subject === undefined ? [] : [subject]), ...subjects];
  }

  #blobsOf(manifest: Digest): readonly Digest[] {
    return this.#contents.get(manifest)?.blobs.map(({ digest }) => digest) ?? [];
  }

  #sizeOf(blobs: Iterable<Digest>): number {
    let size = 0;
    for (const digest of blobs) size += this.blobs.get(digest) ?? 0;
    return size;
  }
}
