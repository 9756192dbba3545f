import { dockerHub } from '../../../oci/docker-hub.ts';
import type { MirrorAddress, Origin } from '../mirror-address.ts';

/**
 * The mirror of Docker Hub for dockerd's `registry-mirrors`, which are asked by plain names and without a
 * login. Undefined if there is none.
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
