const certificatePattern = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g;

/**
 * What OpenSSL appends to a trusted certificate: a list of purposes, here only that of TLS clients.
 * @see https://docs.openssl.org/3.5/man1/openssl-x509/#trust-settings
 */
const trustForClients = Buffer.from('300c300a06082b06010505070302', 'hex');

/**
 * The certificates of a PEM text as OpenSSL's trusted certificates, with which a client's certificate may be
 * checked although they are no roots but intermediates, as in Go. (Node's servers take no
 * `allowPartialTrustChain`.)
 */
export function trustAnchors(pem: string): string {
  return pem.replace(certificatePattern, (_, base64: string) => {
    const bytes = Buffer.concat([Buffer.from(base64, 'base64'), trustForClients]);
    const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
    return ['-----BEGIN TRUSTED CERTIFICATE-----', ...lines, '-----END TRUSTED CERTIFICATE-----'].join('\n');
  });
}
