import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type webcrypto,
} from 'node:crypto';

/** For all keys and signatures: every client of registries knows it, and it needs no parameters to be chosen. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A key or a certificate cannot be used. The message is a clause that says why, and quotes nothing of them. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/** A fresh private key, as PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: algorithm.namedCurve });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** @throws {KeyError} when this is no key as {@link newKey} makes them */
export function readKey(text: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (cause) {
    throw new KeyError('the key cannot be parsed, or has a passphrase', { cause });
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new KeyError('the key is of another kind than those that Entrepot makes');
  }
  return key;
}

/** Both halves, as the Web Cryptography API wants them. */
export function cryptoKeys(privateKey: KeyObject): webcrypto.CryptoKeyPair {
  return {
    privateKey: privateKey.toCryptoKey(algorithm, false, ['sign']),
    publicKey: createPublicKey(privateKey).toCryptoKey(algorithm, true, ['verify']),
  };
}
