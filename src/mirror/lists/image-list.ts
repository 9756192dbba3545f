import type { Pins } from '../../cache/space/pins.ts';
import { parseDigest } from '../../oci/digest.ts';
import { registryErrors } from '../../oci/error.ts';
import { parseRepositoryName, parseTag, parseUpstreamName, repositoryKey } from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import type { ImageKey, StoredImage } from '../../store/inventory.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Gate } from '../access/gate.ts';
import type { Reader } from '../access/reader.ts';
import type { ImagePage, ListedImage } from '../mirror.ts';
import type { Upstream } from '../upstream.ts';

/** Images read from the database at a time. */
const batch = 200;

export interface ImageListDeps {
  readonly routing: Routing<Upstream>;
  readonly metadata: Pick<MetadataStore, 'inventory' | 'tag'>;
  readonly gate: Gate;
  readonly pins: Pins;
}

/** The cached images, as far as a reader may see them. Upstream is never asked. */
export class ImageList {
  readonly #deps: ImageListDeps;

  constructor(deps: ImageListDeps) {
    this.#deps = deps;
  }

  /**
   * The first images of a page.
   * @throws {RegistryError} for a reader who may not use the catalog, a page that does not begin with an
   * image, and when the database cannot be read
   */
  async find({ reader, last, limit, namespace }: ImagePage): Promise<readonly ListedImage[]> {
    const { gate, pins } = this.#deps;
    gate.admitToCatalog(reader);
    const after = last === undefined ? undefined : readKey(last);
    const found: ListedImage[] = [];
    if (limit <= 0) return found;
    try {
      await pins.load();
      for await (const image of this.#shown(after, reader)) {
        if (namespace !== undefined && image.repository.upstream !== namespace) continue;
        found.push(await this.#listed(image));
        if (found.length === limit) break;
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw registryErrors.unavailable('the list of images cannot be read right now', { cause: error });
    }
    return found;
  }

  async *#shown(first: ImageKey | undefined, reader: Reader): AsyncGenerator<StoredImage> {
    const { metadata, gate, routing } = this.#deps;
    const mirrored = new Set(routing.upstreams.map(({ name }) => name));
    // Images of a repository follow one another.
    let repository = { key: '', isShown: false };
    for (let after = first; ;) {
      const images = await metadata.inventory.images(after, batch);
      for (const image of images) {
        after = image;
        if (!mirrored.has(image.repository.upstream)) continue;
        const key = repositoryKey(image.repository);
        if (key !== repository.key) repository = { key, isShown: await gate.shows(image.repository, reader) };
        if (repository.isShown) yield image;
      }
      if (images.length === 0) return;
    }
  }

  async #listed({ repository, tag, digest, mediaType, bytes, complete }: StoredImage): Promise<ListedImage> {
    const { metadata, pins } = this.#deps;
    const pinned = pins.patternOf(repository, tag === undefined ? [] : [tag], digest) !== undefined;
    const key = `${repositoryKey(repository)}${tag === undefined ? '' : `:${tag}`}@${digest}`;
    const record = tag && (await metadata.tag(repository, tag));
    const image = { repository, tag, digest, mediaType, bytes, complete };
    return { key, ...image, pinned, checkedAt: record?.checkedAt };
  }
}

/** @throws {RegistryError} `NAME_INVALID` */
function readKey(text: string): ImageKey {
  const [, upstream = '', name = '', tagText, digestText = ''] =
    /^([^/]+)\/([^@]+?)(?::([^/@:]+))?@([^@]+)$/.exec(text) ?? [];
  const repository = { upstream: parseUpstreamName(upstream), name: parseRepositoryName(name) };
  const tag = tagText === undefined ? undefined : parseTag(tagText);
  const digest = parseDigest(digestText);
  const isTag = tagText === undefined || tag !== undefined;
  if (repository.upstream === undefined || repository.name === undefined || digest === undefined || !isTag)
    throw registryErrors.nameInvalid(text.slice(0, 512));
  return { repository: { upstream: repository.upstream, name: repository.name }, tag, digest };
}
