import { mediaTypes } from '../oci/media-type.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { cacheHeaders } from './cache-status.ts';
import type { Exchange } from './exchange.ts';
import { contentDigest, pullTarget } from './target.ts';

/**
 * The manifests that refer to another one: signatures, SBOMs, attestations.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export async function listReferrers(mirror: Mirror, exchange: Exchange): Promise<Response> {
  const target = pullTarget(exchange);
  const digest = contentDigest(exchange);
  // An empty filter is none, as clients that always write the parameter mean it.
  const artifactType = exchange.request.query('artifactType') || undefined;
  const answer = await mirror.referrers(target, digest, artifactType);
  const filters = answer.filtered ? ['OCI-Filters-Applied', 'artifactType'] : [];
  const mediaType = mediaTypes.ociIndex;
  return exchange.reply({
    status: 200,
    headers: [...cacheHeaders(exchange, answer), 'Content-Type', mediaType, ...filters],
    body: JSON.stringify({ schemaVersion: 2, mediaType, manifests: answer.descriptors }),
  });
}
