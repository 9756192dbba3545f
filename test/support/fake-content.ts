import { digestOf, type Digest } from '../../src/oci/digest.ts';

export interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** A repository of the fake: what it holds, and whether only its owner may pull. */
export interface StoredRepository {
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, Digest>;
  readonly blobs: Set<string>;
  isPrivate: boolean;
}

/** All that the fake hub holds. Bytes are shared between repositories, the right to read them is not. */
export class FakeContent {
  readonly #repositories = new Map<string, StoredRepository>();
  readonly #blobs = new Map<string, Uint8Array>();

  repository(name: string): StoredRepository | undefined {
    return this.#repositories.get(name);
  }

  /** Names of the public repositories with the term in them. */
  search(term: string): readonly string[] {
    return [...this.#repositories]
      .filter(([name, { isPrivate }]) => !isPrivate && name.includes(term))
      .map(([name]) => name);
  }

  /** The repository of that name, made if there is none. */
  ensure(name: string): StoredRepository {
    let repository = this.#repositories.get(name);
    if (repository === undefined) {
      repository = { manifests: new Map(), tags: new Map(), blobs: new Set(), isPrivate: false };
      this.#repositories.set(name, repository);
    }
    return repository;
  }

  blob(digest: string): Uint8Array | undefined {
    return this.#blobs.get(digest);
  }

  addBlob(name: string, bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    this.ensure(name).blobs.add(digest);
    this.#blobs.set(digest, bytes);
    return digest;
  }

  addManifest(name: string, bytes: Uint8Array, mediaType: string): Digest {
    const digest = digestOf(bytes);
    this.ensure(name).manifests.set(digest, { bytes, mediaType });
    return digest;
  }
}
