import { mediaTypes } from '../oci/media-type.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';
import { provenance } from './provenance.ts';
import { contentDigest, pullTarget } from './target.ts';

/**
 * The manifests that refer to another one: signatures, SBOMs, attestations.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export class ReferrersHandler {
  readonly #mirror: Mirror;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  async list(exchange: Exchange): Promise<Response> {
    const target = pullTarget(exchange);
    const digest = contentDigest(exchange);
    // An empty filter is none, as clients that always write the parameter mean it.
    const artifactType = exchange.query('artifactType') || undefined;
    const answer = await this.#mirror.referrers(target, digest, artifactType);
    return exchange.reply({
      status: 200,
      headers: [
        ...provenance(exchange, answer),
        'Content-Type',
        mediaTypes.ociIndex,
        ...(answer.filtered ? ['OCI-Filters-Applied', 'artifactType'] : []),
      ],
      body: JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: answer.descriptors,
      }),
    });
  }
}
