import { createHash, type Hash } from 'node:crypto';

declare const digestBrand: unique symbol;

/**
 * A content digest, `<algorithm>:<lowercase hex>`, whose form and algorithm have been checked: it becomes a
 * file name.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */
export type Digest = string & { readonly [digestBrand]: true };

/** Those that docker, containerd, skopeo and registry:2 know. SHA-384 is not registered, but accepted. */
export const digestAlgorithms = ['sha256', 'sha384', 'sha512'] as const;

export type DigestAlgorithm = (typeof digestAlgorithms)[number];

const pattern = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;

/** The digest that `text` spells, or undefined when it spells none. */
export function parseDigest(text: string): Digest | undefined {
  return pattern.test(text) ? (text as Digest) : undefined;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

/** The hexadecimal part, safe as a file name. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of `bytes` under `algorithm`. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** Whether `digest` is that of `bytes`. */
export function isDigestOf(digest: Digest, bytes: Uint8Array): boolean {
  return digestOf(bytes, digestAlgorithm(digest)) === digest;
}

/** Hashes bytes as they pass and says in the end whether they were the ones that `digest` names. */
export class DigestVerifier {
  readonly digest: Digest;
  readonly #hash: Hash;

  constructor(digest: Digest) {
    this.digest = digest;
    this.#hash = createHash(digestAlgorithm(digest));
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  /** True when all bytes so far hash to the digest. Copies the state, so more may follow. */
  matches(): boolean {
    return this.#hash.copy().digest('hex') === digestHex(this.digest);
  }
}
