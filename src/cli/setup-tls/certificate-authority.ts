// Must come first: @peculiar/x509 puts its parts together by decorators that look for it.
import 'reflect-metadata';
import { randomBytes, X509Certificate, type KeyObject } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { algorithm, cryptoKeys, KeyError, readKey } from './private-key.ts';
import type { SubjectName } from './subject-name.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** How far before now certificates begin, for clients whose clocks are behind. */
const backdateMs = dayMs;
const authorityDays = 3650;
/** Apple's systems refuse server certificates of private authorities that live longer. */
export const maxServerDays = 825;

/** Also on the authority, which limits it to servers: what it signs for clients or code is worth nothing. */
const serverAuth = '1.3.6.1.5.5.7.3.1';

/** A key and its certificate, both as PEM. */
interface KeyPair {
  readonly key: string;
  readonly certificate: string;
}

/** A certificate for a server. */
export interface Issued {
  /** As PEM. */
  readonly certificate: string;
  readonly expiresAt: Date;
}

/** The mirror's own certificate authority: one root, which signs server certificates only. */
export class CertificateAuthority {
  readonly #text: string;
  readonly #key: KeyObject;
  readonly #certificate: x509.X509Certificate;

  private constructor(certificate: string, key: KeyObject) {
    this.#text = certificate;
    this.#key = key;
    this.#certificate = new x509.X509Certificate(certificate);
  }

  /**
   * Makes one, valid for ten years.
   * @param owner whose it is, to tell it from others in trust stores
   * @param key as {@link newKey} makes them
   * @throws {KeyError}
   */
  static async create(owner: string, key: string, now: number): Promise<CertificateAuthority> {
    const privateKey = readKey(key);
    const keys = cryptoKeys(privateKey);
    const serial = serialNumber();
    const notBefore = new Date(now - backdateMs);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
      {
        serialNumber: serial,
        // Trust stores show names only: an authority that replaces another one must look different.
        name: new x509.Name([
          { CN: [`Entrepot CA of ${owner}`.slice(0, 50) + ` ${serial.slice(0, 8)}`] },
        ]).toString(),
        notBefore,
        notAfter: new Date(notBefore.getTime() + authorityDays * dayMs),
        keys,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(true, 0, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
          new x509.ExtendedKeyUsageExtension([serverAuth]),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
      },
      crypto,
    );
    return new CertificateAuthority(pem(certificate), privateKey);
  }

  /** @throws {KeyError} when these are not an authority of ours that can still sign */
  static load(pair: KeyPair, now: number): CertificateAuthority {
    const privateKey = readKey(pair.key);
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(pair.certificate);
    } catch (cause) {
      throw new KeyError('the certificate cannot be parsed', { cause });
    }
    if (!certificate.ca) throw new KeyError('the certificate is not that of an authority');
    if (!certificate.checkPrivateKey(privateKey)) {
      throw new KeyError('the key is not that of the certificate');
    }
    if (certificate.validToDate.getTime() <= now) throw new KeyError('the certificate has expired');
    return new CertificateAuthority(pair.certificate, privateKey);
  }

  /** As PEM. */
  get certificate(): string {
    return this.#text;
  }

  get expiresAt(): Date {
    return this.#certificate.notAfter;
  }

  /**
   * Signs a certificate for a server.
   * @param key the server's, as {@link newKey} makes them
   * @param days how long it lives, {@link maxServerDays} at most; never longer than the authority
   * @throws {KeyError}
   */
  async issue(
    key: string,
    names: readonly [SubjectName, ...SubjectName[]],
    days: number,
    now: number,
  ): Promise<Issued> {
    const { publicKey } = cryptoKeys(readKey(key));
    const { privateKey: signingKey } = cryptoKeys(this.#key);
    const notBefore = new Date(now - backdateMs);
    const expiresAt = new Date(
      Math.min(notBefore.getTime() + days * dayMs, this.#certificate.notAfter.getTime()),
    );
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: serialNumber(),
        subject: new x509.Name([{ CN: [names[0].value.slice(0, 64)] }]).toString(),
        issuer: this.#certificate.subject,
        notBefore,
        notAfter: expiresAt,
        publicKey,
        signingKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([serverAuth]),
          new x509.SubjectAlternativeNameExtension(names.map(({ type, value }) => ({ type, value }))),
          await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
          await x509.SubjectKeyIdentifierExtension.create(publicKey),
        ],
      },
      crypto,
    );
    return { certificate: pem(certificate), expiresAt };
  }
}

/** Sixteen bytes of chance, as hexadecimal; positive, and never shortened for leading zeros. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}
