import { Origin, type MirrorAddress } from '../../../../src/cli/setup/mirror-address.ts';

/** Stands for an authority's certificate where nobody looks into it. */
export const authority = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** A mirror of Docker Hub and ghcr.io at that address, by plain HTTP if not told otherwise. */
export function aMirror(url = 'http://mirror.lan:5000', other: Partial<MirrorAddress> = {}): MirrorAddress {
  const origin = Origin.parse(url);
  return {
    origin,
    publicOrigin: undefined,
    upstreams: [
      { name: 'docker.io', server: 'https://registry-1.docker.io', own: origin },
      { name: 'ghcr.io', server: 'https://ghcr.io', own: undefined },
    ],
    ca: undefined,
    login: 'none',
    clientCertificates: false,
    ...other,
  };
}
