import { parseDigest, type Digest } from '../oci/digest.ts';
import { dockerHubHosts } from '../oci/docker-hub.ts';
import { registryErrors } from '../oci/error.ts';
import {
  parseManifestReference,
  parseUpstreamName,
  parseWrittenName,
  type ManifestReference,
  type UpstreamName,
} from '../oci/reference.ts';
import type { PullTarget } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';

const maxShownLength = 128;

/**
 * The repository of the path, the registry from the path's prefix, `?ns=`, the `Host` header or the listener,
 * and the reader. Throws RegistryError `NAME_INVALID`, or `NAME_UNKNOWN` when `ns` is no registry or two are
 * named.
 */
export function pullTarget(exchange: Exchange): PullTarget {
  const text = exchange.request.param('name') ?? '';
  const written = parseWrittenName(text);
  if (written === undefined) throw registryErrors.nameInvalid(shown(text));
  const { name, registry } = written;
  exchange.name = text;
  const namespaceText = exchange.request.query('ns');
  if (namespaceText !== undefined) {
    const namespace = parseUpstreamName(namespaceText);
    if (namespace === undefined) throw registryErrors.nameUnknown(name);
    exchange.namespace = namespace;
  }
  exchange.registry = agreed(name, [exchange.namespace, ...exchange.bound]);
  return {
    name,
    namespace: agreed(name, [exchange.registry, registry]),
    reader: exchange.reader,
    cachedOnly: exchange.wantsCachedOnly,
  };
}

/** The registry of the `Host` header and the listener. Throws RegistryError `NAME_UNKNOWN` for two. */
export function boundUpstream(exchange: Exchange): UpstreamName | undefined {
  return agreed('', exchange.bound);
}

/** The upstream that a `Host` header is bound to, if any. Case and port do not matter. */
export function upstreamOfHost(
  hosts: ReadonlyMap<string, UpstreamName>,
  host: string | undefined,
): UpstreamName | undefined {
  if (host === undefined || hosts.size === 0) return undefined;
  return hosts.get(host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, ''));
}

/** The one registry that all of `stated` name. Throws RegistryError `NAME_UNKNOWN` for two. */
function agreed(name: string, stated: readonly (UpstreamName | undefined)[]): UpstreamName | undefined {
  let meant: UpstreamName | undefined;
  for (const one of stated) {
    if (one === undefined) continue;
    meant ??= one;
    if (one !== meant && !(dockerHubHosts.has(one) && dockerHubHosts.has(meant))) {
      throw registryErrors.nameUnknown(name, `${meant} is asked for where only ${one} is served`);
    }
  }
  return meant;
}

/**
 * The tag or digest of the path. Throws RegistryError: `DIGEST_INVALID` for what looks like a digest,
 * otherwise a 404 `MANIFEST_UNKNOWN`, as in registry:2 and the OCI conformance suite.
 */
export function manifestReference(exchange: Exchange): ManifestReference {
  const text = exchange.request.param('reference') ?? '';
  const reference = parseManifestReference(text);
  if (reference === undefined) {
    throw text.includes(':')
      ? registryErrors.digestInvalid(shown(text))
      : registryErrors.manifestUnknown(shown(text), 'manifest unknown: that is no tag');
  }
  exchange.reference = text;
  return reference;
}

/** The digest of the path. Throws RegistryError `DIGEST_INVALID`. */
export function contentDigest(exchange: Exchange): Digest {
  const text = exchange.request.param('digest') ?? '';
  const digest = parseDigest(text);
  if (digest === undefined) throw registryErrors.digestInvalid(shown(text));
  exchange.reference = digest;
  return digest;
}

function shown(text: string): string {
  return text.slice(0, maxShownLength);
}
