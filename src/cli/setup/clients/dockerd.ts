import { dockerHub } from '../../../oci/docker-hub.ts';
import type { MirrorAddress, Origin } from '../mirror-address.ts';

/**
 * Where dockerd gets images of Docker Hub as it asks its `registry-mirrors`: by plain names, and without a login, since it
 * logs in to no mirror. Undefined when there is no such place.
 */
export function hubMirror({ upstreams, publicOrigin, login }: MirrorAddress): Origin | undefined {
  const hub = upstreams.find(({ name }) => name === dockerHub);
  if (login === 'required') return undefined;
  return publicOrigin === undefined ? hub?.own : hub?.publicOwn;
}

/** All addresses at which dockerd asks the mirror, each once: each needs its own trust. */
export function dockerdAddresses(mirror: MirrorAddress): readonly Origin[] {
  const all = [mirror.origin, mirror.publicOrigin, hubMirror(mirror)].filter((one) => one !== undefined);
  return [...new Map(all.map((one) => [one.authority, one])).values()];
}
