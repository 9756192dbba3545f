import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JWK } from 'jose';
import { AuthFileError, readable } from './auth-file-error.ts';
import { trustedKey } from './certificate-chain.ts';
import { libtrustFingerprint, thumbprint } from './key-id.ts';

/** Names of files: certificates in PEM form, and a JSON Web Key Set. */
export interface TokenKeyFiles {
  readonly rootcertbundle: readonly string[];
  readonly jwks: string | undefined;
}

/** What a token's header says of its key. */
interface KeyHint {
  readonly kid?: unknown;
  readonly x5c?: unknown;
}

/** The keys that may sign tokens: of the certificates, of the key set, and of chains that lead to a root. */
export class TokenKeys {
  readonly #roots: readonly X509Certificate[];
  readonly #byId: ReadonlyMap<string, KeyObject>;

  private constructor(roots: readonly X509Certificate[], byId: ReadonlyMap<string, KeyObject>) {
    this.#roots = roots;
    this.#byId = byId;
  }

  /** Rejects with AuthFileError when a file cannot be read or has no key in it. */
  static async read({ rootcertbundle, jwks }: TokenKeyFiles): Promise<TokenKeys> {
    const roots: X509Certificate[] = [];
    const byId = new Map<string, KeyObject>();
    for (const file of rootcertbundle) roots.push(...certificates(await read(file), file));
    for (const { publicKey } of roots) {
      byId.set(libtrustFingerprint(publicKey), publicKey);
      byId.set(await thumbprint(publicKey), publicKey);
    }
    if (jwks !== undefined) {
      for (const [id, key] of await keySet(await read(jwks), jwks)) byId.set(id, key);
    }
    return new TokenKeys(roots, byId);
  }

  /**
   * The key that a token says it is signed with, if that is trusted. As in registry:2, a certificate chain
   * takes precedence over an id. `now` is in milliseconds.
   */
  find({ kid, x5c }: KeyHint, now: number): KeyObject | undefined {
    if (Array.isArray(x5c) && x5c.length > 0) {
      return x5c.every((item) => typeof item === 'string') ? trustedKey(x5c, this.#roots, now) : undefined;
    }
    return typeof kid === 'string' ? this.#byId.get(kid) : undefined;
  }
}

function read(file: string): Promise<string> {
  return readable('auth.token', file, readFile(file, 'utf8'));
}

function unusable(message: string, options?: ErrorOptions): AuthFileError {
  return new AuthFileError('auth.token', message, options);
}

function certificates(pem: string, file: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw unusable(`${file} has no certificate in it`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw unusable(`${file} has a certificate in it that cannot be read`, { cause });
  }
}

async function keySet(json: string, file: string): Promise<readonly (readonly [string, KeyObject])[]> {
  const entries: [string, KeyObject][] = [];
  try {
    const { keys } = JSON.parse(json) as { readonly keys: readonly JWK[] };
    for (const jwk of keys) {
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      if ('kid' in jwk && typeof jwk.kid === 'string') entries.push([jwk.kid, key]);
      entries.push([libtrustFingerprint(key), key], [await thumbprint(key), key]);
    }
  } catch (cause) {
    throw unusable(`${file} is not a JSON Web Key Set of public keys`, { cause });
  }
  if (entries.length === 0) throw unusable(`${file} has no key in it`);
  return entries;
}
