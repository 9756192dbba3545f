import type { MirrorAddress, MirroredUpstream } from '../mirror-address.ts';

/** Names of upstreams, as they stand in a sentence. */
export function list(upstreams: readonly MirroredUpstream[]): string {
  return upstreams.map(({ name }) => name).join(', ');
}

/** @param location of the client's certificate and key */
export function certificateNote({ clientCertificates }: MirrorAddress, location: string): string | false {
  return clientCertificates && `The mirror asks for a client certificate: put it into ${location}.`;
}
