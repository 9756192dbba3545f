import { createHash, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK } from 'jose';

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * The `kid` of registry:2 and its token services: 240 bits of a hash of the key in base32, in groups of four
 * letters.
 * @see https://github.com/docker/libtrust/blob/master/util.go (keyIDFromCryptoKey)
 */
export function libtrustFingerprint(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  const hash = createHash('sha256').update(der).digest().subarray(0, 30);
  let text = '';
  // Five bytes are eight letters.
  for (let offset = 0; offset < hash.length; offset += 5) {
    let bits = BigInt(`0x${hash.toString('hex', offset, offset + 5)}`);
    let letters = '';
    for (let letter = 0; letter < 8; letter += 1) {
      letters = `${base32[Number(bits % 32n)]}${letters}`;
      bits /= 32n;
    }
    text += letters;
  }
  return (text.match(/.{4}/g) ?? []).join(':');
}

/**
 * The `kid` that newer versions of the registry use.
 * @see https://www.rfc-editor.org/rfc/rfc7638
 */
export async function thumbprint(key: KeyObject): Promise<string> {
  return await calculateJwkThumbprint(await exportJWK(key));
}
