import { registryErrors } from '../oci/error.ts';
import { accepts } from '../oci/media-type.ts';
import { referenceText } from '../oci/reference.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { etag, matchesIfNoneMatch } from './etag.ts';
import type { Exchange } from './exchange.ts';
import { provenance } from './provenance.ts';
import { manifestReference, pullTarget } from './target.ts';

/** GET and HEAD of a manifest: the same headers for both. */
export class ManifestHandler {
  readonly #mirror: Mirror;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  async pull(exchange: Exchange): Promise<Response> {
    const target = pullTarget(exchange);
    const reference = manifestReference(exchange);
    const method = exchange.method === 'HEAD' ? 'HEAD' : 'GET';
    // Before the answer: what changes while that is made ends it.
    const validity = exchange.isCacheable
      ? this.#mirror.manifestValidity(target, reference, method)
      : undefined;
    const answer = await this.#mirror.manifest(target, reference, method);
    const origin = provenance(exchange, answer);
    const { mediaType, digest, size } = answer.descriptor;
    if (!accepts(exchange.header('accept'), mediaType)) {
      throw registryErrors.manifestUnknown(
        referenceText(reference),
        `manifest is held as ${mediaType}, which the Accept header does not admit`,
      );
    }
    const headers = [
      ...origin,
      'Docker-Content-Digest',
      digest,
      'ETag',
      etag(digest),
      // One type or a 404, by what the client accepts: a shared cache must keep the two apart.
      'Vary',
      'Accept',
    ];
    if (matchesIfNoneMatch(exchange.header('if-none-match'), digest)) {
      return exchange.reply({ status: 304, headers });
    }
    headers.push('Content-Type', mediaType);
    const isAsItIs = answer.result === 'hit' && answer.upstreamMs === 0 && !answer.notices?.length;
    const lasting = isAsItIs ? { validity } : undefined;
    if (method === 'HEAD') return exchange.reply({ status: 200, headers, length: size, ...lasting });
    if (answer.bytes === undefined)
      throw new TypeError('the mirror answered GET of a manifest without bytes');
    return exchange.reply({ status: 200, headers, body: answer.bytes, ...lasting });
  }
}
