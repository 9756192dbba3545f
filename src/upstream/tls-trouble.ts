/** Why TLS with a host does not come about, and what to do about it. */
interface TlsTrouble {
  /** As the end of a sentence that begins with the host. */
  readonly reason: string;
  readonly advice: string;
}

/** Codes of Node and OpenSSL, the reason, what to do about it. */
const troubles: readonly (readonly [codes: string, reason: string, advice: string])[] = [
  [
    'CERT_HAS_EXPIRED',
    'its certificate, or one that signed it, has expired',
    'have it renewed, unless the clock of this machine is wrong',
  ],
  [
    'CERT_NOT_YET_VALID',
    'its certificate, or one that signed it, is not valid yet',
    'the clock of this machine is likely to be wrong',
  ],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'its certificate is signed by itself',
    'if it is the right one, name the authority that signed its certificate, which is the certificate itself, in the `ca` of this upstream',
  ],
  [
    'SELF_SIGNED_CERT_IN_CHAIN',
    'its certificate is of an authority that is not trusted here',
    'name the authority that signed its certificate in the `ca` of this upstream, or add it to those of the system',
  ],
  [
    'UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_VERIFY_LEAF_SIGNATURE CERT_UNTRUSTED',
    'its certificate is of an authority that is not trusted here, or it leaves out intermediate certificates',
    'name the authority that signed its certificate, or the intermediate, in the `ca` of this upstream; or add the authority to those of the system',
  ],
  [
    'CERT_SIGNATURE_FAILURE UNABLE_TO_DECRYPT_CERT_SIGNATURE UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
    'its certificate is not signed by the authority that it names',
    'see that `ca` names the authority as it is today: another one of the same name has another key',
  ],
  [
    'INVALID_CA INVALID_PURPOSE PATH_LENGTH_EXCEEDED CERT_CHAIN_TOO_LONG',
    'one of its certificates is used for what it was not issued for',
    'have it issued anew: for a server, and by an authority that may sign it',
  ],
  ['CERT_REVOKED CERT_REJECTED', 'its certificate is not good any more', 'have a new one issued for it'],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'it wants a client certificate',
    'Entrepot shows none: have it take a user name and password, or let a proxy in between show one',
  ],
  [
    'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    'it refuses the handshake: it wants a client certificate, or other ciphers',
    'ask its operator; Entrepot shows no client certificate, but a proxy in between can',
  ],
  [
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION ERR_SSL_UNSUPPORTED_PROTOCOL',
    'it speaks only old versions of TLS',
    'have it updated: TLS 1.2 is the least',
  ],
  ['ERR_SSL_DH_KEY_TOO_SMALL', 'its keys are too weak', 'have it updated: keys of RSA and DH need 2048 bits'],
  [
    'ERR_SSL_WRONG_VERSION_NUMBER ERR_SSL_PACKET_LENGTH_TOO_LONG',
    'it does not speak TLS there',
    'see that the port is right; if it speaks plain HTTP, write its `url` with http://',
  ],
];

const longestNames = 150;

/** What OpenSSL has no code for, such as weak keys and signatures, has this one in Node. */
const unspecified = 'UNSPECIFIED';

/** Undefined for another kind of trouble, or an unknown code. */
export function tlsTrouble(code: string, error: unknown): TlsTrouble | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return otherName(error);
  if (code !== unspecified || !(error instanceof Error)) {
    const [, reason, advice] = troubles.find(([codes]) => codes.split(' ').includes(code)) ?? [];
    return reason === undefined || advice === undefined ? undefined : { reason, advice };
  }
  return {
    reason: `its certificate is refused: ${error.message}`,
    advice:
      'have it issued anew; what is too weak is a key of RSA below 2048 bits, or a signature with SHA-1',
  };
}

function otherName(error: unknown): TlsTrouble {
  const names = namesOf(error);
  return {
    reason: `its certificate is for another name${names === '' ? '' : ` (${names})`}`,
    advice: 'see that its URL has the name in its certificate',
  };
}

/** Those of the certificate that Node puts into the error. */
function namesOf(error: unknown): string {
  if (!(error instanceof Error) || !('cert' in error)) return '';
  const { cert } = error;
  if (typeof cert !== 'object' || cert === null || !('subjectaltname' in cert)) return '';
  return typeof cert.subjectaltname === 'string' ? shown(cert.subjectaltname) : '';
}

/** The certificate's maker chooses its names. */
function shown(names: string): string {
  const text = names.replace(/[^\x20-\x7e]/g, '?');
  return text.length > longestNames ? `${text.slice(0, longestNames)}…` : text;
}
