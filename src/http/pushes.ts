import { maxManifestBytes, manifestMediaType, readManifest, ManifestSyntaxError } from '../oci/manifest.ts';
import { registryErrors } from '../oci/error.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Exchange } from './exchange.ts';
import { Throttle } from './throttle.ts';
import { pullTarget } from './target.ts';

const quietMs = 60_000;

/**
 * registry:2's answer is an error whose message is the code's own. dockerd takes that for a passing failure,
 * tries again for 50 s and prints "unsupported"; other clients print as little. A message of its own all
 * print, containerd from 2.0 on, and stop; podman tries three times more, within three seconds.
 * @see https://github.com/distribution/distribution/blob/v2.8.2/registry/api/errcode/errors.go
 *   (Errors.UnmarshalJSON)
 */
const messages = {
  push: 'this is a pull-through mirror, which takes no pushes: push to the registry itself',
  deletion: 'this is a pull-through mirror, which takes no deletions: delete from the registry itself',
};

/** Refuses what would change a repository, as registry:2 in proxy mode, and says what to do instead. */
export class PushHandler {
  readonly #logger: Logger;
  /** A client in a retry loop must not fill the log. */
  readonly #refusals: Throttle;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#refusals = new Throttle(clock, quietMs);
  }

  refuse(exchange: Exchange, what: keyof typeof messages): never {
    const { name } = pullTarget(exchange);
    this.#refusals.run((suppressed) =>
      this.#logger.warn(
        { method: exchange.request.method, name, requestId: exchange.id, suppressed },
        'a mirror refuses pushes and deletions: push to the registry itself, then pull through the mirror',
      ),
    );
    throw registryErrors.unsupported(messages[what]);
  }

  /** PUT of a manifest: a malformed one is answered as such, before pushes are refused. */
  async refuseManifest(exchange: Exchange): Promise<never> {
    pullTarget(exchange);
    const bytes = await readAtMost(exchange.request.raw.body, maxManifestBytes).catch(() => {
      throw registryErrors.manifestInvalid('the body ended too early');
    });
    if (bytes === undefined) throw registryErrors.manifestInvalid('larger than 4 MiB');
    try {
      manifestMediaType(exchange.request.header('content-type'), readManifest(bytes));
    } catch (error) {
      if (error instanceof ManifestSyntaxError) throw registryErrors.manifestInvalid(error.message);
      throw error;
    }
    return this.refuse(exchange, 'push');
  }
}

/**
 * The whole body, or undefined when it is longer than `limit` bytes. The rest is then dropped in the
 * background: for an unread body Node would close the connection.
 */
async function readAtMost(
  body: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<Buffer | undefined> {
  if (body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body.values({ preventCancel: true })) {
    length += chunk.length;
    if (length > limit) break;
    chunks.push(chunk);
  }
  if (length <= limit) return Buffer.concat(chunks, length);
  // The client may leave in the middle: then there is nothing more to drop.
  body.pipeTo(new WritableStream()).catch(() => undefined);
  return undefined;
}
