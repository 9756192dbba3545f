import { companionStem, companionSuffixes } from '../../oci/companion-tag.ts';
import type { Digest } from '../../oci/digest.ts';
import { isRunnable, readImageManifest, type LayerDescriptor } from '../../oci/image-manifest.ts';
import { selectFromIndex } from '../../oci/index-selection.ts';
import type { Descriptor, Manifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-type.ts';
import { platformText, type Platforms } from '../../oci/platform.ts';
import { digestKey, parseTag, tagKey, type Repository, type Tag } from '../../oci/reference.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Pins } from '../space/pins.ts';
import type { BlobPart, ImageContents, ManifestPart } from './schemas.ts';

export interface ContentsReaderDeps {
  readonly content: Pick<ContentStore, 'size'>;
  readonly metadata: Pick<MetadataStore, 'manifest' | 'tag' | 'manifestsOfSubject'>;
  readonly pins: Pins;
}

/** A root manifest, and what is known of it. */
export interface ImageRoot {
  readonly repository: Repository;
  readonly manifest: Manifest;
  readonly tag: Tag | undefined;
  readonly subject?: Digest;
}

const indexTypes: ReadonlySet<string> = new Set([mediaTypes.ociIndex, mediaTypes.dockerManifestList]);

/** Deeper than any index lists indexes. */
const maxDepth = 8;

/** Finds out what cached images consist of. Rejects with StoreError. */
export class ContentsReader {
  readonly #deps: ContentsReaderDeps;

  constructor(deps: ContentsReaderDeps) {
    this.#deps = deps;
  }

  /** @param image its name; undefined: that with its upstream, and tag or digest */
  async read(root: ImageRoot, platforms: Platforms, image?: string): Promise<ImageContents> {
    const { pins } = this.#deps;
    const { repository, manifest, tag, subject } = root;
    await pins.load();
    const walk = new Walk(this.#deps, repository, platforms);
    return {
      image: image ?? fullName(root),
      upstream: repository.upstream,
      repository: repository.name,
      tag: tag ?? null,
      subject: subject ?? null,
      pinned: pins.patternOf(repository, tag === undefined ? [] : [tag], manifest.digest) !== undefined,
      manifests: await walk.from(manifest),
      lacking: walk.lacking,
      whole: walk.whole,
    };
  }

  /** What is cached that refers to these manifests, and to that in turn; each once. */
  async *referrers(repository: Repository, subjects: readonly Digest[]): AsyncGenerator<ImageRoot> {
    const seen = new Set(subjects);
    // Grows while it is iterated.
    const pending = [...subjects];
    for (const subject of pending) {
      for await (const root of this.#referrersOf(repository, subject)) {
        if (seen.has(root.manifest.digest)) continue;
        seen.add(root.manifest.digest);
        pending.push(root.manifest.digest);
        yield root;
      }
    }
  }

  async *#referrersOf(repository: Repository, subject: Digest): AsyncGenerator<ImageRoot> {
    const { metadata } = this.#deps;
    for (const suffix of companionSuffixes) {
      const tag = parseTag(`${companionStem(subject)}${suffix}`);
      const record = tag && (await metadata.tag(repository, tag));
      const manifest = record && (await metadata.manifest(repository, record.digest));
      if (manifest !== undefined) yield { repository, manifest, tag, subject };
    }
    for (const manifest of await metadata.manifestsOfSubject(repository, subject)) {
      yield { repository, manifest, tag: undefined, subject };
    }
  }
}

/** One walk from a root manifest down to its blobs. */
class Walk {
  readonly #deps: ContentsReaderDeps;
  readonly #repository: Repository;
  readonly #platforms: Platforms;
  readonly #parts = new Map<Digest, ManifestPart>();
  readonly lacking: string[] = [];
  whole = true;

  constructor(deps: ContentsReaderDeps, repository: Repository, platforms: Platforms) {
    this.#deps = deps;
    this.#repository = repository;
    this.#platforms = platforms;
  }

  async from(root: Manifest): Promise<ImageContents['manifests']> {
    const first = await this.#visit(root, root, { platform: null, attests: false, depth: 0 });
    return [first, ...[...this.#parts.values()].filter((part) => part !== first)];
  }

  async #visit(
    { mediaType, digest, size }: Descriptor,
    manifest: Manifest | undefined,
    place: { readonly platform: string | null; readonly attests: boolean; readonly depth: number },
  ): Promise<ManifestPart> {
    const { platform, attests, depth } = place;
    const own = { mediaType, digest, size, platform };
    if (indexTypes.has(mediaType)) {
      const part = this.#add({ ...own, kind: 'index', cached: manifest !== undefined, blobs: [] });
      if (manifest !== undefined && depth < maxDepth) await this.#children(manifest, depth + 1);
      return part;
    }
    const read = manifest && readImageManifest(manifest.bytes);
    const runs = read === undefined || isRunnable(read);
    return this.#add({
      ...own,
      kind: attests ? 'attestation' : runs ? 'image' : 'artifact',
      cached: read !== undefined,
      blobs: [
        ...(read?.config === undefined ? [] : [await this.#blob('config', read.config)]),
        ...(await Promise.all((read?.layers ?? []).map((layer) => this.#blob('layer', layer)))),
      ],
    });
  }

  #add(part: ManifestPart): ManifestPart {
    this.#parts.set(part.digest, part);
    return part;
  }

  async #children(index: Manifest, depth: number): Promise<void> {
    const { entries, missing } = selectFromIndex(index.bytes, this.#platforms);
    this.lacking.push(...missing.map(platformText));
    if (entries.length < selectFromIndex(index.bytes, 'all').entries.length) this.whole = false;
    for (const entry of entries) {
      if (this.#parts.has(entry.digest)) continue;
      const manifest = await this.#deps.metadata.manifest(this.#repository, entry.digest);
      const platform = entry.platform === undefined ? null : platformText(entry.platform);
      await this.#visit(entry, manifest, { platform, attests: entry.attests !== undefined, depth });
    }
  }

  async #blob(
    kind: BlobPart['kind'],
    { mediaType, digest, size, foreign = false }: Descriptor & Partial<LayerDescriptor>,
  ): Promise<BlobPart> {
    const stored = await this.#deps.content.size(digest);
    return { mediaType, digest, size, kind, foreign, stored: stored ?? null };
  }
}

function fullName({ repository, tag, manifest }: ImageRoot): string {
  return tag === undefined ? digestKey(repository, manifest.digest) : tagKey(repository, tag);
}
