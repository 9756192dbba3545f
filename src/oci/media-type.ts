/** Media types of manifests, and what a client's `Accept` says of them. */

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

/** What the config of one of Docker's images is; Ollama's models have one, too. */
export const dockerImageConfig = 'application/vnd.docker.container.image.v1+json';

/** Every manifest type that Entrepot stores, in the order in which it asks an upstream for them. */
export const manifestMediaTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  mediaTypes.ociArtifact,
];

/** A media type without its parameters, in lower case. */
export function bareMediaType(text: string): string {
  return (text.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** `type/subtype` of tokens, either of them possibly a star (RFC 9110, section 12.5.1). */
const mediaRange = /^[!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+$/;

/**
 * Whether an `Accept` header (its lines joined by commas) admits `mediaType`. One without any media range
 * admits all: RamaLama sends `Accept: Accept: application/…`. Only `q=0` matters: a manifest comes in one
 * type.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
 */
export function accepts(accept: string | undefined, mediaType: string): boolean {
  const ranges = (accept ?? '')
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim().toLowerCase()))
    .filter(([name = '']) => mediaRange.test(name));
  if (ranges.length === 0) return true;
  const family = `${mediaType.split('/', 1)[0] ?? ''}/*`;
  return ranges.some(([name = '', ...parameters]) => {
    if (parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))) return false;
    return name === mediaType || name === '*/*' || name === family;
  });
}
