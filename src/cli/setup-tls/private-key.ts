import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type webcrypto,
} from 'node:crypto';

/** For all keys and signatures: every registry client supports it. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Why a key or a certificate cannot be used; the message quotes nothing of them. */
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
