import { digestOf } from '../../../src/oci/digest.ts';
import { readManifest, type Descriptor, type Manifest } from '../../../src/oci/manifest.ts';
import {
  parseRepositoryName,
  parseTag,
  parseUpstreamName,
  type Repository,
  type Tag,
  type UpstreamName,
} from '../../../src/oci/reference.ts';
import type { MetadataStore } from '../../../src/store/metadata-store.ts';
import { makeArtifact, type Artifact } from '../../support/artifact.ts';
import { makeImage, type Content, type Image } from '../../support/image.ts';
import type { TestClock } from '../../support/test-clock.ts';

/** A store to try, empty at first. */
interface MetadataStoreUnderTest extends AsyncDisposable {
  readonly store: MetadataStore;
  /** Closes it and opens the same data anew. */
  reopen(): Promise<MetadataStore>;
}

/** Makes a fresh, empty store on that clock. */
export type MakeStore = (clock: TestClock) => Promise<MetadataStoreUnderTest>;

function parsed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the test names something that does not parse');
  return value;
}

export function upstreamNamed(name: string): UpstreamName {
  return parsed(parseUpstreamName(name));
}

export function repositoryNamed(name: string, upstream = 'docker.io'): Repository {
  return { upstream: upstreamNamed(upstream), name: parsed(parseRepositoryName(name)) };
}

export function tagNamed(name: string): Tag {
  return parsed(parseTag(name));
}

/** Stores an image's manifest, or an index, as the mirror does. */
export function putImage(
  store: MetadataStore,
  repository: Repository,
  { mediaType, digest, size, bytes }: Content,
  tag?: string,
): Promise<void> {
  const manifest: Manifest = { mediaType, digest, size, bytes };
  const record = tag === undefined ? undefined : { name: tagNamed(tag), checkedAt: 1 };
  return store.putManifest(repository, manifest, readManifest(bytes), record);
}

/** A manifest that refers to `subject`; different texts make different ones. */
export function makeReferrer(subject: Descriptor, text: string): Artifact {
  return makeArtifact({ text, subject });
}

export function blobsOf(image: Image): readonly Content[] {
  return [image.config, ...image.layers];
}

export const busybox = repositoryNamed('library/busybox');
export const alpine = repositoryNamed('library/alpine');
export const latest = tagNamed('latest');
export const image = makeImage({ seed: 1 });
export const other = makeImage({ seed: 2 });
export const unknown = digestOf(Buffer.from('nobody has this'));
