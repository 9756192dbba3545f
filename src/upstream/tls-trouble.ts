/** Why TLS with a host does not come about, and what to do about it. */
export interface TlsTrouble {
  /** As the end of a sentence that begins with the host. */
  readonly reason: string;
  readonly advice: string;
}

const unknownIssuer: TlsTrouble = {
  reason:
    'its certificate is of an authority that is not trusted here, or it leaves out intermediate certificates',
  advice:
    'name the authority that signed its certificate, or the intermediate, in the `ca` of this upstream; or add the authority to those of the system',
};

const forged: TlsTrouble = {
  reason: 'its certificate is not signed by the authority that it names',
  advice: 'see that `ca` names the authority as it is today: another one of the same name has another key',
};

const misused: TlsTrouble = {
  reason: 'one of its certificates is used for what it was not issued for',
  advice: 'have it issued anew: for a server, and by an authority that may sign it',
};

const withdrawn: TlsTrouble = {
  reason: 'its certificate is not good any more',
  advice: 'have a new one issued for it',
};

const tooOld: TlsTrouble = {
  reason: 'it speaks only old versions of TLS',
  advice: 'have it updated: TLS 1.2 is the least',
};

const noAgreement: TlsTrouble = {
  reason: 'it refuses the handshake: it wants a client certificate, or other ciphers',
  advice: 'ask its operator; Entrepot shows no client certificate, but a proxy in between can',
};

const weakExchange: TlsTrouble = {
  reason: 'its keys are too weak',
  advice: 'have it updated: keys of RSA and DH need 2048 bits',
};

const noTls: TlsTrouble = {
  reason: 'it does not speak TLS there',
  advice: 'see that the port is right; if it speaks plain HTTP, write its `url` with http://',
};

/** By the codes of Node and OpenSSL. */
const troubles: Readonly<Record<string, TlsTrouble>> = {
  CERT_HAS_EXPIRED: {
    reason: 'its certificate, or one that signed it, has expired',
    advice: 'have it renewed, unless the clock of this machine is wrong',
  },
  CERT_NOT_YET_VALID: {
    reason: 'its certificate, or one that signed it, is not valid yet',
    advice: 'the clock of this machine is likely to be wrong',
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    reason: 'its certificate is signed by itself',
    advice:
      'if it is the right one, name the authority that signed its certificate, which is the certificate itself, in the `ca` of this upstream',
  },
  SELF_SIGNED_CERT_IN_CHAIN: {
    reason: 'its certificate is of an authority that is not trusted here',
    advice:
      'name the authority that signed its certificate in the `ca` of this upstream, or add it to those of the system',
  },
  UNABLE_TO_GET_ISSUER_CERT: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  CERT_UNTRUSTED: unknownIssuer,
  CERT_SIGNATURE_FAILURE: forged,
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: forged,
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: forged,
  INVALID_CA: misused,
  INVALID_PURPOSE: misused,
  PATH_LENGTH_EXCEEDED: misused,
  CERT_CHAIN_TOO_LONG: misused,
  CERT_REVOKED: withdrawn,
  CERT_REJECTED: withdrawn,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: {
    reason: 'it wants a client certificate',
    advice: 'Entrepot shows none: have it take a user name and password, or let a proxy in between show one',
  },
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': noAgreement,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: noAgreement,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: tooOld,
  ERR_SSL_UNSUPPORTED_PROTOCOL: tooOld,
  ERR_SSL_DH_KEY_TOO_SMALL: weakExchange,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
};

const longestNames = 150;

/** What OpenSSL has no code for, such as weak keys and signatures, has this one in Node. */
const unspecified = 'UNSPECIFIED';

/** Undefined for what is no trouble with TLS, or one that nobody knows. */
export function tlsTrouble(code: string, error: unknown): TlsTrouble | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return otherName(error);
  if (code !== unspecified || !(error instanceof Error)) return troubles[code];
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

/** Names are written by whoever made the certificate. */
function shown(names: string): string {
  const text = names.replace(/[^\x20-\x7e]/g, '?');
  return text.length > longestNames ? `${text.slice(0, longestNames)}…` : text;
}
