/** Media types of manifests, and what a client's `Accept` says of them. */

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

/** Every manifest type that Entrepot stores, in the order in which it asks an upstream for them. */
export const manifestMediaTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  mediaTypes.ociArtifact,
];

/** A media type without its parameters, in lower case: `application/json; charset=utf-8` is `application/json`. */
export function bareMediaType(text: string): string {
  return (text.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/**
 * Whether an `Accept` header (its lines joined by commas) admits `mediaType`. No header, or an empty one, admits all.
 * Only `q=0` matters of the parameters: a manifest comes in the one type that it has.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
 */
export function accepts(accept: string | undefined, mediaType: string): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  const family = `${mediaType.split('/', 1)[0] ?? ''}/*`;
  return accept.split(',').some((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))) return false;
    return name === mediaType || name === '*/*' || name === family;
  });
}
