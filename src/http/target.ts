import { parseDigest, type Digest } from '../oci/digest.ts';
import { dockerHubHosts } from '../oci/docker-hub.ts';
import { registryErrors } from '../oci/error.ts';
import {
  parseManifestReference,
  parseRepositoryName,
  parseUpstreamName,
  type ManifestReference,
  type RepositoryName,
  type UpstreamName,
} from '../oci/reference.ts';
import type { PullTarget } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';

const maxShownLength = 128;

/**
 * What a request names and who asks: the repository by its path, the registry by `?ns=`, the `Host` header or the listener
 * it came to. Throws RegistryError `NAME_INVALID`, or `NAME_UNKNOWN` for no registry or for two.
 */
export function pullTarget(exchange: Exchange): PullTarget {
  const text = exchange.param('name');
  const name = parseRepositoryName(text);
  if (name === undefined) throw registryErrors.nameInvalid(shown(text));
  exchange.name = name;
  const namespaceText = exchange.query('ns');
  if (namespaceText !== undefined) {
    const namespace = parseUpstreamName(namespaceText);
    if (namespace === undefined) throw registryErrors.nameUnknown(name);
    exchange.namespace = namespace;
  }
  return { name, namespace: agreed(name, [exchange.namespace, ...exchange.bound]), reader: exchange.reader };
}

/** The one registry that all who name one name. */
function agreed(
  name: RepositoryName,
  stated: readonly (UpstreamName | undefined)[],
): UpstreamName | undefined {
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

/** The tag or digest of the path. Throws RegistryError `DIGEST_INVALID` or `TAG_INVALID`. */
export function manifestReference(exchange: Exchange): ManifestReference {
  const text = exchange.param('reference');
  const reference = parseManifestReference(text);
  if (reference === undefined) {
    throw text.includes(':')
      ? registryErrors.digestInvalid(shown(text))
      : registryErrors.tagInvalid(shown(text));
  }
  exchange.reference = text;
  return reference;
}

/** The digest of the path. Throws RegistryError `DIGEST_INVALID`. */
export function contentDigest(exchange: Exchange): Digest {
  const text = exchange.param('digest');
  const digest = parseDigest(text);
  if (digest === undefined) throw registryErrors.digestInvalid(shown(text));
  exchange.reference = digest;
  return digest;
}

function shown(text: string): string {
  return text.slice(0, maxShownLength);
}
