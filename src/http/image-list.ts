import { tagKey, digestKey } from '../oci/reference.ts';
import type { ListedImage, Mirror } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';
import { nextPageLink, pageRequest } from './pagination.ts';
import { jsonReply } from './reply.ts';
import { boundUpstream } from './target.ts';

export const imageListPath = '/v2/_entrepot/images';

/** Entries when a client does not say. */
const defaultEntries = 100;

/**
 * An extension of the registry's API: the cached images, page by page, as the catalog lists repositories.
 * Upstream is never asked.
 * @param maxEntries in one page (`catalog.maxentries`)
 * @see https://github.com/opencontainers/distribution-spec/tree/main/extensions
 */
export async function listImages(mirror: Mirror, exchange: Exchange, maxEntries: number): Promise<Response> {
  const { n, last } = pageRequest(exchange);
  const limit = Math.min(n ?? defaultEntries, maxEntries);
  const namespace = boundUpstream(exchange);
  // One more than wanted tells whether a next page exists.
  const wanted = limit === 0 ? 0 : limit + 1;
  const found = await mirror.images({ reader: exchange.reader, last, limit: wanted, namespace });
  const images = found.slice(0, limit);
  const end = images.length < found.length ? images.at(-1)?.key : undefined;
  const headers = end === undefined ? [] : nextPageLink(imageListPath, limit, end);
  return exchange.reply(jsonReply({ images: images.map(entry) }, { headers }));
}

function entry({
  repository,
  tag,
  digest,
  mediaType,
  bytes,
  complete,
  pinned,
  checkedAt,
}: ListedImage): object {
  return {
    image: tag === undefined ? digestKey(repository, digest) : tagKey(repository, tag),
    upstream: repository.upstream,
    repository: repository.name,
    tag: tag ?? null,
    digest,
    mediaType,
    bytes,
    complete,
    pinned,
    checkedAt: checkedAt ?? null,
  };
}
