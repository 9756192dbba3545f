// Must come first: @peculiar/x509 puts its parts together by decorators that look for it.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface CertificateOptions {
  readonly name: string;
  /** Who signs it; itself if not given. */
  readonly issuer?: TestCertificate;
  /** Whether it may sign others. */
  readonly authority?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Addresses that it is good for. */
  readonly addresses?: readonly string[];
  /** Whether its key is one that nobody should take; with an issuer only. */
  readonly weak?: boolean;
}

const weakAlgorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 1024,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
};

/** A certificate made at run time, and its key. */
export class TestCertificate {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;

  private constructor(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.certificate = certificate;
    this.keys = keys;
  }

  static async create(options: CertificateOptions): Promise<TestCertificate> {
    const { name, issuer, authority = false, addresses = [], weak = false } = options;
    const usages: webcrypto.KeyUsage[] = ['sign', 'verify'];
    const keys = weak
      ? await webcrypto.subtle.generateKey(weakAlgorithm, true, usages)
      : await webcrypto.subtle.generateKey(algorithm, true, usages);
    const certificate = await x509.X509CertificateGenerator.create(
      {
        subject: `CN=${name}`,
        issuer: issuer?.certificate.subject ?? `CN=${name}`,
        notBefore: options.notBefore ?? new Date(Date.UTC(2020, 0, 1)),
        notAfter: options.notAfter ?? new Date(Date.UTC(2100, 0, 1)),
        publicKey: keys.publicKey,
        signingKey: (issuer?.keys ?? keys).privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(authority, undefined, true),
          ...(addresses.length === 0
            ? []
            : [
                new x509.SubjectAlternativeNameExtension(
                  addresses.map((value) => ({ type: 'ip' as const, value })),
                ),
              ]),
        ],
      },
      webcrypto,
    );
    return new TestCertificate(certificate, keys);
  }

  get pem(): string {
    return this.certificate.toString('pem');
  }

  /** As in a token's `x5c`. */
  get base64(): string {
    return Buffer.from(this.certificate.rawData).toString('base64');
  }

  get privateKey(): KeyObject {
    return KeyObject.from(this.keys.privateKey);
  }

  get publicKey(): KeyObject {
    return KeyObject.from(this.keys.publicKey);
  }

  get keyPem(): string {
    return this.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }
}
