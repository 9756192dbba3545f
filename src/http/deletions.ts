import type { Mirror } from '../mirror/mirror.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Exchange } from './exchange.ts';
import { manifestReference, pullTarget } from './target.ts';

/**
 * DELETE of a manifest or tag (`storage.delete.enabled`): it leaves the cache, and upstream keeps it.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-management
 */
export class DeletionHandler {
  readonly #mirror: Mirror;
  readonly #logger: Logger;

  constructor(mirror: Mirror, logger: Logger) {
    this.#mirror = mirror;
    this.#logger = logger;
  }

  /** 202 without a body, as registry:2 answers. */
  async remove(exchange: Exchange): Promise<Response> {
    const target = pullTarget(exchange);
    const reference = manifestReference(exchange);
    const { tags, manifests, bytes } = await this.#mirror.remove(target, reference);
    this.#logger.info(
      {
        requestId: exchange.id,
        client: exchange.client,
        user: exchange.reader.user,
        registry: exchange.registry,
        name: exchange.name,
        reference: exchange.reference,
        tags,
        manifests,
        bytes,
      },
      'an image was deleted from the cache, as a client asked',
    );
    return exchange.reply({ status: 202, headers: [] });
  }
}
