import { registryErrors } from '../oci/error.ts';
import { accepts } from '../oci/media-type.ts';
import { referenceText } from '../oci/reference.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { cacheHeaders } from './cache-status.ts';
import { etag, matchesIfNoneMatch } from './etag.ts';
import type { Exchange } from './exchange.ts';
import { manifestReference, pullTarget } from './target.ts';

/** GET and HEAD of a manifest: the same headers for both. */
export async function pullManifest(mirror: Mirror, exchange: Exchange): Promise<Response> {
  const { request } = exchange;
  const target = pullTarget(exchange);
  const reference = manifestReference(exchange);
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
  const answer = await mirror.manifest(target, reference, method);
  const origin = cacheHeaders(exchange, answer);
  const { mediaType, digest, size } = answer.descriptor;
  if (!accepts(request.header('accept'), mediaType)) {
    throw registryErrors.manifestUnknown(
      referenceText(reference),
      `manifest is held as ${mediaType}, which the Accept header does not admit`,
    );
  }
  const headers = [...origin, 'Docker-Content-Digest', digest, 'ETag', etag(digest)];
  // One type or a 404, depending on what the client accepts: a shared cache must keep the two apart.
  headers.push('Vary', 'Accept');
  if (matchesIfNoneMatch(request.header('if-none-match'), digest)) {
    return exchange.reply({ status: 304, headers });
  }
  headers.push('Content-Type', mediaType);
  if (method === 'HEAD') return exchange.reply({ status: 200, headers, length: size });
  if (answer.bytes === undefined) throw new TypeError('the mirror answered GET of a manifest without bytes');
  return exchange.reply({ status: 200, headers, body: answer.bytes });
}
