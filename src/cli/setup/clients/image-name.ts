import { dockerHub } from '../../../oci/docker-hub.ts';
import type { MirrorAddress, MirroredUpstream, Origin } from '../mirror-address.ts';
import { list } from './notes.ts';

/** Where an image of an upstream is pulled from the mirror by its name alone. */
interface ImagePrefix {
  readonly origin: Origin;
  /** What stands before the repository in the image's name. */
  readonly prefix: string;
}

/** Undefined for an upstream with a port: clients refuse names with two colons. */
export function imagePrefix(
  { origin }: MirrorAddress,
  { name, own }: MirroredUpstream,
): ImagePrefix | undefined {
  if (!name.includes(':')) return { origin, prefix: `${origin.authority}/${name}` };
  return own === undefined ? undefined : { origin: own, prefix: own.authority };
}

/** An image to try the mirror with, by its own registry's name: of a registry that is mirrored. */
export function sampleImage({ upstreams }: MirrorAddress): string {
  const [first] = upstreams;
  return first === undefined || upstreams.some(({ name }) => name === dockerHub)
    ? `${dockerHub}/library/alpine:3`
    : `${first.name}/OWNER/IMAGE:TAG`;
}

/** All of the mirror's addresses at which upstreams are found in that way, each once. */
export function imageOrigins(mirror: MirrorAddress): readonly Origin[] {
  const prefixes = mirror.upstreams.flatMap((upstream) => imagePrefix(mirror, upstream) ?? []);
  return [...new Map(prefixes.map(({ origin }) => [origin.url, origin])).values()];
}

/** What is left out, and what the operator can do about it. */
export function omittedNote(mirror: MirrorAddress): string | false {
  const omitted = mirror.upstreams.filter((upstream) => imagePrefix(mirror, upstream) === undefined);
  return (
    omitted.length > 0 &&
    `Left out: ${list(omitted)}. A name with a port cannot stand in a path for this client; give such an upstream a listen address or a host name of its own in the configuration.`
  );
}
