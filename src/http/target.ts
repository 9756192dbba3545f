import { parseDigest, type Digest } from '../oci/digest.ts';
import { registryErrors } from '../oci/error.ts';
import {
  parseManifestReference,
  parseRepositoryName,
  parseUpstreamName,
  type ManifestReference,
} from '../oci/reference.ts';
import type { PullTarget } from '../mirror/mirror.ts';
import { anonymous } from '../mirror/reader.ts';
import type { Exchange } from './exchange.ts';
import type { HeaderList } from './reply.ts';

const maxShownLength = 128;

/** The repository that a request names by its path and `?ns=`. Throws RegistryError `NAME_INVALID` or `NAME_UNKNOWN`. */
export function pullTarget(exchange: Exchange): PullTarget {
  const text = exchange.param('name');
  const name = parseRepositoryName(text);
  if (name === undefined) throw registryErrors.nameInvalid(shown(text));
  exchange.name = name;
  const namespaceText = exchange.query('ns');
  if (namespaceText === undefined) return { name, namespace: undefined, reader: anonymous };
  const namespace = parseUpstreamName(namespaceText);
  if (namespace === undefined) throw registryErrors.nameUnknown(name);
  return { name, namespace, reader: anonymous };
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

/** Says which registry an answer is of, when the client named one. */
export function namespaceHeaders({ namespace }: PullTarget): HeaderList {
  return namespace === undefined ? [] : ['OCI-Namespace', namespace];
}

function shown(text: string): string {
  return text.slice(0, maxShownLength);
}
