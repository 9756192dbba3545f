import type { Mirror } from '../mirror/mirror.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Exchange } from './exchange.ts';
import { manifestReference, pullTarget } from './target.ts';

/**
 * DELETE of a manifest or tag (`storage.delete.enabled`) from the cache; upstream keeps it. 202 without a
 * body, as in registry:2.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-management
 */
export async function deleteImage(mirror: Mirror, exchange: Exchange, logger: Logger): Promise<Response> {
  const target = pullTarget(exchange);
  const { tags, manifests, bytes } = await mirror.remove(target, manifestReference(exchange));
  const { id: requestId, client, registry, name, reference } = exchange;
  const { user } = exchange.reader;
  logger.info(
    { requestId, client, user, registry, name, reference, tags, manifests, bytes },
    'an image was deleted from the cache, as a client asked',
  );
  return exchange.reply({ status: 202, headers: [] });
}
