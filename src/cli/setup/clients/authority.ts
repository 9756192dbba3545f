import type { LocalFile } from '../files/local-file.ts';
import type { MirrorAddress } from '../mirror-address.ts';

/** The file with the certificate authority, when there is one that clients do not know. */
export function authorityFile({ ca }: MirrorAddress, path: string): readonly LocalFile[] {
  return ca === undefined ? [] : [{ path, kind: 'whole', text: ca }];
}
