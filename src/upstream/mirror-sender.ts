import type { Hops } from '../base/hops.ts';
import { dockerHub } from '../oci/docker-hub.ts';
import { isPublicRegistry } from '../oci/public-registries.ts';
import type { UpstreamName } from '../oci/reference.ts';
import { headerText } from './headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';

interface MirrorSenderDeps {
  readonly sender: Sender;
  /** Where the registry answers, or another mirror in its place. */
  readonly url: URL;
  readonly hops: Hops | undefined;
  /** The registry that a mirror is asked for; undefined: the registry itself is asked. */
  readonly namespace: UpstreamName | undefined;
  /** Whether it is to give what it has, and to ask no one else for it. */
  readonly cachedOnly?: boolean | undefined;
}

/**
 * Asks another mirror for what a registry has, by `?ns=`, and tells it by which mirrors the request came. What
 * it gives counts only if it says that it has understood: one that has not would give what another registry
 * has under that name. Mirrors of Docker Hub alone say nothing.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#registry-proxying
 */
export function mirrorSender(deps: MirrorSenderDeps): Sender {
  const { sender, url, namespace, cachedOnly = false } = deps;
  // Any other may be a mirror, too.
  const hops = namespace === undefined && isPublicRegistry(url.hostname) ? undefined : deps.hops;
  if (hops === undefined && namespace === undefined && !cachedOnly) return sender;
  return {
    async send(request) {
      if (request.url.origin !== url.origin) return sender.send(request);
      const headers = {
        ...request.headers,
        ...(hops && { via: hops.via() }),
        ...(cachedOnly && { 'cache-control': 'only-if-cached' }),
      };
      if (namespace === undefined) return sender.send({ ...request, headers });
      const response = await sender.send({ ...request, headers, url: inNamespace(request.url, namespace) });
      requireUnderstood(response, request, namespace);
      return response;
    },
  };
}

function inNamespace(given: URL, namespace: UpstreamName): URL {
  const url = new URL(given);
  url.searchParams.set('ns', namespace);
  return url;
}

function requireUnderstood(
  { status, headers, url, body }: UpstreamResponse,
  request: UpstreamRequest,
  namespace: UpstreamName,
): void {
  if (status >= 300 || url.origin !== request.url.origin || namespace === dockerHub) return;
  if (headerText(headers, 'oci-namespace') === namespace) return;
  body.discard();
  throw new UpstreamError('invalid', `${url.host} is no mirror that can be asked for ${namespace}`, {
    status,
    advice: `give ${namespace} a url of its own`,
  });
}
